//! The kit finds what is wrong with a store of keys: one that is right but for one fault must not pass. On one thread, so that a store that
//! reads, lets others run and then writes loses a race each time.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use scopegate_stores::{
    Capabilities, Cursor, ExpiryCursor, Inserted, KeyStore, MAX_PAGE, Store, StoreError, Updated, kit, may_replace,
};
use tokio::task::yield_now;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    DeclaresNothing,
    InsertOverwrites,
    InsertReadsFirst,
    InsertDropsUnknownMembers,
    InsertForgetsLastUse,
    UpdateInserts,
    UpdateIgnoresVersion,
    UpdateReadsFirst,
    UpdateKeepsVersion,
    UpdateRevives,
    UpdateTakesOwner,
    UpdateTakesTime,
    UpdateTakesLastUse,
    UpdateForgetsLastUse,
    UpdateComparesFloats,
    UpdateOverRevoked,
    TouchGoesBack,
    TouchForgetsLater,
    TouchChangesVersion,
    TouchMakes,
    ListById,
    ListSkipsTies,
    ListHasNoCap,
    ListIgnoresCase,
    ListByPrefix,
    CountsAll,
    CountsExpired,
    CountsRevoked,
    CountIgnoresGrace,
    EndsRevoked,
    EndsIgnoreGrace,
    EndsExclude,
    EndsIncludeNow,
    EndsSkipTies,
    FindCaches,
    SharedCaches,
    SharedMakes,
    NowCaches,
    NowMakes,
}

const FAULTS: [Fault; 39] = {
    use Fault::*;
    [
        DeclaresNothing,
        InsertOverwrites,
        InsertReadsFirst,
        InsertDropsUnknownMembers,
        InsertForgetsLastUse,
        UpdateInserts,
        UpdateIgnoresVersion,
        UpdateReadsFirst,
        UpdateKeepsVersion,
        UpdateRevives,
        UpdateTakesOwner,
        UpdateTakesTime,
        UpdateTakesLastUse,
        UpdateForgetsLastUse,
        UpdateComparesFloats,
        UpdateOverRevoked,
        TouchGoesBack,
        TouchForgetsLater,
        TouchChangesVersion,
        TouchMakes,
        ListById,
        ListSkipsTies,
        ListHasNoCap,
        ListIgnoresCase,
        ListByPrefix,
        CountsAll,
        CountsExpired,
        CountsRevoked,
        CountIgnoresGrace,
        EndsRevoked,
        EndsIgnoreGrace,
        EndsExclude,
        EndsIncludeNow,
        EndsSkipTies,
        FindCaches,
        SharedCaches,
        SharedMakes,
        NowCaches,
        NowMakes,
    ]
};

type Records = BTreeMap<KeyId, KeyRecord>;

/// A handle of a store with one fault.
struct Faulty {
    fault: Fault,
    records: Arc<Mutex<Records>>,
    cache: Mutex<Records>,
}

