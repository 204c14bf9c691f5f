//! SQLite, through sqlx. Writes are in the journal before a call returns (`synchronous = FULL`), so what was acknowledged survives a crash.

mod documents;
mod grants;
#[cfg(target_os = "linux")]
mod index;
#[cfg(not(target_os = "linux"))]
mod index {
    //! Elsewhere it cannot be told whether SQLite has the file that was opened.

    /// What a commit changes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) enum Header {}

    /// The index of a database.
    #[derive(Debug)]
    pub(super) enum Index {}

    impl Index {
        pub(super) fn open(_: &std::path::Path) -> Option<Self> {
            None
        }

        pub(super) fn header(&self) -> Option<Header> {
            match *self {}
        }
    }
}
mod kept;
mod reading;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Row, query, query_scalar, raw_sql};

use self::reading::Reading;
use crate::row::sql::{counted, is_owner, version};
use crate::row::{record, text};
use crate::{Capabilities, Cursor, ExpiryCursor, Inserted, KeyStore, MAX_PAGE, Store, StoreError, Updated};

/// How long a call waits for another writer.
const BUSY: Duration = Duration::from_secs(5);
/// How often and with what pauses a file that is locked at the start is tried again.
const START_ATTEMPTS: u32 = 100;
const START_PAUSE: Duration = Duration::from_millis(20);

/// The steps of the schema, in order. A step that was released is never edited.
const MIGRATIONS: [&str; 5] = [
    include_str!("../../migrations/sqlite/0001_keys.sql"),
    include_str!("../../migrations/sqlite/0002_ends.sql"),
    include_str!("../../migrations/sqlite/0003_grants.sql"),
    include_str!("../../migrations/sqlite/0004_grants_of.sql"),
    include_str!("../../migrations/sqlite/0005_documents.sql"),
];

/// Keys and grants in an SQLite database. Clones share their connections.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
    in_memory: bool,
    reading: Option<Arc<Reading>>,
}

fn unavailable(error: impl std::fmt::Display) -> StoreError {
    StoreError::new(error)
}

/// Connects. The change to the write-ahead log takes the whole file for a moment, and SQLite does not wait for that by itself: of several
/// that start at once on a new file all but one would be told that it is locked.
async fn connect(pool: SqlitePoolOptions, options: &SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    // SQLITE_BUSY and what extends it.
    let locked = |error: &sqlx::Error| {
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
        code.is_some_and(|code| code & 0xff == 5)
    };
    for _ in 0..START_ATTEMPTS {
        match pool.clone().connect_with(options.clone()).await {
            Err(error) if locked(&error) => tokio::time::sleep(START_PAUSE).await,
            done => return done,
        }
    }
    pool.connect_with(options.clone()).await
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
            .acquire_timeout(BUSY);
        let pool = connect(pool, &options).await.map_err(unavailable)?;
        let store = Self { pool, in_memory, reading: None };
        store.migrate().await.map_err(unavailable)?;
        let reading = if in_memory { None } else { Reading::open(url, options.get_filename()) };
        Ok(Self { reading: reading.map(Arc::new), ..store })
    }

    /// Closes every connection.
    pub async fn close(&self) {
        if let Some(reading) = &self.reading {
            reading.close();
        }
        self.pool.close().await;
    }

    /// Brings the tables up to date: in one transaction that writes from its start, so that of several instances at once one does it.
    async fn migrate(&self) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        raw_sql("CREATE TABLE IF NOT EXISTS scopegate_migrations (step INTEGER PRIMARY KEY NOT NULL) STRICT")
            .execute(&mut *transaction)
            .await?;
        let done: i64 = query_scalar("SELECT coalesce(max(step), 0) FROM scopegate_migrations")
            .fetch_one(&mut *transaction)
            .await?;
        for (step, migration) in (1_i64..).zip(MIGRATIONS).filter(|(step, _)| *step > done) {
            raw_sql(migration).execute(&mut *transaction).await?;
            query("INSERT INTO scopegate_migrations (step) VALUES (?)").bind(step).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }
}

