//! The store test kit: what every implementation of [`KeyStore`] and [`GrantStore`] must hold. Run [`check`] and [`check_grants`]
//! against yours, on the real thing; and [`check_pair`] and [`check_grants_pair`] on two handles over one database, as two processes have them.
//!
//! No check reads a clock or sleeps. Each takes a seed: everything it stores is named after it, so that a store may hold other things, and
//! a run can be repeated with another seed.

mod gate;
mod grants;
mod keys;
mod lists;
mod races;
mod revocation;

use std::fmt::Display;
use std::sync::Arc;

use scopegate::key::format::{ENTROPY_BYTES, KeyFormat};
use scopegate::key::hash::Keyring;
use scopegate::key::lifecycle::{IssueRequest, IssueRules, Issued, issue};
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

use crate::{Capabilities, GrantStore, KeyStore};

/// How many callers race in the checks of concurrency.
const RACERS: usize = 16;

/// The instant of the kit: any will do.
const NOW: UnixSeconds = UnixSeconds::clamped(1_780_000_000);

/// A record for tests, made from a number: the same number makes the same record.
///
/// # Errors
/// A text, when it cannot be made, which does not happen.
pub fn sample(owner: &str, number: u64) -> Result<KeyRecord, String> {
    sample_key(owner, number).map(|issued| issued.record)
}

/// As [`sample`], with its key.
fn sample_key(owner: &str, number: u64) -> Result<Issued, String> {
    let mut entropy = [0_u8; ENTROPY_BYTES];
    let mut state = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for byte in &mut entropy {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        *byte = state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes()[0];
    }
    let format = KeyFormat::new("jbf", &["live"]).map_err(told)?;
    let request = IssueRequest {
        label: "kit",
        scopes: &["jobs:read"],
        environment: "live",
        owner,
        expires_at: Some(NOW.saturating_add(86_400)),
        ip_allow: &[],
    };
    let rules = IssueRules { declared: &["jobs:read"], ..IssueRules::default() };
    let created_at = NOW.saturating_add(i64::try_from(number % 7).unwrap_or(0));
    issue(&request, &rules, &format, &Keyring::plain(), &entropy, created_at).map_err(told)
}

fn told(error: impl Display) -> String {
    error.to_string()
}

fn expect(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

/// The first number of a part of the kit: parts do not share ids, nor do seeds.
fn numbers(seed: u64, part: u64) -> u64 {
    seed.wrapping_mul(100_000).wrapping_add(part.wrapping_mul(1_000))
}

/// Runs the whole kit for keys on one handle.
///
/// # Errors
/// What the store got wrong.
pub async fn check<S: KeyStore + 'static>(store: Arc<S>, seed: u64) -> Result<(), String> {
    check_pair(Arc::clone(&store), store, seed).await
}

/// Runs the whole kit for keys on two handles over one database: what one writes, the other reads.
///
/// # Errors
/// What the store got wrong.
pub async fn check_pair<S: KeyStore + 'static>(one: Arc<S>, other: Arc<S>, seed: u64) -> Result<(), String> {
    one.capabilities().require(Capabilities::FOR_KEYS).map_err(told)?;
    keys::inserts(&*one, &*other, numbers(seed, 0)).await?;
    keys::updates(&*one, &*other, numbers(seed, 1)).await?;
    keys::immutables(&*one, &*other, numbers(seed, 2)).await?;
    keys::touches(&*one, &*other, numbers(seed, 3)).await?;
    lists::lists(&*one, &*other, seed, numbers(seed, 4)).await?;
    lists::counts(&*one, &*other, seed, numbers(seed, 5)).await?;
    lists::expiring(&*one, &*other, seed, numbers(seed, 6)).await?;
    let handles = races::Handles(one, other);
    races::inserts(&handles, numbers(seed, 7)).await?;
    races::updates(&handles, numbers(seed, 8)).await?;
    races::lost_updates(&handles, numbers(seed, 9)).await?;
    races::touches(&handles, numbers(seed, 10)).await?;
    revocation::every_order(&*handles.0, &*handles.1, numbers(seed, 11)).await?;
    revocation::every_order(&*handles.1, &*handles.0, numbers(seed, 12)).await?;
    revocation::races(&handles, numbers(seed, 13)).await
}

/// Runs the whole kit for an authorization server's store on one handle.
///
/// # Errors
/// What the store got wrong.
pub async fn check_grants<S: GrantStore + 'static>(store: Arc<S>, seed: u64) -> Result<(), String> {
    check_grants_pair(Arc::clone(&store), store, seed).await
}

/// Runs the whole kit for an authorization server's store on two handles over one database: what one writes, the other reads.
///
/// # Errors
/// What the store got wrong.
pub async fn check_grants_pair<S: GrantStore + 'static>(one: Arc<S>, other: Arc<S>, seed: u64) -> Result<(), String> {
    one.capabilities().require(Capabilities::FOR_GRANTS).map_err(told)?;
    grants::inserts(&*one, &*other, seed).await?;
    grants::swaps(&*one, &*other, seed).await?;
    grants::names(&*one, seed).await?;
    grants::subjects(&*one, &*other, seed).await?;
    grants::once(&*one, &*other, seed).await?;
    grants::consents(&*one, &*other, seed).await?;
    grants::expiry(&*one, &*other, seed).await?;
    let handles = races::Handles(one, other);
    races::grant_inserts(&handles, seed).await?;
    races::grant_swaps(&handles, seed).await?;
    races::grant_updates(&handles, seed).await?;
    races::puts(&handles, seed).await
}
