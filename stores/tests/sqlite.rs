//! SQLite: several that start at once, and databases of an earlier version.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// What another process commits is seen at once, and what it leaves when it is killed does no harm.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_commits_is_seen_at_once() {
    let file = support::File::new("process");
    let store = SqliteStore::open(&file.url()).await.unwrap();
    let mut record = kit::sample("process", 1).unwrap();
    store.insert(&record).await.unwrap();
    for _ in 0..3 {
        assert_eq!(*store.find_shared(&record.id).await.unwrap().unwrap(), record);
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["another_process", "--exact", "--nocapture"])
            .env("SCOPEGATE_TEST_DATABASE", file.url())
            .status()
            .unwrap();
        assert!(!status.success(), "it ends before its transaction does");
        record = relabel(&record, "from elsewhere").unwrap();
        assert_eq!(*store.find_shared(&record.id).await.unwrap().unwrap(), record);
    }
}

/// The other process of the test above: changes a record, and ends within the next change.
#[tokio::test]
async fn another_process() {
    let Some(url) = std::env::var_os("SCOPEGATE_TEST_DATABASE") else { return };
    let url = url.into_string().unwrap();
    let store = SqliteStore::open(&url).await.unwrap();
    let id = kit::sample("process", 1).unwrap().id;
    let seen = store.find(&id).await.unwrap().unwrap();
    let done = store.update(seen.version, &relabel(&seen, "from elsewhere").unwrap()).await.unwrap();
    assert_eq!(done, Updated::Done);
    let mut stranger = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE; DELETE FROM api_keys").execute(&mut stranger).await.unwrap();
    std::process::exit(1);
}

/// Many read while one writes: what a decision finds after an update has returned is that update, or a later one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_look_is_older_than_the_last_update_that_returned() {
    let file = support::File::new("looks");
    let (one, other) = (SqliteStore::open(&file.url()).await.unwrap(), SqliteStore::open(&file.url()).await.unwrap());
    let mut record = kit::sample("looks", 1).unwrap();
    one.insert(&record).await.unwrap();
    let returned = Arc::new(AtomicU64::new(1));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (one, returned, id) = (one.clone(), Arc::clone(&returned), record.id);
            tokio::spawn(async move {
                let mut looks = 0_u64;
                while returned.load(Ordering::SeqCst) < u64::MAX {
                    let least = returned.load(Ordering::SeqCst);
                    let found = match one.find_now(&id) {
                        Some(found) => found.unwrap(),
                        None => one.find_shared(&id).await.unwrap().unwrap(),
                    };
                    assert!(least == u64::MAX || found.version >= least, "{} is older than {least}", found.version);
                    looks += 1;
                    tokio::task::yield_now().await;
                }
                looks
            })
        })
        .collect();
    for number in 0..200 {
        let writer = if number % 2 == 0 { &one } else { &other };
        let next = relabel(&record, &format!("number {number}")).unwrap();
        assert_eq!(writer.update(record.version, &next).await.unwrap(), Updated::Done);
        record = next;
        returned.store(record.version, Ordering::SeqCst);
    }
    returned.store(u64::MAX, Ordering::SeqCst);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
}

/// Without the index of the write-ahead log a store tells the same: it asks the database.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_finds_no_index_sees_every_commit_as_well() {
    let file = support::File::new("deleted");
    let one = SqliteStore::open(&file.url()).await.unwrap();
    let record = kit::sample("deleted", 1).unwrap();
    one.insert(&record).await.unwrap();
    // A person who cleans up: the connections of this process go on with what they have open.
    std::fs::remove_file(file.companion("-shm")).unwrap();
    let other = SqliteStore::open(&file.url()).await.unwrap();
    let mut seen = record;
    for number in 0..4 {
        let (writer, reader) = if number % 2 == 0 { (&one, &other) } else { (&other, &one) };
        assert_eq!(*reader.find_shared(&seen.id).await.unwrap().unwrap(), seen);
        let next = relabel(&seen, &format!("number {number}")).unwrap();
        assert_eq!(writer.update(seen.version, &next).await.unwrap(), Updated::Done);
        seen = next;
        assert_eq!(*reader.find_shared(&seen.id).await.unwrap().unwrap(), seen);
    }
    assert_eq!(other.find_now(&seen.id), None);
    #[cfg(target_os = "linux")]
    assert_eq!(one.find_now(&seen.id).unwrap().as_deref(), Some(&seen));
}
