//! The back ends `ring` and `aws-lc-rs`: a whole decision on a new token beside the raw verification of its signature.
//!
//! `cargo bench --bench backend --features aws-lc-rs`, and the same with `ring`; without either, the pure Rust is beside aws-lc-rs.
#![allow(clippy::unwrap_used, reason = "a benchmark may stop where its set-up fails")]
#![allow(missing_docs, reason = "a program")]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::engine::Gate;
use scopegate::policy::Policy;
use scopegate::request::Request;
use scopegate_benches::measure::{HEADER, pair};
use scopegate_benches::{NOW, SEED};
use serde_json::{Value, json};

#[cfg(not(feature = "ring"))]
use aws_lc_rs::signature as raw;
#[cfg(feature = "ring")]
use ring::signature as raw;

const RAW: &str = if cfg!(feature = "ring") { "ring" } else { "aws-lc-rs" };
const BACKEND: &str = if cfg!(any(feature = "ring", feature = "aws-lc-rs")) { RAW } else { "pure Rust" };

fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn main() {
    println!("{HEADER}");
    let tokens: HashMap<String, String> = serde_json::from_str(&read("benches/tokens.json")).unwrap();
    for (name, file, calls, target) in [
        ("RS256", "test-rsa-a", 200, "≤ 1.15"),
        ("ES256", "test-p256", 100, "≤ 1.05"),
        ("EdDSA", "test-ed25519", 100, "≤ 1.05"),
    ] {
        let jwk: Value = serde_json::from_str(&read(&format!("tests/data/keys/{file}.json"))).unwrap();
        let jwk = &jwk["jwk"];
        let members = ["kty", "crv", "n", "e", "x", "y", "kid"];
        let public: serde_json::Map<String, Value> =
            members.iter().filter_map(|name| Some(((*name).into(), jwk.get(*name)?.clone()))).collect();
        let policy = Policy::from_json(&SEED.replace("[\"RS256\"]", &format!("[\"{name}\"]"))).unwrap();
        let gate =
            Gate::builder(Arc::new(policy)).key_set("user", json!({ "keys": [public] }).to_string()).build().unwrap();
        let token = &tokens[name];
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let request =
            Request { method: "GET", target: b"/settings/api-keys", headers: &headers, https: true, client_ip: None };
        assert!(gate.decide(&request, NOW, &scopegate::NullHost).is_allowed(), "{name}");
        let (input, signature) = token.rsplit_once('.').unwrap();
        let signature = Base64UrlUnpadded::decode_vec(signature).unwrap();
        let number = |name: &str| Base64UrlUnpadded::decode_vec(jwk[name].as_str().unwrap_or_default()).unwrap();
        let verify: Box<dyn Fn() -> bool> = match name {
            "RS256" => {
                let parts = raw::RsaPublicKeyComponents { n: number("n"), e: number("e") };
                Box::new(move || parts.verify(&raw::RSA_PKCS1_2048_8192_SHA256, input.as_bytes(), &signature).is_ok())
            }
            "ES256" => {
                let point = [vec![4], number("x"), number("y")].concat();
                let key = raw::UnparsedPublicKey::new(&raw::ECDSA_P256_SHA256_FIXED, point);
                Box::new(move || key.verify(input.as_bytes(), &signature).is_ok())
            }
            _ => {
                let key = raw::UnparsedPublicKey::new(&raw::ED25519, number("x"));
                Box::new(move || key.verify(input.as_bytes(), &signature).is_ok())
            }
        };
        assert!(verify(), "{name}");
        pair(
            &format!("{name}, new token, whole decision, back end {BACKEND}"),
            &format!("{RAW} alone"),
            if BACKEND == RAW { target } else { "–" },
            calls,
            &mut || {
                black_box(gate.decide(black_box(&request), NOW, &scopegate::NullHost).is_allowed());
            },
            &mut || {
                black_box(verify());
            },
        );
    }
}
