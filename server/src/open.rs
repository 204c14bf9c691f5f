//! From the configuration to what is open while the server runs, in the order in which mistakes are cheapest to find.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scopegate::engine::Gate;
use scopegate::policy::{BearerCredential, CredentialKind, Policy};

use crate::app::{App, Clock};
use crate::audit::Audit;
use crate::config::{Config, Database};
use crate::demo::Demo;
use crate::manage::{Manage, OwnerCeilings};
use crate::metered::Metered;
use crate::metrics::Metrics;
use crate::peppers::Peppers;
use crate::serve::{ServeError, write_private};
use crate::store::AnyStore;
use crate::telemetry::Telemetry;
use crate::tls::Tls;
use crate::uses::Uses;
use crate::{POLICY, welcome};

/// Everything that is open while the server runs.
pub(crate) struct Opened {
    pub(crate) app: Arc<App>,
    pub(crate) audit: Audit,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tls: Option<Arc<Tls>>,
}

/// Opens everything. The demonstration is there when no key set was given.
pub(crate) async fn open(
    config: &Config,
    telemetry: &Telemetry,
    local: SocketAddr,
) -> Result<(Opened, Option<Demo>), ServeError> {
    let tls = config.tls.clone().map(|files| Tls::load(files).map(Arc::new)).transpose()?;
    let policy = Arc::new(policy(config.policy.as_deref())?);
    let metrics = Arc::new(Metrics::new());
    let audit = Audit::start(telemetry.sinks(config)?, config.audit.queue, &metrics)
        .map_err(|error| ServeError::new(format!("audit: {error}")))?;
    let store = AnyStore::open(&config.db).await.map_err(|error| ServeError::new(format!("db: {error}")))?;
    let peppers = peppers(config)?;
    let ceilings = match &config.ceilings_file {
        Some(path) => OwnerCeilings::from_file(path).map_err(|error| ServeError::new(error.to_string()))?,
        None => OwnerCeilings::default(),
    };
    let demo = config.jwks_file.is_none().then(Demo::new).transpose()?;
    let jwks = match (&config.jwks_file, &demo) {
        (Some(path), _) => read(path)?,
        (None, Some(demo)) => demo.jwks(),
        (None, None) => String::new(),
    };
    let (name, _) = bearer(&policy)?;
    let name = name.to_owned();
    let manage = Manage::new(&policy, &peppers, ceilings);
    let gate = Gate::builder(policy)
        .keyring(peppers.keyring().clone())
        .key_set(&name, jwks)
        .token_cache(1_024, 4 * 1024 * 1024)
        .build()
        .map_err(|error| ServeError::new(error.to_string()))?;
    let store = Arc::new(Metered::new(store, Arc::clone(&metrics), config.store_timeout));
    let app = Arc::new(App {
        gate: Arc::new(gate),
        uses: Uses::start(Arc::clone(&store), Arc::clone(&metrics)),
        store,
        manage,
        proxies: config.trusted_proxies.clone(),
        loopback_is_secure: demo.is_some() && local.ip().is_loopback() && config.trusted_proxies.is_empty(),
        metrics: Arc::clone(&metrics),
        audit: audit.clone(),
        clock: Clock::System,
    });
    Ok((Opened { app, audit, metrics, tls }, demo))
}

/// The peppers: of a file, or a fresh one where the keys do not outlive the process.
fn peppers(config: &Config) -> Result<Peppers, ServeError> {
    match (&config.pepper_file, &config.db) {
        (Some(path), _) => Peppers::from_file(path),
        (None, Database::Memory) => Peppers::fresh(),
        (None, Database::Sqlite(_)) => match config.db.sqlite_file() {
            Some(path) => Peppers::from_file(&PathBuf::from(format!("{path}.pepper"))),
            None => Peppers::fresh(),
        },
        (None, Database::Postgres(_) | Database::Redis(_)) => {
            Err(ServeError::new("pepper_file: expected beside a database that outlives the server"))
        }
    }
}

fn read(path: &Path) -> Result<String, ServeError> {
    std::fs::read_to_string(path).map_err(|error| ServeError::new(format!("{}: {error}", path.display())))
}

fn policy(path: Option<&Path>) -> Result<Policy, ServeError> {
    let Some(path) = path else { return Policy::from_json(POLICY).map_err(|error| ServeError::new(error.to_string())) };
    let told = |error: String| ServeError::new(format!("{}: {error}", path.display()));
    let text = read(path)?;
    let json = if path.extension().is_some_and(|extension| extension == "toml") {
        toml::from_str::<serde_json::Value>(&text).map_err(|error| told(error.message().to_owned()))?.to_string()
    } else {
        text
    };
    Policy::from_json(&json).map_err(|error| told(error.to_string()))
}

fn bearer(policy: &Policy) -> Result<(&str, &BearerCredential), ServeError> {
    let mut bearers = policy.credentials().iter().filter_map(|credential| match credential.kind() {
        CredentialKind::Bearer(bearer) => Some((credential.name(), bearer)),
        CredentialKind::ApiKey(_) => None,
    });
    bearers.next().ok_or_else(|| ServeError::new("the policy has no bearer credential"))
}

/// Tells that the server listens: the ready file, the log, and for a demonstration what to try.
pub(crate) async fn announce(
    config: &Config,
    opened: &Opened,
    demo: Option<&Demo>,
    local: SocketAddr,
    admin: Option<SocketAddr>,
) -> Result<(), ServeError> {
    let app = &opened.app;
    let url = format!("{}://{local}", if opened.tls.is_some() { "https" } else { "http" });
    let mut ready = serde_json::Map::new();
    ready.insert("url".into(), url.as_str().into());
    if let Some(admin) = admin {
        ready.insert("adminUrl".into(), format!("http://{admin}").into());
    }
    if let Some(demo) = demo {
        let key = app.key_credential().ok_or_else(|| ServeError::new("the policy has no API key credential"))?;
        let api_key = Demo::key(app.policy(), key.format(), app.gate.keyring(), &*app.store, app.now()).await?;
        let token = demo.token(bearer(app.policy())?.1, app.now())?;
        ready.insert("apiKey".into(), api_key.expose().into());
        ready.insert("bearer".into(), token.as_str().into());
        welcome::welcome(&url, api_key.expose(), &token, config.db.kind(), app.loopback_is_secure);
    }
    if let Some(path) = &config.ready_file {
        write_private(path, &serde_json::Value::Object(ready).to_string())
            .map_err(|error| ServeError::new(format!("ready_file {}: {error}", path.display())))?;
    }
    tracing::info!(address = %local, tls = opened.tls.is_some(), store = config.db.kind(), "listening");
    Ok(())
}
