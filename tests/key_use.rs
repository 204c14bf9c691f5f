//! Keys alone: which algorithm each serves, and the edges of what it verifies.
#![cfg(all(feature = "rsa", feature = "p256", feature = "ed25519"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, clippy::panic, reason = "tests")]

mod key_set_support;

use scopegate::jwt::verify::{VerifyKey, check_shape, verify};
use scopegate::jwt::{Algorithm, TokenRefusal};

use key_set_support::{bytes, public, set};

/// The exact table of keys and algorithms; nothing else reaches any arithmetic.
#[test]
fn each_algorithm_has_its_keys() {
    use Algorithm::{EdDsa, Es256, Es384, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
    let keys = [
        (
            "VerifyKey(RSA)",
            VerifyKey::rsa(&bytes("rsa-a", "n"), &[1, 0, 1]).unwrap(),
            &[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512][..],
        ),
        ("VerifyKey(P-256)", VerifyKey::p256(&bytes("p256", "x"), &bytes("p256", "y")).unwrap(), &[Es256]),
        ("VerifyKey(P-384)", VerifyKey::p384(&bytes("p384", "x"), &bytes("p384", "y")).unwrap(), &[Es384]),
        ("VerifyKey(Ed25519)", VerifyKey::ed25519(&bytes("ed25519", "x")).unwrap(), &[EdDsa]),
        ("VerifyKey(redacted)", VerifyKey::hmac(&[0x5c; 64]), &[Hs256, Hs384, Hs512]),
    ];
    for (shown, key, own) in keys {
        assert_eq!(format!("{key:?}"), shown);
        for algorithm in Algorithm::ALL {
            for len in [0, 1, 32, 48, 63, 64, 65, 70, 96, 255, 256, 257, 384, 512] {
                let expected = if own.contains(&algorithm) {
                    TokenRefusal::SignatureInvalid
                } else {
                    TokenRefusal::AlgKeyMismatch
                };
                let signature = vec![0; len];
                assert_eq!(
                    verify(algorithm, &key, b"a.b", &signature).unwrap_err(),
                    expected,
                    "{algorithm:?} {shown} {len}"
                );
            }
            let fits = [32, 48, 64, 96, 256]
                .iter()
                .filter(|len| check_shape(algorithm, &key, &vec![0; **len]).is_ok())
                .count();
            assert_eq!(fits, usize::from(own.contains(&algorithm)), "{algorithm:?} {shown}: one length only");
        }
    }
}

#[test]
fn a_secret_is_at_least_as_long_as_the_hash() {
    for (algorithm, size) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        for len in [0, 1, 16, size - 1, size, size + 1, 200] {
            let answer = check_shape(algorithm, &VerifyKey::hmac(&vec![1; len]), &vec![0; size]);
            assert_eq!(answer, if len < size { Err(TokenRefusal::KeyWeak) } else { Ok(()) }, "{algorithm:?} {len}");
        }
    }
}

/// Every pair of R and S at the edges: none is a signature, none panics.
#[test]
fn ecdsa_numbers_at_the_edges() {
    const ORDER_256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    const ORDER_384: &str =
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    for (name, algorithm, order) in
        [("p256", Algorithm::Es256, hex(ORDER_256)), ("p384", Algorithm::Es384, hex(ORDER_384))]
    {
        let set = set(&[public(name)]);
        let size = order.len();
        let last = |byte: u8| [&order[..size - 1], &[byte]].concat();
        let small = |byte: u8| [vec![0; size - 1], vec![byte]].concat();
        let edges =
            [small(0), small(1), last(order[size - 1] - 1), order.clone(), last(order[size - 1] + 1), vec![0xff; size]];
        for r in &edges {
            for s in &edges {
                let answer = verify(algorithm, set.keys()[0].key(), b"a.b", &[&r[..], s].concat());
                assert_eq!(answer.unwrap_err(), TokenRefusal::SignatureInvalid, "{r:?} {s:?}");
            }
        }
    }
}

/// Ed25519: S + L is the same residue, and a key of small order would verify what nobody signed.
#[test]
fn ed25519_signatures_have_one_form() {
    use ed25519_dalek::{Signer, SigningKey};
    const ORDER: [u8; 32] = {
        let mut order = [0; 32];
        let low = [0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14];
        let mut at = 0;
        while at < 16 {
            order[at] = low[at];
            at += 1;
        }
        order[31] = 0x10;
        order
    };
    for seed in 0..16 {
        let signer = SigningKey::from_bytes(&[seed; 32]);
        let key = VerifyKey::ed25519(signer.verifying_key().as_bytes()).unwrap();
        let signature = signer.sign(b"a.b").to_bytes();
        verify(Algorithm::EdDsa, &key, b"a.b", &signature).unwrap();
        let mut malleable = signature;
        let mut carry = 0;
        for (byte, order) in malleable[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
        for at in 0..64 {
            let mut tampered = signature;
            tampered[at] ^= 1 << (at % 8);
            assert!(verify(Algorithm::EdDsa, &key, b"a.b", &tampered).is_err(), "{at}");
        }
        assert_eq!(verify(Algorithm::EdDsa, &key, b"a.b", &malleable).unwrap_err(), TokenRefusal::SignatureInvalid);
        assert_eq!(verify(Algorithm::EdDsa, &key, b"a.c", &signature).unwrap_err(), TokenRefusal::SignatureInvalid);
    }
}
