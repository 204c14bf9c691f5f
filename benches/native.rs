//! The native engine beside its peers, in one process: rounds of ours and theirs in turn, medians, ratios.
//!
//! Every task first checks its answers: allow, deny, unknown path and wrong method. `cd benches && cargo bench` prints the table
//! of `benches/RESULTS.md`; the runner takes no criterion options, since criterion cannot interleave two functions.
#![allow(clippy::unwrap_used, reason = "a benchmark may stop where its set-up fails")]
#![allow(missing_docs, reason = "a program")]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use scopegate::engine::{Assumed, Gate};
use scopegate::key::hash::Keyring;
use scopegate::policy::Policy;
use scopegate::request::Request;
use scopegate::route::table::{RouteSpec, RouteTable, TableOptions};
use scopegate_benches::measure::{HEADER, pair};
use scopegate_benches::{MapHost, NOW, SEED, key, policy_of};
use serde_json::{Value, json};
use sha2::Sha256;

fn gate(policy: &str, keyring: &Keyring) -> Gate {
    let policy = Policy::from_json(policy).unwrap();
    let has_user = policy.credential("user").is_some();
    let builder = Gate::builder(Arc::new(policy)).keyring(keyring.clone());
    if has_user { builder.key_set("user", r#"{"keys":[]}"#).build().unwrap() } else { builder.build().unwrap() }
}

fn request<'a>(method: &'a str, target: &'a str, headers: &'a dyn scopegate::HeaderSource) -> Request<'a> {
    Request { method, target: target.as_bytes(), headers, https: true, client_ip: None }
}

