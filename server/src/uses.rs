//! What decisions leave to be stored: uses of keys, in batches, and hashes under the current pepper. A decision hands them over and goes on:
//! when there is no room they are dropped and counted.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use scopegate::decision::{Touch, Upgrade};
use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use scopegate_stores::{KeyStore, Updated};
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::metrics::Metrics;

/// The most effects that wait to be sorted.
const QUEUE: usize = 4_096;
/// The most keys whose use waits to be stored.
const MAX_PENDING: usize = 65_536;
/// The most uses of one call to the store.
const BATCH: usize = 512;
/// How often uses are stored.
const FLUSH: Duration = Duration::from_secs(3);
/// A use is not stored within so many seconds of one of the same key that was.
const INTERVAL: i64 = 60;
/// The most hashes that are renewed at the same time.
const RENEWALS: usize = 16;

enum Effect {
    Touch(Touch),
    Upgrade(Box<Upgrade>),
}

/// Takes uses of keys and hashes to be renewed, and stores them behind the answers.
pub struct Uses {
    sender: Sender<Effect>,
    told: Mutex<Told>,
    metrics: Arc<Metrics>,
    stop: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// The keys whose use was told within the present second: telling it again says nothing, and wakes the task.
#[derive(Default)]
struct Told {
    at: Option<UnixSeconds>,
    keys: HashSet<KeyId>,
}

impl Told {
    /// Whether this use is news.
    fn is_new(&mut self, touch: &Touch) -> bool {
        if self.at != Some(touch.at) {
            self.at = Some(touch.at);
            self.keys.clear();
        }
        self.keys.len() >= MAX_PENDING || self.keys.insert(touch.id)
    }
}

impl fmt::Debug for Uses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uses").field("room", &self.sender.capacity()).finish_non_exhaustive()
    }
}

impl Uses {
    /// Starts the task that stores. It must be called inside a runtime.
    pub fn start<S: KeyStore + 'static>(store: Arc<S>, metrics: Arc<Metrics>) -> Self {
        let (sender, receiver) = channel(QUEUE);
        let stop = Arc::new(Notify::new());
        let worker = Worker {
            store,
            metrics: Arc::clone(&metrics),
            pending: Pending::default(),
            renewing: HashSet::new(),
            writes: JoinSet::new(),
            flushing: false,
        };
        let task = tokio::spawn(worker.run(receiver, Arc::clone(&stop)));
        Self { sender, told: Mutex::default(), metrics, stop, task: Mutex::new(Some(task)) }
    }

    /// Takes note of a use.
    pub fn touch(&self, touch: &Touch) {
        if !self.told.lock().unwrap_or_else(PoisonError::into_inner).is_new(touch) {
            return;
        }
        if self.sender.try_send(Effect::Touch(*touch)).is_err() {
            self.metrics.touched("lost", 1);
        }
    }

    /// Takes note of a hash to be renewed.
    pub fn upgrade(&self, upgrade: &Upgrade) {
        if self.sender.try_send(Effect::Upgrade(Box::new(upgrade.clone()))).is_err() {
            self.metrics.renewed("lost");
        }
    }

    /// Stores what waits, as far as the limit goes; `true` when everything is stored. Nothing is taken afterwards.
    pub async fn finish(&self, limit: Duration) -> bool {
        self.stop.notify_one();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        match task {
            Some(task) => matches!(timeout(limit, task).await, Ok(Ok(()))),
            None => true,
        }
    }
}

/// The uses that wait, one a key, and those that were stored of late.
#[derive(Default)]
struct Pending {
    waiting: HashMap<KeyId, UnixSeconds>,
    stored: HashMap<KeyId, UnixSeconds>,
}

impl Pending {
    /// Whether a use need not be stored, because one shortly before it was.
    fn is_told(stored: &HashMap<KeyId, UnixSeconds>, id: &KeyId, at: UnixSeconds) -> bool {
        stored.get(id).is_some_and(|last| at.since(*last) < INTERVAL)
    }

    /// Notes a use, forward only; `false` when there is no room.
    fn note(&mut self, id: KeyId, at: UnixSeconds) -> bool {
        if Self::is_told(&self.stored, &id, at) {
            return true;
        }
        let full = self.waiting.len() >= MAX_PENDING;
        match self.waiting.get_mut(&id) {
            Some(last) => *last = (*last).max(at),
            None if full => return false,
            None => _ = self.waiting.insert(id, at),
        }
        true
    }

    /// What is to be stored now, at most a batch.
    fn take(&mut self) -> Vec<(KeyId, UnixSeconds)> {
        let stored = &self.stored;
        self.waiting.retain(|id, at| !Self::is_told(stored, id, *at));
        let batch: Vec<_> = self.waiting.iter().take(BATCH).map(|(id, at)| (*id, *at)).collect();
        for (id, _) in &batch {
            self.waiting.remove(id);
        }
        batch
    }

