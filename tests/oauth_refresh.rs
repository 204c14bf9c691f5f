//! Refresh tokens and their families: rows R1 to R10 of the checklist.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod oauth_support;

use oauth_support::*;
use scopegate::oauth::*;
use serde_json::Value;

/// One family on its own server and store, and the refresh tokens it has had.
struct Family {
    server: Server,
    store: Store,
    client: &'static str,
    tokens: Vec<String>,
}

impl Family {
    fn of(client: &'static str, scope: &str, leeway: i64) -> Self {
        let (server, store) = (server(leeway), Store::new());
        let code = code(&server, &store, client, scope, 1);
        let form = format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}");
        let body = json(&send(&server, &store, sign_in(client, &form), 1));
        let first = text(&body, "refresh_token").to_owned();
        Self { server, store, client, tokens: vec![first] }
    }

    /// Refreshes with the token of a generation.
    fn refresh(&self, generation: usize, more: &str, offset: i64) -> HttpResponse {
        let form = format!("grant_type=refresh_token&refresh_token={}{more}", self.tokens[generation]);
        send(&self.server, &self.store, sign_in(self.client, &form), offset)
    }

    /// Goes on to the next generation.
    fn rotate(&mut self, offset: i64) -> Value {
        let answer = self.refresh(self.tokens.len() - 1, "", offset);
        assert_eq!(answer.status, 200, "{}", json(&answer));
        self.tokens.push(text(&json(&answer), "refresh_token").to_owned());
        json(&answer)
    }

    fn lives(&self, offset: i64) -> bool {
        self.refresh(self.tokens.len() - 1, "", offset).status == 200
    }
}

fn sign_in(client: &str, form: &str) -> HttpRequest {
    match client {
        "web" => basic(post("/oauth2/token", form), "web", SECRET),
        _ => post("/oauth2/token", &format!("{form}&client_id={client}")),
    }
}

fn told(response: &HttpResponse) -> String {
    match json(response)["error"].as_str() {
        Some(error) => format!("{} {error}", response.status),
        None => response.status.to_string(),
    }
}

#[test]
fn r1_every_client_gets_a_new_token_and_scopes_are_kept() {
    for client in ["app", "web"] {
        let mut family = Family::of(client, "keys%20email", 0);
        let narrow = family.refresh(0, "&scope=email", 2);
        let body = json(&narrow);
        assert_eq!((narrow.status, text(&body, "scope")), (200, "email"), "{client}");
        assert_eq!(claims_of(text(&body, "access_token"))["scope"], "email");
        assert_ne!(text(&body, "refresh_token"), family.tokens[0], "{client}");
        assert!(body["id_token"].is_null());
        family.tokens.push(text(&body, "refresh_token").to_owned());
        let body = family.rotate(3);
        assert_eq!(text(&body, "scope"), "keys email", "R1 {client}: a narrow access token narrows no refresh token");
        assert_eq!(body["expires_in"], 600);
    }
}

/// Row, what is added to a good refresh, what is answered. None of them moves the family on.
const REFUSED: &[(&str, &str, &str)] = &[
    ("R2 wider", "&scope=keys%20profile", "400 invalid_scope"),
    ("R2 other", "&scope=profile", "400 invalid_scope"),
    ("R2 grammar", "&scope=ke%5Cys", "400 invalid_scope"),
    ("R2 two spaces", "&scope=keys%20%20email", "400 invalid_scope"),
    ("R2 resource", "&resource=https://api.example/v1", "400 invalid_target"),
    ("T1 repeated", "&refresh_token=x", "400 invalid_request"),
    ("T1 repeated scope", "&scope=keys&scope=keys", "400 invalid_request"),
];

