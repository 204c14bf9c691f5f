//! The way that is meant: from the request to tokens and what they open, and the end of it all.

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate_server::oauth::hash_password;
use scopegate_server::oauth::users::{self, User};
use scopegate_stores::GrantStore;
use serde_json::{Value, json};

use super::browser::{Browser, authorize};
use super::site::{CALLBACK, DASHBOARD, PASSWORD, REPORTS, SUBJECT, USER, start};

pub fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(part).unwrap()).unwrap()
}

#[test]
fn from_the_request_to_tokens_and_what_they_open() {
    let site = start();
    let mut browser = Browser::of(&site);
    let login = browser.authorize(DASHBOARD, &[]);
    assert_eq!(login.status, 200, "{login:?}");
    let consent = browser.sign_in(&login, "ADA", PASSWORD);
    assert_eq!(consent.status, 200, "{consent:?}");
    assert!(consent.body.contains("Sign in as the user") && consent.body.contains("127.0.0.1"), "{consent:?}");
    let back = browser.decide(&consent, "allow");
    assert_eq!((back.status, back.header("referrer-policy").as_deref()), (303, Some("no-referrer")), "{back:?}");
    assert!(back.header("location").unwrap().starts_with(&format!("{CALLBACK}?code=ac1.")));
    assert_eq!(back.sent("state").as_deref(), Some("a%20b"));
    let tokens = site.redeem(DASHBOARD, &back.sent("code").unwrap());
    assert_eq!((tokens.status, tokens.header("cache-control").as_deref()), (200, Some("no-store")), "{tokens:?}");
    let tokens = tokens.json();
    let (access, id) = (tokens["access_token"].as_str().unwrap(), tokens["id_token"].as_str().unwrap());
    assert_eq!((part(access, 0)["typ"].as_str(), part(access, 0)["alg"].as_str()), (Some("at+jwt"), Some("RS256")));
    let claims = part(access, 1);
    for (claim, value) in [("iss", &*site.issuer), ("aud", &site.issuer), ("sub", SUBJECT), ("client_id", DASHBOARD)] {
        assert_eq!(claims[claim], value, "{claim}");
    }
    let claims = part(id, 1);
    for (claim, value) in [
        ("aud", json!(DASHBOARD)),
        ("nonce", json!("n-1")),
        ("amr", json!(["pwd"])),
        ("name", json!("Ada & Co")),
        ("preferred_username", json!(USER)),
        ("email", json!("ada@jobiflow.example")),
        ("email_verified", json!(false)),
    ] {
        assert_eq!(claims[claim], value, "{claim}");
    }
    let user = site.with_token("GET", "/userinfo", access);
    assert_eq!((user.status, user.text("sub"), user.text("name")), (200, SUBJECT.into(), "Ada & Co".into()));
    assert_eq!(site.with_token("GET", "/settings/api-keys", access).status, 200);
    let refreshed = site.refresh(DASHBOARD, tokens["refresh_token"].as_str().unwrap());
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    assert_eq!(site.with_token("GET", "/settings/api-keys", &refreshed.text("access_token")).status, 200);
}

#[test]
fn a_session_answers_for_its_user_and_an_approval_is_asked_for_once() {
    let site = start();
    let mut browser = Browser::of(&site);
    assert_eq!(browser.authorize(DASHBOARD, &[("prompt", "none")]).sent("error").as_deref(), Some("login_required"));
    browser.code(DASHBOARD, &[]);
    assert!(browser.authorize(DASHBOARD, &[]).sent("code").is_some(), "neither page is shown again");
    assert!(browser.authorize(DASHBOARD, &[("prompt", "none")]).sent("code").is_some());
    let other = browser.authorize(REPORTS, &[("prompt", "none")]);
    assert_eq!(other.sent("error").as_deref(), Some("consent_required"));
    for (more, shown) in [
        (&[("prompt", "login")][..], "name=\"password\""),
        (&[("max_age", "0")], "name=\"password\""),
        (&[("prompt", "select_account")], "name=\"password\""),
        (&[("prompt", "consent")], "value=\"allow\""),
        (&[("scope", "openid offline_access")], "value=\"allow\""),
    ] {
        let page = browser.authorize(DASHBOARD, more);
        assert!(page.status == 200 && page.body.contains(shown), "{more:?}: {page:?}");
    }
    site.pass(100);
    let page = browser.authorize(DASHBOARD, &[("max_age", "99")]);
    assert!(page.body.contains("name=\"password\""), "{page:?}");
    assert!(browser.sign_in(&page, USER, PASSWORD).sent("code").is_some());
    assert!(browser.authorize(DASHBOARD, &[("max_age", "99")]).sent("code").is_some());
    site.pass(3_600);
    assert!(browser.authorize(DASHBOARD, &[]).body.contains("name=\"password\""), "a session ends");
}

