//! What a provider must be before a server takes it.

use alloc::string::String;
use core::fmt;

use super::super::params::is_scope_token;
use super::super::redirect::is_loopback_http;
use super::provider::{ClientCredential, EmailTrust, Endpoints, Issuer, Protocol, Provider, ResponseMode, Source};
use crate::jwt::verify::is_supported;
use crate::jwt::{Algorithm, AlgorithmSet};

/// Why a provider will not do, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The id of the provider.
    pub provider: String,
    /// What is wrong with it.
    pub fault: ConfigFault,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.provider, self.fault.code())
    }
}

impl core::error::Error for ConfigError {}

/// What is wrong with a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigFault {
    /// Its id is not `[a-z0-9_-]{1,32}`.
    IdInvalid,
    /// Another provider has its id.
    IdRepeated,
    /// The client id is empty, too long or not printable ASCII.
    ClientIdInvalid,
    /// The secret is empty, too long or has control characters, or a part of a signed one is empty.
    CredentialInvalid,
    /// A proof by the secret, without a secret.
    SecretMissing,
    /// A scope is not a scope token, or there is none.
    ScopeInvalid,
    /// OpenID Connect without the scope `openid`.
    OpenidScopeMissing,
    /// A further parameter is one of the protocol's own.
    ParameterReserved,
    /// An endpoint is no `https` URL (`http` on loopback), or one that the protocol needs is missing.
    EndpointInvalid,
    /// The issuer is no acceptable URL, or a tenant no tenant.
    IssuerInvalid,
    /// No algorithm is allowed, or one that is HMAC or not in this build.
    AlgorithmsInvalid,
    /// Addresses are trusted by a list that is not there.
    EmailTrustInvalid,
    /// An answer by form needs a cookie that only `https` has.
    FormPostNeedsHttps,
}

impl ConfigFault {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::IdInvalid => "provider_id_invalid",
            Self::IdRepeated => "provider_id_repeated",
            Self::ClientIdInvalid => "client_id_invalid",
            Self::CredentialInvalid => "credential_invalid",
            Self::SecretMissing => "secret_missing",
            Self::ScopeInvalid => "scope_invalid",
            Self::OpenidScopeMissing => "openid_scope_missing",
            Self::ParameterReserved => "parameter_reserved",
            Self::EndpointInvalid => "endpoint_invalid",
            Self::IssuerInvalid => "issuer_invalid",
            Self::AlgorithmsInvalid => "algorithms_invalid",
            Self::EmailTrustInvalid => "email_trust_invalid",
            Self::FormPostNeedsHttps => "form_post_needs_https",
        }
    }
}

