//! What is refused: passwords, forms of others, tickets of others, and tokens where they open nothing.

use scopegate_server::store::AnyStore;
use scopegate_stores::SqliteStore;
use serde_json::json;

use super::browser::{Answer, Browser, authorize, form};
use super::site::{DASHBOARD, Options, PASSWORD, REPORTS, STRANGER, SUBJECT, USER, start, start_with};

fn is_page(answer: &Answer, status: u16) -> bool {
    answer.status == status && answer.header("content-type").as_deref() == Some("text/html; charset=utf-8")
}

#[test]
fn a_wrong_password_and_an_unknown_name_look_alike_and_nobody_is_signed_in() {
    let site = start();
    let told = |name: &str, password: &str| {
        let mut browser = Browser::of(&site);
        let page = browser.authorize(DASHBOARD, &[]);
        let answer = browser.sign_in(&page, name, password);
        assert!(is_page(&answer, 400), "{name}: {answer:?}");
        assert!(answer.body.contains("aria-describedby=\"error\"") && answer.body.contains("role=\"alert\""));
        assert!(!browser.cookies.contains_key("sg_session") && !answer.body.contains(password));
        let ticket = answer.field("ticket");
        answer.body.replace(&ticket, "TICKET").replace(name, "NAME")
    };
    let wrong = told(USER, "wrong password 1");
    for (name, password) in [("nobody", "wrong password 2"), ("a:b", PASSWORD), ("nobody-else", PASSWORD)] {
        assert_eq!(told(name, password), wrong, "{name}");
    }
}

#[test]
fn after_ten_failures_the_right_password_waits_as_well_and_so_does_a_name_of_nobody() {
    let site = start();
    for name in [USER, "nobody"] {
        let mut browser = Browser::of(&site);
        let page = browser.authorize(DASHBOARD, &[]);
        for _ in 0..10 {
            assert_eq!(browser.sign_in(&page, name, "wrong password").status, 400);
        }
        let answer = browser.sign_in(&page, name, PASSWORD);
        assert!(is_page(&answer, 429), "{answer:?}");
        assert_eq!(answer.header("retry-after").as_deref(), Some("60"));
        site.pass(300);
    }
    let mut browser = Browser::of(&site);
    let page = browser.authorize(DASHBOARD, &[]);
    assert_eq!(browser.sign_in(&page, USER, PASSWORD).status, 200);
    let counted = site.app.metrics.render();
    for (outcome, count) in [("accepted", 1), ("refused", 20), ("throttled", 2)] {
        let line = format!("scopegate_sign_ins_total{{outcome=\"{outcome}\"}} {count}");
        assert!(counted.contains(&line), "{line}: {counted}");
    }
}

#[test]
fn a_ticket_is_good_once_in_its_own_browser_for_a_while_and_unchanged() {
    let site = start();
    let mut mine = Browser::of(&site);
    let page = mine.authorize(DASHBOARD, &[]);
    let mut foreign = Browser::of(&site);
    foreign.authorize(DASHBOARD, &[]);
    for mut browser in [Browser::of(&site), foreign] {
        let answer = browser.sign_in(&page, USER, PASSWORD);
        assert!(is_page(&answer, 400) && !browser.cookies.contains_key("sg_session"), "a login forged: {answer:?}");
    }
    let consent = mine.sign_in(&page, USER, PASSWORD);
    let replayed = mine.sign_in(&page, USER, PASSWORD);
    assert!(is_page(&replayed, 400), "{replayed:?}");
    let mut foreign = Browser::of(&site);
    foreign.code(DASHBOARD, &[]);
    assert!(is_page(&foreign.decide(&consent, "allow"), 400), "an approval forged");
    let ticket = consent.field("ticket").replace("tk1.", "tk1.x");
    assert!(is_page(&mine.go("POST", "/consent", &[("ticket", &ticket), ("decision", "allow")]), 400));
    let wider = [("ticket", &*consent.field("ticket")), ("scope", "openid offline_access"), ("decision", "allow")];
    assert!(is_page(&mine.go("POST", "/consent", &wider), 400), "more than was asked");
    let page = mine.authorize(DASHBOARD, &[("prompt", "login")]);
    site.pass(601);
    assert!(is_page(&mine.sign_in(&page, USER, PASSWORD), 400), "too late");
}

