//! Refusals as responses: JSON for clients (RFC 6749 section 5.2), a plain page for people when no redirect can be trusted.

use alloc::format;

use super::http::{HttpResponse, object};

/// An error of an endpoint that clients call.
pub(super) fn oauth_error(status: u16, code: &str, description: &str) -> HttpResponse {
    let body = object(&mut [("error", code.into()), ("error_description", description.into())]);
    HttpResponse::json(status, &body)
}

/// 400 with a code.
pub(super) fn bad(code: &str, description: &str) -> HttpResponse {
    oauth_error(400, code, description)
}

/// The host could not: 503, since RFC 6749 registers no code of the token endpoint for it.
pub(super) fn unavailable() -> HttpResponse {
    oauth_error(503, "temporarily_unavailable", "try again").with("retry-after", "1")
}

/// 405.
pub(super) fn method_not_allowed(allow: &str) -> HttpResponse {
    HttpResponse::new(405).with("allow", allow).with("cache-control", "no-store")
}

/// A page for the person in front of the browser: nothing is redirected (RFC 6749 section 4.1.2.1).
pub(super) fn local_page(code: &str, description: &str) -> HttpResponse {
    let mut page = HttpResponse::new(400).with("content-type", "text/plain; charset=utf-8");
    for (name, value) in PAGE_HEADERS {
        page = page.with(name, value);
    }
    page.body = format!("{code}: {description}\n").into_bytes();
    page
}

/// Headers of every page on the way of an authorization (RFC 9700 sections 4.2.4 and 4.16).
pub(super) const PAGE_HEADERS: [(&str, &str); 5] = [
    ("cache-control", "no-store"),
    ("content-security-policy", "frame-ancestors 'none'"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];
