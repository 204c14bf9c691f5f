//! The server from its configuration to its end: what is opened in which order, and what is written before the process ends.

use std::fmt;
use std::io::Write;
use std::net::ToSocketAddrs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::admin::{Admin, Probe};
use crate::app::router;
use crate::config::{Config, ConfigError};
use crate::connection::Limits;
use crate::open::{Opened, announce, open};
use crate::telemetry::Telemetry;
use crate::{admin, connection, signals, watch};

/// The most connections of the admin listener.
const ADMIN_CONNECTIONS: usize = 64;

/// Why the server does not start, or stopped. It holds no secret.
#[derive(Debug)]
pub struct ServeError(String);

impl ServeError {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ServeError {}

impl From<ConfigError> for ServeError {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}

/// Serves until it is interrupted or terminated.
///
/// # Errors
/// [`ServeError`] when a setting cannot be used or a socket fails.
pub fn run(config: &Config) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| ServeError::new(format!("no runtime: {error}")))?;
    let outcome = runtime.block_on(serve(config));
    // A call that hangs is no reason for the process to stay.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn serve(config: &Config) -> Result<(), ServeError> {
    let telemetry = Telemetry::start(config)?;
    let listener = bind("listen", &config.listen).await?;
    let local = listener.local_addr().map_err(|error| ServeError::new(error.to_string()))?;
    let admin_listener = match &config.admin_listen {
        Some(address) => Some(bind("admin_listen", address).await?),
        None => None,
    };
    let admin_local = admin_listener.as_ref().and_then(|listener| listener.local_addr().ok());
    let (opened, demo) = open(config, &telemetry, local).await?;
    announce(config, &opened, demo.as_ref(), local, admin_local).await?;
    if let Some(tls) = &opened.tls {
        tokio::spawn(signals::watch_reloads(Arc::clone(tls)));
    }
    tokio::spawn(watch::audit(opened.audit.clone()));
    tokio::spawn(watch::expiry(Arc::clone(&opened.app), config.near_expiry));
    if let Some(oauth) = &opened.app.oauth {
        tokio::spawn(watch::signing_keys(Arc::clone(&opened.app), Arc::clone(oauth)));
        tokio::spawn(watch::spent(Arc::clone(&opened.app)));
    }

    let (stop, stopping) = tokio::sync::watch::channel(false);
    let (end_admin, admin_ends) = tokio::sync::watch::channel(false);
    let admin = admin_listener.map(|listener| {
        let app = Arc::clone(&opened.app);
        let probe: Probe = Arc::new(move || {
            let app = Arc::clone(&app);
            Box::pin(async move { app.store.is_reachable().await })
        });
        let shown = Admin { metrics: Arc::clone(&opened.metrics), stop: stopping.clone(), probe };
        let limits = Limits { connections: ADMIN_CONNECTIONS, headers: config.header_timeout, drain: Duration::ZERO };
        let metrics = Arc::clone(&opened.metrics);
        tokio::spawn(async move {
            connection::serve(listener, admin::router(shown), None, &limits, metrics, admin_ends).await;
        })
    });
    let limits = Limits { connections: config.max_connections, headers: config.header_timeout, drain: config.drain };
    let service = router(Arc::clone(&opened.app));
    let serving =
        connection::serve(listener, service, opened.tls.clone(), &limits, Arc::clone(&opened.metrics), stopping);
    let drained = tokio::select! {
        drained = serving => drained,
        () = signals::watch_stops(stop, Arc::clone(&opened.metrics)) => false,
    };
    if !drained {
        tracing::warn!("requests under way were cut off");
    }
    finish(opened, telemetry, config.drain).await;
    let _ = end_admin.send(true);
    if let Some(admin) = admin {
        let _ = admin.await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// Writes what waits, once no request is left.
async fn finish(opened: Opened, telemetry: Telemetry, limit: Duration) {
    let limit = limit.max(Duration::from_secs(1));
    if !opened.app.uses.finish(limit).await {
        tracing::error!("uses of keys were not written before the end");
    }
    let written = tokio::task::spawn_blocking(move || opened.audit.finish(limit)).await;
    if !matches!(written, Ok(true)) {
        tracing::error!("audit events were not written before the end");
    }
    opened.app.store.inner().close().await;
    telemetry.finish().await;
}

async fn bind(setting: &str, text: &str) -> Result<TcpListener, ServeError> {
    let found = text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    let address = found.ok_or_else(|| ServeError::new(format!("{setting} {text}: this name has no address")))?;
    TcpListener::bind(address).await.map_err(|error| ServeError::new(format!("{setting} {text}: {error}")))
}

/// Writes a file that is not there yet, readable by its owner only; fails when it is.
pub(crate) fn write_new_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Writes a file whole or not at all, readable by its owner only.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&temporary)?.write_all(text.as_bytes())?;
    std::fs::rename(&temporary, path)
}
