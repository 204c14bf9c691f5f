//! The token endpoint and codes: rows T1 to T13 of the checklist.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod oauth_support;

use oauth_support::*;
use scopegate::oauth::*;

const WRONG_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl";

fn token_form(edits: &[&str], code: &str) -> HttpRequest {
    let mut params: Vec<String> = ["grant_type=authorization_code", "client_id=app"].map(String::from).into();
    params.push(format!("code={code}"));
    params.push(format!("code_verifier={VERIFIER}"));
    for edit in edits {
        let edit = edit.replace("{code}", code);
        let name = edit.trim_start_matches(['-', '+']).split('=').next().unwrap().to_owned();
        if !edit.starts_with('+') {
            params.retain(|known| known.split('=').next() != Some(&name));
        }
        if edit.contains('=') {
            params.push(edit.trim_start_matches('+').to_owned());
        }
    }
    post("/oauth2/token", &params.join("&"))
}

/// Status and error of a response.
fn told(response: &HttpResponse) -> String {
    match json(response)["error"].as_str() {
        Some(error) => format!("{} {error}", response.status),
        None => response.status.to_string(),
    }
}

/// Row, edits of a good redemption, what is answered. None of them uses the code up.
const CASES: &[(&str, &[&str], &str)] = &[
    ("T1 grant_type twice", &["+grant_type=authorization_code"], "400 invalid_request"),
    ("T1 code twice", &["+code={code}"], "400 invalid_request"),
    ("T1 code_verifier twice", &["+code_verifier=x"], "400 invalid_request"),
    ("T1 client_id twice", &["+client_id=app"], "400 invalid_request"),
    ("T1 redirect_uri twice", &["redirect_uri=x", "+redirect_uri=x"], "400 invalid_request"),
    ("T1 resource twice", &["resource=x", "+resource=x"], "400 invalid_request"),
    ("T1 scope twice", &["scope=x", "+scope=x"], "400 invalid_request"),
    ("T1 client_secret twice", &["client_secret=x", "+client_secret=x"], "400 invalid_request"),
    ("T1 refresh_token twice", &["refresh_token=x", "+refresh_token=x"], "400 invalid_request"),
    ("T1 bad escape", &["+x=%4"], "400 invalid_request"),
    ("T1 no UTF-8", &["+x=%FF"], "400 invalid_request"),
    ("T5 verifier", &["code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"], "400 invalid_grant"),
    ("T5 redirect_uri", &["redirect_uri=https://app.example/cb2"], "400 invalid_grant"),
    ("T5 code missing", &["-code"], "400 invalid_request"),
    ("T5 code empty", &["code="], "400 invalid_request"),
    (
        "T5 code of another grant",
        &["code=ac1.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
        "400 invalid_grant",
    ),
    ("T5 no code", &["code=x"], "400 invalid_grant"),
    ("T5 code with more", &["code={code}A"], "400 invalid_grant"),
    ("T5 code with a dot", &["code={code}."], "400 invalid_grant"),
    ("T6 no verifier", &["-code_verifier"], "400 invalid_grant"),
    ("T6 empty verifier", &["code_verifier="], "400 invalid_grant"),
    ("T7 42 characters", &["code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX"], "400 invalid_grant"),
    ("T7 characters", &["code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEj%2B~"], "400 invalid_grant"),
    ("T7 the challenge", &["code_verifier=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"], "400 invalid_grant"),
    ("T8 in another spelling", &["redirect_uri=https://APP.example/cb"], "400 invalid_grant"),
    ("T9 client B", &["client_id=once"], "400 invalid_grant"),
    ("T9 unknown client", &["client_id=nobody"], "401 invalid_client"),
    ("T9 no client", &["-client_id"], "401 invalid_client"),
    ("T11 a secret of a public client", &["client_secret=s3cret"], "401 invalid_client"),
    ("T13 unknown", &["grant_type=urn:ietf:params:oauth:grant-type:device_code"], "400 unsupported_grant_type"),
    ("T13 password", &["grant_type=password", "username=u", "password=p"], "400 unsupported_grant_type"),
    ("T13 implicit", &["grant_type=implicit"], "400 unsupported_grant_type"),
    ("T13 client_credentials", &["grant_type=client_credentials"], "400 unsupported_grant_type"),
    ("T13 in capitals", &["grant_type=Authorization_Code"], "400 unsupported_grant_type"),
    ("T13 missing", &["-grant_type"], "400 invalid_request"),
    ("T13 empty", &["grant_type="], "400 invalid_request"),
    ("T13 not the client's", &["client_id=never"], "400 unauthorized_client"),
    (
        "T13 not the client's refresh",
        &["grant_type=refresh_token", "client_id=once", "refresh_token=x"],
        "400 unauthorized_client",
    ),
    ("resource that was not granted", &["resource=https://api.example/v1"], "400 invalid_target"),
];

#[test]
fn t_rows_of_refused_redemptions() {
    let (server, store) = (server(10), Store::new());
    let code = code(&server, &store, "app", "keys", 1);
    let before = store.grants.borrow().clone();
    for (name, edits, expected) in CASES {
        let response = send(&server, &store, token_form(edits, &code), 1);
        assert_eq!(told(&response), *expected, "{name}");
        assert_eq!(response.header("cache-control"), Some("no-store"), "T12 {name}");
        assert_eq!(response.header("content-type"), Some("application/json"), "T12 {name}");
        assert!(*store.grants.borrow() == before, "T5 {name}: the grant was touched");
    }
    assert!(store.events.borrow().is_empty());
    assert_eq!(send(&server, &store, redeem("app", &code), 1).status, 200, "T5, T9: the code is still good");
}

#[test]
fn t1_methods_and_bodies() {
    let (server, store) = (server(10), Store::new());
    let code = code(&server, &store, "app", "keys", 1);
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let mut request = redeem("app", &code);
        request.method = method.into();
        let response = send(&server, &store, request, 1);
        assert_eq!((response.status, response.header("allow")), (405, Some("POST, OPTIONS")), "{method}");
    }
    let typed = |value: Option<&str>| {
        let mut request = redeem("app", &code);
        request.headers = value.map(|value| ("content-type".into(), value.into())).into_iter().collect();
        request
    };
    let mut in_query = post("/oauth2/token", "");
    in_query.query = String::from_utf8(redeem("app", &code).body).unwrap();
    let mut large = redeem("app", &code);
    large.body.extend(vec![b'&'; MAX_BODY_BYTES]);
    for (name, request) in [
        ("json", typed(Some("application/json"))),
        ("no type", typed(None)),
        ("another type", typed(Some("application/x-www-form-urlencoded2"))),
        ("in the query", in_query),
        ("too large", large),
    ] {
        assert_eq!(told(&send(&server, &store, request, 1)), "400 invalid_request", "{name}");
    }
    let response = send(&server, &store, typed(Some("Application/X-WWW-Form-URLencoded ; charset=UTF-8")), 1);
    assert_eq!(response.status, 200, "{}", json(&response));
}

