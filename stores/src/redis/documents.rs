//! Documents in Redis: a hash for each.

use redis::cmd;

use super::{RedisStore, script};
use crate::grants::{check_names, check_row};
use crate::{Document, DocumentStore, Inserted, StoreError, StoreErrorKind, Updated};

impl RedisStore {
    /// A space has no NUL, so no two of them run together with their ids.
    fn document(&self, space: &str, id: &str) -> String {
        self.name("document", &format!("{space}\0{id}"))
    }
}

impl DocumentStore for RedisStore {
    async fn document_insert(&self, space: &str, id: &str, body: &[u8]) -> Result<Inserted, StoreError> {
        check_names([space, id])?;
        check_row(body)?;
        let mut call = script!("document_insert.lua").prepare_invoke();
        call.key(self.document(space, id)).arg(body);
        Ok(if self.run::<u8>(call).await? == 1 { Inserted::Done } else { Inserted::Exists })
    }

    async fn document_get(&self, space: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let mut get = cmd("HMGET");
        get.arg(self.document(space, id)).arg("body").arg("version");
        let (body, version): (Option<Vec<u8>>, Option<u64>) = self.command(get).await?;
        match (body, version) {
            (None, None) => Ok(None),
            (Some(body), Some(version)) => Ok(Some(Document { body, version })),
            _ => Err(StoreError::of(StoreErrorKind::Corrupt, "a stored document cannot be read")),
        }
    }

    async fn document_swap(
        &self,
        space: &str,
        id: &str,
        expect_version: u64,
        body: &[u8],
    ) -> Result<Updated, StoreError> {
        check_row(body)?;
        let mut call = script!("document_swap.lua").prepare_invoke();
        call.key(self.document(space, id)).arg(body).arg(expect_version.to_string());
        Ok(match self.run::<u8>(call).await? {
            1 => Updated::Done,
            2 => Updated::Missing,
            _ => Updated::Conflict,
        })
    }

    async fn document_remove(&self, space: &str, id: &str) -> Result<bool, StoreError> {
        let mut remove = cmd("DEL");
        remove.arg(self.document(space, id));
        let gone: u64 = self.command(remove).await?;
        Ok(gone == 1)
    }
}
