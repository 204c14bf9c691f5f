//! Key sets over time, and the engine between a token and its host.
#![cfg(feature = "ed25519")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod jwt_support;

use std::sync::Arc;

use jwt_support::{
    ISSUER, Keys, NOW, SECRET, at, b64u, claims, decide, ed25519, hs_header, hs256, jwks, policy, summary,
};
use scopegate::engine::Gate;
use scopegate::host::{KeysReason, VerifyAnswer};
use scopegate::jwt::cache::{COOLDOWN, KeySetState, MAX_AGE, Plan, REFRESH_AFTER};
use scopegate::policy::Policy;
use scopegate::request::Request;
use serde_json::{Value, json};

/// What happens to the state, at a second counted from `NOW`.
enum Act<'a> {
    /// A token with this kid comes; what the plan is.
    Token(Option<&'a str>, &'a str),
    /// A set with these kids arrives, fetched at this second.
    Fetched(&'a [&'a str], i64),
    Failed,
    /// Whether a cached token may stand.
    Settled(bool),
}

fn told(plan: &Plan) -> String {
    match plan {
        Plan::Use(set, _) => set.keys().iter().filter_map(|key| key.kid()).collect::<Vec<_>>().join(" "),
        Plan::Ask(refresh) => format!("ask {refresh:?}"),
        Plan::Unavailable => "unavailable".to_owned(),
    }
}

