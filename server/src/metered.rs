//! A store whose calls are counted and end in time: one that does not answer is one that is out of reach.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::{Duration, Instant};

use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use scopegate_stores::{
    Capabilities, Cursor, ExpiryCursor, Inserted, KeyStore, Store, StoreError, StoreErrorKind, Updated,
};

use crate::metrics::{FIND, Metrics};

mod oauth;

/// A store with a meter and a limit.
#[derive(Debug)]
pub struct Metered<S> {
    store: S,
    metrics: Arc<Metrics>,
    limit: Duration,
    /// Whether the last call failed: the log tells when that changes, not every failure.
    down: AtomicBool,
    /// How long every call is held up: for tests of races.
    delay: Option<Duration>,
}

/// What a future says when it is asked once.
async fn once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

impl<S: KeyStore> Metered<S> {
    /// Counts the calls of a store and ends each after `limit`.
    pub const fn new(store: S, metrics: Arc<Metrics>, limit: Duration) -> Self {
        Self { store, metrics, limit, down: AtomicBool::new(false), delay: None }
    }

    /// Holds up every call for so long: for tests of races.
    #[must_use]
    pub fn delayed(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }

    /// Where it is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The store behind the meter.
    pub const fn inner(&self) -> &S {
        &self.store
    }

    /// Whether the store answers; counted as `probe`.
    pub async fn is_reachable(&self) -> bool {
        // Ids are made of random characters: no key has this one.
        let Some(id) = KeyId::parse("000000000000") else { return false };
        self.call("probe", self.store.find(&id)).await.is_ok()
    }

    pub(super) async fn call<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
        let mut call = pin!(call);
        // Most calls are answered at once, or as soon as others went first, and need no timer.
        let mut answer = once(call.as_mut()).await;
        if answer.is_pending() {
            tokio::task::yield_now().await;
            answer = once(call.as_mut()).await;
        }
        let answer = match answer {
            Poll::Ready(answer) => answer,
            Poll::Pending => tokio::time::timeout(self.limit, call).await.unwrap_or_else(|_| {
                let what = format!("no answer within {} ms", self.limit.as_millis());
                Err(StoreError::of(StoreErrorKind::Timeout, what))
            }),
        };
        self.metrics.called(name, started.elapsed(), answer.is_err());
        match &answer {
            Ok(_) => self.answers(),
            Err(error) if !self.down.swap(true, Relaxed) => {
                tracing::error!(call = name, error = %error, "the store fails")
            }
            Err(_) => {}
        }
        answer
    }

    /// Notes that a call was answered.
    fn answers(&self) {
        if self.down.load(Relaxed) && self.down.swap(false, Relaxed) {
            tracing::info!("the store answers again");
        }
    }
}

impl<S: Store> Store for Metered<S> {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}

impl<S: KeyStore> KeyStore for Metered<S> {
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        self.call(FIND, self.store.find(id)).await
    }

    async fn find_shared(&self, id: &KeyId) -> Result<Option<Arc<KeyRecord>>, StoreError> {
        self.call(FIND, self.store.find_shared(id)).await
    }

    fn find_now(&self, id: &KeyId) -> Option<Option<Arc<KeyRecord>>> {
        // One that is held up is not at hand.
        if self.delay.is_some() {
            return None;
        }
        let started = Instant::now();
        let found = self.store.find_now(id)?;
        self.metrics.called(FIND, started.elapsed(), false);
        self.answers();
        Some(found)
    }

    async fn insert(&self, record: &KeyRecord) -> Result<Inserted, StoreError> {
        self.call("insert", self.store.insert(record)).await
    }

    async fn update(&self, expected: u64, record: &KeyRecord) -> Result<Updated, StoreError> {
        self.call("update", self.store.update(expected, record)).await
    }

    async fn list(&self, owner: &str, after: Option<Cursor>, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        self.call("list", self.store.list(owner, after, limit)).await
    }

    async fn touch(&self, uses: &[(KeyId, UnixSeconds)]) -> Result<(), StoreError> {
        self.call("touch", self.store.touch(uses)).await
    }

    async fn expiring(
        &self,
        before: UnixSeconds,
        after: ExpiryCursor,
        limit: usize,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        self.call("expiring", self.store.expiring(before, after, limit)).await
    }

    async fn count(&self, owner: &str, active_at: Option<UnixSeconds>) -> Result<u64, StoreError> {
        self.call("count", self.store.count(owner, active_at)).await
    }

    async fn list_active(
        &self,
        owner: &str,
        at: UnixSeconds,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        self.call("list_active", self.store.list_active(owner, at, after, limit)).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use scopegate_stores::MemoryStore;

    use super::*;

    /// A store that never answers.
    struct Silent;

    impl Store for Silent {
        fn capabilities(&self) -> Capabilities {
            Capabilities::NONE
        }
    }

    impl KeyStore for Silent {
        async fn find(&self, _: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
            std::future::pending().await
        }

        async fn insert(&self, _: &KeyRecord) -> Result<Inserted, StoreError> {
            std::future::pending().await
        }

        async fn update(&self, _: u64, _: &KeyRecord) -> Result<Updated, StoreError> {
            std::future::pending().await
        }

        async fn list(&self, _: &str, _: Option<Cursor>, _: usize) -> Result<Vec<KeyRecord>, StoreError> {
            std::future::pending().await
        }

        async fn touch(&self, _: &[(KeyId, UnixSeconds)]) -> Result<(), StoreError> {
            std::future::pending().await
        }

        async fn expiring(&self, _: UnixSeconds, _: ExpiryCursor, _: usize) -> Result<Vec<KeyRecord>, StoreError> {
            std::future::pending().await
        }

        async fn count(&self, _: &str, _: Option<UnixSeconds>) -> Result<u64, StoreError> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_is_out_of_reach() {
        let metrics = Arc::new(Metrics::new());
        let store = Metered::new(Silent, Arc::clone(&metrics), Duration::from_millis(1));
        let id = KeyId::parse("AbCdEfGhIjKl").unwrap();
        assert!(store.find(&id).await.unwrap_err().to_string().contains("no answer within 1 ms"));
        assert!(!store.is_reachable().await);
        let text = metrics.render();
        assert!(text.contains("scopegate_store_failures_total{call=\"find\"} 1"));
        assert!(text.contains("scopegate_store_failures_total{call=\"probe\"} 1"));
    }

    #[tokio::test]
    async fn the_kit_holds_behind_the_meter() {
        let metered = || Metered::new(MemoryStore::new(), Arc::new(Metrics::new()), Duration::from_secs(5));
        assert!(metered().is_reachable().await);
        assert_eq!(metered().list("o", None, 10).await.unwrap(), []);
    }
}
