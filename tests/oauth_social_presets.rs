//! Each provider's happy path and its own ways, the published configuration of any issuer, and what a provider may not be.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[allow(dead_code, reason = "other tests use the rest")]
mod oauth_social_support;
mod oauth_support;

use hmac::{Hmac, KeyInit, Mac};
use oauth_social_support::*;
use oauth_support::{at, config, get};
use proptest::prelude::*;
use scopegate::jwt::{Algorithm, AlgorithmSet};
use scopegate::oauth::social::{drive, *};
use scopegate::oauth::*;
use serde_json::{Value, json};

/// Preset, subject, issuer, whether the address is verified, and the calls on the way.
type SignIn<'s> = (&'s str, &'s str, Option<&'s str>, bool, &'s [&'s str]);

#[test]
fn every_preset_signs_in() {
    let calls: &[SignIn<'_>] = &[
        (
            "google",
            SUB,
            Some("https://accounts.google.com"),
            true,
            &["POST https://oauth2.googleapis.com/token", "GET https://www.googleapis.com/oauth2/v3/certs"],
        ),
        (
            "github",
            "9007199254740993",
            None,
            true,
            &[
                "POST https://github.com/login/oauth/access_token",
                "GET https://api.github.com/user",
                "GET https://api.github.com/user/emails",
            ],
        ),
        (
            "microsoft",
            "72f988bf-86f1-41af-91ab-2d7cd011db47:248289761001",
            Some("https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"),
            false,
            &[
                "POST https://login.microsoftonline.com/common/oauth2/v2.0/token",
                "GET https://login.microsoftonline.com/common/discovery/v2.0/keys",
            ],
        ),
        (
            "tenant",
            SUB,
            Some("https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"),
            false,
            &[
                "POST https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token",
                "GET https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/discovery/v2.0/keys",
            ],
        ),
        (
            "apple",
            SUB,
            Some("https://appleid.apple.com"),
            true,
            &["POST https://appleid.apple.com/auth/token", "GET https://appleid.apple.com/auth/keys"],
        ),
        (
            "gitlab",
            SUB,
            Some("https://gitlab.com"),
            true,
            &[
                "POST https://gitlab.com/oauth/token",
                "GET https://gitlab.com/oauth/discovery/keys",
                "GET https://gitlab.com/oauth/userinfo",
            ],
        ),
        (
            "corp",
            SUB,
            Some(ISSUER),
            true,
            &[
                "GET https://accounts.example/realm/.well-known/openid-configuration",
                "POST https://accounts.example/realm/token",
                "GET https://accounts.example/realm/keys",
                "GET https://accounts.example/realm/userinfo",
            ],
        ),
    ];
    for (name, sub, issuer, verified, urls) in calls {
        let (social, op) = (social(preset(name)), Op::new());
        let (redirect, request) = away(&social, &op, 1);
        op.calls.borrow_mut().clear();
        let login = logged_in(drive(social.callback(request, at(5), [0; 64]), &op));
        assert_eq!((login.provider_sub.as_str(), login.issuer.as_deref()), (*sub, *issuer), "{name}");
        assert_eq!((login.email.as_deref(), login.email_verified), (Some("ada@example.com"), *verified), "{name}");
        assert_eq!(op.urls(), *urls, "{name}");
        let cookie = redirect.header("set-cookie").unwrap();
        let site = if *name == "apple" { "None" } else { "Lax" };
        assert!(cookie.starts_with("__Host-sg_social=so1.s1.") && !cookie.contains("Domain"), "{cookie}");
        assert!(cookie.ends_with(&format!("; Path=/; Max-Age=600; HttpOnly; SameSite={site}; Secure")), "{cookie}");
        for (header, value) in [("cache-control", "no-store"), ("referrer-policy", "no-referrer")] {
            assert_eq!(redirect.header(header), Some(value), "{name}");
        }
        let asked = params_of(redirect.header("location").unwrap());
        assert_eq!(asked.get("code_challenge_method"), Some("S256"), "{name}");
        assert_eq!(asked.get("nonce").is_some(), issuer.is_some(), "{name}");
        let token = op.calls.borrow().iter().find(|call| call.method == "POST").unwrap().clone();
        assert_eq!(token.body.get("grant_type"), Some("authorization_code"), "{name}");
        assert_eq!(token.body.get("redirect_uri"), asked.get("redirect_uri"), "{name}");
        assert_eq!(token.header("accept"), Some("application/json"), "{name}");
        assert!(op.calls.borrow().iter().all(|call| call.header("user-agent").is_some()), "{name}");
    }
}

