//! Stores for Scopegate: the contracts, stores in memory, in SQLite, in PostgreSQL (feature `postgres`) and in Redis (feature `redis`), and
//! the [`kit`] that tests any implementation.
//!
//! Deciding only ever needs [`KeyStore::find`]; everything else is for issuing and managing keys, and [`GrantStore`] for an authorization
//! server. The contract is compare-and-swap: a record is replaced only by one made from the version that is stored, so no change is lost
//! and nothing revives a revoked key. A store says what it promises ([`Capabilities`]), so that a program can refuse to start on one that
//! promises too little.

mod capabilities;
mod documents;
mod error;
mod grants;
mod keys;
pub mod kit;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod row;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod service;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use self::capabilities::{Capabilities, Lacks};
pub use self::documents::{Document, DocumentStore};
pub use self::error::{StoreError, StoreErrorKind};
pub use self::grants::{GrantRow, GrantStore, MAX_HASH_BYTES, MAX_NAME_BYTES, MAX_ROW_BYTES, Put};
pub use self::keys::{Cursor, ExpiryCursor, Inserted, KeyStore, MAX_PAGE, Updated, may_replace};
pub use self::memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use self::postgres::PostgresStore;
#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
#[cfg(any(feature = "postgres", feature = "redis"))]
pub use self::service::ServiceOptions;
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;

/// What every store has.
pub trait Store: Send + Sync {
    /// What this store promises.
    fn capabilities(&self) -> Capabilities;
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
