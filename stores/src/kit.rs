//! The store test kit: what every implementation of [`KeyStore`] must hold. Run [`check`] against yours, on the real thing.

use std::sync::Arc;

use scopegate::key::format::{ENTROPY_BYTES, KeyFormat, KeyId};
use scopegate::key::hash::Keyring;
use scopegate::key::lifecycle::{IssueRequest, IssueRules, issue, relabel, revoke};
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

use crate::{Cursor, Inserted, KeyStore, Updated};

/// How many callers race in the tests of concurrency.
const RACERS: usize = 16;

/// The instant of the kit: any will do.
const NOW: UnixSeconds = UnixSeconds::clamped(1_780_000_000);

/// A record for tests, made from a number: the same number makes the same record.
///
/// # Errors
/// A text, when it cannot be made, which does not happen.
pub fn sample(owner: &str, number: u64) -> Result<KeyRecord, String> {
    let mut entropy = [0_u8; ENTROPY_BYTES];
    let mut state = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for byte in &mut entropy {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        *byte = state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes()[0];
    }
    let format = KeyFormat::new("jbf", &["live"]).map_err(|error| error.to_string())?;
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
    let issued =
        issue(&request, &rules, &format, &Keyring::plain(), &entropy, created_at).map_err(|error| error.to_string())?;
    Ok(issued.record)
}

fn expect(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

/// Runs the whole kit. The store may hold other records; owners and ids of the kit start with `seed`, so that a run can be repeated
/// with another one.
///
/// # Errors
/// What the store got wrong.
pub async fn check<S: KeyStore + 'static>(store: Arc<S>, seed: u64) -> Result<(), String> {
    let base = seed.wrapping_mul(1_000);
    inserts(&*store, base).await?;
    updates(&*store, base.wrapping_add(100)).await?;
    lists(&*store, seed, base.wrapping_add(200)).await?;
    touches(&*store, base.wrapping_add(300)).await?;
    racing_inserts(Arc::clone(&store), base.wrapping_add(400)).await?;
    racing_updates(Arc::clone(&store), base.wrapping_add(500)).await?;
    racing_touches(store, base.wrapping_add(600)).await
}

async fn found<S: KeyStore>(store: &S, id: &KeyId) -> Result<KeyRecord, String> {
    store.find(id).await.map_err(|error| error.to_string())?.ok_or_else(|| "a stored record is not found".to_owned())
}

async fn put<S: KeyStore>(store: &S, record: &KeyRecord) -> Result<(), String> {
    let done = store.insert(record).await.map_err(|error| error.to_string())?;
    expect(done == Inserted::Done, "a fresh record is not inserted")
}

async fn inserts<S: KeyStore>(store: &S, base: u64) -> Result<(), String> {
    let record = sample("kit", base)?;
    let missing = store.find(&record.id).await.map_err(|error| error.to_string())?;
    expect(missing.is_none(), "an unknown id is found")?;
    put(store, &record).await?;
    expect(found(store, &record.id).await? == record, "what is found is not what was inserted")?;
    let again = KeyRecord { owner: "thief".into(), ..record.clone() };
    let second = store.insert(&again).await.map_err(|error| error.to_string())?;
    expect(second == Inserted::Exists, "a taken id is inserted again")?;
    expect(found(store, &record.id).await? == record, "a refused insert changed the record")
}

async fn updates<S: KeyStore>(store: &S, base: u64) -> Result<(), String> {
    let update = |expected: u64, record: KeyRecord| async move {
        store.update(expected, &record).await.map_err(|error| error.to_string())
    };
    let first = sample("kit", base)?;
    expect(update(1, first.clone()).await? == Updated::Missing, "an unknown record is updated")?;
    put(store, &first).await?;
    let second = relabel(&first, "second").map_err(|error| error.to_string())?;
    expect(update(7, second.clone()).await? == Updated::Conflict, "an update on another version goes through")?;
    expect(update(1, first.clone()).await? == Updated::Conflict, "an update that keeps its version goes through")?;
    expect(update(1, second.clone()).await? == Updated::Done, "an update on the stored version is refused")?;
    expect(update(1, second.clone()).await? == Updated::Conflict, "an update goes through twice")?;
    expect(found(store, &first.id).await? == second, "what is found is not what was updated")?;
    let revoked = revoke(&second, NOW).map_err(|error| error.to_string())?;
    expect(update(2, revoked.clone()).await? == Updated::Done, "a revocation is refused")?;
    let revived = KeyRecord { version: 9, ..second };
    expect(update(3, revived).await? == Updated::Conflict, "a revoked record is revived")?;
    expect(found(store, &first.id).await? == revoked, "a refused update changed the record")
}

