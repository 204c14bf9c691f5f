//! PostgreSQL, through sqlx. Every statement stands alone, in the default isolation (read committed): a row is changed only by a statement
//! that names the version it expects.

mod documents;
mod grants;
mod keys;
mod migrate;

use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Postgres};
use tokio::time::timeout;

use crate::service::timed_out;
use crate::{Capabilities, ServiceOptions, Store, StoreError, StoreErrorKind};

/// A connection that was idle for this long is tried before it is used.
const STALE: Duration = Duration::from_secs(1);
const STANDBY: &str = "it is a standby, which lags behind";

/// Keys and grants in a PostgreSQL database. Clones share their connections.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    schema: Box<str>,
    query_timeout: Duration,
    /// Whether the last new connection led to a standby.
    standby: Arc<AtomicBool>,
}

/// What the database said, without the values that a message may quote in its details.
fn unavailable(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolTimedOut => timed_out(),
        error => StoreError::new(error),
    }
}

/// A connection that goes back to the pool only when its question was answered: what was cut off in the middle is closed, and never
/// waited for again.
struct Held {
    connection: PoolConnection<Postgres>,
    answered: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.answered {
            self.connection.close_on_drop();
        }
    }
}

impl Held {
    /// Asks within a limit.
    async fn ask<'c, T, F, A>(&'c mut self, limit: Duration, ask: F) -> Result<T, StoreError>
    where
        F: FnOnce(&'c mut PgConnection) -> A,
        A: Future<Output = Result<T, sqlx::Error>> + Send,
    {
        self.answered = false;
        let outcome = timeout(limit, ask(&mut self.connection)).await.map_err(|_| timed_out())?;
        self.answered = true;
        outcome.map_err(unavailable)
    }
}

impl PostgresStore {
    /// Opens a database by URL, `postgres://user:password@host:port/database`, with the schema `scopegate`.
    ///
    /// # Errors
    /// As [`PostgresStore::open_with`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, &ServiceOptions::default()).await
    }

    /// Opens a database by URL and brings the tables in the schema of this namespace up to date; it is made when it is not there. A user who
    /// may make neither can use what another has made.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be reached or migrated, and when it is a standby, which would answer with what was. Every connection is
    /// held to that, also those that are made later: a failover may leave the same address to a standby.
    pub async fn open_with(url: &str, options: &ServiceOptions<'_>) -> Result<Self, StoreError> {
        options.check()?;
        // The text of the error may quote the URL, which holds a password.
        let unreadable = || StoreError::of(StoreErrorKind::Unsuitable, "the URL of PostgreSQL cannot be read");
        let is_ours = url.starts_with("postgres://") || url.starts_with("postgresql://");
        let connect = is_ours
            .then(|| PgConnectOptions::from_str(url).ok())
            .flatten()
            .ok_or_else(unreadable)?
            .application_name("scopegate")
            .disable_statement_logging();
        let standby = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&standby);
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.connect_timeout)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let seen = Arc::clone(&seen);
                Box::pin(async move {
                    let is_standby = migrate::is_standby(connection).await?;
                    seen.store(is_standby, Ordering::Relaxed);
                    if is_standby { Err(sqlx::Error::Configuration(STANDBY.into())) } else { Ok(()) }
                })
            })
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > STALE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(connect);
        let store = Self { pool, schema: options.namespace.into(), query_timeout: options.query_timeout, standby };
        let schema = &store.schema;
        // Another instance may be migrating: that may take longer than a question.
        let limit = options.query_timeout.saturating_mul(30);
        store.hold().await?.ask(limit, |connection| migrate::run(connection, schema)).await?;
        Ok(store)
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn hold(&self) -> Result<Held, StoreError> {
        let connection = self.pool.acquire().await.map_err(|error| match error {
            sqlx::Error::PoolTimedOut if self.standby.load(Ordering::Relaxed) => {
                StoreError::of(StoreErrorKind::Unsuitable, STANDBY)
            }
            error => unavailable(error),
        })?;
        Ok(Held { connection, answered: true })
    }

    /// A statement about the tables of this store's schema.
    fn sql(&self, statement: &str) -> AssertSqlSafe<String> {
        in_schema(statement, &self.schema)
    }
}

/// The schema is `[a-z][a-z0-9_]*`: [`ServiceOptions`] was checked.
fn in_schema(statement: &str, schema: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(statement.replace("{schema}", schema))
}

impl Store for PostgresStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }
}
