//! The table of settings. One row is a setting by file, by environment and by flag at once; `docs/server.md` has the same rows, held by a
//! test.

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text that is not empty; the string says of what shape.
    Text(&'static str),
    /// An address or a host name, and a port.
    Address,
    /// A path to a file.
    Path,
    /// A whole number between two, both included, and what it counts.
    Whole(u64, u64, &'static str),
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts; by environment and flag separated by commas. The string says of what shape.
    List(&'static str),
}

impl Kind {
    /// What is expected, in words.
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Text(shape) => format!("expected {shape}"),
            Self::Address => "expected an address and a port, like 127.0.0.1:8080".into(),
            Self::Path => "expected the path of a file".into(),
            Self::Whole(least, most, unit) => format!("expected a whole number of {unit} from {least} to {most}"),
            Self::Switch => "expected true or false".into(),
            Self::Choice(words) => format!("expected one of {}", words.join(", ")),
            Self::List(shape) => format!("expected a list of {shape}"),
        }
    }
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in the file, with the table it is in: `tls.key`.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is for, in a line.
    pub help: &'static str,
}

impl Setting {
    /// The flag without its dashes: `tls-key`.
    #[must_use]
    pub fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }

    /// The variable of the environment: `SCOPEGATE_TLS_KEY`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.replace('.', "_").to_ascii_uppercase())
    }
}

/// What every variable of the environment starts with.
pub const VARIABLE_PREFIX: &str = "SCOPEGATE_";

const fn row(name: &'static str, kind: Kind, help: &'static str) -> Setting {
    Setting { name, kind, help }
}

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    row("listen", Kind::Address, "The address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]"),
    row("admin_listen", Kind::Address, "The address of /healthz, /readyz and /metrics; nothing listens when absent"),
    row("ready_file", Kind::Path, "Write { \"url\", … } to this file once the server listens"),
    row(
        "db",
        Kind::Text("memory, sqlite::memory:, sqlite:PATH, postgres:URL or redis:URL"),
        "The keys: memory, sqlite::memory:, sqlite:PATH, postgres:URL or redis:URL, without a password [default: sqlite::memory:]",
    ),
    row("db_file", Kind::Path, "A file that holds what db would, with its password"),
    row("policy", Kind::Path, "The policy, JSON or TOML; the built-in Jobiflow policy when absent"),
    row("pepper_file", Kind::Path, "The pepper or the peppers of the keys; readable by the server only"),
    row(
        "ceilings_file",
        Kind::Path,
        "What the owners of keys may have at most, JSON; 100 keys, 32 scopes each and 366 days when absent",
    ),
    row(
        "jwks_file",
        Kind::Path,
        "The key set that tokens are verified with; without it and without oauth.issuer the server is a demonstration",
    ),
    row(
        "trusted_proxies",
        Kind::List("networks like 10.0.0.0/8"),
        "The proxies whose Forwarded and X-Forwarded-* headers are believed",
    ),
    row("max_connections", Kind::Whole(1, 1_000_000, "connections"), "The most connections at once [default: 10000]"),
    row(
        "header_seconds",
        Kind::Whole(1, 600, "seconds"),
        "How long a client may take for the headers of a request, and again for its body [default: 15]",
    ),
    row("drain_seconds", Kind::Whole(0, 3_600, "seconds"), "How long requests may finish after a stop [default: 15]"),
    row(
        "store_milliseconds",
        Kind::Whole(10, 60_000, "milliseconds"),
        "How long a call to the store may take before it counts as an outage [default: 2000]",
    ),
    row("near_expiry_days", Kind::Whole(1, 365, "days"), "From when on a key counts as near its expiry [default: 14]"),
    row(
        "oauth.issuer",
        Kind::Text("an https URL without query, fragment and trailing slash"),
        "The issuer; with it the server is an authorization server and signs the tokens itself",
    ),
    row("oauth.clients_file", Kind::Path, "The clients, TOML"),
    row("oauth.providers_file", Kind::Path, "The providers to sign in with, TOML"),
    row("oauth.cors_origins", Kind::List("origins"), "Who may call from a browser of another origin; * is anybody"),
    row(
        "oauth.access_token_seconds",
        Kind::Whole(30, 86_400, "seconds"),
        "How long access tokens and ID tokens are good [default: 600]",
    ),
    row(
        "oauth.refresh_leeway_seconds",
        Kind::Whole(0, 60, "seconds"),
        "How long the parent of a refresh token still answers with its child; 0 is strict [default: 10]",
    ),
    row(
        "oauth.refresh_idle_hours",
        Kind::Whole(1, 8_760, "hours"),
        "How long a refresh token is good that is not used [default: 336]",
    ),
    row(
        "oauth.refresh_hours",
        Kind::Whole(1, 8_760, "hours"),
        "How long refreshing goes on, however much it is used [default: 2160]",
    ),
    row("oauth.session_minutes", Kind::Whole(5, 43_200, "minutes"), "How long a sign-in lasts [default: 720]"),
    row("tls.certificate", Kind::Path, "The certificate chain, PEM"),
    row("tls.key", Kind::Path, "The key of the certificate, PEM; read again with the certificate on SIGHUP"),
    row("log.format", Kind::Choice(&["text", "json"]), "How log lines look, on standard error [default: text]"),
    row(
        "log.level",
        Kind::Choice(&["error", "warn", "info", "debug"]),
        "The least important lines that are logged [default: info]",
    ),
    row("audit.sinks", Kind::List("stdout, file and otel"), "Where audit events go: stdout, file, otel"),
    row("audit.file", Kind::Path, "The audit file, JSON lines"),
    row(
        "audit.file_bytes",
        Kind::Whole(4_096, 1 << 40, "bytes"),
        "The size at which the audit file is rotated [default: 67108864]",
    ),
    row("audit.file_count", Kind::Whole(1, 1_000, "files"), "How many rotated audit files are kept [default: 8]"),
    row(
        "audit.queue",
        Kind::Whole(1, 10_000_000, "events"),
        "How many events wait for a sink before more are dropped [default: 16384]",
    ),
    row(
        "otel.endpoint",
        Kind::Text("an address like http://127.0.0.1:4317"),
        "The collector of traces and audit logs, OTLP over gRPC",
    ),
];

/// The setting with this name.
#[must_use]
pub fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The candidate nearest to a misspelt name, if one is near.
pub(crate) fn nearest<T: AsRef<str>>(name: &str, candidates: impl IntoIterator<Item = T>) -> Option<T> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate.as_ref()), candidate))
        .filter(|(distance, _)| *distance <= 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
