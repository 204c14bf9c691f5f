//! Case collections of other verifiers (Envoy's jwt_verify_lib, Open Policy Agent): what they refuse is refused, what they accept is
//! accepted or refused for a reason named here.
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod jws_support;

use std::collections::BTreeMap;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use jws_support::{all_algorithms, document, outcome, rules, set_outcome};
use scopegate::jwt::claims::TokenRules;
use scopegate::jwt::jwk::KeySet;
use scopegate::jwt::token::UnverifiedToken;
use scopegate::jwt::verify::{VerifyKey, verify};
use scopegate::jwt::{Algorithm, AlgorithmSet, TokenRefusal};
use scopegate::time::UnixSeconds;
use serde_json::{Value, json};

#[test]
fn a_set_parses_or_is_refused_as_envoy_says() {
    let Some(file) = document("jwt-verify-lib/jwks_parse_cases.json") else { return };
    /// Sets that Envoy takes and that have no usable key here.
    const NO_KEY_HERE: [(&str, &str); 5] = [
        ("JwksIgnoreUnsupportedKey", "x is no point of the curve"),
        ("GoodOKP", "x is no point of the curve"),
        ("JwksECMatchAlgES512CrvP521", "P-521 is not supported"),
        ("JwkECMissingAlg", "P-521 is not supported"),
        ("JwkECMissingCrv", "P-521 is not supported"),
    ];
    /// Where crv is missing, Envoy guesses it; RFC 7518 section 6.2.1.1 requires it.
    const GUESSED: [&str; 2] = ["JwksECMissingBothAlgCrvES256", "JwksECUnspecifiedCrv"];
    let mut held = 0;
    for case in file["cases"].as_array().unwrap() {
        let name = case["test"].as_str().unwrap();
        for (text, status) in case["jwks"].as_array().unwrap().iter().zip(case["expected_status"].as_array().unwrap()) {
            let text = text.as_str().unwrap();
            let usable = KeySet::parse(text).map_or(0, |set| set.keys().len());
            let stricter = text.starts_with("-----") // PEM is no JWK Set
                || NO_KEY_HERE.iter().any(|(known, _)| *known == name)
                || GUESSED.contains(&name);
            if status == "Ok" && !stricter {
                assert!(usable > 0, "{name}");
            } else {
                assert_eq!(usable, 0, "{name}");
            }
            held += 1;
        }
    }
    assert!(held >= 66, "{held}");
}

#[test]
fn a_token_parses_or_is_refused_as_envoy_says() {
    let Some(file) = document("jwt-verify-lib/jwt_parse_cases.json") else { return };
    // Claims are read after the signature only, and no case is signed by a key that is known: what is told here is the header.
    let mut held = 0;
    for case in file["cases"].as_array().unwrap() {
        let (name, jwt) = (case["test"].as_str().unwrap(), case["jwt"].as_str().unwrap());
        let mut rules = rules(all_algorithms());
        let parsed = UnverifiedToken::parse(jwt.as_bytes(), &rules).map(|_| ());
        let expected = match case["expected_status"][0].as_str().unwrap() {
            "JwtHeaderParseErrorBadBase64" | "JwtSignatureParseErrorBadBase64" => Err(TokenRefusal::Base64Invalid),
            "JwtHeaderParseErrorBadJson" | "JwtHeaderBadKid" => Err(TokenRefusal::HeaderInvalid),
            "JwtHeaderBadAlg" => Err(TokenRefusal::AlgMissing),
            "JwtHeaderNotImplementedAlg" => Err(TokenRefusal::AlgNotAllowed),
            _ if jwt.len() > rules.limits.token_bytes => Err(TokenRefusal::TokenTooLarge),
            _ => Ok(()),
        };
        assert_eq!(parsed, expected, "{name}");
        rules.limits.token_bytes = 64 * 1024;
        if expected == Err(TokenRefusal::TokenTooLarge) {
            assert!(UnverifiedToken::parse(jwt.as_bytes(), &rules).is_ok(), "{name}");
        }
        held += 1;
    }
    assert!(held >= 28, "{held}");
}

