//! Tokens, keys and hosts for tests of the JWT way.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::sync::Arc;
use std::sync::Mutex;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use scopegate::engine::Gate;
use scopegate::host::{Host, KeyAnswer, KeysAnswer, KeysReason, SignatureCheck, VerifyAnswer};
use scopegate::jwt::jwk::KeySet;
use scopegate::jwt::verify;
use scopegate::key::format::KeyId;
use scopegate::policy::Policy;
use scopegate::request::Request;
use scopegate::time::UnixSeconds;
use serde_json::{Value, json};

pub const NOW: i64 = 1_780_000_000;
pub const ISSUER: &str = "https://id.example";
pub const SECRET: &[u8] = &[7; 64];

pub fn at(seconds: i64) -> UnixSeconds {
    UnixSeconds::new(seconds).unwrap()
}

pub fn b64u(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

/// Claims that are good for ten minutes from `NOW`.
pub fn claims(subject: &str) -> Value {
    json!({ "iss": ISSUER, "aud": "api", "sub": subject, "iat": NOW - 60, "exp": NOW + 600, "scope": "read" })
}

fn signing_input(header: &Value, claims: &Value) -> String {
    format!("{}.{}", b64u(header.to_string()), b64u(claims.to_string()))
}

pub fn hs256(header: &Value, claims: &Value) -> String {
    let input = signing_input(header, claims);
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(SECRET).unwrap();
    mac.update(input.as_bytes());
    format!("{input}.{}", b64u(mac.finalize().into_bytes()))
}

pub fn hs_header() -> Value {
    json!({ "alg": "HS256", "typ": "at+jwt" })
}

pub fn ed25519(seed: u8, kid: Option<&str>, claims: &Value) -> String {
    let mut header = json!({ "alg": "EdDSA", "typ": "at+jwt" });
    if let Some(kid) = kid {
        header["kid"] = kid.into();
    }
    let input = signing_input(&header, claims);
    format!("{input}.{}", b64u(SigningKey::from_bytes(&[seed; 32]).sign(input.as_bytes()).to_bytes()))
}

/// Key sets as text: (kid, seed) each.
pub fn jwks(keys: &[(&str, u8)]) -> String {
    let jwk = |(kid, seed): &(&str, u8)| {
        let x = SigningKey::from_bytes(&[*seed; 32]).verifying_key().to_bytes();
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64u(x) })
    };
    json!({ "keys": keys.iter().map(jwk).collect::<Vec<_>>() }).to_string()
}

/// A policy with one bearer credential per (name, issuer), and a route `GET /NAME` for each and `GET /either` for all.
pub fn policy(bearers: &[(&str, &str)], algorithm: &str) -> Arc<Policy> {
    let mut routes: Vec<Value> = bearers
        .iter()
        .map(|(name, _)| json!({ "id": name, "match": format!("GET /{name}"), "allow": [{ *name: ["read"] }] }))
        .collect();
    let all: Vec<Value> = bearers.iter().map(|(name, _)| json!({ *name: ["read"] })).collect();
    routes.push(json!({ "id": "either", "match": "GET /either", "allow": all }));
    let credential =
        |issuer: &str| json!({ "type": "bearer", "issuer": issuer, "audiences": ["api"], "algorithms": [algorithm] });
    let credentials: serde_json::Map<String, Value> =
        bearers.iter().map(|(name, issuer)| ((*name).to_owned(), credential(issuer))).collect();
    let document = json!({ "version": 1, "name": "tokens", "scopes": { "read": "Read" }, "credentials": credentials, "routes": routes });
    Arc::new(Policy::from_json(&document.to_string()).unwrap())
}

/// A host whose answers can be changed between requests, and which counts how often it is asked.
#[derive(Default)]
pub struct Keys {
    pub jwks: Mutex<Vec<(String, String)>>,
    pub asked: Mutex<Vec<KeysReason>>,
    pub fetched_at: Mutex<Option<UnixSeconds>>,
    pub verify: Mutex<Option<VerifyAnswer>>,
}

impl Keys {
    pub fn new(credential: &str, jwks: impl Into<String>) -> Self {
        let keys = Self::default();
        keys.give(credential, jwks);
        keys
    }

    pub fn give(&self, credential: &str, jwks: impl Into<String>) {
        let mut sets = self.jwks.lock().unwrap();
        sets.retain(|(name, _)| name != credential);
        sets.push((credential.to_owned(), jwks.into()));
    }

    pub fn take_away(&self) {
        self.jwks.lock().unwrap().clear();
    }

    pub fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Host for Keys {
    fn key(&self, _id: &KeyId) -> KeyAnswer {
        KeyAnswer::Missing
    }

    fn keys(&self, credential: &str, _issuer: &str, reason: KeysReason) -> KeysAnswer {
        self.asked.lock().unwrap().push(reason);
        let fetched_at = self.fetched_at.lock().unwrap().unwrap_or(at(NOW));
        let sets = self.jwks.lock().unwrap();
        sets.iter()
            .find(|(name, _)| name == credential)
            .map_or(KeysAnswer::Unavailable, |(_, jwks)| KeysAnswer::Found { jwks: jwks.as_str().into(), fetched_at })
    }

    /// The fixed answer, else the truth by the public JWK that the engine hands out.
    fn verify(&self, check: &SignatureCheck<'_>) -> VerifyAnswer {
        if let Some(answer) = *self.verify.lock().unwrap() {
            return answer;
        }
        let set = KeySet::parse(&format!("{{\"keys\":[{}]}}", check.public_jwk)).unwrap();
        let key = &set.keys()[0];
        assert_eq!(key.thumbprint(), check.thumbprint);
        match verify::verify(check.algorithm, key.key(), check.signing_input, check.signature) {
            Ok(_) => VerifyAnswer::Valid,
            Err(_) => VerifyAnswer::Invalid,
        }
    }
}

/// Status and detail of a decision on `GET target` with this token, as `status code detail`.
pub fn decide(gate: &Gate, host: &impl Host, target: &str, token: &str, now: i64) -> String {
    let headers = [("Authorization", format!("Bearer {token}"))];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request = Request { method: "GET", target: target.as_bytes(), headers: &headers, https: true, client_ip: None };
    summary(&gate.decide(&request, at(now), host))
}

pub fn summary(decision: &scopegate::decision::Decision<'_>) -> String {
    let json: Value = serde_json::from_str(&decision.to_json()).unwrap();
    let detail = json["detail"].as_str().map_or_else(String::new, |detail| format!(" {detail}"));
    format!("{} {}{detail}", json["status"], json["code"].as_str().unwrap())
}