#[test]
fn a_key_set_over_time() {
    use Act::{Failed, Fetched, Settled, Token};
    let (fresh, stale, old) = (REFRESH_AFTER - 1, REFRESH_AFTER, MAX_AGE);
    let table: [(&str, &[(i64, Act<'_>)]); 11] = [
        ("asked while there is none", &[(0, Token(None, "ask Missing")), (0, Token(None, "ask Missing"))]),
        (
            "a failure starts the cooldown",
            &[(0, Failed), (COOLDOWN - 1, Token(None, "unavailable")), (COOLDOWN, Token(None, "ask Missing"))],
        ),
        (
            "stale by age",
            &[
                (0, Fetched(&["a"], 0)),
                (fresh, Token(Some("a"), "a")),
                (fresh, Settled(true)),
                (stale, Settled(false)),
                (stale, Token(Some("a"), "ask Stale")),
            ],
        ),
        (
            "an unknown kid is asked for once per cooldown",
            &[
                (0, Fetched(&["a"], 0)),
                (COOLDOWN - 1, Token(Some("b"), "a")),
                (COOLDOWN, Token(Some("b"), "ask UnknownKid")),
                (COOLDOWN, Token(Some("b"), "a")),
                (COOLDOWN, Token(Some("c"), "a")),
                (2 * COOLDOWN - 1, Token(Some("c"), "a")),
                (2 * COOLDOWN, Token(Some("c"), "ask UnknownKid")),
            ],
        ),
        ("no kid asks for nothing", &[(0, Fetched(&["a"], 0)), (COOLDOWN, Token(None, "a"))]),
        (
            "a failed refresh keeps the set",
            &[
                (0, Fetched(&["a"], 0)),
                (stale, Token(Some("a"), "ask Stale")),
                (stale, Failed),
                (stale, Token(Some("a"), "a")),
                (stale, Settled(true)),
                (stale + COOLDOWN, Token(Some("a"), "ask Stale")),
            ],
        ),
        (
            "until the maximum age",
            &[
                (0, Fetched(&["a"], 0)),
                (old, Failed),
                (old, Token(Some("a"), "a")),
                (old, Settled(true)),
                (old + 1, Token(Some("a"), "unavailable")),
                (old + 1, Settled(false)),
                (old + COOLDOWN, Token(Some("a"), "ask Stale")),
            ],
        ),
        (
            "a key that left stops at once",
            &[(0, Fetched(&["a", "b"], 0)), (10, Fetched(&["b"], 10)), (10, Token(Some("a"), "b"))],
        ),
        (
            "the age counts from the fetch",
            &[(0, Fetched(&["a"], -REFRESH_AFTER)), (COOLDOWN, Token(Some("a"), "ask Stale"))],
        ),
        (
            "a fetch from the future counts as now",
            &[(0, Fetched(&["a"], 1_000_000)), (stale, Token(Some("a"), "ask Stale"))],
        ),
        (
            "a clock that goes backwards neither ages a set nor lengthens the cooldown",
            &[
                (0, Fetched(&["a"], 0)),
                (-10, Token(Some("b"), "a")),
                (-COOLDOWN, Token(Some("b"), "ask UnknownKid")),
                (-100_000, Token(Some("a"), "a")),
                (-100_000, Settled(true)),
            ],
        ),
    ];
    for (name, acts) in table {
        let mut state = KeySetState::default();
        for (step, (second, act)) in acts.iter().enumerate() {
            let now = at(NOW + second);
            match act {
                Token(kid, expected) => assert_eq!(told(&state.plan(now, *kid)), *expected, "{name}, {step}"),
                Fetched(kids, fetched) => {
                    let keys: Vec<(&str, u8)> = kids.iter().map(|kid| (*kid, kid.as_bytes()[0])).collect();
                    assert_eq!(state.fetched(&jwks(&keys), at(NOW + fetched), now), Ok(true), "{name}, {step}");
                }
                Failed => state.failed(now),
                Settled(expected) => {
                    assert_eq!(state.settled_generation(now).is_some(), *expected, "{name}, {step}");
                }
            }
        }
    }
}

#[test]
fn the_generation_changes_with_the_content_only() {
    let mut state = KeySetState::default();
    assert_eq!(state.settled_generation(at(NOW)), None);
    let (one, two) = (jwks(&[("a", 1)]), jwks(&[("a", 2)]));
    let mut seen = Vec::new();
    for (text, changed) in [(&one, true), (&one, false), (&two, true), (&two, false), (&one, true)] {
        assert_eq!(state.fetched(text, at(NOW), at(NOW)), Ok(changed));
        seen.push(state.settled_generation(at(NOW)).unwrap());
    }
    assert!(seen[0] == seen[1] && seen[1] != seen[2] && seen[2] == seen[3] && seen[3] < seen[4], "{seen:?}");
}

#[test]
fn rubbish_keeps_the_old_set_and_counts_as_a_failed_fetch() {
    for rubbish in ["", "{}", "[]", "<html>", "{\"keys\":{}}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}"] {
        let mut state = KeySetState::default();
        assert!(state.fetched(rubbish, at(NOW), at(NOW)).is_err(), "{rubbish}");
        assert_eq!(told(&state.plan(at(NOW), None)), "unavailable", "{rubbish}");
        let later = at(NOW + COOLDOWN);
        assert_eq!(state.fetched(&jwks(&[("a", 1)]), later, later), Ok(true));
        assert!(state.fetched(rubbish, later, later).is_err(), "{rubbish}");
        assert_eq!(told(&state.plan(later, Some("a"))), "a", "{rubbish}");
    }
}

fn gate(host_verification: bool) -> Gate {
    let policy = policy(&[("user", ISSUER)], "EdDSA");
    Gate::builder(policy).host_verification(host_verification).token_cache(16, 1 << 20).build().unwrap()
}

#[test]
fn a_host_that_answers_with_rubbish_is_an_outage() {
    let token = ed25519(1, Some("a"), &claims("u1"));
    for rubbish in ["", "{}", "<html>", "{\"keys\":1}", "{\"keys\":[],\"keys\":[]}"] {
        let (gate, host) = (gate(false), Keys::new("user", rubbish));
        assert_eq!(decide(&gate, &host, "/user", &token, NOW), "503 keys_unavailable", "{rubbish}");
        assert_eq!(decide(&gate, &host, "/user", &token, NOW), "503 keys_unavailable", "{rubbish}");
        assert_eq!(host.asked(), 1, "the cooldown spares the host");
        host.give("user", jwks(&[("a", 1)]));
        assert_eq!(decide(&gate, &host, "/user", &token, NOW + COOLDOWN), "200 ok", "{rubbish}");
    }
}

#[test]
fn unknown_kids_reach_the_host_once_per_cooldown() {
    let (gate, host) = (gate(false), Keys::new("user", jwks(&[("a", 1)])));
    assert_eq!(decide(&gate, &host, "/user", &ed25519(1, Some("a"), &claims("u1")), NOW), "200 ok");
    for number in 0..50 {
        let token = ed25519(9, Some(&format!("unknown-{number}")), &claims("u1"));
        let answer = decide(&gate, &host, "/user", &token, NOW + COOLDOWN + number % 20);
        assert_eq!(answer, "401 invalid_token key_not_found");
    }
    assert_eq!(*host.asked.lock().unwrap(), [KeysReason::Missing, KeysReason::UnknownKid]);
}

#[test]
fn a_key_that_left_the_set_stops_at_once_also_for_cached_tokens() {
    let (gate, host) = (gate(false), Keys::new("user", jwks(&[("a", 1), ("b", 2)])));
    let token = ed25519(1, Some("a"), &claims("u1"));
    for _ in 0..2 {
        assert_eq!(decide(&gate, &host, "/user", &token, NOW), "200 ok");
    }
    assert_eq!(gate.token_cache_counts(), Some((1, 0)), "the first came before there was a set to be cached under");
    host.give("user", jwks(&[("b", 2)]));
    assert_eq!(decide(&gate, &host, "/user", &token, NOW + REFRESH_AFTER), "401 invalid_token key_not_found");
    // The same kid with another key is another key.
    host.give("user", jwks(&[("a", 3)]));
    *host.fetched_at.lock().unwrap() = Some(at(NOW + REFRESH_AFTER + COOLDOWN));
    let answer = decide(&gate, &host, "/user", &token, NOW + REFRESH_AFTER + COOLDOWN);
    assert_eq!(answer, "401 invalid_token signature_invalid");
}

#[test]
fn a_cached_token_expires() {
    let mut without_iat = claims("u2");
    without_iat.as_object_mut().unwrap().remove("iat");
    let mut document: Value = json!({
        "version": 1, "name": "tokens", "scopes": { "read": "Read" },
        "credentials": { "user": {
            "type": "bearer", "issuer": ISSUER, "audiences": ["api"], "algorithms": ["HS256"], "requiredClaims": ["exp"]
        } },
        "routes": [{ "id": "user", "match": "GET /user", "allow": [{ "user": ["read"] }] }]
    });
    document["credentials"]["user"]["leeway"] = 0.into();
    let policy = Arc::new(Policy::from_json(&document.to_string()).unwrap());
    let gate = Gate::builder(policy).secret("user", SECRET).token_cache(16, 1 << 20).build().unwrap();
    for claims in [claims("u1"), without_iat] {
        let token = hs256(&hs_header(), &claims);
        let table = [(0, "200 ok"), (599, "200 ok"), (600, "401 invalid_token expired"), (599, "200 ok")];
        for (second, expected) in table {
            assert_eq!(decide(&gate, &Keys::default(), "/user", &token, NOW + second), expected, "{second}");
        }
    }
    assert_eq!(gate.token_cache_counts(), Some((4, 4)));
}

#[test]
fn a_tampered_copy_of_a_cached_token_is_not_a_hit() {
    let policy = policy(&[("user", ISSUER)], "HS256");
    let gate = Gate::builder(policy).secret("user", SECRET).token_cache(16, 1 << 20).build().unwrap();
    let token = hs256(&hs_header(), &claims("u1"));
    assert_eq!(decide(&gate, &Keys::default(), "/user", &token, NOW), "200 ok");
    let signature = token.rsplit_once('.').unwrap().1;
    let forged = format!("{}.{}.{signature}", b64u(hs_header().to_string()), b64u(claims("admin").to_string()));
    assert_eq!(decide(&gate, &Keys::default(), "/user", &forged, NOW), "401 invalid_token signature_invalid");
    assert_eq!(gate.token_cache_counts(), Some((0, 2)));
}

#[test]
fn the_answers_of_a_host_that_verifies() {
    let token = ed25519(1, Some("a"), &claims("u1"));
    let expired = ed25519(1, Some("a"), &json!({ "iss": ISSUER, "aud": "api", "sub": "u", "iat": 1, "exp": 2 }));
    let table = [
        (&token, VerifyAnswer::Valid, "200 ok"),
        (&token, VerifyAnswer::Invalid, "401 invalid_token signature_invalid"),
        (&token, VerifyAnswer::Unavailable, "503 keys_unavailable"),
        (&expired, VerifyAnswer::Valid, "401 invalid_token expired"),
        (&expired, VerifyAnswer::Invalid, "401 invalid_token signature_invalid"),
    ];
    for (token, answer, expected) in table {
        let host = Keys::new("user", jwks(&[("a", 1)]));
        *host.verify.lock().unwrap() = Some(answer);
        assert_eq!(decide(&gate(true), &host, "/user", token, NOW), expected, "{answer:?}");
    }
}

#[test]
fn a_kid_is_never_looked_up_across_issuers() {
    let (a, b) = ("https://a.example", "https://b.example");
    let policy = policy(&[("a", a), ("b", b)], "EdDSA");
    let by = |issuer: &str| {
        let mut claims = claims("u1");
        claims["iss"] = issuer.into();
        claims
    };
    let table = [
        ("/a", ed25519(1, Some("a1"), &by(a)), "200 ok"),
        ("/b", ed25519(2, Some("b1"), &by(b)), "200 ok"),
        ("/either", ed25519(1, Some("a1"), &by(a)), "200 ok"),
        ("/either", ed25519(2, Some("b1"), &by(b)), "200 ok"),
        ("/b", ed25519(1, Some("a1"), &by(a)), "401 invalid_token issuer_mismatch"),
        ("/a", ed25519(2, Some("b1"), &by(a)), "401 invalid_token key_not_found"),
        ("/a", ed25519(2, Some("both"), &by(a)), "401 invalid_token signature_invalid"),
        ("/b", ed25519(2, Some("both"), &by(a)), "401 invalid_token issuer_mismatch"),
        ("/either", ed25519(2, Some("both"), &by(b)), "200 ok"),
        ("/a", ed25519(1, Some("a1"), &by("https://c.example")), "401 invalid_token issuer_mismatch"),
    ];
    for (target, token, expected) in table {
        let host = Keys::new("a", jwks(&[("a1", 1), ("both", 1)]));
        host.give("b", jwks(&[("b1", 2), ("both", 2)]));
        let gate = Gate::builder(Arc::clone(&policy)).token_cache(16, 1 << 20).build().unwrap();
        for _ in 0..2 {
            assert_eq!(decide(&gate, &host, target, &token, NOW), expected, "{target} {token}");
        }
    }
    let host = Keys::new("a", jwks(&[("a1", 1)]));
    let either = ed25519(2, Some("b1"), &by(a));
    let gate = Gate::builder(policy).build().unwrap();
    assert!(decide(&gate, &host, "/either", &either, NOW).starts_with("401 invalid_token"));
}

#[test]
fn host_and_core_decide_every_case_as_expected() {
    let path = format!("{}/tests/vectors/jwt.json", env!("CARGO_MANIFEST_DIR"));
    let suites: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut held, mut allowed) = (0, 0);
    for suite in suites.as_array().unwrap() {
        let policy = Arc::new(Policy::from_json(&suite["policy"].to_string()).unwrap());
        for case in suite["cases"].as_array().unwrap() {
            let request = &case["request"];
            let headers: Vec<(String, String)> =
                serde_json::from_value(request.get("headers").cloned().unwrap_or_else(|| json!([]))).unwrap();
            let now = case["now"].as_i64().or(suite["now"].as_i64()).unwrap();
            let of_form = |on_host: bool, cache: bool| {
                let mut builder = Gate::builder(Arc::clone(&policy)).host_verification(on_host);
                for (name, secret) in suite["secrets"].as_object().into_iter().flatten() {
                    use base64ct::{Base64UrlUnpadded, Encoding};
                    builder = builder.secret(name, &Base64UrlUnpadded::decode_vec(secret.as_str().unwrap()).unwrap());
                }
                if cache {
                    builder = builder.token_cache(8, 1 << 20);
                }
                let (gate, host) = (builder.build().unwrap(), Keys::default());
                *host.fetched_at.lock().unwrap() = Some(at(now));
                for (name, set) in suite["jwks"].as_object().into_iter().flatten() {
                    if case["store"].is_null() {
                        host.give(name, set.to_string());
                    }
                }
                let request = Request {
                    method: request["method"].as_str().unwrap(),
                    target: request["target"].as_str().unwrap().as_bytes(),
                    headers: &headers,
                    https: true,
                    client_ip: None,
                };
                let first = summary(&gate.decide(&request, at(now), &host));
                assert_eq!(first, summary(&gate.decide(&request, at(now), &host)), "{}: twice the same", case["name"]);
                first
            };
            let told = of_form(false, false);
            let (expect, detail) = (&case["expect"], case["expect"]["detail"].as_str().unwrap_or_default());
            let expected = format!("{} {} {detail}", expect["status"], expect["code"].as_str().unwrap_or_default());
            assert!(told.starts_with(expected.trim_end()), "{}: {}: {told}", suite["name"], case["name"]);
            for (on_host, cache) in [(true, false), (false, true), (true, true)] {
                assert_eq!(of_form(on_host, cache), told, "{}: {} ({on_host}, {cache})", suite["name"], case["name"]);
            }
            held += 1;
            allowed += usize::from(told == "200 ok");
        }
    }
    assert!(held >= 300 && allowed >= 40, "{held} {allowed}");
}
