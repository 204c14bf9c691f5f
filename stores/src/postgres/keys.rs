//! Keys in PostgreSQL.

use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use sqlx::postgres::PgRow;
use sqlx::{Row, query, query_scalar};

use super::{PostgresStore, unavailable};
use crate::row::sql::{counted, is_owner, version};
use crate::row::{record, text};
use crate::{Cursor, ExpiryCursor, Inserted, KeyStore, MAX_PAGE, StoreError, Updated};

fn read(row: &PgRow) -> Result<KeyRecord, StoreError> {
    record(row.try_get("record").map_err(unavailable)?, row.try_get("last_used_at").map_err(unavailable)?)
}

fn page(limit: usize) -> i64 {
    i64::try_from(limit.min(MAX_PAGE)).unwrap_or(0)
}

impl KeyStore for PostgresStore {
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let find =
            query(self.sql("SELECT record, last_used_at FROM {schema}.api_keys WHERE id = $1")).bind(id.as_str());
        let row = self.hold().await?.ask(self.query_timeout, |connection| find.fetch_optional(connection)).await?;
        row.as_ref().map(read).transpose()
    }

    async fn insert(&self, record: &KeyRecord) -> Result<Inserted, StoreError> {
        let insert = query(self.sql(
            "INSERT INTO {schema}.api_keys (id, owner, created_at, ends_at, revoked, version, record, last_used_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
        ))
        .bind(record.id.as_str())
        .bind(&*record.owner)
        .bind(record.created_at.get())
        .bind(record.ends_at().map(UnixSeconds::get))
        .bind(record.revoked_at.is_some())
        .bind(version(record.version)?)
        .bind(text(record)?)
        .bind(record.last_used_at.map(UnixSeconds::get));
        let done = self.hold().await?.ask(self.query_timeout, |connection| insert.execute(connection)).await?;
        Ok(if done.rows_affected() == 1 { Inserted::Done } else { Inserted::Exists })
    }

    async fn update(&self, expected: u64, record: &KeyRecord) -> Result<Updated, StoreError> {
        // When another caller holds the row, this waits and then reads it again: the version it then finds is another one.
        let update = query(self.sql(
            "UPDATE {schema}.api_keys SET version = $1, record = $2, ends_at = $3, revoked = $4 \
             WHERE id = $5 AND version = $6 AND version < $1 AND owner = $7 AND created_at = $8 AND ($4 OR NOT revoked)",
        ))
        .bind(version(record.version)?)
        .bind(text(record)?)
        .bind(record.ends_at().map(UnixSeconds::get))
        .bind(record.revoked_at.is_some())
        .bind(record.id.as_str())
        .bind(version(expected)?)
        .bind(&*record.owner)
        .bind(record.created_at.get());
        let done = self.hold().await?.ask(self.query_timeout, |connection| update.execute(connection)).await?;
        if done.rows_affected() == 1 {
            return Ok(Updated::Done);
        }
        Ok(if self.find(&record.id).await?.is_some() { Updated::Conflict } else { Updated::Missing })
    }

    async fn list(&self, owner: &str, after: Option<Cursor>, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        if !is_owner(owner) {
            return Ok(Vec::new());
        }
        let (created_at, id) =
            after.map_or((-1, String::new()), |after| (after.created_at.get(), after.id.to_string()));
        let list = query(self.sql(
            "SELECT record, last_used_at FROM {schema}.api_keys WHERE owner = $1 AND (created_at, id) > ($2, $3) \
             ORDER BY created_at, id LIMIT $4",
        ))
        .bind(owner)
        .bind(created_at)
        .bind(id)
        .bind(page(limit));
        let rows = self.hold().await?.ask(self.query_timeout, |connection| list.fetch_all(connection)).await?;
        rows.iter().map(read).collect()
    }

    async fn touch(&self, uses: &[(KeyId, UnixSeconds)]) -> Result<(), StoreError> {
        // Rows are locked in one order, so that two batches never wait for each other.
        let touch = query(self.sql(
            "WITH uses AS (SELECT id, max(at) AS at FROM unnest($1::text[], $2::bigint[]) AS uses (id, at) GROUP BY id), \
             held AS (SELECT k.id, uses.at FROM {schema}.api_keys k JOIN uses ON k.id = uses.id \
             WHERE k.last_used_at IS NULL OR k.last_used_at < uses.at ORDER BY k.id FOR NO KEY UPDATE OF k) \
             UPDATE {schema}.api_keys k SET last_used_at = held.at FROM held \
             WHERE k.id = held.id AND (k.last_used_at IS NULL OR k.last_used_at < held.at)",
        ))
        .bind(uses.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>())
        .bind(uses.iter().map(|(_, at)| at.get()).collect::<Vec<_>>());
        self.hold().await?.ask(self.query_timeout, |connection| touch.execute(connection)).await?;
        Ok(())
    }

    async fn expiring(
        &self,
        before: UnixSeconds,
        after: ExpiryCursor,
        limit: usize,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        let expiring = query(self.sql(
            "SELECT record, last_used_at FROM {schema}.api_keys WHERE NOT revoked AND ends_at <= $1 \
             AND ends_at >= $2 AND (ends_at > $2 OR id > $3) ORDER BY ends_at, id LIMIT $4",
        ))
        .bind(before.get())
        .bind(after.ends_at.get())
        .bind(after.id.map(|id| id.to_string()))
        .bind(page(limit));
        let rows = self.hold().await?.ask(self.query_timeout, |connection| expiring.fetch_all(connection)).await?;
        rows.iter().map(read).collect()
    }

    async fn count(&self, owner: &str, active_at: Option<UnixSeconds>) -> Result<u64, StoreError> {
        if !is_owner(owner) {
            return Ok(0);
        }
        let count = query_scalar(self.sql(
            "SELECT count(*) FROM {schema}.api_keys WHERE owner = $1 \
             AND ($2::bigint IS NULL OR (NOT revoked AND (ends_at IS NULL OR ends_at > $2)))",
        ))
        .bind(owner)
        .bind(active_at.map(UnixSeconds::get));
        let count: i64 = self.hold().await?.ask(self.query_timeout, |connection| count.fetch_one(connection)).await?;
        counted(count)
    }
}