#[test]
fn only_a_first_party_token_of_the_right_audience_manages_keys() {
    let site = start();
    let keys = |token: &str| site.with_token("GET", "/settings/api-keys", token);
    let other_audience = format!("{}/public/v1", site.issuer);
    let cases = [
        (DASHBOARD, vec![], 200),
        (REPORTS, vec![], 403),
        (DASHBOARD, vec![("resource", other_audience.as_str())], 401),
        (REPORTS, vec![("resource", other_audience.as_str())], 401),
        (DASHBOARD, vec![("scope", "profile email")], 403),
    ];
    for (client, more, status) in cases {
        let tokens = site.tokens(client, &more);
        let access = tokens["access_token"].as_str().unwrap();
        let answer = keys(access);
        assert_eq!(answer.status, status, "{client} {more:?}: {answer:?}");
        if status == 200 {
            let id = tokens["id_token"].as_str().unwrap();
            assert_eq!(keys(id).status, 401, "an ID token is no access token");
            site.pass(631);
            assert_eq!(keys(access).status, 401, "over");
        }
    }
}

#[test]
fn a_revoked_grant_manages_no_keys_however_fresh_its_token() {
    let site = start();
    for how in ["revoke", "replay of the code", "reuse"] {
        let mut browser = Browser::of(&site);
        let code = browser.code(DASHBOARD, &[]);
        let tokens = site.redeem(DASHBOARD, &code).json();
        let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
        assert_eq!(site.with_token("GET", "/settings/api-keys", access).status, 200);
        match how {
            "revoke" => assert_eq!(site.post_as(DASHBOARD, "/oauth2/revoke", &[("token", refresh)]).status, 200),
            "reuse" => {
                let next = site.refresh(DASHBOARD, refresh).text("refresh_token");
                site.refresh(DASHBOARD, &next);
                assert_eq!(site.refresh(DASHBOARD, refresh).text("error"), "invalid_grant");
            }
            _ => assert_eq!(site.redeem(DASHBOARD, &code).text("error"), "invalid_grant"),
        }
        let answer = site.with_token("GET", "/settings/api-keys", access);
        assert_eq!((answer.status, answer.text("type")), (401, "unauthenticated".into()), "{how}: {answer:?}");
        assert_eq!(answer.header("www-authenticate").as_deref(), Some("Bearer error=\"invalid_token\""));
        assert_eq!(site.with_token("GET", "/userinfo", access).status, 401, "{how}");
    }
    let counted = site.app.metrics.render();
    for event in ["code_replay", "refresh_reuse"] {
        assert!(counted.contains(&format!("scopegate_grant_events_total{{event=\"{event}\"}} 1")), "{counted}");
    }
}

#[test]
fn introspection_is_for_clients_with_a_secret_and_their_own_tokens() {
    let site = start();
    let ours = site.tokens(REPORTS, &[])["access_token"].as_str().unwrap().to_owned();
    let others = site.tokens(DASHBOARD, &[])["access_token"].as_str().unwrap().to_owned();
    let ask = |client: &str, token: &str| site.post_as(client, "/oauth2/introspect", &[("token", token)]);
    assert_eq!(ask(DASHBOARD, &others).status, 401);
    let answer = ask(REPORTS, &ours);
    assert_eq!((answer.json()["active"].clone(), answer.text("sub")), (json!(true), SUBJECT.into()));
    for token in [others.as_str(), "garbage"] {
        assert_eq!(ask(REPORTS, token).json(), json!({ "active": false }));
    }
}

