//! The application: what every request shares, and what answers behind the decision.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use scopegate::engine::Gate;
use scopegate::policy::{CredentialKind, Policy};
use scopegate::time::UnixSeconds;
use scopegate_tower::{Granted, system_time};
use tower::service_fn;

use crate::audit::{Audit, ChangeEvent};
use crate::guard::Guarded;
use crate::manage::{self, Manage};
use crate::metered::Metered;
use crate::metrics::Metrics;
use crate::oauth::Oauth;
use crate::proxy::TrustedProxies;
use crate::resources;
use crate::store::AnyStore;
use crate::uses::Uses;

/// Where the time comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// From the system.
    #[default]
    System,
    /// From a number, in Unix seconds: for tests, which let time pass.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// The time.
    #[must_use]
    pub fn now(&self) -> UnixSeconds {
        match self {
            Self::System => system_time(),
            Self::Set(seconds) => UnixSeconds::clamped(seconds.load(Ordering::Relaxed)),
        }
    }
}

/// What every request shares.
#[derive(Debug)]
pub struct App {
    /// The engine.
    pub gate: Arc<Gate>,
    /// The keys, counted and limited in time.
    pub store: Arc<Metered<AnyStore>>,
    /// Uses of keys and renewed hashes, on their way to the store.
    pub uses: Uses,
    /// The management of keys; `None` where the policy has no API keys.
    pub manage: Option<Manage>,
    /// The authorization server; `None` where another one signs the tokens.
    pub oauth: Option<Arc<Oauth>>,
    /// Whose forwarding headers are believed.
    pub proxies: TrustedProxies,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// Where decisions and changes are recorded.
    pub audit: Audit,
    /// Whether plain HTTP from this machine to this machine counts as secure: for demonstrations only.
    pub loopback_is_secure: bool,
    /// Where the time comes from.
    pub clock: Clock,
}

impl App {
    /// The time.
    #[must_use]
    pub fn now(&self) -> UnixSeconds {
        self.clock.now()
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

/// Everything behind the decision. What answers is chosen by the route that the policy matched, so that the gate and what is behind it
/// cannot read a path differently; what the policy does not name is answered by the gate.
pub fn router(app: Arc<App>) -> Guarded {
    let behind = Arc::clone(&app);
    Guarded::new(&app, Router::new().fallback_service(service_fn(move |request| answer(&behind, request))))
}

fn answer(app: &Arc<App>, request: Request) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
    let granted = request.extensions().get::<Granted>();
    let managed = granted.zip(app.manage.as_ref()).and_then(|(granted, manage)| manage.operation(granted));
    let answer = match (granted, managed) {
        (Some(granted), None) => Ok(resources::show(granted)),
        // In a box of its own: it is large, and every request would move it.
        (Some(granted), Some(operation)) => {
            let (app, granted) = (Arc::clone(app), granted.clone());
            Err(Box::pin(async move {
                match &app.manage {
                    Some(manage) => manage::answer(&app, manage, operation, &granted, request).await,
                    None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                }
            }))
        }
        // Nothing comes here but through the gate.
        (None, _) => Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
    };
    async move {
        match answer {
            Ok(answer) => Ok(answer),
            Err(managed) => Ok(managed.await),
        }
    }
}