#[test]
fn pairs_of_token_and_set_of_envoy() {
    let Some(file) = document("jwt-verify-lib/jwt_jwks_pairs.json") else { return };
    let table: [(&str, Result<(), TokenRefusal>); 6] = [
        ("jwks_ec", Ok(())),
        ("jwks_hmac", Err(TokenRefusal::JwksPrivateKey)), // secrets are no key set
        ("jwks_okp", Ok(())),
        ("jwks_pem", Err(TokenRefusal::JwksInvalid)),  // PEM is none either
        ("jwks_rsa", Err(TokenRefusal::KeyAmbiguous)), // no kid and two candidates; Envoy tries each
        ("jwks_x509", Err(TokenRefusal::JwksInvalid)), // nor are certificates
    ];
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), table.len());
    for (case, (name, expected)) in cases.iter().zip(table) {
        assert_eq!(case["name"], name);
        let (keys, jwt) = (case["keys"].as_str().unwrap(), case["jwt"].as_str().unwrap());
        assert_eq!(set_outcome(keys, jwt, all_algorithms()), expected, "{name}");
    }
    let rsa: Value = serde_json::from_str(cases[4]["keys"].as_str().unwrap()).unwrap();
    let by_each =
        rsa["keys"].as_array().unwrap().iter().filter(|key| outcome(key, cases[4]["jwt"].as_str().unwrap()).is_ok());
    assert_eq!(by_each.count(), 1, "one of the two candidates is the key");
}

/// The key of an OPA case: a secret, a JWK, a JWK Set, or the key inside a PEM block.
enum OpaKey {
    Secret(Vec<u8>),
    Set(KeySet),
    None,
}

fn opa_key(constraints: &Value) -> OpaKey {
    let text = match constraints {
        Value::String(text) => text.clone(),
        object => object.get("cert").and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    if let Some(secret) = constraints.get("secret").and_then(Value::as_str) {
        return OpaKey::Secret(secret.into());
    }
    if let Some((_, rest)) = text.split_once("-----BEGIN ") {
        let body = rest.split("-----").nth(1).unwrap_or_default().replace("\\n", "");
        let body: String = body.split_whitespace().collect();
        return Base64::decode_vec(&body).ok().and_then(|der| jwk_of_der(&der)).map_or(OpaKey::None, OpaKey::Set);
    }
    if let Some(jwk) = text.split('`').nth(1) {
        let keys = if jwk.contains("\"keys\"") { jwk.to_owned() } else { format!("{{\"keys\":[{jwk}]}}") };
        return KeySet::parse(&keys).map_or(OpaKey::None, OpaKey::Set);
    }
    match text.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some((secret, _)) => OpaKey::Secret(secret.into()),
        None => OpaKey::None,
    }
}

/// The public key somewhere in a certificate or a SubjectPublicKeyInfo, found by the bytes around it.
fn jwk_of_der(der: &[u8]) -> Option<KeySet> {
    let after =
        |mark: &[u8]| der.windows(mark.len()).position(|window| window == mark).map(|at| &der[at + mark.len()..]);
    let text = Base64UrlUnpadded::encode_string;
    let point = |curve: &str, rest: &[u8], size: usize| json!({ "kty": "EC", "crv": curve, "x": text(&rest[4..4 + size]), "y": text(&rest[4 + size..4 + 2 * size]) });
    let jwk = if let Some(rest) = after(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0, 3]) {
        let at = rest.windows(2).position(|window| window == [2, 0x82])?;
        let size = usize::from(u16::from_be_bytes([*rest.get(at + 2)?, *rest.get(at + 3)?]));
        let n = rest.get(at + 5..at + 4 + size)?;
        let e_at = at + 4 + size;
        let e = rest.get(e_at + 2..e_at + 2 + usize::from(*rest.get(e_at + 1)?))?;
        json!({ "kty": "RSA", "n": text(n), "e": text(e) })
    } else if let Some(rest) = after(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]) {
        point("P-256", rest, 32)
    } else {
        point("P-384", after(&[0x2b, 0x81, 4, 0, 0x22])?, 48)
    };
    KeySet::parse(&json!({ "keys": [jwk] }).to_string()).ok()
}

