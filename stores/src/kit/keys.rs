//! One call after the other.

use scopegate::key::format::KeyId;
use scopegate::key::lifecycle::{relabel, revoke};
use scopegate::key::record::KeyRecord;
use serde_json::json;

use super::{NOW, expect, sample, told};
use crate::{Inserted, KeyStore, Updated};

/// The record as a decision finds it, which must not be older than what is found otherwise.
pub(super) async fn found<S: KeyStore>(store: &S, id: &KeyId) -> Result<KeyRecord, String> {
    let missing = || "a stored record is not found".to_owned();
    let plain = store.find(id).await.map_err(told)?.ok_or_else(missing)?;
    let shared = store.find_shared(id).await.map_err(told)?.ok_or_else(missing)?;
    let newer = shared.version > plain.version && (shared.revoked_at.is_some() || plain.revoked_at.is_none());
    let later = shared.version == plain.version
        && shared.last_used_at >= plain.last_used_at
        && *shared == KeyRecord { last_used_at: shared.last_used_at, ..plain };
    expect(newer || later, "what a decision finds is older than what was found before it, or another record")?;
    if let Some(at_hand) = store.find_now(id) {
        let at_hand = at_hand.ok_or_else(missing)?;
        let newer = at_hand.version > shared.version;
        let same = KeyRecord { last_used_at: at_hand.last_used_at, ..KeyRecord::clone(&shared) };
        let later = *at_hand == same && at_hand.last_used_at >= shared.last_used_at;
        expect(newer || later, "what is at hand is older than what was found before it, or another record")?;
    }
    Ok(KeyRecord::clone(&shared))
}

pub(super) async fn put<S: KeyStore>(store: &S, record: &KeyRecord) -> Result<(), String> {
    let done = store.insert(record).await.map_err(told)?;
    expect(done == Inserted::Done, "a fresh record is not inserted")
}

async fn update<S: KeyStore>(store: &S, expected: u64, record: &KeyRecord) -> Result<Updated, String> {
    store.update(expected, record).await.map_err(told)
}

pub(super) async fn inserts<S: KeyStore>(one: &S, other: &S, base: u64) -> Result<(), String> {
    let mut record = sample("kit", base)?;
    expect(other.find(&record.id).await.map_err(told)?.is_none(), "an unknown id is found")?;
    expect(other.find_shared(&record.id).await.map_err(told)?.is_none(), "a decision finds an unknown id")?;
    expect(other.find_now(&record.id).is_none_or(|found| found.is_none()), "an unknown id is at hand")?;
    // What this version does not know comes back as it was.
    record.extra.insert("x-note".to_owned(), json!({ "text": "\u{0}é\"\\", "number": 1.5, "none": null }));
    record.last_used_at = Some(NOW);
    put(one, &record).await?;
    expect(found(other, &record.id).await? == record, "what is found is not what was inserted")?;
    let again = KeyRecord { owner: "thief".into(), ..record.clone() };
    let second = other.insert(&again).await.map_err(told)?;
    expect(second == Inserted::Exists, "a taken id is inserted again")?;
    expect(found(one, &record.id).await? == record, "a refused insert changed the record")
}

pub(super) async fn updates<S: KeyStore>(one: &S, other: &S, base: u64) -> Result<(), String> {
    let first = sample("kit", base)?;
    let second = relabel(&first, "second").map_err(told)?;
    expect(update(one, 1, &second).await? == Updated::Missing, "an unknown record is updated")?;
    put(one, &first).await?;
    expect(update(other, 7, &second).await? == Updated::Conflict, "an update on another version goes through")?;
    expect(update(other, 1, &first).await? == Updated::Conflict, "an update that keeps its version goes through")?;
    expect(update(other, 1, &second).await? == Updated::Done, "an update on the stored version is refused")?;
    expect(update(one, 1, &second).await? == Updated::Conflict, "an update goes through twice")?;
    expect(found(one, &first.id).await? == second, "what is found is not what was updated")?;
    let older = KeyRecord { version: 1, ..second.clone() };
    expect(update(one, 2, &older).await? == Updated::Conflict, "an older version replaces a newer one")?;
    let revoked = revoke(&second, NOW).map_err(told)?;
    expect(update(one, 2, &revoked).await? == Updated::Done, "a revocation is refused")?;
    let revived = KeyRecord { version: 9, ..second };
    expect(update(other, 3, &revived).await? == Updated::Conflict, "a revoked record is revived")?;
    expect(found(other, &first.id).await? == revoked, "a refused update changed the record")?;
    // Past what a floating-point number holds exactly.
    let large = KeyRecord { version: 9_007_199_254_740_993, ..sample("kit", base.wrapping_add(1))? };
    put(one, &large).await?;
    let next = relabel(&large, "next").map_err(told)?;
    let near = update(other, 9_007_199_254_740_992, &next).await?;
    expect(near == Updated::Conflict, "an update on a version next to a large one goes through")?;
    expect(update(other, large.version, &next).await? == Updated::Done, "an update on a large version is refused")
}

/// By owner and time of creation records are listed: neither changes.
pub(super) async fn immutables<S: KeyStore>(one: &S, other: &S, base: u64) -> Result<(), String> {
    let first = sample("kit", base)?;
    put(one, &first).await?;
    let next = relabel(&first, "next").map_err(told)?;
    let taken = KeyRecord { owner: "thief".into(), ..next.clone() };
    expect(update(other, 1, &taken).await? == Updated::Conflict, "an update changes the owner")?;
    let moved = KeyRecord { created_at: NOW.saturating_sub(1), ..next };
    expect(update(other, 1, &moved).await? == Updated::Conflict, "an update changes the time of creation")?;
    expect(found(other, &first.id).await? == first, "a refused update changed the record")
}

pub(super) async fn touches<S: KeyStore>(one: &S, other: &S, base: u64) -> Result<(), String> {
    let (record, unknown) = (sample("kit", base)?, sample("kit", base.wrapping_add(1))?);
    put(one, &record).await?;
    one.touch(&[]).await.map_err(told)?;
    // Later, earlier, and both in one batch in either order.
    for (uses, last) in [([50, 50], 50), ([70, 80], 80), ([60, 60], 80), ([90, 85], 90), ([75, 88], 90)] {
        let [first, second] = uses.map(|at| (record.id, NOW.saturating_add(at)));
        other.touch(&[first, (unknown.id, NOW), second]).await.map_err(told)?;
        let touched = found(one, &record.id).await?.last_used_at;
        expect(touched == Some(NOW.saturating_add(last)), "the last use went backwards, or was not kept")?;
    }
    let touched = found(one, &record.id).await?;
    expect(touched.version == record.version, "a use changed the version")?;
    let made = one.find(&unknown.id).await.map_err(told)?;
    expect(made.is_none(), "a use made a record")?;
    for last_used_at in [None, Some(NOW), Some(NOW.saturating_add(500))] {
        let stored = found(one, &record.id).await?;
        let later = KeyRecord { last_used_at, ..relabel(&stored, "later").map_err(told)? };
        let updated = update(other, stored.version, &later).await?;
        expect(updated == Updated::Done, "a record that was used cannot be updated")?;
        expect(found(one, &record.id).await?.last_used_at == touched.last_used_at, "an update changed the last use")?;
    }
    Ok(())
}
