//! The kit finds what is wrong with a store of grants: one that is right but for one fault must not pass. On one thread, so that a store that
//! reads, lets others run and then writes loses a race each time.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use scopegate::time::UnixSeconds;
use scopegate_stores::{
    Capabilities, GrantRow, GrantStore, Inserted, MAX_NAME_BYTES, MAX_ROW_BYTES, Put, Store, StoreError,
    StoreErrorKind, Updated, kit,
};
use tokio::task::yield_now;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    DeclaresNothing,
    InsertOverwrites,
    InsertReadsFirst,
    GetCaches,
    GetIsText,
    SwapIgnoresVersion,
    SwapReadsFirst,
    SwapMakes,
    SwapKeepsVersion,
    VersionIsOfContent,
    SubjectsForget,
    SubjectsMix,
    SubjectsAreTaken,
    SubjectsHaveNoOrder,
    PagesBeginAgain,
    PagesHaveNoEnd,
    PagesIgnoreLimit,
    PurgeLeavesSubjects,
    PutReadsFirst,
    PutForgets,
    PutJoinsNames,
    PutIgnoresCase,
    PurgeTakesAll,
    PurgeTakesNothing,
    PurgeLeavesPuts,
    ConsentAdds,
    ConsentIsOfSubject,
    ConsentIsNeverTakenBack,
    NamesAreUnchecked,
    NamesAreCut,
    RowsAreUnchecked,
}

const FAULTS: [Fault; 31] = {
    use Fault::*;
    [
        DeclaresNothing,
        InsertOverwrites,
        InsertReadsFirst,
        GetCaches,
        GetIsText,
        SwapIgnoresVersion,
        SwapReadsFirst,
        SwapMakes,
        SwapKeepsVersion,
        VersionIsOfContent,
        SubjectsForget,
        SubjectsMix,
        SubjectsAreTaken,
        SubjectsHaveNoOrder,
        PagesBeginAgain,
        PagesHaveNoEnd,
        PagesIgnoreLimit,
        PurgeLeavesSubjects,
        PutReadsFirst,
        PutForgets,
        PutJoinsNames,
        PutIgnoresCase,
        PurgeTakesAll,
        PurgeTakesNothing,
        PurgeLeavesPuts,
        ConsentAdds,
        ConsentIsOfSubject,
        ConsentIsNeverTakenBack,
        NamesAreUnchecked,
        NamesAreCut,
        RowsAreUnchecked,
    ]
};

#[derive(Default)]
struct Tables {
    grants: BTreeMap<String, (GrantRow, UnixSeconds)>,
    subjects: BTreeMap<String, String>,
    once: BTreeMap<Vec<u8>, UnixSeconds>,
    consents: BTreeMap<(String, String), BTreeSet<String>>,
}

/// A handle of a store with one fault.
struct Faulty {
    fault: Fault,
    tables: Arc<Mutex<Tables>>,
    cache: Mutex<BTreeMap<String, GrantRow>>,
}

