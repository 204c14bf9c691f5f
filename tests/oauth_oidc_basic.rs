//! The modules of the OpenID Basic OP and Config test plans, and the rotation of keys of the Dynamic plan, each under its module's name.
//! They are ports of what the modules look at, run on this implementation alone; nothing here is a certification.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod oauth_support;

use base64ct::{Base64UrlUnpadded, Encoding};
use oauth_support::op::Op;
use oauth_support::*;
use scopegate::jwt::jwk::KeySet;
use scopegate::oauth::*;
use serde_json::{Value, json as value};

fn error(response: &HttpResponse) -> String {
    format!("{} {}", response.status, text(&json(response), "error"))
}

#[test]
fn oidcc_server() {
    let body = Op::new().tokens(&[]);
    assert_eq!((text(&body, "token_type"), text(&body, "scope")), ("Bearer", "openid"));
}

#[test]
fn oidcc_response_type_missing() {
    assert_eq!(Op::new().refused(&["-response_type"]), "invalid_request");
}

#[test]
fn oidcc_idtoken_signature() {
    let op = Op::new();
    let body = op.tokens(&[]);
    let (signed, signature) = text(&body, "id_token").rsplit_once('.').unwrap();
    assert_eq!(signature.len(), 342, "RSA of 2048 bits");
    let header: Value =
        serde_json::from_slice(&Base64UrlUnpadded::decode_vec(signed.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header, value!({ "alg": "RS256", "kid": "k1", "typ": "JWT" }));
}

/// The module runs where a server offers `none`: this one does not, and signs.
#[test]
fn oidcc_idtoken_unsigned() {
    let op = Op::new();
    let document = json(&op.send(get("/.well-known/openid-configuration", "")));
    assert_eq!(document["id_token_signing_alg_values_supported"], value!(["RS256"]));
    assert!(!text(&op.tokens(&[]), "id_token").ends_with('.'));
}

#[test]
fn oidcc_userinfo_get() {
    let op = Op::new();
    assert_eq!(op.claims("openid"), value!({ "sub": "u1" }));
}

#[test]
fn oidcc_userinfo_post_header() {
    let op = Op::new();
    let body = op.tokens(&[]);
    assert_eq!(json(&op.send(bearer(post("/userinfo", ""), text(&body, "access_token"))))["sub"], "u1");
}

#[test]
fn oidcc_userinfo_post_body() {
    let op = Op::new();
    let body = op.tokens(&[]);
    let answer = op.send(post("/userinfo", &format!("access_token={}", text(&body, "access_token"))));
    assert_eq!(json(&answer)["sub"], "u1");
}

#[test]
fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
    Op::new().tokens(&["-nonce"]);
}

/// The claims that a scope must give and those it may not.
fn scope(scope: &str, given: &[&str]) {
    let all = [
        "name",
        "preferred_username",
        "zoneinfo",
        "email",
        "email_verified",
        "address",
        "phone_number",
        "phone_number_verified",
    ];
    let claims = Op::new().claims(scope);
    for name in all {
        assert_eq!(!claims[name].is_null(), given.contains(&name), "{scope}: {name}");
    }
    assert_eq!(claims["sub"], "u1");
}

#[test]
fn oidcc_scope_profile() {
    scope("openid%20profile", &["name", "preferred_username", "zoneinfo"]);
}

#[test]
fn oidcc_scope_email() {
    scope("openid%20email", &["email", "email_verified"]);
}

#[test]
fn oidcc_scope_address() {
    scope("openid%20address", &["address"]);
}

#[test]
fn oidcc_scope_phone() {
    scope("openid%20phone", &["phone_number", "phone_number_verified"]);
}

#[test]
fn oidcc_scope_all() {
    let all = [
        "name",
        "preferred_username",
        "zoneinfo",
        "email",
        "email_verified",
        "address",
        "phone_number",
        "phone_number_verified",
    ];
    scope("openid%20profile%20email%20address%20phone", &all);
}

#[test]
fn oidcc_ensure_other_scope_order_succeeds() {
    scope("email%20openid", &["email", "email_verified"]);
}

/// Two authorizations of one user and client stand beside each other.
#[test]
fn oidcc_alternate_happy_flow() {
    let op = Op::new();
    let (first, second) = (op.tokens(&[]), op.tokens(&["state=other"]));
    assert_ne!(first["access_token"], second["access_token"]);
    for body in [&first, &second] {
        assert_eq!(op.userinfo(text(body, "access_token"))["sub"], "u1");
    }
}

#[test]
fn oidcc_display_page() {
    Op::new().tokens(&["display=page"]);
}

#[test]
fn oidcc_display_popup() {
    Op::new().tokens(&["display=popup"]);
}

