//! SQLite: several that start at once, and databases of an earlier version.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;

use scopegate::key::lifecycle::{relabel, revoke};
use scopegate_stores::{ExpiryCursor, Inserted, KeyStore, SqliteStore, Updated, kit};
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

/// A record that a decision found is kept until the database changes, and not a moment longer: whoever changes it, by whatever way.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_decision_finds_is_never_older_than_the_database() {
    let file = support::File::new("shared");
    let (one, other) = (SqliteStore::open(&file.url()).await.unwrap(), SqliteStore::open(&file.url()).await.unwrap());
    let record = kit::sample("shared", 1).unwrap();
    one.insert(&record).await.unwrap();
    let shared = || async { one.find_shared(&record.id).await.unwrap().unwrap() };
    assert!(Arc::ptr_eq(&shared().await, &shared().await), "it is kept while nothing changes");
    let relabelled = relabel(&record, "other handle").unwrap();
    assert_eq!(other.update(1, &relabelled).await.unwrap(), Updated::Done);
    assert_eq!(*shared().await, relabelled);
    let revoked = revoke(&relabelled, record.created_at).unwrap();
    assert_eq!(one.update(2, &revoked).await.unwrap(), Updated::Done);
    assert_eq!(*shared().await, revoked);
    // A connection that knows nothing of stores, as a person's or a backup's.
    let mut stranger = sqlx::SqliteConnection::connect(&file.url()).await.unwrap();
    sqlx::raw_sql("UPDATE api_keys SET last_used_at = 1764000500").execute(&mut stranger).await.unwrap();
    assert_eq!(shared().await.last_used_at.unwrap().get(), 1_764_000_500);
    // What is not committed is not there.
    sqlx::raw_sql("BEGIN IMMEDIATE; DELETE FROM api_keys").execute(&mut stranger).await.unwrap();
    assert_eq!(shared().await.version, 3);
    sqlx::raw_sql("COMMIT").execute(&mut stranger).await.unwrap();
    assert!(one.find_shared(&record.id).await.unwrap().is_none());
    // Damage is an outage, and it ends.
    sqlx::raw_sql("ALTER TABLE api_keys RENAME TO gone").execute(&mut stranger).await.unwrap();
    assert!(one.find_shared(&record.id).await.is_err());
    sqlx::raw_sql("ALTER TABLE gone RENAME TO api_keys").execute(&mut stranger).await.unwrap();
    assert!(one.find_shared(&record.id).await.unwrap().is_none());
    one.close().await;
    assert!(one.find_shared(&record.id).await.is_err(), "a store that is closed answers nothing");
}
