//! The configuration of the server: values from a file, the environment and flags, checked as a whole. Secrets are only ever named here, by
//! the file that holds them.

mod settings;
mod source;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scopegate::oauth::Lifetimes;
use zeroize::Zeroizing;

pub(crate) use self::settings::nearest;
pub use self::settings::{Kind, SETTINGS, Setting, VARIABLE_PREFIX, setting};
pub(crate) use self::source::line_and_column;
pub use self::source::{Place, Value, Values};
use crate::proxy::TrustedProxies;

/// A mistake in the configuration: where it is, and what was expected. It never repeats a value, which may be a secret.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    place: String,
    message: String,
}

impl ConfigError {
    /// A mistake at a place.
    pub fn new(place: impl fmt::Display, message: impl Into<String>) -> Self {
        Self { place: place.to_string(), message: message.into() }
    }

    /// A mistake in a file as a whole.
    #[must_use]
    pub fn file(path: &Path, message: impl Into<String>) -> Self {
        Self::new(path.display(), message)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for ConfigError {}

/// Where the keys are.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// In memory, without a database.
    Memory,
    /// SQLite, by URL.
    Sqlite(String),
    /// PostgreSQL, by URL, perhaps with a password.
    Postgres(Zeroizing<String>),
    /// Redis, by URL, perhaps with a password.
    Redis(Zeroizing<String>),
}

impl Database {
    /// The database of a text: `memory`, `sqlite:…`, `postgres://…` or `redis://…`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "memory" if rest.is_empty() => Some(Self::Memory),
            "sqlite" if !rest.is_empty() => Some(Self::Sqlite(text.to_owned())),
            "postgres" | "postgresql" if rest.starts_with("//") => {
                Some(Self::Postgres(Zeroizing::new(text.to_owned())))
            }
            "redis" | "rediss" if rest.starts_with("//") => Some(Self::Redis(Zeroizing::new(text.to_owned()))),
            _ => None,
        }
    }

    /// The name of the kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
            Self::Redis(_) => "redis",
        }
    }

    /// The file of an SQLite database; `None` for one in memory and for the other kinds.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<&str> {
        let Self::Sqlite(url) = self else { return None };
        let path = url.strip_prefix("sqlite:")?.trim_start_matches("//").split('?').next()?;
        (!url.contains(":memory:") && !url.contains("mode=memory")).then_some(path)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

/// The files of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// How and what is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// Lines of JSON instead of text.
    pub json: bool,
    /// The least important level.
    pub level: tracing::Level,
}

/// Where audit events go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// To standard output.
    pub stdout: bool,
    /// To a file.
    pub file: Option<AuditFile>,
    /// To the collector, as OpenTelemetry logs.
    pub otel: bool,
    /// How many events wait for a sink.
    pub queue: usize,
}

/// The audit file and its rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFile {
    /// The file.
    pub path: PathBuf,
    /// The size in bytes at which it is rotated.
    pub bytes: u64,
    /// How many rotated files are kept.
    pub count: u64,
}

/// The authorization server, as the settings have it.
#[derive(Clone, Debug)]
pub struct OauthConfig {
    /// The issuer.
    pub issuer: String,
    /// The clients.
    pub clients_file: PathBuf,
    /// The providers to sign in with.
    pub providers_file: Option<PathBuf>,
    /// Who may call from a browser of another origin.
    pub cors_origins: Vec<String>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How long a session lasts, in seconds.
    pub session: i64,
}

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on.
    pub listen: String,
    /// The address of the admin listener.
    pub admin_listen: Option<String>,
    /// Written once the server listens.
    pub ready_file: Option<PathBuf>,
    /// Where the keys are.
    pub db: Database,
    /// The policy.
    pub policy: Option<PathBuf>,
    /// The pepper of the keys.
    pub pepper_file: Option<PathBuf>,
    /// What the owners of keys may have.
    pub ceilings_file: Option<PathBuf>,
    /// The key set for tokens; a demonstration when absent.
    pub jwks_file: Option<PathBuf>,
    /// The authorization server; `None` where another one signs the tokens, and in a demonstration.
    pub oauth: Option<OauthConfig>,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// The most connections at once.
    pub max_connections: usize,
    /// How long a client may take for the headers of a request.
    pub header_timeout: Duration,
    /// How long requests may finish after a stop.
    pub drain: Duration,
    /// How long a call to the store may take.
    pub store_timeout: Duration,
    /// From when on a key counts as near its expiry, in seconds.
    pub near_expiry: i64,
    /// TLS, where the server does it itself.
    pub tls: Option<TlsFiles>,
    /// The log.
    pub log: LogConfig,
    /// The audit.
    pub audit: AuditConfig,
    /// The collector of traces and audit logs.
    pub otel_endpoint: Option<String>,
}

