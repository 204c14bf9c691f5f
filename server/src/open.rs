//! From the configuration to what is open while the server runs, in the order in which mistakes are cheapest to find.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scopegate::engine::Gate;
use scopegate::error::GateError;
use scopegate::key::format::RawKey;
use scopegate::policy::{BearerCredential, CredentialKind, Policy};
use scopegate_tower::system_time;

use crate::POLICY;
use crate::app::{App, Clock};
use crate::audit::Audit;
use crate::config::{Config, Database, line_and_column};
use crate::demo::Demo;
use crate::manage::{self, Manage, OwnerCeilings};
use crate::metered::Metered;
use crate::metrics::Metrics;
use crate::oauth::demo::{self, DemoOauth};
use crate::oauth::{Oauth, Providers, settings};
use crate::peppers::Peppers;
use crate::serve::{ServeError, write_private};
use crate::store::AnyStore;
use crate::telemetry::Telemetry;
use crate::tls::Tls;
use crate::uses::Uses;
use crate::welcome::{self, Welcome};

/// Everything that is open while the server runs.
pub(crate) struct Opened {
    pub(crate) app: Arc<App>,
    pub(crate) audit: Audit,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tls: Option<Arc<Tls>>,
}

/// What a demonstration has to try.
pub(crate) struct Demonstration {
    /// Where the policy takes tokens at all.
    demo: Option<Demo>,
    /// Where the address can be an issuer: on loopback, or with TLS.
    oauth: Option<DemoOauth>,
}

/// Opens everything. The demonstration is there when neither a key set nor an issuer was given.
pub(crate) async fn open(
    config: &Config,
    telemetry: &Telemetry,
    local: SocketAddr,
) -> Result<(Opened, Option<Demonstration>), ServeError> {
    let tls = config.tls.clone().map(|files| Tls::load(files).map(Arc::new)).transpose()?;
    let shown = config.jwks_file.is_none() && config.oauth.is_none();
    let try_oauth = (shown && (tls.is_some() || local.ip().is_loopback())).then(DemoOauth::new).transpose()?;
    let issuer = format!("{}://{local}", if tls.is_some() { "https" } else { "http" });
    let policy = policy(config.policy.as_deref(), try_oauth.is_some().then_some(issuer.as_str()))?;
    manage::check_issuers(&policy).map_err(ServeError::new)?;
    let policy = Arc::new(policy);
    let try_oauth = try_oauth.filter(|_| bearer(&policy).is_some());
    let metrics = Arc::new(Metrics::new());
    let audit = Audit::start(telemetry.sinks(config)?, config.audit.queue, &metrics)
        .map_err(|error| ServeError::new(format!("audit: {error}")))?;
    let store = AnyStore::open(&config.db).await.map_err(|error| ServeError::new(format!("db: {error}")))?;
    let peppers = peppers(config)?;
    let ceilings = match &config.ceilings_file {
        Some(path) => ceilings(path, &policy)?,
        None => OwnerCeilings::default(),
    };
    let store = Arc::new(Metered::new(store, Arc::clone(&metrics), config.store_timeout));
    let settings = match (&config.oauth, &try_oauth) {
        (Some(wanted), _) => Some(settings(wanted, &policy)?),
        (None, Some(demo)) => Some(demo.settings(&issuer, first_party(&policy)?)),
        (None, None) => None,
    };
    let oauth = match settings {
        Some(settings) => {
            let opened = Oauth::open(settings, &policy, &peppers, Arc::clone(&store), system_time()).await?;
            let file = config.oauth.as_ref().and_then(|oauth| oauth.providers_file.as_deref());
            Some(Arc::new(match file {
                Some(file) => opened.with_providers(Providers::from_file(file)?, &policy)?,
                None => opened,
            }))
        }
        None => None,
    };
    if let Some(demo) = &try_oauth {
        demo.user(&*store).await?;
    }
    let name = bearer(&policy).map(|(name, _)| name.to_owned());
    let manage = Manage::new(&policy, &peppers, ceilings);
    let mut gate = Gate::builder(policy).keyring(peppers.keyring().clone()).token_cache(1_024, 4 * 1024 * 1024);
    let demo = match (&config.jwks_file, oauth.as_ref().and_then(|oauth| oauth.active_signer())) {
        (Some(path), _) => {
            let expected =
                || ServeError::new("jwks_file: expected a policy with a bearer credential, whose keys these are");
            gate = gate.key_set(name.ok_or_else(expected)?, read(path)?);
            None
        }
        // The authorization server's own keys are asked for: they change.
        (None, Some(signer)) => shown.then(|| Demo::of(signer)),
        (None, None) => match name {
            Some(name) => {
                let demo = Demo::new()?;
                gate = gate.key_set(&name, demo.jwks());
                Some(demo)
            }
            None => None,
        },
    };
    let gate = gate.build().map_err(|error| match (&config.jwks_file, &error) {
        (Some(path), GateError::KeySet(..)) => ServeError::new(format!("{}: {error}", path.display())),
        _ => ServeError::new(error.to_string()),
    })?;
    let app = Arc::new(App {
        gate: Arc::new(gate),
        uses: Uses::start(Arc::clone(&store), Arc::clone(&metrics)),
        store,
        manage,
        oauth,
        proxies: config.trusted_proxies.clone(),
        loopback_is_secure: shown && local.ip().is_loopback() && config.trusted_proxies.is_empty(),
        metrics: Arc::clone(&metrics),
        audit: audit.clone(),
        clock: Clock::System,
    });
    let demonstration = shown.then_some(Demonstration { demo, oauth: try_oauth });
    Ok((Opened { app, audit, metrics, tls }, demonstration))
}

