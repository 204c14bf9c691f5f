//! The authorization endpoint with its user: rows A18 to A24 of the checklist, tickets and consents.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod oauth_support;

use oauth_support::*;
use scopegate::oauth::*;

fn start(server: &Server, store: &Store, query: &str, seed: u8) -> Interaction {
    interact(ask(server, store, get("/oauth2/authorize", query), 0, seed))
}

#[derive(Clone, Copy)]
enum User {
    /// Signed in, last proven at this second.
    At(i64),
    Nobody,
    Away,
}

/// Row, client, edits, the user, whether the user had approved `keys openid`, and what is said after the login.
type Case = (&'static str, &'static str, &'static [&'static str], User, bool, &'static str);

const CASES: &[Case] = &[
    ("A19 none, nobody", "app", &["prompt=none"], User::Nobody, true, "login_required"),
    ("A19 none, not approved", "app", &["prompt=none"], User::At(0), false, "consent_required"),
    ("A19 none, approved", "app", &["prompt=none"], User::At(-100), true, "code"),
    (
        "A19 none, more than approved",
        "app",
        &["prompt=none", "scope=keys%20email"],
        User::At(0),
        true,
        "consent_required",
    ),
    ("A19 consent, approved", "app", &["prompt=consent"], User::At(0), true, "consent"),
    ("A19 login, an old session", "app", &["prompt=login"], User::At(-1), true, "login again"),
    ("A19 login, done", "app", &["prompt=login"], User::At(0), true, "code"),
    ("turned away", "app", &[], User::Away, true, "access_denied"),
    ("A20 0, an old session", "app", &["max_age=0"], User::At(-1), true, "login again"),
    ("A20 0, done", "app", &["max_age=0"], User::At(0), true, "code"),
    ("A20 1, an old session", "app", &["max_age=1"], User::At(-2), true, "login again"),
    ("A20 1, a young session", "app", &["max_age=1"], User::At(-1), true, "code"),
    ("A20 10000, an old session", "app", &["max_age=10000"], User::At(-10_001), true, "login again"),
    ("A20 10000, a session", "app", &["max_age=10000"], User::At(-9_999), true, "code"),
    ("A20 silent, an old session", "app", &["max_age=1", "prompt=none"], User::At(-5), true, "login_required"),
    ("A22 stranger, nobody", "stranger", &["prompt=none"], User::Nobody, true, "page 400"),
    ("A22 stranger, bad, nobody", "stranger", &["prompt=none", "scope=nothing"], User::Nobody, true, "page 400"),
    ("A22 stranger, bad, turned away", "stranger", &["scope=nothing"], User::Away, true, "page 400"),
    ("A22 stranger, bad, signed in", "stranger", &["scope=nothing"], User::At(0), true, "invalid_scope"),
    ("A22 stranger, good, signed in", "stranger", &[], User::At(0), true, "code"),
    ("A24 public, not approved", "app", &[], User::At(0), false, "consent"),
    ("A24 public with the flag, not approved", "first-public", &[], User::At(0), false, "consent"),
    ("A24 stranger with the flag, not approved", "first-stranger", &[], User::At(0), false, "consent"),
    ("A24 confidential with the flag", "first", &[], User::At(0), false, "code"),
    ("A24 confidential with the flag, asked for", "first", &["prompt=consent"], User::At(0), false, "consent"),
    ("A24 public, approved", "app", &[], User::At(0), true, "code"),
    ("hint is no token", "app", &["id_token_hint=x"], User::At(0), true, "invalid_request"),
];

#[test]
fn a_rows_of_the_user() {
    for (name, client, edits, user, approved, expected) in CASES {
        let (server, store) = (server(10), Store::new());
        if *approved {
            let key = ("u1".to_owned(), (*client).to_owned());
            store.consents.borrow_mut().insert(key, vec!["keys".into(), "openid".into()]);
        }
        let page = start(&server, &store, &query_edited(client, edits), 1);
        let outcome = match user {
            User::At(second) => login_of("u1", *second),
            User::Nobody => LoginOutcome::NotLoggedIn,
            User::Away => LoginOutcome::Denied,
        };
        let reply = login(&server, &store, &page, outcome, 5, 2);
        assert_eq!(said(&reply), *expected, "{name}");
        assert_eq!(store.grants.borrow().len(), usize::from(*expected == "code"), "{name}");
        if let Reply::Respond(response) = &reply
            && response.header("location").is_some()
        {
            let answer = answer_of(response);
            assert_eq!((answer.get("iss"), answer.count("iss")), (Some("https://op.example"), 1), "A15 {name}");
            assert_eq!((answer.get("state"), answer.count("state")), (Some("a b"), 1), "A15 {name}");
            assert_eq!(response.header("referrer-policy"), Some("no-referrer"), "A16 {name}");
        }
    }
}