impl Faulty {
    fn pair(fault: Fault) -> (Arc<Self>, Arc<Self>) {
        let records = Arc::<Mutex<Records>>::default();
        let handle = || Arc::new(Self { fault, records: Arc::clone(&records), cache: Mutex::default() });
        (handle(), handle())
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn filtered(&self, keep: impl Fn(&KeyRecord) -> bool) -> Vec<KeyRecord> {
        self.records.lock().unwrap().values().filter(|record| keep(record)).cloned().collect()
    }

    fn replaces(&self, expected: u64, record: &KeyRecord, stored: &KeyRecord) -> bool {
        let mut like = record.clone();
        match self.fault {
            Fault::UpdateIgnoresVersion => return record.supersedes(stored),
            Fault::UpdateKeepsVersion => like.version += 1,
            Fault::UpdateRevives => like.revoked_at = like.revoked_at.or(stored.revoked_at),
            Fault::UpdateTakesOwner => like.owner = stored.owner.clone(),
            Fault::UpdateTakesTime => like.created_at = stored.created_at,
            Fault::UpdateComparesFloats if stored.version as f64 == expected as f64 => {
                return record.supersedes(stored);
            }
            Fault::UpdateOverRevoked if record.revoked_at.is_none() && stored.revoked_at.is_some() => {
                return record.version > stored.version;
            }
            _ => {}
        }
        may_replace(expected, &like, stored)
    }
}

impl Store for Faulty {
    fn capabilities(&self) -> Capabilities {
        if self.has(Fault::DeclaresNothing) { Capabilities::NONE } else { Capabilities::ALL }
    }
}

impl KeyStore for Faulty {
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        yield_now().await;
        let found = self.records.lock().unwrap().get(id).cloned();
        if let (true, Some(found)) = (self.has(Fault::FindCaches), &found) {
            return Ok(Some(self.cache.lock().unwrap().entry(*id).or_insert_with(|| found.clone()).clone()));
        }
        Ok(found)
    }

    async fn find_shared(&self, id: &KeyId) -> Result<Option<Arc<KeyRecord>>, StoreError> {
        let found = self.find(id).await?;
        if let (true, Some(found)) = (self.has(Fault::SharedCaches), &found) {
            let kept = self.cache.lock().unwrap().entry(*id).or_insert_with(|| found.clone()).clone();
            return Ok(Some(Arc::new(kept)));
        }
        if self.has(Fault::SharedMakes) && found.is_none() {
            return Ok(Some(Arc::new(KeyRecord { id: *id, ..kit::sample("made", 0).unwrap() })));
        }
        Ok(found.map(Arc::new))
    }

    fn find_now(&self, id: &KeyId) -> Option<Option<Arc<KeyRecord>>> {
        let found = self.records.lock().unwrap().get(id).cloned();
        let found = match (self.fault, found) {
            (Fault::None, found) => found,
            (Fault::NowCaches, Some(found)) => Some(self.cache.lock().unwrap().entry(*id).or_insert(found).clone()),
            (Fault::NowMakes, None) => Some(KeyRecord { id: *id, ..kit::sample("made", 0).unwrap() }),
            _ => return None,
        };
        Some(found.map(Arc::new))
    }

    async fn insert(&self, record: &KeyRecord) -> Result<Inserted, StoreError> {
        let mut record = record.clone();
        match self.fault {
            Fault::InsertDropsUnknownMembers => record.extra.clear(),
            Fault::InsertForgetsLastUse => record.last_used_at = None,
            _ => {}
        }
        let taken = self.records.lock().unwrap().contains_key(&record.id);
        if taken && !self.has(Fault::InsertOverwrites) {
            return Ok(Inserted::Exists);
        }
        if self.has(Fault::InsertReadsFirst) {
            yield_now().await;
        }
        self.records.lock().unwrap().insert(record.id, record);
        Ok(Inserted::Done)
    }

    async fn update(&self, expected: u64, record: &KeyRecord) -> Result<Updated, StoreError> {
        let Some(stored) = self.records.lock().unwrap().get(&record.id).cloned() else {
            if self.has(Fault::UpdateInserts) {
                self.records.lock().unwrap().insert(record.id, record.clone());
            }
            return Ok(Updated::Missing);
        };
        if !self.replaces(expected, record, &stored) {
            return Ok(Updated::Conflict);
        }
        if self.has(Fault::UpdateReadsFirst) {
            yield_now().await;
        }
        let last_used_at = match self.fault {
            Fault::UpdateTakesLastUse => record.last_used_at.max(stored.last_used_at),
            Fault::UpdateForgetsLastUse => None,
            _ => stored.last_used_at,
        };
        self.records.lock().unwrap().insert(record.id, KeyRecord { last_used_at, ..record.clone() });
        Ok(Updated::Done)
    }