#[test]
fn r2_r3_refusals_leave_the_family_alone() {
    for client in ["app", "web"] {
        let mut family = Family::of(client, "keys%20email", 0);
        let before = family.store.grants.borrow().clone();
        for (name, more, expected) in REFUSED {
            assert_eq!(told(&family.refresh(0, more, 2)), *expected, "{name}");
        }
        let token = family.tokens[0].clone();
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        let parts: Vec<&str> = token.split('.').collect();
        let [_, key, grant, _, mac] = parts[..] else { panic!("{token}") };
        let forged = |text: String| sign_in(client, &format!("grant_type=refresh_token&refresh_token={text}"));
        let cases = vec![
            ("R3 another client's", sign_in("nobody", &form), "401 invalid_client"),
            (
                "R3 a client that authenticates",
                basic(post("/oauth2/token", &form), "first", SECRET),
                "400 invalid_grant",
            ),
            ("R3 a public client", post("/oauth2/token", &format!("{form}&client_id=two")), "400 invalid_grant"),
            ("R3 a wrong secret", basic(post("/oauth2/token", &form), "web", "wrong"), "401 invalid_client"),
            (
                "R3 no client authentication",
                post("/oauth2/token", &format!("{form}&client_id=web")),
                "401 invalid_client",
            ),
            ("R3 nobody", post("/oauth2/token", &form), "401 invalid_client"),
            ("missing", forged(String::new()), "400 invalid_request"),
            ("another generation", forged(format!("rt1.{key}.{grant}.1.{mac}")), "400 invalid_grant"),
            ("a generation in another spelling", forged(format!("rt1.{key}.{grant}.00.{mac}")), "400 invalid_grant"),
            ("a generation with a sign", forged(format!("rt1.{key}.{grant}.%2B0.{mac}")), "400 invalid_grant"),
            (
                "a generation too large",
                forged(format!("rt1.{key}.{grant}.18446744073709551616.{mac}")),
                "400 invalid_grant",
            ),
            ("another key", forged(format!("rt1.s2.{grant}.0.{mac}")), "400 invalid_grant"),
            ("another grant", forged(format!("rt1.{key}.AAAAAAAAAAAAAAAAAAAAAA.0.{mac}")), "400 invalid_grant"),
            ("another MAC", forged(format!("rt1.{key}.{grant}.0.{}", "A".repeat(43))), "400 invalid_grant"),
            ("a short MAC", forged(format!("rt1.{key}.{grant}.0.AAAA")), "400 invalid_grant"),
            ("a MAC with more", forged(format!("{token}A")), "400 invalid_grant"),
            ("a part more", forged(format!("{token}.x")), "400 invalid_grant"),
            ("another kind", forged(token.replace("rt1", "rt2")), "400 invalid_grant"),
        ];
        for (name, request, expected) in cases {
            assert_eq!(told(&send(&family.server, &family.store, request, 2)), expected, "{client}: {name}");
        }
        assert!(*family.store.grants.borrow() == before, "{client}: a refusal touched the grant");
        assert!(family.store.events.borrow().is_empty());
        family.rotate(3);
    }
}

type Replay = (&'static str, i64, &'static [i64], usize, i64, &'static str, bool);

/// Row, leeway, generations made at seconds, the generation that comes again, when, the answer, and whether the family lives on.
const REPLAYS: &[Replay] = &[
    ("R4 at once", 10, &[100], 0, 100, "200", true),
    ("R4 at the end", 10, &[100], 0, 110, "200", true),
    ("R5 after leeway", 10, &[100], 0, 111, "400 invalid_grant", false),
    ("R5 grandparent in leeway", 10, &[100, 101], 0, 101, "400 invalid_grant", false),
    ("R4 parent of the third", 10, &[100, 101], 1, 105, "200", true),
    ("R5 an ancestor much later", 10, &[100, 101, 102, 103], 0, 5_000, "400 invalid_grant", false),
    ("R5 strict", 0, &[100], 0, 100, "400 invalid_grant", false),
    ("R9 strict, the clock a second back", 0, &[100], 0, 99, "400 invalid_grant", false),
    ("R9 strict, the clock far back", 0, &[100], 0, -5_000, "400 invalid_grant", false),
    ("R9 leeway, the clock back: no second window", 10, &[100, 99], 0, 90, "400 invalid_grant", false),
    ("R9 leeway, rotated with the clock back: the window is of the later", 10, &[100, 50], 1, 110, "200", true),
    ("R9 leeway, rotated with the clock back: and ends", 10, &[100, 50], 1, 111, "400 invalid_grant", false),
];

#[test]
fn r4_r5_r9_replays() {
    for (name, leeway, made, generation, offset, expected, lives) in REPLAYS {
        let mut family = Family::of("app", "keys", *leeway);
        let mut last = Value::Null;
        for offset in *made {
            last = family.rotate(*offset);
        }
        let answer = family.refresh(*generation, "", *offset);
        assert_eq!(told(&answer), *expected, "{name}");
        if answer.status == 200 {
            let body = json(&answer);
            assert_eq!(body["refresh_token"], last["refresh_token"], "{name}: the same child");
            assert_eq!(claims_of(text(&body, "access_token"))["iat"], NOW + offset, "{name}: a fresh access token");
        }
        let events: &[EventKind] = if *lives { &[] } else { &[EventKind::RefreshReuse] };
        assert_eq!(*family.store.events.borrow(), events, "{name}");
        assert_eq!(family.lives(120.max(*offset)), *lives, "{name}");
        let userinfo = introspect(&family.server, &family.store, "web", text(&last, "access_token"), 120);
        assert_eq!(userinfo["active"], false, "another client's token is never told of");
    }
}

#[test]
fn a_generation_that_the_store_has_not_seen_is_refused_and_told() {
    let mut family = Family::of("app", "keys", 10);
    let before = family.store.grants.borrow().clone();
    family.rotate(2);
    *family.store.grants.borrow_mut() = before.clone();
    assert_eq!(told(&family.refresh(1, "", 3)), "400 invalid_grant");
    assert_eq!(*family.store.events.borrow(), [EventKind::StoreRolledBack]);
    assert!(*family.store.grants.borrow() == before, "nothing changed");
    assert_eq!(EventKind::StoreRolledBack.code(), "store_rolled_back");
}

#[test]
fn an_event_that_nobody_hears_changes_no_answer() {
    struct Deaf<'s>(&'s Store);
    impl Host for Deaf<'_> {
        fn answer(&self, need: &Need) -> Answer {
            if need.op() == "event" { Answer::Unavailable } else { self.0.answer(need) }
        }
    }
    let mut family = Family::of("app", "keys", 0);
    family.rotate(2);
    let flow = family.server.handle(refresh("app", &family.tokens[0]), at(3), [9; 64]);
    assert_eq!(told(&respond(drive(flow, &Deaf(&family.store)))), "400 invalid_grant");
    assert!(!family.lives(4));
}