    /// Notes that uses were stored, and forgets those of long ago.
    fn stored(&mut self, batch: &[(KeyId, UnixSeconds)]) {
        let latest = batch.iter().map(|(_, at)| *at).max();
        if let Some(latest) = latest {
            self.stored.retain(|_, at| latest.since(*at) < INTERVAL);
        }
        self.stored.extend(batch.iter().copied());
    }
}

enum Written {
    Uses { batch: Vec<(KeyId, UnixSeconds)>, done: bool },
    Hash(KeyId),
}

struct Worker<S> {
    store: Arc<S>,
    metrics: Arc<Metrics>,
    pending: Pending,
    renewing: HashSet<KeyId>,
    writes: JoinSet<Written>,
    flushing: bool,
}

impl<S: KeyStore + 'static> Worker<S> {
    async fn run(mut self, mut receiver: Receiver<Effect>, stop: Arc<Notify>) {
        let mut tick = interval(FLUSH);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                effect = receiver.recv() => match effect {
                    Some(effect) => self.sort(effect),
                    None => break,
                },
                () = stop.notified() => receiver.close(),
                _ = tick.tick() => self.flush(),
                Some(written) = self.writes.join_next() => match written {
                    Ok(written) => self.written(written),
                    Err(_) => self.flushing = false,
                },
            }
        }
        // The last word: once more each, and what then fails is lost.
        loop {
            self.flush();
            let Some(written) = self.writes.join_next().await else { break };
            match written {
                Ok(Written::Uses { batch, done: false }) => {
                    self.flushing = false;
                    self.metrics.touched("lost", batch.len());
                }
                Ok(written) => self.written(written),
                Err(_) => self.flushing = false,
            }
        }
    }

    fn sort(&mut self, effect: Effect) {
        match effect {
            Effect::Touch(Touch { id, at }) => {
                if !self.pending.note(id, at) {
                    self.metrics.touched("lost", 1);
                }
            }
            Effect::Upgrade(upgrade) if self.renewing.contains(&upgrade.id) => {}
            Effect::Upgrade(upgrade) if self.renewing.len() < RENEWALS => {
                self.renewing.insert(upgrade.id);
                let (store, metrics) = (Arc::clone(&self.store), Arc::clone(&self.metrics));
                self.writes.spawn(async move {
                    metrics.renewed(renew(&*store, &upgrade).await);
                    Written::Hash(upgrade.id)
                });
            }
            // The next use of the key asks again.
            Effect::Upgrade(_) => self.metrics.renewed("lost"),
        }
    }

    fn flush(&mut self) {
        if self.flushing {
            return;
        }
        let batch = self.pending.take();
        if batch.is_empty() {
            return;
        }
        self.flushing = true;
        let store = Arc::clone(&self.store);
        self.writes.spawn(async move {
            let done = match store.touch(&batch).await {
                Ok(()) => true,
                Err(error) => {
                    tracing::warn!(error = %error, uses = batch.len(), "uses of keys could not be stored");
                    false
                }
            };
            Written::Uses { batch, done }
        });
    }

    fn written(&mut self, written: Written) {
        match written {
            Written::Hash(id) => _ = self.renewing.remove(&id),
            Written::Uses { batch, done } => {
                self.flushing = false;
                if done {
                    self.metrics.touched("stored", batch.len());
                    self.pending.stored(&batch);
                    if self.pending.waiting.len() >= BATCH {
                        self.flush();
                    }
                    return;
                }
                for (id, at) in batch {
                    if !self.pending.note(id, at) {
                        self.metrics.touched("lost", 1);
                    }
                }
            }
        }
    }
}

/// Stores a hash under the current pepper, over the version it was made from and over no other. A conflict or an outage is no loss: the next
/// use of the key asks again.
async fn renew<S: KeyStore>(store: &S, upgrade: &Upgrade) -> &'static str {
    let record = match store.find(&upgrade.id).await {
        Ok(Some(record)) if record.version == upgrade.expected_version => record,
        _ => return "lost",
    };
    let Some(version) = record.version.checked_add(1) else { return "lost" };
    let renewed = KeyRecord { hashes: vec![upgrade.hash.clone()], version, ..record };
    match store.update(upgrade.expected_version, &renewed).await {
        Ok(Updated::Done) => "stored",
        Ok(Updated::Conflict | Updated::Missing) => "lost",
        Err(error) => {
            tracing::warn!(error = %error, key = %upgrade.id, "a hash could not be renewed");
            "lost"
        }
    }
}

#[cfg(test)]
mod tests;
