//! Accepting connections: how many, TLS, how long a client may take, and the end of it all.

mod body;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::{Service, ServiceExt};

pub(crate) use self::body::TooSlow;
use crate::metrics::Metrics;
use crate::tls::Tls;

/// How long accepting rests when the system has no more sockets.
const REST: Duration = Duration::from_millis(100);
/// The most bytes of the head of a request.
const MAX_HEAD: usize = 64 * 1024;

/// The other end of the connection that a request came by: an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address: that of a proxy, where there is one.
    pub address: SocketAddr,
    /// Whether the connection is TLS.
    pub tls: bool,
}

/// What a listener grants its clients.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The most connections at once; further ones wait.
    pub connections: usize,
    /// How long a handshake, the headers of a request and, again, its body may take.
    pub headers: Duration,
    /// How long requests may finish once the server stops.
    pub drain: Duration,
}

/// What all connections of a listener share.
#[derive(Clone)]
struct Shared<S> {
    service: S,
    tls: Option<Arc<Tls>>,
    metrics: Arc<Metrics>,
    headers: Duration,
}

/// Serves until `stop` turns true, and then until the requests under way have their answers or the limit has passed. `true` when every one
/// had.
pub async fn serve<S>(
    listener: TcpListener,
    service: S,
    tls: Option<Arc<Tls>>,
    limits: &Limits,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) -> bool
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let shared = Shared { service, tls, metrics, headers: limits.headers };
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            accepted = accept(&listener, &places) => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        match accepted {
            Ok((stream, address, place)) => {
                let (shared, watcher) = (shared.clone(), graceful.watcher());
                tasks.spawn(async move {
                    connection(stream, address, shared, watcher).await;
                    drop(place);
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(error = %error, "no connection can be accepted");
                tokio::time::sleep(REST).await;
            }
        }
    }
    drop(listener);
    let drained = tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_ok();
    tasks.shutdown().await;
    drained
}

/// Resolves once the value is true, or can never become so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Accepted> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    Ok((stream, address, place))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection<S>(stream: TcpStream, address: SocketAddr, shared: Shared<S>, watcher: Watcher)
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let _open = shared.metrics.connection();
    // A connection that cannot be tuned still works.
    let _ = stream.set_nodelay(true);
    match &shared.tls {
        None => http(stream, Peer { address, tls: false }, &shared, watcher).await,
        Some(tls) => match tokio::time::timeout(shared.headers, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => http(stream, Peer { address, tls: true }, &shared, watcher).await,
            Ok(Err(_)) | Err(_) => shared.metrics.handshake_failed(),
        },
    }
}

async fn http<T, S>(stream: T, peer: Peer, shared: &Shared<S>, watcher: Watcher)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let (inner, limit) = (shared.service.clone(), shared.headers);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        inner.clone().oneshot(request.map(|incoming| body::timed(incoming, limit)))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.headers)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        // What a client does is no error of the server, and the text holds nothing of the request.
        tracing::debug!(error = %error, "a connection broke");
    }
}

#[cfg(test)]
mod tests;
