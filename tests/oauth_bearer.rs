//! Access tokens where they are used: rows P1 to P4 of the checklist, at the server's own endpoints and through the decision engine.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod oauth_support;

use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use oauth_support::*;
use scopegate::engine::Gate;
use scopegate::host::NullHost;
use scopegate::oauth::*;
use scopegate::policy::Policy;
use scopegate::request::Request;
use serde_json::{Value, json as value};

fn told(response: &HttpResponse) -> String {
    match json(response)["error"].as_str() {
        Some(error) => format!("{} {error}", response.status),
        None => response.status.to_string(),
    }
}

fn userinfo(server: &Server, store: &Store, token: &str, offset: i64) -> HttpResponse {
    send(server, store, bearer(get("/userinfo", ""), token), offset)
}

fn token_of(header: &Value, claims: &str) -> String {
    let input = format!(
        "{}.{}",
        Base64UrlUnpadded::encode_string(header.to_string().as_bytes()),
        Base64UrlUnpadded::encode_string(claims.as_bytes())
    );
    let signature = match header["alg"].as_str() {
        Some("none") => vec![],
        Some("HS256") => {
            use hmac::{Hmac, KeyInit, Mac};
            let public = signing_key("k1", KeyStatus::Active, 0).public;
            let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(public.as_bytes()).unwrap();
            mac.update(input.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        _ => sign(if header["x"] == "other key" { "k2" } else { "k1" }, input.as_bytes()),
    };
    format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature))
}

/// The issuer's own routes, which first-party clients alone may use, and an API of its own.
const PROTECTED: [&str; 2] = [
    r#"{
        "version": 1,
        "name": "op",
        "scopes": { "keys": "Manage keys", "openid": "Sign in" },
        "credentials": {
            "user": { "type": "bearer", "issuer": "https://op.example", "audiences": ["https://op.example"],
                      "algorithms": ["RS256"], "profile": "rfc9068", "leeway": 0, "clients": ["app"] }
        },
        "routes": [{ "id": "keys", "match": "GET /settings/api-keys", "allow": [{ "user": ["keys"] }] }]
    }"#,
    r#"{
        "version": 1,
        "name": "api",
        "scopes": { "keys": "Manage keys" },
        "credentials": {
            "user": { "type": "bearer", "issuer": "https://op.example", "audiences": ["https://api.example/v1"],
                      "algorithms": ["RS256"] }
        },
        "routes": [{ "id": "api", "match": "GET /v1", "allow": [{ "user": ["keys"] }] }]
    }"#,
];

/// Status, code and challenges of a decision.
fn decide(gate: &Gate, path: &str, lines: &[(&str, &str)], offset: i64) -> (u16, String, Vec<String>) {
    let request = Request { method: "GET", target: path.as_bytes(), headers: &lines, https: true, client_ip: None };
    let decision = gate.decide(&request, at(offset), &NullHost);
    let detail = decision.denial().and_then(|denial| denial.detail()).unwrap_or_default();
    (decision.status(), format!("{} {detail}", decision.code()).trim_end().to_owned(), decision.challenges())
}

fn gates(server: &Server, store: &Store) -> [Gate; 2] {
    let jwks = String::from_utf8(send(server, store, get("/oauth2/jwks", ""), 0).body).unwrap();
    PROTECTED.map(|policy| {
        let policy = Arc::new(Policy::from_json(policy).unwrap());
        Gate::builder(policy).key_set("user", jwks.clone()).build().unwrap()
    })
}