/// Whether refresh token, introspection and userinfo of a grant still work.
fn alive(server: &Server, store: &Store, body: &serde_json::Value) -> [bool; 3] {
    let (access, parent) = (text(body, "access_token"), text(body, "refresh_token"));
    let userinfo = send(server, store, bearer(get("/userinfo", ""), access), 40).status == 200;
    let introspected = introspect(server, store, "web", access, 40)["active"] == true;
    let request =
        basic(post("/oauth2/token", &format!("grant_type=refresh_token&refresh_token={parent}")), "web", SECRET);
    [send(server, store, request, 40).status == 200, introspected, userinfo]
}

fn redeem_web(code: &str) -> HttpRequest {
    let form = format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}");
    basic(post("/oauth2/token", &form), "web", SECRET)
}

#[test]
fn t2_t3_replays() {
    // Row, the second redemption, its answer, and whether the tokens of the first die.
    type Replay = (&'static str, fn(&str) -> HttpRequest, i64, &'static str, bool);
    let cases: [Replay; 8] = [
        ("T2 at once", redeem_web, 2, "400 invalid_grant", true),
        ("T2 after 30 seconds", redeem_web, 32, "400 invalid_grant", true),
        ("T2 when the code has expired", redeem_web, 400, "400 invalid_grant", true),
        (
            "T3 wrong verifier",
            |code| basic(token_form(&["-client_id", &format!("code_verifier={WRONG_VERIFIER}")], code), "web", SECRET),
            2,
            "400 invalid_grant",
            false,
        ),
        (
            "T3 no verifier",
            |code| basic(token_form(&["-client_id", "-code_verifier"], code), "web", SECRET),
            2,
            "400 invalid_grant",
            false,
        ),
        ("T3 wrong client", |code| redeem("app", code), 2, "400 invalid_grant", false),
        ("T3 no client authentication", |code| token_form(&["client_id=web"], code), 2, "401 invalid_client", false),
        (
            "T3 wrong secret",
            |code| basic(token_form(&["-client_id"], code), "web", "wrong"),
            2,
            "401 invalid_client",
            false,
        ),
    ];
    for (name, replay, offset, expected, dies) in cases {
        let (server, store) = (server(10), Store::new());
        let code = code(&server, &store, "web", "openid", 1);
        let first = send(&server, &store, redeem_web(&code), 1);
        assert_eq!(first.status, 200, "{name}");
        assert_eq!(told(&send(&server, &store, replay(&code), offset)), expected, "{name}");
        assert_eq!(alive(&server, &store, &json(&first)), [!dies; 3], "{name}");
        let events: &[EventKind] = if dies { &[EventKind::CodeReplay] } else { &[] };
        assert_eq!(*store.events.borrow(), events, "{name}");
        if dies {
            assert_eq!(
                told(&send(&server, &store, redeem_web(&code), 41)),
                "400 invalid_grant",
                "{name}, a third time"
            );
        }
    }
}

