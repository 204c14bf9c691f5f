//! Bearer tokens at a protected resource (RFC 6750).

use alloc::format;
use alloc::string::{String, ToString};

use super::error::oauth_error;
use super::http::{HttpRequest, HttpResponse};
use super::params::Params;

/// A bearer token as it was presented. No `Debug`: it is a credential.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(pub String);

/// Why a request carries no usable bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BearerFault {
    /// There are no credentials at all: the challenge names no error (RFC 6750 section 3.1).
    Missing,
    /// There are two, or the header cannot be read: 400.
    Malformed,
    /// The token is no good: 401.
    Invalid,
    /// The token lacks a scope: 403.
    Insufficient(String),
}

impl BearerToken {
    /// The one token of a request: a header, or the `access_token` of a form. A token in the query is never looked at
    /// (RFC 9700 section 4.3.2).
    ///
    /// # Errors
    /// [`BearerFault::Missing`] or [`BearerFault::Malformed`].
    pub fn of(request: &HttpRequest) -> Result<Self, BearerFault> {
        let form = if request.method == "POST" && request.is_form() {
            let params = Params::parse(&request.body).map_err(|_| BearerFault::Malformed)?;
            if params.count("access_token") > 1 {
                return Err(BearerFault::Malformed);
            }
            params.get("access_token").map(ToString::to_string)
        } else {
            None
        };
        let header = match request.header_values("authorization").count() {
            0 => None,
            1 => request.header("authorization"),
            _ => return Err(BearerFault::Malformed),
        };
        match (header, form) {
            (Some(_), Some(_)) => Err(BearerFault::Malformed),
            (None, Some(token)) => Ok(Self(token)),
            (None, None) => Err(BearerFault::Missing),
            (Some(value), None) => match value.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => {
                    Ok(Self(token.to_string()))
                }
                Some((scheme, _)) if !scheme.eq_ignore_ascii_case("bearer") => Err(BearerFault::Missing),
                _ => Err(BearerFault::Malformed),
            },
        }
    }
}

impl BearerFault {
    /// The answer with its challenge.
    #[must_use]
    pub fn response(&self) -> HttpResponse {
        let (status, code) = match self {
            Self::Missing => {
                return HttpResponse::new(401).with("www-authenticate", "Bearer").with("cache-control", "no-store");
            }
            Self::Malformed => (400, "invalid_request"),
            Self::Invalid => (401, "invalid_token"),
            Self::Insufficient(_) => (403, "insufficient_scope"),
        };
        let scope = if let Self::Insufficient(scope) = self { format!(", scope=\"{scope}\"") } else { String::new() };
        oauth_error(status, code, "the bearer token was not accepted")
            .with("www-authenticate", &format!("Bearer error=\"{code}\"{scope}"))
    }
}
