//! Many callers at once, on both handles.

use std::future::Future;
use std::sync::Arc;

use scopegate::key::lifecycle::relabel;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

use super::grants::name;
use super::keys::{found, put};
use super::{NOW, RACERS, expect, sample, told};
use crate::{GrantRow, GrantStore, Inserted, KeyStore, Put, StoreError, Updated};

/// How often one caller tries again before it is one that never gets through.
const ATTEMPTS: usize = 1_000;
/// How many changes each caller makes where none may be lost.
const CHANGES: usize = 4;

/// Two handles over one database.
pub(super) struct Handles<S>(pub(super) Arc<S>, pub(super) Arc<S>);

impl<S: Send + Sync + 'static> Handles<S> {
    /// Runs as many callers as race, on either handle, and collects what they heard.
    pub(super) async fn race<T, F, A>(&self, mut caller: F) -> Result<Vec<T>, String>
    where
        T: Send + 'static,
        F: FnMut(Arc<S>, usize) -> A,
        A: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let tasks: Vec<_> = (0..RACERS)
            .map(|number| {
                let handle = if number % 2 == 0 { &self.0 } else { &self.1 };
                tokio::spawn(caller(Arc::clone(handle), number))
            })
            .collect();
        let mut heard = Vec::with_capacity(RACERS);
        for task in tasks {
            heard.push(task.await.map_err(told)?.map_err(told)?);
        }
        Ok(heard)
    }
}

/// The number of the one caller that heard `won`.
fn winner<T: PartialEq>(heard: &[T], won: &T, what: &str) -> Result<usize, String> {
    let mut winners = heard.iter().enumerate().filter(|(_, outcome)| *outcome == won).map(|(number, _)| number);
    match (winners.next(), winners.next()) {
        (Some(winner), None) => Ok(winner),
        _ => Err(format!("not exactly one of several callers {what}")),
    }
}

pub(super) async fn inserts<S: KeyStore + 'static>(handles: &Handles<S>, base: u64) -> Result<(), String> {
    let record = sample("kit", base)?;
    let mine = move |number: usize| KeyRecord { label: format!("racer {number}").into(), ..record.clone() };
    let heard = handles
        .race(|store, number| {
            let mine = mine(number);
            async move { store.insert(&mine).await }
        })
        .await?;
    let mine = mine(winner(&heard, &Inserted::Done, "inserted an id")?);
    expect(found(&*handles.0, &mine.id).await? == mine, "the insert that went through is not what is stored")
}

pub(super) async fn updates<S: KeyStore + 'static>(handles: &Handles<S>, base: u64) -> Result<(), String> {
    let record = sample("kit", base)?;
    put(&*handles.0, &record).await?;
    let mut all = Vec::new();
    for number in 0..RACERS {
        all.push(relabel(&record, &format!("racer {number}")).map_err(told)?);
    }
    let all = Arc::new(all);
    let heard = handles
        .race(|store, number| {
            let all = Arc::clone(&all);
            async move {
                let mine = all.get(number).ok_or_else(|| StoreError::new("no such racer"))?;
                store.update(1, mine).await
            }
        })
        .await?;
    let mine = all.get(winner(&heard, &Updated::Done, "updated a version")?);
    expect(mine == Some(&found(&*handles.1, &record.id).await?), "the update that went through is not what is stored")
}

/// Everybody changes the record several times, each change made from the version just read: none may be lost.
pub(super) async fn lost_updates<S: KeyStore + 'static>(handles: &Handles<S>, base: u64) -> Result<(), String> {
    let record = sample("kit", base)?;
    put(&*handles.0, &record).await?;
    let id = record.id;
    handles
        .race(|store, number| async move {
            let mut left = CHANGES;
            for _ in 0..ATTEMPTS {
                let Some(stored) = store.find(&id).await? else { return Err(StoreError::new("the record is gone")) };
                let next = relabel(&stored, &format!("racer {number}")).map_err(StoreError::new)?;
                match store.update(stored.version, &next).await? {
                    Updated::Done => left = left.saturating_sub(1),
                    Updated::Conflict => {}
                    Updated::Missing => return Err(StoreError::new("the record is gone")),
                }
                if left == 0 {
                    return Ok(());
                }
            }
            Err(StoreError::new("a caller that reads again never gets through"))
        })
        .await?;
    let changes = u64::try_from(RACERS.saturating_mul(CHANGES)).unwrap_or(u64::MAX);
    let version = found(&*handles.1, &id).await?.version;
    expect(version == record.version.saturating_add(changes), "an update was lost")
}

