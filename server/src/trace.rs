//! The span of a decision: what OpenTelemetry is told of it. It has the route's id instead of a path, and nothing of the headers.

use axum::http::HeaderMap;
use scopegate::decision::Decision;
use tracing::Span;
use tracing::field::Empty;

use crate::log::TRACE_TARGET;

/// The span of a request; disabled where nothing takes spans.
#[must_use]
pub fn request(headers: &HeaderMap) -> Span {
    let span = tracing::info_span!(
        target: TRACE_TARGET,
        "request",
        otel.kind = "server",
        http.route = Empty,
        scopegate.outcome = Empty,
        scopegate.code = Empty,
    );
    #[cfg(feature = "otel")]
    crate::otel::adopt(&span, headers);
    #[cfg(not(feature = "otel"))]
    let _ = headers;
    span
}

/// Notes what was decided.
pub fn decided(span: &Span, decision: &Decision<'_>) {
    if span.is_disabled() {
        return;
    }
    span.record("scopegate.outcome", decision.effect().name());
    span.record("scopegate.code", decision.code());
    if let Some(route) = decision.route() {
        span.record("http.route", route.id());
    }
}
