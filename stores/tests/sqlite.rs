//! SQLite: several that start at once, and databases of an earlier version.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;

use scopegate_stores::{ExpiryCursor, Inserted, KeyStore, SqliteStore, kit};
use sqlx::Connection;

/// Instances that start at once on a new file make the tables once.
#[tokio::test(flavor = "multi_thread")]
async fn many_may_start_at_once() {
    let file = Arc::new(support::File::new("start"));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let file = Arc::clone(&file);
            tokio::spawn(async move { SqliteStore::open(&file.url()).await.map(|_| ()) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

/// A database that the first version made keeps its keys, and can then list what ends soon.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_first_version_is_brought_up_to_date() {
    let file = support::File::new("first");
    let record = kit::sample("first", 1).unwrap();
    let mut old = sqlx::SqliteConnection::connect(&format!("{}?mode=rwc", file.url())).await.unwrap();
    sqlx::raw_sql(include_str!("../migrations/sqlite/0001_keys.sql")).execute(&mut old).await.unwrap();
    sqlx::query("INSERT INTO api_keys (id, owner, created_at, version, record) VALUES (?, ?, ?, 1, ?)")
        .bind(record.id.as_str())
        .bind(&*record.owner)
        .bind(record.created_at.get())
        .bind(serde_json::to_string(&record).unwrap())
        .execute(&mut old)
        .await
        .unwrap();
    old.close().await.unwrap();
    for _ in 0..2 {
        let store = SqliteStore::open(&file.url()).await.unwrap();
        assert_eq!(store.insert(&record).await.unwrap(), Inserted::Exists);
        let end = record.ends_at().unwrap();
        let ending = store.expiring(end, ExpiryCursor::start(record.created_at), 10).await.unwrap();
        assert_eq!(ending, std::slice::from_ref(&record));
        store.close().await;
    }
}
