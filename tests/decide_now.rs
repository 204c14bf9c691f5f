//! Decisions with what the host has at hand: given up where it would have to be waited for, without a trace; otherwise the same decisions.
#![cfg(feature = "p256")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod key_set_support;
mod keys_support;

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use scopegate::engine::Gate;
use scopegate::host::{AsyncHost, KeyAnswer, KeysAnswer, KeysReason};
use scopegate::key::format::KeyId;
use scopegate::key::hash::Keyring;
use scopegate::policy::Policy;
use scopegate::request::Request;
use serde_json::json;

use key_set_support::{b64u, public};
use keys_support::{KEY, NOW, PEPPER, at, base_json};

/// A host that has the record, at hand or not, and notes what else it is asked for.
struct Desk {
    now: Option<KeyAnswer>,
    fetched_at: i64,
    asked: Mutex<Vec<KeysReason>>,
}

impl Desk {
    fn new(now: Option<KeyAnswer>) -> Self {
        Self { now, fetched_at: NOW, asked: Mutex::default() }
    }

    fn asked(&self) -> Vec<KeysReason> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl AsyncHost for Desk {
    async fn key(&self, _: &KeyId) -> KeyAnswer {
        self.now.clone().unwrap_or_else(record)
    }

    fn key_now(&self, _: &KeyId) -> Option<KeyAnswer> {
        self.now.clone()
    }

    async fn keys(&self, _: &str, _: &str, reason: KeysReason) -> KeysAnswer {
        self.asked.lock().unwrap().push(reason);
        let jwks = json!({ "keys": [public("p256")] }).to_string().into();
        KeysAnswer::Found { jwks, fetched_at: at(self.fetched_at) }
    }
}

/// The record of [`KEY`].
fn record() -> KeyAnswer {
    let mut record = base_json();
    let digest = keys_support::VECTORS.first().unwrap().1;
    let bytes: Vec<u8> = (0..digest.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digest.get(at..at + 2).unwrap(), 16).unwrap())
        .collect();
    record["hashes"] = json!([{ "alg": "hmac-sha256", "kid": "p1", "hash": b64u(bytes), "notAfter": null }]);
    KeyAnswer::Found(Arc::new(serde_json::from_value(record).unwrap()))
}

fn builder() -> scopegate::engine::GateBuilder {
    let policy = json!({
        "version": 1, "name": "now", "scopes": { "jobs:read": "Read" },
        "credentials": {
            "key": { "type": "apiKey", "header": "X-API-Key", "prefix": "jbf" },
            "user": { "type": "bearer", "issuer": "https://issuer.example", "audiences": ["api"], "algorithms": ["ES256"] }
        },
        "routes": [
            { "id": "health", "match": "GET /health", "public": true },
            { "id": "jobs", "match": "GET /jobs", "allow": [{ "key": ["jobs:read"] }, { "user": ["jobs:read"] }] }
        ]
    });
    let keyring = Keyring::new([("p1", PEPPER)]).unwrap();
    Gate::builder(Arc::new(Policy::from_json(&policy.to_string()).unwrap())).keyring(keyring)
}

type Line<'r> = (&'r str, &'r str);

fn request<'r>(path: &'r str, lines: &'r &'r [Line<'r>]) -> Request<'r> {
    Request { method: "GET", target: path.as_bytes(), headers: lines, https: true, client_ip: None }
}

/// What a future says that waits for nobody.
fn done<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("the host answers at once"),
    }
}

#[test]
fn what_is_decided_at_once_is_what_is_decided_otherwise() {
    let gate = builder().build().unwrap();
    let wrong = KEY.replace("live", "test");
    let table = [
        ("/health", vec![], None, Some("ok")),
        ("/nowhere", vec![], None, Some("no_route")),
        ("/jobs", vec![], None, Some("missing_credential")),
        ("/jobs", vec![("X-API-Key", "jbf_no")], None, Some("malformed_credential")),
        ("/jobs", vec![("X-API-Key", KEY)], None, None),
        ("/jobs", vec![("X-API-Key", KEY)], Some(KeyAnswer::Unavailable), Some("store_unavailable")),
        ("/jobs", vec![("X-API-Key", KEY)], Some(KeyAnswer::Missing), Some("invalid_credential")),
        ("/jobs", vec![("X-API-Key", wrong.as_str())], Some(record()), Some("malformed_credential")),
        ("/jobs", vec![("X-API-Key", KEY)], Some(record()), Some("ok")),
    ];
    for (path, lines, at_hand, expected) in table {
        let (slice, desk) = (lines.as_slice(), Desk::new(at_hand));
        let request = request(path, &slice);
        let now = gate.decide_now(&request, at(NOW), &desk);
        assert_eq!(now.as_ref().map(|decision| decision.code()), expected, "{path} {lines:?}");
        if let Some(now) = now {
            let awaited = done(gate.decide_async(&request, at(NOW), &desk));
            assert_eq!(now.code(), awaited.code(), "{path} {lines:?}");
            assert_eq!(now.touch(), awaited.touch(), "{path} {lines:?}");
            assert_eq!(now.audit(), awaited.audit(), "{path} {lines:?}");
        }
    }
}

/// Whether a fetch was tried is noted by who fetches: a decision that was given up delays none.
#[test]
fn a_key_set_that_is_to_be_fetched_is_left_to_who_waits() {
    use KeysReason::{Missing, Stale, UnknownKid};
    let gate = builder().build().unwrap();
    let token = |kid: &str| {
        let part = |value: serde_json::Value| b64u(value.to_string());
        let header = part(json!({ "alg": "ES256", "kid": kid, "typ": "at+jwt" }));
        format!("Bearer {header}.{}.{}", part(json!({ "iss": "https://issuer.example" })), b64u([1; 64]))
    };
    let (known, unknown) = (token("p256"), token("another"));
    let desk = RefCell::new(Desk::new(None));
    // Seconds, token, whether it can be decided at once, and what is fetched by who waits.
    for (second, token, at_once, fetched) in [
        (0, &known, false, vec![Missing]),
        (0, &known, true, vec![]),
        (1, &unknown, true, vec![]),
        (31, &unknown, false, vec![UnknownKid]),
        (32, &unknown, true, vec![]),
        (100, &known, true, vec![]),
        (331, &known, false, vec![Stale]),
        (332, &known, true, vec![]),
        (400, &unknown, false, vec![UnknownKid]),
    ] {
        desk.borrow_mut().fetched_at = NOW + second;
        let (desk, line) = (desk.borrow(), [("Authorization", token.as_str())]);
        let lines = line.as_slice();
        let request = request("/jobs", &lines);
        let now = at(NOW + second);
        for _ in 0..3 {
            let decided = gate.decide_now(&request, now, &*desk);
            assert_eq!(decided.map(|decision| decision.code()), at_once.then_some("invalid_token"), "{second}");
        }
        assert!(desk.asked().is_empty(), "{second}");
        assert_eq!(done(gate.decide_async(&request, now, &*desk)).code(), "invalid_token", "{second}");
        assert_eq!(desk.asked(), fetched, "{second}");
    }
    let gate = builder().host_verification(true).build().unwrap();
    assert!(
        gate.decide_now(&request("/health", &[].as_slice()), at(NOW), &Desk::new(None)).is_none(),
        "the host may be needed"
    );
}
