//! The gate: a policy with what the host gave for it, built once and shared by every request.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use spin::Mutex;
use zeroize::Zeroizing;

use crate::error::GateError;
use crate::jwt::cache::{KeySetState, TokenCache};
use crate::jwt::jwk::KeySet;
use crate::jwt::token::SeenHeader;
use crate::jwt::verify::{RsaLimit, VerifyKey};
use crate::jwt::{Algorithm, verify};
use crate::key::hash::Keyring;
use crate::policy::{BearerCredential, CredentialKind, Policy};

/// Seconds between two records of a key's use, unless the builder says otherwise.
pub const DEFAULT_TOUCH_INTERVAL: i64 = 60;

/// Where the keys of a bearer credential come from.
pub(super) enum KeySource {
    /// Written into the policy.
    Fixed(Arc<KeySet>),
    /// From the host, refreshed by age and on unknown kids.
    Host(Mutex<KeySetState>),
}

/// What the gate keeps for a bearer credential.
pub(super) struct BearerState {
    pub(super) source: KeySource,
    pub(super) secret: Option<VerifyKey>,
    pub(super) header: Mutex<SeenHeader>,
}

/// The engine: one policy, its keyring, key sets and caches. Immutable but for the caches; shareable between threads.
pub struct Gate {
    policy: Arc<Policy>,
    keyring: Keyring,
    bearers: Box<[Option<BearerState>]>,
    several_bearers: bool,
    pub(super) cache: Option<Mutex<TokenCache>>,
    host_verification: bool,
    traces: bool,
    touch_interval: i64,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("policy", &self.policy.name()).finish_non_exhaustive()
    }
}

impl Gate {
    /// Starts to build a gate for a policy.
    #[must_use]
    pub fn builder(policy: Arc<Policy>) -> GateBuilder {
        GateBuilder {
            policy,
            keyring: Keyring::plain(),
            secrets: Vec::new(),
            key_sets: Vec::new(),
            cache: None,
            rsa_limit: RsaLimit::default(),
            host_verification: false,
            traces: false,
            touch_interval: DEFAULT_TOUCH_INTERVAL,
        }
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The keyring.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Hits and misses of the verified-token cache since the gate was built; `None` without a cache.
    #[must_use]
    pub fn token_cache_counts(&self) -> Option<(u64, u64)> {
        self.cache.as_ref().map(|cache| cache.lock().counts())
    }

    pub(super) fn bearer_state(&self, credential: usize) -> Option<&BearerState> {
        self.bearers.get(credential).and_then(Option::as_ref)
    }

    pub(super) const fn has_several_bearers(&self) -> bool {
        self.several_bearers
    }

    pub(super) const fn verifies_on_host(&self) -> bool {
        self.host_verification
    }

    pub(super) const fn traces(&self) -> bool {
        self.traces
    }

    pub(super) const fn touch_interval(&self) -> i64 {
        self.touch_interval
    }
}

/// What a gate is built from.
pub struct GateBuilder {
    policy: Arc<Policy>,
    keyring: Keyring,
    secrets: Vec<(String, Zeroizing<Vec<u8>>)>,
    key_sets: Vec<(String, String)>,
    cache: Option<(usize, usize)>,
    rsa_limit: RsaLimit,
    host_verification: bool,
    traces: bool,
    touch_interval: i64,
}

impl GateBuilder {
    /// The peppers that keys are hashed with. Without one, records must hold plain SHA-256.
    #[must_use]
    pub fn keyring(mut self, keyring: Keyring) -> Self {
        self.keyring = keyring;
        self
    }

    /// The HMAC secret of a bearer credential that allows HS256, HS384 or HS512.
    #[must_use]
    pub fn secret(mut self, credential: impl Into<String>, secret: &[u8]) -> Self {
        self.secrets.push((credential.into(), Zeroizing::new(secret.to_vec())));
        self
    }

    /// A key set that never changes, as JSON text, for a bearer credential: like `jwks` in the policy.
    #[must_use]
    pub fn key_set(mut self, credential: impl Into<String>, jwks: impl Into<String>) -> Self {
        self.key_sets.push((credential.into(), jwks.into()));
        self
    }

    /// Keeps verified tokens: at most `entries` of them and `bytes` of their text. Zero of either keeps none.
    #[must_use]
    pub fn token_cache(mut self, entries: usize, bytes: usize) -> Self {
        self.cache = (entries > 0 && bytes > 0).then_some((entries, bytes));
        self
    }

