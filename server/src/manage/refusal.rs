//! The gate's refusals on routes of this API: with its problem types and its members, the engine's code kept beside.

use scopegate::decision::Decision;
use scopegate::policy::Route;
use scopegate::response::{Problem, Response};
use serde::Serialize;

use super::{Operation, unnamed};
use crate::redact::redacted_path;

#[derive(Serialize)]
struct Placed<'p> {
    #[serde(flatten)]
    problem: &'p Problem,
    /// The path of the request.
    instance: String,
}

/// What is answered to a request that the gate refused; on other routes it is as the engine words it.
pub(crate) fn refusal(decision: &Decision<'_>) -> Option<Response> {
    let mut answer = decision.response()?;
    let managed = |route: &&Route| Operation::of(route.method(), &unnamed(route.path())).is_some();
    let (Some(route), Some(mut problem)) = (decision.route().filter(managed), decision.problem()) else {
        return Some(answer);
    };
    match (problem.status, problem.code) {
        (401, "key_revoked" | "key_expired") | (_, "insufficient_scope") => {}
        (401, _) => "unauthenticated".clone_into(&mut problem.kind),
        (503, _) => "unavailable".clone_into(&mut problem.kind),
        _ => {}
    }
    answer.body = serde_json::to_string(&Placed { problem: &problem, instance: path(decision, route) }).ok()?;
    Some(answer)
}

/// The path of the route with the parameters of the request, but for a key that may stand in it.
fn path(decision: &Decision<'_>, route: &Route) -> String {
    let mut values = decision.params().map(|(_, value)| value);
    let parts: Vec<&str> = route
        .path()
        .split('/')
        .map(|part| if part.starts_with('{') { values.next().unwrap_or_default() } else { part })
        .collect();
    redacted_path(&parts.join("/"))
}
