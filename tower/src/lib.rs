//! Scopegate as a [`tower`](https://docs.rs/tower) layer, for axum and anything else on tower.
//!
//! Each request is decided before the service behind sees it. An allowed one carries a [`Granted`] and goes on; everything else is answered
//! here, as [`Decision::response`] words it. A store that is out of reach is a 503, never a pass. The layer awaits the store, unless it has the record at hand ([`AsyncHost::key_now`](scopegate::host::AsyncHost::key_now)), and holds no lock
//! meanwhile; what is to be stored, counted or logged goes to [`Effects`].
//!
//! ```no_run
//! use std::sync::Arc;
//! use scopegate::{engine::Gate, policy::Policy};
//! use scopegate_tower::ScopegateLayer;
//! # struct Host;
//! # impl scopegate::host::AsyncHost for Host {
//! #     async fn key(&self, _: &scopegate::key::format::KeyId) -> scopegate::host::KeyAnswer { scopegate::host::KeyAnswer::Missing }
//! #     async fn keys(&self, _: &str, _: &str, _: scopegate::host::KeysReason) -> scopegate::host::KeysAnswer {
//! #         scopegate::host::KeysAnswer::Unavailable
//! #     }
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = Policy::from_json(r#"{ "version": 1, "name": "demo", "scopes": {}, "credentials": {},
//!     "routes": [{ "id": "health", "match": "GET /health", "public": true }] }"#)?;
//! let gate = Gate::builder(policy.into()).build()?;
//! let layer = ScopegateLayer::new(Arc::new(gate), Host);
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```
//!
//! Put the layer outside the router, not on its routes: it must see the request as it came, and answer paths that no route has.
//!
//! The target is read from the parsed [`http::Uri`]; that parser drops a `#fragment`, and nothing else, before the engine could refuse it.

mod effects;
mod facts;
mod granted;
mod service;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::request::Parts;
use scopegate::decision::Decision;
use scopegate::engine::Gate;
use scopegate::response::Response;
use scopegate::time::UnixSeconds;

pub use self::effects::{Decided, Effects, NoEffects};
pub use self::facts::ConnectionFacts;
pub use self::granted::Granted;
pub use self::service::{Answer, Scopegate};

type Clock = dyn Fn() -> UnixSeconds + Send + Sync;
type Facts = dyn Fn(&Parts) -> ConnectionFacts + Send + Sync;
type Refusal = dyn Fn(&Decision<'_>) -> Option<Response> + Send + Sync;

/// The time of the system, in whole seconds.
#[must_use]
pub fn system_time() -> UnixSeconds {
    let seconds = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs());
    UnixSeconds::clamped(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// The layer: a gate, its host, and what to do about decisions. Cheap to clone.
pub struct ScopegateLayer<H> {
    shared: Shared<H>,
}

/// What every request of a service shares.
struct Shared<H> {
    gate: Arc<Gate>,
    host: Arc<H>,
    effects: Arc<dyn Effects>,
    clock: Arc<Clock>,
    facts: Arc<Facts>,
    refusal: Arc<Refusal>,
}

impl<H> ScopegateLayer<H> {
    /// A layer that decides by `gate` and asks `host`. It goes by the system's clock, believes the [`ConnectionFacts`] that the server put into
    /// the request's extensions, words refusals as [`Decision::response`] does, and drops effects; the methods below change each of these.
    pub fn new(gate: Arc<Gate>, host: H) -> Self {
        let shared = Shared {
            gate,
            host: Arc::new(host),
            effects: Arc::new(NoEffects),
            clock: Arc::new(system_time),
            facts: Arc::new(ConnectionFacts::of),
            refusal: Arc::new(|decision: &Decision<'_>| decision.response()),
        };
        Self { shared }
    }

    /// Sends effects to a sink.
    #[must_use]
    pub fn effects(mut self, effects: Arc<dyn Effects>) -> Self {
        self.shared.effects = effects;
        self
    }

    /// Goes by another clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> UnixSeconds + Send + Sync + 'static) -> Self {
        self.shared.clock = Arc::new(clock);
        self
    }

    /// Learns from somewhere else who the client is and whether the request came over HTTPS: from what the server noted of the connection, or
    /// from the headers of a proxy that is trusted. Whatever this function returns is believed.
    #[must_use]
    pub fn facts(mut self, facts: impl Fn(&Parts) -> ConnectionFacts + Send + Sync + 'static) -> Self {
        self.shared.facts = Arc::new(facts);
        self
    }

    /// Words refusals otherwise than [`Decision::response`] does. It is asked only for decisions that do not allow, and cannot turn them:
    /// with `None`, or with a status of success for a denial, the answer is a 403.
    #[must_use]
    pub fn refusal(mut self, refusal: impl Fn(&Decision<'_>) -> Option<Response> + Send + Sync + 'static) -> Self {
        self.shared.refusal = Arc::new(refusal);
        self
    }
}

impl<H> Clone for Shared<H> {
    fn clone(&self) -> Self {
        Self {
            gate: Arc::clone(&self.gate),
            host: Arc::clone(&self.host),
            effects: Arc::clone(&self.effects),
            clock: Arc::clone(&self.clock),
            facts: Arc::clone(&self.facts),
            refusal: Arc::clone(&self.refusal),
        }
    }
}

impl<H> Clone for ScopegateLayer<H> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<H> fmt::Debug for ScopegateLayer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopegateLayer").field("policy", &self.shared.gate.policy().name()).finish_non_exhaustive()
    }
}

/// The examples of the manual compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
