//! A store in memory: for tests, demonstrations and single processes that may forget.

mod documents;
mod grants;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

use self::documents::Documents;
use self::grants::Grants;
use crate::{
    Capabilities, Cursor, ExpiryCursor, Inserted, KeyStore, MAX_PAGE, Store, StoreError, Updated, may_replace,
};

/// Keys and grants in memory. Clones are handles of the same store.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    records: Arc<Mutex<BTreeMap<KeyId, Arc<KeyRecord>>>>,
    grants: Arc<Mutex<Grants>>,
    documents: Arc<Mutex<Documents>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Store for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { shared: false, durable: false, ..Capabilities::ALL }
    }
}

impl KeyStore for MemoryStore {
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(lock(&self.records).get(id).map(|record| KeyRecord::clone(record)))
    }

    async fn find_shared(&self, id: &KeyId) -> Result<Option<Arc<KeyRecord>>, StoreError> {
        Ok(lock(&self.records).get(id).cloned())
    }

    fn find_now(&self, id: &KeyId) -> Option<Option<Arc<KeyRecord>>> {
        Some(lock(&self.records).get(id).cloned())
    }

    async fn insert(&self, record: &KeyRecord) -> Result<Inserted, StoreError> {
        let mut records = lock(&self.records);
        if records.contains_key(&record.id) {
            return Ok(Inserted::Exists);
        }
        records.insert(record.id, Arc::new(record.clone()));
        Ok(Inserted::Done)
    }

    async fn update(&self, expected: u64, record: &KeyRecord) -> Result<Updated, StoreError> {
        let mut records = lock(&self.records);
        let Some(stored) = records.get_mut(&record.id) else { return Ok(Updated::Missing) };
        if !may_replace(expected, record, stored) {
            return Ok(Updated::Conflict);
        }
        *stored = Arc::new(KeyRecord { last_used_at: stored.last_used_at, ..record.clone() });
        Ok(Updated::Done)
    }

    async fn list(&self, owner: &str, after: Option<Cursor>, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        let records = lock(&self.records);
        let mut owned: Vec<&Arc<KeyRecord>> = records
            .values()
            .filter(|record| *record.owner == *owner)
            .filter(|record| after.is_none_or(|after| (record.created_at, record.id) > (after.created_at, after.id)))
            .collect();
        owned.sort_by_key(|record| (record.created_at, record.id));
        Ok(owned.into_iter().take(limit.min(MAX_PAGE)).map(|record| KeyRecord::clone(record)).collect())
    }

    async fn touch(&self, uses: &[(KeyId, UnixSeconds)]) -> Result<(), StoreError> {
        let mut records = lock(&self.records);
        for (id, at) in uses {
            if let Some(record) = records.get_mut(id) {
                let record = Arc::make_mut(record);
                record.last_used_at = record.last_used_at.max(Some(*at));
            }
        }
        Ok(())
    }

    async fn expiring(
        &self,
        before: UnixSeconds,
        after: ExpiryCursor,
        limit: usize,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        let records = lock(&self.records);
        let mut ending: Vec<(UnixSeconds, &Arc<KeyRecord>)> = records
            .values()
            .filter(|record| record.revoked_at.is_none())
            .filter_map(|record| record.ends_at().map(|end| (end, record)))
            .filter(|(end, record)| *end <= before && after.precedes(*end, record.id))
            .collect();
        ending.sort_by_key(|(end, record)| (*end, record.id));
        Ok(ending.into_iter().take(limit.min(MAX_PAGE)).map(|(_, record)| KeyRecord::clone(record)).collect())
    }

    async fn count(&self, owner: &str, active_at: Option<UnixSeconds>) -> Result<u64, StoreError> {
        let records = lock(&self.records);
        let counted = records
            .values()
            .filter(|record| *record.owner == *owner)
            .filter(|record| active_at.is_none_or(|at| record.is_active(at)))
            .count();
        Ok(u64::try_from(counted).unwrap_or(u64::MAX))
    }
}