fn opa_rules(case: &Value) -> TokenRules {
    let constraints = &case["constraints"];
    let text = |name: &str| constraints.get(name).and_then(Value::as_str);
    let claimed = case["claims"]["iss"].as_str().unwrap_or("xxx");
    let function = case["fn"].as_str().unwrap();
    let algorithms = match (text("alg"), function.strip_prefix("verify_")) {
        (Some(name), _) => AlgorithmSet::default().with(Algorithm::from_name(name).unwrap()),
        (None, Some(name)) => match Algorithm::from_name(&name.to_uppercase()) {
            Some(algorithm) => AlgorithmSet::default().with(algorithm),
            None => AlgorithmSet::default(),
        },
        (None, None) => all_algorithms(),
    };
    let mut rules = TokenRules::new(text("iss").unwrap_or(claimed), text("aud"), algorithms);
    (rules.types, rules.required_claims, rules.leeway) = (Box::default(), Box::default(), 0);
    rules
}

fn opa_outcome(case: &Value) -> Result<(), TokenRefusal> {
    let (rules, jwt) = (opa_rules(case), case["jwt"].as_str().unwrap());
    let token = UnverifiedToken::parse(jwt.as_bytes(), &rules)?;
    if case["fn"] == "decode" {
        return token.unverified_issuer(&rules).map(|_| ());
    }
    let (algorithm, input, signature) = (token.algorithm(), token.signing_input(), token.signature());
    let proof = match opa_key(&case["constraints"]) {
        OpaKey::Secret(secret) => verify(algorithm, &VerifyKey::hmac(&secret), input, signature)?,
        OpaKey::Set(set) => verify(algorithm, set.select(algorithm, token.kid())?.key(), input, signature)?,
        OpaKey::None => return Err(TokenRefusal::KeyNotFound),
    };
    if case["fn"] != "decode_verify" {
        return Ok(());
    }
    // Times are in nanoseconds; without one it is the present.
    let now = case["constraints"].get("time").and_then(Value::as_f64).map_or(1_780_000_000, |time| (time / 1e9) as i64);
    token.into_verified(proof, &rules, UnixSeconds::new(now).unwrap()).map(|_| ())
}

#[test]
fn opa_refusals_hold_and_what_opa_accepts_is_refused_by_named_rules_only() {
    let Some(file) = document("opa/jwt_cases.json") else { return };
    let mut accepted = 0;
    let mut stricter: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut laxer = Vec::new();
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let name = case["note"].as_str().unwrap();
        if name.contains("pem certificate") {
            continue; // three broken certificates: no certificate is read here
        }
        match (case["expect"] == true || case["expect"] == "parsed", opa_outcome(case)) {
            (true, Ok(())) => accepted += 1,
            (true, Err(refusal)) => stricter.entry(refusal.code()).or_default().push(name),
            (false, Ok(())) => laxer.push(name),
            (false, Err(_)) => {}
        }
    }
    assert_eq!(cases.len(), 103);
    // OPA calls `enc` in a JWS header a JWE; an unknown header member says nothing here, and the signature decides.
    assert_eq!(laxer, ["jwtbuiltins/no-support-jwe"]);
    let counts: Vec<(&str, usize)> = stricter.iter().map(|(code, names)| (*code, names.len())).collect();
    assert_eq!(counts, OPA_STRICTER, "{stricter:#?}");
    assert_eq!(accepted, OPA_ACCEPTED);
}

/// Cases that OPA accepts and that are accepted here.
const OPA_ACCEPTED: usize = 27;

/// Cases that OPA accepts, by the rule that refuses them here.
const OPA_STRICTER: [(&str, usize); 6] = [
    ("alg_not_allowed", 3),         // ES512 is not supported
    ("audience_mismatch", 7),       // the token has no `aud`, which every policy asks for
    ("claims_duplicate_member", 1), // `iss` three times
    ("key_use_mismatch", 1),        // the one candidate is for encryption
    ("key_weak", 12),               // the HMAC secret is six bytes
    ("nested_unsupported", 4),      // `cty` JWT
];
