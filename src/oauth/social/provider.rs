//! A provider as data.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::super::client::SecretMethod;
use crate::jwt::AlgorithmSet;

/// A secret that a provider gave its client. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    /// A secret.
    #[must_use]
    pub fn new(secret: String) -> Self {
        Self(Zeroizing::new(secret))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(redacted)")
    }
}

/// How the server proves to a provider who it is.
#[derive(Clone, Debug)]
pub enum ClientCredential {
    /// Not at all: PKCE alone.
    Public,
    /// With a secret.
    Secret {
        /// The secret.
        secret: ClientSecret,
        /// Where it goes. `None` takes what a discovered provider advertises, and the body for others.
        method: Option<SecretMethod>,
    },
    /// With a secret that is a JWT, signed for each login with ES256 by [`Need::Sign`](super::super::Need::Sign) (Apple).
    Signed {
        /// The id of the key.
        kid: String,
        /// `iss`: the team.
        team: String,
        /// `aud`.
        audience: String,
    },
}

/// What a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OpenID Connect: an ID token says who it is.
    OpenId,
    /// OAuth 2.0 alone: the profile endpoint says who it is, with the member `id`.
    OAuth2,
}

/// How a provider's answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of a `GET`.
    Query,
    /// In the form of a `POST` from another site, so that the cookie must be `SameSite=None`.
    FormPost,
}

/// When an e-mail address counts as verified by the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailTrust {
    /// Never.
    Never,
    /// When `email_verified` is `true` (OpenID Connect Core section 5.1).
    Claim,
    /// When `email_verified` is `true` or the text `"true"`.
    ClaimOrText,
    /// When the list of addresses has it as primary and verified.
    PrimaryOfList,
}

/// Who may have issued a provider's ID tokens, and its `iss` parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// One of these, byte for byte.
    Exact(Vec<String>),
    /// The pattern, with the token's own `tid` in place of `{tenantid}`.
    Tenant {
        /// The pattern.
        pattern: String,
        /// Tenants that are not let in.
        except: Vec<String>,
    },
}

/// Where a provider's endpoints are: absolute `https` URLs, `http` on loopback alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The authorization endpoint.
    pub authorization: String,
    /// The token endpoint.
    pub token: String,
    /// The key set; OpenID Connect needs it.
    pub jwks: Option<String>,
    /// The userinfo or profile endpoint; OAuth 2.0 needs it.
    pub userinfo: Option<String>,
    /// The list of e-mail addresses, where there is one.
    pub emails: Option<String>,
    /// Who issues.
    pub issuer: Issuer,
    /// Whether every answer carries `iss` (RFC 9207). One that is there is compared in any case.
    pub issuer_parameter: bool,
}

/// Where the endpoints are known from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// From here.
    Fixed(Endpoints),
    /// From the document that the issuer publishes (OpenID Connect Discovery section 4).
    Discovered {
        /// The issuer, exactly as it calls itself.
        issuer: String,
    },
}

/// One provider. The constructors fill it in for known ones; every member may be changed before
/// [`Social::new`](super::Social::new) checks them.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name in paths: `[a-z0-9_-]`, 1 to 32 bytes. With the subject it is the key of an identity, so it must not change.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// Where it is.
    pub source: Source,
    /// The id of this server there.
    pub client_id: String,
    /// How this server proves that.
    pub credential: ClientCredential,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Further parameters of the authorization request, such as `prompt` or `hd`. They cannot replace those of the protocol.
    pub parameters: Vec<(String, String)>,
    /// How its answer travels.
    pub response_mode: ResponseMode,
    /// Algorithms of its ID tokens.
    pub algorithms: AlgorithmSet,
    /// When an e-mail address counts as verified.
    pub email_trust: EmailTrust,
    /// Whether calls of its API carry `appsecret_proof`, a MAC of the access token under the secret (Facebook).
    pub secret_proof: bool,
}