const SECONDS_OF_A_DAY: i64 = 86_400;

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] with the place of the first mistake.
    pub fn load(
        file: Option<&Path>,
        variables: &[(String, String)],
        flags: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        Self::from_values(&Values::read(file, variables, flags)?)
    }

    fn from_values(values: &Values) -> Result<Self, ConfigError> {
        let tls = match (values.get("tls.certificate"), values.get("tls.key")) {
            (Some(_), Some(_)) => path(values, "tls.certificate")
                .zip(path(values, "tls.key"))
                .map(|(certificate, key)| TlsFiles { certificate, key }),
            (Some((place, _)), None) => return Err(ConfigError::new(place, "expected tls.key beside it")),
            (None, Some((place, _))) => return Err(ConfigError::new(place, "expected tls.certificate beside it")),
            (None, None) => None,
        };
        Ok(Self {
            listen: address(values, "listen")?.unwrap_or("127.0.0.1:8080").to_owned(),
            admin_listen: address(values, "admin_listen")?.map(str::to_owned),
            ready_file: path(values, "ready_file"),
            db: database(values)?,
            policy: path(values, "policy"),
            pepper_file: path(values, "pepper_file"),
            ceilings_file: path(values, "ceilings_file"),
            jwks_file: path(values, "jwks_file"),
            oauth: oauth(values)?,
            trusted_proxies: proxies(values)?,
            max_connections: size(values, "max_connections", 10_000),
            header_timeout: Duration::from_secs(number(values, "header_seconds", 15)),
            drain: Duration::from_secs(number(values, "drain_seconds", 15)),
            store_timeout: Duration::from_millis(number(values, "store_milliseconds", 2_000)),
            near_expiry: i64::try_from(number(values, "near_expiry_days", 14))
                .unwrap_or(0)
                .saturating_mul(SECONDS_OF_A_DAY),
            tls,
            log: LogConfig {
                json: text(values, "log.format") == Some("json"),
                level: match text(values, "log.level") {
                    Some("error") => tracing::Level::ERROR,
                    Some("warn") => tracing::Level::WARN,
                    Some("debug") => tracing::Level::DEBUG,
                    _ => tracing::Level::INFO,
                },
            },
            audit: audit(values)?,
            otel_endpoint: otel_endpoint(values)?,
        })
    }
}

fn text<'v>(values: &'v Values, name: &str) -> Option<&'v str> {
    match values.get(name) {
        Some((_, Value::Text(text))) => Some(text),
        _ => None,
    }
}

/// A host and a port; whether there is such a host is found out when it is listened on.
fn address<'v>(values: &'v Values, name: &str) -> Result<Option<&'v str>, ConfigError> {
    let Some((place, Value::Text(text))) = values.get(name) else { return Ok(None) };
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(Some(text)),
        _ => Err(ConfigError::new(place, expected(name))),
    }
}

fn expected(name: &str) -> String {
    setting(name).map(|setting| setting.kind.expected()).unwrap_or_default()
}

fn path(values: &Values, name: &str) -> Option<PathBuf> {
    text(values, name).map(PathBuf::from)
}

fn number(values: &Values, name: &str, default: u64) -> u64 {
    match values.get(name) {
        Some((_, Value::Whole(number))) => *number,
        _ => default,
    }
}

fn size(values: &Values, name: &str, default: usize) -> usize {
    usize::try_from(number(values, name, 0)).ok().filter(|size| *size > 0).unwrap_or(default)
}

/// The items of a list and where it was given.
fn list<'v>(values: &'v Values, name: &str) -> (Option<&'v Place>, &'v [String]) {
    match values.get(name) {
        Some((place, Value::List(items))) => (Some(place), items),
        _ => (None, &[]),
    }
}

fn database(values: &Values) -> Result<Database, ConfigError> {
    let expected = || expected("db");
    match (values.get("db"), values.get("db_file")) {
        (Some((one, _)), Some((other, _))) => {
            Err(ConfigError::new(other, format!("excludes db, which is given by {one}: expected one of the two")))
        }
        (Some((place, Value::Text(url))), None) => {
            if has_password(url) {
                return Err(ConfigError::new(
                    place,
                    "holds a password, which others can read here: write the whole URL to a file and name it by db_file",
                ));
            }
            Database::parse(url).ok_or_else(|| ConfigError::new(place, expected()))
        }
        (None, Some((place, Value::Text(file)))) => {
            let content = std::fs::read_to_string(file)
                .map(Zeroizing::new)
                .map_err(|error| ConfigError::new(place, format!("{file}: {error}")))?;
            Database::parse(content.trim()).ok_or_else(|| ConfigError::new(place, format!("{file}: {}", expected())))
        }
        _ => Ok(Database::Sqlite("sqlite::memory:".into())),
    }
}