#[test]
fn github_takes_the_primary_address_only() {
    let list = |entries: Value| Answer::Http(ok(&entries));
    for (answer, email, verified) in [
        (list(json!([{ "email": "a@x.example", "primary": true, "verified": false }])), Some("a@x.example"), false),
        (list(json!([{ "email": "a@x.example", "primary": false, "verified": true }])), None, false),
        (list(json!([{ "email": "a@x.example", "primary": "true", "verified": true }])), None, false),
        (list(json!([])), None, false),
        (Answer::Http(answer(403, "application/json", "{}")), None, false),
    ] {
        let op = Op::new();
        op.instead.borrow_mut().push(("/user/emails", answer));
        let login = logged_in(login(&preset("github"), &op, |_| {}));
        assert_eq!((login.email.as_deref(), login.email_verified), (email, verified));
        assert_eq!(op.call("/user").header("authorization"), Some("Bearer at-1"));
    }
    for (needle, answer, expected) in [
        ("/user/emails", Answer::Http(ok(&json!({}))), "provider_answer_invalid"),
        ("/user/emails", Answer::Http(answer(500, "application/json", "[]")), "provider_answer_status:500"),
        ("com/user", Answer::Http(ok(&json!({ "id": -1 }))), "subject_invalid"),
        ("com/user", Answer::Http(ok(&json!({ "id": 1.5 }))), "subject_invalid"),
        ("com/user", Answer::Http(ok(&json!({ "login": "ada" }))), "subject_invalid"),
        ("com/user", Answer::Http(ok(&json!({ "id": "a\nb" }))), "subject_invalid"),
    ] {
        let op = Op::new();
        op.instead.borrow_mut().push((needle, answer));
        assert_eq!(code(&login(&preset("github"), &op, |_| {})), expected);
    }
}

#[test]
fn apple_posts_a_form_and_takes_a_signed_secret() {
    let op = Op::new();
    let user = "&user=%7B%22name%22%3A%7B%22firstName%22%3A%22Ada%22%2C%22lastName%22%3A%22L.%22%7D%2C%22email%22%3A%22eve%40x.example%22%7D";
    let login_ = logged_in(login(&preset("apple"), &op, |request| request.body.extend(user.bytes())));
    assert_eq!((login_.name.as_deref(), login_.email.as_deref()), (Some("Ada L."), Some("ada@example.com")));
    let token = op.call("/auth/token");
    let jwt: Vec<&str> = token.body.get("client_secret").unwrap().split('.').collect();
    let part = |at: usize| -> Value {
        use base64ct::Encoding;
        serde_json::from_slice(&base64ct::Base64UrlUnpadded::decode_vec(jwt[at]).unwrap()).unwrap()
    };
    assert_eq!(part(0), json!({ "alg": "ES256", "kid": "K1" }));
    let now = at(5).get();
    let claims =
        json!({ "iss": "TEAM", "sub": CLIENT, "aud": "https://appleid.apple.com", "iat": now, "exp": now + 300 });
    assert_eq!((part(1), jwt.len()), (claims, 3));

    let broken = login(&preset("apple"), &Op::new(), |request| request.body.extend(b"&user=%7B"));
    assert_eq!(code(&broken), "ok", "the name is not worth a refusal");
    let as_get = login(&preset("apple"), &Op::new(), |request| request.method = "GET".into());
    assert!(matches!(as_get, Outcome::Respond(HttpResponse { status: 405, .. })));
    let no_form = login(&preset("apple"), &Op::new(), |request| request.headers.retain(|(name, _)| name == "Cookie"));
    assert_eq!(code(&no_form), "request_invalid");
    let made_before = Provider::apple(CLIENT.into(), with_secret(None));
    let op = Op::new();
    assert_eq!(code(&login(&made_before, &op, |_| {})), "ok");
    assert_eq!(op.call("/auth/token").body.get("client_secret"), Some(SECRET));
}

