//! Outages of a service: cut off and stalled. Every call ends, with an error and never with "no such key", and the next one works when the
//! service is back. A test that hangs fails at its limit.
#![cfg(any(feature = "postgres", feature = "redis"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/proxy.rs"]
mod proxy;
mod support;

use std::pin::Pin;
use std::time::Duration;

use proxy::{Line, Proxy};
use scopegate::key::lifecycle::relabel;
use scopegate::time::UnixSeconds;
use scopegate_stores::{ExpiryCursor, GrantStore, KeyStore, ServiceOptions, StoreError, StoreErrorKind, Updated, kit};

/// How often a call may fail after an outage: each connection that the outage left behind may cost one.
const STALE: usize = 20;

fn options(test: &str) -> ServiceOptions<'static> {
    // Signing in is slow without optimization, and machines are busy.
    let limit = Duration::from_secs(3);
    ServiceOptions { connect_timeout: limit, query_timeout: limit, connections: 4, ..support::options(test) }
}

/// A question that must fail: with an outage, and nothing else. In a box: all of them together would not fit on the stack of a test.
fn fails<'a, T: 'a>(
    what: &'a str,
    asked: impl Future<Output = Result<T, StoreError>> + 'a,
) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
    Box::pin(async move {
        let error = asked.await.err().unwrap_or_else(|| panic!("{what} has an answer during an outage"));
        assert!(matches!(error.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Timeout), "{what}: {error}");
    })
}

/// Every question there is, all at once. Those that write may be done all the same once the line is open: they are about another record
/// than the one that is looked at after the outage.
async fn all_fail(store: &(impl KeyStore + GrantStore)) {
    let record = kit::sample("outage", 1).unwrap();
    let unknown = kit::sample("outage", 2).unwrap();
    let written = kit::sample("outage", 3).unwrap();
    let next = relabel(&written, "later").unwrap();
    let (at, id) = (UnixSeconds::MAX, "grant");
    let uses = [(written.id, at)];
    tokio::join!(
        fails("find", store.find(&record.id)),
        fails("find unknown", store.find(&unknown.id)),
        fails("insert", store.insert(&unknown)),
        fails("update", store.update(1, &next)),
        fails("list", store.list("outage", None, 10)),
        fails("list_active", store.list_active("outage", at, None, 10)),
        fails("touch", store.touch(&uses)),
        fails("expiring", store.expiring(at, ExpiryCursor::start(UnixSeconds::EPOCH), 10)),
        fails("count", store.count("outage", None)),
        fails("grant_insert", store.grant_insert(id, "sub", b"row", at)),
        fails("grant_get", store.grant_get(id)),
        fails("grant_swap", store.grant_swap(id, 1, b"row", at)),
        fails("grants_of", store.grants_of("sub", None, 10)),
        fails("put_once", store.put_once("space", b"hash", at)),
        fails("consent_get", store.consent_get("sub", "client")),
        fails("consent_save", store.consent_save("sub", "client", &["openid"])),
        fails("purge", store.purge(UnixSeconds::EPOCH)),
    );
}

async fn recovers(store: &impl KeyStore) {
    let record = kit::sample("outage", 1).unwrap();
    for _ in 0..STALE {
        if let Ok(found) = store.find(&record.id).await {
            assert_eq!(found, Some(record), "what was stored is there after an outage");
            return;
        }
    }
    panic!("the service is back, and the store is not");
}

/// A line that is cut and stalled in turn.
async fn survives(store: &(impl KeyStore + GrantStore), proxy: &Proxy) {
    let written = kit::sample("outage", 3).unwrap();
    for record in [&kit::sample("outage", 1).unwrap(), &written] {
        store.insert(record).await.unwrap();
    }
    for line in [Line::Cut, Line::Stalled, Line::Cut] {
        proxy.set(line);
        all_fail(store).await;
        proxy.set(Line::Open);
        recovers(store).await;
    }
    // Callers that give up in the middle leave nothing behind that others wait for.
    let record = kit::sample("outage", 1).unwrap();
    proxy.set(Line::Stalled);
    for _ in 0..8 {
        let given_up = tokio::time::timeout(Duration::from_millis(20), store.find(&record.id)).await;
        assert!(!matches!(given_up, Ok(Ok(_))), "nothing passes");
    }
    proxy.set(Line::Open);
    recovers(store).await;
    let next = relabel(&record, "later").unwrap();
    assert_eq!(store.update(1, &next).await.unwrap(), Updated::Done, "an outage changed the record");
    let written = store.find(&written.id).await.unwrap().unwrap();
    assert!(written.version <= 2, "of several updates on one version, at most one was done");
}

/// The test ends by itself long before.
async fn within_limit(test: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(300), test).await.unwrap();
}

fn tells_no_password(error: &StoreError, url: &str) {
    let password = url.split_once('@').unwrap().0.rsplit_once(':').unwrap().1;
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(password), "an error tells the password");
    }
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn postgres_survives_outages() {
    use scopegate_stores::PostgresStore;
    let Some(url) = support::service("SCOPEGATE_POSTGRES_URL") else { return };
    let (proxy, through) = Proxy::start(&url).await;
    // The tables are made without a limit that a busy machine would not keep.
    PostgresStore::open_with(&url, &support::options("outage")).await.unwrap().close().await;
    let store = PostgresStore::open_with(&through, &options("outage")).await.unwrap();
    within_limit(survives(&store, &proxy)).await;
    for line in [Line::Cut, Line::Stalled] {
        proxy.set(line);
        let error = PostgresStore::open_with(&through, &options("outage")).await.unwrap_err();
        tells_no_password(&error, &url);
    }
    assert!(!format!("{store:?}").contains(&proxy.address().to_string()), "a store prints how it is reached");
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread")]
async fn redis_survives_outages() {
    use scopegate_stores::RedisStore;
    let Some(url) = support::service("SCOPEGATE_REDIS_URL") else { return };
    let (proxy, through) = Proxy::start(&url).await;
    let store = RedisStore::open_with(&through, &options("outage")).await.unwrap();
    within_limit(survives(&store, &proxy)).await;
    for line in [Line::Cut, Line::Stalled] {
        proxy.set(line);
        let error = RedisStore::open_with(&through, &options("outage")).await.unwrap_err();
        tells_no_password(&error, &url);
    }
    assert!(!format!("{store:?}").contains(&proxy.address().to_string()), "a store prints how it is reached");
}