#[test]
fn p1_tokens_that_are_none() {
    let (server, store) = (server(10), Store::new());
    let [gate, _] = gates(&server, &store);
    let body = tokens(&server, &store, "app", "openid%20keys", 1);
    let good = text(&body, "access_token");
    let claims = claims_of(good);
    let header = value!({ "alg": "RS256", "kid": "k1", "typ": "at+jwt" });
    let with_header = |name: &str, set: Value| {
        let mut header = header.clone();
        header[name] = set;
        header.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        token_of(&header, &claims.to_string())
    };
    let with = |name: &str, set: Value| {
        let mut claims = claims.clone();
        claims[name] = set;
        token_of(&header, &claims.to_string())
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        token_of(&header, &claims.to_string())
    };
    let raw = |more: &str| {
        let text = claims.to_string();
        token_of(&header, &format!("{{{more},{}", text.strip_prefix('{').unwrap()))
    };
    let now = NOW + 5;
    let mut wrong_signature = good.to_owned();
    let last = if wrong_signature.pop() == Some('A') { 'E' } else { 'A' };
    wrong_signature.push(last);
    let cases: Vec<(&str, String, &str)> = vec![
        ("the same again", token_of(&header, &claims.to_string()), "allow"),
        ("alg none", with_header("alg", "none".into()), "token_malformed"),
        ("alg None", with_header("alg", "None".into()), "alg_not_allowed"),
        ("HS256 with the public key", with_header("alg", "HS256".into()), "alg_not_allowed"),
        ("PS256", with_header("alg", "PS256".into()), "alg_not_allowed"),
        ("alg missing", with_header("alg", Value::Null), "alg_missing"),
        ("typ of an ID token", with_header("typ", "JWT".into()), "typ_mismatch"),
        ("typ missing", with_header("typ", Value::Null), "typ_mismatch"),
        ("an ID token", text(&body, "id_token").into(), "typ_mismatch"),
        ("wrong aud", with("aud", "https://evil.example".into()), "audience_mismatch"),
        ("aud of the client", with("aud", "app".into()), "audience_mismatch"),
        ("aud in another spelling", with("aud", "https://op.example/".into()), "audience_mismatch"),
        ("aud missing", without("aud"), "audience_mismatch"),
        ("wrong iss", with("iss", "https://evil.example".into()), "issuer_mismatch"),
        ("iss in another spelling", with("iss", "https://op.example/".into()), "issuer_mismatch"),
        ("iss missing", without("iss"), "issuer_mismatch"),
        ("expired", with("exp", now.into()), "expired"),
        ("exp missing", without("exp"), "claim_missing"),
        ("exp as text", with("exp", "9999999999".into()), "claim_type"),
        ("future nbf", with("nbf", (now + 1).into()), "not_yet_valid"),
        ("future iat", with("iat", (now + 1).into()), "issued_in_future"),
        ("iat missing", without("iat"), "claim_missing"),
        ("sub missing", without("sub"), "claim_missing"),
        ("jti missing", without("jti"), "claim_missing"),
        ("client_id missing", without("client_id"), "claim_missing"),
        ("a key of another kid", with_header("kid", "k2".into()), "key_not_found"),
        ("signed by another key", with_header("x", "other key".into()), "signature_invalid"),
        ("signature of another token", wrong_signature, "base64_invalid|signature_invalid"),
        ("crit", with_header("crit", value!(["kid"])), "crit_unsupported|crit_invalid"),
        ("crit empty", with_header("crit", value!([])), "crit_invalid"),
        ("b64", with_header("b64", false.into()), "b64_unsupported"),
        ("a member twice", raw("\"sub\":\"u2\""), "claims_duplicate_member"),
        ("a member twice, escaped", raw("\"s\\u0075b\":\"u2\""), "claims_duplicate_member"),
        ("oversize", raw(&format!("\"x\":\"{}\"", "y".repeat(8_192))), "token_too_large"),
        ("no signature", format!("{}.", good.rsplit_once('.').unwrap().0), "token_malformed"),
        ("four parts", format!("{good}.x"), "token_malformed"),
        ("padding", format!("{good}="), "base64_invalid"),
        ("a space", format!("{good} "), "token_malformed|base64_invalid|malformed"),
    ];
    for (name, token, expected) in cases {
        let answer = userinfo(&server, &store, &token, 5);
        let line = format!("Bearer {token}");
        let (status, code, challenges) = decide(&gate, "/settings/api-keys", &[("authorization", &line)], 5);
        if expected == "allow" {
            assert_eq!((answer.status, status), (200, 200), "P1 {name}: {code}");
            continue;
        }
        assert_eq!(told(&answer), "401 invalid_token", "P1 {name}");
        let active = introspect(&server, &store, "web", token.trim_end(), 5)["active"].clone();
        assert_eq!(active, false, "P1 {name}");
        assert_eq!(status, 401, "P1 {name}: {code}");
        assert!(expected.split('|').any(|one| code.ends_with(one)) || name == "a space", "P1 {name}: {code}");
        assert!(challenges[0].contains("error=\"invalid_token\"") || name == "a space", "P2 {name}: {challenges:?}");
    }
}