#[test]
fn facebook_proves_the_secret_and_never_verifies() {
    let op = Op::new();
    let login = logged_in(login(&preset("facebook"), &op, |_| {}));
    assert_eq!((login.provider_sub.as_str(), login.email_verified), ("10226", false));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(b"at-1");
    let proof: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let me = op.call("/me?");
    let base = format!("https://graph.facebook.com/{FACEBOOK_GRAPH_VERSION}/me?fields=id,name,email&appsecret_proof=");
    assert_eq!(me.url, base + &proof);
    assert!(op.urls()[0].ends_with("/v24.0/oauth/access_token"));
}

#[test]
fn the_secret_goes_where_it_is_taken() {
    let basic = "Basic Y2wxOnMzY3JldCUyQm9mJTJGb3A=";
    for (credential, published, header, body) in [
        (with_secret(None), json!({}), Some(basic), None),
        (
            with_secret(None),
            json!({ "token_endpoint_auth_methods_supported": ["client_secret_post"] }),
            None,
            Some(SECRET),
        ),
        (with_secret(Some(SecretMethod::Post)), json!({}), None, Some(SECRET)),
        (ClientCredential::Public, json!({}), None, None),
    ] {
        let op = Op { published, ..Op::new() };
        let provider = Provider { credential, ..preset("corp") };
        assert_eq!(code(&login(&provider, &op, |_| {})), "ok");
        let token = op.call("/token");
        assert_eq!((token.header("authorization"), token.body.get("client_secret")), (header, body));
    }
}

#[test]
fn a_published_configuration_is_held_against_its_issuer() {
    for (over, expected) in [
        (json!({ "issuer": "https://evil.example" }), "discovery_issuer_mismatch"),
        (json!({ "issuer": format!("{ISSUER}/") }), "discovery_issuer_mismatch"),
        (json!({ "issuer": null }), "discovery_issuer_mismatch"),
        (json!({ "token_endpoint": null }), "discovery_invalid"),
        (json!({ "token_endpoint": 1 }), "discovery_invalid"),
        (json!({ "token_endpoint": "http://accounts.example/token" }), "discovery_invalid"),
        (json!({ "token_endpoint": "http://127.0.0.1:8080/token" }), "discovery_invalid"),
        (json!({ "token_endpoint": "https://user@accounts.example/token" }), "discovery_invalid"),
        (json!({ "jwks_uri": null }), "discovery_invalid"),
        (json!({ "jwks_uri": "file:///etc/passwd" }), "discovery_invalid"),
        (json!({ "userinfo_endpoint": "https://accounts.example/#x" }), "discovery_invalid"),
        (json!({ "authorization_endpoint": "javascript:alert(1)" }), "discovery_invalid"),
        (json!({ "response_types_supported": ["id_token"] }), "discovery_invalid"),
        (json!({ "id_token_signing_alg_values_supported": ["HS256", "none"] }), "discovery_invalid"),
    ] {
        let op = Op { published: over.clone(), ..Op::new() };
        let social = social(preset("corp"));
        let flow = social.start("corp".into(), Some(TICKET.into()), at(0), [1; 64]);
        assert_eq!(code(&drive(flow, &op)), expected, "{over}");
    }
    for (answer, expected) in [
        (Answer::Unavailable, "provider_unavailable"),
        (Answer::Http(answer(302, "application/json", "{}")), "provider_redirect_refused"),
        (Answer::Http(answer(200, "text/plain", "{}")), "provider_answer_invalid"),
    ] {
        let (op, social) = (Op::new(), social(preset("corp")));
        op.instead.borrow_mut().push((".well-known", answer));
        let outcome = drive(social.start("corp".into(), None, at(0), [1; 64]), &op);
        assert_eq!(code(&outcome), expected);
    }
    let loopback = Provider::oidc("dev", "Dev", "http://127.0.0.1:9000".into(), CLIENT.into(), with_secret(None));
    let published = json!({ "issuer": "http://127.0.0.1:9000", "token_endpoint": "http://127.0.0.1:9000/token" });
    let (op, social) = (Op { published, ..Op::new() }, social(loopback));
    let outcome = drive(social.start("dev".into(), None, at(0), [1; 64]), &op);
    assert!(matches!(outcome, Outcome::Respond(HttpResponse { status: 302, .. })));
}