#[test]
fn t5_a_wrong_secret_leaves_the_code() {
    let (server, store) = (server(10), Store::new());
    let code = code(&server, &store, "web", "keys", 1);
    let wrong = basic(token_form(&["-client_id"], &code), "web", "wrong");
    assert_eq!(told(&send(&server, &store, wrong, 1)), "401 invalid_client");
    assert_eq!(send(&server, &store, redeem_web(&code), 1).status, 200);
}

#[test]
fn t6_t8_without_a_challenge() {
    let without = ["scope=openid", "-code_challenge", "-code_challenge_method"];
    // Row, edits of the authorization request, edits of the redemption, what is answered.
    let cases: [(&str, &[&str], &[&str], &str); 10] = [
        ("T6 a verifier", &without, &["redirect_uri=https://nonce.example/cb"], "400 invalid_request"),
        ("T6 none", &without, &["-code_verifier", "redirect_uri=https://nonce.example/cb"], "200"),
        ("T8 left out without a challenge", &without, &["-code_verifier"], "400 invalid_grant"),
        (
            "T8 different without a challenge",
            &without,
            &["-code_verifier", "redirect_uri=https://x.example/"],
            "400 invalid_grant",
        ),
        ("T8 left out", &["scope=openid"], &[], "200"),
        ("T8 empty", &["scope=openid"], &["redirect_uri="], "200"),
        ("T8 sent again", &["scope=openid"], &["redirect_uri=https://nonce.example/cb"], "200"),
        ("T8 different", &["scope=openid"], &["redirect_uri=https://nonce.example/"], "400 invalid_grant"),
        ("T8 never sent", &["scope=keys", "-redirect_uri"], &[], "200"),
        ("T8 sent late", &["scope=keys", "-redirect_uri"], &["redirect_uri=https://nonce.example/cb"], "200"),
    ];
    for (name, authorize, edits, expected) in cases {
        let (server, store) = (server(10), Store::new());
        let code = code_of(&server, &store, &query_edited("nonce", authorize), 1);
        let request = basic(token_form(&[&["-client_id"], edits].concat(), &code), "nonce", SECRET);
        assert_eq!(told(&send(&server, &store, request, 1)), expected, "{name}");
    }
}

