//! Keys and key sets for the tests of key sets and of keys alone.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests, each of which uses some")]

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::jwt::jwk::KeySet;
use serde_json::{Value, json};

/// The public part of a test key, with its name as `kid`.
pub fn public(name: &str) -> Value {
    let path = format!("{}/tests/data/keys/test-{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut key = json!({ "kid": name });
    for member in ["kty", "crv", "n", "e", "x", "y"] {
        if let Some(value) = file["jwk"].get(member) {
            key[member] = value.clone();
        }
    }
    key
}

/// A key with members set, or taken away where the patch says null.
pub fn patched(name: &str, patch: &Value) -> Value {
    let mut key = public(name);
    for (member, value) in patch.as_object().unwrap() {
        match value {
            Value::Null => key.as_object_mut().unwrap().remove(member),
            value => key.as_object_mut().unwrap().insert(member.clone(), value.clone()),
        };
    }
    key
}

pub fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(&json!({ "keys": keys }).to_string()).unwrap()
}

pub fn b64u(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

/// A number of this many bytes: all ones, so odd and of full length.
pub fn ones(len: usize) -> String {
    b64u(vec![0xff; len])
}

pub fn bytes(name: &str, member: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(public(name)[member].as_str().unwrap()).unwrap()
}
