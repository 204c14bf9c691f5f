//! How a login with a provider ends.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::super::error::local_page;
use super::super::http::HttpResponse;
use crate::jwt::TokenRefusal;

/// How a flow ends.
#[derive(Debug)]
pub enum Outcome {
    /// Send this: the redirect to the provider, or a page for a request that belongs to no transaction.
    Respond(HttpResponse),
    /// The provider says who it is.
    LoggedIn(Box<LoggedIn>),
    /// The transaction is this browser's, but nobody is logged in.
    Failed(Failed),
}

impl From<HttpResponse> for Outcome {
    fn from(response: HttpResponse) -> Self {
        Self::Respond(response)
    }
}

/// An identity that a provider vouches for. Its `Debug` shows the provider alone.
#[derive(Clone, PartialEq)]
pub struct LoggedIn {
    /// The id of the provider.
    pub provider: String,
    /// The subject there. `(provider, provider_sub)` is the key of the identity, and the only one: an address is none.
    pub provider_sub: String,
    /// The issuer of the ID token, where there was one.
    pub issuer: Option<String>,
    /// What the provider says about the user: ID token, userinfo or profile, as one JSON object.
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// An e-mail address, checked for its form only.
    pub email: Option<String>,
    /// Whether the provider has verified that the user has it; never without an address. Nothing may be linked by one that is not.
    pub email_verified: bool,
    /// A name to greet with. It may come through the browser, unsigned (Apple).
    pub name: Option<String>,
    /// The interaction to go on with, as it was given at the start. After a `POST` from another site the browser has not sent the
    /// cookie that binds it: start a session, and go on behind a redirect.
    pub ticket: Option<String>,
    /// Headers to send: the cookie of the transaction goes, and nothing is stored or framed.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for LoggedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoggedIn").field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// A login that failed. The host shows its login page again, with the ticket, or [`Failed::page`].
#[derive(Clone)]
pub struct Failed {
    /// The id of the provider.
    pub provider: String,
    /// Why.
    pub fault: Fault,
    /// The interaction, which is still good.
    pub ticket: Option<String>,
    /// As [`LoggedIn::headers`].
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failed").field("provider", &self.provider).field("fault", &self.fault).finish_non_exhaustive()
    }
}

impl Failed {
    /// A page for the person in front of the browser: nothing is redirected.
    #[must_use]
    pub fn page(&self) -> HttpResponse {
        let mut page = local_page(self.fault.code(), self.fault.message());
        page.status = if matches!(self.fault, Fault::Unavailable | Fault::HostUnavailable) { 503 } else { 400 };
        page.headers.retain(|(name, _)| !self.headers.iter().any(|(own, _)| own == name));
        page.headers.extend(self.headers.iter().cloned());
        page
    }
}

/// Why nobody is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The transaction was used before.
    Replayed,
    /// The host could not: nothing is wrong with the login.
    HostUnavailable,
    /// The user turned away at the provider (`error=access_denied`).
    Denied,
    /// The provider answered with another error.
    ProviderError,
    /// `iss` is another issuer's, or missing where it is always there (RFC 9207 section 2.4).
    IssuerParameter,
    /// There is no code, or one that is none.
    CodeInvalid,
    /// The provider cannot be reached, or not in time.
    Unavailable,
    /// An endpoint redirects; the code and the secret would follow.
    RedirectRefused,
    /// An answer is longer than it may be.
    AnswerTooLarge,
    /// An answer has a status that is no success.
    AnswerStatus(u16),
    /// An answer is no JSON, or not what its endpoint answers.
    AnswerInvalid,
    /// The token endpoint refuses the code or the client.
    TokenRefused,
    /// The published configuration is not usable.
    DiscoveryInvalid,
    /// The published configuration is another issuer's (OpenID Connect Discovery section 4.3).
    DiscoveryIssuer,
    /// The key set is not usable.
    KeysInvalid,
    /// There is no ID token.
    IdTokenMissing,
    /// The ID token is refused.
    IdToken(TokenRefusal),
    /// The ID token is for somebody else beside or instead of this server.
    AudienceForeign,
    /// The nonce of the ID token is not this transaction's.
    NonceMismatch,
    /// The ID token belongs to another access token.
    AccessTokenHash,
    /// The subject is missing, too long or has control characters.
    SubjectInvalid,
    /// Userinfo is about somebody else (OpenID Connect Core section 5.3.2).
    SubjectMismatch,
}

impl Fault {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Replayed => "state_replayed",
            Self::HostUnavailable => "temporarily_unavailable",
            Self::Denied => "provider_denied",
            Self::ProviderError => "provider_error",
            Self::IssuerParameter => "issuer_parameter_mismatch",
            Self::CodeInvalid => "code_invalid",
            Self::Unavailable => "provider_unavailable",
            Self::RedirectRefused => "provider_redirect_refused",
            Self::AnswerTooLarge => "provider_answer_too_large",
            Self::AnswerStatus(_) => "provider_answer_status",
            Self::AnswerInvalid => "provider_answer_invalid",
            Self::TokenRefused => "token_refused",
            Self::DiscoveryInvalid => "discovery_invalid",
            Self::DiscoveryIssuer => "discovery_issuer_mismatch",
            Self::KeysInvalid => "provider_keys_invalid",
            Self::IdTokenMissing => "id_token_missing",
            Self::IdToken(_) => "id_token_invalid",
            Self::AudienceForeign => "id_token_audience_foreign",
            Self::NonceMismatch => "nonce_mismatch",
            Self::AccessTokenHash => "at_hash_mismatch",
            Self::SubjectInvalid => "subject_invalid",
            Self::SubjectMismatch => "subject_mismatch",
        }
    }

    /// More, for a log: the refusal of the ID token, or the status.
    #[must_use]
    pub fn detail(self) -> Option<String> {
        match self {
            Self::IdToken(refusal) => Some(String::from(refusal.code())),
            Self::AnswerStatus(status) => Some(format!("{status}")),
            _ => None,
        }
    }

    /// What to tell the person in front of the browser: part of a sentence.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Denied => "the sign-in was cancelled",
            Self::HostUnavailable => "something that is needed does not answer; try again",
            Self::Unavailable => "the provider does not answer; try again",
            _ => "the sign-in did not succeed",
        }
    }
}