#[test]
fn oidcc_prompt_login() {
    let op = Op::new();
    let first = claims_of(text(&op.tokens(&[]), "id_token"));
    op.clock.set(2);
    let second = claims_of(text(&op.tokens(&["prompt=login"]), "id_token"));
    assert_eq!((&first["auth_time"], &second["auth_time"]), (&NOW.into(), &(NOW + 2).into()));
    assert_eq!(first["sub"], second["sub"]);
}

#[test]
fn oidcc_prompt_none_not_logged_in() {
    assert_eq!(Op::new().refused(&["prompt=none"]), "login_required");
}

#[test]
fn oidcc_prompt_none_logged_in() {
    let op = Op::new();
    let first = claims_of(text(&op.tokens(&[]), "id_token"));
    op.clock.set(5);
    let second = claims_of(text(&op.tokens(&["prompt=none"]), "id_token"));
    assert_eq!((&first["sub"], &first["auth_time"]), (&second["sub"], &second["auth_time"]));
}

#[test]
fn oidcc_max_age_1() {
    let op = Op::new();
    op.tokens(&[]);
    op.clock.set(3);
    let claims = claims_of(text(&op.tokens(&["max_age=1"]), "id_token"));
    assert_eq!(claims["auth_time"], NOW + 3, "the user signed in again");
}

#[test]
fn oidcc_max_age_10000() {
    let op = Op::new();
    op.tokens(&[]);
    op.clock.set(3);
    let claims = claims_of(text(&op.tokens(&["max_age=10000"]), "id_token"));
    assert_eq!(claims["auth_time"], NOW, "the user did not sign in again");
}

#[test]
fn oidcc_ensure_request_with_unknown_parameter_succeeds() {
    Op::new().tokens(&["extra=foobar"]);
}

#[test]
fn oidcc_id_token_hint() {
    let op = Op::new();
    let hint = text(&op.tokens(&[]), "id_token").to_owned();
    let second = claims_of(text(&op.tokens(&["prompt=none", &format!("id_token_hint={hint}")]), "id_token"));
    assert_eq!(claims_of(&hint)["sub"], second["sub"]);
}

/// What is only handed on to the host's page arrives there.
fn handed_on(parameter: &str, read: fn(&Ask) -> Option<String>) {
    let op = Op::new();
    op.tokens(&[parameter]);
    let page =
        interact(ask(&op.server, &op.store, get("/oauth2/authorize", &query_edited("web", &[parameter])), 0, 200));
    assert_eq!(read(&page.ask).as_deref(), parameter.split_once('=').map(|(_, value)| value));
}

#[test]
fn oidcc_login_hint() {
    handed_on("login_hint=buffy", |ask| match ask {
        Ask::Login { login_hint, .. } => login_hint.clone(),
        Ask::Consent { .. } => None,
    });
}

#[test]
fn oidcc_ui_locales() {
    handed_on("ui_locales=se", |ask| match ask {
        Ask::Login { ui_locales, .. } => ui_locales.clone(),
        Ask::Consent { .. } => None,
    });
}

#[test]
fn oidcc_claims_locales() {
    Op::new().tokens(&["claims_locales=se"]);
}

#[test]
fn oidcc_ensure_request_with_acr_values_succeeds() {
    handed_on("acr_values=1", |ask| match ask {
        Ask::Login { acr_values, .. } => acr_values.clone(),
        Ask::Consent { .. } => None,
    });
}

fn code_reuse(seconds: i64) {
    let op = Op::new();
    let code = op.code(&[]);
    let body = json(&op.redeem(&code));
    op.clock.set(seconds);
    assert_eq!(error(&op.redeem(&code)), "400 invalid_grant");
    let answer = op.send(bearer(get("/userinfo", ""), text(&body, "access_token")));
    assert_eq!(error(&answer), "401 invalid_token", "what the first redemption gave is dead");
}

#[test]
fn oidcc_codereuse() {
    code_reuse(0);
}

#[test]
fn oidcc_codereuse_30seconds() {
    code_reuse(31);
}

#[test]
fn oidcc_ensure_registered_redirect_uri() {
    let answer = Op::new().authorize(&["redirect_uri=https://web.example/cb/foobar"]);
    assert_eq!((answer.status, answer.header("location")), (400, None));
}

#[test]
fn oidcc_ensure_post_request_succeeds() {
    let op = Op::new();
    let answer = op.browse(post("/oauth2/authorize", &query_edited("web", &["scope=openid"])));
    let code = answer_of(&answer).get("code").unwrap().to_owned();
    op.check_id_token(&json(&op.redeem(&code)), Some("n1"));
}

