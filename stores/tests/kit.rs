//! The kit against the stores of this crate.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use scopegate_stores::{KeyStore, MemoryStore, SqliteStore, kit};

#[tokio::test(flavor = "multi_thread")]
async fn memory_holds_the_contract() {
    kit::check(Arc::new(MemoryStore::new()), 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_in_memory_holds_the_contract() {
    kit::check(Arc::new(SqliteStore::open("sqlite::memory:").await.unwrap()), 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_on_disk_holds_the_contract_and_remembers() {
    let file = std::env::temp_dir().join(format!("scopegate-kit-{}.db", std::process::id()));
    let url = format!("sqlite:{}", file.display());
    let store = Arc::new(SqliteStore::open(&url).await.unwrap());
    kit::check(Arc::clone(&store), 3).await.unwrap();
    let record = kit::sample("kit", 999_999).unwrap();
    store.insert(&record).await.unwrap();
    store.close().await;
    assert!(store.find(&record.id).await.is_err(), "a closed store is an outage, not an empty one");
    let again = SqliteStore::open(&url).await.unwrap();
    assert_eq!(again.find(&record.id).await.unwrap(), Some(record));
    again.close().await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
}
