//! The way of a JWS below the claims, and where public vectors are.
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::path::PathBuf;

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::jwt::claims::TokenRules;
use scopegate::jwt::jwk::KeySet;
use scopegate::jwt::token::UnverifiedToken;
use scopegate::jwt::verify::{VerifyKey, verify};
use scopegate::jwt::{Algorithm, AlgorithmSet, TokenRefusal};
use serde_json::{Value, json};

/// A document of the public vectors that are not part of the project: `SCOPEGATE_VECTORS`, else `../shared/vectors`.
pub fn document(name: &str) -> Option<Value> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
    let path = std::env::var_os("SCOPEGATE_VECTORS").map_or_else(beside, PathBuf::from).join(name);
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: {name} is absent");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

pub fn bytes(base64url: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(base64url).unwrap()
}

pub fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub fn all_algorithms() -> AlgorithmSet {
    Algorithm::ALL.into_iter().fold(AlgorithmSet::default(), AlgorithmSet::with)
}

/// Rules without a `typ`, for vectors that have none.
pub fn rules(algorithms: AlgorithmSet) -> TokenRules {
    let mut rules = TokenRules::new("https://id.example", ["api"], algorithms);
    rules.types = Box::default();
    rules
}

/// A set of one public key.
pub fn public_set(jwk: &Value) -> KeySet {
    KeySet::parse(&json!({ "keys": [jwk] }).to_string()).unwrap()
}

/// Header, key and signature, nothing of the claims.
pub fn set_outcome(jwks: &str, jws: &str, algorithms: AlgorithmSet) -> Result<(), TokenRefusal> {
    let set = KeySet::parse(jwks).map_err(|error| error.refusal())?;
    let token = UnverifiedToken::parse(jws.as_bytes(), &rules(algorithms))?;
    let key = set.select(token.algorithm(), token.kid())?;
    verify(token.algorithm(), key.key(), token.signing_input(), token.signature()).map(|_| ())?;
    well_formed(jws)
}

pub fn secret_outcome(secret: &[u8], jws: &str, algorithm: Algorithm) -> Result<(), TokenRefusal> {
    let token = UnverifiedToken::parse(jws.as_bytes(), &rules(AlgorithmSet::default().with(algorithm)))?;
    verify(token.algorithm(), &VerifyKey::hmac(secret), token.signing_input(), token.signature()).map(|_| ())?;
    well_formed(jws)
}

/// The payload is decoded with the claims, after the signature; these vectors have no claims, so it is decoded here.
fn well_formed(jws: &str) -> Result<(), TokenRefusal> {
    let payload = jws.split('.').nth(1).unwrap_or_default();
    Base64UrlUnpadded::decode_vec(payload).map(|_| ()).map_err(|_| TokenRefusal::Base64Invalid)
}

/// With one JWK, which may be a secret; the secret's `alg` is then the only one allowed.
pub fn outcome(jwk: &Value, jws: &str) -> Result<(), TokenRefusal> {
    if jwk["kty"] != "oct" {
        return set_outcome(&json!({ "keys": [jwk] }).to_string(), jws, all_algorithms());
    }
    let algorithm = jwk["alg"].as_str().and_then(Algorithm::from_name).unwrap_or(Algorithm::Hs256);
    secret_outcome(&bytes(jwk["k"].as_str().unwrap()), jws, algorithm)
}