#[test]
fn oidcc_server_client_secret_post() {
    let op = Op::new();
    let answer = op.browse(get("/oauth2/authorize", &query_edited("post", &["scope=openid"])));
    let code = answer_of(&answer).get("code").unwrap().to_owned();
    let form = format!(
        "grant_type=authorization_code&code={code}&code_verifier={VERIFIER}&client_id=post&client_secret=s3cret%2Bof%3Aweb%20%25\
         &redirect_uri=https://post.example/cb"
    );
    let answer = op.send(post("/oauth2/token", &form));
    assert_eq!((answer.status, text(&claims_of(text(&json(&answer), "id_token")), "aud")), (200, "post"));
}

#[test]
fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported() {
    assert_eq!(Op::new().refused(&["request_uri=https://web.example/request.jwt"]), "request_uri_not_supported");
}

/// An unsigned request object, as the suite makes it.
fn request_object(claims: &Value) -> String {
    let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    format!("request={}.{}.", part(&value!({ "alg": "none" })), part(claims))
}

#[test]
fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported() {
    let object = request_object(&value!({ "nonce": "other", "state": "other" }));
    assert_eq!(Op::new().refused(&[&object]), "request_not_supported");
}

#[test]
fn oidcc_claims_essential() {
    let claims = "claims=%7B%22userinfo%22%3A%7B%22name%22%3A%7B%22essential%22%3Atrue%7D%7D%7D";
    Op::new().tokens(&[claims]);
}

/// A redirect URI inside a request object is never gone to.
#[test]
fn oidcc_ensure_request_object_with_redirect_uri() {
    let object = request_object(&value!({ "redirect_uri": "https://evil.example/cb" }));
    let answer = Op::new().authorize(&[&object]);
    assert!(answer.header("location").unwrap().starts_with("https://web.example/cb?error=request_not_supported"));
}

#[test]
fn oidcc_refresh_token() {
    let op = Op::new();
    let body = op.tokens(&[]);
    op.clock.set(5);
    let form = format!("grant_type=refresh_token&refresh_token={}", text(&body, "refresh_token"));
    let answer = op.send(basic(post("/oauth2/token", &form), "web", SECRET));
    let next = json(&answer);
    assert_eq!(answer.status, 200);
    assert_ne!(body["access_token"], next["access_token"]);
    assert_ne!(body["refresh_token"], next["refresh_token"]);
    assert_eq!(op.userinfo(text(&next, "access_token"))["sub"], "u1");
    // Another client may not.
    let stolen = format!("grant_type=refresh_token&refresh_token={}", text(&next, "refresh_token"));
    assert_eq!(error(&op.send(basic(post("/oauth2/token", &stolen), "first", SECRET))), "400 invalid_grant");
}

#[test]
fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    Op::new().tokens(&["code_challenge_method=S256", &format!("code_challenge={CHALLENGE}")]);
}

#[test]
fn oidcc_discovery_endpoint_verification() {
    let op = Op::new();
    let answer = op.send(get("/.well-known/openid-configuration", ""));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let document = json(&answer);
    assert_eq!(text(&document, "issuer"), "https://op.example");
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "revocation_endpoint",
        "introspection_endpoint",
    ] {
        assert!(text(&document, name).starts_with("https://op.example/"), "{name}");
    }
    for (name, needed) in [
        ("response_types_supported", "code"),
        ("subject_types_supported", "public"),
        ("id_token_signing_alg_values_supported", "RS256"),
        ("scopes_supported", "openid"),
        ("token_endpoint_auth_methods_supported", "client_secret_basic"),
        ("claims_supported", "sub"),
    ] {
        assert!(document[name].as_array().unwrap().contains(&needed.into()), "{name}");
    }
    assert_eq!(document["request_uri_parameter_supported"], false);
    assert!(document["registration_endpoint"].is_null());
    assert_eq!(KeySet::parse(&op.jwks()).unwrap().keys().len(), 1);
}

#[test]
fn oidcc_server_rotate_keys() {
    let mut op = Op::new();
    let before = op.jwks();
    let old = op.tokens(&[]);
    let policy = RotationPolicy { active_for: 1, publish_ahead: 300, retire_for: 1_200 };
    let keys = SigningKeys { keys: vec![signing_key("k1", KeyStatus::Active, -400)] };
    let keys = keys.rotate(at(-400), &policy, Some(signing_key("k2", KeyStatus::Next, 0))).rotate(at(0), &policy, None);
    op.server = op.server.with_keys(keys).unwrap();
    assert_ne!(before, op.jwks());
    let new = op.tokens(&[]);
    let kid = |body: &Value| {
        let header = text(body, "id_token").split('.').next().unwrap();
        serde_json::from_slice::<Value>(&Base64UrlUnpadded::decode_vec(header).unwrap()).unwrap()["kid"].clone()
    };
    assert_eq!((kid(&old), kid(&new)), ("k1".into(), "k2".into()));
    op.check_id_token(&old, Some("n1"));
    assert_eq!(op.userinfo(text(&old, "access_token"))["sub"], "u1");
}
