//! The JSON of a decision is written by hand; its parts are those that serde writes of the public types.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use scopegate::{Gate, NullHost, Policy, Request, UnixSeconds};
use serde_json::{Value, json};

const POLICY: &str = r#"{
  "version": 1, "name": "demo", "scopes": { "jobs:read": "Read jobs" },
  "credentials": { "apiKey": { "type": "apiKey", "header": "X-API-Key", "prefix": "jbf" } },
  "routes": [
    { "id": "list", "match": "GET /jobs/{id}", "allow": [{ "apiKey": ["jobs:read"] }] },
    { "id": "open", "match": "GET /open/{a}/{b}", "public": true }
  ]
}"#;

#[test]
fn parts_are_those_of_serde() {
    let gate = Gate::builder(Arc::new(Policy::from_json(POLICY).unwrap())).trace(true).build().unwrap();
    let key = [("X-API-Key", "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg")];
    let none: [(&str, &str); 0] = [];
    for (method, target, headers) in [
        ("GET", "/jobs/1", key.as_slice()),
        ("GET", "/jobs/1", none.as_slice()),
        ("POST", "/jobs/1", none.as_slice()),
        ("GET", "/open/x%22/y", none.as_slice()),
        ("GET", "/nothing", none.as_slice()),
        ("GET", "/../x", none.as_slice()),
    ] {
        let request = Request { method, target: target.as_bytes(), headers: &headers, https: true, client_ip: None };
        let decision = gate.decide(&request, UnixSeconds::clamped(1_780_000_000), &NullHost);
        let text = decision.to_json();
        let written: Value = serde_json::from_str(&text).unwrap();
        // The same order, and no spaces.
        assert!(text.contains(&serde_json::to_string(&decision.audit()).unwrap()), "{text}");
        assert!(text.contains(&serde_json::to_string(decision.trace().unwrap()).unwrap()), "{text}");
        match decision.problem() {
            Some(problem) => {
                assert!(text.contains(&serde_json::to_string(&problem).unwrap()), "{text}");
                assert_eq!(decision.response().unwrap().body, serde_json::to_string(&problem).unwrap());
            }
            None => assert_eq!(written["problem"], json!(null)),
        }
        assert_eq!(written["status"], json!(decision.status()));
    }
}
