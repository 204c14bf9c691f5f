//! The contract of a store for the small things an authorization server keeps for good: users, their names, its sealed signing keys.

use std::future::Future;

use crate::{Inserted, Store, StoreError, Updated};

/// A document as stored: bytes that are the server's own business, and the version by which they are replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// The bytes.
    pub body: Vec<u8>,
    /// The version: 1 at first, one more with every swap.
    pub version: u64,
}

impl std::fmt::Debug for Document {
    /// Without the bytes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document").field("bytes", &self.body.len()).field("version", &self.version).finish()
    }
}

/// A store for documents that stay until they are removed.
///
/// Spaces and ids are 1 to [`MAX_NAME_BYTES`](crate::MAX_NAME_BYTES) bytes without NUL, bodies at most
/// [`MAX_ROW_BYTES`](crate::MAX_ROW_BYTES); nothing is found under any other name, and storing under one is an error. Versions begin anew
/// when an id is inserted again after a removal: whoever swaps must not use ids a second time.
pub trait DocumentStore: Store {
    /// Stores a new document, unless its id is taken in this space: of any number of callers at once, one does.
    fn document_insert(
        &self,
        space: &str,
        id: &str,
        body: &[u8],
    ) -> impl Future<Output = Result<Inserted, StoreError>> + Send;

    /// The document with this id, as the last insert or swap left it, in whichever process.
    fn document_get(&self, space: &str, id: &str) -> impl Future<Output = Result<Option<Document>, StoreError>> + Send;

    /// Replaces a document whose version is `expect_version`: of any number of callers at once, one. It never makes one.
    fn document_swap(
        &self,
        space: &str,
        id: &str,
        expect_version: u64,
        body: &[u8],
    ) -> impl Future<Output = Result<Updated, StoreError>> + Send;

    /// Forgets a document; whether there was one.
    fn document_remove(&self, space: &str, id: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;
}
