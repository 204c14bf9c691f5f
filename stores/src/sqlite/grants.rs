//! Grants in SQLite.

use scopegate::time::UnixSeconds;
use sqlx::{Row, query, query_scalar};

use super::{SqliteStore, page, unavailable};
use crate::grants::{check_hash, check_names, check_row, is_name};
use crate::row::sql::{stored_version, version};
use crate::row::{scopes, scopes_text};
use crate::{GrantRow, GrantStore, Inserted, Put, StoreError, Updated};

impl GrantStore for SqliteStore {
    async fn grant_insert(
        &self,
        id: &str,
        sub: &str,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Inserted, StoreError> {
        check_names([id, sub])?;
        check_row(row)?;
        let done = query(
            "INSERT INTO oauth_grants (id, sub, body, version, expires_at) VALUES (?, ?, ?, 1, ?) ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(sub)
        .bind(row)
        .bind(expires_at.get())
        .execute(&self.pool)
        .await
        .map_err(unavailable)?;
        Ok(if done.rows_affected() == 1 { Inserted::Done } else { Inserted::Exists })
    }

    async fn grant_get(&self, id: &str) -> Result<Option<GrantRow>, StoreError> {
        if !is_name(id) {
            return Ok(None);
        }
        let row = query("SELECT body, version FROM oauth_grants WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
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
        let done = query(
            "UPDATE oauth_grants SET body = ?, version = version + 1, expires_at = ? WHERE id = ? AND version = ?",
        )
        .bind(row)
        .bind(expires_at.get())
        .bind(id)
        .bind(version(expect_version)?)
        .execute(&self.pool)
        .await
        .map_err(unavailable)?;
        if done.rows_affected() == 1 {
            return Ok(Updated::Done);
        }
        let exists: bool = query_scalar("SELECT EXISTS (SELECT 1 FROM oauth_grants WHERE id = ?)")
            .bind(id)
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(if exists { Updated::Conflict } else { Updated::Missing })
    }

    async fn grants_of(&self, sub: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        if !is_name(sub) {
            return Ok(Vec::new());
        }
        // No id is empty.
        query_scalar("SELECT id FROM oauth_grants WHERE sub = ? AND id > ? ORDER BY id LIMIT ?")
            .bind(sub)
            .bind(after.unwrap_or_default())
            .bind(page(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)
    }

    async fn put_once(&self, space: &str, key_hash: &[u8], expires_at: UnixSeconds) -> Result<Put, StoreError> {
        check_names([space])?;
        check_hash(key_hash)?;
        let done =
            query("INSERT INTO oauth_once (space, key_hash, expires_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
                .bind(space)
                .bind(key_hash)
                .bind(expires_at.get())
                .execute(&self.pool)
                .await
                .map_err(unavailable)?;
        Ok(if done.rows_affected() == 1 { Put::Fresh } else { Put::Seen })
    }

    async fn consent_get(&self, sub: &str, client_id: &str) -> Result<Vec<String>, StoreError> {
        if !(is_name(sub) && is_name(client_id)) {
            return Ok(Vec::new());
        }
        let text: Option<String> = query_scalar("SELECT scopes FROM oauth_consents WHERE sub = ? AND client_id = ?")
            .bind(sub)
            .bind(client_id)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        text.map_or_else(|| Ok(Vec::new()), |text| scopes(&text))
    }

    async fn consent_save(&self, sub: &str, client_id: &str, scopes: &[&str]) -> Result<(), StoreError> {
        check_names([sub, client_id])?;
        let save = if scopes.is_empty() {
            query("DELETE FROM oauth_consents WHERE sub = ? AND client_id = ?").bind(sub).bind(client_id)
        } else {
            query(
                "INSERT INTO oauth_consents (sub, client_id, scopes) VALUES (?, ?, ?) \
                 ON CONFLICT (sub, client_id) DO UPDATE SET scopes = excluded.scopes",
            )
            .bind(sub)
            .bind(client_id)
            .bind(scopes_text(scopes)?)
        };
        save.execute(&self.pool).await.map_err(unavailable)?;
        Ok(())
    }

    async fn purge(&self, before: UnixSeconds) -> Result<u64, StoreError> {
        let mut gone = 0_u64;
        for statement in
            ["DELETE FROM oauth_grants WHERE expires_at <= ?", "DELETE FROM oauth_once WHERE expires_at <= ?"]
        {
            let done = query(statement).bind(before.get()).execute(&self.pool).await.map_err(unavailable)?;
            gone = gone.saturating_add(done.rows_affected());
        }
        Ok(gone)
    }
}