async fn lists<S: KeyStore>(store: &S, seed: u64, base: u64) -> Result<(), String> {
    let owner = format!("kit-{seed}-list");
    let mut all = Vec::new();
    for number in 0..25 {
        let record = sample(&owner, base.wrapping_add(number))?;
        put(store, &record).await?;
        all.push(record);
    }
    put(store, &sample(&format!("{owner}-other"), base.wrapping_add(50))?).await?;
    all.sort_by_key(|record| (record.created_at, record.id));
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.list(&owner, after, 10).await.map_err(|error| error.to_string())?;
        expect(page.len() <= 10, "a page is longer than its limit")?;
        let Some(last) = page.last() else { break };
        after = Some(Cursor { created_at: last.created_at, id: last.id });
        seen.extend(page);
    }
    expect(seen == all, "the pages of an owner are not its records in order")
}

async fn touches<S: KeyStore>(store: &S, base: u64) -> Result<(), String> {
    let (record, other) = (sample("kit", base)?, sample("kit", base.wrapping_add(1))?);
    put(store, &record).await?;
    for at in [50, 80, 60] {
        let uses = [(record.id, NOW.saturating_add(at)), (other.id, NOW)];
        store.touch(&uses).await.map_err(|error| error.to_string())?;
    }
    let touched = found(store, &record.id).await?;
    expect(touched.last_used_at == Some(NOW.saturating_add(80)), "the last use went backwards, or was not kept")?;
    expect(touched.version == record.version, "a use changed the version")?;
    let unknown = store.find(&other.id).await.map_err(|error| error.to_string())?;
    expect(unknown.is_none(), "a use made a record")?;
    let relabelled = relabel(&record, "later").map_err(|error| error.to_string())?;
    let updated = store.update(record.version, &relabelled).await.map_err(|error| error.to_string())?;
    expect(updated == Updated::Done, "a record that was used cannot be updated")?;
    expect(found(store, &record.id).await?.last_used_at == touched.last_used_at, "an update forgot the last use")
}

async fn racing_inserts<S: KeyStore + 'static>(store: Arc<S>, base: u64) -> Result<(), String> {
    let record = sample("kit", base)?;
    let tasks: Vec<_> = (0..RACERS)
        .map(|number| {
            let store = Arc::clone(&store);
            let mine = KeyRecord { label: format!("racer {number}").into(), ..record.clone() };
            tokio::spawn(async move { store.insert(&mine).await })
        })
        .collect();
    let mut won = 0_usize;
    for task in tasks {
        let outcome = task.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        won = won.saturating_add(usize::from(outcome == Inserted::Done));
    }
    expect(won == 1, "not exactly one of several inserts of an id went through")
}

async fn racing_updates<S: KeyStore + 'static>(store: Arc<S>, base: u64) -> Result<(), String> {
    let record = sample("kit", base)?;
    put(&*store, &record).await?;
    let tasks: Vec<_> = (0..RACERS)
        .map(|number| {
            let store = Arc::clone(&store);
            let mine = relabel(&record, &format!("racer {number}"));
            tokio::spawn(async move {
                let mine = mine.map_err(|error| error.to_string())?;
                let outcome = store.update(1, &mine).await.map_err(|error| error.to_string())?;
                Ok::<_, String>((outcome, mine))
            })
        })
        .collect();
    let mut winner = None;
    for task in tasks {
        let (outcome, mine) = task.await.map_err(|error| error.to_string())??;
        if outcome == Updated::Done {
            expect(winner.replace(mine).is_none(), "several updates on one version went through")?;
        }
    }
    let winner = winner.ok_or("no update on the stored version went through")?;
    expect(found(&*store, &record.id).await? == winner, "the update that went through is not what is stored")
}

async fn racing_touches<S: KeyStore + 'static>(store: Arc<S>, base: u64) -> Result<(), String> {
    let record = sample("kit", base)?;
    put(&*store, &record).await?;
    let tasks: Vec<_> = (1..=16_i64)
        .map(|second| {
            let (store, id) = (Arc::clone(&store), record.id);
            tokio::spawn(async move { store.touch(&[(id, NOW.saturating_add(second))]).await })
        })
        .collect();
    for task in tasks {
        task.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    }
    let last = found(&*store, &record.id).await?.last_used_at;
    expect(last == Some(NOW.saturating_add(16)), "the latest of several uses is not what is stored")
}
