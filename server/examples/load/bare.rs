//! The same listener and the same answer as the server's, without a decision before it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header;
use scopegate_server::connection::{Limits, serve};
use scopegate_server::metrics::Metrics;
use serde_json::json;
use tower::service_fn;

/// Serves until it is killed; writes its address to a file.
pub fn serve_until_killed(ready: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        std::fs::write(ready, json!({ "url": format!("http://{}", listener.local_addr().unwrap()) }).to_string())
            .unwrap();
        let router = Router::new().fallback_service(service_fn(|_: Request| async {
            let body = json!({ "items": [
                { "id": "42", "title": "Rust engineer", "location": "Berlin", "status": "published" },
                { "id": "43", "title": "Site reliability engineer", "location": "Remote", "status": "draft" }
            ] });
            Ok::<_, Infallible>(([(header::CONTENT_TYPE, "application/json")], body.to_string()))
        }));
        let limits = Limits { connections: 10_000, headers: Duration::from_secs(15), drain: Duration::ZERO };
        let (_running, stop) = tokio::sync::watch::channel(false);
        serve(listener, router, None, &limits, Arc::new(Metrics::new()), stop).await;
    });
}
