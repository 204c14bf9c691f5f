//! Sign-in with providers elsewhere: the rows S1 to S10 of the checklist, and what each provider does its own way.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[allow(dead_code, reason = "other tests use the rest")]
mod oauth_social_support;
mod oauth_support;

use oauth_social_support::*;
use oauth_support::{at, get};
use scopegate::oauth::social::{drive, *};
use scopegate::oauth::*;
use serde_json::json;

type Row = (&'static str, &'static str, fn(&mut Op), fn(&mut HttpRequest), &'static str);

fn same(_: &mut Op) {}
fn back(_: &mut HttpRequest) {}

/// Replaces a text of the query.
fn swap(request: &mut HttpRequest, from: &str, to: &str) {
    assert!(request.query.contains(from), "{}", request.query);
    request.query = request.query.replace(from, to);
}

fn cookie(request: &mut HttpRequest, change: impl Fn(&str) -> String) {
    let (_, value) = request.headers.iter_mut().find(|(name, _)| name == "Cookie").unwrap();
    *value = change(value);
}

fn http(status: u16, kind: &str, body: &str) -> Answer {
    Answer::Http(answer(status, kind, body))
}

const ROWS: &[Row] = &[
    ("S1 state of nobody", "corp", same, |r| swap(r, "state=", "state=A"), "state_invalid"),
    ("S1 no state", "corp", same, |r| swap(r, "state=", "other="), "state_invalid"),
    ("S1 state twice", "corp", same, |r| r.query += "&state=x", "request_invalid"),
    ("S1 another browser: no cookie", "corp", same, |r| r.headers.clear(), "state_invalid"),
    ("S1 cookie twice", "corp", same, |r| cookie(r, |c| format!("{c}; {c}")), "state_invalid"),
    ("S1 cookie of another login", "corp", same, |r| cookie(r, |c| c.replace(".corp.", ".corq.")), "state_invalid"),
    ("S1 cookie with another ticket", "corp", same, |r| cookie(r, |c| format!("{c}x")), "state_invalid"),
    ("S1 cookie with another secret", "corp", same, |r| cookie(r, |c| c.replace("so1.s1", "so1.s2")), "state_invalid"),
    ("S2 no nonce", "corp", |op| op.claims = json!({ "nonce": null }), back, "nonce_mismatch"),
    ("S2 nonce of another", "corp", |op| op.claims = json!({ "nonce": "n" }), back, "nonce_mismatch"),
    ("S2 nonce of another type", "corp", |op| op.claims = json!({ "nonce": 1 }), back, "nonce_mismatch"),
    ("S3 iss of another", "corp", same, |r| swap(r, "realm", "evil"), "issuer_parameter_mismatch"),
    ("S3 iss with a slash", "corp", same, |r| r.query += "%2F", "issuer_parameter_mismatch"),
    ("S3 no iss where it is advertised", "corp", same, |r| swap(r, "&iss=", "&x="), "issuer_parameter_mismatch"),
    ("S3 iss twice", "corp", same, |r| r.query += "&iss=x", "request_invalid"),
    (
        "S3 iss unasked of another",
        "google",
        same,
        |r| r.query += "&iss=https://evil.example",
        "issuer_parameter_mismatch",
    ),
    ("S3 iss unasked", "google", same, |r| r.query += "&iss=https://accounts.google.com", "ok"),
    ("S3 github without iss", "github", same, |r| swap(r, "&iss=", "&x="), "issuer_parameter_mismatch"),
    ("S4 aud", "corp", |op| op.claims = json!({ "aud": "x" }), back, "id_token_invalid:audience_mismatch"),
    ("S4 no aud", "corp", |op| op.claims = json!({ "aud": null }), back, "id_token_invalid:audience_mismatch"),
    ("S4 aud and others", "corp", |op| op.claims = json!({ "aud": ["cl1", "x"] }), back, "id_token_audience_foreign"),
    ("S4 aud as a list", "corp", |op| op.claims = json!({ "aud": ["cl1"] }), back, "ok"),
    ("S4 azp", "corp", |op| op.claims = json!({ "azp": "x" }), back, "id_token_audience_foreign"),
    ("S4 azp is us", "corp", |op| op.claims = json!({ "azp": "cl1" }), back, "ok"),
    ("S4 alg none", "corp", |op| op.header = json!({ "alg": "none" }), back, "id_token_invalid:alg_not_allowed"),
    ("S4 alg HS256", "corp", |op| op.header = json!({ "alg": "HS256" }), back, "id_token_invalid:alg_not_allowed"),
    (
        "S4 alg not advertised",
        "corp",
        |op| op.header = json!({ "alg": "PS256" }),
        back,
        "id_token_invalid:alg_not_allowed",
    ),
    (
        "S4 alg of another key",
        "corp",
        |op| op.header = json!({ "alg": "ES256" }),
        back,
        "id_token_invalid:alg_key_mismatch",
    ),
    (
        "S4 alg not the preset's",
        "google",
        |op| op.header = json!({ "alg": "RS512" }),
        back,
        "id_token_invalid:alg_not_allowed",
    ),
    ("S4 crit", "corp", |op| op.header = json!({ "crit": ["x"], "x": 1 }), back, "id_token_invalid:crit_unsupported"),
    (
        "S4 iss",
        "corp",
        |op| op.claims = json!({ "iss": "https://evil.example" }),
        back,
        "id_token_invalid:issuer_mismatch",
    ),
    ("S4 iss of google's other name", "google", |op| op.claims = json!({ "iss": "accounts.google.com" }), back, "ok"),
    (
        "S4 iss of no tenant",
        "microsoft",
        |op| op.claims = json!({ "iss": "https://login.microsoftonline.com/evil/v2.0" }),
        back,
        "id_token_invalid:issuer_mismatch",
    ),
    (
        "S4 iss of another tenant",
        "microsoft",
        |op| op.claims = json!({ "tid": "9188040d-6c67-4c5b-b112-36a304b66dad" }),
        back,
        "id_token_invalid:issuer_mismatch",
    ),
    ("S4 no tenant", "microsoft", |op| op.claims = json!({ "tid": null }), back, "id_token_invalid:issuer_mismatch"),
    (
        "S4 persons among organizations",
        "organizations",
        |op| op.claims = json!({ "iss": "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", "tid": "9188040d-6c67-4c5b-b112-36a304b66dad" }),
        back,
        "id_token_invalid:issuer_mismatch",
    ),
    ("S4 expired", "corp", |op| op.claims = json!({ "exp": 1_000 }), back, "id_token_invalid:expired"),
    ("S4 no exp", "corp", |op| op.claims = json!({ "exp": null }), back, "id_token_invalid:claim_missing"),
    ("S4 no iat", "corp", |op| op.claims = json!({ "iat": null }), back, "id_token_invalid:claim_missing"),
    (
        "S4 from the future",
        "corp",
        |op| op.claims = json!({ "iat": 1_900_000_000 }),
        back,
        "id_token_invalid:issued_in_future",
    ),
    ("S4 no sub", "corp", |op| op.claims = json!({ "sub": null }), back, "id_token_invalid:claim_missing"),
    ("S4 sub too long", "corp", |op| op.claims = json!({ "sub": "x".repeat(256) }), back, "subject_invalid"),
    ("S4 at_hash", "corp", |op| op.claims = json!({ "at_hash": "x" }), back, "at_hash_mismatch"),
    ("S4 no at_hash", "corp", |op| op.claims = json!({ "at_hash": null }), back, "ok"),
    ("S4 kid unknown", "corp", |op| op.header = json!({ "kid": "k9" }), back, "id_token_invalid:key_not_found"),
    ("S5 userinfo of another", "corp", |op| op.user = json!({ "sub": "1" }), back, "subject_mismatch"),
    ("S5 userinfo of nobody", "corp", |op| op.user = json!({ "sub": null }), back, "subject_mismatch"),
    ("S7 turned away", "corp", same, |r| swap(r, "code=c0de", "error=access_denied"), "provider_denied"),
    ("S7 another error", "corp", same, |r| swap(r, "code=c0de", "error=server_error"), "provider_error"),
    ("S7 error beside a code", "corp", same, |r| r.query += "&error=x", "provider_error"),
    ("S7 error without state", "corp", same, |r| r.query = "error=access_denied".into(), "state_invalid"),
    ("S7 no code", "corp", same, |r| swap(r, "code=", "c="), "code_invalid"),
    (
        "S8 token endpoint redirects",
        "corp",
        |op| op.instead.get_mut().push(("/token", http(307, "application/json", "{}"))),
        back,
        "provider_redirect_refused",
    ),
    (
        "S8 keys redirect",
        "corp",
        |op| op.instead.get_mut().push(("/keys", http(302, "application/json", "{}"))),
        back,
        "provider_redirect_refused",
    ),
    (
        "S8 userinfo redirects",
        "corp",
        |op| op.instead.get_mut().push(("/userinfo", http(301, "application/json", "{}"))),
        back,
        "provider_redirect_refused",
    ),
    (
        "S8 no answer",
        "corp",
        |op| op.instead.get_mut().push(("/token", Answer::Unavailable)),
        back,
        "provider_unavailable",
    ),
    (
        "S8 too long",
        "corp",
        |op| op.instead.get_mut().push(("/token", http(200, "application/json", &" ".repeat(65_537)))),
        back,
        "provider_answer_too_large",
    ),
    (
        "S8 refused",
        "corp",
        |op| op.instead.get_mut().push(("/token", http(401, "text/html", "no"))),
        back,
        "token_refused",
    ),
    (
        "S8 refused with 200",
        "github",
        |op| {
            op.instead
                .get_mut()
                .push(("/access_token", http(200, "application/json", r#"{"error":"bad_verification_code"}"#)))
        },
        back,
        "token_refused",
    ),
    (
        "S8 broken",
        "corp",
        |op| op.instead.get_mut().push(("/token", http(500, "application/json", "{}"))),
        back,
        "provider_answer_status:500",
    ),
    (
        "S8 created",
        "corp",
        |op| op.instead.get_mut().push(("/token", http(201, "application/json", "{}"))),
        back,
        "provider_answer_status:201",
    ),
    (
        "S8 a page",
        "corp",
        |op| op.instead.get_mut().push(("/token", http(200, "text/html", "{}"))),
        back,
        "provider_answer_invalid",
    ),
    (
        "S8 a form",
        "corp",
        |op| op.instead.get_mut().push(("/token", http(200, "application/x-www-form-urlencoded", "access_token=a"))),
        back,
        "provider_answer_invalid",
    ),
    (
        "S8 members twice",
        "corp",
        |op| {
            op.instead.get_mut().push((
                "/token",
                http(200, "application/json", r#"{"access_token":"a","access_token":"b","token_type":"bearer"}"#),
            ))
        },
        back,
        "provider_answer_invalid",
    ),
    (
        "S8 no bearer",
        "corp",
        |op| {
            op.instead
                .get_mut()
                .push(("/token", http(200, "application/json", r#"{"access_token":"a","token_type":"mac"}"#)))
        },
        back,
        "provider_answer_invalid",
    ),
    (
        "S8 a header inside",
        "corp",
        |op| {
            op.instead.get_mut().push((
                "/token",
                http(200, "application/json", r#"{"access_token":"a\r\nx: y","token_type":"bearer"}"#),
            ))
        },
        back,
        "provider_answer_invalid",
    ),
    (
        "S8 no ID token",
        "corp",
        |op| {
            op.instead
                .get_mut()
                .push(("/token", http(200, "application/json", r#"{"access_token":"a","token_type":"Bearer"}"#)))
        },
        back,
        "id_token_missing",
    ),
    (
        "S8 keys are no keys",
        "corp",
        |op| op.instead.get_mut().push(("/keys", http(200, "application/json", "[]"))),
        back,
        "provider_keys_invalid",
    ),
    (
        "S8 keys are private",
        "corp",
        |op| {
            op.instead.get_mut().push(("/keys", http(200, "application/json", r#"{"keys":[{"kty":"oct","k":"AA"}]}"#)))
        },
        back,
        "provider_keys_invalid",
    ),
    ("S9 code of another", "corp", same, |r| swap(r, "code=c0de", "code=stolen"), "token_refused"),
    ("all is well", "corp", same, back, "ok"),
];

#[test]
fn s1_to_s9_as_a_table() {
    for (row, name, tamper, change, expected) in ROWS {
        let mut op = Op::new();
        tamper(&mut op);
        let outcome = login(&preset(name), &op, change);
        assert_eq!(code(&outcome), *expected, "{row}");
        if let Outcome::Failed(failed) = &outcome {
            assert_eq!(failed.ticket.as_deref(), Some(TICKET), "{row}: back to the login page");
            let page = failed.page();
            assert!(page.header("location").is_none() && page.header("x-frame-options") == Some("DENY"), "{row}");
            assert!(page.header("set-cookie").unwrap().starts_with("__Host-sg_social=; Path=/; Max-Age=0;"), "{row}");
        }
    }
}

#[test]
fn s1_a_transaction_is_used_once_within_its_time_and_by_its_provider() {
    let (social, op) = (social(preset("corp")), Op::new());
    let (_, request) = away(&social, &op, 1);
    let run =
        |request: &HttpRequest, offset: i64| code(&drive(social.callback(request.clone(), at(offset), [0; 64]), &op));
    assert_eq!(run(&request, 600), "state_invalid");
    assert_eq!(run(&request, 599), "ok");
    assert_eq!(run(&request, 5), "state_replayed");
    let (_, other) = away(&social, &op, 2);
    let mixed = HttpRequest { query: other.query.clone(), ..request.clone() };
    assert_eq!(run(&mixed, 5), "state_invalid");
    assert_eq!(run(&HttpRequest { path: "/login/oauth2/code/nobody".into(), ..other.clone() }, 5), "provider_unknown");
    assert_eq!(
        drive(social.handle(HttpRequest { method: "POST".into(), ..other.clone() }, at(5), [0; 64]), &op).status(),
        405
    );

    let both = Social::new(&SERVER, vec![preset("corp"), preset("google")]).unwrap();
    let (_, of_corp) = away(&both, &op, 3);
    let mixed_up = HttpRequest { path: "/login/oauth2/code/google".into(), ..of_corp };
    assert_eq!(code(&drive(both.callback(mixed_up, at(5), [0; 64]), &op)), "state_invalid");
}

trait Status {
    fn status(&self) -> u16;
}

impl Status for Outcome {
    fn status(&self) -> u16 {
        match self {
            Self::Respond(response) => response.status,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn s6_an_address_never_links_unless_both_sides_verified_it_and_the_operator_wants_it() {
    let account = |email_verified| LocalAccount { sub: "u1".into(), email_verified };
    let table = [
        ("google", json!({}), true),
        ("google", json!({ "email_verified": false }), false),
        ("google", json!({ "email_verified": null }), false),
        ("google", json!({ "email_verified": "true" }), false),
        ("google", json!({ "email": "no address" }), false),
        ("google", json!({ "email": null }), false),
        ("apple", json!({ "email_verified": "true" }), true),
        ("apple", json!({ "email_verified": "false" }), false),
        ("apple", json!({ "email_verified": 1 }), false),
        ("microsoft", json!({ "email_verified": true }), false),
        ("facebook", json!({}), false),
        ("github", json!({}), true),
    ];
    for (name, claims, verified) in table {
        let op = Op { claims: claims.clone(), ..Op::new() };
        let login = logged_in(login(&preset(name), &op, |_| {}));
        assert_eq!(login.email_verified, verified, "{name} {claims}");
        for (policy, theirs) in [
            (LinkPolicy::ByIdentity, true),
            (LinkPolicy::ByIdentity, false),
            (LinkPolicy::ByVerifiedEmail, true),
            (LinkPolicy::ByVerifiedEmail, false),
        ] {
            let linked = policy == LinkPolicy::ByVerifiedEmail && verified && theirs;
            let expected = if linked { Linking::Link("u1".into()) } else { Linking::EmailTaken };
            assert_eq!(link(policy, &login, None, Some(&account(theirs))), expected, "{name} {claims} {policy:?}");
            assert_eq!(link(policy, &login, Some("u2"), Some(&account(theirs))), Linking::SignIn("u2".into()));
            assert_eq!(link(policy, &login, None, None), Linking::Create);
        }
    }
}

#[test]
fn s6_an_address_and_its_verification_come_from_one_document() {
    for (user, email, verified) in [
        (json!({ "email": "eve@example.com" }), "eve@example.com", false),
        (json!({ "email": "eve@example.com", "email_verified": true }), "eve@example.com", true),
        (json!({ "email_verified": true }), "ada@example.com", false),
    ] {
        let op = Op { user: user.clone(), claims: json!({ "email_verified": false }), ..Op::new() };
        let login = logged_in(login(&preset("corp"), &op, |_| {}));
        assert_eq!((login.email.as_deref(), login.email_verified), (Some(email), verified), "{user}");
    }
}

#[test]
fn s9_state_nonce_and_verifier_belong_to_one_transaction() {
    let (social, op) = (social(preset("corp")), Op::new());
    let mut seen = std::collections::BTreeSet::new();
    for seed in 1..=3 {
        let (redirect, request) = away(&social, &op, seed);
        let asked = params_of(redirect.header("location").unwrap());
        for name in ["state", "nonce", "code_challenge"] {
            assert!(seen.insert(String::from(asked.get(name).unwrap())), "{name} comes again");
        }
        assert_eq!(code(&drive(social.callback(request, at(1), [0; 64]), &op)), "ok");
        let verifier = op.calls.borrow().iter().rev().find_map(|call| call.body.get("code_verifier").map(String::from));
        assert!(seen.insert(verifier.unwrap()));
    }
    let (_, first) = away(&social, &op, 7);
    away(&social, &op, 8);
    assert_eq!(code(&drive(social.callback(first, at(1), [0; 64]), &op)), "token_refused", "the provider compares");
}

#[test]
fn s10_nothing_but_the_ticket_leads_on() {
    let (social, op) = (social(preset("google")), Op::new());
    let (redirect, mut request) = away(&social, &op, 1);
    assert_eq!(redirect.status, 302);
    let location = redirect.header("location").unwrap();
    assert!(location.starts_with("https://accounts.google.com/o/oauth2/v2/auth?response_type=code&"), "{location}");
    assert!(!location.contains("evil") && !location.contains("tk1"), "{location}");
    assert_eq!(params_of(location).get("redirect_uri"), Some("https://op.example/login/oauth2/code/google"));
    request.query += "&return_to=https://evil.example&redirect_uri=https://evil.example&ticket=other";
    let login = logged_in(drive(social.callback(request, at(1), [0; 64]), &op));
    assert_eq!(login.ticket.as_deref(), Some(TICKET));
    assert!(!login.headers.iter().any(|(name, _)| name == "location"));

    for bad in ["a%20b", "a%0d%0ax", "a;b", "https://evil.example", "a&ticket=b", &"x".repeat(3_601)] {
        let request = get("/oauth2/authorization/google", &format!("ticket={bad}"));
        assert_eq!(code(&drive(social.handle(request, at(0), [1; 64]), &op)), "ticket_invalid", "{bad}");
    }
    let flow = social.handle(get("/oauth2/authorization/evil", ""), at(0), [1; 64]);
    assert_eq!(drive(flow, &op).status(), 404);
    let flow = social.start("google".into(), None, at(0), [1; 64]);
    assert_eq!(drive(flow, &op).status(), 302, "a ticket is not needed");
}
