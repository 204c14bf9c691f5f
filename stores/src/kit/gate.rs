//! The real engine, with a policy that asks for a key.

use std::sync::Arc;

use scopegate::decision::Decision;
use scopegate::engine::{Gate, NeedKey, Step};
use scopegate::host::KeyAnswer;
use scopegate::key::format::RawKey;
use scopegate::key::record::KeyRecord;
use scopegate::policy::Policy;
use scopegate::request::Request;

use super::{NOW, told};

const POLICY: &str = r#"{
    "version": 1,
    "name": "kit",
    "scopes": { "jobs:read": "Read jobs" },
    "credentials": { "apiKey": { "type": "apiKey", "header": "X-API-Key", "prefix": "jbf", "environments": ["live"] } },
    "routes": [{ "id": "list", "match": "GET /jobs", "allow": [{ "apiKey": ["jobs:read"] }] }]
}"#;

pub(super) fn gate() -> Result<Gate, String> {
    let policy = Policy::from_json(POLICY).map_err(told)?;
    Gate::builder(Arc::new(policy)).build().map_err(told)
}

/// The header lines of a request with a key.
pub(super) type Lines<'k> = [(&'static str, &'k str); 1];

pub(super) fn lines(key: &RawKey) -> Lines<'_> {
    [("x-api-key", key.expose())]
}

pub(super) fn request<'a>(lines: &'a Lines<'a>) -> Request<'a> {
    Request { method: "GET", target: b"/jobs", headers: lines, https: true, client_ip: None }
}

/// Begins a decision: the engine needs the key's record.
pub(super) fn begin<'a>(gate: &'a Gate, request: &'a Request<'a>) -> Result<NeedKey<'a>, String> {
    match gate.begin(request, NOW.saturating_add(10)) {
        Step::NeedKey(need) => Ok(need),
        _ => Err("the engine does not ask for the key".to_owned()),
    }
}

/// Finishes a decision with what the host found.
pub(super) fn finish(need: NeedKey<'_>, found: Option<Arc<KeyRecord>>) -> Result<Decision<'_>, String> {
    match need.answer(found.map_or(KeyAnswer::Missing, KeyAnswer::Found)) {
        Step::Done(decision) => Ok(decision),
        _ => Err("the engine asks for more than the key".to_owned()),
    }
}
