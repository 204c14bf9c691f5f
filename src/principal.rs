//! Who a request comes from, once proven: subject, scopes, kind, and an id that is safe to log.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;

use serde_json::Value;

use crate::jwt::claims::VerifiedClaims;
use crate::key::record::LiveKey;
use crate::scope::{ScopeCatalogue, ScopeSet};

/// The kind of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// Proven by an API key.
    ApiKey,
    /// Proven by a JWT.
    Bearer,
    /// Not proven here: the host vouched for it.
    Assumed,
}

impl PrincipalKind {
    /// The name in decision JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "apiKey",
            Self::Bearer => "bearer",
            Self::Assumed => "assumed",
        }
    }
}

#[derive(Clone)]
enum Proof {
    Key(LiveKey),
    Token(Arc<VerifiedClaims>),
    Assumed(Arc<[(String, Value)]>),
}

/// A proven credential. Only the engine makes one, and only from a live key or verified claims, so an allow cannot be
/// made without proof; the one exception says so in its kind.
#[derive(Clone)]
pub struct Principal {
    credential: usize,
    scopes: ScopeSet,
    proof: Proof,
}

impl Principal {
    /// `granted`: what the catalogue grants for the record's scopes, when that is known.
    pub(crate) fn from_key(
        credential: usize,
        key: LiveKey,
        catalogue: &ScopeCatalogue,
        granted: Option<ScopeSet>,
    ) -> Self {
        let scopes = granted.unwrap_or_else(|| catalogue.grant(key.record().scopes.iter().map(|scope| &**scope)));
        Self { credential, scopes, proof: Proof::Key(key) }
    }

    pub(crate) fn from_claims(credential: usize, claims: Arc<VerifiedClaims>, catalogue: &ScopeCatalogue) -> Self {
        let scopes = catalogue.grant(claims.scopes());
        Self { credential, scopes, proof: Proof::Token(claims) }
    }

    /// Whether these very claims proved it as this credential.
    pub(crate) fn is_of(&self, credential: usize, claims: &Arc<VerifiedClaims>) -> bool {
        self.credential == credential && self.claims().is_some_and(|known| Arc::ptr_eq(known, claims))
    }

    pub(crate) fn assumed(credential: usize, scopes: ScopeSet, claims: Arc<[(String, Value)]>) -> Self {
        Self { credential, scopes, proof: Proof::Assumed(claims) }
    }

    /// The index of the credential in the policy.
    #[must_use]
    pub fn credential(&self) -> usize {
        self.credential
    }

    /// What it may do: the declared scopes it was given and all they imply.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> PrincipalKind {
        match self.proof {
            Proof::Key(_) => PrincipalKind::ApiKey,
            Proof::Token(_) => PrincipalKind::Bearer,
            Proof::Assumed(_) => PrincipalKind::Assumed,
        }
    }

    /// Who: the owner of a key, the `sub` of a token.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        match &self.proof {
            Proof::Key(key) => Some(&key.record().owner),
            Proof::Token(claims) => claims.subject(),
            Proof::Assumed(_) => None,
        }
    }

    /// The live key, when an API key proved it.
    #[must_use]
    pub fn key(&self) -> Option<&LiveKey> {
        match &self.proof {
            Proof::Key(key) => Some(key),
            Proof::Token(_) | Proof::Assumed(_) => None,
        }
    }

    /// The verified claims, when a JWT proved it.
    #[must_use]
    pub fn claims(&self) -> Option<&Arc<VerifiedClaims>> {
        match &self.proof {
            Proof::Token(claims) => Some(claims),
            Proof::Key(_) | Proof::Assumed(_) => None,
        }
    }

    /// The client a token was issued to: `client_id`, or `azp`.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.claims().and_then(|claims| claims.client_id())
    }

    /// An id for logs: a key's public id, a hash of issuer and subject of a token.
    #[must_use]
    pub fn log_id(&self) -> Option<String> {
        match &self.proof {
            Proof::Key(key) => Some(key.record().id.to_string()),
            Proof::Token(claims) => claims.subject_hash(),
            Proof::Assumed(_) => None,
        }
    }

    /// Whether the claim `name` equals `wanted`, or is an array that has it.
    #[must_use]
    pub fn has_claim(&self, name: &str, wanted: &Value) -> bool {
        let holds = |value: &Value| match value {
            Value::Array(items) => items.contains(wanted),
            single => single == wanted,
        };
        match &self.proof {
            Proof::Key(_) => false,
            Proof::Token(claims) => claims.has(name, wanted),
            Proof::Assumed(claims) => claims.iter().any(|(claim, value)| claim == name && holds(value)),
        }
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal").field("kind", &self.kind()).field("log_id", &self.log_id()).finish_non_exhaustive()
    }
}
