//! What the outside is told of a running server: the log, and OpenTelemetry where the build has it.

use crate::audit::{FileSink, Sink, StdoutSink};
use crate::config::{Config, ConfigError};
use crate::log;

/// The log runs while this lives.
pub(crate) struct Telemetry {
    #[cfg(feature = "otel")]
    otel: Option<crate::otel::Otel>,
}

impl Telemetry {
    #[cfg(feature = "otel")]
    pub(crate) fn start(config: &Config) -> Result<Self, ConfigError> {
        let otel = config.otel_endpoint.as_deref().map(crate::otel::Otel::start).transpose()?;
        log::start(config.log, otel.as_ref().map(crate::otel::Otel::layer));
        Ok(Self { otel })
    }

    #[cfg(not(feature = "otel"))]
    #[expect(clippy::unnecessary_wraps, reason = "fails in a build with OpenTelemetry")]
    pub(crate) fn start(config: &Config) -> Result<Self, ConfigError> {
        log::start(config.log, None);
        Ok(Self {})
    }

    /// The sinks of the audit.
    pub(crate) fn sinks(&self, config: &Config) -> Result<Vec<Box<dyn Sink>>, ConfigError> {
        let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
        if config.audit.stdout {
            sinks.push(Box::new(StdoutSink));
        }
        if let Some(file) = &config.audit.file {
            let path = file.path.clone();
            let sink = FileSink::open(file.clone()).map_err(|error| ConfigError::file(&path, error.to_string()))?;
            sinks.push(Box::new(sink));
        }
        #[cfg(feature = "otel")]
        if let (true, Some(otel)) = (config.audit.otel, &self.otel) {
            sinks.push(Box::new(otel.sink()?));
        }
        Ok(sinks)
    }

    /// Sends what waits.
    #[cfg(feature = "otel")]
    pub(crate) async fn finish(self) {
        if let Some(otel) = self.otel {
            let _ = tokio::task::spawn_blocking(move || otel.finish()).await;
        }
    }

    /// Nothing waits in a build without OpenTelemetry.
    #[cfg(not(feature = "otel"))]
    #[expect(clippy::unused_async, reason = "waits in a build with OpenTelemetry")]
    pub(crate) async fn finish(self) {}
}
