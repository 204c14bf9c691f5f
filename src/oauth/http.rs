//! Requests and responses as values, so that any HTTP stack can carry them.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

/// The largest body an endpoint reads, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// One request as it arrived. Its `Debug` shows method and path alone: the rest holds credentials.
#[derive(Clone, Default)]
pub struct HttpRequest {
    /// The method, in capitals.
    pub method: String,
    /// The path of the target, without the query.
    pub path: String,
    /// The query without its `?`, still percent-encoded; empty when there is none.
    pub query: String,
    /// Headers in order of arrival; names in any case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest").field("method", &self.method).field("path", &self.path).finish_non_exhaustive()
    }
}

impl HttpRequest {
    /// Every value of the header with this name, compared without case.
    pub fn header_values<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r str> {
        self.headers
            .iter()
            .filter(move |(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The value of a header that is there exactly once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// Whether the body is declared a form (RFC 6749 appendix B); parameters of the type such as `charset` are allowed.
    #[must_use]
    pub fn is_form(&self) -> bool {
        self.header("content-type").is_some_and(|value| {
            value
                .split(';')
                .next()
                .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
        })
    }
}

/// One response to send. Its `Debug` shows the status alone: a body may hold tokens and a `Location` a code.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

/// An object of members. The macro of `serde_json` writes the insertion of each out, which is a good part of a small module.
#[inline(never)]
pub(super) fn object(members: &mut [(&str, Value)]) -> Value {
    members.iter_mut().map(|(name, value)| (String::from(*name), value.take())).collect()
}

/// A list of texts.
#[inline(never)]
pub(super) fn texts<T: AsRef<str>>(list: &[T]) -> Value {
    list.iter().map(|text| Value::from(text.as_ref())).collect()
}

impl HttpResponse {
    /// A response without headers and body.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// This response with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A JSON response that no cache keeps (RFC 6749 section 5.1).
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: alloc::string::ToString::to_string(body).into_bytes() }
            .with("content-type", "application/json")
            .with("cache-control", "no-store")
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}