#[test]
fn t7_the_longest_and_the_shortest_verifier() {
    use base64ct::{Base64UrlUnpadded, Encoding};
    use sha2::{Digest, Sha256};
    for (length, expected) in [(43, "200"), (128, "200"), (42, "400 invalid_grant"), (129, "400 invalid_grant")] {
        let (server, store) = (server(10), Store::new());
        let verifier = "~".repeat(length);
        let challenge = Base64UrlUnpadded::encode_string(&Sha256::digest(verifier.as_bytes()));
        let query = query_edited("app", &[&format!("code_challenge={challenge}")]);
        let code = code_of(&server, &store, &query, 1);
        let request = token_form(&[&format!("code_verifier={verifier}")], &code);
        assert_eq!(told(&send(&server, &store, request, 1)), expected, "{length}");
    }
}

#[test]
fn t10_codes_expire() {
    for (offset, expected) in
        [(59, "200"), (60, "400 invalid_grant"), (61, "400 invalid_grant"), (9_999_999, "400 invalid_grant")]
    {
        let (server, store) = (server(10), Store::new());
        let code = code(&server, &store, "app", "keys", 1);
        assert_eq!(told(&send(&server, &store, redeem("app", &code), offset)), expected, "after {offset} s");
    }
}

#[test]
fn t11_client_authentication() {
    use base64ct::{Base64, Encoding};
    let (server, mut store) = (server(10), Store::new());
    let gone = Client { client_id: "other".into(), ..store.clients["web"].clone() };
    store.clients.insert("swapped".into(), gone);
    // A grant type that exists and a code that does not: who is let in hears of the code.
    let form = |more: &str| post("/oauth2/token", &format!("grant_type=authorization_code&code=x{more}"));
    let raw = |value: &str| {
        let mut request = form("");
        request.headers.push(("AUTHORIZATION".into(), value.into()));
        request
    };
    let coded = |text: &[u8]| raw(&format!("Basic {}", Base64::encode_string(text)));
    let post_with = |id: &str| form(&format!("&client_id={id}&client_secret=s3cret%2Bof%3Aweb+%25"));
    let mut twice = basic(form(""), "web", SECRET);
    twice.headers.push(twice.headers[1].clone());
    let secret = "s3cret%2Bof%3Aweb+%25";
    let (inside, basic_fails, post_fails) = ("400 invalid_grant", "401 invalid_client Basic", "401 invalid_client");
    let cases: Vec<(&str, HttpRequest, &str)> = vec![
        ("none of a public client", form("&client_id=app"), inside),
        ("none, an empty secret", form("&client_id=app&client_secret="), inside),
        ("basic", basic(form(""), "web", SECRET), inside),
        ("basic, an id that is encoded", basic(form(""), "a:b c", SECRET), inside),
        ("basic, a plus for a space", coded(format!("a%3Ab+c:{secret}").as_bytes()), inside),
        ("basic and its client_id", basic(form("&client_id=web"), "web", SECRET), inside),
        (
            "basic in small letters",
            raw(&format!("bAsIC {}", Base64::encode_string(format!("web:{secret}").as_bytes()))),
            inside,
        ),
        ("basic by the host", basic(form(""), "argon", SECRET), inside),
        ("post", post_with("post"), inside),
        ("two methods", basic(post_with("web"), "web", SECRET), "400 invalid_request"),
        ("two methods, post registered", basic(post_with("post"), "post", SECRET), "400 invalid_request"),
        ("two headers", twice, "400 invalid_request"),
        ("another client_id", basic(form("&client_id=app"), "web", SECRET), "400 invalid_request"),
        ("post where basic is registered", post_with("web"), post_fails),
        ("basic where post is registered", basic(form(""), "post", SECRET), basic_fails),
        ("none where basic is registered", form("&client_id=web"), post_fails),
        ("none where the host knows", form("&client_id=argon"), post_fails),
        ("wrong secret, basic", basic(form(""), "web", "wrong"), basic_fails),
        ("wrong secret, post", form("&client_id=post&client_secret=wrong"), post_fails),
        ("wrong secret, by the host", basic(form(""), "argon", "wrong"), basic_fails),
        ("empty secret", basic(form(""), "web", ""), basic_fails),
        ("the hash for the secret", coded(&[b"web:".as_slice(), &hash_secret(SECRET)].concat()), basic_fails),
        ("unknown client", basic(form(""), "nobody", SECRET), basic_fails),
        ("unknown client, post", post_with("nobody"), post_fails),
        ("a public client's secret, basic", basic(form(""), "app", "x"), basic_fails),
        ("a public client's empty secret, basic", basic(form(""), "app", ""), basic_fails),
        ("a public client's secret, post", form("&client_id=app&client_secret=x"), post_fails),
        ("no client at all", form(""), post_fails),
        ("not encoded", coded(b"web:s3cret+of:web %"), basic_fails),
        ("bad escape", coded(b"web:%4"), basic_fails),
        ("no UTF-8", coded(b"web:\xFF"), basic_fails),
        ("no colon", coded(b"web"), basic_fails),
        ("empty id", coded(b":secret"), basic_fails),
        ("bad base64", raw("Basic !!!!"), basic_fails),
        ("base64url", raw("Basic d2ViOi1f_w"), basic_fails),
        ("nothing", raw("Basic"), basic_fails),
        ("nothing behind the space", raw("Basic "), basic_fails),
        ("empty", raw(""), basic_fails),
        ("bearer", raw("Bearer d2ViOng="), basic_fails),
        ("a host that answers with another client", basic(form(""), "swapped", SECRET), basic_fails),
    ];
    for (name, request, expected) in cases {
        let response = send(&server, &store, request, 1);
        let challenge = response.header("www-authenticate").map_or("", |value| {
            assert_eq!(value, "Basic realm=\"oauth\"");
            " Basic"
        });
        assert_eq!(format!("{}{challenge}", told(&response)), expected, "T11 {name}");
    }
}