/// Parameters of an authorization request that the flow sets.
const RESERVED: [&str; 12] = [
    "response_type",
    "response_mode",
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

pub(super) fn all(providers: &[Provider], secure: bool) -> Result<(), ConfigError> {
    for (at, provider) in providers.iter().enumerate() {
        let repeated = providers.iter().take(at).any(|earlier| earlier.id == provider.id);
        let result = if repeated { Err(ConfigFault::IdRepeated) } else { one(provider, secure) };
        result.map_err(|fault| ConfigError { provider: provider.id.clone(), fault })?;
    }
    Ok(())
}

fn one(provider: &Provider, secure: bool) -> Result<(), ConfigFault> {
    let id = &provider.id;
    let id_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let require = |holds: bool, fault: ConfigFault| if holds { Ok(()) } else { Err(fault) };
    require((1..=32).contains(&id.len()) && id.bytes().all(id_byte), ConfigFault::IdInvalid)?;
    require(is_plain(&provider.client_id), ConfigFault::ClientIdInvalid)?;
    let (credential, secret) = match &provider.credential {
        ClientCredential::Public => (true, false),
        ClientCredential::Secret { secret, .. } => {
            let secret = secret.reveal();
            ((1..=4_096).contains(&secret.len()) && !secret.chars().any(char::is_control), true)
        }
        ClientCredential::Signed { kid, team, audience } => {
            (is_plain(kid) && is_plain(team) && is_plain(audience), false)
        }
    };
    require(credential, ConfigFault::CredentialInvalid)?;
    require(secret || !provider.secret_proof, ConfigFault::SecretMissing)?;
    let scopes = !provider.scopes.is_empty() && provider.scopes.iter().all(|scope| is_scope_token(scope));
    require(scopes, ConfigFault::ScopeInvalid)?;
    let openid = provider.protocol == Protocol::OpenId;
    let asked = provider.scopes.iter().any(|scope| scope == "openid");
    require(!openid || asked, ConfigFault::OpenidScopeMissing)?;
    let reserved = provider.parameters.iter().any(|(name, _)| name.is_empty() || RESERVED.contains(&name.as_str()));
    require(!reserved, ConfigFault::ParameterReserved)?;
    require(!openid || algorithms(provider.algorithms), ConfigFault::AlgorithmsInvalid)?;
    require(secure || provider.response_mode == ResponseMode::Query, ConfigFault::FormPostNeedsHttps)?;
    match &provider.source {
        Source::Discovered { issuer } => {
            require(openid, ConfigFault::EndpointInvalid)?;
            require(provider.email_trust != EmailTrust::PrimaryOfList, ConfigFault::EmailTrustInvalid)?;
            require(is_endpoint(issuer) && !issuer.contains('?'), ConfigFault::IssuerInvalid)
        }
        Source::Fixed(endpoints) => {
            let needed = if openid { &endpoints.jwks } else { &endpoints.userinfo };
            require(needed.is_some() && urls(endpoints, true), ConfigFault::EndpointInvalid)?;
            let list = provider.email_trust != EmailTrust::PrimaryOfList || endpoints.emails.is_some();
            require(list, ConfigFault::EmailTrustInvalid)?;
            require(issuer(&endpoints.issuer), ConfigFault::IssuerInvalid)
        }
    }
}

fn is_plain(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn algorithms(set: AlgorithmSet) -> bool {
    let mut allowed = Algorithm::ALL.into_iter().filter(|algorithm| set.contains(*algorithm));
    !set.is_empty() && allowed.all(|algorithm| !algorithm.is_hmac() && is_supported(algorithm))
}

/// An absolute URL to send requests to: `https`, or `http` on loopback; without user, fragment and white space.
pub(super) fn is_endpoint(url: &str) -> bool {
    let https = url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', ':']));
    let plain = url.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'#' | b'"' | b'\\' | b'<' | b'>'));
    let authority = url.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or(""));
    url.len() <= 2_048 && plain && !authority.contains('@') && (https || is_loopback_http(url))
}

/// Whether every endpoint may be called; `http` only where loopback is allowed.
pub(super) fn urls(endpoints: &Endpoints, loopback: bool) -> bool {
    [Some(&endpoints.authorization), Some(&endpoints.token)]
        .into_iter()
        .chain([endpoints.jwks.as_ref(), endpoints.userinfo.as_ref(), endpoints.emails.as_ref()])
        .flatten()
        .all(|url| is_endpoint(url) && (loopback || url.starts_with("https://")))
}

fn issuer(issuer: &Issuer) -> bool {
    const TENANT: &str = "{tenantid}";
    const MICROSOFT: &str = "https://login.microsoftonline.com/";
    match issuer {
        Issuer::Exact(known) => {
            !known.is_empty()
                && known.iter().all(|issuer| {
                    let tenant = issuer.strip_prefix(MICROSOFT).and_then(|rest| rest.split('/').next());
                    is_plain(issuer) && tenant.is_none_or(is_tenant)
                })
        }
        Issuer::Tenant { pattern, except } => {
            pattern.starts_with("https://")
                && pattern.split_once(TENANT).is_some_and(|(_, after)| after.split_once(TENANT).is_none())
                && except.iter().all(|tenant| is_tenant(tenant))
        }
    }
}

/// The id of a tenant: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12, in lower case.
pub(super) fn is_tenant(text: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| if matches!(at, 8 | 13 | 18 | 23) { b == b'-' } else { digit(b) })
}
