//! Problem answers of the management API (RFC 9457): one type for each thing a caller can do something about.

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use scopegate::key::lifecycle::LifecycleError;
use scopegate_stores::StoreError;
use serde::Serialize;

/// A mistake in one member of a request.
#[derive(Debug, Serialize)]
pub struct FieldError {
    /// The member, as a JSON pointer.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// A problem.
#[derive(Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl Problem {
    fn new(kind: &'static str, title: &'static str, status: StatusCode, detail: impl Into<String>) -> Self {
        Self { kind, title, status: status.as_u16(), detail: detail.into(), errors: Vec::new() }
    }

    /// A request that cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new("validation", "Validation failed", StatusCode::BAD_REQUEST, detail)
    }

    /// A member with a wrong value.
    pub fn field(field: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let errors = vec![FieldError { pointer: format!("/{field}"), detail: detail.clone() }];
        Self { errors, ..Self::new("validation", "Validation failed", StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// A member that never changes.
    pub fn immutable(field: &str) -> Self {
        let detail = format!("{field} cannot be changed; issue or rotate a key instead");
        let errors = vec![FieldError { pointer: format!("/{field}"), detail: detail.clone() }];
        Self { errors, ..Self::new("immutable-field", "Field cannot change", StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// No such key, or somebody else's: alike.
    pub fn not_found() -> Self {
        Self::new("not-found", "Not found", StatusCode::NOT_FOUND, "There is no such key.")
    }

    /// The key changed meanwhile, or is in no state for this.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new("conflict", "Conflict", StatusCode::CONFLICT, detail)
    }

    /// The store cannot be asked.
    pub fn unavailable() -> Self {
        Self::new(
            "unavailable",
            "Unavailable",
            StatusCode::SERVICE_UNAVAILABLE,
            "The keys cannot be reached; try again later.",
        )
    }
}

impl From<StoreError> for Problem {
    fn from(_: StoreError) -> Self {
        Self::unavailable()
    }
}

impl From<LifecycleError> for Problem {
    fn from(error: LifecycleError) -> Self {
        match error.field() {
            Some(field) => Self::field(field, error.to_string()),
            None => Self::conflict(error.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let headers = [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, axum::http::HeaderValue::from_static("5"));
        }
        response
    }
}
