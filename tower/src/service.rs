//! The service: request in, decision, and on or back.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version, request::Parts};
use scopegate::decision::Decision;
use scopegate::host::AsyncHost;
use scopegate::request::{HeaderSource, Request as View};
use tower_layer::Layer;
use tower_service::Service;

use crate::{Decided, Granted, ScopegateLayer, Shared};

/// A service behind the gate. Made by [`ScopegateLayer`].
pub struct Scopegate<S, H> {
    inner: S,
    shared: Arc<Shared<H>>,
}

impl<S, H> Layer<S> for ScopegateLayer<H> {
    type Service = Scopegate<S, H>;

    fn layer(&self, inner: S) -> Self::Service {
        Scopegate { inner, shared: Arc::new(self.shared.clone()) }
    }
}

impl<S: Clone, H> Clone for Scopegate<S, H> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S, H> fmt::Debug for Scopegate<S, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scopegate").field("policy", &self.shared.gate.policy().name()).finish_non_exhaustive()
    }
}

impl<S, H, B, R> Service<Request<B>> for Scopegate<S, H>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    H: AsyncHost + Send + 'static,
    B: Send + 'static,
    R: From<Bytes>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was polled ready is the one to call.
        let fresh = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, fresh);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match shared.decide(&parts).await {
                Ok(granted) => {
                    parts.extensions.insert(granted);
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(refusal) => Ok(refusal.map(R::from)),
            }
        })
    }
}

impl<H: AsyncHost> Shared<H> {
    async fn decide(&self, parts: &Parts) -> Result<Granted, Response<Bytes>> {
        let started = Instant::now();
        let facts = (self.facts)(parts);
        let headers = Lines(&parts.headers);
        let target = target(&parts.uri, parts.version);
        let view = View {
            method: parts.method.as_str(),
            target: target.as_bytes(),
            headers: &headers,
            https: facts.https,
            client_ip: facts.client_ip,
        };
        let decision = self.gate.decide_async(&view, (self.clock)(), &*self.host).await;
        if let Some(touch) = decision.touch() {
            self.effects.touch(touch);
        }
        if let Some(upgrade) = decision.upgrade() {
            self.effects.upgrade(upgrade);
        }
        self.effects.decided(&Decided { decision: &decision, request: parts, facts, took: started.elapsed() });
        Granted::of(&decision, &self.gate).ok_or_else(|| self.refuse(&decision))
    }

    fn refuse(&self, decision: &Decision<'_>) -> Response<Bytes> {
        let answer = (self.refusal)(decision);
        let (status, headers, body) = match answer {
            Some(answer) => (StatusCode::from_u16(answer.status), answer.headers, answer.body),
            None => (Ok(StatusCode::FORBIDDEN), Vec::new(), String::new()),
        };
        let mut response = Response::new(Bytes::from(body));
        // Whatever was worded, a refusal never reads as a success; a preflight alone is answered 204.
        let status = status.unwrap_or(StatusCode::FORBIDDEN);
        let telling = !status.is_success() || decision.denial().is_none();
        *response.status_mut() = if telling { status } else { StatusCode::FORBIDDEN };
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::try_from(value)) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

/// The target as it came. In HTTP/1 the absolute and the authority form keep their whole text, so that the engine refuses them; in HTTP/2
/// and 3 scheme and authority came apart from the path already (RFC 9113 section 8.3.1).
fn target(uri: &Uri, version: Version) -> Cow<'_, str> {
    let own_authority = version < Version::HTTP_2 && (uri.scheme().is_some() || uri.authority().is_some());
    match uri.path_and_query() {
        Some(path) if !own_authority => path.as_str().into(),
        _ => uri.to_string().into(),
    }
}

struct Lines<'h>(&'h HeaderMap);

impl HeaderSource for Lines<'_> {
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for (name, value) in self.0 {
            visit(name.as_str(), value.as_bytes());
        }
    }
}