/// Opens the authorization server of a configuration alone, for the command: it serves nobody.
pub(crate) async fn open_oauth(config: &Config) -> Result<Oauth, ServeError> {
    let expected = "oauth.issuer: expected, for users and signing keys are the authorization server's";
    let wanted = config.oauth.as_ref().ok_or_else(|| ServeError::new(expected))?;
    let policy = policy(config.policy.as_deref(), None)?;
    let settings = settings(wanted, &policy)?;
    let peppers = peppers(config)?;
    let store = AnyStore::open(&config.db).await.map_err(|error| ServeError::new(format!("db: {error}")))?;
    let store = Arc::new(Metered::new(store, Arc::new(Metrics::new()), config.store_timeout));
    Oauth::open(settings, &policy, &peppers, store, system_time()).await
}

/// The client of a demonstration that may manage keys: the first that the policy names.
fn first_party(policy: &Policy) -> Result<&str, ServeError> {
    let (_, bearer) = bearer(policy).ok_or_else(|| ServeError::new("the policy has no bearer credential"))?;
    Ok(bearer.clients().and_then(|clients| clients.first()).map_or(demo::FIRST_PARTY, |client| client))
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

/// The ceilings of a file, held against the policy.
fn ceilings(path: &Path, policy: &Policy) -> Result<OwnerCeilings, ServeError> {
    let ceilings = OwnerCeilings::from_file(path).map_err(|error| ServeError::new(error.to_string()))?;
    let catalogue = policy.scopes();
    let scopes: Vec<&str> = (0..catalogue.len()).filter_map(|index| catalogue.name(index)).collect();
    ceilings.check_scopes(&scopes).map_err(|error| ServeError::new(format!("{}: {error}", path.display())))?;
    Ok(ceilings)
}

fn read(path: &Path) -> Result<String, ServeError> {
    std::fs::read_to_string(path).map_err(|error| ServeError::new(format!("{}: {error}", path.display())))
}

/// The policy. A demonstration's tokens come from this very address: its bearer credential has another issuer then.
fn policy(path: Option<&Path>, issuer: Option<&str>) -> Result<Policy, ServeError> {
    let Some(path) = path else {
        return Policy::from_json(&issued_here(POLICY, issuer)).map_err(|error| ServeError::new(error.to_string()));
    };
    let told = |error: String| ServeError::new(format!("{}: {error}", path.display()));
    let text = read(path)?;
    let json = if path.extension().is_some_and(|extension| extension == "toml") {
        let placed = |error: toml::de::Error| {
            let (line, column) = line_and_column(&text, error.span().map_or(0, |span| span.start));
            ServeError::new(format!("{}:{line}:{column}: {}", path.display(), error.message()))
        };
        toml::from_str::<serde_json::Value>(&text).map_err(placed)?.to_string()
    } else {
        text
    };
    Policy::from_json(&json).map_err(|error| told(error.to_string()))?;
    Policy::from_json(&issued_here(&json, issuer)).map_err(|error| told(error.to_string()))
}

/// A policy whose bearer credentials take tokens of this issuer, for this issuer.
fn issued_here(policy: &str, issuer: Option<&str>) -> String {
    let (Some(issuer), Ok(mut document)) = (issuer, serde_json::from_str::<serde_json::Value>(policy)) else {
        return policy.to_owned();
    };
    let credentials = document.get_mut("credentials").and_then(serde_json::Value::as_object_mut);
    let bearers = credentials.into_iter().flat_map(|all| all.values_mut()).filter_map(serde_json::Value::as_object_mut);
    for bearer in bearers.filter(|credential| credential.get("type").is_some_and(|kind| kind == "bearer")) {
        bearer.insert("issuer".into(), issuer.into());
        bearer.insert("audiences".into(), serde_json::json!([issuer]));
        // A challenge names documents behind https alone.
        if issuer.starts_with("https://") {
            let metadata = format!("{issuer}/.well-known/oauth-protected-resource");
            bearer.insert("resourceMetadata".into(), metadata.into());
        }
        bearer.remove("jwks");
    }
    document.to_string()
}

fn bearer(policy: &Policy) -> Option<(&str, &BearerCredential)> {
    policy.credentials().iter().find_map(|credential| match credential.kind() {
        CredentialKind::Bearer(bearer) => Some((credential.name(), bearer)),
        CredentialKind::ApiKey(_) => None,
    })
}

/// Tells that the server listens: the ready file, the log, and for a demonstration what to try.
pub(crate) async fn announce(
    config: &Config,
    opened: &Opened,
    demonstration: Option<&Demonstration>,
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
    if let Some(Demonstration { demo, oauth }) = demonstration {
        let api_key = match app.key_credential() {
            Some(key) => Demo::key(app.policy(), key, app.gate.keyring(), &*app.store, app.now()).await.map(Some)?,
            None => None,
        };
        let token = match (demo, bearer(app.policy())) {
            (Some(demo), Some((_, bearer))) => Some(demo.token(bearer, app.now())?),
            _ => None,
        };
        for (member, value) in [("apiKey", api_key.as_ref().map(RawKey::expose)), ("bearer", token.as_deref())] {
            if let Some(value) = value {
                ready.insert(member.into(), value.into());
            }
        }
        if let Some(oauth) = oauth {
            let client = first_party(app.policy())?;
            for (member, value) in [
                ("issuer", url.as_str()),
                ("username", demo::USERNAME),
                ("password", oauth.password.as_str()),
                ("clientId", client),
                ("redirectUri", demo::REDIRECT_URI),
                ("foreignClientId", demo::FOREIGN),
                ("foreignClientSecret", oauth.secret.as_str()),
            ] {
                ready.insert(member.into(), value.into());
            }
        }
        let sign_in = oauth.as_ref().map(|oauth| (demo::USERNAME, oauth.password.as_str()));
        welcome::welcome(&Welcome {
            url: &url,
            policy: config.policy.is_some().then(|| app.policy().name()),
            https_required: app.policy().https_required(),
            api_key: api_key.as_ref().map(RawKey::expose),
            token: token.as_deref(),
            db: config.db.kind(),
            loopback_is_secure: app.loopback_is_secure,
            sign_in,
        });
    }
    if let Some(path) = &config.ready_file {
        write_private(path, &serde_json::Value::Object(ready).to_string())
            .map_err(|error| ServeError::new(format!("ready_file {}: {error}", path.display())))?;
    }
    tracing::info!(address = %local, tls = opened.tls.is_some(), store = config.db.kind(), "listening");
    Ok(())
}
