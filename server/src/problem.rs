//! Problem bodies (RFC 9457) of the management API: one type for each thing a caller can do something about.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use scopegate::response::PROBLEM_JSON;
use scopegate_stores::StoreError;
use serde::Serialize;

use crate::redact::redacted_path;

/// A problem type with its status and its title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    name: &'static str,
    status: u16,
    title: &'static str,
}

const fn kind(name: &'static str, status: u16, title: &'static str) -> Kind {
    Kind { name, status, title }
}

/// The request could not be read.
pub(crate) const MALFORMED: Kind = kind("validation", 400, "Request not understood");
/// The request could be read and asks for something that cannot be.
pub(crate) const INVALID: Kind = kind("validation", 422, "Request not valid");
pub(crate) const UNAUTHENTICATED: Kind = kind("unauthenticated", 401, "Unauthorized");
pub(crate) const FORBIDDEN: Kind = kind("insufficient-scope", 403, "Forbidden");
pub(crate) const NOT_FOUND: Kind = kind("not-found", 404, "Not found");
/// The body did not come in time.
pub(crate) const TIMEOUT: Kind = kind("validation", 408, "Request timeout");
pub(crate) const CONFLICT: Kind = kind("conflict", 409, "Conflict");
pub(crate) const PRECONDITION_FAILED: Kind = kind("precondition-failed", 412, "Precondition failed");
pub(crate) const TOO_LARGE: Kind = kind("validation", 413, "Request too large");
pub(crate) const MEDIA_TYPE: Kind = kind("validation", 415, "Media type not supported");
pub(crate) const IMMUTABLE_FIELD: Kind = kind("immutable-field", 422, "Field cannot change");
pub(crate) const IDEMPOTENCY_MISMATCH: Kind =
    kind("idempotency-mismatch", 422, "Idempotency key used for another request");
pub(crate) const RATE_LIMITED: Kind = kind("rate-limited", 429, "Too many requests");
pub(crate) const UNAVAILABLE: Kind = kind("unavailable", 503, "Unavailable");

/// Every problem type of the management API with its status, those that the gate answers there too.
pub const PROBLEM_TYPES: &[(&str, u16)] = &[
    (MALFORMED.name, MALFORMED.status),
    (INVALID.name, INVALID.status),
    (FORBIDDEN.name, FORBIDDEN.status),
    (NOT_FOUND.name, NOT_FOUND.status),
    (TIMEOUT.name, TIMEOUT.status),
    (CONFLICT.name, CONFLICT.status),
    (PRECONDITION_FAILED.name, PRECONDITION_FAILED.status),
    (TOO_LARGE.name, TOO_LARGE.status),
    (MEDIA_TYPE.name, MEDIA_TYPE.status),
    (IMMUTABLE_FIELD.name, IMMUTABLE_FIELD.status),
    (IDEMPOTENCY_MISMATCH.name, IDEMPOTENCY_MISMATCH.status),
    (RATE_LIMITED.name, RATE_LIMITED.status),
    (UNAVAILABLE.name, UNAVAILABLE.status),
    (UNAUTHENTICATED.name, UNAUTHENTICATED.status),
];

/// Where a mistake is: in the body, in the query or in a header.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    /// A JSON pointer (RFC 6901) into the body; empty is the body as a whole.
    Pointer(String),
    /// The name of a parameter of the query.
    Parameter(&'static str),
    /// The name of a header field.
    Header(&'static str),
}

impl Place {
    /// A member of the body. A name that is no name of ours may be anything, a secret too: it is repeated only when it is short.
    pub(crate) fn member(name: &str) -> Self {
        let plain = (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        Self::Pointer(if plain { format!("/{name}") } else { String::new() })
    }
}

/// One mistake in a request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Mistake {
    #[serde(flatten)]
    place: Place,
    /// What is wrong, never the value.
    detail: String,
}

impl Mistake {
    pub(crate) fn new(place: Place, detail: impl Into<String>) -> Self {
        Self { place, detail: detail.into() }
    }
}

/// A problem to answer with.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<Mistake>,
    /// Seconds after which to try again.
    retry_after: Option<u64>,
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "<[Mistake]>::is_empty")]
    errors: &'a [Mistake],
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    /// With one mistake, which is the detail too.
    pub(crate) fn at(kind: Kind, place: Place, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { errors: vec![Mistake::new(place, detail.clone())], ..Self::new(kind, detail) }
    }

    /// With several mistakes.
    pub(crate) fn mistakes(kind: Kind, errors: Vec<Mistake>) -> Self {
        Self { errors, ..Self::new(kind, "Something in the request is not as it should be; see errors.") }
    }

    /// The store, or the source of random bytes, is out of reach.
    pub(crate) fn unavailable() -> Self {
        let detail = "The keys cannot be reached at the moment; try again later.";
        Self { retry_after: Some(5), ..Self::new(UNAVAILABLE, detail) }
    }

    /// There were too many changes; the next one may come after so many seconds.
    pub(crate) fn rate_limited(seconds: u64) -> Self {
        let detail = "Too many changes of keys in a minute; try again later.";
        Self { retry_after: Some(seconds), ..Self::new(RATE_LIMITED, detail) }
    }

    /// The answer; `instance` is the path of the request, without a key that may stand in it.
    pub(crate) fn response(&self, instance: &str) -> Response<Body> {
        let body = ProblemBody {
            r#type: self.kind.name,
            title: self.kind.title,
            status: self.kind.status,
            detail: &self.detail,
            instance: &redacted_path(instance),
            errors: &self.errors,
        };
        let mut response = json(self.kind.status, &body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.kind.status == UNAUTHENTICATED.status {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
        }
        if self.kind.status == TIMEOUT.status {
            // RFC 9110 section 15.5.9; what is left of the body is not waited for.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(_: StoreError) -> Self {
        Self::unavailable()
    }
}

/// A JSON answer that nothing may keep.
pub(crate) fn json(status: u16, value: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_string(value).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
