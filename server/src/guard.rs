//! The decision before everything else: what the layer asks, believes and tells here.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use scopegate::decision::{Touch, Upgrade};
use scopegate::host::{AsyncHost, KeyAnswer, KeysAnswer, KeysReason};
use scopegate::key::format::KeyId;
use scopegate_stores::KeyStore;
use scopegate_tower::{ConnectionFacts, Decided, Effects, ScopegateLayer};
use tracing::{Instrument, Span};

use crate::app::App;
use crate::connection::Peer;
use crate::{manage, trace};

/// The layer of an application.
pub(crate) fn layer(app: &Arc<App>) -> ScopegateLayer<StoreHost> {
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

/// Puts every request into its span.
pub(crate) async fn traced(request: Request, next: Next) -> Response {
    let span = trace::request(request.headers());
    next.run(request).instrument(span).await
}

/// The store as the engine asks it. A key set is fixed, or the authorization server's in this process: none is ever fetched.
pub(crate) struct StoreHost(Arc<App>);

impl AsyncHost for StoreHost {
    async fn key(&self, id: &KeyId) -> KeyAnswer {
        match self.0.store.find(id).await {
            Ok(Some(record)) => KeyAnswer::Found(Arc::new(record)),
            Ok(None) => KeyAnswer::Missing,
            Err(_) => KeyAnswer::Unavailable,
        }
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
        trace::decided(&Span::current(), decided.decision);
        self.0.metrics.decided(decided.decision, decided.took);
        if self.0.audit.is_on() {
            self.0.audit.record(&decided.decision.audit());
        }
    }
}
