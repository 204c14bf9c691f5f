//! The queue of one sink, and its thread.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{BATCH, Sink};
use crate::metrics::Metrics;

/// How long the end of a full queue is waited for at a time.
const PAUSE: Duration = Duration::from_millis(2);

enum Message {
    Event(Arc<str>),
    Finish(SyncSender<bool>),
}

/// What the thread and its queue share.
struct Shared {
    sink: &'static str,
    metrics: Arc<Metrics>,
    lost: AtomicU64,
    reported: AtomicU64,
    error: Mutex<Option<String>>,
}

impl Shared {
    fn lose(&self, reason: &'static str, events: usize) {
        self.lost.fetch_add(events as u64, Ordering::Relaxed);
        self.metrics.audit_lost(self.sink, reason, events);
    }

    fn error(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending end.
pub(super) struct Queue {
    sender: SyncSender<Message>,
    shared: Arc<Shared>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.shared.sink).finish()
    }
}

impl Queue {
    pub(super) fn start(sink: Box<dyn Sink>, capacity: usize, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(capacity);
        let shared = Arc::new(Shared {
            sink: sink.name(),
            metrics,
            lost: AtomicU64::new(0),
            reported: AtomicU64::new(0),
            error: Mutex::new(None),
        });
        let threads = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(format!("audit-{}", sink.name()))
            .spawn(move || work(sink, &receiver, &threads))?;
        Ok(Self { sender, shared })
    }

    pub(super) fn offer(&self, line: &Arc<str>) {
        if self.sender.try_send(Message::Event(Arc::clone(line))).is_err() {
            self.shared.lose("queue", 1);
        }
    }

    pub(super) fn report(&self) {
        let lost = self.shared.lost.load(Ordering::Relaxed);
        let new = lost.saturating_sub(self.shared.reported.swap(lost, Ordering::Relaxed));
        if new > 0 {
            let error = self.shared.error().take().unwrap_or_else(|| "the queue is full".into());
            tracing::error!(sink = self.shared.sink, lost = new, lost_in_all = lost, error, "audit events are lost");
        }
    }

    pub(super) fn finish(&self, limit: Duration) -> bool {
        let started = Instant::now();
        let (done, finished) = sync_channel(1);
        let mut message = Message::Finish(done);
        loop {
            match self.sender.try_send(message) {
                Ok(()) => break,
                Err(TrySendError::Full(back)) if started.elapsed() < limit => {
                    message = back;
                    std::thread::sleep(PAUSE);
                }
                Err(_) => return false,
            }
        }
        finished.recv_timeout(limit.saturating_sub(started.elapsed())).unwrap_or(false)
    }
}

/// The thread: takes what waits, as much as one batch, and writes it.
fn work(mut sink: Box<dyn Sink>, receiver: &Receiver<Message>, shared: &Shared) {
    let mut batch = Vec::with_capacity(BATCH);
    while let Ok(first) = receiver.recv() {
        let mut finish = None;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Event(line) => batch.push(line),
                Message::Finish(done) => finish = Some(done),
            }
            let full = batch.len() >= BATCH || finish.is_some();
            next = if full { None } else { receiver.try_recv().ok() };
        }
        let written = write(sink.as_mut(), &batch, shared);
        batch.clear();
        if let Some(done) = finish {
            let kept = sink.finish();
            // Nobody waits any more when the limit has passed.
            let _ = done.send(written && kept.is_ok());
        }
    }
}

fn write(sink: &mut dyn Sink, batch: &[Arc<str>], shared: &Shared) -> bool {
    if batch.is_empty() {
        return true;
    }
    match sink.write(batch) {
        Ok(()) => {
            shared.metrics.audited(shared.sink, batch.len());
            true
        }
        Err(error) => {
            *shared.error() = Some(error.to_string());
            shared.lose("sink", batch.len());
            false
        }
    }
}