#[test]
fn r8_idle_and_absolute_end() {
    let day = 86_400;
    // Row, seconds of rotations, when the last is tried, whether it is still good.
    let cases: [(&str, &[i64], i64, bool); 8] = [
        ("R8 never used, before the end", &[], 14 * day, true),
        ("R8 never used, at the end", &[], 14 * day + 1, false),
        ("R8 slides", &[10 * day, 20 * day], 34 * day - 1, true),
        ("R8 and ends", &[10 * day, 20 * day], 34 * day, false),
        ("R8 absolute, before", &[13 * day, 26 * day, 39 * day, 52 * day, 65 * day, 78 * day], 90 * day - 1, true),
        ("R8 absolute, at", &[13 * day, 26 * day, 39 * day, 52 * day, 65 * day, 78 * day], 90 * day, false),
        (
            "R8 absolute, used at the last moment",
            &[13 * day, 26 * day, 39 * day, 52 * day, 65 * day, 78 * day, 90 * day - 1],
            90 * day,
            false,
        ),
        (
            "R8 a parent in leeway is no longer good either",
            &[13 * day, 26 * day, 39 * day, 52 * day, 65 * day, 78 * day, 90 * day - 1],
            90 * day + 1,
            false,
        ),
    ];
    for (name, made, offset, good) in cases {
        let mut family = Family::of("app", "keys", 10);
        for offset in made {
            family.rotate(*offset);
        }
        assert_eq!(family.lives(offset), good, "{name}");
        assert!(family.store.events.borrow().is_empty(), "{name}: an end is no theft");
    }
}

/// A new lifetime is for new grants alone: what a user was promised stays.
#[test]
fn r8_the_ends_of_a_grant_are_its_own() {
    let mut family = Family::of("app", "keys", 10);
    let lifetimes = Lifetimes { refresh_idle: 60, refresh_absolute: 120, ..Lifetimes::default() };
    family.server = server_of(Config { lifetimes, ..config(10) });
    family.rotate(1_000);
}

#[test]
fn secrets_rotate() {
    let mut family = Family::of("app", "keys", 10);
    let secret = |id: &str, byte: u8| TokenSecret::new(id.into(), [byte; 32]);
    family.server = server_of(Config { secrets: vec![secret("s2", 8), secret("s1", 7)], ..config(10) });
    family.rotate(2);
    assert!(family.tokens[1].starts_with("rt1.s2."));
    family.rotate(3);
    let old = family.tokens[0].clone();
    family.server = server_of(Config { secrets: vec![secret("s2", 8)], ..config(10) });
    let answer = send(&family.server, &family.store, refresh("app", &old), 4);
    assert_eq!(told(&answer), "400 invalid_grant", "a token of a secret that is gone is no token");
    assert!(family.store.events.borrow().is_empty());
    assert!(family.lives(4));
}

