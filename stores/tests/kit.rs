//! The kit against the stores of this crate: those in memory and on disk always, those of a server when its URL is set, as
//! `scripts/with-services` does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::sync::Arc;

#[cfg(feature = "sqlite")]
use scopegate_stores::{Capabilities, SqliteStore, Store};
use scopegate_stores::{GrantStore, KeyStore, MemoryStore, kit};

/// The whole kit, on one handle and on two.
async fn holds<S: KeyStore + GrantStore + 'static>(one: S, other: S) {
    let (one, other) = (Arc::new(one), Arc::new(other));
    kit::check(Arc::clone(&one), 1).await.unwrap();
    kit::check_pair(Arc::clone(&one), Arc::clone(&other), 2).await.unwrap();
    kit::check_grants(Arc::clone(&one), 1).await.unwrap();
    kit::check_grants_pair(one, other, 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_holds_the_contract() {
    let store = MemoryStore::new();
    holds(store.clone(), store).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_in_memory_holds_the_contract() {
    let store = SqliteStore::open("sqlite::memory:").await.unwrap();
    let promised = store.capabilities();
    assert_eq!((promised.shared, promised.durable), (false, false), "it is gone with its process");
    holds(store.clone(), store).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_on_disk_holds_the_contract_and_remembers() {
    let file = support::File::new("kit");
    let (one, other) = (SqliteStore::open(&file.url()).await.unwrap(), SqliteStore::open(&file.url()).await.unwrap());
    assert_eq!(one.capabilities(), Capabilities::ALL);
    holds(one.clone(), other.clone()).await;
    let record = kit::sample("kit", 999_999).unwrap();
    one.insert(&record).await.unwrap();
    one.close().await;
    other.close().await;
    assert!(one.find(&record.id).await.is_err(), "a closed store is an outage, not an empty one");
    let again = SqliteStore::open(&file.url()).await.unwrap();
    assert_eq!(again.find(&record.id).await.unwrap(), Some(record));
    again.close().await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn postgres_holds_the_contract() {
    use scopegate_stores::PostgresStore;
    let Some(url) = support::service("SCOPEGATE_POSTGRES_URL") else { return };
    let options = support::options("kit");
    let (one, other) = tokio::join!(PostgresStore::open_with(&url, &options), PostgresStore::open_with(&url, &options));
    holds(one.unwrap(), other.unwrap()).await;
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread")]
async fn redis_holds_the_contract() {
    use scopegate_stores::RedisStore;
    let Some(url) = support::service("SCOPEGATE_REDIS_URL") else { return };
    let options = support::options("kit");
    let (one, other) = tokio::join!(RedisStore::open_with(&url, &options), RedisStore::open_with(&url, &options));
    holds(one.unwrap(), other.unwrap()).await;
}
