//! The contract of a store of key records.

use std::future::Future;
use std::sync::Arc;

use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

use crate::{Store, StoreError};

/// The most records of one page.
pub const MAX_PAGE: usize = 100;

/// What came of an insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is stored.
    Done,
    /// The id is taken; nothing changed.
    Exists,
}

/// What came of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Updated {
    /// It is stored.
    Done,
    /// The stored version is another one; nothing changed. Read again, decide again.
    Conflict,
    /// There is no such thing.
    Missing,
}

/// A place in a list: after the record with this time of creation and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its time of creation.
    pub created_at: UnixSeconds,
    /// Its id.
    pub id: KeyId,
}

impl Cursor {
    /// The place after a record.
    #[must_use]
    pub const fn after(record: &KeyRecord) -> Self {
        Self { created_at: record.created_at, id: record.id }
    }
}

/// A place among the keys that end: after everything that ends at an instant, or after one key that does.
///
/// It starts with the present instant: a key that ends at it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiryCursor {
    /// The instant.
    pub ends_at: UnixSeconds,
    /// The key that ends at it; `None` is the last of them.
    pub id: Option<KeyId>,
}

impl ExpiryCursor {
    /// The place after everything that has ended at `now`: the start.
    #[must_use]
    pub const fn start(now: UnixSeconds) -> Self {
        Self { ends_at: now, id: None }
    }

    /// Whether a key that ends at an instant comes after this place.
    #[must_use]
    pub fn precedes(&self, ends_at: UnixSeconds, id: KeyId) -> bool {
        match self.id {
            Some(last) => (self.ends_at, last) < (ends_at, id),
            None => self.ends_at < ends_at,
        }
    }

    /// The place after a record; `None` for one that never ends, which is in no such list.
    #[must_use]
    pub fn after(record: &KeyRecord) -> Option<Self> {
        record.ends_at().map(|ends_at| Self { ends_at, id: Some(record.id) })
    }
}

/// A store of key records.
///
/// After `update` has returned, every `find` that starts later sees the change, on every node: a revoked key is refused from the commit
/// on. A store that cannot promise this ([`Capabilities::read_your_writes`](crate::Capabilities)) must not be used for keys that can be
/// revoked. Every call ends: an outage is an error within bounded time.
pub trait KeyStore: Store {
    /// The record with this id.
    fn find(&self, id: &KeyId) -> impl Future<Output = Result<Option<KeyRecord>, StoreError>> + Send;

    /// As [`find`](KeyStore::find), for callers who only look, such as a decision: a store that has the record at hand need not copy it.
    fn find_shared(&self, id: &KeyId) -> impl Future<Output = Result<Option<Arc<KeyRecord>>, StoreError>> + Send {
        async move { Ok(self.find(id).await?.map(Arc::new)) }
    }

    /// As [`find_shared`](KeyStore::find_shared), by a store that can tell at once and has nothing to wait for; `None` is to be asked again the other
    /// way. A decision asks here first: it then needs no future.
    fn find_now(&self, id: &KeyId) -> Option<Option<Arc<KeyRecord>>> {
        let _ = id;
        None
    }

    /// Stores a new record, unless its id is taken.
    fn insert(&self, record: &KeyRecord) -> impl Future<Output = Result<Inserted, StoreError>> + Send;

    /// Replaces a record whose stored version is `expected`, if [`may_replace`] says so. The last use stays the store's own.
    fn update(&self, expected: u64, record: &KeyRecord) -> impl Future<Output = Result<Updated, StoreError>> + Send;

    /// The records of an owner after a place, oldest first, at most `limit` and at most [`MAX_PAGE`].
    fn list(
        &self,
        owner: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<KeyRecord>, StoreError>> + Send;

    /// Notes uses of keys: forward only; unknown ids are passed over. It changes no version.
    fn touch(&self, uses: &[(KeyId, UnixSeconds)]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The records of every owner that are not revoked and end after a place and at or before an instant, those that end first
    /// first, at most `limit` and at most [`MAX_PAGE`]. Start at [`ExpiryCursor::start`] with the present instant: what is listed is then alive.
    fn expiring(
        &self,
        before: UnixSeconds,
        after: ExpiryCursor,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<KeyRecord>, StoreError>> + Send;

    /// How many records an owner has; with an instant, how many of them are active then ([`KeyRecord::is_active`]). A ceiling held against this
    /// is exceeded by at most as many keys as are issued at once.
    fn count(
        &self,
        owner: &str,
        active_at: Option<UnixSeconds>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// As [`list`](KeyStore::list), of the records that are active at an instant. The order and the cursor are those of the whole list, so a key
    /// that ends between two pages moves nothing.
    fn list_active(
        &self,
        owner: &str,
        at: UnixSeconds,
        after: Option<Cursor>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<KeyRecord>, StoreError>> + Send {
        async move {
            let limit = limit.min(MAX_PAGE);
            let (mut active, mut after) = (Vec::new(), after);
            while active.len() < limit {
                let page = self.list(owner, after, MAX_PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(Cursor::after(last));
                let whole = page.len() == MAX_PAGE;
                active.extend(page.into_iter().filter(|record| record.is_active(at)));
                if !whole {
                    break;
                }
            }
            active.truncate(limit);
            Ok(active)
        }
    }
}

/// Whether an update that expects the version `expected` may put `record` in the place of `stored`: nobody else was faster, the version
/// grows, no revocation is undone ([`KeyRecord::supersedes`]), and neither owner nor time of creation change, by which records are listed.
#[must_use]
pub fn may_replace(expected: u64, record: &KeyRecord, stored: &KeyRecord) -> bool {
    stored.version == expected
        && record.supersedes(stored)
        && record.owner == stored.owner
        && record.created_at == stored.created_at
}