/// Refreshes, userinfo and introspection of three grants of two users, after some are revoked; row R10.
#[test]
fn r10_the_hook_of_a_password_change() {
    let (server, store) = (server(10), Store::new());
    let grant = |sub: &str, client: &str, seed: u8| {
        let page = interact(ask(&server, &store, get("/oauth2/authorize", &query_of(client, "openid")), 0, seed));
        let page = interact(login(&server, &store, &page, login_of(sub, 0), 0, seed + 1));
        let answer = respond(approve_as(sub, &server, &store, &page, &["openid"], 0, seed + 2));
        let code = answer_of(&answer).get("code").unwrap().to_owned();
        (code.clone(), json(&send(&server, &store, redeem(client, &code), 1)))
    };
    let grants = [grant("u1", "app", 10), grant("u1", "public-nonce", 20), grant("u2", "app", 30)];
    let alive = |offset: i64| -> Vec<bool> {
        grants
            .iter()
            .map(|(_, body)| {
                let userinfo = send(&server, &store, bearer(get("/userinfo", ""), text(body, "access_token")), offset);
                userinfo.status == 200
            })
            .collect()
    };
    let revoke = |sub: &str, client: Option<&str>| {
        let answer = respond(drive(server.revoke_all(sub.into(), client.map(String::from), at(5)), &store));
        (answer.status, json(&answer)["revoked"].as_u64())
    };
    assert_eq!(alive(2), [true, true, true]);
    assert_eq!(revoke("nobody", None), (200, Some(0)));
    assert_eq!(revoke("u1", Some("web")), (200, Some(0)));
    assert_eq!(alive(3), [true, true, true]);
    assert_eq!(revoke("u1", Some("app")), (200, Some(1)));
    assert_eq!(alive(4), [false, true, true]);
    assert_eq!(revoke("u1", None), (200, Some(1)));
    assert_eq!(revoke("u1", None), (200, Some(0)), "a second time there is nothing to do");
    assert_eq!(alive(6), [false, false, true]);
    for ((_, body), good) in grants.iter().zip([false, false, true]) {
        let client = claims_of(text(body, "access_token"))["client_id"].as_str().unwrap().to_owned();
        let answer = send(&server, &store, refresh(&client, text(body, "refresh_token")), 7);
        assert_eq!(answer.status == 200, good, "{client}");
    }
    assert_eq!(told(&send(&server, &store, redeem("app", &grants[0].0), 8)), "400 invalid_grant");
    // A code that is not redeemed yet is revoked as well.
    let page = interact(ask(&server, &store, get("/oauth2/authorize", &query_of("app", "openid")), 0, 50));
    let answer = respond(login(&server, &store, &page, login_of("u1", 0), 0, 51));
    let code = answer_of(&answer).get("code").unwrap().to_owned();
    assert_eq!(revoke("u1", None), (200, Some(1)));
    assert_eq!(told(&send(&server, &store, redeem("app", &code), 9)), "400 invalid_grant");
}

