//! The decision before every handler: a request in, the principal for the handler or the answer out.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request as HttpRequest, Response, StatusCode};
use axum::middleware::Next;
use scopegate::decision::{Decision, Touch, Upgrade};
use scopegate::host::{AsyncHost, KeyAnswer, KeysAnswer, KeysReason};
use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::request::{HeaderSource, Request};
use scopegate_stores::{KeyStore, Updated};

use tracing::Instrument;

use crate::app::App;
use crate::connection::Peer;
use crate::metered::Metered;
use crate::store::AnyStore;
use crate::trace;

/// Who passed, for handlers.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The subject: the owner of a key, the `sub` of a token.
    pub subject: Option<String>,
    /// What logs call them.
    pub log_id: Option<String>,
    /// The route that the policy matched.
    pub route: String,
}

/// The headers of an HTTP request as the engine reads them.
struct Headers<'a>(&'a HeaderMap);

impl HeaderSource for Headers<'_> {
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for (name, value) in self.0 {
            visit(name.as_str(), value.as_bytes());
        }
    }
}

/// The store as the engine asks it. The key set is fixed, so none is ever fetched.
struct StoreHost<'a>(&'a Metered<AnyStore>);

impl AsyncHost for StoreHost<'_> {
    async fn key(&self, id: &KeyId) -> KeyAnswer {
        match self.0.find(id).await {
            Ok(Some(record)) => KeyAnswer::Found(Arc::new(record)),
            Ok(None) => KeyAnswer::Missing,
            Err(_) => KeyAnswer::Unavailable,
        }
    }

    async fn keys(&self, _credential: &str, _issuer: &str, _reason: KeysReason) -> KeysAnswer {
        KeysAnswer::Unavailable
    }
}

/// The request target as it came: origin form, or whatever else it was, which the gate then refuses.
fn target(request: &HttpRequest<Body>) -> String {
    let uri = request.uri();
    match (uri.scheme(), uri.authority(), uri.path_and_query()) {
        (None, None, Some(target)) => target.as_str().to_owned(),
        _ => uri.to_string(),
    }
}

/// The layer.
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    mut request: HttpRequest<Body>,
    next: Next,
) -> Response<Body> {
    let target = target(&request);
    let method = request.method().clone();
    let effects;
    let started = Instant::now();
    let span = trace::request(request.headers());
    let client = app.proxies.client(peer.address, peer.tls, request.headers());
    let caller = {
        let headers = Headers(request.headers());
        let view = Request {
            method: method.as_str(),
            target: target.as_bytes(),
            headers: &headers,
            https: client.https || (app.loopback_is_secure && peer.address.ip().is_loopback()),
            client_ip: client.ip,
        };
        let host = StoreHost(&app.store);
        let deciding = app.gate.decide_async(&view, app.now(), &host);
        let decision = deciding.instrument(span.clone()).await;
        trace::decided(&span, &decision);
        app.metrics.decided(&decision, started.elapsed());
        app.audit.record(&decision.audit());
        if let Some(refusal) = refusal(&decision) {
            return refusal;
        }
        effects = (decision.touch().copied(), decision.upgrade().cloned());
        Caller {
            subject: decision.principal().and_then(|principal| principal.subject()).map(str::to_owned),
            log_id: decision.principal().and_then(|principal| principal.log_id()),
            route: decision.route().map(|route| route.id().to_owned()).unwrap_or_default(),
        }
    };
    request.extensions_mut().insert(caller);
    let response = next.run(request).await;
    if effects.0.is_some() || effects.1.is_some() {
        tokio::spawn(store_effects(app, effects.0, effects.1));
    }
    response
}

fn refusal(decision: &Decision<'_>) -> Option<Response<Body>> {
    let answer = decision.response()?;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::FORBIDDEN);
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    Some(response)
}

/// What a decision asks to be stored. It is done after the answer, and a failure changes nothing but a log line.
async fn store_effects(app: Arc<App>, touch: Option<Touch>, upgrade: Option<Upgrade>) {
    if let Some(Touch { id, at }) = touch {
        match app.store.touch(&[(id, at)]).await {
            Ok(()) => app.metrics.touched("stored", 1),
            Err(error) => {
                app.metrics.touched("lost", 1);
                tracing::warn!(error = %error, "a use is lost");
            }
        }
    }
    if let Some(upgrade) = upgrade
        && let Ok(Some(record)) = app.store.find(&upgrade.id).await
        && record.version == upgrade.expected_version
    {
        let version = record.version.saturating_add(1);
        let upgraded = KeyRecord { version, hashes: vec![upgrade.hash], ..record };
        if let Ok(Updated::Missing) | Err(_) = app.store.update(upgrade.expected_version, &upgraded).await {
            tracing::warn!(key = %upgraded.id, "a hash could not be renewed");
        }
    }
}