    /// The longest RSA moduli of the key sets given here or by the host: 4096 bits unless set. Those written into the policy stay
    /// below that.
    #[must_use]
    pub fn rsa_limit(mut self, limit: RsaLimit) -> Self {
        self.rsa_limit = limit;
        self
    }

    /// Leaves signature arithmetic (but HMAC) to the host: steps become [`super::Step::NeedVerify`]. A policy may then allow algorithms
    /// whose arithmetic is not in this build.
    #[must_use]
    pub fn host_verification(mut self, on: bool) -> Self {
        self.host_verification = on;
        self
    }

    /// Keeps a [`crate::decision::Trace`] with every decision.
    #[must_use]
    pub fn trace(mut self, on: bool) -> Self {
        self.traces = on;
        self
    }

    /// Seconds between two records of a key's use; 60 unless set.
    #[must_use]
    pub fn touch_interval(mut self, seconds: i64) -> Self {
        self.touch_interval = seconds.max(0);
        self
    }

    /// Builds the gate.
    ///
    /// # Errors
    /// [`GateError`] when a name is unknown, a secret is missing or short, a key set is none, or an algorithm of the policy
    /// is not in this build.
    pub fn build(mut self) -> Result<Gate, GateError> {
        let policy = Arc::clone(&self.policy);
        let mut bearers = Vec::with_capacity(policy.credentials().len());
        for credential in policy.credentials() {
            bearers.push(match credential.kind() {
                CredentialKind::ApiKey(_) => None,
                CredentialKind::Bearer(bearer) => Some(self.bearer(credential.name(), bearer)?),
            });
        }
        let unknown =
            self.secrets.iter().map(|(name, _)| name).chain(self.key_sets.iter().map(|(name, _)| name)).next();
        if let Some(name) = unknown {
            return Err(GateError::UnknownCredential(name.clone()));
        }
        let several_bearers = bearers.iter().flatten().count() > 1;
        Ok(Gate {
            policy: self.policy,
            keyring: self.keyring,
            bearers: bearers.into_boxed_slice(),
            several_bearers,
            cache: self.cache.map(|(entries, bytes)| Mutex::new(TokenCache::new(entries, bytes))),
            host_verification: self.host_verification,
            traces: self.traces,
            touch_interval: self.touch_interval,
        })
    }

    fn bearer(&mut self, name: &str, bearer: &BearerCredential) -> Result<BearerState, GateError> {
        let allowed = || Algorithm::ALL.into_iter().filter(|algorithm| bearer.rules().algorithms.contains(*algorithm));
        if !self.host_verification
            && let Some(missing) = allowed().find(|algorithm| !verify::is_supported(*algorithm))
        {
            return Err(GateError::AlgorithmUnsupported(name.to_string(), missing.name()));
        }
        let secret = take(&mut self.secrets, name);
        let mut hmac = allowed().filter(|algorithm| algorithm.is_hmac()).peekable();
        let secret = match secret {
            None if hmac.peek().is_some() => return Err(GateError::SecretMissing(name.to_string())),
            Some(secret) if hmac.any(|algorithm| secret.len() < verify::min_secret_bytes(algorithm)) => {
                return Err(GateError::SecretTooShort(name.to_string()));
            }
            other => other.map(|secret| VerifyKey::hmac(&secret)),
        };
        let given = take(&mut self.key_sets, name)
            .map(|jwks| KeySet::parse_up_to(self.rsa_limit, &jwks))
            .transpose()
            .map_err(|error| GateError::KeySet(name.to_string(), error.to_string()))?
            .map(Arc::new);
        let source = match given.or_else(|| bearer.jwks().cloned()) {
            Some(set) => KeySource::Fixed(set),
            None if allowed().all(Algorithm::is_hmac) => KeySource::Fixed(Arc::default()),
            None => KeySource::Host(Mutex::new(KeySetState::up_to(self.rsa_limit))),
        };
        Ok(BearerState { source, secret, header: Mutex::default() })
    }
}

fn take<T>(list: &mut Vec<(String, T)>, name: &str) -> Option<T> {
    let at = list.iter().position(|(known, _)| known == name)?;
    Some(list.swap_remove(at).1)
}