#[test]
fn t12_a_success() {
    for (scope, openid) in [("keys", false), ("openid%20keys", true)] {
        let (server, store) = (server(10), Store::new());
        let code = code(&server, &store, "app", scope, 1);
        let response = send(&server, &store, redeem("app", &code), 1);
        assert_eq!(response.status, 200);
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("content-type"), Some("application/json"));
        let body = json(&response);
        assert_eq!((text(&body, "token_type"), &body["expires_in"]), ("Bearer", &600.into()));
        assert_eq!(text(&body, "scope"), scope.replace("%20", " "));
        assert_eq!(body["id_token"].is_string(), openid);
        assert!(text(&body, "refresh_token").starts_with("rt1.s1."));
        let claims = claims_of(text(&body, "access_token"));
        for (name, value) in [
            ("iss", "https://op.example".into()),
            ("sub", "u1".into()),
            ("aud", "https://op.example".into()),
            ("client_id", "app".into()),
            ("scope", text(&body, "scope").into()),
            ("iat", (NOW + 1).into()),
            ("exp", (NOW + 601).into()),
            ("auth_time", NOW.into()),
        ] {
            let value: serde_json::Value = value;
            assert_eq!(claims[name], value, "{name}");
        }
        assert_eq!(claims["jti"].as_str().unwrap().len(), 22);
        // Nothing that was handed out is in the store.
        let rows: String =
            store.grants.borrow().values().map(|stored| String::from_utf8_lossy(&stored.row).into_owned()).collect();
        for secret in [&*code, text(&body, "access_token"), text(&body, "refresh_token")] {
            assert!(!rows.contains(secret.rsplit('.').next().unwrap()));
        }
    }
}

#[test]
fn t13_a_client_without_refresh_tokens_gets_none() {
    let (server, store) = (server(10), Store::new());
    assert!(tokens(&server, &store, "once", "keys", 1)["refresh_token"].is_null());
    let server = server_of(Config { offline_access_required: true, ..config(10) });
    for (seed, (scope, given)) in
        (10..).step_by(4).zip([("openid", false), ("openid%20offline_access", true), ("keys", true)])
    {
        assert_eq!(tokens(&server, &store, "app", scope, seed)["refresh_token"].is_string(), given, "{scope}");
    }
}

