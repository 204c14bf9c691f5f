//! RSA verification against another implementation, the crate `rsa`: the same verdict on every signature.
#![cfg(feature = "rsa")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use base64ct::{Base64UrlUnpadded, Encoding};
use proptest::prelude::*;
use rsa::{BoxedUint, Pkcs1v15Sign, PrivateKey};
use scopegate::jwt::Algorithm;
use scopegate::jwt::verify::{VerifyKey, verify};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha384, Sha512};

struct Pair {
    private: PrivateKey,
    ours: VerifyKey,
}

fn pair(name: &str) -> Pair {
    let path = format!("{}/tests/data/keys/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let bytes = |member: &str| Base64UrlUnpadded::decode_vec(file["jwk"][member].as_str().unwrap()).unwrap();
    let number = |member: &str| BoxedUint::from_be_slice_vartime(&bytes(member));
    let primes = vec![number("p"), number("q")];
    Pair {
        private: PrivateKey::from_components(number("n"), number("e"), number("d"), primes).unwrap(),
        ours: VerifyKey::rsa(&bytes("n"), &bytes("e")).unwrap(),
    }
}

/// The verdict of the other implementation.
fn theirs(key: &PrivateKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let public = key.to_public_key();
    match algorithm {
        Algorithm::Rs256 => public.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message), signature),
        Algorithm::Rs384 => public.verify(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(message), signature),
        _ => public.verify(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(message), signature),
    }
    .is_ok()
}

fn sign(key: &PrivateKey, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Rs256 => key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message)),
        Algorithm::Rs384 => key.sign(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(message)),
        _ => key.sign(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(message)),
    }
    .unwrap()
}

#[test]
fn rsa_has_the_verdict_of_the_other_implementation() {
    let pairs = [pair("test-rsa-a"), pair("test-rsa-b")];
    let algorithms = [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512];
    let case = (
        prop::collection::vec(any::<u8>(), 0..200),
        0..2_usize,
        prop::sample::select(algorithms.to_vec()),
        prop::option::of((any::<prop::sample::Index>(), 1..=255_u8)),
        prop::collection::vec(any::<u8>(), 256),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 32, ..ProptestConfig::default() });
    runner
        .run(&case, |(message, which, algorithm, change, noise)| {
            let (key, other) = (&pairs[which], &pairs[1 - which]);
            let mut signature = sign(&key.private, algorithm, &message);
            if let Some((position, mask)) = change {
                signature[position.index(256)] ^= mask;
            }
            for signature in [&signature, &noise] {
                for of in [key, other] {
                    for tried in algorithms {
                        let ours = verify(tried, &of.ours, &message, signature).is_ok();
                        prop_assert_eq!(ours, theirs(&of.private, tried, &message, signature));
                    }
                }
            }
            let honest = verify(algorithm, &key.ours, &message, &signature).is_ok();
            prop_assert_eq!(honest, change.is_none());
            Ok(())
        })
        .unwrap();
}
