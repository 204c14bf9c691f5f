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
use pin_project_lite::pin_project;
use scopegate::decision::Decision;
use scopegate::host::AsyncHost;
use scopegate::request::{HeaderSource, Request as View};
use scopegate::time::UnixSeconds;
use tower_layer::Layer;
use tower_service::Service;

use crate::{ConnectionFacts, Decided, Granted, ScopegateLayer, Shared};

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

/// In a box: a refusal is larger than a grant, and rarer.
type Refusal = Box<Response<Bytes>>;
type Waiting<R, E> = Pin<Box<dyn Future<Output = Result<Response<R>, E>> + Send>>;

pin_project! {
    /// The answer of a service behind the gate, or of the gate.
    pub struct Answer<F, R, E> {
        #[pin]
        state: State<F, R, E>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<F, R, E> {
        /// Decided: the service behind answers.
        Passed { #[pin] inner: F },
        /// Decided: the gate answers, once.
        Refused { response: Option<Response<R>> },
        /// The store, or a key set, is waited for; in a box, for it is large.
        Waiting { future: Waiting<R, E> },
    }
}

impl<F, R, E> Answer<F, R, E> {
    /// An answer that comes neither from the gate nor from behind it: for a service around both.
    #[must_use]
    pub fn of(future: Pin<Box<dyn Future<Output = Result<Response<R>, E>> + Send>>) -> Self {
        Self { state: State::Waiting { future } }
    }
}

impl<F, R, E> fmt::Debug for Answer<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

impl<F: Future<Output = Result<Response<R>, E>>, R, E> Future for Answer<F, R, E> {
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projected::Passed { inner } => inner.poll(context),
            // Nobody polls a future again that is done; one who does waits.
            Projected::Refused { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
            Projected::Waiting { future } => future.as_mut().poll(context),
        }
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
    type Future = Answer<S::Future, R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let state = match self.shared.decide_now(&parts) {
            Some(Ok(granted)) => {
                parts.extensions.insert(granted);
                State::Passed { inner: self.inner.call(Request::from_parts(parts, body)) }
            }
            Some(Err(refusal)) => State::Refused { response: Some((*refusal).map(R::from)) },
            None => State::Waiting { future: self.wait(parts, body) },
        };
        Answer { state }
    }
}

impl<S, H: AsyncHost + Send + 'static> Scopegate<S, H> {
    /// Decides and answers, with a host that has to be waited for.
    fn wait<B, R>(&mut self, mut parts: Parts, body: B) -> Waiting<R, S::Error>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        B: Send + 'static,
        R: From<Bytes>,
    {
        // The one that was polled ready is the one to call.
        let fresh = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, fresh);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            match shared.decide(&parts).await {
                Ok(granted) => {
                    parts.extensions.insert(granted);
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(refusal) => Ok((*refusal).map(R::from)),
            }
        })
    }
}

/// What is known of a request beside its headers.
struct Seen<'r> {
    started: Instant,
    now: UnixSeconds,
    facts: ConnectionFacts,
    headers: Lines<'r>,
    target: Cow<'r, str>,
}

impl Seen<'_> {
    fn view<'s>(&'s self, parts: &'s Parts) -> View<'s> {
        View {
            method: parts.method.as_str(),
            target: self.target.as_bytes(),
            headers: &self.headers,
            https: self.facts.https,
            client_ip: self.facts.client_ip,
        }
    }
}

impl<H: AsyncHost> Shared<H> {
    fn see<'r>(&self, parts: &'r Parts) -> Seen<'r> {
        Seen {
            started: Instant::now(),
            now: (self.clock)(),
            facts: (self.facts)(parts),
            headers: Lines(&parts.headers),
            target: target(&parts.uri, parts.version),
        }
    }

    /// Decides with what the host has at hand; `None` when it has to be waited for.
    fn decide_now(&self, parts: &Parts) -> Option<Result<Granted, Refusal>> {
        let seen = self.see(parts);
        let view = seen.view(parts);
        let decision = self.gate.decide_now(&view, seen.now, &*self.host)?;
        Some(self.conclude(&decision, parts, &seen))
    }

    async fn decide(&self, parts: &Parts) -> Result<Granted, Refusal> {
        let seen = self.see(parts);
        let view = seen.view(parts);
        let decision = self.gate.decide_async(&view, seen.now, &*self.host).await;
        self.conclude(&decision, parts, &seen)
    }

    /// Tells what was decided.
    fn conclude(&self, decision: &Decision<'_>, parts: &Parts, seen: &Seen<'_>) -> Result<Granted, Refusal> {
        if let Some(touch) = decision.touch() {
            self.effects.touch(touch);
        }
        if let Some(upgrade) = decision.upgrade() {
            self.effects.upgrade(upgrade);
        }
        let took = seen.started.elapsed();
        self.effects.decided(&Decided { decision, request: parts, facts: seen.facts, took });
        Granted::of(decision, &self.gate).ok_or_else(|| Box::new(self.refuse(decision)))
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
