//! The contract of a store for an authorization server: grants, what happens once, and consents.

use std::future::Future;

use scopegate::time::UnixSeconds;

use crate::{Inserted, Store, StoreError, StoreErrorKind, Updated};

/// The longest id, space, subject or client id, in bytes.
pub const MAX_NAME_BYTES: usize = 512;
/// The longest row of a grant, in bytes.
pub const MAX_ROW_BYTES: usize = 65_536;
/// The longest hash of [`GrantStore::put_once`], in bytes.
pub const MAX_HASH_BYTES: usize = 64;

/// A grant as stored: bytes that are the server's own business, and the version by which they are replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct GrantRow {
    /// The bytes.
    pub row: Vec<u8>,
    /// The version, the store's own: it changes with every swap.
    pub version: u64,
}

impl std::fmt::Debug for GrantRow {
    /// Without the bytes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrantRow").field("bytes", &self.row.len()).field("version", &self.version).finish()
    }
}

/// What came of putting something once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// Nobody had put it before.
    Fresh,
    /// Somebody had.
    Seen,
}

/// A store for an authorization server.
///
/// Ids, spaces, subjects and client ids are 1 to [`MAX_NAME_BYTES`] bytes without NUL; nothing is found under any other, and storing
/// under one is an error. The store reads no clock: `expires_at` says from when on it may forget, and [`purge`](GrantStore::purge) makes it. Until
/// then an expired row may still be found; whoever wrote it knows when it ends. Never may a row be forgotten before, or come back.
pub trait GrantStore: Store {
    /// Stores a new grant of a subject, unless its id is taken. The subject never changes.
    fn grant_insert(
        &self,
        id: &str,
        sub: &str,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> impl Future<Output = Result<Inserted, StoreError>> + Send;

    /// The grant with this id, as the last insert or swap left it, in whichever process.
    fn grant_get(&self, id: &str) -> impl Future<Output = Result<Option<GrantRow>, StoreError>> + Send;

    /// Replaces a grant whose version is `expect_version`: of any number of callers at once, one. It never makes one.
    fn grant_swap(
        &self,
        id: &str,
        expect_version: u64,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> impl Future<Output = Result<Updated, StoreError>> + Send;

    /// The ids of the grants of a subject, in ascending order of their bytes: those behind `after`, as many as `limit`, at most
    /// [`MAX_PAGE`](crate::MAX_PAGE). What was inserted before the first page was asked for, and is neither purged nor ended, is on one of them.
    fn grants_of(
        &self,
        sub: &str,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Puts a hash into a space, unless it is there: of any number of callers at once, one hears [`Put::Fresh`].
    fn put_once(
        &self,
        space: &str,
        key_hash: &[u8],
        expires_at: UnixSeconds,
    ) -> impl Future<Output = Result<Put, StoreError>> + Send;

    /// The scopes that a subject has consented to for a client; empty is no consent.
    fn consent_get(&self, sub: &str, client_id: &str) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Replaces the scopes that a subject has consented to for a client; empty takes the consent back.
    fn consent_save(
        &self,
        sub: &str,
        client_id: &str,
        scopes: &[&str],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets every grant and every hash put once whose `expires_at` is at or before an instant; returns how many. Call it now and then.
    fn purge(&self, before: UnixSeconds) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// Whether something can be stored under this name.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.contains('\0')
}

/// Refuses to store under names that are none.
pub(crate) fn check_names<const COUNT: usize>(names: [&str; COUNT]) -> Result<(), StoreError> {
    let holds = names.into_iter().all(is_name);
    unsuitable(holds, "a name is not 1 to 512 bytes without NUL")
}

/// Refuses a row that is too long.
pub(crate) fn check_row(row: &[u8]) -> Result<(), StoreError> {
    unsuitable(row.len() <= MAX_ROW_BYTES, "a row is longer than 65536 bytes")
}

/// Refuses a hash that is none.
pub(crate) fn check_hash(hash: &[u8]) -> Result<(), StoreError> {
    unsuitable((1..=MAX_HASH_BYTES).contains(&hash.len()), "a hash is not 1 to 64 bytes")
}

fn unsuitable(holds: bool, what: &str) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(StoreError::of(StoreErrorKind::Unsuitable, what)) }
}
