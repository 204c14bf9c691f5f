//! Clients as the host keeps them.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::crypto;

/// How a secret travels (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretMethod {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}

/// How a client proves itself at the token endpoint.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientAuth {
    /// A public client: it proves nothing.
    None,
    /// Secrets of at least 128 random bits, stored as [`hash_secret`]; several while one is replaced.
    Hashed {
        /// How they travel.
        method: SecretMethod,
        /// Their hashes.
        hashes: Vec<[u8; 32]>,
    },
    /// Secrets that only the host can verify (argon2).
    Host {
        /// How they travel.
        method: SecretMethod,
    },
}

impl fmt::Debug for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Hashed { .. } => "Hashed",
            Self::Host { .. } => "Host",
        })
    }
}

/// The hash of a high-entropy client secret, as a client record stores it.
#[must_use]
pub fn hash_secret(secret: &str) -> [u8; 32] {
    crypto::sha256(secret.as_bytes())
}

/// A grant type a client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    /// `authorization_code`.
    AuthorizationCode,
    /// `refresh_token`.
    RefreshToken,
}

/// Whether a client must use PKCE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pkce {
    /// Always.
    Required,
    /// A confidential client may use an OpenID nonce instead (RFC 9700 section 2.1.1).
    NonceOk,
}

/// A registered client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its id, chosen by the server, never by the client (RFC 9700 section 4.15).
    pub client_id: String,
    /// Its name, for people.
    pub name: String,
    /// How it proves itself.
    pub auth: ClientAuth,
    /// Where users may be sent, each accepted by [`check_redirect_uri`](super::check_redirect_uri).
    pub redirect_uris: Vec<String>,
    /// The grant types it may use. One without any gets no tokens: it is a resource server, and may introspect the tokens for its
    /// `resources` (RFC 7662 section 2.1).
    pub grant_types: Vec<GrantType>,
    /// The scopes it may ask for.
    pub scopes: Vec<String>,
    /// What it gets when it asks for none.
    pub default_scopes: Vec<String>,
    /// The resources it may ask tokens for, or serves.
    pub resources: Vec<String>,
    /// Whether it must use PKCE.
    pub pkce: Pkce,
    /// Whether the operator registered it. Errors of other clients are redirected after a login only.
    pub trusted: bool,
    /// Whether a confidential first-party client needs no approval.
    pub skip_consent: bool,
}

impl Client {
    /// Whether it proves nothing at the token endpoint.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self.auth, ClientAuth::None)
    }

    pub(super) fn may(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }
}
