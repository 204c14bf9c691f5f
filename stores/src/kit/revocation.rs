//! Revoking while others decide: nothing that begins after a revocation has returned is accepted, whatever was under way before, and
//! nothing written by what was under way brings the key back. keys.md names the mistakes: V15, a cache that answers after the revocation;
//! V16, one that is filled after it with what was read before; V17, another node that goes on accepting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use scopegate::decision::Denial;
use scopegate::engine::{Gate, NeedKey};
use scopegate::key::format::KeyId;
use scopegate::key::lifecycle::{Issued, relabel, revoke};
use scopegate::key::record::KeyRecord;

use super::gate::{begin, finish, gate, lines, request};
use super::keys::{found, put};
use super::races::Handles;
use super::{NOW, expect, sample_key, told};
use crate::{KeyStore, StoreError, Updated};

/// The steps of a caller that decides with a key: it begins, finds the record, fills a cache with it, answers the engine, and writes back a
/// change made from what it found, as a caller does that renews a hash.
const DECIDES: usize = 5;
/// The steps of a caller that revokes it: it finds the record, and updates it.
const REVOKES: usize = 2;
/// How often a caller that lost a race reads again.
const ATTEMPTS: usize = 1_000;

/// Every order of the steps of one caller that decides and one that revokes, the two on different handles. Right after the revocation
/// has returned, wherever the other caller is then, a third one decides: from either handle, and from the cache.
pub(super) async fn every_order<S: KeyStore>(deciding: &S, revoking: &S, base: u64) -> Result<(), String> {
    let gate = gate()?;
    let steps = DECIDES.saturating_add(REVOKES);
    let mut number = base;
    for first in 0..steps {
        for second in first.saturating_add(1)..steps {
            let issued = sample_key("kit", number)?;
            number = number.wrapping_add(1);
            put(deciding, &issued.record).await?;
            let order: Vec<bool> = (0..steps).map(|step| step == first || step == second).collect();
            let told = run(&gate, deciding, revoking, &issued, &order).await;
            told.map_err(|error| format!("{error} (order {})", spell(&order)))?;
        }
    }
    Ok(())
}

/// The order in words: `d` is a step of the caller that decides, `r` of the one that revokes.
fn spell(order: &[bool]) -> String {
    order.iter().map(|revokes| if *revokes { 'r' } else { 'd' }).collect()
}

/// A host's cache of one record: it takes a newer one only.
#[derive(Default)]
struct Cache(Option<Arc<KeyRecord>>);

impl Cache {
    fn fill(&mut self, record: &KeyRecord) {
        if self.0.as_ref().is_none_or(|held| record.supersedes(held)) {
            self.0 = Some(Arc::new(record.clone()));
        }
    }
}

