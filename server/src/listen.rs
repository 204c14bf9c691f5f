//! Starting and stopping: options, the socket, what is printed, the ready file, signals.

use std::fmt;
use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use scopegate::engine::Gate;
use scopegate::policy::{BearerCredential, CredentialKind, Policy};
use scopegate_stores::SqliteStore;
use serde_json::json;
use tokio::net::TcpListener;

use crate::POLICY;
use crate::app::{App, router};
use crate::demo::Demo;
use crate::store::AnyStore;

/// What `serve` is told.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The address to listen on, like `127.0.0.1:8080`; port 0 takes a free one.
    pub listen: String,
    /// A file to write `{ "url", "apiKey", "bearer" }` to once the server listens.
    pub ready_file: Option<PathBuf>,
    /// The database, `sqlite::memory:` or `sqlite:path`.
    pub db: String,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8080".into(), ready_file: None, db: "sqlite::memory:".into() }
    }
}

/// Why the server does not start, or stopped.
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

/// Serves until it is interrupted or terminated.
///
/// # Errors
/// [`ServeError`] when an option cannot be used or the socket fails.
pub fn run(options: &ServeOptions) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| ServeError::new(format!("no runtime: {error}")))?.block_on(serve(options))
}

async fn serve(options: &ServeOptions) -> Result<(), ServeError> {
    let address = address(&options.listen)?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| ServeError::new(format!("--listen {}: {error}", options.listen)))?;
    let local = listener.local_addr().map_err(|error| ServeError::new(error.to_string()))?;
    if !options.db.starts_with("sqlite:") {
        return Err(ServeError::new(format!("--db {}: expected sqlite::memory: or sqlite:path", options.db)));
    }
    let sqlite = SqliteStore::open(&options.db).await.map_err(|error| ServeError::new(format!("--db: {error}")))?;
    let demo = match database_file(&options.db) {
        Some(path) => Demo::with_pepper_file(&PathBuf::from(format!("{path}.pepper")))?,
        None => Demo::new()?,
    };
    let policy = Arc::new(Policy::from_json(POLICY).map_err(|error| ServeError::new(error.to_string()))?);
    let (name, bearer) = bearer(&policy)?;
    let gate = Gate::builder(Arc::clone(&policy))
        .keyring(demo.keyring.clone())
        .key_set(name, demo.jwks())
        .token_cache(1_024, 4 * 1024 * 1024)
        .build()
        .map_err(|error| ServeError::new(error.to_string()))?;
    let app = Arc::new(App {
        gate,
        store: AnyStore::Sqlite(sqlite.clone()),
        loopback_is_secure: local.ip().is_loopback(),
        fixed_now: None,
    });
    let key = app.key_credential().ok_or_else(|| ServeError::new("the policy has no API key credential"))?;
    let api_key = demo.key(&policy, key.format(), &app.store, app.now()).await?;
    let token = demo.token(bearer, app.now())?;
    let url = format!("http://{local}");
    if let Some(path) = &options.ready_file {
        let ready = json!({ "url": url, "apiKey": api_key.expose(), "bearer": token });
        write_private(path, &ready.to_string())
            .map_err(|error| ServeError::new(format!("--ready-file {}: {error}", path.display())))?;
    }
    welcome(&url, api_key.expose(), &token, &options.db, app.loopback_is_secure);
    drop(api_key);
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(stopped()).await;
    sqlite.close().await;
    served.map_err(|error| ServeError::new(error.to_string()))
}

/// The file of an SQLite URL; `None` for a database in memory.
fn database_file(db: &str) -> Option<&str> {
    let path = db.strip_prefix("sqlite:")?.trim_start_matches("//").split('?').next()?;
    (!db.contains(":memory:") && !db.contains("mode=memory")).then_some(path)
}

fn address(text: &str) -> Result<SocketAddr, ServeError> {
    let found = text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found
        .ok_or_else(|| ServeError::new(format!("--listen {text}: expected an address and a port, like 127.0.0.1:8080")))
}

fn bearer(policy: &Policy) -> Result<(&str, &BearerCredential), ServeError> {
    let mut bearers = policy.credentials().iter().filter_map(|credential| match credential.kind() {
        CredentialKind::Bearer(bearer) => Some((credential.name(), bearer)),
        CredentialKind::ApiKey(_) => None,
    });
    bearers.next().ok_or_else(|| ServeError::new("the policy has no bearer credential"))
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

fn welcome(url: &str, api_key: &str, token: &str, db: &str, loopback_is_secure: bool) {
    let bold = Style::new().bold();
    let note = |colour: AnsiColor, text: &str| {
        let style = Style::new().fg_color(Some(colour.into()));
        format!("{style}{text}{style:#}")
    };
    let id = api_key.get(9..21).unwrap_or_default();
    let mut out = anstream::stdout();
    let lines = [
        format!("{bold}Scopegate{bold:#} serves Jobiflow on {bold}{url}{bold:#}, keys in {db}"),
        if loopback_is_secure {
            "The policy requires HTTPS. Plain HTTP counts as secure here because it stays on this machine, and only then.".into()
        } else {
            "The policy requires HTTPS, and this address is not loopback: plain HTTP is refused with 403.".into()
        },
        String::new(),
        format!("A demo key, which may read job listings:\n  {}", note(AnsiColor::Cyan, api_key)),
        format!("A bearer token of the demo user, valid for an hour:\n  {}", note(AnsiColor::Cyan, token)),
        String::new(),
        "Try:".into(),
        format!(
            "  curl -i -H 'X-API-Key: {api_key}' {url}/public/v1/job-listings   {}",
            note(AnsiColor::Green, "# 200")
        ),
        format!(
            "  curl -i -H 'X-API-Key: {api_key}' {url}/public/v1/candidates   {}",
            note(AnsiColor::Yellow, "# 403: a scope is missing")
        ),
        format!(
            "  curl -i -H 'X-API-Key: {api_key}' --path-as-is {url}/public/v1/../settings/api-keys   {}",
            note(AnsiColor::Red, "# 400: a path trick")
        ),
        format!(
            "  curl -i -X PUT -H 'X-API-Key: {api_key}' {url}/public/v1/job-listings   {}",
            note(AnsiColor::Red, "# 405")
        ),
        format!(
            "  curl -i -X DELETE -H 'Authorization: Bearer {token}' {url}/settings/api-keys/{id}   {}",
            note(AnsiColor::Magenta, "# 204: revoked; the first line is 401 now")
        ),
        String::new(),
        "Stop with Ctrl-C.".into(),
    ];
    for line in lines {
        let _ = writeln!(out, "{line}");
    }
}
