//! Key stores for Scopegate: the contract, an in-memory store, SQLite, and the [`kit`] that tests any implementation.
//!
//! The engine only ever needs [`KeyStore::find`]; everything else is for issuing and managing keys. The contract is compare-and-swap:
//! a record is replaced only by one made from the version that is stored, so no change is lost and nothing revives a revoked key.

pub mod kit;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;
use std::future::Future;

use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

pub use self::memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;

/// The most records of one page.
pub const MAX_PAGE: usize = 100;

/// The store could not be asked, or answered with what is no record: never to be read as "no such key". The text is for the log.
#[derive(Debug)]
pub struct StoreError(String);

impl StoreError {
    /// An outage, with a text for the log.
    pub fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the key store is unavailable: {}", self.0)
    }
}

impl std::error::Error for StoreError {}

/// What came of an insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The record is stored.
    Done,
    /// The id is taken; nothing changed.
    Exists,
}

/// What came of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Updated {
    /// The record is stored.
    Done,
    /// The stored version is another one; nothing changed. Read again, decide again.
    Conflict,
    /// There is no such record.
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

/// A store of key records.
///
/// After `update` has returned, every `find` that starts later sees the change, on every node: a revoked key is refused from the commit
/// on. A store that cannot promise this must not be used for keys that can be revoked.
pub trait KeyStore: Send + Sync {
    /// The record with this id.
    fn find(&self, id: &KeyId) -> impl Future<Output = Result<Option<KeyRecord>, StoreError>> + Send;

    /// Stores a new record, unless its id is taken.
    fn insert(&self, record: &KeyRecord) -> impl Future<Output = Result<Inserted, StoreError>> + Send;

    /// Replaces a record whose stored version is `expected`; the new one must supersede it ([`KeyRecord::supersedes`]).
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
}
