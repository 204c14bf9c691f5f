//! The log: lines of text or JSON on standard error. What the crates of this project say and nothing else, so that no library can
//! put a header or a query there; [`crate::redact`] is the net under it.

use std::io;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::LogConfig;
use crate::redact::Redacting;

/// The target of the spans that are traces, which are no lines of the log.
pub const TRACE_TARGET: &str = "scopegate_server::trace";

/// Standard error through the net.
#[derive(Clone, Copy, Debug)]
struct Lines;

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Redacting<io::Stderr>;

    fn make_writer(&'w self) -> Self::Writer {
        Redacting(io::stderr())
    }
}

fn lines<S, W>(config: LogConfig, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = Targets::new()
        .with_target("scopegate", LevelFilter::from_level(config.level))
        .with_target(TRACE_TARGET, LevelFilter::OFF);
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let layer: Box<dyn Layer<S> + Send + Sync> = if config.json {
        Box::new(layer.json().flatten_event(true).with_current_span(false).with_span_list(false))
    } else {
        Box::new(layer)
    };
    layer.with_filter(filter)
}

/// Starts the log, with a further layer where there is one. A log that runs already stays: a process has one.
pub fn start(config: LogConfig, further: Option<Box<dyn Layer<Registry> + Send + Sync>>) {
    // A layer that is not there, `None`, would want every span, though it does nothing with it.
    let _ = match further {
        Some(further) => tracing_subscriber::registry().with(further).with(lines(config, Lines)).try_init(),
        None => tracing_subscriber::registry().with(lines(config, Lines)).try_init(),
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for Kept {
        type Writer = Redacting<Self>;

        fn make_writer(&'w self) -> Self::Writer {
            Redacting(self.clone())
        }
    }

    #[test]
    fn lines_are_json_of_this_project_without_secrets() {
        let kept = Kept::default();
        let config = LogConfig { json: true, level: tracing::Level::INFO };
        let key = "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines(config, kept.clone())), || {
            tracing::info!(error = key, "told");
            tracing::debug!("not important");
            tracing::info!(target: "hyper", "headers: secret");
            let _span = tracing::info_span!(target: TRACE_TARGET, "decision").entered();
            tracing::warn!("again");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        let first = lines.first().unwrap();
        assert_eq!((first["message"].as_str(), first["error"].as_str()), (Some("told"), Some("[hidden]")));
        assert!(!text.contains("secret") && !text.contains("decision"), "{text}");
    }
}
