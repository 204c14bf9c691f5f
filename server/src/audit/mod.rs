//! The audit: an event for each decision and each change of a key, to sinks that never hold up a request. Every sink has a queue of its
//! own, bounded, and a thread of its own. What finds no room, or what a sink cannot take, is lost and counted.

mod file;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use serde::Serialize;

pub use self::file::{FileSink, StdoutSink};
use self::queue::Queue;
use crate::metrics::Metrics;

/// The most events that a sink is given at once.
const BATCH: usize = 256;

/// Something that events are written to, from a thread of its own.
pub trait Sink: Send + 'static {
    /// Its name, for metrics and the log.
    fn name(&self) -> &'static str;

    /// Writes events, each a line of JSON without the end of the line. After an error all of them count as lost.
    ///
    /// # Errors
    /// Whatever keeps it from taking them.
    fn write(&mut self, events: &[Arc<str>]) -> std::io::Result<()>;

    /// Makes sure that what was written stays; called once, at the end.
    ///
    /// # Errors
    /// Whatever keeps it from doing so.
    fn finish(&mut self) -> std::io::Result<()>;
}

/// A change of a key, as `schema/audit-event.json` has it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    at: UnixSeconds,
    change: &'static str,
    key_id: &'a str,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<&'a [Box<str>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<UnixSeconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotated_from: Option<&'a str>,
}

impl<'a> ChangeEvent<'a> {
    fn of(change: &'static str, record: &'a KeyRecord, actor: Option<&'a str>, at: UnixSeconds) -> Self {
        Self {
            kind: "change",
            at,
            change,
            key_id: record.id.as_str(),
            version: record.version,
            actor,
            scopes: None,
            expires_at: None,
            rotated_from: None,
        }
    }

    /// A key was created. `actor` is the log id of who did it, never a subject in clear.
    #[must_use]
    pub fn created(record: &'a KeyRecord, actor: Option<&'a str>, at: UnixSeconds) -> Self {
        Self { scopes: Some(&record.scopes), expires_at: record.expires_at, ..Self::of("create", record, actor, at) }
    }

    /// A key was relabelled. The label is not told: people write anything there.
    #[must_use]
    pub fn relabelled(record: &'a KeyRecord, actor: Option<&'a str>, at: UnixSeconds) -> Self {
        Self::of("relabel", record, actor, at)
    }

    /// This key took the place of another, `rotatedFrom`.
    #[must_use]
    pub fn rotated(record: &'a KeyRecord, actor: Option<&'a str>, at: UnixSeconds) -> Self {
        Self {
            scopes: Some(&record.scopes),
            expires_at: record.expires_at,
            rotated_from: record.rotated_from.as_ref().map(|id| id.as_str()),
            ..Self::of("rotate", record, actor, at)
        }
    }

    /// A key was revoked.
    #[must_use]
    pub fn revoked(record: &'a KeyRecord, actor: Option<&'a str>, at: UnixSeconds) -> Self {
        Self::of("revoke", record, actor, at)
    }

    /// `create`, `relabel`, `rotate` or `revoke`.
    #[must_use]
    pub const fn change(&self) -> &'static str {
        self.change
    }
}

/// Where events are recorded. A clone records to the same sinks.
#[derive(Clone, Debug)]
pub struct Audit {
    queues: Arc<[Queue]>,
}

impl Audit {
    /// No sink: nothing is recorded.
    #[must_use]
    pub fn off() -> Self {
        Self { queues: Arc::new([]) }
    }

    /// Starts a thread for each sink. At most `capacity` events wait for each.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(sinks: Vec<Box<dyn Sink>>, capacity: usize, metrics: &Arc<Metrics>) -> std::io::Result<Self> {
        let queues: std::io::Result<Vec<Queue>> =
            sinks.into_iter().map(|sink| Queue::start(sink, capacity, Arc::clone(metrics))).collect();
        Ok(Self { queues: queues?.into() })
    }

    /// Whether there is a sink: without one an event need not be made.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.queues.is_empty()
    }

    /// Records an event. It never waits.
    pub fn record(&self, event: &impl Serialize) {
        if !self.is_on() {
            return;
        }
        let Ok(line) = serde_json::to_string(event) else { return };
        let line: Arc<str> = line.into();
        for queue in &*self.queues {
            queue.offer(&line);
        }
    }

    /// Logs what was lost since the last time.
    pub fn report(&self) {
        for queue in &*self.queues {
            queue.report();
        }
    }

    /// Writes what waits, as far as the limit goes, for a process that ends; `true` when everything is written. It blocks.
    #[must_use]
    pub fn finish(&self, limit: Duration) -> bool {
        let mut done = true;
        for queue in &*self.queues {
            done &= queue.finish(limit);
        }
        self.report();
        done
    }
}

#[cfg(test)]
mod tests;