#[test]
fn r10_many_grants_and_stores_that_fail() {
    let (server, mut store) = (server(10), Store::new());
    store.clients.get_mut("first").unwrap().skip_consent = true;
    let code = code(&server, &store, "first", "keys", 1);
    let id = code.split('.').nth(1).unwrap().to_owned();
    let row = store.grants.borrow()[&id].clone();
    for number in 0..250 {
        let id = format!("{number:022}");
        store.grants.borrow_mut().insert(id.clone(), row.clone());
        store.subjects.borrow_mut().insert(("u1".into(), id));
    }
    // A row that is gone, and one that another user's list has by mistake.
    store.subjects.borrow_mut().insert(("u1".into(), "gone".into()));
    store.subjects.borrow_mut().insert(("u2".into(), id));
    struct Limited<'s>(&'s Store, std::cell::Cell<usize>, &'static str);
    impl Host for Limited<'_> {
        fn answer(&self, need: &Need) -> Answer {
            if need.op() == self.2 {
                if self.1.get() == 0 {
                    return Answer::Unavailable;
                }
                self.1.set(self.1.get() - 1);
            }
            self.0.answer(need)
        }
    }
    let run = |sub: &str, calls: usize, op: &'static str| {
        let flow = server.revoke_all(sub.into(), None, at(5));
        let answer = respond(drive(flow, &Limited(&store, calls.into(), op)));
        (answer.status, json(&answer)["revoked"].as_u64())
    };
    assert_eq!(run("u2", 9_999, ""), (200, Some(0)), "a grant is its subject's, whatever an index says");
    assert_eq!(run("u1", 1, "grants_of"), (503, None));
    assert_eq!(run("u1", 10, "grant_get"), (503, None));
    assert_eq!(run("u1", 10, "grant_swap"), (503, None));
    assert_eq!(run("u1", 9_999, ""), (200, Some(251 - 100 - 10)), "another run does the rest");
    // A store that begins again with every page would keep the flow for ever.
    struct Loop;
    impl Host for Loop {
        fn answer(&self, need: &Need) -> Answer {
            match need {
                Need::GrantsOf { .. } => Answer::Grants(vec!["a".into(), "b".into()]),
                Need::Grant { .. } => Answer::Grant(None),
                _ => Answer::Done,
            }
        }
    }
    assert_eq!(respond(drive(server.revoke_all("u1".into(), None, at(5)), &Loop)).status, 503);
}

/// A grant that is inserted while `revoke_all` runs, in each instant of it and on either side of the page it is at; row R10.
#[test]
fn r10_a_grant_that_is_inserted_meanwhile() {
    let (server, store) = (server(10), Store::new());
    let id = code(&server, &store, "app", "keys", 1).split('.').nth(1).unwrap().to_owned();
    let row = store.grants.borrow()[&id].clone();
    let has_row = |id: &str| {
        store.grants.borrow_mut().insert(id.into(), row.clone());
        store.subjects.borrow_mut().insert(("u1".into(), id.into()));
    };
    let is_alive = |id: &str| String::from_utf8_lossy(&store.grants.borrow()[id].row).contains(r#""state":"issued""#);
    let ids = |letter: &str| letter.repeat(22);
    for late in ["0", "h", "z"] {
        for instant in 0.. {
            store.grants.borrow_mut().clear();
            store.subjects.borrow_mut().clear();
            for letter in ["a", "m"] {
                has_row(&ids(letter));
            }
            let mut flow = server.revoke_all("u1".into(), None, at(5));
            // The needs so far, and which of them began a pass.
            let (mut needs, mut passes) = (0, vec![]);
            let reply = loop {
                match flow.step() {
                    Step::Done(reply) => break reply,
                    Step::Need(need) => {
                        if needs == instant {
                            has_row(&ids(late));
                        }
                        if matches!(&need, Need::GrantsOf { after: None, .. }) {
                            passes.push(needs);
                        }
                        needs += 1;
                        flow.answer(store.answer(&need));
                    }
                }
            };
            assert_eq!(respond(reply).status, 200);
            if needs <= instant {
                assert!(instant > 6, "{late}: there were two passes");
                break;
            }
            assert!(!is_alive(&ids("a")) && !is_alive(&ids("m")), "{late} at {instant}");
            let in_time = instant <= *passes.last().unwrap();
            assert!(
                !in_time || !is_alive(&ids(late)),
                "{late} at {instant}: what was there when the last pass began lives"
            );
            assert!(instant > 5 || in_time, "{late} at {instant}: no pass began after it");
        }
    }
    // Whoever is granted something all the time keeps it from ending, but not for ever.
    let count = std::cell::Cell::new(100);
    struct Busy<'s>(&'s Store, &'s std::cell::Cell<usize>, &'s StoredGrant);
    impl Host for Busy<'_> {
        fn answer(&self, need: &Need) -> Answer {
            if matches!(need, Need::GrantsOf { after: Some(_), .. }) {
                self.1.set(self.1.get() - 1);
                let id = format!("{:022}", self.1.get());
                self.0.grants.borrow_mut().insert(id.clone(), self.2.clone());
                self.0.subjects.borrow_mut().insert(("u1".into(), id));
            }
            self.0.answer(need)
        }
    }
    let flow = server.revoke_all("u1".into(), None, at(5));
    assert_eq!(respond(drive(flow, &Busy(&store, &count, &row))).status, 503);
    assert!(count.get() > 50, "it goes on for ever");
}
