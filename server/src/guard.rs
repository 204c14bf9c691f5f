//! The decision before everything else: what the layer asks, believes and tells here.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use scopegate::decision::{Touch, Upgrade};
use scopegate::host::{AsyncHost, KeyAnswer, KeysAnswer, KeysReason};
use scopegate::key::format::KeyId;
use scopegate_stores::KeyStore;
use scopegate_tower::{Answer, ConnectionFacts, Decided, Effects, Scopegate, ScopegateLayer};
use tower::{Layer, Service};
use tracing::Instrument;
use tracing::instrument::Instrumented;

use crate::app::App;
use crate::connection::Peer;
use crate::{manage, trace};

/// A router behind the decision, each request in its span; what is the authorization server's goes around it. The layer stands before the
/// router as a service of its own: as a layer of the router it would be boxed and cloned for every request.
#[derive(Clone)]
pub struct Guarded {
    app: Arc<App>,
    gate: Scopegate<Router, StoreHost>,
}

impl Guarded {
    /// A router behind the decisions of an application.
    pub(crate) fn new(app: &Arc<App>, router: Router) -> Self {
        Self { app: Arc::clone(app), gate: layer(app).layer(router) }
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.gate.fmt(f)
    }
}

impl Service<Request> for Guarded {
    type Response = Response;
    type Error = Infallible;
    type Future = Instrumented<Answer<<Router as Service<Request>>::Future, Body, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.gate, context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let span = trace::request(request.headers());
        if let Some(oauth) = self.app.oauth.as_ref().filter(|oauth| oauth.owns(&request)) {
            let (oauth, app) = (Arc::clone(oauth), Arc::clone(&self.app));
            return Answer::of(Box::pin(async move { Ok(oauth.answer(&app, request).await) })).instrument(span);
        }
        // The decision may be made in the call.
        span.in_scope(|| self.gate.call(request)).instrument(span)
    }
}

/// The layer of an application.
fn layer(app: &Arc<App>) -> ScopegateLayer<StoreHost> {
    let (believing, telling) = (Arc::clone(app), Arc::clone(app));
    ScopegateLayer::new(Arc::clone(&app.gate), StoreHost(Arc::clone(app)))
        .effects(Arc::new(Noting(Arc::clone(app))))
        .clock(move || telling.now())
        .facts(move |request| {
            request.extensions.get::<Peer>().map_or_else(ConnectionFacts::default, |peer| {
                let client = believing.proxies.client(peer.address, peer.tls, &request.headers);
                let https = client.https || (believing.loopback_is_secure && peer.address.ip().is_loopback());
                ConnectionFacts { https, client_ip: client.ip }
            })
        })
        .refusal(manage::refusal)
}

/// The store as the engine asks it. A key set is fixed, or the authorization server's in this process: none is ever fetched.
pub(crate) struct StoreHost(Arc<App>);

impl AsyncHost for StoreHost {
    async fn key(&self, id: &KeyId) -> KeyAnswer {
        match self.0.store.find_shared(id).await {
            Ok(Some(record)) => KeyAnswer::Found(record),
            Ok(None) => KeyAnswer::Missing,
            Err(_) => KeyAnswer::Unavailable,
        }
    }

    fn key_now(&self, id: &KeyId) -> Option<KeyAnswer> {
        self.0.store.find_now(id).map(|found| found.map_or(KeyAnswer::Missing, KeyAnswer::Found))
    }

    async fn keys(&self, _credential: &str, issuer: &str, _reason: KeysReason) -> KeysAnswer {
        match self.0.oauth.as_ref().filter(|oauth| oauth.issuer() == issuer) {
            Some(oauth) => KeysAnswer::Found { jwks: oauth.jwks(), fetched_at: self.0.now() },
            None => KeysAnswer::Unavailable,
        }
    }
}

/// Takes note of every decision.
struct Noting(Arc<App>);

impl Effects for Noting {
    fn touch(&self, touch: &Touch) {
        self.0.uses.touch(touch);
    }

    fn upgrade(&self, upgrade: &Upgrade) {
        self.0.uses.upgrade(upgrade);
    }

    fn decided(&self, decided: &Decided<'_>) {
        trace::decided(&trace::current(), decided.decision);
        self.0.metrics.decided(decided.decision, decided.took);
        if self.0.audit.is_on() {
            self.0.audit.record(&decided.decision.audit());
        }
    }
}