#[test]
fn whoever_turns_away_is_sent_back_with_a_word() {
    let site = start();
    let mut browser = Browser::of(&site);
    let page = browser.authorize(DASHBOARD, &[]);
    let ticket = page.field("ticket");
    let cancelled = browser.go("POST", "/login", &[("ticket", &ticket), ("decision", "cancel")]);
    assert_eq!(cancelled.sent("error").as_deref(), Some("access_denied"), "{cancelled:?}");
    let page = browser.authorize(DASHBOARD, &[]);
    let consent = browser.sign_in(&page, USER, PASSWORD);
    let denied = browser.decide(&consent, "deny");
    assert_eq!(denied.sent("error").as_deref(), Some("access_denied"), "{denied:?}");
}

#[test]
fn a_logout_ends_every_session_and_every_grant() {
    let site = start();
    let (mut here, mut there) = (Browser::of(&site), Browser::of(&site));
    let code = here.code(DASHBOARD, &[]);
    let tokens = site.redeem(DASHBOARD, &code).json();
    there.code(DASHBOARD, &[]);
    let page = here.go("GET", "/logout", &[]);
    let token = page.field("token");
    assert_eq!(here.go("POST", "/logout", &[("token", "AAAA")]).status, 400, "a form of another site");
    assert_eq!(here.go("POST", "/logout", &[]).status, 400);
    let kept = here.cookies.clone();
    let out = here.go("POST", "/logout", &[("token", &token)]);
    assert!(out.status == 200 && !here.cookies.contains_key("sg_session"), "{out:?}");
    here.cookies = kept;
    for browser in [&mut here, &mut there] {
        assert!(browser.authorize(DASHBOARD, &[]).body.contains("name=\"password\""));
    }
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(site.refresh(DASHBOARD, tokens["refresh_token"].as_str().unwrap()).text("error"), "invalid_grant");
    assert_eq!(site.with_token("GET", "/userinfo", access).status, 401);
    assert_eq!(site.with_token("GET", "/settings/api-keys", access).status, 401);
}

#[test]
fn nobody_approves_for_whoever_sat_there_before() {
    let site = start();
    let other = User::new("company-2".into(), "bob".into(), Some(hash_password(PASSWORD).unwrap()));
    site.run(users::add(&*site.app.store, &other)).unwrap();
    let mut browser = Browser::of(&site);
    let page = browser.authorize(REPORTS, &[]);
    let first = browser.sign_in(&page, USER, PASSWORD);
    assert!(first.body.contains("value=\"allow\""), "{first:?}");
    let page = browser.authorize(REPORTS, &[("prompt", "login")]);
    let second = browser.sign_in(&page, "bob", PASSWORD);
    let answer = browser.decide(&first, "allow");
    assert!(answer.status == 400 && answer.header("location").is_none(), "{answer:?}");
    assert!(answer.body.contains("ticket_of_another_user"), "{answer:?}");
    assert_eq!(site.run(site.app.store.grants_of(SUBJECT, None, 10)).unwrap(), Vec::<String>::new());
    assert!(browser.decide(&second, "allow").sent("code").is_some());
}

#[test]
fn a_request_by_form_is_taken_like_one_by_link() {
    let site = start();
    let target = authorize(DASHBOARD, &[]);
    let (path, query) = target.split_once('?').unwrap();
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let page = site.send("POST", path, &headers, query);
    assert!(page.status == 200 && page.body.contains("name=\"password\""), "{page:?}");
}
