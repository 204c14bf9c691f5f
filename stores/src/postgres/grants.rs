//! Grants in PostgreSQL.

use scopegate::time::UnixSeconds;
use sqlx::{Row, query, query_scalar};

use super::{PostgresStore, unavailable};
use crate::grants::{check_hash, check_names, check_row, is_name};
use crate::row::sql::{counted, stored_version, version};
use crate::row::{scopes, scopes_text};
use crate::{GrantRow, GrantStore, Inserted, MAX_PAGE, Put, StoreError, Updated};

impl GrantStore for PostgresStore {
    async fn grant_insert(
        &self,
        id: &str,
        sub: &str,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Inserted, StoreError> {
        check_names([id, sub])?;
        check_row(row)?;
        let insert = query(self.sql(
            "INSERT INTO {schema}.oauth_grants (id, sub, body, version, expires_at) VALUES ($1, $2, $3, 1, $4) \
             ON CONFLICT DO NOTHING",
        ))
        .bind(id)
        .bind(sub)
        .bind(row)
        .bind(expires_at.get());
        let done = self.hold().await?.ask(self.query_timeout, |connection| insert.execute(connection)).await?;
        Ok(if done.rows_affected() == 1 { Inserted::Done } else { Inserted::Exists })
    }

    async fn grant_get(&self, id: &str) -> Result<Option<GrantRow>, StoreError> {
        if !is_name(id) {
            return Ok(None);
        }
        let get = query(self.sql("SELECT body, version FROM {schema}.oauth_grants WHERE id = $1")).bind(id);
        let row = self.hold().await?.ask(self.query_timeout, |connection| get.fetch_optional(connection)).await?;
        row.map(|row| {
            let version = stored_version(row.try_get("version").map_err(unavailable)?)?;
            Ok(GrantRow { row: row.try_get("body").map_err(unavailable)?, version })
        })
        .transpose()
    }

    async fn grant_swap(
        &self,
        id: &str,
        expect_version: u64,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Updated, StoreError> {
        check_row(row)?;
        if !is_name(id) {
            return Ok(Updated::Missing);
        }
        let swap = query(self.sql(
            "UPDATE {schema}.oauth_grants SET body = $1, version = version + 1, expires_at = $2 \
             WHERE id = $3 AND version = $4",
        ))
        .bind(row)
        .bind(expires_at.get())
        .bind(id)
        .bind(version(expect_version)?);
        let mut held = self.hold().await?;
        let done = held.ask(self.query_timeout, |connection| swap.execute(connection)).await?;
        if done.rows_affected() == 1 {
            return Ok(Updated::Done);
        }
        let exists =
            query_scalar(self.sql("SELECT EXISTS (SELECT 1 FROM {schema}.oauth_grants WHERE id = $1)")).bind(id);
        let exists: bool = held.ask(self.query_timeout, |connection| exists.fetch_one(connection)).await?;
        Ok(if exists { Updated::Conflict } else { Updated::Missing })
    }

    async fn grants_of(&self, sub: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        let after = after.unwrap_or_default();
        // No id is empty. PostgreSQL refuses a NUL in a text.
        if !is_name(sub) || after.contains('\0') {
            return Ok(Vec::new());
        }
        let list = query_scalar(
            self.sql("SELECT id FROM {schema}.oauth_grants WHERE sub = $1 AND id > $2 ORDER BY id LIMIT $3"),
        )
        .bind(sub)
        .bind(after)
        .bind(i64::try_from(limit.min(MAX_PAGE)).unwrap_or(0));
        self.hold().await?.ask(self.query_timeout, |connection| list.fetch_all(connection)).await
    }

    async fn put_once(&self, space: &str, key_hash: &[u8], expires_at: UnixSeconds) -> Result<Put, StoreError> {
        check_names([space])?;
        check_hash(key_hash)?;
        let put = query(self.sql(
            "INSERT INTO {schema}.oauth_once (space, key_hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        ))
        .bind(space)
        .bind(key_hash)
        .bind(expires_at.get());
        let done = self.hold().await?.ask(self.query_timeout, |connection| put.execute(connection)).await?;
        Ok(if done.rows_affected() == 1 { Put::Fresh } else { Put::Seen })
    }

    async fn consent_get(&self, sub: &str, client_id: &str) -> Result<Vec<String>, StoreError> {
        if !(is_name(sub) && is_name(client_id)) {
            return Ok(Vec::new());
        }
        let get =
            query_scalar(self.sql("SELECT scopes FROM {schema}.oauth_consents WHERE sub = $1 AND client_id = $2"))
                .bind(sub)
                .bind(client_id);
        let text: Option<String> =
            self.hold().await?.ask(self.query_timeout, |connection| get.fetch_optional(connection)).await?;
        text.map_or_else(|| Ok(Vec::new()), |text| scopes(&text))
    }

    async fn consent_save(&self, sub: &str, client_id: &str, scopes: &[&str]) -> Result<(), StoreError> {
        check_names([sub, client_id])?;
        let save = if scopes.is_empty() {
            query(self.sql("DELETE FROM {schema}.oauth_consents WHERE sub = $1 AND client_id = $2"))
                .bind(sub)
                .bind(client_id)
        } else {
            query(self.sql(
                "INSERT INTO {schema}.oauth_consents (sub, client_id, scopes) VALUES ($1, $2, $3) \
                 ON CONFLICT (sub, client_id) DO UPDATE SET scopes = excluded.scopes",
            ))
            .bind(sub)
            .bind(client_id)
            .bind(scopes_text(scopes)?)
        };
        self.hold().await?.ask(self.query_timeout, |connection| save.execute(connection)).await?;
        Ok(())
    }

    async fn purge(&self, before: UnixSeconds) -> Result<u64, StoreError> {
        let purge = query_scalar(self.sql(
            "WITH gone AS (DELETE FROM {schema}.oauth_grants WHERE expires_at <= $1 RETURNING 1), \
             spent AS (DELETE FROM {schema}.oauth_once WHERE expires_at <= $1 RETURNING 1) \
             SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM spent)",
        ))
        .bind(before.get());
        let gone: i64 = self.hold().await?.ask(self.query_timeout, |connection| purge.fetch_one(connection)).await?;
        counted(gone)
    }
}
