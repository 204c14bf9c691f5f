//! The listener for those who run the server: liveness, readiness and metrics. It has no credentials, so it belongs on loopback or on a
//! network of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::sync::watch;

use crate::metrics::{CONTENT_TYPE, Metrics};

/// Asks whether the store is within reach.
pub type Probe = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What the listener shows.
#[derive(Clone)]
pub struct Admin {
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// True once the server was told to stop.
    pub stop: watch::Receiver<bool>,
    /// Whether the store is within reach.
    pub probe: Probe,
}

/// `/healthz`, `/readyz` and `/metrics`.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/healthz", get(|| async { text(StatusCode::OK, "ok\n") }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(admin)
}

fn text(status: StatusCode, body: &'static str) -> Response<Body> {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], body)
        .into_response()
}

async fn ready(State(admin): State<Admin>) -> Response<Body> {
    if *admin.stop.borrow() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    if (admin.probe)().await {
        text(StatusCode::OK, "ready\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "the store is out of reach\n")
    }
}

async fn metrics(State(admin): State<Admin>) -> Response<Body> {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], admin.metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn status(router: &Router, path: &str) -> u16 {
        let request = Request::get(path).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn a_server_that_cannot_serve_is_alive_and_not_ready() {
        for (reachable, draining, expected) in [(true, false, 200), (false, false, 503), (true, true, 503)] {
            let (stop, receiver) = watch::channel(draining);
            let probe: Probe = Arc::new(move || Box::pin(async move { reachable }));
            let router = router(Admin { metrics: Arc::new(Metrics::new()), stop: receiver, probe });
            assert_eq!(status(&router, "/readyz").await, expected, "reachable {reachable}, draining {draining}");
            assert_eq!((status(&router, "/healthz").await, status(&router, "/metrics").await), (200, 200));
            assert_eq!(status(&router, "/keys").await, 404);
            drop(stop);
        }
    }
}
