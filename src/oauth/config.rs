//! What an operator configures, and the server it becomes.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::flow::{Flow, Input};
use super::http::HttpRequest;
use super::interact::{ConsentOutcome, LoginOutcome, Resume};
use super::keys::SigningKeys;
use super::params::is_scope_token;
use super::redirect::is_loopback_http;
use super::revoke_all::RevokeAll;
use crate::jwt::jwk::KeySet;
use crate::time::UnixSeconds;

/// A key for the MACs of refresh tokens and tickets.
#[derive(Clone)]
pub struct TokenSecret {
    id: String,
    key: Zeroizing<[u8; 32]>,
}

impl TokenSecret {
    /// A secret under an id, which tokens carry. The key is 32 bytes from a random source.
    #[must_use]
    pub fn new(id: String, key: [u8; 32]) -> Self {
        Self { id, key: Zeroizing::new(key) }
    }

    /// Its id and key.
    pub(super) fn parts(&self) -> (&str, &[u8]) {
        (&self.id, self.key.as_slice())
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSecret").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An API that tokens may be for (RFC 8707).
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its identifier: an absolute URI without fragment.
    pub uri: String,
    /// The scopes it knows.
    pub scopes: Vec<String>,
}

/// How long things live, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// An authorization code: 60; at most 600 (RFC 6749 section 4.1.2).
    pub code: i64,
    /// An access token: 600.
    pub access_token: i64,
    /// An ID token: 600.
    pub id_token: i64,
    /// An interaction ticket: 600.
    pub ticket: i64,
    /// How long the parent of a refresh token still answers with its child: 10; 0 is strict.
    pub refresh_leeway: i64,
    /// A refresh token that is not used: 14 days.
    pub refresh_idle: i64,
    /// A family of refresh tokens, however much it is used: 90 days.
    pub refresh_absolute: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: 60,
            access_token: 600,
            id_token: 600,
            ticket: 600,
            refresh_leeway: 10,
            refresh_idle: 1_209_600,
            refresh_absolute: 7_776_000,
        }
    }
}

/// What an operator configures.
#[derive(Clone, Debug)]
pub struct Config {
    /// The issuer: an `https` URL without query, fragment and trailing slash; `http` on loopback alone.
    pub issuer: String,
    /// The first is the current one; older ones are still accepted.
    pub secrets: Vec<TokenSecret>,
    /// Every scope that can be asked for.
    pub scopes: Vec<String>,
    /// The APIs that tokens can be for; without `resource` a token is for the issuer.
    pub resources: Vec<Resource>,
    /// Origins that may read token, revoke and userinfo from a browser; `*` is any.
    pub cors_origins: Vec<String>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// Whether an OpenID request gets a refresh token only with `offline_access`.
    pub offline_access_required: bool,
}

/// What a store can do.
#[derive(Clone, Copy, Debug)]
pub struct StoreCaps {
    /// Compare-and-swap, linearizable per id.
    pub cas: bool,
    /// Reads see what the last swap wrote.
    pub read_your_writes: bool,
    /// Insert-if-absent.
    pub put_once: bool,
}

/// Why there is no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// The issuer is not an acceptable URL.
    IssuerInvalid,
    /// There is no secret, two share an id, or an id is not `[A-Za-z0-9_-]{1,32}`.
    SecretsInvalid,
    /// A scope is not a scope token (RFC 6749 section 3.3).
    ScopeInvalid,
    /// A resource is not an absolute URI without fragment.
    ResourceInvalid,
    /// A lifetime is negative, zero where it may not be, or too long.
    LifetimeInvalid,
    /// The keys do not hold exactly one active key, or one cannot be read.
    KeysInvalid,
    /// The store has no compare-and-swap: one code would be redeemed several times.
    StoreLacksCas,
    /// The store may read old rows.
    StoreLacksReadYourWrites,
    /// The store has no insert-if-absent: a ticket could be used twice.
    StoreLacksPutOnce,
}

impl ConfigError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::IssuerInvalid => "issuer_invalid",
            Self::SecretsInvalid => "secrets_invalid",
            Self::ScopeInvalid => "scope_invalid",
            Self::ResourceInvalid => "resource_invalid",
            Self::LifetimeInvalid => "lifetime_invalid",
            Self::KeysInvalid => "keys_invalid",
            Self::StoreLacksCas => "store_lacks_cas",
            Self::StoreLacksReadYourWrites => "store_lacks_read_your_writes",
            Self::StoreLacksPutOnce => "store_lacks_put_once",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl core::error::Error for ConfigError {}

/// The authorization server: a checked configuration and its public keys.
#[derive(Debug)]
pub struct Server {
    pub(super) config: Config,
    pub(super) keys: SigningKeys,
    pub(super) verify: KeySet,
}