#[test]
fn a18_pages_are_not_framed_and_their_cookie_is_bound() {
    let (server, store) = (server(10), Store::new());
    let page = start(&server, &store, &query_of("app", "keys"), 1);
    let consent = interact(login(&server, &store, &page, logged_in(), 0, 2));
    for page in [&page, &consent] {
        let header = |wanted: &str| page.headers.iter().find(|(name, _)| name == wanted).unwrap().1.clone();
        assert_eq!(header("content-security-policy"), "frame-ancestors 'none'");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        let cookie = header("set-cookie");
        assert!(cookie.starts_with("__Host-sg_txn="), "{cookie}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
        assert_eq!((page.client_id.as_str(), page.client_name.as_str(), page.trusted), ("app", "app", true));
        assert!(!format!("{page:?}").contains(&page.ticket));
    }
    assert_ne!(page.ticket, consent.ticket);
    let Ask::Consent { scopes, redirect_host } = &consent.ask else { panic!("no consent") };
    assert_eq!((scopes.as_slice(), redirect_host.as_str()), (&["keys".to_owned()][..], "app.example"));
    // A browser that has a cookie keeps it, so that two tabs do not lock each other out.
    let mut second = back(&page);
    (second.path, second.query) = ("/oauth2/authorize".into(), query_of("web", "keys"));
    let second = interact(ask(&server, &store, second, 0, 9));
    let cookie = |page: &Interaction| page.headers.iter().find(|(name, _)| name == "set-cookie").unwrap().1.clone();
    assert_eq!(cookie(&page), cookie(&second));
    let plain = server_of(Config { issuer: "http://localhost:8080".into(), ..config(10) });
    let page = start(&plain, &store, &query_of("app", "keys"), 1);
    assert!(cookie(&page).starts_with("sg_txn=") && !cookie(&page).contains("Secure"));
}

#[test]
fn a20_the_time_of_the_login_is_in_the_id_token() {
    let (server, store) = (server(10), Store::new());
    let page = start(&server, &store, &query_edited("app", &["scope=openid", "max_age=1"]), 1);
    let consent = interact(login(&server, &store, &page, login_of("u1", 3), 3, 2));
    let answer = respond(approve(&server, &store, &consent, &["openid"], 4, 3));
    let code = answer_of(&answer).get("code").unwrap().to_owned();
    let body = json(&send(&server, &store, redeem("app", &code), 5));
    assert_eq!(claims_of(text(&body, "id_token"))["auth_time"], NOW + 3);
}

/// How a ticket comes back wrong; row A23. Each is a page, and no grant is made.
#[test]
fn a23_tickets() {
    let (server, store) = (server(10), Store::new());
    let query = query_of("app", "keys");
    let other_secret = server_of(Config { secrets: vec![TokenSecret::new("s1".into(), [8; 32])], ..config(10) });
    let resume = |server: &Server, request: HttpRequest, ticket: &str, offset: i64, stage: &str| {
        let flow = if stage == "login" {
            server.resume_login(request, ticket.into(), logged_in(), at(offset), [77; 64])
        } else {
            let outcome = ConsentOutcome::Approve { scopes: vec!["keys".into()] };
            server.resume_consent(request, ticket.into(), u1(), outcome, at(offset), [77; 64])
        };
        said(&drive(flow, &store))
    };
    for (seed, stage) in [(10, "login"), (40, "consent")] {
        let page = start(&server, &store, &query, seed);
        let page = match stage {
            "login" => page,
            _ => interact(login(&server, &store, &page, logged_in(), 0, seed + 1)),
        };
        let ticket = page.ticket.clone();
        let mut cookie_twice = back(&page);
        let cookie = cookie_twice.headers[0].clone();
        cookie_twice.headers.push(cookie);
        let stranger = back(&start(&server, &store, &query, seed + 2));
        let parts: Vec<&str> = ticket.split('.').collect();
        let tampered = |at: usize, with: &str| {
            let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            parts[at] = with.into();
            parts.join(".")
        };
        let longer = format!("{}A", parts[2]);
        let other_stage = if stage == "login" { "consent" } else { "login" };
        let bad: Vec<(&str, HttpRequest, String, i64, &str)> = vec![
            ("no cookie", get("/login", ""), ticket.clone(), 1, stage),
            ("another browser", stranger, ticket.clone(), 1, stage),
            ("two cookies", cookie_twice, ticket.clone(), 1, stage),
            ("empty", back(&page), String::new(), 1, stage),
            ("no ticket", back(&page), "tk1.s1".into(), 1, stage),
            ("another kind", back(&page), tampered(0, "rt1"), 1, stage),
            ("another secret's name", back(&page), tampered(1, "s2"), 1, stage),
            ("another payload", back(&page), tampered(2, &longer), 1, stage),
            ("another MAC", back(&page), tampered(3, &"A".repeat(43)), 1, stage),
            ("a part more", back(&page), format!("{ticket}."), 1, stage),
            ("expired", back(&page), ticket.clone(), 600, stage),
            ("another stage", back(&page), ticket.clone(), 1, other_stage),
        ];
        for (name, request, ticket, offset, stage) in bad {
            assert_eq!(resume(&server, request, &ticket, offset, stage), "page 400", "{stage}, {name}");
        }
        assert_eq!(resume(&other_secret, back(&page), &ticket, 1, stage), "page 400", "{stage}, another server");
        assert!(store.grants.borrow().is_empty());
        let good = if stage == "login" { "consent" } else { "code" };
        assert_eq!(resume(&server, back(&page), &ticket, 599, stage), good, "what was refused used nothing up");
        assert_eq!(resume(&server, back(&page), &ticket, 599, stage), "page 400", "{stage}, replay");
    }
    assert_eq!(store.grants.borrow().len(), 1);
}

/// Whoever is at the browser when the page of `u1` comes back. Only `u1` answers it; a refusal uses nothing up and asks nothing of the host.
#[test]
fn a23_a_consent_is_of_the_user_it_was_shown_to() {
    let (server, store) = (server(10), Store::new());
    let outcomes =
        [(ConsentOutcome::Approve { scopes: vec!["keys".into()] }, "code"), (ConsentOutcome::Deny, "access_denied")];
    for (seed, (outcome, expected)) in (10..).step_by(10).zip(outcomes) {
        let page = start(&server, &store, &query_of("app", "keys"), seed);
        let page = interact(login(&server, &store, &page, logged_in(), 0, seed + 1));
        let resume = |present: Option<&str>| {
            let (request, present) = (back(&page), present.map(str::to_owned));
            server.resume_consent(request, page.ticket.clone(), present, outcome.clone(), at(1), [seed + 2; 64])
        };
        for present in [None, Some("u2"), Some("U1"), Some("u1 "), Some("")] {
            let Step::Done(Reply::Respond(page)) = resume(present).step() else { panic!("{present:?}: a need") };
            assert_eq!(page.status, 400, "{present:?}");
            assert!(page.body.starts_with(b"ticket_of_another_user: "), "{present:?}: {:?}", page.body);
            assert!(page.header("location").is_none() && store.grants.borrow().is_empty());
            assert!(store.consents.borrow().is_empty());
        }
        assert_eq!(said(&drive(resume(Some("u1")), &store)), expected);
        store.grants.borrow_mut().clear();
        store.consents.borrow_mut().clear();
    }
}

#[test]
fn consent_is_for_what_was_asked_and_is_remembered() {
    let (server, store) = (server(10), Store::new());
    let query = query_of("app", "openid%20keys");
    let consent = |seed: u8| {
        let page = start(&server, &store, &query, seed);
        interact(login(&server, &store, &page, logged_in(), 0, seed + 1))
    };
    for (seed, scopes) in [(10, &["email"][..]), (20, &["openid", "email"]), (30, &[])] {
        let reply = approve(&server, &store, &consent(seed), scopes, 0, seed + 2);
        assert_eq!(said(&reply), "page 400", "{scopes:?}");
    }
    let page = consent(40);
    let flow = server.resume_consent(back(&page), page.ticket.clone(), u1(), ConsentOutcome::Deny, at(0), [42; 64]);
    assert_eq!(said(&drive(flow, &store)), "access_denied");
    assert!(store.grants.borrow().is_empty() && store.consents.borrow().is_empty());
    // A form that repeats a scope grants it once.
    let repeated = ["keys", "openid", "keys", "keys"];
    let answer = respond(approve(&server, &store, &consent(45), &repeated, 0, 47));
    let code = answer_of(&answer).get("code").unwrap().to_owned();
    let body = json(&send(&server, &store, redeem("app", &code), 1));
    assert_eq!(text(&body, "scope"), "openid keys");
    assert_eq!(store.consents.borrow_mut().remove(&("u1".into(), "app".into())).unwrap(), ["openid", "keys"]);
    // A part of what was asked is granted, and said.
    let answer = respond(approve(&server, &store, &consent(50), &["keys"], 0, 52));
    let code = answer_of(&answer).get("code").unwrap().to_owned();
    let body = json(&send(&server, &store, redeem("app", &code), 1));
    assert_eq!((text(&body, "scope"), &body["id_token"]), ("keys", &serde_json::Value::Null));
    assert_eq!(store.consents.borrow()[&("u1".into(), "app".into())], ["keys"]);
    let page = start(&server, &store, &query_of("app", "keys"), 60);
    assert_eq!(
        said(&login(&server, &store, &page, logged_in(), 0, 61)),
        "code",
        "what was approved is not asked again"
    );
    let page = start(&server, &store, &query_of("app", "keys"), 70);
    assert_eq!(
        said(&login(&server, &store, &page, login_of("u2", 0), 0, 71)),
        "consent",
        "another user approved nothing"
    );
}

#[test]
fn a_client_that_changed_on_the_way_is_seen() {
    let (server, mut store) = (server(10), Store::new());
    let page = start(&server, &store, &query_of("app", "keys"), 1);
    let consent = interact(login(&server, &store, &page, logged_in(), 0, 2));
    let app = store.clients.get_mut("app").unwrap();
    app.redirect_uris = vec!["https://app.example/new".into()];
    assert_eq!(said(&approve(&server, &store, &consent, &["keys"], 0, 3)), "page 400");
    let page = start(&server, &store, &query_of("web", "keys"), 4);
    store.clients.get_mut("web").unwrap().scopes.clear();
    assert_eq!(said(&login(&server, &store, &page, logged_in(), 0, 5)), "invalid_scope");
    let page = start(&server, &store, &query_of("post", "keys"), 6);
    store.clients.remove("post");
    assert_eq!(said(&login(&server, &store, &page, logged_in(), 0, 7)), "page 400");
}

#[test]
fn a_hint_is_held_against_who_signed_in() {
    let (server, store) = (server(10), Store::new());
    let body = tokens(&server, &store, "app", "openid", 1);
    let (hint, access) = (text(&body, "id_token"), text(&body, "access_token"));
    let cases = [
        ("same user", "app", hint, "u1", 5, "code"),
        ("same user, expired", "app", hint, "u1", 500_000, "code"),
        ("another user", "app", hint, "u2", 5, "login_required"),
        ("another client's", "web", hint, "u1", 5, "invalid_request"),
        ("an access token", "app", access, "u1", 5, "invalid_request"),
    ];
    for (number, (name, client, hint, sub, offset, expected)) in (50..).step_by(5).zip(cases) {
        let query = query_edited(client, &["scope=openid", &format!("id_token_hint={hint}"), "prompt=none"]);
        let page = interact(ask(&server, &store, get("/oauth2/authorize", &query), offset, number));
        store.consents.borrow_mut().insert((sub.into(), client.into()), vec!["openid".into()]);
        assert_eq!(said(&login(&server, &store, &page, login_of(sub, offset), offset, number + 1)), expected, "{name}");
    }
}
