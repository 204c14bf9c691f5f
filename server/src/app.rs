//! The application: what every request shares, and the routes behind the decision.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use scopegate::engine::Gate;
use scopegate::policy::{CredentialKind, Policy};
use scopegate::time::UnixSeconds;

use crate::audit::{Audit, ChangeEvent};
use crate::metered::Metered;
use crate::metrics::Metrics;
use crate::proxy::TrustedProxies;
use crate::store::AnyStore;
use crate::{guard, keys_api, resources};

/// What every request shares.
#[derive(Debug)]
pub struct App {
    /// The engine.
    pub gate: Gate,
    /// The keys, counted and limited in time.
    pub store: Metered<AnyStore>,
    /// Whose forwarding headers are believed.
    pub proxies: TrustedProxies,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// Where decisions and changes are recorded.
    pub audit: Audit,
    /// Whether plain HTTP from this machine to this machine counts as secure: for demonstrations only.
    pub loopback_is_secure: bool,
    /// The instant of every decision, when it is not the clock's: for tests.
    pub fixed_now: Option<UnixSeconds>,
}

impl App {
    /// The time.
    #[must_use]
    pub fn now(&self) -> UnixSeconds {
        self.fixed_now.unwrap_or_else(|| {
            let seconds = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs());
            UnixSeconds::clamped(i64::try_from(seconds).unwrap_or(i64::MAX))
        })
    }

    /// Counts and records a change that the store has acknowledged.
    pub(crate) fn changed(&self, event: &ChangeEvent<'_>) {
        self.metrics.changed(event.change());
        self.audit.record(event);
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.gate.policy()
    }

    /// The API key credential of the policy.
    pub(crate) fn key_credential(&self) -> Option<&scopegate::policy::ApiKeyCredential> {
        self.policy().credentials().iter().find_map(|credential| match credential.kind() {
            CredentialKind::ApiKey(key) => Some(key),
            CredentialKind::Bearer(_) => None,
        })
    }
}

/// The routes, all of them behind the decision: what the policy does not name never reaches a handler.
pub fn router(app: Arc<App>) -> Router {
    let keys = get(keys_api::list).post(keys_api::create);
    let key = get(keys_api::show).patch(keys_api::relabel).delete(keys_api::revoke);
    Router::new()
        .route("/health", get(resources::health))
        .route("/settings/api-keys", keys)
        .route("/settings/api-keys/{id}", key)
        .route("/settings/api-keys/{id}/rotate", post(keys_api::rotate))
        .fallback(any(resources::show))
        .layer(from_fn_with_state(Arc::clone(&app), guard::decide))
        .with_state(app)
}
