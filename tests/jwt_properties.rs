//! Properties of the JWT front end: nothing panics, nothing mutated verifies, JSON is read as `serde_json` reads it.
#![cfg(feature = "ed25519")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod jwt_support;

use jwt_support::{ISSUER, Keys, NOW, SECRET, b64u, claims, decide, ed25519, hs_header, hs256, jwks, policy};
use proptest::prelude::*;
use scopegate::engine::Gate;
use scopegate::jwt::claims::TokenRules;
use scopegate::jwt::json::{JsonFault, JsonLimits, Object};
use scopegate::jwt::jwk::KeySet;
use scopegate::jwt::token::UnverifiedToken;
use scopegate::jwt::verify::{VerifyKey, verify};
use scopegate::jwt::{Algorithm, AlgorithmSet};
use serde_json::{Value, json};

fn all() -> TokenRules {
    let algorithms = Algorithm::ALL.into_iter().fold(AlgorithmSet::default(), AlgorithmSet::with);
    TokenRules::new(ISSUER, ["api"], algorithms)
}

const LIMITS: JsonLimits = JsonLimits { depth: 64, members: 10_000 };

/// JSON texts that serde_json and a strict reader must agree on: no member twice.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300_f64).prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        "[\\x00-\\x7f]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,5}", inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// The text with every character of its strings escaped, or spread over lines.
fn respelt(value: &Value, how: u8) -> String {
    match how % 3 {
        0 => value.to_string(),
        1 => serde_json::to_string_pretty(value).unwrap(),
        _ => value.to_string().chars().map(|c| if c.is_ascii() { c.into() } else { escaped(c) }).collect(),
    }
}

fn escaped(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

proptest! {
    #[test]
    fn random_bytes_never_parse_nor_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(UnverifiedToken::parse(&bytes, &all()).is_err());
        let _ = Object::parse(&bytes, LIMITS);
        let _ = KeySet::parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn random_parts_never_verify(header in ".{0,60}", payload in ".{0,60}", signature in prop::collection::vec(any::<u8>(), 0..80)) {
        let text = format!("{}.{}.{}", b64u(header), b64u(payload), b64u(signature));
        prop_assert!(UnverifiedToken::parse(text.as_bytes(), &all()).is_err());
    }

    #[test]
    fn a_changed_token_is_refused(position in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..3_u8, hmac in any::<bool>()) {
        let token = if hmac { hs256(&hs_header(), &claims("u1")) } else { ed25519(1, Some("a"), &claims("u1")) };
        let mut bytes = token.clone().into_bytes();
        let at_ = position.index(bytes.len());
        match how {
            0 => bytes[at_] = byte,
            1 => bytes.insert(at_, byte),
            _ => drop(bytes.remove(at_)),
        }
        prop_assume!(bytes != token.as_bytes());
        let Ok(parsed) = UnverifiedToken::parse(&bytes, &all()) else { return Ok(()) };
        let set = KeySet::parse(&jwks(&[("a", 1)])).unwrap();
        let verified = if parsed.algorithm().is_hmac() {
            verify(parsed.algorithm(), &VerifyKey::hmac(SECRET), parsed.signing_input(), parsed.signature())
        } else {
            set.select(parsed.algorithm(), parsed.kid())
                .and_then(|key| verify(parsed.algorithm(), key.key(), parsed.signing_input(), parsed.signature()))
        };
        prop_assert!(verified.is_err());
    }

    #[test]
    fn any_claims_decide_without_a_panic(name in prop::sample::select(vec!["iss", "aud", "exp", "nbf", "iat", "sub", "scope", "scp", "client_id", "azp", "jti"]), value in json_value()) {
        let mut claims = claims("u1");
        claims[name] = value;
        let gate = Gate::builder(policy(&[("user", ISSUER)], "HS256")).secret("user", SECRET).build().unwrap();
        let answer = decide(&gate, &Keys::default(), "/user", &hs256(&hs_header(), &claims), NOW);
        prop_assert!(["200", "401", "403"].contains(&&answer[..3]), "{answer}");
    }

    #[test]
    fn json_is_read_as_serde_json_reads_it(members in prop::collection::btree_map("\\PC{0,6}", json_value(), 0..24), how in any::<u8>()) {
        let text = respelt(&members.into_iter().collect(), how);
        let ours = Object::parse(text.as_bytes(), LIMITS);
        prop_assert!(ours.is_ok(), "{text}");
        let ours: Value = ours.unwrap().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        prop_assert_eq!(ours, serde_json::from_str::<Value>(&text).unwrap());
    }

    #[test]
    fn broken_json_is_refused_by_both(members in prop::collection::btree_map("[a-z]{1,4}", json_value(), 1..6), position in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..3_u8) {
        let mut text = Value::from_iter(members).to_string().into_bytes();
        let at_ = position.index(text.len());
        match how {
            0 => text[at_] = byte,
            1 => text.insert(at_, byte),
            _ => drop(text.remove(at_)),
        }
        let ours = Object::parse(&text, LIMITS);
        match serde_json::from_slice::<serde_json::Map<String, Value>>(&text) {
            Ok(_) => prop_assert!(matches!(ours, Ok(_) | Err(JsonFault::Duplicate))),
            // A number that no f64 holds is refused there and stays text here.
            Err(error) => prop_assert!(ours.is_err() || error.to_string().starts_with("number out of range"), "{error}"),
        }
    }

    #[test]
    fn a_member_twice_is_refused_wherever_it_is(names in prop::collection::btree_set("[a-z]{1,4}", 1..40), twice in any::<prop::sample::Index>(), escape in any::<bool>(), depth in 0..10_usize) {
        let names: Vec<String> = names.into_iter().collect();
        let again = &names[twice.index(names.len())];
        let again = if escape { again.chars().map(escaped).collect() } else { again.clone() };
        let members: Vec<String> = names.iter().map(|name| format!("\"{name}\":0")).collect();
        let object = format!("{{{},\"{again}\":1}}", members.join(","));
        let text = format!("{}{object}{}", "{\"x\":[".repeat(depth), "]}".repeat(depth));
        prop_assert_eq!(Object::parse(text.as_bytes(), LIMITS).unwrap_err(), JsonFault::Duplicate);
    }

    #[test]
    fn key_sets_of_any_json_never_panic(entry in json_value(), name in prop::sample::select(vec!["kty", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "kid"])) {
        let mut jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        jwk[name] = entry.clone();
        let _ = KeySet::parse(&json!({ "keys": [jwk, entry] }).to_string());
    }
}