impl Faulty {
    fn pair(fault: Fault) -> (Arc<Self>, Arc<Self>) {
        let tables = Arc::<Mutex<Tables>>::default();
        let handle = || Arc::new(Self { fault, tables: Arc::clone(&tables), cache: Mutex::default() });
        (handle(), handle())
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn check(&self, name: &str) -> Result<(), StoreError> {
        let holds = (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.contains('\0');
        if holds || self.has(Fault::NamesAreUnchecked) || self.has(Fault::NamesAreCut) {
            return Ok(());
        }
        Err(StoreError::of(StoreErrorKind::Unsuitable, "a name is none"))
    }

    fn check_row(&self, row: &[u8]) -> Result<(), StoreError> {
        if row.len() <= MAX_ROW_BYTES || self.has(Fault::RowsAreUnchecked) {
            return Ok(());
        }
        Err(StoreError::of(StoreErrorKind::Unsuitable, "a row is too long"))
    }

    fn name(&self, name: &str) -> String {
        name.chars().take(if self.has(Fault::NamesAreCut) { 64 } else { usize::MAX }).collect()
    }

    fn versioned(&self, row: &[u8], version: u64) -> GrantRow {
        let version = match self.fault {
            Fault::VersionIsOfContent => row.iter().fold(7, |sum: u64, byte| sum * 31 % 1_000_003 + u64::from(*byte)),
            _ => version,
        };
        GrantRow { row: row.to_vec(), version }
    }

    fn consent_key(&self, sub: &str, client_id: &str) -> (String, String) {
        let client_id = if self.has(Fault::ConsentIsOfSubject) { "" } else { client_id };
        (self.name(sub), client_id.to_owned())
    }
}

impl Store for Faulty {
    fn capabilities(&self) -> Capabilities {
        if self.has(Fault::DeclaresNothing) { Capabilities::NONE } else { Capabilities::ALL }
    }
}

impl GrantStore for Faulty {
    async fn grant_insert(
        &self,
        id: &str,
        sub: &str,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Inserted, StoreError> {
        self.check(id)?;
        self.check(sub)?;
        self.check_row(row)?;
        let taken = self.tables.lock().unwrap().grants.contains_key(&self.name(id));
        if self.has(Fault::SubjectsAreTaken) || !taken && !self.has(Fault::SubjectsForget) {
            self.tables.lock().unwrap().subjects.insert(self.name(id), self.name(sub));
        }
        if taken && !self.has(Fault::InsertOverwrites) {
            return Ok(Inserted::Exists);
        }
        if self.has(Fault::InsertReadsFirst) {
            yield_now().await;
        }
        self.tables.lock().unwrap().grants.insert(self.name(id), (self.versioned(row, 1), expires_at));
        Ok(Inserted::Done)
    }

    async fn grant_get(&self, id: &str) -> Result<Option<GrantRow>, StoreError> {
        yield_now().await;
        let mut found = self.tables.lock().unwrap().grants.get(&self.name(id)).map(|(row, _)| row.clone());
        if let (true, Some(row)) = (self.has(Fault::GetIsText), &mut found) {
            row.row = String::from_utf8_lossy(&row.row).into_owned().into_bytes();
        }
        if let (true, Some(row)) = (self.has(Fault::GetCaches), &found) {
            return Ok(Some(self.cache.lock().unwrap().entry(id.to_owned()).or_insert_with(|| row.clone()).clone()));
        }
        Ok(found)
    }

    async fn grant_swap(
        &self,
        id: &str,
        expect_version: u64,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Updated, StoreError> {
        self.check_row(row)?;
        let stored = self.tables.lock().unwrap().grants.get(&self.name(id)).map(|(row, _)| row.version);
        match stored {
            None if self.has(Fault::SwapMakes) && self.check(id).is_ok() => {}
            None => return Ok(Updated::Missing),
            Some(version) if version != expect_version && !self.has(Fault::SwapIgnoresVersion) => {
                return Ok(Updated::Conflict);
            }
            Some(_) => {}
        }
        if self.has(Fault::SwapReadsFirst) {
            yield_now().await;
        }
        let next = if self.has(Fault::SwapKeepsVersion) { expect_version } else { expect_version + 1 };
        self.tables.lock().unwrap().grants.insert(self.name(id), (self.versioned(row, next), expires_at));
        Ok(if stored.is_some() { Updated::Done } else { Updated::Missing })
    }

    async fn grants_of(&self, sub: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        let after = if self.has(Fault::PagesBeginAgain) { None } else { after };
        let limit = if self.has(Fault::PagesIgnoreLimit) { usize::MAX } else { limit };
        let tables = self.tables.lock().unwrap();
        let own = |(id, owner): &(&String, &String)| {
            (**owner == self.name(sub) || self.has(Fault::SubjectsMix))
                && after
                    .is_none_or(|after| id.as_str() > after || self.has(Fault::PagesHaveNoEnd) && id.as_str() == after)
        };
        let mut ids: Vec<String> = tables.subjects.iter().filter(own).map(|(id, _)| id.clone()).collect();
        if self.has(Fault::SubjectsHaveNoOrder) {
            ids.sort_by_key(|id| id.to_ascii_lowercase());
        }
        ids.truncate(limit);
        Ok(ids)
    }

    async fn put_once(&self, space: &str, key_hash: &[u8], expires_at: UnixSeconds) -> Result<Put, StoreError> {
        self.check(space)?;
        let mut key = self.name(space).into_bytes();
        if !self.has(Fault::PutJoinsNames) {
            key.push(0);
        }
        key.extend_from_slice(key_hash);
        if self.has(Fault::PutIgnoresCase) {
            key.make_ascii_lowercase();
        }
        if self.tables.lock().unwrap().once.contains_key(&key) {
            return Ok(Put::Seen);
        }
        if self.has(Fault::PutReadsFirst) {
            yield_now().await;
        }
        if !self.has(Fault::PutForgets) {
            self.tables.lock().unwrap().once.insert(key, expires_at);
        }
        Ok(Put::Fresh)
    }

    async fn consent_get(&self, sub: &str, client_id: &str) -> Result<Vec<String>, StoreError> {
        let tables = self.tables.lock().unwrap();
        Ok(tables.consents.get(&self.consent_key(sub, client_id)).into_iter().flatten().cloned().rev().collect())
    }

    async fn consent_save(&self, sub: &str, client_id: &str, scopes: &[&str]) -> Result<(), StoreError> {
        self.check(sub)?;
        self.check(client_id)?;
        if scopes.is_empty() && self.has(Fault::ConsentIsNeverTakenBack) {
            return Ok(());
        }
        let mut tables = self.tables.lock().unwrap();
        let held = tables.consents.entry(self.consent_key(sub, client_id)).or_default();
        if !self.has(Fault::ConsentAdds) {
            held.clear();
        }
        held.extend(scopes.iter().map(|scope| (*scope).to_owned()));
        Ok(())
    }

    async fn purge(&self, before: UnixSeconds) -> Result<u64, StoreError> {
        let tables = &mut *self.tables.lock().unwrap();
        let held = tables.grants.len() + tables.once.len();
        let stays = |end: UnixSeconds| match self.fault {
            Fault::PurgeTakesAll => false,
            Fault::PurgeTakesNothing => true,
            _ => end > before,
        };
        tables.grants.retain(|_, (_, end)| stays(*end));
        tables.subjects.retain(|id, _| tables.grants.contains_key(id) || self.has(Fault::PurgeLeavesSubjects));
        tables.once.retain(|_, end| stays(*end) || self.has(Fault::PurgeLeavesPuts));
        Ok(u64::try_from(held - tables.grants.len() - tables.once.len()).unwrap())
    }
}

#[tokio::test]
async fn every_fault_is_found() {
    let (one, other) = Faulty::pair(Fault::None);
    kit::check_grants_pair(one, other, 1).await.unwrap();
    let mut missed = Vec::new();
    for fault in FAULTS {
        let (one, other) = Faulty::pair(fault);
        if kit::check_grants_pair(one, other, 1).await.is_ok() {
            missed.push(fault);
        }
    }
    assert!(missed.is_empty(), "the kit does not find {missed:?}");
}
