//! Documents in PostgreSQL.

use sqlx::{Row, query, query_scalar};

use super::{PostgresStore, unavailable};
use crate::grants::{check_names, check_row, is_name};
use crate::row::sql::{stored_version, version};
use crate::{Document, DocumentStore, Inserted, StoreError, Updated};

impl DocumentStore for PostgresStore {
    async fn document_insert(&self, space: &str, id: &str, body: &[u8]) -> Result<Inserted, StoreError> {
        check_names([space, id])?;
        check_row(body)?;
        let insert = query(self.sql(
            "INSERT INTO {schema}.oauth_documents (space, id, body, version) VALUES ($1, $2, $3, 1) \
             ON CONFLICT DO NOTHING",
        ))
        .bind(space)
        .bind(id)
        .bind(body);
        let done = self.hold().await?.ask(self.query_timeout, |connection| insert.execute(connection)).await?;
        Ok(if done.rows_affected() == 1 { Inserted::Done } else { Inserted::Exists })
    }

    async fn document_get(&self, space: &str, id: &str) -> Result<Option<Document>, StoreError> {
        if !(is_name(space) && is_name(id)) {
            return Ok(None);
        }
        let get = query(self.sql("SELECT body, version FROM {schema}.oauth_documents WHERE space = $1 AND id = $2"))
            .bind(space)
            .bind(id);
        let row = self.hold().await?.ask(self.query_timeout, |connection| get.fetch_optional(connection)).await?;
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
        let swap = query(self.sql(
            "UPDATE {schema}.oauth_documents SET body = $1, version = version + 1 \
             WHERE space = $2 AND id = $3 AND version = $4",
        ))
        .bind(body)
        .bind(space)
        .bind(id)
        .bind(version(expect_version)?);
        let mut held = self.hold().await?;
        let done = held.ask(self.query_timeout, |connection| swap.execute(connection)).await?;
        if done.rows_affected() == 1 {
            return Ok(Updated::Done);
        }
        let exists = query_scalar(
            self.sql("SELECT EXISTS (SELECT 1 FROM {schema}.oauth_documents WHERE space = $1 AND id = $2)"),
        )
        .bind(space)
        .bind(id);
        let exists: bool = held.ask(self.query_timeout, |connection| exists.fetch_one(connection)).await?;
        Ok(if exists { Updated::Conflict } else { Updated::Missing })
    }

    async fn document_remove(&self, space: &str, id: &str) -> Result<bool, StoreError> {
        if !(is_name(space) && is_name(id)) {
            return Ok(false);
        }
        let remove =
            query(self.sql("DELETE FROM {schema}.oauth_documents WHERE space = $1 AND id = $2")).bind(space).bind(id);
        let done = self.hold().await?.ask(self.query_timeout, |connection| remove.execute(connection)).await?;
        Ok(done.rows_affected() == 1)
    }
}
