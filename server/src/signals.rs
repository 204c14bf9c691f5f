//! The signals of a process: stop, stop at once, read the certificate again.

use std::sync::Arc;

use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::tls::Tls;

/// Turns the value true on the first interrupt or termination, and resolves on the second.
pub(crate) async fn watch_stops(stop: watch::Sender<bool>, metrics: Arc<Metrics>) {
    stopped().await;
    tracing::info!("stopping; a second signal stops at once");
    metrics.drains();
    let _ = stop.send(true);
    stopped().await;
}

/// Resolves on an interrupt or a termination.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// Reads the certificate again at each hang-up.
pub(crate) async fn watch_reloads(tls: Arc<Tls>) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
        while hangups.recv().await.is_some() {
            match tls.reload() {
                Ok(()) => tracing::info!("the certificate was read again"),
                Err(error) => tracing::error!(error = %error, "the certificate in use stays"),
            }
        }
    }
    #[cfg(not(unix))]
    let _ = tls;
}