impl Server {
    /// A server, or why its configuration or store will not do.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: Config, keys: SigningKeys, caps: StoreCaps) -> Result<Self, ConfigError> {
        check(&config)?;
        if !caps.cas {
            return Err(ConfigError::StoreLacksCas);
        }
        if !caps.read_your_writes {
            return Err(ConfigError::StoreLacksReadYourWrites);
        }
        if !caps.put_once {
            return Err(ConfigError::StoreLacksPutOnce);
        }
        let verify = keys.verification_keys().ok_or(ConfigError::KeysInvalid)?;
        Ok(Self { config, keys, verify })
    }

    /// This server with other keys, after a rotation.
    ///
    /// # Errors
    /// [`ConfigError::KeysInvalid`].
    pub fn with_keys(self, keys: SigningKeys) -> Result<Self, ConfigError> {
        let verify = keys.verification_keys().ok_or(ConfigError::KeysInvalid)?;
        Ok(Self { keys, verify, ..self })
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// The flow of a request to any endpoint. `entropy` is 64 fresh random bytes for this request alone.
    #[must_use]
    pub const fn handle(&self, request: HttpRequest, now: UnixSeconds, entropy: [u8; 64]) -> Flow<'_> {
        Flow::new(self, Input::Http(request), now, entropy)
    }

    /// Goes on after a [`Login`](super::Ask::Login). `request` is the browser's, for its cookie. Begin a session only when the reply is not a
    /// refusal (4xx): a ticket that is not this browser's tells that another site sent the form, with a login of its own.
    #[must_use]
    pub const fn resume_login(
        &self,
        request: HttpRequest,
        ticket: String,
        outcome: LoginOutcome,
        now: UnixSeconds,
        entropy: [u8; 64],
    ) -> Flow<'_> {
        Flow::new(self, Input::Resume { request, resume: Resume::Login { ticket, outcome } }, now, entropy)
    }

    /// Goes on after a [`Consent`](super::Ask::Consent). `request` is the browser's, for its cookie. `present` is the subject of the
    /// session that the browser has now, `None` when nobody is signed in: the ticket stands for the user it was made for, and for
    /// whoever came after or for nobody the reply is the page `ticket_of_another_user`, which uses nothing up.
    #[must_use]
    pub const fn resume_consent(
        &self,
        request: HttpRequest,
        ticket: String,
        present: Option<String>,
        outcome: ConsentOutcome,
        now: UnixSeconds,
        entropy: [u8; 64],
    ) -> Flow<'_> {
        Flow::new(self, Input::Resume { request, resume: Resume::Consent { ticket, present, outcome } }, now, entropy)
    }

    /// Revokes every grant of a user, or those of one client: after a change of password, a logout everywhere, the deletion of the user (OAuth
    /// 2.1 section 4.3.3), or when a user takes a consent back. End the user's sessions first. The list of grants is read until it names
    /// nothing new, so that what is inserted meanwhile is revoked too; `docs/oauth.md` says what a host does about a request that is
    /// under way even then. The reply is 200 with `{"revoked": number}`, or 503 when the store could not or grants are begun all the time;
    /// what was revoked until then stays so, and another run does the rest.
    #[must_use]
    pub fn revoke_all(&self, sub: String, client_id: Option<String>, now: UnixSeconds) -> Flow<'_> {
        Flow::new(self, Input::RevokeAll(RevokeAll::new(sub, client_id)), now, [0; 64])
    }

    /// The current secret: its id and key.
    pub(super) fn secret(&self) -> Option<(&str, &[u8])> {
        self.config.secrets.first().map(|secret| (secret.id.as_str(), secret.key.as_slice()))
    }

    /// The secret with this id.
    pub(super) fn secret_of(&self, id: &str) -> Option<&[u8]> {
        self.config.secrets.iter().find(|secret| secret.id == id).map(|secret| secret.key.as_slice())
    }

    /// The path of the issuer, without a trailing slash; empty for most.
    pub(super) fn issuer_path(&self) -> &str {
        path_of(&self.config.issuer)
    }

    /// The absolute URL of an endpoint.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.config.issuer)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.config.issuer.starts_with("https://")
    }
}

/// The path of an issuer, without a trailing slash; empty for most.
pub(super) fn path_of(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("")
}

pub(super) fn check_issuer(issuer: &str) -> Result<(), ConfigError> {
    let host = issuer.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let plain = issuer.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'"' | b'\\' | b'@'));
    if plain && !issuer.ends_with('/') && (host || is_loopback_http(issuer)) {
        Ok(())
    } else {
        Err(ConfigError::IssuerInvalid)
    }
}

pub(super) fn check_secrets(secrets: &[TokenSecret]) -> Result<(), ConfigError> {
    let id_ok = |id: &str| {
        (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    let mut ids: Vec<&str> = secrets.iter().map(|secret| secret.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() || ids.len() != secrets.len() || !ids.iter().all(|id| id_ok(id)) {
        return Err(ConfigError::SecretsInvalid);
    }
    Ok(())
}

/// Whether something may live so long, in seconds.
pub(super) const fn is_lifetime(seconds: i64) -> bool {
    seconds > 0 && seconds <= 315_360_000
}

fn check(config: &Config) -> Result<(), ConfigError> {
    check_issuer(&config.issuer)?;
    check_secrets(&config.secrets)?;
    if !config.scopes.iter().all(|scope| is_scope_token(scope)) {
        return Err(ConfigError::ScopeInvalid);
    }
    let uri_ok = |uri: &str| uri.contains(':') && uri.bytes().all(|b| b.is_ascii_graphic() && b != b'#' && b != b'"');
    if !config.resources.iter().all(|resource| uri_ok(&resource.uri)) {
        return Err(ConfigError::ResourceInvalid);
    }
    let l = &config.lifetimes;
    let positive = [l.code, l.access_token, l.id_token, l.ticket, l.refresh_idle, l.refresh_absolute];
    if !positive.into_iter().all(is_lifetime) || l.code > 600 || !(0..=3_600).contains(&l.refresh_leeway) {
        return Err(ConfigError::LifetimeInvalid);
    }
    Ok(())
}
