//! A few sample resources behind the decision, so that there is something to read.

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use scopegate_tower::Granted;

fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// What a read route of the policy shows; for the others, what was asked and that nothing was changed.
pub(crate) fn show(granted: &Granted) -> Response<Body> {
    let sample = match granted.route_id() {
        "health" => json!({ "status": "ok" }),
        "listJobListings" => json!({ "items": [
            { "id": "42", "title": "Rust engineer", "location": "Berlin", "status": "published" },
            { "id": "43", "title": "Site reliability engineer", "location": "Remote", "status": "draft" }
        ] }),
        "getJobListing" => {
            let id = granted.param("id").unwrap_or("42");
            json!({ "id": id, "title": "Rust engineer", "location": "Berlin", "status": "published" })
        }
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
