//! What is counted, as Prometheus reads it (OpenMetrics text). Every label has a closed set of values: no path, address, owner, key or
//! name of a user is one.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use scopegate::decision::Decision;

use crate::durations::Durations;

/// The media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The name of the call that finds the record of a key.
pub const FIND: &str = "find";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    outcome: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    call: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabels {
    sink: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DroppedLabels {
    sink: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    event: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabels {
    version: &'static str,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    /// The counter of the decisions that are made most, once there is one.
    allowed: OnceLock<Counter>,
    decision_seconds: Durations,
    changes: Family<DecisionChange, Counter>,
    store_calls: Family<CallLabels, Counter>,
    /// The counter of the calls that decisions make, once there is one.
    found: OnceLock<Counter>,
    store_failures: Family<CallLabels, Counter>,
    store_seconds: Durations,
    audit_events: Family<SinkLabels, Counter>,
    audit_dropped: Family<DroppedLabels, Counter>,
    touches: Family<OutcomeLabels, Counter>,
    renewals: Family<OutcomeLabels, Counter>,
    sign_ins: Family<OutcomeLabels, Counter>,
    provider_sign_ins: Family<OutcomeLabels, Counter>,
    grant_events: Family<EventLabels, Counter>,
    keys_near_expiry: Gauge,
    connections: Gauge,
    handshake_failures: Counter,
    draining: Gauge,
}

/// The label of a change of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionChange {
    change: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("scopegate");
        let metrics = Self {
            decisions: Family::default(),
            allowed: OnceLock::new(),
            decision_seconds: Durations::default(),
            changes: Family::default(),
            store_calls: Family::default(),
            found: OnceLock::new(),
            store_failures: Family::default(),
            store_seconds: Durations::default(),
            audit_events: Family::default(),
            audit_dropped: Family::default(),
            touches: Family::default(),
            renewals: Family::default(),
            sign_ins: Family::default(),
            provider_sign_ins: Family::default(),
            grant_events: Family::default(),
            keys_near_expiry: Gauge::default(),
            connections: Gauge::default(),
            handshake_failures: Counter::default(),
            draining: Gauge::default(),
            registry: Registry::default(),
        };
        let build = Family::<VersionLabels, Gauge>::default();
        build.get_or_create(&VersionLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build", "The version that runs", build);
        registry.register("decisions", "Decisions by outcome and code", metrics.decisions.clone());
        registry.register(
            "decision_seconds",
            "How long a decision took, with its store calls",
            metrics.decision_seconds.clone(),
        );
        registry.register("key_changes", "Keys created, relabelled, rotated and revoked", metrics.changes.clone());
        registry.register("store_calls", "Calls to the key store", metrics.store_calls.clone());
        registry.register(
            "store_failures",
            "Calls to the key store that failed or took too long",
            metrics.store_failures.clone(),
        );
        registry.register("store_seconds", "How long a call to the key store took", metrics.store_seconds.clone());
        registry.register("audit_events", "Audit events that a sink has taken", metrics.audit_events.clone());
        registry.register(
            "audit_dropped",
            "Audit events that are lost: the queue was full, or the sink failed",
            metrics.audit_dropped.clone(),
        );
        registry.register("touches", "Uses of keys: stored, or lost", metrics.touches.clone());
        registry.register(
            "hash_renewals",
            "Hashes of keys renewed under the current pepper: stored, or left to the next use",
            metrics.renewals.clone(),
        );
        registry.register(
            "provider_sign_ins",
            "Answers of providers: accepted, refused, failed, or none",
            metrics.provider_sign_ins.clone(),
        );
        registry.register("sign_ins", "Passwords: accepted, refused, or not looked at yet", metrics.sign_ins.clone());
        registry.register(
            "grant_events",
            "Codes and refresh tokens that came again: their grants are revoked",
            metrics.grant_events.clone(),
        );
        registry.register(
            "keys_near_expiry",
            "Keys that are not revoked and expire within the configured days",
            metrics.keys_near_expiry.clone(),
        );
        registry.register("connections", "Open connections", metrics.connections.clone());
        registry.register(
            "tls_handshake_failures",
            "TLS handshakes that failed or took too long",
            metrics.handshake_failures.clone(),
        );
        registry.register("draining", "1 from the moment the server was told to stop", metrics.draining.clone());
        Self { registry, ..metrics }
    }

    /// Counts a decision.
    pub fn decided(&self, decision: &Decision<'_>, took: Duration) {
        let labels = DecisionLabels { outcome: decision.effect().name(), code: decision.code() };
        if decision.is_allowed() {
            self.allowed.get_or_init(|| self.decisions.get_or_create_owned(&labels)).inc();
        } else {
            self.decisions.get_or_create(&labels).inc();
        }
        self.decision_seconds.observe(took);
    }

    /// Notes how many keys are near their expiry.
    pub fn near_expiry(&self, keys: usize) {
        self.keys_near_expiry.set(i64::try_from(keys).unwrap_or(i64::MAX));
    }

    /// Counts a change of a key: `create`, `relabel`, `rotate` or `revoke`.
    pub fn changed(&self, change: &'static str) {
        self.changes.get_or_create(&DecisionChange { change }).inc();
    }

    /// Counts a call to the store.
    pub fn called(&self, call: &'static str, took: Duration, failed: bool) {
        if call == FIND {
            self.found.get_or_init(|| self.store_calls.get_or_create_owned(&CallLabels { call })).inc();
        } else {
            self.store_calls.get_or_create(&CallLabels { call }).inc();
        }
        self.store_seconds.observe(took);
        if failed {
            self.store_failures.get_or_create(&CallLabels { call }).inc();
        }
    }

    /// Counts audit events that a sink has taken.
    pub fn audited(&self, sink: &'static str, events: usize) {
        self.audit_events.get_or_create(&SinkLabels { sink }).inc_by(events as u64);
    }

    /// Counts audit events that are lost: `queue` when there was no room, `sink` when it failed.
    pub fn audit_lost(&self, sink: &'static str, reason: &'static str, events: usize) {
        self.audit_dropped.get_or_create(&DroppedLabels { sink, reason }).inc_by(events as u64);
    }

    /// Counts uses of keys: `stored` or `lost`.
    pub fn touched(&self, outcome: &'static str, uses: usize) {
        self.touches.get_or_create(&OutcomeLabels { outcome }).inc_by(uses as u64);
    }

    /// Counts a hash that was to be renewed: `stored` or `lost`.
    pub fn renewed(&self, outcome: &'static str) {
        self.renewals.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts a sign-in with a password: `accepted`, `refused` or `throttled`.
    pub fn signed_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts a sign-in with a provider: `accepted`, `refused` by this server's rules, `failed` for what the browser or the provider said, or
    /// `unavailable`.
    pub fn provider_signed_in(&self, outcome: &'static str) {
        self.provider_sign_ins.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts what happened to a grant and no honest client does: `code_replay`, `refresh_reuse` or `store_rolled_back`.
    pub fn grant_event(&self, event: &'static str) {
        self.grant_events.get_or_create(&EventLabels { event }).inc();
    }

    /// Counts a connection that begins; dropped when it ends.
    #[must_use]
    pub fn connection(&self) -> Open {
        self.connections.inc();
        Open(self.connections.clone())
    }

    /// Counts a TLS handshake that failed.
    pub fn handshake_failed(&self) {
        self.handshake_failures.inc();
    }

    /// Notes that the server was told to stop.
    pub fn drains(&self) {
        self.draining.set(1);
    }

    /// Everything, as text of [`CONTENT_TYPE`].
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered() {
        let metrics = Metrics::new();
        metrics.called("find", Duration::from_micros(20), false);
        metrics.called("find", Duration::from_secs(3), true);
        metrics.audit_lost("file", "queue", 7);
        metrics.audited("file", 3);
        metrics.touched("stored", 2);
        metrics.changed("revoke");
        metrics.drains();
        let open = metrics.connection();
        metrics.near_expiry(1);
        let text = metrics.render();
        for line in [
            "scopegate_store_calls_total{call=\"find\"} 2",
            "scopegate_store_failures_total{call=\"find\"} 1",
            "scopegate_audit_dropped_total{sink=\"file\",reason=\"queue\"} 7",
            "scopegate_audit_events_total{sink=\"file\"} 3",
            "scopegate_touches_total{outcome=\"stored\"} 2",
            "scopegate_key_changes_total{change=\"revoke\"} 1",
            "scopegate_draining 1",
            "scopegate_connections 1",
            "scopegate_keys_near_expiry 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
        }
        drop(open);
        assert!(metrics.render().contains("scopegate_connections 0"));
    }
}
