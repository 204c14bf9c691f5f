//! A store in memory: for tests, demonstrations and single processes that may forget.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

use crate::{Cursor, Inserted, KeyStore, MAX_PAGE, StoreError, Updated};

/// Keys in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    records: Mutex<BTreeMap<KeyId, KeyRecord>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<KeyId, KeyRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyStore for MemoryStore {
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.lock().get(id).cloned())
    }

    async fn insert(&self, record: &KeyRecord) -> Result<Inserted, StoreError> {
        let mut records = self.lock();
        if records.contains_key(&record.id) {
            return Ok(Inserted::Exists);
        }
        records.insert(record.id, record.clone());
        Ok(Inserted::Done)
    }

    async fn update(&self, expected: u64, record: &KeyRecord) -> Result<Updated, StoreError> {
        let mut records = self.lock();
        let Some(stored) = records.get_mut(&record.id) else { return Ok(Updated::Missing) };
        if stored.version != expected || !record.supersedes(stored) {
            return Ok(Updated::Conflict);
        }
        let last_used_at = stored.last_used_at.max(record.last_used_at);
        *stored = KeyRecord { last_used_at, ..record.clone() };
        Ok(Updated::Done)
    }

    async fn list(&self, owner: &str, after: Option<Cursor>, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        let records = self.lock();
        let mut owned: Vec<&KeyRecord> = records
            .values()
            .filter(|record| *record.owner == *owner)
            .filter(|record| after.is_none_or(|after| (record.created_at, record.id) > (after.created_at, after.id)))
            .collect();
        owned.sort_by_key(|record| (record.created_at, record.id));
        Ok(owned.into_iter().take(limit.min(MAX_PAGE)).cloned().collect())
    }

    async fn touch(&self, uses: &[(KeyId, UnixSeconds)]) -> Result<(), StoreError> {
        let mut records = self.lock();
        for (id, at) in uses {
            if let Some(record) = records.get_mut(id) {
                record.last_used_at = record.last_used_at.max(Some(*at));
            }
        }
        Ok(())
    }
}
