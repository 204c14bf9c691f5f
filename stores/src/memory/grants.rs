//! Grants in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use scopegate::time::UnixSeconds;

use super::{MemoryStore, lock};
use crate::grants::{check_hash, check_names, check_row};
use crate::{GrantRow, GrantStore, Inserted, MAX_PAGE, Put, StoreError, Updated};

#[derive(Debug, Default)]
pub(super) struct Grants {
    rows: BTreeMap<Box<str>, Held>,
    by_sub: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    once: BTreeMap<(Box<str>, Box<[u8]>), UnixSeconds>,
    consents: BTreeMap<(Box<str>, Box<str>), Vec<String>>,
}

#[derive(Debug)]
struct Held {
    row: GrantRow,
    sub: Box<str>,
    end: UnixSeconds,
}

impl GrantStore for MemoryStore {
    async fn grant_insert(
        &self,
        id: &str,
        sub: &str,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Inserted, StoreError> {
        check_names([id, sub])?;
        check_row(row)?;
        let grants = &mut *lock(&self.grants);
        if grants.rows.contains_key(id) {
            return Ok(Inserted::Exists);
        }
        let row = GrantRow { row: row.to_vec(), version: 1 };
        grants.rows.insert(id.into(), Held { row, sub: sub.into(), end: expires_at });
        grants.by_sub.entry(sub.into()).or_default().insert(id.into());
        Ok(Inserted::Done)
    }

    async fn grant_get(&self, id: &str) -> Result<Option<GrantRow>, StoreError> {
        Ok(lock(&self.grants).rows.get(id).map(|held| held.row.clone()))
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
        let Some(held) = rows.get_mut(id) else { return Ok(Updated::Missing) };
        if held.row.version != expect_version {
            return Ok(Updated::Conflict);
        }
        held.row = GrantRow { row: row.to_vec(), version: expect_version.saturating_add(1) };
        held.end = expires_at;
        Ok(Updated::Done)
    }

    async fn grants_of(&self, sub: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        let grants = lock(&self.grants);
        let Some(ids) = grants.by_sub.get(sub) else { return Ok(Vec::new()) };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = ids.range::<str, _>((from, Bound::Unbounded)).take(limit.min(MAX_PAGE));
        Ok(page.map(|id| String::from(&**id)).collect())
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
        let Grants { rows, by_sub, .. } = grants;
        rows.retain(|id, held| {
            let stays = held.end > before;
            if !stays && let Some(ids) = by_sub.get_mut(&held.sub) {
                ids.remove(id);
                if ids.is_empty() {
                    by_sub.remove(&held.sub);
                }
            }
            stays
        });
        grants.once.retain(|_, end| *end > before);
        let left = grants.rows.len().saturating_add(grants.once.len());
        Ok(u64::try_from(held.saturating_sub(left)).unwrap_or(u64::MAX))
    }
}
