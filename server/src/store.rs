//! The store of a running server: whichever of the kinds was asked for.

use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use scopegate_stores::{
    Capabilities, Cursor, ExpiryCursor, Inserted, KeyStore, MemoryStore, SqliteStore, Store, StoreError, Updated,
};

use crate::config::Database;

/// A store by kind.
#[derive(Debug)]
pub enum AnyStore {
    /// In memory.
    Memory(MemoryStore),
    /// SQLite.
    Sqlite(SqliteStore),
    /// A store that is always out of reach: for tests of outages.
    Broken,
}

impl AnyStore {
    /// Opens the store of a database.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened, or this build has no such store.
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        match database {
            Database::Memory => Ok(Self::Memory(MemoryStore::new())),
            Database::Sqlite(url) => SqliteStore::open(url).await.map(Self::Sqlite),
            Database::Postgres(_) | Database::Redis(_) => Err(StoreError::new("this build has no such store")),
        }
    }

    /// Ends every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Memory(_) | Self::Broken => {}
        }
    }
}

fn broken() -> StoreError {
    StoreError::new("broken on purpose")
}

impl Store for AnyStore {
    fn capabilities(&self) -> Capabilities {
        match self {
            Self::Memory(store) => store.capabilities(),
            Self::Sqlite(store) => store.capabilities(),
            Self::Broken => Capabilities::NONE,
        }
    }
}

impl KeyStore for AnyStore {
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        match self {
            Self::Memory(store) => store.find(id).await,
            Self::Sqlite(store) => store.find(id).await,
            Self::Broken => Err(broken()),
        }
    }

    async fn insert(&self, record: &KeyRecord) -> Result<Inserted, StoreError> {
        match self {
            Self::Memory(store) => store.insert(record).await,
            Self::Sqlite(store) => store.insert(record).await,
            Self::Broken => Err(broken()),
        }
    }

    async fn update(&self, expected: u64, record: &KeyRecord) -> Result<Updated, StoreError> {
        match self {
            Self::Memory(store) => store.update(expected, record).await,
            Self::Sqlite(store) => store.update(expected, record).await,
            Self::Broken => Err(broken()),
        }
    }

    async fn list(&self, owner: &str, after: Option<Cursor>, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        match self {
            Self::Memory(store) => store.list(owner, after, limit).await,
            Self::Sqlite(store) => store.list(owner, after, limit).await,
            Self::Broken => Err(broken()),
        }
    }

    async fn touch(&self, uses: &[(KeyId, UnixSeconds)]) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.touch(uses).await,
            Self::Sqlite(store) => store.touch(uses).await,
            Self::Broken => Err(broken()),
        }
    }

    async fn expiring(
        &self,
        before: UnixSeconds,
        after: ExpiryCursor,
        limit: usize,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        match self {
            Self::Memory(store) => store.expiring(before, after, limit).await,
            Self::Sqlite(store) => store.expiring(before, after, limit).await,
            Self::Broken => Err(broken()),
        }
    }

    async fn count(&self, owner: &str, active_at: Option<UnixSeconds>) -> Result<u64, StoreError> {
        match self {
            Self::Memory(store) => store.count(owner, active_at).await,
            Self::Sqlite(store) => store.count(owner, active_at).await,
            Self::Broken => Err(broken()),
        }
    }
}