#[test]
fn cors_is_for_the_configured_origins() {
    let (server, store) = (server(10), Store::new());
    let open = server_of(Config { cors_origins: vec!["*".into()], ..config(10) });
    let any: &[&str] =
        &["/oauth2/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-protected-resource/v1"];
    let configured = ["/oauth2/token", "/oauth2/revoke", "/userinfo"];
    let never = ["/oauth2/authorize", "/oauth2/introspect"];
    let allowed = |server: &Server, method: &str, path: &str, origin: Option<&str>| {
        let mut request = if method == "POST" { post(path, "") } else { get(path, "") };
        request.method = method.into();
        request.headers.extend(origin.map(|origin| ("Origin".into(), origin.into())));
        let response = send(server, &store, request, 0);
        response.header("access-control-allow-origin").map(str::to_owned)
    };
    let (own, other) = (Some("https://app.example"), Some("https://evil.example"));
    for method in ["GET", "POST", "OPTIONS"] {
        for path in configured {
            assert_eq!(allowed(&server, method, path, own).as_deref(), own, "{method} {path}");
            assert_eq!(allowed(&server, method, path, other), None, "{method} {path}");
            assert_eq!(allowed(&server, method, path, None), None, "{method} {path}");
            assert_eq!(allowed(&open, method, path, other).as_deref(), Some("*"), "{method} {path}");
        }
        for path in never {
            assert_eq!(allowed(&open, method, path, own), None, "A17 {method} {path}");
        }
        for path in any {
            assert_eq!(allowed(&server, method, path, other).as_deref(), Some("*"), "{method} {path}");
        }
    }
}

#[test]
fn a_host_that_is_awaited_gives_the_same() {
    use std::pin::pin;
    use std::sync::Mutex;
    use std::task::{Context, Poll, Waker};
    struct Shared(Mutex<Store>);
    impl AsyncHost for Shared {
        async fn answer(&self, need: &Need) -> Answer {
            self.0.lock().unwrap().answer(need)
        }
    }
    let (server, store) = (server(10), Store::new());
    let code = code(&server, &store, "app", "openid", 1);
    let shared = Shared(Mutex::new(store));
    let mut statuses = vec![];
    for _ in 0..2 {
        let mut reply = pin!(drive_async(server.handle(redeem("app", &code), at(1), [9; 64]), &shared));
        let Poll::Ready(reply) = reply.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it waits")
        };
        statuses.push(respond(reply).status);
    }
    assert_eq!(statuses, [200, 400]);
}

/// What is wrong with an answer is the host's fault, and an outage; nothing is handed out.
#[test]
fn answers_that_are_none() {
    struct Wrong<'s>(&'s Store, &'static str, fn(&Need) -> Answer);
    impl Host for Wrong<'_> {
        fn answer(&self, need: &Need) -> Answer {
            if need.op() == self.1 { self.2(need) } else { self.0.answer(need) }
        }
    }
    type Wronged = (&'static str, &'static str, fn(&Need) -> Answer);
    let cases: [Wronged; 9] = [
        ("another kind", "client_get", |_| Answer::Done),
        ("another kind", "grant_get", |_| Answer::Client(None)),
        ("another kind", "grant_swap", |_| Answer::Put(true)),
        ("another kind", "sign", |_| Answer::Claims("{}".into())),
        ("no row", "grant_get", |_| Answer::Grant(Some(StoredGrant { row: vec![], version: 1 }))),
        ("a row of another version", "grant_get", |_| {
            Answer::Grant(Some(StoredGrant { row: b"\x02{}".to_vec(), version: 1 }))
        }),
        ("a damaged row", "grant_get", |_| {
            Answer::Grant(Some(StoredGrant { row: b"\x01{\"v\":1".to_vec(), version: 1 }))
        }),
        ("claims that are no object", "claims", |_| Answer::Claims("[]".into())),
        ("claims that are no JSON", "claims", |_| Answer::Claims("{".into())),
    ];
    for (name, op, wrong) in cases {
        let (server, store) = (server(10), Store::new());
        let code = code(&server, &store, "app", "openid", 1);
        let flow = server.handle(redeem("app", &code), at(1), [9; 64]);
        let response = respond(drive(flow, &Wrong(&store, op, wrong)));
        assert_eq!(told(&response), "503 temporarily_unavailable", "{name}: {op}");
        assert_eq!(response.header("retry-after"), Some("1"));
        if op != "grant_swap" {
            assert_eq!(send(&server, &store, redeem("app", &code), 1).status, 200, "{name}: {op} burned the code");
        }
    }
}
