//! A few sample resources behind the decision, so that there is something to read.

use axum::body::Body;
use axum::extract::Extension;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::guard::Caller;

fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

pub(crate) async fn health() -> Response<Body> {
    answer(StatusCode::OK, &json!({ "status": "ok" }))
}

/// What a read route of the policy shows; for the others, what was asked and that nothing was changed.
pub(crate) async fn show(caller: Option<Extension<Caller>>) -> Response<Body> {
    let Some(Extension(caller)) = caller else { return StatusCode::NOT_FOUND.into_response() };
    let sample = match caller.route.as_str() {
        "listJobListings" => json!({ "items": [
            { "id": "42", "title": "Rust engineer", "location": "Berlin", "status": "published" },
            { "id": "43", "title": "Site reliability engineer", "location": "Remote", "status": "draft" }
        ] }),
        "getJobListing" => json!({ "id": "42", "title": "Rust engineer", "location": "Berlin", "status": "published" }),
        "listApplications" => json!({ "items": [
            { "id": "9001", "jobListingId": "42", "candidateId": "77", "status": "received" }
        ] }),
        "searchCandidates" | "listCandidates" => {
            json!({ "items": [{ "id": "77", "name": "Ada L.", "skills": ["rust", "sql"] }] })
        }
        "listWebhooks" | "listWebhookSubscriptions" => json!({ "items": [
            { "id": "hook-1", "url": "https://example.com/hook", "events": ["application.received"] }
        ] }),
        route => {
            json!({ "route": route, "note": "This sample server stores no such resource; the request passed the decision." })
        }
    };
    answer(StatusCode::OK, &sample)
}