pub(super) async fn touches<S: KeyStore + 'static>(handles: &Handles<S>, base: u64) -> Result<(), String> {
    let (one, two) = (sample("kit", base)?, sample("kit", base.wrapping_add(1))?);
    put(&*handles.0, &one).await?;
    put(&*handles.0, &two).await?;
    let ids = [one.id, two.id];
    handles
        .race(|store, number| async move {
            let at = NOW.saturating_add(i64::try_from(number).unwrap_or(0));
            // In either order, so that callers which lock what they touch meet.
            let mut uses = ids.map(|id| (id, at));
            if number % 4 < 2 {
                uses.reverse();
            }
            store.touch(&uses).await
        })
        .await?;
    let latest = Some(NOW.saturating_add(i64::try_from(RACERS).unwrap_or(0).saturating_sub(1)));
    for id in ids {
        let last = found(&*handles.1, &id).await?.last_used_at;
        expect(last == latest, "the latest of several uses is not what is stored")?;
    }
    Ok(())
}

pub(super) async fn grant_inserts<S: GrantStore + 'static>(handles: &Handles<S>, seed: u64) -> Result<(), String> {
    let id = name(seed, "racing-inserts");
    let heard = handles
        .race(|store, number| {
            let id = id.clone();
            async move { store.grant_insert(&id, "sub", number.to_string().as_bytes(), UnixSeconds::MAX).await }
        })
        .await?;
    let winner = winner(&heard, &Inserted::Done, "inserted a grant")?;
    let stored = handles.1.grant_get(&id).await.map_err(told)?.map(|row| row.row);
    expect(stored == Some(winner.to_string().into_bytes()), "the insert that went through is not what is stored")
}

pub(super) async fn grant_swaps<S: GrantStore + 'static>(handles: &Handles<S>, seed: u64) -> Result<(), String> {
    let id = name(seed, "racing-swaps");
    handles.0.grant_insert(&id, "sub", b"first", UnixSeconds::MAX).await.map_err(told)?;
    let GrantRow { version, .. } =
        handles.1.grant_get(&id).await.map_err(told)?.ok_or("a stored grant is not found")?;
    let heard = handles
        .race(|store, number| {
            let id = id.clone();
            async move { store.grant_swap(&id, version, number.to_string().as_bytes(), UnixSeconds::MAX).await }
        })
        .await?;
    let winner = winner(&heard, &Updated::Done, "swapped a version: a code would be redeemed more than once")?;
    let stored = handles.1.grant_get(&id).await.map_err(told)?.map(|row| row.row);
    expect(stored == Some(winner.to_string().into_bytes()), "the swap that went through is not what is stored")
}

/// Everybody counts up in the row: no count may be lost.
pub(super) async fn grant_updates<S: GrantStore + 'static>(handles: &Handles<S>, seed: u64) -> Result<(), String> {
    let id = name(seed, "racing-updates");
    handles.0.grant_insert(&id, "sub", &[0], UnixSeconds::MAX).await.map_err(told)?;
    let gone = || StoreError::new("the grant is gone");
    handles
        .race(|store, _| {
            let id = id.clone();
            async move {
                let mut left = CHANGES;
                for _ in 0..ATTEMPTS {
                    let stored = store.grant_get(&id).await?.ok_or_else(gone)?;
                    let next = stored.row.first().ok_or_else(gone)?.wrapping_add(1);
                    match store.grant_swap(&id, stored.version, &[next], UnixSeconds::MAX).await? {
                        Updated::Done => left = left.saturating_sub(1),
                        Updated::Conflict => {}
                        Updated::Missing => return Err(gone()),
                    }
                    if left == 0 {
                        return Ok(());
                    }
                }
                Err(StoreError::new("a caller that reads again never gets through"))
            }
        })
        .await?;
    let counted = handles.1.grant_get(&id).await.map_err(told)?.and_then(|row| row.row.first().copied());
    expect(counted == u8::try_from(RACERS.saturating_mul(CHANGES)).ok(), "a swap was lost")
}

pub(super) async fn puts<S: GrantStore + 'static>(handles: &Handles<S>, seed: u64) -> Result<(), String> {
    let space = name(seed, "racing-puts");
    let heard = handles
        .race(|store, _| {
            let space = space.clone();
            async move { store.put_once(&space, &[7; 32], UnixSeconds::MAX).await }
        })
        .await?;
    winner(&heard, &Put::Fresh, "put what can be put once").map(|_| ())
}