/// The distinct paths of a policy.
fn paths_of(policy: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(policy).unwrap();
    let mut paths: Vec<String> = document["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| route["match"].as_str().unwrap().split_once(' ').unwrap().1.to_owned())
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

fn matchit_of(paths: &[String]) -> matchit::Router<usize> {
    let mut router = matchit::Router::new();
    for (at, path) in paths.iter().enumerate() {
        router.insert(path.as_str(), at).unwrap();
    }
    router
}

fn keys_and_routes() {
    let keyring = Keyring::new([("p1", [7_u8; 32].as_slice())]).unwrap();
    let thousand = policy_of(1_000);
    for (routes, policy, path) in
        [("30", SEED, "/public/v1/job-listings/42"), ("1,000", thousand.as_str(), "/public/v1/resource-200/42")]
    {
        let gate = gate(policy, &keyring);
        for (sealed, name) in [(false, "unsealed"), (true, "sealed")] {
            let (raw, record) = key(&keyring, sealed).unwrap();
            let mut host = MapHost::default();
            host.0.insert(record.id, Arc::new(record));
            let headers = [("host", "api.jobiflow.com"), ("x-api-key", raw.expose()), ("accept", "*/*")];
            let allow = request("GET", path, &headers);
            assert_eq!(gate.decide(&allow, NOW, &host).status(), 200);
            assert_eq!(gate.decide(&request("GET", path, &()), NOW, &host).status(), 401);
            assert_eq!(gate.decide(&request("GET", "/nowhere", &headers), NOW, &host).status(), 404);
            assert_eq!(gate.decide(&request("TRACE", path, &headers), NOW, &host).status(), 405);
            let mac = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
            let text = raw.expose().as_bytes();
            pair(
                &format!("API-key decision, {name}, {routes} routes"),
                "HMAC-SHA-256 of 81 bytes alone",
                "≤ 2",
                4_000,
                &mut || {
                    black_box(gate.decide(black_box(&allow), NOW, &host).is_allowed());
                },
                &mut || {
                    let mut mac = mac.clone();
                    mac.update(b"apikey/v1\0");
                    mac.update(black_box(text));
                    black_box(mac.finalize());
                },
            );
        }
        let paths = paths_of(policy);
        let router = matchit_of(&paths);
        let assumed = [Assumed {
            credential: gate.policy().credential("apiKey").unwrap().0,
            scopes: gate.policy().scopes().grant(["jobs:read"]),
            claims: Arc::new([]),
        }];
        let allow = request("GET", path, &());
        assert!(gate.rehearse(&allow, NOW, &assumed).is_allowed() && router.at(path).is_ok());
        let [Assumed { credential, scopes, .. }] = &assumed;
        for (method, target, code) in [("GET", "/nowhere", "no_route"), ("TRACE", path, "method_not_allowed")] {
            assert_eq!(gate.covers(method, target.as_bytes(), *credential, scopes).unwrap_err().code(), code);
        }
        assert!(gate.covers("GET", path.as_bytes(), *credential, &gate.policy().scopes().empty_set()).is_err());
        let mut lookup = || {
            black_box(router.at(black_box(path)).is_ok());
        };
        pair(
            &format!("authorisation alone, {routes} routes"),
            "matchit lookup alone",
            "≤ 1.0",
            20_000,
            &mut || {
                black_box(gate.covers("GET", black_box(path.as_bytes()), *credential, scopes).is_ok());
            },
            &mut lookup,
        );
        pair(
            &format!("authorisation as a whole decision, {routes} routes"),
            "matchit lookup alone",
            "–",
            20_000,
            &mut || {
                black_box(gate.rehearse(black_box(&allow), NOW, &assumed).is_allowed());
            },
            &mut lookup,
        );
        let mut document: scopegate::policy::document::PolicyDocument = serde_json::from_str(policy).unwrap();
        // They travel with the policy and decide nothing.
        document.tests.clear();
        let specs: Vec<RouteSpec<'_>> = document
            .routes
            .iter()
            .map(|route| {
                let (method, path) = route.matches.split_once(' ').unwrap();
                RouteSpec { method, path, encoded_slash: false }
            })
            .collect();
        let mut build = || {
            black_box(matchit_of(black_box(&paths)));
        };
        pair(
            &format!("compile the table of {routes} routes"),
            "matchit build",
            "≤ 1.5",
            8,
            &mut || {
                black_box(RouteTable::build(black_box(&specs), &TableOptions::default()).is_ok());
            },
            &mut build,
        );
        pair(
            &format!("compile a policy of {routes} routes"),
            "matchit build",
            "≤ 1.5",
            8,
            &mut || {
                black_box(Policy::compile(black_box(&document)).is_ok());
            },
            &mut build,
        );
    }
}

fn test_key(name: &str) -> Value {
    let path = format!("{}/../tests/data/keys/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str::<Value>(&std::fs::read_to_string(path).unwrap()).unwrap()["jwk"].clone()
}

fn claims() -> Value {
    json!({
        "iss": "https://api.jobiflow.com", "aud": "https://api.jobiflow.com", "sub": "company-1", "client_id": "dashboard",
        "scope": "openid profile email", "iat": NOW.get(), "exp": NOW.get() + 600, "jti": "0123456789abcdef",
        "email": "ada@example.com", "roles": ["admin", "recruiter"]
    })
}

fn bearer_policy(algorithm: &str) -> String {
    SEED.replace("[\"RS256\"]", &format!("[\"{algorithm}\"]"))
}

/// A token, the gate that takes it, and the same for jsonwebtoken.
fn tokens() {
    let public = |jwk: &Value| {
        let mut jwk = jwk.clone();
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            jwk.as_object_mut().unwrap().remove(private);
        }
        jwk
    };
    let secret = [9_u8; 64];
    let mut hs = Header::new(Algorithm::HS256);
    hs.typ = Some("at+jwt".into());
    let hs_token = jsonwebtoken::encode(&hs, &claims(), &EncodingKey::from_secret(&secret)).unwrap();
    token_task("HS256", &hs_token, None, Some(&secret), &DecodingKey::from_secret(&secret), "≤ 0.5", 2_000);

    for (name, file, calls) in [("RS256", "test-rsa-a", 120), ("ES256", "test-p256", 60), ("EdDSA", "test-ed25519", 60)]
    {
        let jwk = test_key(file);
        let public = public(&jwk);
        let token = sample_token(name);
        let parsed: jsonwebtoken::jwk::Jwk = serde_json::from_value(public.clone()).unwrap();
        let decoding = DecodingKey::from_jwk(&parsed).unwrap();
        token_task(name, &token, Some(&json!({ "keys": [public] }).to_string()), None, &decoding, "–", calls);
    }
}

/// A token of the seed's cases for RS256, of the vectors for the others.
fn sample_token(name: &str) -> String {
    let path = format!("{}/../benches/tokens.json", env!("CARGO_MANIFEST_DIR"));
    let tokens: HashMap<String, String> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    tokens.get(name).unwrap().clone()
}

fn token_task(
    name: &str,
    token: &str,
    jwks: Option<&str>,
    secret: Option<&[u8]>,
    decoding: &DecodingKey,
    target: &str,
    calls: u32,
) {
    let policy = Arc::new(Policy::from_json(&bearer_policy(name)).unwrap());
    let build = |cached: bool| {
        let mut builder = Gate::builder(Arc::clone(&policy));
        if let Some(jwks) = jwks {
            builder = builder.key_set("user", jwks);
        }
        if let Some(secret) = secret {
            builder = builder.secret("user", secret);
        }
        builder.token_cache(if cached { 16 } else { 0 }, 1 << 20).build().unwrap()
    };
    let (fresh, cached) = (build(false), build(true));
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let allow = request("GET", "/settings/api-keys", &headers);
    let first = fresh.decide(&allow, NOW, &scopegate::NullHost);
    assert!(first.is_allowed(), "{name}: {}", first.to_json());
    let mut validation = Validation::new(name.parse().unwrap());
    validation.set_audience(&["https://api.jobiflow.com"]);
    validation.set_issuer(&["https://api.jobiflow.com"]);
    validation.validate_exp = false;
    assert!(jsonwebtoken::decode::<Value>(token, decoding, &validation).is_ok());
    pair(
        &format!("{name}, new token, whole decision"),
        "jsonwebtoken with aws-lc-rs",
        target,
        calls,
        &mut || {
            black_box(fresh.decide(black_box(&allow), NOW, &scopegate::NullHost).is_allowed());
        },
        &mut || {
            black_box(jsonwebtoken::decode::<Value>(black_box(token), decoding, &validation).is_ok());
        },
    );
    if name != "RS256" {
        return;
    }
    assert!(cached.decide(&allow, NOW, &scopegate::NullHost).is_allowed());
    let seen: HashMap<String, u64> = HashMap::from([(token.to_owned(), 7)]);
    pair(
        "RS256, token seen before, whole decision",
        "a HashMap hit on the whole token",
        "≤ 3",
        10_000,
        &mut || {
            black_box(cached.decide(black_box(&allow), NOW, &scopegate::NullHost).is_allowed());
        },
        &mut || {
            black_box(seen.get(black_box(token)));
        },
    );
    raw_rsa(token, jwks.unwrap());
}

/// The arithmetic alone, ours and aws-lc-rs's.
fn raw_rsa(token: &str, jwks: &str) {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let set = scopegate::jwt::jwk::KeySet::parse(jwks).unwrap();
    let key = set.keys().first().unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = Base64UrlUnpadded::decode_vec(signature).unwrap();
    let jwk: Value = serde_json::from_str(key.public_jwk()).unwrap();
    let number = |name: &str| Base64UrlUnpadded::decode_vec(jwk[name].as_str().unwrap()).unwrap();
    let parts = aws_lc_rs::signature::RsaPublicKeyComponents { n: number("n"), e: number("e") };
    let parameters = &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
    assert!(parts.verify(parameters, input.as_bytes(), &signature).is_ok());
    let mut ours = || {
        let algorithm = scopegate::jwt::Algorithm::Rs256;
        let outcome = scopegate::jwt::verify::verify(algorithm, key.key(), input.as_bytes(), &signature);
        black_box(outcome.is_ok());
    };
    pair("RS256 signature alone, pure Rust", "aws-lc-rs", "–", 120, &mut ours, &mut || {
        black_box(parts.verify(parameters, black_box(input.as_bytes()), &signature).is_ok());
    });
    let peer = rsa::PublicKey::new(
        rsa::BoxedUint::from_be_slice_vartime(&number("n")),
        rsa::BoxedUint::from_be_slice_vartime(&number("e")),
    )
    .unwrap();
    let peer = rsa::pkcs1v15::VerifyingKey::<Sha256>::new(peer);
    let theirs = rsa::pkcs1v15::Signature::try_from(signature.as_slice()).unwrap();
    pair("RS256 signature alone, pure Rust", "crate rsa 0.10", "≤ 0.65", 120, &mut ours, &mut || {
        use rsa::signature::Verifier;
        black_box(peer.verify(black_box(input.as_bytes()), &theirs).is_ok());
    });
}

fn main() {
    println!("{HEADER}");
    keys_and_routes();
    tokens();
}