fn read(row: &SqliteRow) -> Result<KeyRecord, StoreError> {
    record(row.try_get("record").map_err(unavailable)?, row.try_get("last_used_at").map_err(unavailable)?)
}

fn page(limit: usize) -> i64 {
    i64::try_from(limit.min(MAX_PAGE)).unwrap_or(0)
}

impl Store for SqliteStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { shared: !self.in_memory, durable: !self.in_memory, ..Capabilities::ALL }
    }
}

impl KeyStore for SqliteStore {
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let row = query("SELECT record, last_used_at FROM api_keys WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        row.as_ref().map(read).transpose()
    }

    fn find_now(&self, id: &KeyId) -> Option<Option<Arc<KeyRecord>>> {
        self.reading.as_ref()?.find_now(id)
    }

    async fn find_shared(&self, id: &KeyId) -> Result<Option<Arc<KeyRecord>>, StoreError> {
        let found = match &self.reading {
            Some(reading) => match reading.find_now(id) {
                Some(found) => Some(found),
                None => reading.find(id).await,
            },
            None => None,
        };
        match found {
            Some(found) => Ok(found),
            // Whatever is wrong, the pool waits for it as long as a call may, on a thread of its own.
            None => Ok(Box::pin(self.find(id)).await?.map(Arc::new)),
        }
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
             AND owner = ?5 AND created_at = ?6 AND (revoked_at IS NULL OR ?7)",
        )
        .bind(version(record.version)?)
        .bind(text(record)?)
        .bind(record.id.as_str())
        .bind(version(expected)?)
        .bind(&*record.owner)
        .bind(record.created_at.get())
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
        if !is_owner(owner) {
            return Ok(Vec::new());
        }
        let (created_at, id) =
            after.map_or((-1, String::new()), |after| (after.created_at.get(), after.id.to_string()));
        let rows = query(
            "SELECT record, last_used_at FROM api_keys WHERE owner = ? AND (created_at, id) > (?, ?) \
             ORDER BY created_at, id LIMIT ?",
        )
        .bind(owner)
        .bind(created_at)
        .bind(id)
        .bind(page(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        rows.iter().map(read).collect()
    }

    async fn touch(&self, uses: &[(KeyId, UnixSeconds)]) -> Result<(), StoreError> {
        let uses: Vec<_> = uses.iter().map(|(id, at)| (id.as_str(), at.get())).collect();
        query(
            "UPDATE api_keys SET last_used_at = uses.at FROM (SELECT value ->> 0 AS id, max(value ->> 1) AS at \
             FROM json_each(?) GROUP BY 1) AS uses \
             WHERE api_keys.id = uses.id AND (last_used_at IS NULL OR last_used_at < uses.at)",
        )
        .bind(serde_json::to_string(&uses).map_err(unavailable)?)
        .execute(&self.pool)
        .await
        .map_err(unavailable)?;
        Ok(())
    }

    async fn expiring(
        &self,
        before: UnixSeconds,
        after: ExpiryCursor,
        limit: usize,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = query(
            "SELECT record, last_used_at FROM api_keys WHERE revoked_at IS NULL AND ends_at <= ?1 \
             AND ends_at >= ?2 AND (ends_at > ?2 OR id > ?3) ORDER BY ends_at, id LIMIT ?4",
        )
        .bind(before.get())
        .bind(after.ends_at.get())
        .bind(after.id.map(|id| id.to_string()))
        .bind(page(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        rows.iter().map(read).collect()
    }

    async fn count(&self, owner: &str, active_at: Option<UnixSeconds>) -> Result<u64, StoreError> {
        if !is_owner(owner) {
            return Ok(0);
        }
        let count: i64 = query_scalar(
            "SELECT count(*) FROM api_keys WHERE owner = ?1 \
             AND (?2 IS NULL OR (revoked_at IS NULL AND (ends_at IS NULL OR ends_at > ?2)))",
        )
        .bind(owner)
        .bind(active_at.map(UnixSeconds::get))
        .fetch_one(&self.pool)
        .await
        .map_err(unavailable)?;
        counted(count)
    }
}
