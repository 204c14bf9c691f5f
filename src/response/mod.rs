//! From a decision to an HTTP answer: status, challenges, problem body. One exhaustive match says what a stranger hears.

pub(crate) mod json;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use serde::Serialize;

use crate::decision::{Decision, Denial, Effect};
use crate::policy::{Credential, CredentialKind};

/// A problem body (RFC 9457 section 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The type, a relative reference: the code with hyphens.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short summary, the same for every occurrence.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened, for a person; the same for everything a stranger must not tell apart.
    pub detail: &'static str,
    /// The stable code.
    pub code: &'static str,
    /// The smallest set of scopes that would do; only with `insufficient_scope`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_scopes: Vec<String>,
}

/// An HTTP answer to a request that must not pass (or is a preflight).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The header fields, lower-case names, in the order to send them.
    pub headers: Vec<(&'static str, String)>,
    /// The body, UTF-8; empty for a preflight.
    pub body: String,
}

/// The media type of a problem body (RFC 9457 section 3).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Seconds that a client should wait after a 503.
const RETRY_AFTER: &str = "5";

/// The title and the sentence of a denial.
const fn words(denial: &Denial) -> (&'static str, &'static str) {
    match denial {
        Denial::NoncanonicalTarget(_) => {
            ("Request target refused", "The request target is not in canonical form, so no route was looked up for it.")
        }
        Denial::MethodOverride => (
            "Method override refused",
            "A header asks for another method than the request line; this is not accepted here.",
        ),
        Denial::AmbiguousCredentials => {
            ("Ambiguous credentials", "A credential was sent more than once; send it once, in one place.")
        }
        Denial::MissingCredential => {
            ("Credential required", "This route needs a credential, and none that it accepts was sent.")
        }
        Denial::MalformedCredential(_) => (
            "Malformed credential",
            "The credential does not have the form it should have; check that it was copied whole.",
        ),
        Denial::InvalidCredential(_) => ("Invalid credential", "The credential is not valid."),
        Denial::KeyRevoked => ("Key revoked", "This API key has been revoked."),
        Denial::KeyExpired => ("Key expired", "This API key has expired."),
        Denial::InvalidToken(_) => ("Invalid token", "The access token is not valid."),
        Denial::InsufficientScope(_) => {
            ("Insufficient scope", "The credential is valid and lacks a scope that this route needs.")
        }
        Denial::InsecureTransport => ("HTTPS required", "Requests are accepted over HTTPS only."),
        Denial::IpNotAllowed => ("Address not allowed", "The credential may not be used from this address."),
        Denial::CredentialNotAccepted => {
            ("Credential not accepted", "The credential is valid and was issued to a client that is not accepted here.")
        }
        Denial::ClaimMismatch => ("Claim mismatch", "The token is valid and lacks a claim that this route needs."),
        Denial::NoRoute => ("Not found", "There is no such resource."),
        Denial::MethodNotAllowed(_) => ("Method not allowed", "The resource exists and does not support this method."),
        Denial::StoreUnavailable => ("Unavailable", "The credential cannot be checked at the moment; try again later."),
        Denial::KeyringUnavailable => {
            ("Unavailable", "The credential cannot be checked at the moment; try again later.")
        }
        Denial::KeysUnavailable(_) | Denial::VerifierUnavailable => {
            ("Unavailable", "The credential cannot be checked at the moment; try again later.")
        }
    }
}

impl Decision<'_> {
    /// The problem body of a denial (RFC 9457).
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let denial = self.shown(self.denial()?);
        let (title, detail) = words(denial);
        Some(Problem {
            kind: denial.code().chars().map(|letter| if letter == '_' { '-' } else { letter }).collect(),
            title,
            status: denial.status(),
            detail,
            code: denial.code(),
            required_scopes: self.missing().map(ToString::to_string).collect(),
        })
    }

    /// The values for `WWW-Authenticate`: one challenge per scheme that the route accepts (RFC 9110 section 11.6.1, RFC 6750
    /// section 3), with `error` only when a credential was presented.
    #[must_use]
    pub fn challenges(&self) -> Vec<String> {
        let Some(denial) = self.denial() else { return Vec::new() };
        if !matches!(denial.status(), 401) && !matches!(denial, Denial::InsufficientScope(_)) {
            return Vec::new();
        }
        let policy = self.policy();
        let accepted = self.route().map(|route| route.credentials()).unwrap_or_default();
        let mut challenges = Vec::new();
        for index in accepted {
            let faulty = self.faulty == Some(*index);
            if let Some(credential) = policy.credentials().get(*index).filter(|_| faulty || denial.status() == 401) {
                challenges.push(self.challenge(credential, faulty.then_some(denial)));
            }
        }
        challenges
    }

    fn challenge(&self, credential: &Credential, denial: Option<&Denial>) -> String {
        let realm = self.policy().name();
        let mut text = match credential.kind() {
            CredentialKind::ApiKey(key) => format!("ApiKey realm=\"{realm}\", header=\"{}\"", key.header()),
            CredentialKind::Bearer(bearer) => {
                let mut text = format!("Bearer realm=\"{realm}\"");
                if let Some(url) = bearer.resource_metadata() {
                    let _ = write!(text, ", resource_metadata=\"{url}\"");
                }
                text
            }
        };
        match denial {
            None | Some(Denial::MissingCredential) => {}
            Some(Denial::InsufficientScope(_)) => {
                let scopes = self.missing().collect::<Vec<_>>().join(" ");
                let _ = write!(text, ", error=\"insufficient_scope\", scope=\"{scopes}\"");
            }
            Some(_) => {
                let error = match credential.kind() {
                    CredentialKind::ApiKey(_) => "invalid_key",
                    CredentialKind::Bearer(_) => "invalid_token",
                };
                let _ = write!(text, ", error=\"{error}\"");
            }
        }
        text
    }

    /// The whole answer for a request that must not pass; `None` on allow. A preflight is an empty 204: the host's CORS
    /// layer adds what it allows.
    #[must_use]
    pub fn response(&self) -> Option<Response> {
        if self.effect() == Effect::Preflight {
            return Some(Response { status: 204, headers: Vec::new(), body: String::new() });
        }
        let problem = self.problem()?;
        let mut headers =
            alloc::vec![("content-type", PROBLEM_JSON.to_string()), ("cache-control", "no-store".to_string()),];
        headers.extend(self.challenges().into_iter().map(|challenge| ("www-authenticate", challenge)));
        match problem.status {
            405 => headers.push(("allow", self.allowed_methods().join(", "))),
            503 => headers.push(("retry-after", RETRY_AFTER.to_string())),
            _ => {}
        }
        Some(Response { status: problem.status, headers, body: problem.to_json() })
    }
}
