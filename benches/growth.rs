//! How cost grows: with the number of routes, in time and in bytes; and the bytes of a cached token.
#![allow(clippy::unwrap_used, reason = "a benchmark may stop where its set-up fails")]
#![allow(missing_docs, reason = "a program")]

use std::hint::black_box;
use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use scopegate::engine::Gate;
use scopegate::key::hash::Keyring;
use scopegate::policy::Policy;
use scopegate::request::Request;
use scopegate_benches::measure::{HEADER, pair};
use scopegate_benches::{MapHost, NOW, key, policy_of};
use serde_json::json;
use sha2::Sha256;

const MANY: usize = 100_000;
const TOKENS: u32 = 2_000;

/// What making a value leaves allocated, in bytes.
fn bytes_of<T>(make: impl FnOnce() -> T) -> (T, i64) {
    let mut made = None;
    let info = allocation_counter::measure(|| made = Some(make()));
    (made.unwrap(), info.bytes_current)
}

fn routes() {
    let keyring = Keyring::new([("p1", [7_u8; 32].as_slice())]).unwrap();
    let (raw, record) = key(&keyring, false).unwrap();
    let mut host = MapHost::default();
    host.0.insert(record.id, Arc::new(record));
    let headers = [("x-api-key", raw.expose())];
    let gates = [30, MANY].map(|routes| {
        let (policy, bytes) = bytes_of(|| Policy::from_json(&policy_of(routes)).unwrap());
        println!("| bytes a route, {routes} routes | {} | – | – | – | ≤ 200 |", bytes / i64::try_from(routes).unwrap());
        Gate::builder(Arc::new(policy)).keyring(keyring.clone()).build().unwrap()
    });
    let requests = ["/public/v1/resource-5/42", "/public/v1/resource-20000/42"].map(|path| Request {
        method: "GET",
        target: path.as_bytes(),
        headers: &headers,
        https: true,
        client_ip: None,
    });
    let scopes = gates.each_ref().map(|gate| gate.policy().scopes().grant(["jobs:read"]));
    let (gates, requests, scopes, host) = (&gates, &requests, &scopes, &host);
    let decide = |at: usize| {
        assert!(gates[at].decide(&requests[at], NOW, host).is_allowed());
        move || {
            black_box(gates[at].decide(black_box(&requests[at]), NOW, host).is_allowed());
        }
    };
    let covers = |at: usize| {
        assert!(gates[at].covers("GET", requests[at].target, 0, &scopes[at]).is_ok());
        move || {
            black_box(gates[at].covers("GET", black_box(requests[at].target), 0, &scopes[at]).is_ok());
        }
    };
    pair("API-key decision, 100,000 routes", "the same at 30 routes", "≤ 2", 2_000, &mut decide(1), &mut decide(0));
    pair("authorisation alone, 100,000 routes", "the same at 30 routes", "≤ 2", 10_000, &mut covers(1), &mut covers(0));
}

/// Tokens of one issuer that differ in their subject.
fn tokens(secret: &[u8]) -> Vec<String> {
    let header = Base64UrlUnpadded::encode_string(br#"{"alg":"HS256","typ":"at+jwt"}"#);
    let sign = |number: u32| {
        let claims = json!({
            "iss": "https://id.example", "aud": "https://api.example", "sub": format!("user-{number}"),
            "client_id": "app", "scope": "jobs:read", "iat": NOW.get(), "exp": NOW.get() + 600, "jti": number.to_string(),
        });
        let input = format!("{header}.{}", Base64UrlUnpadded::encode_string(claims.to_string().as_bytes()));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(input.as_bytes());
        format!("Bearer {input}.{}", Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes()))
    };
    (0..TOKENS).map(sign).collect()
}

fn cached_tokens() {
    let policy = r#"{"version":1,"name":"bench","scopes":{"jobs:read":"Read"},"credentials":{"user":{"type":"bearer",
        "issuer":"https://id.example","audiences":["https://api.example"],"algorithms":["HS256"]}},
        "routes":[{"id":"r","match":"GET /r","allow":[{"user":["jobs:read"]}]}]}"#;
    let secret = [9_u8; 64];
    let gate = Gate::builder(Arc::new(Policy::from_json(policy).unwrap()))
        .secret("user", &secret)
        .token_cache(TOKENS as usize, 1 << 30)
        .build()
        .unwrap();
    let tokens = tokens(&secret);
    let ((), bytes) = bytes_of(|| {
        for token in &tokens {
            let headers = [("authorization", token.as_str())];
            let request = Request { method: "GET", target: b"/r", headers: &headers, https: true, client_ip: None };
            assert!(gate.decide(&request, NOW, &scopegate::NullHost).is_allowed());
        }
    });
    let length = tokens.iter().map(|token| token.len() - "Bearer ".len()).sum::<usize>() / tokens.len();
    let each = bytes / i64::from(TOKENS);
    println!(
        "| bytes a cached token | {each} | its length | {length} | {} more | ≤ 200 more |",
        each - i64::try_from(length).unwrap()
    );
}

fn main() {
    println!("{HEADER}");
    routes();
    cached_tokens();
}
