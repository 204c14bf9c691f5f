//! The rows of keys.md that concern the engine with its host: what garbage costs, and what a memory of tokens may not do.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

use std::cell::Cell;
use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use scopegate::engine::Gate;
use scopegate::host::{Host, KeyAnswer, KeysAnswer, KeysReason, SignatureCheck, VerifyAnswer};
use scopegate::key::format::{ENTROPY_BYTES, KeyFormat, KeyId};
use scopegate::policy::Policy;
use scopegate::request::Request;
use scopegate::time::UnixSeconds;
use serde_json::json;
use sha2::Sha256;

const NOW: i64 = 1_780_000_000;
const SECRET: [u8; 32] = [5; 32];

/// Counts what it is asked, and has nothing.
#[derive(Default)]
struct Counting(Cell<usize>);

impl Counting {
    fn count<T>(&self, answer: T) -> T {
        self.0.set(self.0.get() + 1);
        answer
    }
}

impl Host for Counting {
    fn key(&self, _: &KeyId) -> KeyAnswer {
        self.count(KeyAnswer::Missing)
    }

    fn keys(&self, _: &str, _: &str, _: KeysReason) -> KeysAnswer {
        self.count(KeysAnswer::Unavailable)
    }

    fn verify(&self, _: &SignatureCheck<'_>) -> VerifyAnswer {
        self.count(VerifyAnswer::Unavailable)
    }
}

fn gate() -> Gate {
    let policy = json!({
        "version": 1, "name": "t", "scopes": { "jobs:read": "Read", "jobs:write": "Write" },
        "credentials": {
            "key": { "type": "apiKey", "header": "X-API-Key", "prefix": "jbf" },
            "user": { "type": "bearer", "issuer": "https://issuer.example", "audiences": ["api"], "algorithms": ["HS256"] }
        },
        "routes": [
            { "id": "read", "match": "GET /jobs", "allow": [{ "key": ["jobs:read"] }, { "user": ["jobs:read"] }] },
            { "id": "write", "match": "POST /jobs", "allow": [{ "key": ["jobs:write"] }, { "user": ["jobs:write"] }] }
        ]
    });
    let policy = Policy::from_json(&policy.to_string()).unwrap();
    Gate::builder(Arc::new(policy)).secret("user", &SECRET).token_cache(16, 65_536).build().unwrap()
}

fn decide(gate: &Gate, host: &Counting, method: &str, headers: [(&str, &str); 1]) -> (u16, &'static str) {
    let request = Request { method, target: b"/jobs", headers: &headers, https: true, client_ip: None };
    let decision = gate.decide(&request, UnixSeconds::new(NOW).unwrap(), host);
    (decision.status(), decision.code())
}

/// A well-formed key that nobody issued.
fn stranger(number: u32) -> String {
    let format = KeyFormat::new("jbf", &["live", "test"]).unwrap();
    let entropy: [u8; ENTROPY_BYTES] =
        std::array::from_fn(|at| (number.wrapping_mul(2_654_435_761).wrapping_add(at as u32 * 40_503) >> 11) as u8);
    format.generate("live", &entropy).unwrap().0.expose().to_owned()
}

#[test]
fn v07_a_thousand_garbage_keys_make_no_host_call() {
    let (gate, host) = (gate(), Counting::default());
    for number in 0..1_000_u32 {
        let good = stranger(number);
        // One character of each, in turn, is another one; what is cut, or longer; what is none at all.
        let garbage = match number % 4 {
            0 => {
                let at = 9 + (number as usize / 4) % 62;
                let other = if good.as_bytes()[at] == b'0' { "1" } else { "0" };
                [&good[..at], other, &good[at + 1..]].concat()
            }
            1 => good[..(number as usize) % 71].to_owned(),
            2 => format!("{good}{number}"),
            _ => format!("Basic {number}"),
        };
        assert_eq!(decide(&gate, &host, "GET", [("X-API-Key", &garbage)]), (401, "malformed_credential"), "{garbage}");
        let bearer = format!("Bearer {garbage}");
        assert_eq!(decide(&gate, &host, "GET", [("Authorization", &bearer)]).0, 401, "{garbage}");
    }
    assert_eq!(host.0.get(), 0);
    assert_eq!(decide(&gate, &host, "GET", [("X-API-Key", &stranger(0))]), (401, "invalid_credential"));
    assert_eq!(host.0.get(), 1, "a key of the right shape is asked for");
}

#[test]
fn v14_a_token_that_is_remembered_is_weighed_anew_for_each_route() {
    let (gate, host) = (gate(), Counting::default());
    let part = |value: serde_json::Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let header = part(json!({ "alg": "HS256", "typ": "at+jwt" }));
    let claims = part(json!({
        "iss": "https://issuer.example", "aud": "api", "sub": "u", "iat": NOW - 1, "exp": NOW + 60, "scope": "jobs:read"
    }));
    let mut mac = Hmac::<Sha256>::new_from_slice(&SECRET).unwrap();
    mac.update(format!("{header}.{claims}").as_bytes());
    let signature = Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes());
    let bearer = format!("Bearer {header}.{claims}.{signature}");
    for (method, expected) in [("GET", (200, "ok")), ("POST", (403, "insufficient_scope")), ("GET", (200, "ok"))] {
        assert_eq!(decide(&gate, &host, method, [("Authorization", &bearer)]), expected, "{method}");
    }
    assert_eq!(gate.token_cache_counts(), Some((2, 1)), "hits and misses");
}
