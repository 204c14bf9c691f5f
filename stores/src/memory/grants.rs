//! Grants in memory.

use std::collections::BTreeMap;

use scopegate::time::UnixSeconds;

use super::{MemoryStore, lock};
use crate::grants::{check_hash, check_names, check_row};
use crate::{GrantRow, GrantStore, Inserted, Put, StoreError, Updated};

#[derive(Debug, Default)]
pub(super) struct Grants {
    rows: BTreeMap<Box<str>, (GrantRow, UnixSeconds)>,
    once: BTreeMap<(Box<str>, Box<[u8]>), UnixSeconds>,
    consents: BTreeMap<(Box<str>, Box<str>), Vec<String>>,
}

impl GrantStore for MemoryStore {
    async fn grant_insert(&self, id: &str, row: &[u8], expires_at: UnixSeconds) -> Result<Inserted, StoreError> {
        check_names([id])?;
        check_row(row)?;
        let rows = &mut lock(&self.grants).rows;
        if rows.contains_key(id) {
            return Ok(Inserted::Exists);
        }
        rows.insert(id.into(), (GrantRow { row: row.to_vec(), version: 1 }, expires_at));
        Ok(Inserted::Done)
    }

    async fn grant_get(&self, id: &str) -> Result<Option<GrantRow>, StoreError> {
        Ok(lock(&self.grants).rows.get(id).map(|(row, _)| row.clone()))
    }

    async fn grant_swap(
        &self,
        id: &str,
        expect_version: u64,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Updated, StoreError> {
        check_row(row)?;
        let rows = &mut lock(&self.grants).rows;
        let Some((stored, end)) = rows.get_mut(id) else { return Ok(Updated::Missing) };
        if stored.version != expect_version {
            return Ok(Updated::Conflict);
        }
        *stored = GrantRow { row: row.to_vec(), version: expect_version.saturating_add(1) };
        *end = expires_at;
        Ok(Updated::Done)
    }

    async fn put_once(&self, space: &str, key_hash: &[u8], expires_at: UnixSeconds) -> Result<Put, StoreError> {
        check_names([space])?;
        check_hash(key_hash)?;
        let once = &mut lock(&self.grants).once;
        let key = (Box::from(space), Box::from(key_hash));
        if once.contains_key(&key) {
            return Ok(Put::Seen);
        }
        once.insert(key, expires_at);
        Ok(Put::Fresh)
    }

    async fn consent_get(&self, sub: &str, client_id: &str) -> Result<Vec<String>, StoreError> {
        Ok(lock(&self.grants).consents.get(&(sub.into(), client_id.into())).cloned().unwrap_or_default())
    }

    async fn consent_save(&self, sub: &str, client_id: &str, scopes: &[&str]) -> Result<(), StoreError> {
        check_names([sub, client_id])?;
        let consents = &mut lock(&self.grants).consents;
        let key = (sub.into(), client_id.into());
        if scopes.is_empty() {
            consents.remove(&key);
        } else {
            consents.insert(key, scopes.iter().map(|scope| (*scope).to_owned()).collect());
        }
        Ok(())
    }

    async fn purge(&self, before: UnixSeconds) -> Result<u64, StoreError> {
        let grants = &mut *lock(&self.grants);
        let held = grants.rows.len().saturating_add(grants.once.len());
        grants.rows.retain(|_, (_, end)| *end > before);
        grants.once.retain(|_, end| *end > before);
        let left = grants.rows.len().saturating_add(grants.once.len());
        Ok(u64::try_from(held.saturating_sub(left)).unwrap_or(u64::MAX))
    }
}
