//! SQLite, through sqlx. Writes are in the journal before a call returns (`synchronous = FULL`), so what was acknowledged survives a crash.

use std::str::FromStr;
use std::time::Duration;

use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Row, query};

use crate::{Cursor, Inserted, KeyStore, MAX_PAGE, StoreError, Updated};

/// How long a call waits for another writer.
const BUSY: Duration = Duration::from_secs(5);

/// Keys in an SQLite database.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
}

fn unavailable(error: impl std::fmt::Display) -> StoreError {
    StoreError::new(error)
}

impl SqliteStore {
    /// Opens a database by URL, `sqlite:path/to/file.db` or `sqlite::memory:`, creates it when it is not there, and brings its tables up
    /// to date.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened or migrated.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(unavailable)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        // Every connection to a database in memory would be a database of its own.
        let in_memory = url.contains(":memory:") || url.contains("mode=memory");
        let pool = SqlitePoolOptions::new()
            .max_connections(if in_memory { 1 } else { 8 })
            .min_connections(u32::from(in_memory))
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(BUSY)
            .connect_with(options)
            .await
            .map_err(unavailable)?;
        sqlx::migrate!("migrations/sqlite").run(&pool).await.map_err(unavailable)?;
        Ok(Self { pool })
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn record(row: &SqliteRow) -> Result<KeyRecord, StoreError> {
    let text: String = row.try_get("record").map_err(unavailable)?;
    let last_used_at: Option<i64> = row.try_get("last_used_at").map_err(unavailable)?;
    // The text of the error may quote the record, which holds a hash: it is not passed on.
    let mut record: KeyRecord =
        serde_json::from_str(&text).map_err(|_| unavailable("a stored record cannot be read"))?;
    record.last_used_at = last_used_at.and_then(UnixSeconds::new);
    Ok(record)
}

fn text(record: &KeyRecord) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|_| unavailable("a record cannot be written"))
}

fn version(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version).map_err(|_| unavailable("a version is too large"))
}

impl KeyStore for SqliteStore {
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let row = query("SELECT record, last_used_at FROM api_keys WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        row.as_ref().map(record).transpose()
    }

    async fn insert(&self, record: &KeyRecord) -> Result<Inserted, StoreError> {
        let done = query(
            "INSERT INTO api_keys (id, owner, created_at, version, record, last_used_at) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(record.id.as_str())
        .bind(&*record.owner)
        .bind(record.created_at.get())
        .bind(version(record.version)?)
        .bind(text(record)?)
        .bind(record.last_used_at.map(UnixSeconds::get))
        .execute(&self.pool)
        .await
        .map_err(unavailable)?;
        Ok(if done.rows_affected() == 1 { Inserted::Done } else { Inserted::Exists })
    }

    async fn update(&self, expected: u64, record: &KeyRecord) -> Result<Updated, StoreError> {
        let done = query(
            "UPDATE api_keys SET version = ?1, record = ?2 WHERE id = ?3 AND version = ?4 AND version < ?1 \
             AND (json_extract(record, '$.revokedAt') IS NULL OR ?5)",
        )
        .bind(version(record.version)?)
        .bind(text(record)?)
        .bind(record.id.as_str())
        .bind(version(expected)?)
        .bind(record.revoked_at.is_some())
        .execute(&self.pool)
        .await
        .map_err(unavailable)?;
        if done.rows_affected() == 1 {
            return Ok(Updated::Done);
        }
        Ok(if self.find(&record.id).await?.is_some() { Updated::Conflict } else { Updated::Missing })
    }

    async fn list(&self, owner: &str, after: Option<Cursor>, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        let (created_at, id) =
            after.map_or((-1, String::new()), |after| (after.created_at.get(), after.id.to_string()));
        let rows = query(
            "SELECT record, last_used_at FROM api_keys WHERE owner = ? AND (created_at, id) > (?, ?) \
             ORDER BY created_at, id LIMIT ?",
        )
        .bind(owner)
        .bind(created_at)
        .bind(id)
        .bind(i64::try_from(limit.min(MAX_PAGE)).unwrap_or(0))
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        rows.iter().map(record).collect()
    }

    async fn touch(&self, uses: &[(KeyId, UnixSeconds)]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        for (id, at) in uses {
            query(
                "UPDATE api_keys SET last_used_at = ?1 WHERE id = ?2 AND (last_used_at IS NULL OR last_used_at < ?1)",
            )
            .bind(at.get())
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
        }
        transaction.commit().await.map_err(unavailable)
    }
}
