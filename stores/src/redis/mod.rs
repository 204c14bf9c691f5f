//! Redis and Valkey, through the redis crate. What reads and writes at once is one Lua script, which the server runs alone.
//!
//! Nothing has a time to live: a server that forgets by its own clock would forget what this clock still needs, and one that runs out of
//! memory evicts only what has one, unless it is set up to evict anything, which is refused. Every key carries the same hash tag, so that a
//! script finds all of them on one node of a cluster.

mod documents;
mod grants;
mod keys;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, InfoDict, RedisError, RedisResult, ScriptInvocation};
use tokio::time::timeout;

use crate::service::timed_out;
use crate::{Capabilities, ServiceOptions, Store, StoreError, StoreErrorKind};

/// Keys and grants in Redis. Clones share their connection.
#[derive(Clone)]
pub struct RedisStore {
    line: Arc<Line>,
    prefix: Arc<str>,
}

/// The connection, shared by all calls. One that failed is replaced: the manager would reconnect after most failures, but keep a failure to
/// sign in for ever, and wait for a peer that is gone for as long as the network does.
struct Line {
    client: Client,
    config: ConnectionManagerConfig,
    current: RwLock<(u64, ConnectionManager)>,
    limit: Duration,
}

impl fmt::Debug for RedisStore {
    /// Without the connection, which holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

fn unavailable(error: &RedisError) -> StoreError {
    if error.is_timeout() { timed_out() } else { StoreError::new(error) }
}

fn unsuitable(what: &str) -> StoreError {
    StoreError::of(StoreErrorKind::Unsuitable, what)
}

impl Line {
    /// Asks within a limit.
    async fn ask<T, F, A>(&self, ask: F) -> Result<T, StoreError>
    where
        F: FnOnce(ConnectionManager) -> A,
        A: Future<Output = RedisResult<T>> + Send,
    {
        let (number, manager) = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let error = match timeout(self.limit, ask(manager)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => unavailable(&error),
            Err(_) => timed_out(),
        };
        self.replace(number);
        Err(error)
    }

    /// Puts a fresh connection in the place of one that failed, unless another caller has done so.
    fn replace(&self, failed: u64) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.0 == failed
            && let Ok(fresh) = ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone())
        {
            *current = (failed.wrapping_add(1), fresh);
        }
    }
}

impl RedisStore {
    /// Opens a server by URL, `redis://user:password@host:port/database`, with the prefix `scopegate`.
    ///
    /// # Errors
    /// As [`RedisStore::open_with`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, &ServiceOptions::default()).await
    }

    /// Opens a server by URL. Everything of this namespace is below the prefix `{namespace}:`.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be reached, when it is a replica, which would answer with what was, and when it is set up to throw
    /// away keys that have no time to live.
    pub async fn open_with(url: &str, options: &ServiceOptions<'_>) -> Result<Self, StoreError> {
        options.check()?;
        // The client asks for the process's provider of cryptography; one that the program has chosen stays.
        #[cfg(feature = "tls")]
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The text of the error may quote the URL, which holds a password.
        let client = Client::open(url).map_err(|_| unsuitable("the URL of Redis cannot be read"))?;
        let limit = options.query_timeout.saturating_add(options.connect_timeout);
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.query_timeout))
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(50));
        let first = ConnectionManager::new_lazy_with_config(client.clone(), config.clone())
            .map_err(|error| unavailable(&error))?;
        let line = Line { client, config, current: RwLock::new((0, first)), limit };
        let store = Self { line: Arc::new(line), prefix: format!("{{{}}}", options.namespace).into() };
        store.refuse_unsuitable().await?;
        Ok(store)
    }

    async fn refuse_unsuitable(&self) -> Result<(), StoreError> {
        let info: InfoDict = self
            .line
            .ask(|mut connection| async move { redis::cmd("INFO").query_async(&mut connection).await })
            .await?;
        let role: Option<String> = info.get("role");
        if role.is_some_and(|role| role != "master") {
            return Err(unsuitable("it is a replica, which lags behind"));
        }
        let policy: Option<String> = info.get("maxmemory_policy");
        let limit: Option<u64> = info.get("maxmemory");
        if limit != Some(0) && policy.is_some_and(|policy| policy.starts_with("allkeys-")) {
            return Err(unsuitable(
                "its maxmemory-policy evicts any key; set noeviction, or a policy of the volatile kind",
            ));
        }
        Ok(())
    }

    /// The name of a key.
    fn name(&self, kind: &str, id: &str) -> String {
        format!("{}:{kind}:{id}", self.prefix)
    }

    /// Runs a script.
    async fn run<T: FromRedisValue + Send>(&self, call: ScriptInvocation<'_>) -> Result<T, StoreError> {
        self.line.ask(|mut connection| async move { call.invoke_async(&mut connection).await }).await
    }

    /// Runs one command.
    async fn command<T: FromRedisValue + Send>(&self, command: redis::Cmd) -> Result<T, StoreError> {
        self.line.ask(|mut connection| async move { command.query_async(&mut connection).await }).await
    }
}

/// A script, made once: its name on the server is the hash of its text.
macro_rules! script {
    ($file:literal) => {{
        static SCRIPT: std::sync::LazyLock<redis::Script> =
            std::sync::LazyLock::new(|| redis::Script::new(include_str!($file)));
        &*SCRIPT
    }};
}
use script;

impl Store for RedisStore {
    /// Durable is what its persistence makes of it: see the manual of the crate.
    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: false, ..Capabilities::ALL }
    }
}
