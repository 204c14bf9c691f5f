//! OpenTelemetry against a collector that listens: what arrives of a decision and of the audit, and what a collector that is dead or never
//! answers does to those who record, which is nothing.
#![cfg(feature = "otel")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use scopegate::decision::Decision;
use scopegate::engine::Gate;
use scopegate::host::NullHost;
use scopegate::policy::Policy;
use scopegate::request::Request;
use scopegate::time::UnixSeconds;
use scopegate_server::audit::Audit;
use scopegate_server::metrics::Metrics;
use scopegate_server::otel::Otel;
use scopegate_server::{POLICY, trace};
use tonic::{Response, Status};
use tracing_subscriber::layer::SubscriberExt;

const KEY: &str = "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";
/// Longer than anything here takes on a busy machine, and far shorter than the exporters' own limit times the batches.
const AT_ONCE: Duration = Duration::from_secs(5);

/// What a collector was sent.
#[derive(Clone, Default)]
struct Collector {
    logs: Arc<Mutex<Vec<ExportLogsServiceRequest>>>,
    traces: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.logs.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.traces.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// An address that nobody listens on.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Collector {
    fn listen(&self, address: SocketAddr) {
        let server = tonic::transport::Server::builder()
            .add_service(LogsServiceServer::new(self.clone()))
            .add_service(TraceServiceServer::new(self.clone()));
        tokio::spawn(server.serve(address));
    }
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// A decision on a request whose every part holds a key.
fn decide<T>(headers: &HeaderMap, then: impl FnOnce(&Decision<'_>) -> T) -> T {
    let gate = Gate::builder(Arc::new(Policy::from_json(POLICY).unwrap())).build().unwrap();
    let target = format!("/public/v1/job-listings?q={KEY}");
    let lines: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let lines = &lines[..];
    let view = Request { method: "GET", target: target.as_bytes(), headers: &lines, https: true, client_ip: None };
    then(&gate.decide(&view, UnixSeconds::clamped(1_780_000_000), &NullHost))
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", KEY.parse().unwrap());
    headers.insert("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap());
    headers.insert("tracestate", KEY.parse().unwrap());
    headers.insert("baggage", format!("key={KEY}").parse().unwrap());
    headers
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_and_audit_events_arrive_with_their_fields_and_no_secret() {
    let (collector, address) = (Collector::default(), free_address());
    collector.listen(address);
    let otel = Otel::start(&format!("http://{address}")).unwrap();
    let metrics = Arc::new(Metrics::new());
    let audit = Audit::start(vec![Box::new(otel.sink().unwrap())], 64, &metrics).unwrap();
    let headers = headers();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(otel.layer()), || {
        let span = trace::request(&headers);
        decide(&headers, |decision| {
            trace::decided(&span, decision);
            audit.record(&decision.audit());
        });
    });
    let recording = audit.clone();
    assert!(tokio::task::spawn_blocking(move || recording.finish(AT_ONCE)).await.unwrap());
    tokio::task::spawn_blocking(move || otel.finish()).await.unwrap();

    let traces = collector.traces.lock().unwrap().clone();
    let resource = traces[0].resource_spans[0].resource.as_ref().unwrap();
    assert_eq!(text(&resource.attributes, "service.name"), Some("scopegate"));
    let spans: Vec<_> = traces
        .iter()
        .flat_map(|request| &request.resource_spans)
        .flat_map(|resource| &resource.scope_spans)
        .flat_map(|scope| &scope.spans)
        .collect();
    assert_eq!(spans.len(), 1);
    let span = spans[0];
    // 2 is SPAN_KIND_SERVER.
    assert_eq!((span.name.as_str(), span.kind), ("request", 2));
    assert_eq!(
        span.trace_id,
        [0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c]
    );
    assert_eq!(span.parent_span_id, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
    for (name, value) in
        [("http.route", "listJobListings"), ("scopegate.outcome", "deny"), ("scopegate.code", "invalid_credential")]
    {
        assert_eq!(text(&span.attributes, name), Some(value), "{span:?}");
    }

    let logs = collector.logs.lock().unwrap().clone();
    let records: Vec<_> = logs
        .iter()
        .flat_map(|request| &request.resource_logs)
        .flat_map(|resource| &resource.scope_logs)
        .flat_map(|scope| &scope.log_records)
        .collect();
    assert_eq!(records.len(), 1);
    let Some(Value::StringValue(body)) = records[0].body.as_ref().and_then(|body| body.value.as_ref()) else {
        panic!("no text: {records:?}")
    };
    let event: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        (event["type"].as_str(), event["code"].as_str(), event["reason"].as_str(), event["keyId"].as_str()),
        (Some("decision"), Some("invalid_credential"), Some("unknown_id"), Some("000000000000"))
    );
    let sent = format!("{traces:?}{logs:?}");
    assert!(!sent.contains("1O3Seg") && !sent.contains("/public"), "{sent}");
    assert!(metrics.render().contains("scopegate_audit_events_total{sink=\"otel\"} 1"));
}

/// Events for a collector that takes none: recording them takes no time, and each one is counted as lost.
async fn records_all_the_same(address: SocketAddr) {
    let otel = Otel::start(&format!("http://{address}")).unwrap();
    let metrics = Arc::new(Metrics::new());
    let audit = Audit::start(vec![Box::new(otel.sink().unwrap())], 64, &metrics).unwrap();
    let headers = headers();
    let started = Instant::now();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(otel.layer()), || {
        for _ in 0..2_000 {
            let span = trace::request(&headers);
            let code = decide(&headers, |decision| {
                trace::decided(&span, decision);
                audit.record(&decision.audit());
                decision.code()
            });
            assert_eq!(code, "invalid_credential", "a decision does not depend on who is told of it");
        }
    });
    assert!(started.elapsed() < 6 * AT_ONCE, "somebody waited for the collector: {:?}", started.elapsed());
    let text = metrics.render();
    let lost: u64 = text
        .lines()
        .filter(|line| line.starts_with("scopegate_audit_dropped_total{sink=\"otel\""))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
        .sum();
    // What is not counted yet waits: at most what the queue holds and one batch.
    assert!(lost >= 2_000 - 64 - 256, "{lost} of 2000 are counted as lost\n{text}");
    assert!(!text.contains("scopegate_audit_events_total{sink=\"otel\"}"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_changes_nothing() {
    records_all_the_same(free_address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_changes_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // It accepts, since the system does, and never reads.
    records_all_the_same(listener.local_addr().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_comes_back_is_told_again() {
    let (collector, address) = (Collector::default(), free_address());
    let otel = Otel::start(&format!("http://{address}")).unwrap();
    let metrics = Arc::new(Metrics::new());
    let audit = Audit::start(vec![Box::new(otel.sink().unwrap())], 64, &metrics).unwrap();
    let record = |audit: &Audit| decide(&headers(), |decision| audit.record(&decision.audit()));
    record(&audit);
    let counted = |start: &str| metrics.render().lines().any(|line| line.starts_with(start));
    let started = Instant::now();
    while !counted("scopegate_audit_dropped_total{sink=\"otel\",reason=\"sink\"} 1") {
        assert!(started.elapsed() < 12 * AT_ONCE, "it is not counted as lost");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    collector.listen(address);
    while collector.logs.lock().unwrap().is_empty() {
        assert!(started.elapsed() < 24 * AT_ONCE, "it is not told again");
        record(&audit);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
