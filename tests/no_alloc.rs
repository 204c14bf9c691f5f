//! The allow path of an API-key decision allocates nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use scopegate::engine::Gate;
use scopegate::host::{Host, KeyAnswer, KeysAnswer, KeysReason};
use scopegate::key::format::{ENTROPY_BYTES, KeyFormat, KeyId};
use scopegate::key::hash::Keyring;
use scopegate::key::lifecycle::{IssueRequest, IssueRules, issue};
use scopegate::key::record::KeyRecord;
use scopegate::policy::Policy;
use scopegate::request::Request;
use scopegate::time::UnixSeconds;

struct One(Arc<KeyRecord>);

impl Host for One {
    fn key(&self, id: &KeyId) -> KeyAnswer {
        if *id == self.0.id { KeyAnswer::Found(Arc::clone(&self.0)) } else { KeyAnswer::Missing }
    }

    fn keys(&self, _credential: &str, _issuer: &str, _reason: KeysReason) -> KeysAnswer {
        KeysAnswer::Unavailable
    }
}

#[test]
fn an_allowed_key_decision_allocates_nothing() {
    let now = UnixSeconds::new(1_780_000_000).unwrap();
    let keyring = Keyring::new([("p1", [7_u8; 32].as_slice())]).unwrap();
    let format = KeyFormat::new("jbf", &["live", "test"]).unwrap();
    let entropy: [u8; ENTROPY_BYTES] = std::array::from_fn(|at| (at as u8).wrapping_mul(37));
    let scopes = ["jobs:read", "analytics:read"];
    let request = IssueRequest {
        label: "l",
        scopes: &scopes,
        environment: "live",
        owner: "company-1",
        expires_at: Some(now.saturating_add(60)),
        ip_allow: &[],
    };
    let rules = IssueRules { declared: &scopes, ..IssueRules::default() };
    let issued = issue(&request, &rules, &format, &keyring, &entropy, now).unwrap();
    let host = One(Arc::new(issued.record));
    let policy = Policy::from_json(include_str!("../examples/jobiflow/policy.json")).unwrap();
    let gate = Gate::builder(policy.into()).keyring(keyring).build().unwrap();
    let headers = [("host", "api.jobiflow.com"), ("x-api-key", issued.raw_key.expose()), ("accept", "*/*")];
    for target in ["/public/v1/job-listings", "/public/v1/job-listings/42?fields=title"] {
        let request =
            Request { method: "GET", target: target.as_bytes(), headers: &headers, https: true, client_ip: None };
        let mut allowed = false;
        let counted = allocation_counter::measure(|| {
            let decision = gate.decide(&request, now, &host);
            allowed = decision.is_allowed() && decision.touch().is_some() && decision.params().count() < 2;
        });
        assert!(allowed, "{target}");
        assert_eq!(counted.count_total, 0, "{target}");
    }
}