#[test]
fn p2_p3_at_a_protected_route() {
    let (server, store) = (server(10), Store::new());
    let gates = gates(&server, &store);
    let of = |client: &str, edits: &[&str], seed: u8| {
        let code = code_of(&server, &store, &query_edited(client, edits), seed);
        let form = format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}");
        let request = match client {
            "web" => basic(post("/oauth2/token", &form), "web", SECRET),
            _ => post("/oauth2/token", &format!("{form}&client_id={client}")),
        };
        format!("Bearer {}", text(&json(&send(&server, &store, request, 1)), "access_token"))
    };
    let keys = of("app", &[], 10);
    let openid = of("app", &["scope=openid"], 20);
    let api = of("app", &["resource=https://api.example/v1"], 30);
    let other = of("app", &["resource=https://other.example"], 40);
    let web = of("web", &[], 50);
    let lines = |value: &str| vec![("Authorization".to_owned(), value.to_owned())];
    let both = [lines(&keys), lines(&keys)].concat();
    let cases = [
        ("good", "/settings/api-keys", lines(&keys), 200, ""),
        ("good at its resource", "/v1", lines(&api), 200, ""),
        ("P2 none", "/settings/api-keys", vec![], 401, "Bearer"),
        ("P2 in the query", "/settings/api-keys?access_token=x", vec![], 401, "Bearer"),
        ("P2 bad", "/settings/api-keys", lines("Bearer x.y.z"), 401, "Bearer error=\"invalid_token\""),
        ("P2 scope", "/settings/api-keys", lines(&openid), 403, "Bearer error=\"insufficient_scope\", scope=\"keys\""),
        ("P2 two", "/settings/api-keys", both, 400, ""),
        (
            "P3 a token for an API at the issuer",
            "/settings/api-keys",
            lines(&api),
            401,
            "Bearer error=\"invalid_token\"",
        ),
        ("P3 a token for the issuer at an API", "/v1", lines(&keys), 401, "Bearer error=\"invalid_token\""),
        ("P3 a token for another API", "/v1", lines(&other), 401, "Bearer error=\"invalid_token\""),
        ("P3 a client that is not on the list", "/settings/api-keys", lines(&web), 403, ""),
    ];
    for (name, path, lines, status, challenge) in cases {
        let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (got, code, challenges) = decide(&gates[usize::from(path == "/v1")], path, &lines, 2);
        let realm = if path == "/v1" { "realm=\"api\"" } else { "realm=\"op\"" };
        let challenges = challenges.join(" | ").replace(&format!(" {realm},"), "").replace(&format!(" {realm}"), "");
        assert_eq!((got, challenges.as_str()), (status, challenge), "{name}: {code}");
    }
    assert_eq!(
        userinfo(&server, &store, api.strip_prefix("Bearer ").unwrap(), 2).status,
        401,
        "P3 userinfo is the issuer's"
    );
}

#[test]
fn p4_nobody_chooses_a_subject() {
    let (server, store) = (server(10), Store::new());
    for path in ["/connect/register", "/oauth2/register", "/register"] {
        assert_eq!(send(&server, &store, post(path, "client_id=u1"), 0).status, 404, "P4: no client registers itself");
    }
    // No grant type has a client for its subject, and what a client sends never becomes one.
    let body = post("/oauth2/token", "grant_type=client_credentials&client_id=app");
    assert_eq!(told(&send(&server, &store, body, 0)), "400 unsupported_grant_type");
    let query = query_edited(
        "app",
        &[
            "scope=openid",
            "sub=u2",
            "login_hint=u2",
            "claims=%7B%22id_token%22:%7B%22sub%22:%7B%22value%22:%22u2%22%7D%7D%7D",
        ],
    );
    let code = code_of(&server, &store, &query, 1);
    let body = json(&send(&server, &store, redeem("app", &format!("{code}&sub=u2")), 1));
    for token in ["access_token", "id_token"] {
        assert_eq!(claims_of(text(&body, token))["sub"], "u1", "P4 {token}");
    }
}
