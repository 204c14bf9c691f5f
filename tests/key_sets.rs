//! Key sets: what is refused whole, what is skipped and why, and which key a token gets.
#![cfg(all(feature = "rsa", feature = "p256", feature = "ed25519"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, clippy::panic, reason = "tests")]

mod key_set_support;

use scopegate::jwt::jwk::{KeySet, KeySetError, MAX_KEY_SET_BYTES, MAX_KEYS};
use scopegate::jwt::verify::RsaLimit;
use scopegate::jwt::{Algorithm, TokenRefusal};
use serde_json::{Value, json};

use key_set_support::{b64u, bytes, ones, patched, public, set};

#[test]
fn entries_that_cannot_be_used_are_skipped_with_a_reason() {
    use TokenRefusal::{KeyInvalid, KeyNotFound, KeyWeak};
    let even = {
        let mut n = bytes("rsa-a", "n");
        *n.last_mut().unwrap() ^= 1;
        b64u(n)
    };
    let n = public("rsa-a")["n"].as_str().unwrap().to_owned();
    let small = b64u([&[0x7f][..], &bytes("rsa-a", "n")[1..]].concat());
    let off_curve = {
        let mut y = bytes("p256", "y");
        y[31] ^= 1;
        b64u(y)
    };
    let table = [
        // Types, curves and members.
        ("no kty", "rsa-a", json!({ "kty": null }), KeyNotFound),
        ("kty in lower case", "rsa-a", json!({ "kty": "rsa" }), KeyNotFound),
        ("kty is a number", "rsa-a", json!({ "kty": 1 }), KeyNotFound),
        ("kty of nobody", "rsa-a", json!({ "kty": "XYZ" }), KeyNotFound),
        ("kty oct without k", "rsa-a", json!({ "kty": "oct" }), KeyNotFound),
        ("kty of another key", "rsa-a", json!({ "kty": "EC" }), KeyNotFound),
        ("kty EC for Ed25519", "ed25519", json!({ "kty": "EC" }), KeyNotFound),
        ("kty OKP for P-256", "p256", json!({ "kty": "OKP" }), KeyNotFound),
        ("no crv", "p256", json!({ "crv": null }), KeyNotFound),
        ("crv in lower case", "p256", json!({ "crv": "p-256" }), KeyNotFound),
        ("crv secp256k1", "p256", json!({ "crv": "secp256k1" }), KeyNotFound),
        ("crv P-521", "p256", json!({ "crv": "P-521" }), KeyNotFound),
        ("crv is a number", "p256", json!({ "crv": 256 }), KeyNotFound),
        ("crv of a longer curve", "p256", json!({ "crv": "P-384" }), KeyInvalid),
        ("crv of a shorter curve", "p384", json!({ "crv": "P-256" }), KeyInvalid),
        ("crv X25519", "ed25519", json!({ "crv": "X25519" }), KeyNotFound),
        ("crv Ed448", "ed25519", json!({ "crv": "Ed448" }), KeyNotFound),
        ("no n", "rsa-a", json!({ "n": null }), KeyNotFound),
        ("n is a number", "rsa-a", json!({ "n": 3 }), KeyNotFound),
        ("no e", "rsa-a", json!({ "e": null }), KeyNotFound),
        ("e is a number", "rsa-a", json!({ "e": 65_537 }), KeyNotFound),
        ("no y", "p256", json!({ "y": null }), KeyNotFound),
        ("no x", "ed25519", json!({ "x": null }), KeyNotFound),
        ("alg of nobody", "rsa-a", json!({ "alg": "RS1" }), KeyNotFound),
        ("alg none", "rsa-a", json!({ "alg": "none" }), KeyNotFound),
        ("alg in lower case", "rsa-a", json!({ "alg": "rs256" }), KeyNotFound),
        ("alg is a list", "rsa-a", json!({ "alg": ["RS256"] }), KeyNotFound),
        ("kid is a number", "rsa-a", json!({ "kid": 1 }), KeyNotFound),
        ("kid of 257 bytes", "rsa-a", json!({ "kid": "k".repeat(257) }), KeyNotFound),
        ("use is a list", "rsa-a", json!({ "use": ["sig"] }), KeyNotFound),
        ("key_ops is a string", "rsa-a", json!({ "key_ops": "verify" }), KeyNotFound),
        ("key_ops holds a number", "rsa-a", json!({ "key_ops": ["verify", 1] }), KeyNotFound),
        // base64url.
        ("n with padding", "rsa-a", json!({ "n": format!("{n}==") }), KeyInvalid),
        ("n with a space", "rsa-a", json!({ "n": format!("{n} ") }), KeyInvalid),
        ("n in standard base64", "rsa-a", json!({ "n": n.replace('-', "+").replace('_', "/") }), KeyInvalid),
        ("n with other last bits", "rsa-a", json!({ "n": format!("{}x", &n[..n.len() - 1]) }), KeyInvalid),
        ("e with other last bits", "rsa-a", json!({ "e": "Ax" }), KeyInvalid),
        // RSA numbers.
        ("1024 bits", "rsa-1024", json!({}), KeyWeak),
        ("2047 bits", "rsa-a", json!({ "n": small }), KeyWeak),
        ("4097 bits", "rsa-a", json!({ "n": b64u([&[1][..], &[0xff; 512]].concat()) }), KeyWeak),
        ("8192 bits", "rsa-a", json!({ "n": ones(1_024) }), KeyWeak),
        ("65,536 bits", "rsa-a", json!({ "n": ones(8_192) }), KeyWeak),
        ("empty n", "rsa-a", json!({ "n": "" }), KeyInvalid),
        (
            "n with a zero byte in front",
            "rsa-a",
            json!({ "n": b64u([&[0][..], &bytes("rsa-a", "n")].concat()) }),
            KeyInvalid,
        ),
        ("even n", "rsa-a", json!({ "n": even }), KeyInvalid),
        ("empty e", "rsa-a", json!({ "e": "" }), KeyInvalid),
        ("e = 0", "rsa-a", json!({ "e": "AA" }), KeyInvalid),
        ("e = 1", "rsa-a", json!({ "e": "AQ" }), KeyInvalid),
        ("e = 2", "rsa-a", json!({ "e": "Ag" }), KeyInvalid),
        ("e = 65536", "rsa-a", json!({ "e": "AQAA" }), KeyInvalid),
        ("e with a zero byte in front", "rsa-a", json!({ "e": "AAEAAQ" }), KeyInvalid),
        ("e = 2^32 + 1", "rsa-a", json!({ "e": b64u([1, 0, 0, 0, 1]) }), KeyInvalid),
        ("e = 2^64 + 3", "rsa-a", json!({ "e": b64u([1, 0, 0, 0, 0, 0, 0, 0, 3]) }), KeyInvalid),
        ("e = n", "rsa-a", json!({ "e": n }), KeyInvalid),
        // Points.
        ("off the curve", "p256", json!({ "y": off_curve }), KeyInvalid),
        ("x and y exchanged", "p256", json!({ "x": public("p256")["y"], "y": public("p256")["x"] }), KeyInvalid),
        ("the point at infinity", "p256", json!({ "x": b64u([0; 32]), "y": b64u([0; 32]) }), KeyInvalid),
        ("x above the field", "p256", json!({ "x": ones(32) }), KeyInvalid),
        ("x of 31 bytes", "p256", json!({ "x": b64u(&bytes("p256", "x")[1..]) }), KeyInvalid),
        ("y of 33 bytes", "p256", json!({ "y": b64u([&[0][..], &bytes("p256", "y")].concat()) }), KeyInvalid),
        ("x of 47 bytes", "p384", json!({ "x": b64u(&bytes("p384", "x")[1..]) }), KeyInvalid),
        ("Ed25519 of 31 bytes", "ed25519", json!({ "x": b64u(&bytes("ed25519", "x")[1..]) }), KeyInvalid),
        (
            "Ed25519 of 33 bytes",
            "ed25519",
            json!({ "x": b64u([&bytes("ed25519", "x")[..], &[0]].concat()) }),
            KeyInvalid,
        ),
        ("Ed25519 empty", "ed25519", json!({ "x": "" }), KeyInvalid),
        ("Ed25519 off the curve", "ed25519", json!({ "x": "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }), KeyInvalid),
        ("Ed25519 of order 1", "ed25519", json!({ "x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }), KeyInvalid),
        ("Ed25519 of order 4", "ed25519", json!({ "x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }), KeyInvalid),
        ("Ed25519 of order 8", "ed25519", json!({ "x": "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU" }), KeyInvalid),
        (
            "Ed25519 with y = p + 3",
            "ed25519",
            json!({ "x": "8P_______________________________________38" }),
            KeyInvalid,
        ),
    ];
    for (what, name, patch, expected) in table {
        let key = patched(name, &patch);
        let both = set(&[key.clone(), public("rsa-b")]);
        assert_eq!(both.keys().len(), 1, "{what}: the next key is read");
        let kid = key["kid"].as_str();
        assert_eq!(both.skipped_entries().collect::<Vec<_>>(), [(kid, expected)], "{what}");
        assert_eq!(both.skipped(), 1, "{what}");
        if let Some(kid) = kid {
            assert!(both.has_kid(kid), "{what}");
            assert_eq!(both.select(Algorithm::Rs256, Some(kid)).unwrap_err(), expected, "{what}");
        }
    }
}

#[test]
fn the_neighbours_of_what_is_skipped_are_taken() {
    let table = [
        ("rsa-a", json!({ "e": "Aw" })),
        ("rsa-a", json!({ "e": b64u([0xff; 4]) })),
        ("rsa-a", json!({ "n": ones(512) })),
        ("rsa-a", json!({ "kid": "k".repeat(256) })),
        ("rsa-a", json!({ "kid": "" })),
        ("rsa-a", json!({ "kid": null })),
        ("rsa-a", json!({ "x5c": ["AA"], "x5u": "https://other.example", "anything": { "else": [1] } })),
        ("p256", json!({ "alg": "ES256" })),
        ("p384", json!({ "alg": "ES384" })),
        ("ed25519", json!({ "alg": "EdDSA", "use": "sig", "key_ops": ["verify"] })),
    ];
    for (name, patch) in table {
        let set = set(&[patched(name, &patch)]);
        assert_eq!((set.keys().len(), set.skipped()), (1, 0), "{name} {patch}");
    }
    let long = json!({ "keys": [patched("rsa-a", &json!({ "n": ones(1_024) }))] }).to_string();
    assert_eq!(KeySet::parse_up_to(RsaLimit::Bits8192, &long).unwrap().keys().len(), 1);
    let longer = json!({ "keys": [patched("rsa-a", &json!({ "n": ones(1_025) }))] }).to_string();
    assert_eq!(KeySet::parse_up_to(RsaLimit::Bits8192, &longer).unwrap().keys().len(), 0);
}

#[test]
fn entries_that_are_no_object_are_skipped() {
    for entry in [json!(null), json!(1), json!("key"), json!([public("p256")])] {
        let set = set(&[entry.clone(), public("rsa-a")]);
        assert_eq!((set.keys().len(), set.skipped()), (1, 1), "{entry}");
    }
}

#[test]
fn a_private_member_anywhere_refuses_the_set() {
    let private = Err(KeySetError::PrivateKey);
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for value in [json!("AQAB"), json!(""), json!(null), json!([])] {
            for mut key in [public("rsa-a"), public("p256"), public("ed25519"), json!({ "kty": "oct" }), json!({})] {
                key[member] = value.clone();
                let text = json!({ "keys": [public("rsa-b"), {}, key] }).to_string();
                assert_eq!(KeySet::parse(&text).map(|_| ()), private, "{member} {value}");
                let escaped = text.replace(
                    &format!("\"{member}\":"),
                    &format!("\"\\u{:04x}{}\":", member.as_bytes()[0], &member[1..]),
                );
                assert_eq!(KeySet::parse(&escaped).map(|_| ()), private, "{member} with an escape");
            }
        }
    }
}

#[test]
fn texts_that_are_no_key_set() {
    let key = public("p256").to_string();
    let deep = format!("{{\"keys\":[],\"deep\":{}{}}}", "[".repeat(20), "]".repeat(20));
    let many = format!("{{\"keys\":[{}]}}", vec!["{}"; MAX_KEYS + 1].join(","));
    let long = format!("{{\"keys\":[]{}}}", " ".repeat(MAX_KEY_SET_BYTES));
    let twice = key.replacen('{', "{\"kty\":\"EC\",", 1);
    let table = [
        String::new(),
        "null".to_owned(),
        format!("[{key}]"),
        key.clone(),
        "{}".to_owned(),
        "{\"keys\":null}".to_owned(),
        "{\"keys\":{}}".to_owned(),
        format!("{{\"keys\":{key}}}"),
        "{\"keys\":\"\"}".to_owned(),
        "{\"Keys\":[]}".to_owned(),
        "{\"keys\":[],\"keys\":[]}".to_owned(),
        "{\"keys\":[],\"\\u006beys\":[]}".to_owned(),
        format!("{{\"keys\":[{twice}]}}"),
        "{\"keys\":[],}".to_owned(),
        "{\"keys\":[]} x".to_owned(),
        "{\"keys\":[]}{}".to_owned(),
        "\u{feff}{\"keys\":[]}".to_owned(),
        "{\"keys\":[\u{a0}]}".to_owned(),
        "{'keys':[]}".to_owned(),
        "-----BEGIN PUBLIC KEY-----".to_owned(),
        deep,
        many,
        long,
    ];
    for text in table {
        let error = KeySet::parse(&text).map(|_| ()).unwrap_err();
        assert_eq!(error, KeySetError::Invalid, "{}", &text[..text.len().min(60)]);
        assert_eq!(error.refusal().code(), "jwks_invalid");
    }
    let none = KeySet::parse(" {\"keys\": []}\n").unwrap();
    assert_eq!(none.select(Algorithm::Rs256, None).unwrap_err(), TokenRefusal::KeyNotFound);
}

#[test]
fn the_key_of_a_token() {
    use Algorithm::{EdDsa, Es256, Es384, Hs256, Ps256, Rs256, Rs384};
    use TokenRefusal::{AlgKeyMismatch, KeyAmbiguous, KeyNotFound, KeyUseMismatch};
    let named = |name: &str, kid: &str| patched(name, &json!({ "kid": kid }));
    let of = |name: &str, patch: Value| patched(name, &patch);
    let (rsa_a, rsa_b, p256, p384, ed) =
        (public("rsa-a"), public("rsa-b"), public("p256"), public("p384"), public("ed25519"));
    let all = vec![rsa_a.clone(), p256.clone(), p384, ed];
    let one = vec![rsa_a.clone()];
    let two = vec![rsa_a.clone(), rsa_b];
    let table = [
        ("by kid", &all, Rs256, Some("rsa-a"), Ok("rsa-a")),
        ("by kid, PSS with the same key", &all, Ps256, Some("rsa-a"), Ok("rsa-a")),
        ("by kid, an unknown one", &all, Rs256, Some("rsa-c"), Err(KeyNotFound)),
        ("by kid, another case", &all, Rs256, Some("RSA-A"), Err(KeyNotFound)),
        ("by kid, a prefix", &all, Rs256, Some("rsa"), Err(KeyNotFound)),
        ("by kid, with a space", &all, Rs256, Some("rsa-a "), Err(KeyNotFound)),
        ("by kid, with a path", &all, Rs256, Some("../rsa-a"), Err(KeyNotFound)),
        ("by kid, empty", &all, Rs256, Some(""), Err(KeyNotFound)),
        ("the kid of another type", &all, Rs256, Some("p256"), Err(AlgKeyMismatch)),
        ("the kid of another curve", &all, Es256, Some("p384"), Err(AlgKeyMismatch)),
        ("HMAC with a public RSA key", &all, Hs256, Some("rsa-a"), Err(AlgKeyMismatch)),
        ("HMAC with a public P-256 key", &all, Hs256, Some("p256"), Err(AlgKeyMismatch)),
        ("HMAC without kid", &all, Hs256, None, Err(KeyNotFound)),
        ("no kid, one of each", &all, Rs384, None, Ok("rsa-a")),
        ("no kid, one of each", &all, Es256, None, Ok("p256")),
        ("no kid, one of each", &all, Es384, None, Ok("p384")),
        ("no kid, one of each", &all, EdDsa, None, Ok("ed25519")),
        ("no kid, none fits", &one, Es256, None, Err(KeyNotFound)),
        ("no kid, two", &two, Rs256, None, Err(KeyAmbiguous)),
        ("a kid, two", &two, Rs256, Some("rsa-b"), Ok("rsa-b")),
    ];
    for (what, keys, algorithm, kid, expected) in table {
        let set = set(keys);
        assert_eq!(set.select(algorithm, kid).map(|key| key.kid().unwrap()), expected, "{what}");
    }
    let ps = |kid: &str| of("rsa-a", json!({ "alg": "PS256", "kid": kid }));
    let enc = of("rsa-a", json!({ "use": "enc" }));
    let table = [
        ("own alg", vec![of("rsa-a", json!({ "alg": "RS256" }))], Rs256, Some("rsa-a"), Ok(0)),
        ("own alg is PS256", vec![ps("a")], Rs256, Some("a"), Err(AlgKeyMismatch)),
        ("own alg is PS256, no kid", vec![ps("a")], Rs256, None, Err(KeyNotFound)),
        (
            "own alg of another type",
            vec![of("rsa-a", json!({ "alg": "ES256" }))],
            Es256,
            Some("rsa-a"),
            Err(AlgKeyMismatch),
        ),
        ("own alg is HMAC", vec![of("rsa-a", json!({ "alg": "HS256" }))], Hs256, Some("rsa-a"), Err(AlgKeyMismatch)),
        ("use enc", vec![enc.clone()], Rs256, Some("rsa-a"), Err(KeyUseMismatch)),
        ("use enc, no kid", vec![enc.clone()], Rs256, None, Err(KeyUseMismatch)),
        ("use in another case", vec![of("rsa-a", json!({ "use": "SIG" }))], Rs256, None, Err(KeyUseMismatch)),
        ("key_ops sign", vec![of("rsa-a", json!({ "key_ops": ["sign"] }))], Rs256, None, Err(KeyUseMismatch)),
        ("key_ops empty", vec![of("rsa-a", json!({ "key_ops": [] }))], Rs256, None, Err(KeyUseMismatch)),
        (
            "key_ops verify, use enc",
            vec![of("rsa-a", json!({ "key_ops": ["verify"], "use": "enc" }))],
            Rs256,
            None,
            Err(KeyUseMismatch),
        ),
        (
            "use enc and alg of another",
            vec![of("rsa-a", json!({ "use": "enc", "alg": "PS256" }))],
            Rs256,
            Some("rsa-a"),
            Err(AlgKeyMismatch),
        ),
        ("use enc beside use sig", vec![enc, rsa_a], Rs256, Some("rsa-a"), Ok(1)),
        ("one kid, two types", vec![named("rsa-a", "k"), named("p256", "k")], Es256, Some("k"), Ok(1)),
        ("one kid, two algs", vec![ps("k"), named("rsa-b", "k")], Rs256, Some("k"), Ok(1)),
        ("one kid, two that fit", vec![named("rsa-a", "k"), named("rsa-b", "k")], Rs256, Some("k"), Err(KeyAmbiguous)),
        ("one kid, the same key twice", vec![p256.clone(), p256], Es256, Some("p256"), Err(KeyAmbiguous)),
        (
            "a broken twin does not count",
            vec![of("rsa-a", json!({ "e": "AQ" })), public("rsa-a")],
            Rs256,
            Some("rsa-a"),
            Ok(0),
        ),
        (
            "a key without kid is not named",
            vec![of("rsa-a", json!({ "kid": null }))],
            Rs256,
            Some("rsa-a"),
            Err(KeyNotFound),
        ),
        ("a key without kid is a candidate", vec![of("rsa-a", json!({ "kid": null }))], Rs256, None, Ok(0)),
    ];
    for (what, keys, algorithm, kid, expected) in table {
        let set = set(&keys);
        let at =
            |key: &scopegate::jwt::jwk::Jwk| set.keys().iter().position(|known| std::ptr::eq(&**known, key)).unwrap();
        assert_eq!(set.select(algorithm, kid).map(|key| at(key)), expected, "{what}");
    }
}

#[test]
fn thumbprints_of_the_rfcs() {
    let rsa = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhM\
               stn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5haj\
               rn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let table = [
        // RFC 7638 section 3.1.
        (
            json!({ "kty": "RSA", "n": rsa, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" }),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        ),
        // RFC 8037 appendix A.3.
        (
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        ),
    ];
    for (jwk, expected) in table {
        let read = set(std::slice::from_ref(&jwk));
        assert_eq!(read.keys()[0].thumbprint(), expected);
        let written: Value = serde_json::from_str(read.keys()[0].public_jwk()).unwrap();
        for (member, value) in written.as_object().unwrap() {
            assert_eq!(value, &jwk[member], "{member}");
        }
        assert_eq!(set(&[written]).keys()[0].thumbprint(), expected);
    }
    let table = [
        ("rsa-a", r#"{"e":"AQAB","kty":"RSA","n":""#),
        ("p256", r#"{"crv":"P-256","kty":"EC","x":""#),
        ("p384", r#"{"crv":"P-384","kty":"EC","x":""#),
        ("ed25519", r#"{"crv":"Ed25519","kty":"OKP","x":""#),
    ];
    for (name, start) in table {
        let plain = set(&[public(name)]);
        let decorated = set(&[patched(name, &json!({ "kid": "other", "use": "sig", "x5t": "AA" }))]);
        assert!(plain.keys()[0].public_jwk().starts_with(start), "{name}");
        assert_eq!(plain.keys()[0].thumbprint(), decorated.keys()[0].thumbprint(), "{name}");
    }
}
