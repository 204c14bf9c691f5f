//! Documents in memory.

use std::collections::BTreeMap;

use super::{MemoryStore, lock};
use crate::grants::{check_names, check_row};
use crate::{Document, DocumentStore, Inserted, StoreError, Updated};

pub(super) type Documents = BTreeMap<(Box<str>, Box<str>), Document>;

impl DocumentStore for MemoryStore {
    async fn document_insert(&self, space: &str, id: &str, body: &[u8]) -> Result<Inserted, StoreError> {
        check_names([space, id])?;
        check_row(body)?;
        let mut documents = lock(&self.documents);
        let key = (Box::from(space), Box::from(id));
        if documents.contains_key(&key) {
            return Ok(Inserted::Exists);
        }
        documents.insert(key, Document { body: body.to_vec(), version: 1 });
        Ok(Inserted::Done)
    }

    async fn document_get(&self, space: &str, id: &str) -> Result<Option<Document>, StoreError> {
        Ok(lock(&self.documents).get(&(space.into(), id.into())).cloned())
    }

    async fn document_swap(
        &self,
        space: &str,
        id: &str,
        expect_version: u64,
        body: &[u8],
    ) -> Result<Updated, StoreError> {
        check_row(body)?;
        let mut documents = lock(&self.documents);
        let Some(stored) = documents.get_mut(&(space.into(), id.into())) else { return Ok(Updated::Missing) };
        if stored.version != expect_version {
            return Ok(Updated::Conflict);
        }
        *stored = Document { body: body.to_vec(), version: expect_version.saturating_add(1) };
        Ok(Updated::Done)
    }

    async fn document_remove(&self, space: &str, id: &str) -> Result<bool, StoreError> {
        Ok(lock(&self.documents).remove(&(space.into(), id.into())).is_some())
    }
}