async fn run<S: KeyStore>(
    gate: &Gate,
    deciding: &S,
    revoking: &S,
    issued: &Issued,
    order: &[bool],
) -> Result<(), String> {
    let id = issued.record.id;
    let lines = lines(&issued.raw_key);
    let request = request(&lines);
    let mut cache = Cache::default();
    let mut steps = (0..DECIDES, 0..REVOKES);
    let (mut need, mut held, mut read) = (None::<NeedKey<'_>>, None::<KeyRecord>, None::<KeyRecord>);
    let (mut revoked, mut found_before) = (None::<KeyRecord>, false);
    for revokes in order {
        if *revokes {
            match steps.1.next() {
                Some(0) => read = Some(found(revoking, &id).await?),
                _ => {
                    let seen = read.take().ok_or("nothing was read")?;
                    let done = revoke_from(revoking, seen).await?;
                    // Whoever revokes tells the cache, before the call returns.
                    cache.fill(&done);
                    for handle in [deciding, revoking] {
                        let now = found(handle, &id).await?;
                        refused(gate, issued, Some(Arc::new(now)))?;
                    }
                    refused(gate, issued, cache.0.clone())?;
                    revoked = Some(done);
                }
            }
            continue;
        }
        match steps.0.next() {
            Some(0) => need = Some(begin(gate, &request)?),
            Some(1) => {
                found_before = revoked.is_none();
                held = Some(found(deciding, &id).await?);
            }
            Some(2) => cache.fill(held.as_ref().ok_or("nothing was found")?),
            Some(3) => {
                let need = need.take().ok_or("nothing was begun")?;
                let decision = finish(need, held.clone().map(Arc::new))?;
                expect(decision.is_allowed() == found_before, "a decision is not by what was found")?;
            }
            _ => {
                let held = held.as_ref().ok_or("nothing was found")?;
                let changed = relabel(held, "renewed").map_err(told)?;
                let outcome = deciding.update(held.version, &changed).await.map_err(told)?;
                // What was found revoked may be relabelled: that keeps it revoked.
                let may = revoked.is_none() || !found_before;
                expect(
                    may == (outcome == Updated::Done),
                    "an older version replaces a newer one, or a newer is refused",
                )?;
            }
        }
    }
    let revoked = revoked.ok_or("nothing was revoked")?;
    for handle in [deciding, revoking] {
        let last = found(handle, &id).await?;
        expect(last.version >= revoked.version, "an older version replaced a newer one")?;
        refused(gate, issued, Some(Arc::new(last)))?;
    }
    // What was under way filled the cache after the revocation, or did not: it holds the revoked record.
    refused(gate, issued, cache.0)
}

/// Revokes from what was read, reading again when somebody was faster.
async fn revoke_from<S: KeyStore>(store: &S, mut seen: KeyRecord) -> Result<KeyRecord, String> {
    for _ in 0..ATTEMPTS {
        if seen.revoked_at.is_some() {
            return Ok(seen);
        }
        let revoked = revoke(&seen, NOW).map_err(told)?;
        match store.update(seen.version, &revoked).await.map_err(told)? {
            Updated::Done => return Ok(revoked),
            Updated::Conflict => seen = found(store, &seen.id).await?,
            Updated::Missing => return Err("a stored record is missing".to_owned()),
        }
    }
    Err("a caller that reads again never gets through".to_owned())
}

/// A decision that begins now, on what a host has.
fn refused(gate: &Gate, issued: &Issued, found: Option<Arc<KeyRecord>>) -> Result<(), String> {
    let lines = lines(&issued.raw_key);
    let request = request(&lines);
    let decision = finish(begin(gate, &request)?, found)?;
    expect(
        matches!(decision.denial(), Some(Denial::KeyRevoked)),
        "a decision that began after the revocation returned is not refused as revoked",
    )
}

/// The same with many callers at once: two revoke, two change the label, the others decide, until they have seen the revocation return.
pub(super) async fn races<S: KeyStore + 'static>(handles: &Handles<S>, base: u64) -> Result<(), String> {
    let issued = Arc::new(sample_key("kit", base)?);
    put(&*handles.0, &issued.record).await?;
    let gate = Arc::new(gate()?);
    let returned = Arc::new(AtomicBool::new(false));
    let id = issued.record.id;
    handles
        .race(|store, number| {
            let (gate, issued, returned) = (Arc::clone(&gate), Arc::clone(&issued), Arc::clone(&returned));
            async move {
                match number {
                    0 | 1 => {
                        let seen = store.find(&id).await?.ok_or_else(|| StoreError::new("the record is gone"))?;
                        revoke_from(&*store, seen).await.map_err(StoreError::new)?;
                        returned.store(true, Ordering::SeqCst);
                    }
                    2 | 3 => relabel_for_a_while(&*store, &id).await?,
                    _ => decide_until(&*store, &gate, &issued, &returned).await?,
                }
                Ok(())
            }
        })
        .await?;
    for handle in [&handles.0, &handles.1] {
        let last = found(&**handle, &id).await?;
        refused(&gate, &issued, Some(Arc::new(last)))?;
    }
    Ok(())
}

async fn relabel_for_a_while<S: KeyStore>(store: &S, id: &KeyId) -> Result<(), StoreError> {
    for number in 0..20 {
        if let Some(seen) = store.find(id).await? {
            let next = relabel(&seen, &format!("label {number}")).map_err(StoreError::new)?;
            store.update(seen.version, &next).await?;
        }
    }
    Ok(())
}

async fn decide_until<S: KeyStore>(
    store: &S,
    gate: &Gate,
    issued: &Issued,
    returned: &AtomicBool,
) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        let after = returned.load(Ordering::SeqCst);
        // As a decision asks.
        let found = match store.find_now(&issued.record.id) {
            Some(found) => found,
            None => store.find_shared(&issued.record.id).await?,
        };
        if after {
            return refused(gate, issued, found).map_err(StoreError::new);
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}