/// Whether the authority of a URL holds a password, or its query does.
#[must_use]
pub fn has_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':')) || query.split('&').any(|pair| pair.starts_with("password="))
}

fn proxies(values: &Values) -> Result<TrustedProxies, ConfigError> {
    let (place, items) = list(values, "trusted_proxies");
    TrustedProxies::parse(items).map_err(|item| {
        let place = place.map(ToString::to_string).unwrap_or_default();
        ConfigError::new(place, format!("item {item}: expected a network like 10.0.0.0/8, or an address"))
    })
}

fn audit(values: &Values) -> Result<AuditConfig, ConfigError> {
    let (place, sinks) = list(values, "audit.sinks");
    let place = place.map(ToString::to_string).unwrap_or_default();
    let has = |name: &str| sinks.iter().any(|sink| sink == name);
    if sinks.iter().any(|sink| !matches!(sink.as_str(), "stdout" | "file" | "otel")) {
        return Err(ConfigError::new(place, "expected a list of stdout, file and otel"));
    }
    let file = match (has("file"), values.get("audit.file")) {
        (true, Some(_)) => path(values, "audit.file").map(|path| AuditFile {
            path,
            bytes: number(values, "audit.file_bytes", 64 * 1024 * 1024),
            count: number(values, "audit.file_count", 8),
        }),
        (true, None) => return Err(ConfigError::new(place, "names file: expected audit.file beside it")),
        (false, Some((place, _))) => {
            return Err(ConfigError::new(place, "nothing is written there: expected file among audit.sinks"));
        }
        (false, None) => None,
    };
    if has("otel") && values.get("otel.endpoint").is_none() {
        return Err(ConfigError::new(place, "names otel: expected otel.endpoint beside it"));
    }
    Ok(AuditConfig { stdout: has("stdout"), file, otel: has("otel"), queue: size(values, "audit.queue", 16_384) })
}

fn oauth(values: &Values) -> Result<Option<OauthConfig>, ConfigError> {
    let Some((place, Value::Text(issuer))) = values.get("oauth.issuer") else {
        let alone = SETTINGS.iter().filter(|setting| setting.name.starts_with("oauth."));
        return match alone.filter_map(|setting| values.get(setting.name)).next() {
            Some((place, _)) => Err(ConfigError::new(place, "nothing is signed here: expected oauth.issuer beside it")),
            None => Ok(None),
        };
    };
    if let Some((other, _)) = values.get("jwks_file") {
        return Err(ConfigError::new(
            other,
            "excludes oauth.issuer: expected one of the two, tokens of others or of this server",
        ));
    }
    let clients_file = path(values, "oauth.clients_file");
    let clients_file = clients_file.ok_or_else(|| ConfigError::new(place, "expected oauth.clients_file beside it"))?;
    let (_, origins) = list(values, "oauth.cors_origins");
    let seconds = |name, default, unit: i64| {
        i64::try_from(number(values, name, default)).unwrap_or(i64::MAX).saturating_mul(unit)
    };
    let token = seconds("oauth.access_token_seconds", 600, 1);
    Ok(Some(OauthConfig {
        issuer: issuer.clone(),
        clients_file,
        providers_file: path(values, "oauth.providers_file"),
        cors_origins: origins.to_vec(),
        lifetimes: Lifetimes {
            access_token: token,
            id_token: token,
            refresh_leeway: seconds("oauth.refresh_leeway_seconds", 10, 1),
            refresh_idle: seconds("oauth.refresh_idle_hours", 336, 3_600),
            refresh_absolute: seconds("oauth.refresh_hours", 2_160, 3_600),
            ..Lifetimes::default()
        },
        session: seconds("oauth.session_minutes", 720, 60),
    }))
}

fn otel_endpoint(values: &Values) -> Result<Option<String>, ConfigError> {
    match values.get("otel.endpoint") {
        Some((place, Value::Text(endpoint))) => {
            if !cfg!(feature = "otel") {
                return Err(ConfigError::new(place, "this build has no OpenTelemetry: expected the feature otel"));
            }
            if has_password(endpoint) || !(endpoint.starts_with("http://") || endpoint.starts_with("https://")) {
                return Err(ConfigError::new(
                    place,
                    "expected an address like http://127.0.0.1:4317, without a password",
                ));
            }
            Ok(Some(endpoint.clone()))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests;