#[test]
fn an_unknown_key_is_asked_for_once_more_past_the_cache() {
    let op = Op::new();
    op.instead.borrow_mut().push(("/keys", Answer::Http(answer(200, "application/json", r#"{"keys":[]}"#))));
    assert_eq!(code(&login(&preset("corp"), &op, |_| {})), "ok");
    let keys: Vec<_> = op.calls.borrow().iter().filter(|call| call.url.ends_with("/keys")).cloned().collect();
    assert_eq!(keys.iter().map(|call| call.header("cache-control")).collect::<Vec<_>>(), [None, Some("no-cache")]);
    let op = Op { header: json!({ "kid": "k9" }), ..Op::new() };
    assert_eq!(code(&login(&preset("corp"), &op, |_| {})), "id_token_invalid:key_not_found");
    assert_eq!(op.urls().iter().filter(|url| url.ends_with("/keys")).count(), 2, "one refetch");
}

#[test]
fn a_key_of_many_tenants_may_be_of_one() {
    for (issuer, expected) in [
        (json!("https://login.microsoftonline.com/{tenantid}/v2.0"), "ok"),
        (json!(format!("https://login.microsoftonline.com/{TENANT}/v2.0")), "ok"),
        (
            json!("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"),
            "id_token_invalid:key_not_found",
        ),
        (json!(1), "id_token_invalid:key_not_found"),
    ] {
        let op = Op::new();
        let mut set: Value = serde_json::from_str(&op.jwks).unwrap();
        set["keys"][0]["issuer"] = issuer.clone();
        op.instead.borrow_mut().push(("/keys", Answer::Http(ok(&set))));
        assert_eq!(code(&login(&preset("microsoft"), &op, |_| {})), expected, "{issuer}");
    }
}

#[test]
fn a_host_that_cannot_is_no_refusal() {
    let social = social(preset("corp"));
    let (_, request) = away(&social, &Op::new(), 1);
    let mut flow = social.callback(request, at(1), [0; 64]);
    assert!(matches!(flow.step(), Step::Need(Need::PutOnce { space: "social", .. })));
    flow.answer(Answer::Unavailable);
    let Step::Done(outcome) = flow.step() else { panic!("over") };
    assert_eq!(code(&outcome), "temporarily_unavailable");
    let Outcome::Failed(failed) = outcome else { panic!("failed") };
    assert_eq!(failed.page().status, 503);
}

#[test]
fn a_provider_that_will_not_do_is_named() {
    let endpoints = |change: fn(&mut Endpoints)| {
        let mut provider = preset("google");
        let Source::Fixed(endpoints) = &mut provider.source else { panic!("fixed") };
        change(endpoints);
        provider
    };
    let google = || preset("google");
    let table: Vec<(Provider, &str)> = vec![
        (Provider { id: "Google".into(), ..google() }, "provider_id_invalid"),
        (Provider { id: "a/b".into(), ..google() }, "provider_id_invalid"),
        (Provider { id: String::new(), ..google() }, "provider_id_invalid"),
        (Provider { client_id: String::new(), ..google() }, "client_id_invalid"),
        (Provider { client_id: "a b".into(), ..google() }, "client_id_invalid"),
        (Provider::google(CLIENT.into(), ClientSecret::new(String::new())), "credential_invalid"),
        (Provider::google(CLIENT.into(), ClientSecret::new("a\n".into())), "credential_invalid"),
        (Provider::apple(CLIENT.into(), Provider::apple_credential("K".into(), String::new())), "credential_invalid"),
        (Provider { credential: ClientCredential::Public, ..preset("facebook") }, "secret_missing"),
        (Provider { scopes: vec![], ..google() }, "scope_invalid"),
        (Provider { scopes: vec!["open id".into()], ..google() }, "scope_invalid"),
        (Provider { scopes: vec!["email".into()], ..google() }, "openid_scope_missing"),
        (Provider { parameters: vec![("state".into(), "x".into())], ..google() }, "parameter_reserved"),
        (Provider { algorithms: AlgorithmSet::default(), ..google() }, "algorithms_invalid"),
        (Provider { algorithms: AlgorithmSet::default().with(Algorithm::Hs256), ..google() }, "algorithms_invalid"),
        (Provider { email_trust: EmailTrust::PrimaryOfList, ..google() }, "email_trust_invalid"),
        (Provider { protocol: Protocol::OAuth2, ..preset("corp") }, "endpoint_invalid"),
        (endpoints(|e| e.token = "http://oauth2.googleapis.com/token".into()), "endpoint_invalid"),
        (endpoints(|e| e.token = "ftp://x".into()), "endpoint_invalid"),
        (endpoints(|e| e.jwks = None), "endpoint_invalid"),
        (endpoints(|e| e.issuer = Issuer::Exact(vec![])), "issuer_invalid"),
        (Provider::microsoft(CLIENT.into(), secret(), "contoso.com"), "issuer_invalid"),
        (Provider::gitlab(CLIENT.into(), secret(), "http://gitlab.internal"), "endpoint_invalid"),
        (Provider::facebook(CLIENT.into(), secret(), "v 24"), "endpoint_invalid"),
        (Provider::oidc("x", "X", "https://a.example/?x".into(), CLIENT.into(), with_secret(None)), "issuer_invalid"),
        (Provider::oidc("x", "X", "http://a.example".into(), CLIENT.into(), with_secret(None)), "issuer_invalid"),
    ];
    for (provider, expected) in table {
        let id = provider.id.clone();
        let error = Social::new(&SERVER, vec![preset("github"), provider]).unwrap_err();
        assert_eq!((error.fault.code(), error.provider.as_str()), (expected, id.as_str()));
    }
    let twice = Social::new(&SERVER, vec![preset("google"), preset("google")]).unwrap_err();
    assert_eq!(twice.to_string(), "\"google\": provider_id_repeated");

    let key = oauth_support::signing_key("k1", KeyStatus::Active, 0);
    let caps = StoreCaps { cas: true, read_your_writes: true, put_once: true };
    let local = Config { issuer: "http://127.0.0.1:8080/as".into(), ..config(10) };
    let local = Server::new(local, SigningKeys { keys: vec![key] }, caps).unwrap();
    assert_eq!(Social::new(&local, vec![preset("apple")]).unwrap_err().fault.code(), "form_post_needs_https");
    let social = Social::new(&local, vec![preset("google")]).unwrap();
    assert_eq!(social.redirect_uri("google"), "http://127.0.0.1:8080/as/login/oauth2/code/google");
    assert_eq!(social.start_path("google"), "/as/oauth2/authorization/google");
    assert!(social.is_path("/as/login/oauth2/code/google") && !social.is_path("/login/oauth2/code/google"));
    let start = sent(drive(social.handle(get("/as/oauth2/authorization/google", ""), at(0), [1; 64]), &Op::new()));
    let cookie = start.header("set-cookie").unwrap();
    assert!(cookie.starts_with("sg_social=") && cookie.ends_with("SameSite=Lax"), "{cookie}");
}

proptest! {
    #[test]
    fn no_answer_at_random_panics_or_logs_in(
        query in "([a-z]{0,9}(=[ -~]{0,40})?&?){0,8}",
        cookies in "[ -~]{0,200}",
        genuine in 0..3_u8,
    ) {
        let (social, op) = (social(preset("corp")), Op::new());
        let (_, real) = away(&social, &op, 1);
        let mut request = HttpRequest { query: query.clone(), ..real.clone() };
        match genuine {
            0 => {}
            1 => {
                request.query = real.query.clone();
                request.headers = vec![("cookie".into(), cookies)];
            }
            _ => request.headers = vec![("cookie".into(), format!("__Host-sg_social={cookies}"))],
        }
        let outcome = drive(social.handle(request, at(1), [0; 64]), &op);
        prop_assert!(!matches!(outcome, Outcome::LoggedIn(_)));
    }

    #[test]
    fn no_provider_at_random_panics_or_logs_in(status in 200..600_u16, kind in "(application/json|[ -~]{0,20})", body in "(\\{\"[a-z_]{0,12}\":[ -~]{0,30}\\}|[ -~]{0,60})", at_ in 0..4_usize) {
        let op = Op::new();
        let needle = [".well-known", "/token", "/keys", "/userinfo"][at_];
        let bad = || Answer::Http(answer(status, &kind, &body));
        op.instead.borrow_mut().extend([(needle, bad()), (needle, bad())]);
        let social = social(preset("corp"));
        let flow = social.start("corp".into(), None, at(0), [1; 64]);
        let outcome = if at_ == 0 { drive(flow, &op) } else { login(&preset("corp"), &op, |_| {}) };
        prop_assert!(matches!(outcome, Outcome::Failed(_)));
    }
}