#[test]
fn bodies_have_a_limit_and_methods_a_list() {
    let site = start();
    let long = form(&[("token", &"x".repeat(70_000))]);
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    for target in ["/oauth2/token", "/oauth2/revoke", "/userinfo"] {
        let answer = site.send("POST", target, &headers, &long);
        assert_eq!((answer.status, answer.text("error")), (413, "invalid_request".into()), "{target}");
    }
    for target in ["/login", "/consent", "/oauth2/authorize"] {
        assert!(is_page(&site.send("POST", target, &headers, &long), 413), "{target}");
    }
    for (method, target, allow) in [
        ("GET", "/oauth2/token", "POST"),
        ("PUT", "/oauth2/authorize", "GET, POST"),
        ("HEAD", "/oauth2/authorize", "GET, POST"),
        ("GET", "/login", "POST"),
        ("DELETE", "/consent", "POST"),
        ("POST", "/oauth2/jwks", "GET"),
    ] {
        let answer = site.send(method, target, &[], "");
        let allowed = answer.header("allow").unwrap_or_default();
        assert!(answer.status == 405 && allowed.contains(allow), "{method} {target}: {answer:?}");
    }
}

#[test]
fn what_is_no_exact_path_of_it_is_the_gates_and_plain_http_gets_nothing() {
    let site = start();
    for (target, status) in [
        ("/oauth2/tokens", 404),
        ("/oauth2/token/", 404),
        ("/oauth2/%74oken", 400),
        ("//oauth2/token", 400),
        ("/oauth2/../oauth2/token", 400),
        ("http://127.0.0.1/oauth2/jwks", 400),
        ("/OAUTH2/jwks", 404),
    ] {
        let answer = site.get(target);
        assert_eq!(answer.status, status, "{target}: {answer:?}");
        assert_eq!(answer.header("content-type").as_deref(), Some("application/problem+json"), "{target}");
    }
    let site = start_with(Options { secure: true, ..Options::default() });
    assert_eq!(site.get("/oauth2/jwks").status, 200);
    let plain = [("X-Forwarded-Proto", "http")];
    for target in ["/oauth2/jwks", "/userinfo", &authorize(DASHBOARD, &[])] {
        assert_eq!(site.send("GET", target, &plain, "").status, 403, "{target}");
    }
}

#[test]
fn an_outage_is_503_and_signs_nobody_in() {
    let store = Box::new(|at: &tokio::runtime::Handle| {
        AnyStore::Sqlite(at.block_on(SqliteStore::open("sqlite::memory:")).unwrap())
    });
    let site = start_with(Options { store, ..Options::default() });
    let mut browser = Browser::of(&site);
    let code = browser.code(DASHBOARD, &[]);
    let tokens = site.redeem(DASHBOARD, &code).json();
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let mut other = Browser::of(&site);
    let page = other.authorize(DASHBOARD, &[]);
    site.run(site.app.store.inner().close());
    for answer in
        [site.refresh(DASHBOARD, refresh), site.redeem(DASHBOARD, &code), site.with_token("GET", "/userinfo", access)]
    {
        assert_eq!((answer.status, answer.text("error")), (503, "temporarily_unavailable".into()), "{answer:?}");
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(site.with_token("GET", "/settings/api-keys", access).status, 503);
    let logout = browser.go("GET", "/logout", &[]);
    for answer in [other.sign_in(&page, USER, PASSWORD), browser.authorize(DASHBOARD, &[]), logout] {
        assert!(is_page(&answer, 503) && answer.header("retry-after").is_some(), "{answer:?}");
    }
    assert!(!other.cookies.contains_key("sg_session"));
    assert_eq!(site.get("/oauth2/jwks").status, 200);
}

#[test]
fn a_client_that_registered_itself_is_marked_and_never_sent_an_error_before_a_login() {
    let site = start();
    let mut browser = Browser::of(&site);
    let page = browser.authorize(STRANGER, &[("scope", "openid nonsense")]);
    assert!(page.status == 200 && page.body.contains("name=\"password\""), "{page:?}");
    let page = browser.authorize(STRANGER, &[]);
    let consent = browser.sign_in(&page, USER, PASSWORD);
    assert!(consent.body.contains("registered itself"), "{consent:?}");
    let silent = Browser::of(&site).authorize(STRANGER, &[("prompt", "none")]);
    assert!(is_page(&silent, 400), "{silent:?}");
}
