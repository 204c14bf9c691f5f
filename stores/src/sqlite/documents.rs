//! Documents in SQLite.

use sqlx::{Row, query, query_scalar};

use super::{SqliteStore, unavailable};
use crate::grants::{check_names, check_row, is_name};
use crate::row::sql::{stored_version, version};
use crate::{Document, DocumentStore, Inserted, StoreError, Updated};

impl DocumentStore for SqliteStore {
    async fn document_insert(&self, space: &str, id: &str, body: &[u8]) -> Result<Inserted, StoreError> {
        check_names([space, id])?;
        check_row(body)?;
        let insert =
            "INSERT INTO oauth_documents (space, id, body, version) VALUES (?, ?, ?, 1) ON CONFLICT DO NOTHING";
        let done = query(insert).bind(space).bind(id).bind(body).execute(&self.pool).await.map_err(unavailable)?;
        Ok(if done.rows_affected() == 1 { Inserted::Done } else { Inserted::Exists })
    }

    async fn document_get(&self, space: &str, id: &str) -> Result<Option<Document>, StoreError> {
        if !(is_name(space) && is_name(id)) {
            return Ok(None);
        }
        let row = query("SELECT body, version FROM oauth_documents WHERE space = ? AND id = ?")
            .bind(space)
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        row.map(|row| {
            let version = stored_version(row.try_get("version").map_err(unavailable)?)?;
            Ok(Document { body: row.try_get("body").map_err(unavailable)?, version })
        })
        .transpose()
    }

    async fn document_swap(
        &self,
        space: &str,
        id: &str,
        expect_version: u64,
        body: &[u8],
    ) -> Result<Updated, StoreError> {
        check_row(body)?;
        if !(is_name(space) && is_name(id)) {
            return Ok(Updated::Missing);
        }
        let done = query(
            "UPDATE oauth_documents SET body = ?, version = version + 1 WHERE space = ? AND id = ? AND version = ?",
        )
        .bind(body)
        .bind(space)
        .bind(id)
        .bind(version(expect_version)?)
        .execute(&self.pool)
        .await
        .map_err(unavailable)?;
        if done.rows_affected() == 1 {
            return Ok(Updated::Done);
        }
        let exists: bool = query_scalar("SELECT EXISTS (SELECT 1 FROM oauth_documents WHERE space = ? AND id = ?)")
            .bind(space)
            .bind(id)
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(if exists { Updated::Conflict } else { Updated::Missing })
    }

    async fn document_remove(&self, space: &str, id: &str) -> Result<bool, StoreError> {
        if !(is_name(space) && is_name(id)) {
            return Ok(false);
        }
        let remove = query("DELETE FROM oauth_documents WHERE space = ? AND id = ?").bind(space).bind(id);
        Ok(remove.execute(&self.pool).await.map_err(unavailable)?.rows_affected() == 1)
    }
}
