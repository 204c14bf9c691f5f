//! OpenTelemetry over OTLP: a span for each decision, audit events as logs. Only what the span and the event themselves hold is sent.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{LogExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _, SdkLogRecord, SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Layer, Registry};

use crate::audit::Sink;
use crate::config::ConfigError;
use crate::log::TRACE_TARGET;

/// How long the collector may take for a batch.
const LIMIT: Duration = Duration::from_secs(10);
const NAME: &str = "scopegate";

fn resource() -> Resource {
    Resource::builder_empty().with_service_name(NAME).build()
}

/// The end of the collector.
#[derive(Debug)]
pub struct Otel {
    endpoint: String,
    traces: SdkTracerProvider,
}

impl Otel {
    /// Prepares to send; connects when there is something to send. Must be called inside of the runtime.
    ///
    /// # Errors
    /// [`ConfigError`] when the address is none.
    pub fn start(endpoint: &str) -> Result<Self, ConfigError> {
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(LIMIT).build();
        let exporter = exporter.map_err(|_| unusable())?;
        let traces = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource()).build();
        Ok(Self { endpoint: endpoint.to_owned(), traces })
    }

    /// What makes spans of the decisions.
    #[must_use]
    pub fn layer(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        let layer = tracing_opentelemetry::layer()
            .with_tracer(self.traces.tracer(NAME))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        Box::new(layer.with_filter(Targets::new().with_target(TRACE_TARGET, LevelFilter::INFO)))
    }

    /// What sends audit events. Must be called inside of the runtime.
    ///
    /// # Errors
    /// [`ConfigError`] when the address is none.
    pub fn sink(&self) -> Result<OtelSink, ConfigError> {
        let exporter = LogExporter::builder().with_tonic().with_endpoint(&self.endpoint).with_timeout(LIMIT).build();
        let mut exporter = exporter.map_err(|_| unusable())?;
        exporter.set_resource(&resource());
        // It makes records and sends none: the batches go to the exporter straight, so that each one lost is known.
        let logger = SdkLoggerProvider::builder().build().logger(NAME);
        Ok(OtelSink {
            exporter,
            logger,
            scope: InstrumentationScope::builder(NAME).build(),
            runtime: Handle::current(),
        })
    }

    /// Sends the spans that wait. It blocks.
    pub fn finish(&self) {
        if let Err(error) = self.traces.shutdown_with_timeout(LIMIT) {
            tracing::warn!(error = %error, "spans are lost");
        }
    }
}

fn unusable() -> ConfigError {
    ConfigError::new("otel.endpoint", "expected an address like http://127.0.0.1:4317")
}

/// Audit events as OpenTelemetry logs; the event is the body.
#[derive(Debug)]
pub struct OtelSink {
    exporter: LogExporter,
    logger: SdkLogger,
    scope: InstrumentationScope,
    runtime: Handle,
}

impl Sink for OtelSink {
    fn name(&self) -> &'static str {
        "otel"
    }

    fn write(&mut self, events: &[Arc<str>]) -> std::io::Result<()> {
        let record = |event: &Arc<str>| {
            let mut record = self.logger.create_log_record();
            record.set_event_name("scopegate.audit");
            record.set_observed_timestamp(std::time::SystemTime::now());
            record.set_severity_number(Severity::Info);
            record.set_body(AnyValue::String(event.to_string().into()));
            record
        };
        let records: Vec<SdkLogRecord> = events.iter().map(record).collect();
        let batch: Vec<(&SdkLogRecord, &InstrumentationScope)> =
            records.iter().map(|record| (record, &self.scope)).collect();
        self.runtime.block_on(self.exporter.export(LogBatch::new(&batch))).map_err(std::io::Error::other)
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.exporter.shutdown_with_timeout(LIMIT).map_err(std::io::Error::other)
    }
}

/// `traceparent` and nothing else: what else a caller sends would end up in the trace.
struct Parent<'h>(&'h axum::http::HeaderMap);

impl Extractor for Parent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "traceparent").then(|| self.0.get(key)?.to_str().ok()).flatten()
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

/// Makes a span the child of the caller's.
pub(crate) fn adopt(span: &tracing::Span, headers: &axum::http::HeaderMap) {
    if !span.is_disabled() {
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Parent(headers));
        // Without a layer of OpenTelemetry there is nothing to be a child of.
        let _ = span.set_parent(parent);
    }
}
