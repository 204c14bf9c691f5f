//! Documents: inserted once, swapped by one, the same through every handle.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::Future;

use scopegate_stores::{
    Document, DocumentStore, Inserted, MAX_ROW_BYTES, MemoryStore, SqliteStore, StoreErrorKind, Updated,
};

async fn hold(one: impl DocumentStore + Clone + 'static, other: impl DocumentStore) {
    for (space, id) in [("", "a"), ("a", ""), ("a\0", "b"), ("a", "b\0")] {
        assert_eq!(one.document_insert(space, id, b"x").await.unwrap_err().kind(), StoreErrorKind::Unsuitable);
        assert_eq!(one.document_get(space, id).await.unwrap(), None);
        assert_eq!(one.document_swap(space, id, 1, b"x").await.unwrap(), Updated::Missing);
        assert!(!one.document_remove(space, id).await.unwrap());
    }
    let long = vec![0; MAX_ROW_BYTES.saturating_add(1)];
    assert!(one.document_insert("s", "long", &long).await.is_err());

    assert_eq!(one.document_insert("s", "a", &[0, 255]).await.unwrap(), Inserted::Done);
    assert_eq!(other.document_insert("s", "a", b"other").await.unwrap(), Inserted::Exists);
    assert_eq!(other.document_get("s", "a").await.unwrap(), Some(Document { body: vec![0, 255], version: 1 }));
    for (space, id) in [("s", "A"), ("S", "a"), ("sa", "a")] {
        assert_eq!(other.document_get(space, id).await.unwrap(), None, "{space} {id}");
    }
    assert_eq!(other.document_swap("s", "a", 2, b"x").await.unwrap(), Updated::Conflict);
    assert_eq!(other.document_swap("s", "b", 1, b"x").await.unwrap(), Updated::Missing);
    assert_eq!(one.document_get("s", "b").await.unwrap(), None, "a swap makes nothing");

    let racing: Vec<_> = (0_u8..16)
        .map(|at| {
            let one = one.clone();
            tokio::spawn(async move { one.document_swap("s", "a", 1, &[at]).await.unwrap() })
        })
        .collect();
    let mut won = Vec::new();
    for racer in racing {
        won.extend(Some(racer.await.unwrap()).filter(|outcome| *outcome == Updated::Done));
    }
    assert_eq!((won.len(), other.document_get("s", "a").await.unwrap().unwrap().version), (1, 2));
    assert!(other.document_remove("s", "a").await.unwrap());
    assert_eq!(one.document_get("s", "a").await.unwrap(), None);
    assert!(!one.document_remove("s", "a").await.unwrap());
}

fn run(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future);
}

#[test]
fn in_memory() {
    let store = MemoryStore::new();
    run(hold(store.clone(), store));
}

#[test]
fn in_sqlite() {
    let path = std::env::temp_dir().join(format!("scopegate-documents-{}.db", std::process::id()));
    let url = format!("sqlite:{}", path.display());
    run(async {
        let (one, other) = (SqliteStore::open(&url).await.unwrap(), SqliteStore::open(&url).await.unwrap());
        hold(one.clone(), other.clone()).await;
        one.close().await;
        other.close().await;
    });
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
}

#[cfg(any(feature = "postgres", feature = "redis"))]
fn service(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    assert!(url.is_some() || std::env::var_os("SCOPEGATE_SERVICES").is_none(), "{variable} is not set");
    url
}

#[cfg(feature = "postgres")]
#[test]
fn in_postgres() {
    use scopegate_stores::{PostgresStore, ServiceOptions};
    let Some(url) = service("SCOPEGATE_POSTGRES_URL") else { return };
    let options = ServiceOptions { namespace: "documents", ..ServiceOptions::default() };
    run(async {
        let one = PostgresStore::open_with(&url, &options).await.unwrap();
        hold(one, PostgresStore::open_with(&url, &options).await.unwrap()).await;
    });
}

#[cfg(feature = "redis")]
#[test]
fn in_redis() {
    use scopegate_stores::{RedisStore, ServiceOptions};
    let Some(url) = service("SCOPEGATE_REDIS_URL") else { return };
    let options = ServiceOptions { namespace: "documents", ..ServiceOptions::default() };
    run(async {
        let one = RedisStore::open_with(&url, &options).await.unwrap();
        hold(one, RedisStore::open_with(&url, &options).await.unwrap()).await;
    });
}
