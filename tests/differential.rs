//! The compiled policy against the plain reference interpreter, on a hundred thousand random requests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "small numbers of a test")]

#[path = "reference/interpreter.rs"]
mod interpreter;

use std::sync::Arc;

use scopegate::engine::{Assumed, Gate};
use scopegate::policy::{CredentialKind, Policy};
use scopegate::request::Request;
use scopegate::time::UnixSeconds;
use serde_json::Value;

/// xorshift64*: the same requests at every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 33) as usize) % end.max(1)
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

fn read(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The seed policy, and every inline policy of the case files that the interpreter can read.
fn policies() -> Vec<Value> {
    let mut found = vec![read("examples/jobiflow/policy.json")];
    for name in ["precedence", "alternatives", "options"] {
        let file = read(&format!("tests/vectors/{name}.json"));
        let sets = match file {
            Value::Array(sets) => sets,
            set => vec![set],
        };
        found.extend(sets.into_iter().map(|set| set["policy"].clone()).filter(Value::is_object));
    }
    found
}

fn gate(document: &Value) -> Gate {
    let policy = Arc::new(Policy::from_json(&document.to_string()).unwrap());
    let mut builder = Gate::builder(Arc::clone(&policy));
    for credential in policy.credentials() {
        if let CredentialKind::Bearer(bearer) = credential.kind() {
            builder = builder.key_set(credential.name(), r#"{"keys":[]}"#);
            if scopegate::jwt::Algorithm::ALL.iter().any(|a| a.is_hmac() && bearer.rules().algorithms.contains(*a)) {
                builder = builder.secret(credential.name(), &[7; 64]);
            }
        }
    }
    builder.build().unwrap()
}

const WORDS: [&str; 16] = [
    "42",
    "7",
    "a",
    "abc",
    "job-listings",
    "public",
    "v1",
    "deadbeef",
    "00000000-0000-4000-8000-000000000000",
    "x.json",
    "Admin",
    "settings",
    "a-b-c",
    "%20",
    "users",
    "9z",
];
const METHODS: [&str; 9] = ["GET", "GET", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "get"];

/// A path near one of the policy's: a pattern filled in, sometimes bent.
fn path(document: &Value, random: &mut Random) -> String {
    let routes = document["routes"].as_array().unwrap();
    let pattern = random.pick(routes)["match"].as_str().unwrap().split_once(' ').unwrap().1;
    let mut segments: Vec<String> = pattern
        .split('/')
        .skip(1)
        .map(|segment| match segment.split_once('{') {
            None => segment.to_owned(),
            Some((prefix, rest)) => {
                let (inner, suffix) = rest.split_once('}').unwrap();
                let more = if inner.ends_with("...") && random.below(2) == 0 { "/b" } else { "" };
                format!("{prefix}{}{suffix}{more}", random.pick(&WORDS))
            }
        })
        .collect();
    match random.below(8) {
        0 => segments.push((*random.pick(&WORDS)).to_owned()),
        1 => drop(segments.pop()),
        2 if !segments.is_empty() => {
            let at = random.below(segments.len());
            segments[at] = (*random.pick(&WORDS)).to_owned();
        }
        3 => segments.push(String::new()),
        4 if !segments.is_empty() => {
            let at = random.below(segments.len());
            segments[at] = segments[at].to_uppercase();
        }
        _ => {}
    }
    let base = document["base"].as_str().unwrap_or_default();
    format!("{base}/{}", segments.join("/"))
}

#[test]
fn both_come_to_the_same_on_random_requests() {
    let mut random = Random(0x5C0F_E6A7_E000_0003);
    let documents = policies();
    assert!(documents.len() > 5);
    let rounds = 100_000 / documents.len() + 1;
    let mut codes = std::collections::BTreeMap::<String, usize>::new();
    for document in &documents {
        let gate = gate(document);
        let policy = gate.policy();
        let names: Vec<&str> = document["credentials"].as_object().unwrap().keys().map(String::as_str).collect();
        let scopes: Vec<&str> = document["scopes"].as_object().unwrap().keys().map(String::as_str).collect();
        for _ in 0..rounds {
            let method = *random.pick(&METHODS);
            let path = path(document, &mut random);
            let mut granted: Vec<(&str, Vec<&str>)> = Vec::new();
            for name in &names {
                if random.below(2) == 0 {
                    granted.push((name, scopes.iter().copied().filter(|_| random.below(2) == 0).collect()));
                }
            }
            let borrowed: Vec<(&str, &[&str])> = granted.iter().map(|(name, list)| (*name, list.as_slice())).collect();
            let expected = interpreter::interpret(document, method, &path, &borrowed);
            let assumed: Vec<Assumed> = granted
                .iter()
                .map(|(name, list)| Assumed {
                    credential: policy.credential(name).unwrap().0,
                    scopes: policy.scopes().grant(list.iter().copied()),
                    claims: Arc::new([]),
                })
                .collect();
            let request = Request { method, target: path.as_bytes(), headers: &(), https: true, client_ip: None };
            let decision = gate.rehearse(&request, UnixSeconds::EPOCH, &assumed);
            if let [one] = assumed.as_slice() {
                match gate.covers(method, path.as_bytes(), one.credential, &one.scopes) {
                    Ok(route) => {
                        assert_eq!(decision.route().map(|route| route.id()), Some(route.id()), "{method} {path}")
                    }
                    Err(denial) => assert_eq!(decision.denial(), Some(&denial), "{method} {path}"),
                }
                assert_eq!(
                    decision.is_allowed(),
                    gate.covers(method, path.as_bytes(), one.credential, &one.scopes).is_ok()
                );
            }
            let found: Value = serde_json::from_str(&decision.to_json()).unwrap();
            let mut missing: Vec<&str> =
                found["missing"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
            missing.sort_unstable();
            let what = format!("{method} {path} with {granted:?} under {}", document["name"]);
            assert_eq!(found["status"], expected.status, "{what}: {expected:?}, {found}");
            assert_eq!(found["code"], expected.code, "{what}");
            assert_eq!(missing, expected.missing, "{what}");
            *codes.entry(expected.code.to_string()).or_default() += 1;
        }
    }
    for code in ["ok", "insufficient_scope", "missing_credential", "no_route", "method_not_allowed"] {
        assert!(codes.get(code).is_some_and(|count| *count > 500), "{code} comes up: {codes:?}");
    }
}
