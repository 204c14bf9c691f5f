//! Requests and responses between axum and the flows.

use std::error::Error;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::LengthLimitError;
use scopegate::oauth::{HttpRequest, HttpResponse, MAX_BODY_BYTES};

use crate::connection::TooSlow;

/// Why a request cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Its body is longer than the flows take.
    TooLarge,
    /// Its body did not come in time.
    TooSlow,
    /// Its body broke off.
    Broken,
}

/// A request as the flows take it. Header values that are no text are passed on with what is foreign replaced: nothing matches them then.
pub(crate) async fn read(request: Request<Body>) -> Result<HttpRequest, Unread> {
    let (parts, body) = request.into_parts();
    let declared =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(Unread::TooLarge);
    }
    let body = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => body.to_vec(),
        Err(error) if error.source().is_some_and(|source| source.is::<LengthLimitError>()) => {
            return Err(Unread::TooLarge);
        }
        Err(error) if TooSlow::caused(&error) => return Err(Unread::TooSlow),
        Err(_) => return Err(Unread::Broken),
    };
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    Ok(HttpRequest {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    })
}

/// A response as it is sent.
pub(crate) fn write(response: HttpResponse) -> Response<Body> {
    let mut written = Response::new(Body::from(response.body));
    *written.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    append(&mut written, &response.headers);
    written
}

/// Adds headers; what cannot be a header is left out.
pub(crate) fn append(response: &mut Response<Body>, headers: &[(String, String)]) {
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            response.headers_mut().append(name, value);
        }
    }
}
