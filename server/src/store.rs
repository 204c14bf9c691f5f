//! The store of a running server: whichever of the kinds was asked for.

use std::sync::Arc;

use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use scopegate_stores::{
    Capabilities, Cursor, Document, DocumentStore, ExpiryCursor, GrantRow, GrantStore, Inserted, KeyStore, MemoryStore,
    PostgresStore, Put, RedisStore, SqliteStore, Store, StoreError, Updated,
};

use crate::config::Database;

/// A store by kind.
#[derive(Debug)]
pub enum AnyStore {
    /// In memory.
    Memory(MemoryStore),
    /// SQLite.
    Sqlite(SqliteStore),
    /// PostgreSQL.
    Postgres(PostgresStore),
    /// Redis.
    Redis(RedisStore),
    /// A store that is always out of reach: for tests of outages.
    Broken,
}

impl AnyStore {
    /// Opens the store of a database.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened, or promises less than managing keys needs.
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        let store = match database {
            Database::Memory => Self::Memory(MemoryStore::new()),
            Database::Sqlite(url) => Self::Sqlite(SqliteStore::open(url).await?),
            Database::Postgres(url) => Self::Postgres(PostgresStore::open(url).await?),
            Database::Redis(url) => Self::Redis(RedisStore::open(url).await?),
        };
        store.capabilities().require(Capabilities::FOR_KEYS).map_err(StoreError::new)?;
        Ok(store)
    }

    /// Ends every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
            Self::Memory(_) | Self::Redis(_) | Self::Broken => {}
        }
    }
}

/// Hands a call to the store that is there.
macro_rules! ask {
    ($any:expr, $store:ident => $call:expr) => {
        match $any {
            AnyStore::Memory($store) => $call,
            AnyStore::Sqlite($store) => $call,
            AnyStore::Postgres($store) => $call,
            AnyStore::Redis($store) => $call,
            AnyStore::Broken => Err(StoreError::new("broken on purpose")),
        }
    };
}

impl Store for AnyStore {
    fn capabilities(&self) -> Capabilities {
        match self {
            Self::Memory(store) => store.capabilities(),
            Self::Sqlite(store) => store.capabilities(),
            Self::Postgres(store) => store.capabilities(),
            Self::Redis(store) => store.capabilities(),
            Self::Broken => Capabilities::NONE,
        }
    }
}

impl KeyStore for AnyStore {
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        ask!(self, store => store.find(id).await)
    }

    async fn find_shared(&self, id: &KeyId) -> Result<Option<Arc<KeyRecord>>, StoreError> {
        // Of what waits for a service only the box is part of every request.
        match self {
            Self::Memory(store) => store.find_shared(id).await,
            Self::Sqlite(store) => store.find_shared(id).await,
            others => Box::pin(async move { ask!(others, store => store.find_shared(id).await) }).await,
        }
    }

    fn find_now(&self, id: &KeyId) -> Option<Option<Arc<KeyRecord>>> {
        match self {
            Self::Memory(store) => store.find_now(id),
            Self::Sqlite(store) => store.find_now(id),
            Self::Postgres(_) | Self::Redis(_) | Self::Broken => None,
        }
    }

    async fn insert(&self, record: &KeyRecord) -> Result<Inserted, StoreError> {
        ask!(self, store => store.insert(record).await)
    }

    async fn update(&self, expected: u64, record: &KeyRecord) -> Result<Updated, StoreError> {
        ask!(self, store => store.update(expected, record).await)
    }

    async fn list(&self, owner: &str, after: Option<Cursor>, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        ask!(self, store => store.list(owner, after, limit).await)
    }

    async fn touch(&self, uses: &[(KeyId, UnixSeconds)]) -> Result<(), StoreError> {
        ask!(self, store => store.touch(uses).await)
    }

    async fn expiring(
        &self,
        before: UnixSeconds,
        after: ExpiryCursor,
        limit: usize,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        ask!(self, store => store.expiring(before, after, limit).await)
    }

    async fn count(&self, owner: &str, active_at: Option<UnixSeconds>) -> Result<u64, StoreError> {
        ask!(self, store => store.count(owner, active_at).await)
    }

    async fn list_active(
        &self,
        owner: &str,
        at: UnixSeconds,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        ask!(self, store => store.list_active(owner, at, after, limit).await)
    }
}

impl GrantStore for AnyStore {
    async fn grant_insert(
        &self,
        id: &str,
        sub: &str,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Inserted, StoreError> {
        ask!(self, store => store.grant_insert(id, sub, row, expires_at).await)
    }

    async fn grants_of(&self, sub: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        ask!(self, store => store.grants_of(sub, after, limit).await)
    }

    async fn grant_get(&self, id: &str) -> Result<Option<GrantRow>, StoreError> {
        ask!(self, store => store.grant_get(id).await)
    }

    async fn grant_swap(
        &self,
        id: &str,
        expect_version: u64,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Updated, StoreError> {
        ask!(self, store => store.grant_swap(id, expect_version, row, expires_at).await)
    }

    async fn put_once(&self, space: &str, key_hash: &[u8], expires_at: UnixSeconds) -> Result<Put, StoreError> {
        ask!(self, store => store.put_once(space, key_hash, expires_at).await)
    }

    async fn consent_get(&self, sub: &str, client_id: &str) -> Result<Vec<String>, StoreError> {
        ask!(self, store => store.consent_get(sub, client_id).await)
    }

    async fn consent_save(&self, sub: &str, client_id: &str, scopes: &[&str]) -> Result<(), StoreError> {
        ask!(self, store => store.consent_save(sub, client_id, scopes).await)
    }

    async fn purge(&self, before: UnixSeconds) -> Result<u64, StoreError> {
        ask!(self, store => store.purge(before).await)
    }
}

impl DocumentStore for AnyStore {
    async fn document_insert(&self, space: &str, id: &str, body: &[u8]) -> Result<Inserted, StoreError> {
        ask!(self, store => store.document_insert(space, id, body).await)
    }

    async fn document_get(&self, space: &str, id: &str) -> Result<Option<Document>, StoreError> {
        ask!(self, store => store.document_get(space, id).await)
    }

    async fn document_swap(
        &self,
        space: &str,
        id: &str,
        expect_version: u64,
        body: &[u8],
    ) -> Result<Updated, StoreError> {
        ask!(self, store => store.document_swap(space, id, expect_version, body).await)
    }

    async fn document_remove(&self, space: &str, id: &str) -> Result<bool, StoreError> {
        ask!(self, store => store.document_remove(space, id).await)
    }
}