    async fn list(&self, owner: &str, after: Option<Cursor>, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        let mut page = self.filtered(|record| {
            let owned = match self.fault {
                Fault::ListIgnoresCase => record.owner.to_lowercase() == owner.to_lowercase(),
                Fault::ListByPrefix => record.owner.starts_with(owner),
                _ => *record.owner == *owner,
            };
            let is_after = after.is_none_or(|after| match self.fault {
                Fault::ListSkipsTies => record.created_at > after.created_at,
                Fault::ListById => record.id > after.id,
                _ => (record.created_at, record.id) > (after.created_at, after.id),
            });
            owned && is_after
        });
        if !self.has(Fault::ListById) {
            page.sort_by_key(|record| (record.created_at, record.id));
        }
        page.truncate(if self.has(Fault::ListHasNoCap) { limit } else { limit.min(MAX_PAGE) });
        Ok(page)
    }

    async fn touch(&self, uses: &[(KeyId, UnixSeconds)]) -> Result<(), StoreError> {
        let mut records = self.records.lock().unwrap();
        for (id, at) in uses {
            if self.has(Fault::TouchMakes) {
                records.entry(*id).or_insert_with(|| KeyRecord { id: *id, ..kit::sample("made", 0).unwrap() });
            }
            let Some(record) = records.get_mut(id) else { continue };
            match self.fault {
                Fault::TouchGoesBack => record.last_used_at = Some(*at),
                Fault::TouchForgetsLater => record.last_used_at = record.last_used_at.or(Some(*at)),
                Fault::TouchChangesVersion => record.version += 1,
                _ => {}
            }
            record.last_used_at = match self.fault {
                Fault::TouchGoesBack | Fault::TouchForgetsLater => record.last_used_at,
                _ => record.last_used_at.max(Some(*at)),
            };
        }
        Ok(())
    }

    async fn expiring(
        &self,
        before: UnixSeconds,
        after: ExpiryCursor,
        limit: usize,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        let end = |record: &KeyRecord| match self.fault {
            Fault::EndsIgnoreGrace => record.expires_at,
            _ => record.ends_at(),
        };
        let mut page = self.filtered(|record| {
            let Some(end) = end(record) else { return false };
            let is_after = match self.fault {
                Fault::EndsSkipTies => end > after.ends_at,
                Fault::EndsIncludeNow if after.id.is_none() => end >= after.ends_at,
                _ => after.precedes(end, record.id),
            };
            let is_before = if self.has(Fault::EndsExclude) { end < before } else { end <= before };
            is_after && is_before && (self.has(Fault::EndsRevoked) || record.revoked_at.is_none())
        });
        page.sort_by_key(|record| (end(record), record.id));
        page.truncate(limit.min(MAX_PAGE));
        Ok(page)
    }

    async fn count(&self, owner: &str, active_at: Option<UnixSeconds>) -> Result<u64, StoreError> {
        let counts = |record: &KeyRecord, at: UnixSeconds| match self.fault {
            Fault::CountsAll => true,
            Fault::CountsExpired => record.revoked_at.is_none(),
            Fault::CountsRevoked => record.ends_at().is_none_or(|end| at < end),
            Fault::CountIgnoresGrace => record.revoked_at.is_none() && record.expires_at.is_none_or(|end| at < end),
            _ => record.is_active(at),
        };
        let counted = self.filtered(|record| *record.owner == *owner && active_at.is_none_or(|at| counts(record, at)));
        Ok(u64::try_from(counted.len()).unwrap())
    }
}

#[tokio::test]
async fn every_fault_is_found() {
    let (one, other) = Faulty::pair(Fault::None);
    kit::check_pair(one, other, 1).await.unwrap();
    let mut missed = Vec::new();
    for fault in FAULTS {
        let (one, other) = Faulty::pair(fault);
        if kit::check_pair(one, other, 1).await.is_ok() {
            missed.push(fault);
        }
    }
    assert!(missed.is_empty(), "the kit does not find {missed:?}");
}
