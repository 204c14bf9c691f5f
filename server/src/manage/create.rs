//! `POST /settings/api-keys`.

use scopegate::key::format::ENTROPY_BYTES;
use scopegate::key::lifecycle::{IssueRequest, IssueRules, Issued, issue};
use scopegate_stores::{Inserted, KeyStore};
use serde_json::json;
use zeroize::Zeroizing;

use super::body::Wanted;
use super::idempotency::Idempotent;
use super::{Answer, Call, Manage, refused, view};
use crate::audit::ChangeEvent;
use crate::problem::{self, Mistake, Place, Problem};

/// How often an id that is taken is drawn anew: one in 2^71 is.
const DRAWS: usize = 4;

pub(super) async fn create(call: &Call<'_>, bytes: &[u8]) -> Answer {
    let once = Idempotent::of(call, "create")?;
    let wanted = Wanted::read(bytes)?;
    let environment = environment(call.manage, &wanted)?;
    let _entered = once.as_ref().map(|once| once.enter(&call.manage.in_flight)).transpose()?;
    let payload = canonical(&wanted, environment);
    // A retry is answered even when the same request would be refused by now.
    if let Some(once) = &once
        && let Some(earlier) = once.earlier(call, environment, &payload).await?
    {
        return Ok(made(call, &earlier));
    }
    check_scopes(call, &wanted)?;
    let _turn = call.manage.turns.take(call.owner).await;
    check_room(call, call.ceilings().keys).await?;
    let Some(once) = once else {
        let issued = insert_fresh(call, |entropy| issued(call, &wanted, environment, entropy)).await?;
        return Ok(announced(call, &issued));
    };
    let mut issued = issued(call, &wanted, environment, &*once.entropy()?)?;
    once.mark(&mut issued.record, &payload)?;
    match call.app.store.insert(&issued.record).await? {
        Inserted::Done => Ok(announced(call, &issued)),
        // Another instance was faster.
        Inserted::Exists => {
            let earlier = once.earlier(call, environment, &payload).await?.ok_or_else(Problem::unavailable)?;
            Ok(made(call, &earlier))
        }
    }
}

fn made(call: &Call<'_>, issued: &Issued) -> axum::http::Response<axum::body::Body> {
    view::created(issued, &call.manage.format, call.base, call.now)
}

fn announced(call: &Call<'_>, issued: &Issued) -> axum::http::Response<axum::body::Body> {
    call.app.changed(&ChangeEvent::created(&issued.record, call.actor.as_deref(), call.now));
    made(call, issued)
}

/// The environment of the key: the first one that is accepted here, unless another accepted one is asked for.
fn environment<'e>(manage: &'e Manage, wanted: &'e Wanted) -> Result<&'e str, Problem> {
    let known = |name: &&str| manage.environments.iter().any(|environment| environment == name);
    let asked = wanted.environment.as_deref().or(manage.environments.first().map(String::as_str));
    asked.filter(known).ok_or_else(|| {
        let expected = "Expected an environment whose keys are accepted here.";
        Problem::at(problem::INVALID, Place::member("environment"), expected)
    })
}

/// Holds the scopes against what keys may have and what this owner's keys may have.
fn check_scopes(call: &Call<'_>, wanted: &Wanted) -> Result<(), Problem> {
    let ceilings = call.ceilings();
    let mut mistakes = Vec::new();
    if wanted.scopes.len() > ceilings.scopes_per_key {
        let expected = format!("Expected at most {} scopes.", ceilings.scopes_per_key);
        mistakes.push(Mistake::new(Place::member("scopes"), expected));
        return Err(Problem::mistakes(problem::INVALID, mistakes));
    }
    for (at, scope) in wanted.scopes.iter().enumerate() {
        let told = if !call.manage.grantable.contains(scope) {
            "A key cannot have this scope."
        } else if ceilings.scopes.as_ref().is_some_and(|scopes| !scopes.contains(scope)) {
            "Your keys may not have this scope."
        } else {
            continue;
        };
        mistakes.push(Mistake::new(Place::Pointer(format!("/scopes/{at}")), told));
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Problem::mistakes(problem::INVALID, mistakes)) }
}

/// Holds the number of the owner's active keys against a ceiling. Within this process it is exact, for owners have turns; several processes may
/// exceed it by as many keys as they issue at the same instant.
pub(super) async fn check_room(call: &Call<'_>, most: u64) -> Result<(), Problem> {
    if call.app.store.count(call.owner, Some(call.now)).await? < most {
        return Ok(());
    }
    Err(Problem::new(
        problem::CONFLICT,
        format!("There are {most} active keys, and there may be no more; revoke one first."),
    ))
}

fn issued(
    call: &Call<'_>,
    wanted: &Wanted,
    environment: &str,
    entropy: &[u8; ENTROPY_BYTES],
) -> Result<Issued, Problem> {
    let ceilings = call.ceilings();
    let grantable: Vec<&str> = call.manage.grantable.iter().map(String::as_str).collect();
    let ceiling: Option<Vec<&str>> = ceilings.scopes.as_ref().map(|scopes| scopes.iter().map(String::as_str).collect());
    let scopes: Vec<&str> = wanted.scopes.iter().map(String::as_str).collect();
    let request = IssueRequest {
        label: &wanted.label,
        scopes: &scopes,
        environment,
        owner: call.owner,
        expires_at: Some(wanted.expires_at),
        ip_allow: &wanted.ip_allow,
    };
    let rules = IssueRules {
        declared: &grantable,
        ceiling: ceiling.as_deref(),
        expiry_required: true,
        max_lifetime: Some(ceilings.lifetime()),
    };
    let keyring = call.app.gate.keyring();
    issue(&request, &rules, &call.manage.format, keyring, entropy, call.now).map_err(|error| refused(&error))
}

/// Makes and stores a record with fresh entropy, until its id is free.
pub(super) async fn insert_fresh(
    call: &Call<'_>,
    make: impl Fn(&[u8; ENTROPY_BYTES]) -> Result<Issued, Problem>,
) -> Result<Issued, Problem> {
    for _ in 0..DRAWS {
        let mut entropy = Zeroizing::new([0; ENTROPY_BYTES]);
        getrandom::fill(entropy.as_mut_slice()).map_err(|_| Problem::unavailable())?;
        let issued = make(&entropy)?;
        if call.app.store.insert(&issued.record).await? == Inserted::Done {
            return Ok(issued);
        }
    }
    Err(Problem::unavailable())
}

/// What was asked for, independent of how its JSON was written.
fn canonical(wanted: &Wanted, environment: &str) -> String {
    let mut scopes = wanted.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    let blocks: Vec<String> = wanted.ip_allow.iter().map(ToString::to_string).collect();
    json!([wanted.label, scopes, wanted.expires_at, environment, blocks]).to_string()
}
