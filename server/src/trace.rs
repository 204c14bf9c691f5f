//! What traces and the log are told of a decision: the route's id instead of a path, and nothing of the headers.

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

/// The span of the request that is under way; a disabled one where nothing takes spans.
#[must_use]
pub fn current() -> Span {
    if tracing::enabled!(target: TRACE_TARGET, tracing::Level::INFO) { Span::current() } else { Span::none() }
}

/// Notes what was decided, in the span and, where debugging is logged, in the log.
pub fn decided(span: &Span, decision: &Decision<'_>) {
    tracing::debug!(
        outcome = decision.effect().name(),
        code = decision.code(),
        route = decision.route().map(|route| route.id()),
        "decided"
    );
    if span.is_disabled() {
        return;
    }
    span.record("scopegate.outcome", decision.effect().name());
    span.record("scopegate.code", decision.code());
    if let Some(route) = decision.route() {
        span.record("http.route", route.id());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fmt::{Debug, Write};
    use std::sync::{Arc, Mutex};

    use scopegate::engine::Gate;
    use scopegate::host::NullHost;
    use scopegate::policy::Policy;
    use scopegate::request::Request;
    use scopegate::time::UnixSeconds;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Subscriber};
    use tracing_subscriber::layer::{Context, SubscriberExt};
    use tracing_subscriber::{Layer, registry::LookupSpan};

    use super::*;

    /// Everything that anybody is told, as text.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<String>>);

    impl Visit for Told {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
        }
    }

    impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Told {
        fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
            attributes.record(&mut self.clone());
        }

        fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
            values.record(&mut self.clone());
        }

        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            event.record(&mut self.clone());
        }
    }

    #[test]
    fn spans_and_lines_hold_the_decision_and_nothing_of_the_request() {
        let key = "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";
        let gate = Gate::builder(Arc::new(Policy::from_json(crate::POLICY).unwrap())).build().unwrap();
        let told = Told::default();
        let (target, mut headers) = (format!("/public/v1/job-listings?q={key}"), HeaderMap::new());
        headers.insert("x-api-key", key.parse().unwrap());
        headers.insert("traceparent", format!("00-{key}").parse().unwrap());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(told.clone()), || {
            let lines = [("X-API-Key", key.as_bytes())];
            let view =
                Request { method: "GET", target: target.as_bytes(), headers: &lines, https: true, client_ip: None };
            let span = request(&headers);
            decided(&span, &gate.decide(&view, UnixSeconds::clamped(0), &NullHost));
        });
        let told = told.0.lock().unwrap();
        for line in
            ["scopegate.outcome=\"deny\"", "scopegate.code=\"invalid_credential\"", "http.route=\"listJobListings\""]
        {
            assert!(told.contains(line), "{line} is not in {told}");
        }
        assert!(!told.contains("00000000") && !told.contains("/public"), "{told}");
    }
}
