//! The authorization endpoint: rows A1 to A17, A21, A25 and A26 of the checklist. What needs a user is in `oauth_interact.rs`.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod oauth_support;

use oauth_support::*;
use scopegate::oauth::*;

/// Row, client, edits of a good request, and what is said. The trusted client is told of errors at once.
const CASES: &[(&str, &str, &[&str], &str)] = &[
    ("good", "app", &[], "login"),
    ("A1 unknown", "nobody", &[], "page 400"),
    ("A1 missing", "app", &["-client_id"], "page 400"),
    ("A1 empty", "app", &["client_id="], "page 400"),
    ("A1 repeated", "app", &["+client_id=app"], "page 400"),
    ("A1 case", "App", &["redirect_uri=https%3A%2F%2Fapp.example%2Fcb"], "page 400"),
    ("A2 host in capitals", "app", &["redirect_uri=https://APP.example/cb"], "page 400"),
    ("A2 path in capitals", "app", &["redirect_uri=https://app.example/CB"], "page 400"),
    ("A2 scheme in capitals", "app", &["redirect_uri=HTTPS://app.example/cb"], "page 400"),
    ("A2 slash added", "app", &["redirect_uri=https://app.example/cb/"], "page 400"),
    ("A2 path cut", "app", &["redirect_uri=https://app.example"], "page 400"),
    ("A2 other path", "app", &["redirect_uri=https://app.example/cb2"], "page 400"),
    ("A2 path below", "app", &["redirect_uri=https://app.example/cb/../evil"], "page 400"),
    ("A2 query added", "app", &["redirect_uri=https://app.example/cb%3Fx%3D1"], "page 400"),
    ("A2 empty query added", "app", &["redirect_uri=https://app.example/cb%3F"], "page 400"),
    ("A2 query cut", "query", &["redirect_uri=https://query.example/cb"], "page 400"),
    ("A2 query changed", "query", &["redirect_uri=https://query.example/cb%3Fk%3Dv%2Bw"], "page 400"),
    ("A2 fragment", "app", &["redirect_uri=https://app.example/cb%23f"], "page 400"),
    ("A2 user", "app", &["redirect_uri=https://me@app.example/cb"], "page 400"),
    ("A2 user of another host", "app", &["redirect_uri=https://app.example@evil.example/cb"], "page 400"),
    ("A2 other port", "app", &["redirect_uri=https://app.example:8443/cb"], "page 400"),
    ("A2 default port", "app", &["redirect_uri=https://app.example:443/cb"], "page 400"),
    ("A2 other scheme", "app", &["redirect_uri=http://app.example/cb"], "page 400"),
    ("A2 host below", "app", &["redirect_uri=https://app.example.evil.example/cb"], "page 400"),
    ("A2 host with a dot", "app", &["redirect_uri=https://app.example./cb"], "page 400"),
    ("A2 percent-encoding", "app", &["redirect_uri=https://app.example/c%2562"], "page 400"),
    ("A2 space", "app", &["redirect_uri=https://app.example/cb%20"], "page 400"),
    ("A2 backslash", "app", &["redirect_uri=https://evil.example%5C@app.example/cb"], "page 400"),
    ("A2 line feed", "app", &["redirect_uri=https://app.example/cb%0A"], "page 400"),
    ("A2 repeated", "app", &["+redirect_uri=https://app.example/cb"], "page 400"),
    ("A2 of another client", "app", &["redirect_uri=https://web.example/cb"], "page 400"),
    ("A3 registered port", "native", &["redirect_uri=http://127.0.0.1:1234/cb"], "login"),
    ("A3 another port", "native", &["redirect_uri=http://127.0.0.1:50000/cb"], "login"),
    ("A3 no port", "native", &["redirect_uri=http://127.0.0.1/cb"], "login"),
    ("A3 IPv6", "native", &["redirect_uri=http://[::1]:9/cb"], "login"),
    ("A3 private scheme", "native", &["redirect_uri=com.example.app:/cb"], "login"),
    ("A3 localhost where it is registered", "desk", &["redirect_uri=http://localhost:9/cb"], "login"),
    ("A3 localhost where it is not", "native", &["redirect_uri=http://localhost:1234/cb"], "page 400"),
    ("A3 an address for localhost", "desk", &["redirect_uri=http://127.0.0.1:1234/cb"], "page 400"),
    ("A3 other host", "native", &["redirect_uri=http://127.0.0.2:1234/cb"], "page 400"),
    ("A3 other spelling", "native", &["redirect_uri=http://127.1:1234/cb"], "page 400"),
    ("A3 other path", "native", &["redirect_uri=http://127.0.0.1:1234/cb2"], "page 400"),
    ("A3 other scheme", "native", &["redirect_uri=https://127.0.0.1:1234/cb"], "page 400"),
    ("A3 empty port", "native", &["redirect_uri=http://127.0.0.1:/cb"], "page 400"),
    ("A3 no number", "native", &["redirect_uri=http://127.0.0.1:80@evil.example/cb"], "page 400"),
    ("A3 port out of range", "native", &["redirect_uri=http://127.0.0.1:65536/cb"], "page 400"),
    ("A3 user", "native", &["redirect_uri=http://me@127.0.0.1:1234/cb"], "page 400"),
    ("A3 name below", "native", &["redirect_uri=http://127.0.0.1.evil.example/cb"], "page 400"),
    ("A4 registered all the same", "unsound", &["redirect_uri=http://unsound.example/cb"], "page 400"),
    ("A4 with a fragment", "unsound", &["redirect_uri=https://unsound.example/cb%23f"], "page 400"),
    ("A5 absent, one registered", "app", &["-redirect_uri"], "login"),
    ("A5 empty, one registered", "app", &["redirect_uri="], "login"),
    ("A5 absent, two registered", "two", &["-redirect_uri"], "page 400"),
    ("A5 absent, openid", "app", &["-redirect_uri", "scope=openid"], "page 400"),
    ("A5 absent, openid by default", "openid", &["-redirect_uri", "-scope"], "page 400"),
    ("A5 absent, none that may be", "unsound", &["-redirect_uri"], "page 400"),
    ("A6", "app", &["-code_challenge", "-code_challenge_method"], "invalid_request"),
    ("A6 openid and nonce", "app", &["-code_challenge", "-code_challenge_method", "scope=openid"], "invalid_request"),
    (
        "A6 flag of a public client",
        "public-nonce",
        &["-code_challenge", "-code_challenge_method", "scope=openid"],
        "invalid_request",
    ),
    ("A7", "web", &["-code_challenge", "-code_challenge_method", "scope=openid"], "invalid_request"),
    ("A7 flag, openid, nonce", "nonce", &["-code_challenge", "-code_challenge_method", "scope=openid"], "login"),
    (
        "A7 flag, no nonce",
        "nonce",
        &["-code_challenge", "-code_challenge_method", "scope=openid", "-nonce"],
        "invalid_request",
    ),
    ("A7 flag, no openid", "nonce", &["-code_challenge", "-code_challenge_method"], "invalid_request"),
    ("A7 flag, challenge", "nonce", &["scope=openid"], "login"),
    ("A8 missing", "app", &["-code_challenge_method"], "invalid_request"),
    ("A8 empty", "app", &["code_challenge_method="], "invalid_request"),
    ("A8 plain", "app", &["code_challenge_method=plain"], "invalid_request"),
    ("A8 s256", "app", &["code_challenge_method=s256"], "invalid_request"),
    ("A8 unknown", "app", &["code_challenge_method=S512"], "invalid_request"),
    ("A8 plain, flag", "nonce", &["code_challenge_method=plain", "scope=openid"], "invalid_request"),
    ("A9 42 characters", "app", &["code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c"], "invalid_request"),
    (
        "A9 129 characters",
        "app",
        &[
            "code_challenge=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ],
        "invalid_request",
    ),
    ("A9 padding", "app", &["code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="], "invalid_request"),
    ("A9 plus", "app", &["code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw%2BcM"], "invalid_request"),
    ("A9 a method alone", "app", &["-code_challenge"], "invalid_request"),
    ("A9 a method alone, flag", "nonce", &["-code_challenge", "scope=openid"], "invalid_request"),
    ("A10 missing", "app", &["-response_type"], "invalid_request"),
    ("A10 empty", "app", &["response_type="], "invalid_request"),
    ("A10 token", "app", &["response_type=token"], "unsupported_response_type"),
    ("A10 id_token", "app", &["response_type=id_token"], "unsupported_response_type"),
    ("A10 code token", "app", &["response_type=code%20token"], "unsupported_response_type"),
    ("A10 code id_token", "app", &["response_type=code+id_token"], "unsupported_response_type"),
    ("A10 none", "app", &["response_type=none"], "unsupported_response_type"),
    ("A10 in capitals", "app", &["response_type=CODE"], "unsupported_response_type"),
    ("A10 not the client's", "never", &[], "unauthorized_client"),
    ("A10 a resource server's", "api", &[], "unauthorized_client"),
    ("A10 fragment", "app", &["response_mode=fragment"], "invalid_request"),
    ("A10 form_post", "app", &["response_mode=form_post"], "invalid_request"),
    ("A10 query", "app", &["response_mode=query"], "login"),
    ("A11 response_type", "app", &["+response_type=code"], "invalid_request"),
    ("A11 scope", "app", &["+scope=openid"], "invalid_request"),
    ("A11 state", "app", &["+state=c"], "invalid_request"),
    ("A11 state, once empty", "app", &["+state="], "invalid_request"),
    ("A11 code_challenge", "app", &["+code_challenge=x"], "invalid_request"),
    ("A11 code_challenge_method", "app", &["+code_challenge_method=S256"], "invalid_request"),
    ("A11 nonce", "app", &["+nonce=n2"], "invalid_request"),
    ("A11 prompt", "app", &["prompt=login", "+prompt=login"], "invalid_request"),
    ("A11 max_age", "app", &["max_age=1", "+max_age=2"], "invalid_request"),
    ("A11 login_hint", "app", &["login_hint=a", "+login_hint=b"], "invalid_request"),
    ("A11 id_token_hint", "app", &["id_token_hint=a", "+id_token_hint=b"], "invalid_request"),
    ("A11 ui_locales", "app", &["ui_locales=a", "+ui_locales=b"], "invalid_request"),
    ("A11 claims_locales", "app", &["claims_locales=a", "+claims_locales=b"], "invalid_request"),
    ("A11 display", "app", &["display=page", "+display=page"], "invalid_request"),
    ("A11 acr_values", "app", &["acr_values=a", "+acr_values=b"], "invalid_request"),
    ("A11 response_mode", "app", &["response_mode=query", "+response_mode=query"], "invalid_request"),
    ("A12 empty values", "app", &["scope=", "prompt=", "max_age=", "resource=", "request=", "request_uri="], "login"),
    ("A12 unknown parameter", "app", &["extra=1", "+extra=2", "claims=%7B%7D"], "login"),
    ("A13 not the client's", "narrow", &["scope=openid"], "invalid_scope"),
    ("A13 not the server's", "narrow", &["scope=unknown"], "invalid_scope"),
    ("A13 one of two", "app", &["scope=keys%20admin"], "invalid_scope"),
    ("A13 two spaces", "app", &["scope=keys%20%20openid"], "invalid_scope"),
    ("A13 a quote", "app", &["scope=%22keys%22"], "invalid_scope"),
    ("A13 a backslash", "app", &["scope=ke%5Cys"], "invalid_scope"),
    ("A13 no ASCII", "app", &["scope=k%C3%A9ys"], "invalid_scope"),
    ("A13 in capitals", "app", &["scope=KEYS"], "invalid_scope"),
    ("A13 a tab", "app", &["scope=keys%09openid"], "invalid_scope"),
    ("A13 one named twice", "app", &["scope=keys%20keys"], "login"),
    ("A14 default", "app", &["-scope"], "login"),
    ("A14 no default", "bare", &["-scope"], "invalid_scope"),
    ("A19 unknown", "app", &["prompt=create"], "invalid_request"),
    ("A19 none and another", "app", &["prompt=none%20login"], "invalid_request"),
    ("A19 in capitals", "app", &["prompt=None"], "invalid_request"),
    ("A19 none", "app", &["prompt=none"], "login silent"),
    ("A19 login", "app", &["prompt=login"], "login again"),
    ("A19 select_account", "app", &["prompt=select_account%20consent"], "login choose"),
    ("A20 negative", "app", &["max_age=-1"], "invalid_request"),
    ("A20 no number", "app", &["max_age=1.5"], "invalid_request"),
    ("A20 too long", "app", &["max_age=99999999999"], "invalid_request"),
    ("A20 zero", "app", &["max_age=0"], "login again"),
    ("A20 some", "app", &["max_age=10000"], "login"),
    ("A21 request", "app", &["request=ey.ey."], "request_not_supported"),
    ("A21 request twice", "app", &["request=ey.ey.", "+request=ey"], "request_not_supported"),
    ("A21 request_uri", "app", &["request_uri=https://app.example/r"], "request_uri_not_supported"),
    ("A21 registration", "app", &["registration=%7B%7D"], "registration_not_supported"),
    ("A22 stranger, bad scope", "stranger", &["scope=nothing"], "login"),
    ("A22 stranger, bad type", "stranger", &["response_type=token"], "login"),
    ("A22 stranger, silent and bad", "stranger", &["prompt=none", "scope=nothing"], "login silent"),
    ("A26 known", "app", &["resource=https://api.example/v1"], "login"),
    ("A26 unknown", "app", &["resource=https://api.example/v2"], "invalid_target"),
    ("A26 case", "app", &["resource=https://API.example/v1"], "invalid_target"),
    ("A26 fragment", "app", &["resource=https://api.example/v1%23f"], "invalid_target"),
    ("A26 twice", "app", &["resource=https://api.example/v1", "+resource=https://api.example/v1"], "invalid_target"),
    ("A26 two", "app", &["resource=https://api.example/v1", "+resource=https://other.example"], "invalid_target"),
    ("A26 not the client's", "homely", &["resource=https://api.example/v1"], "invalid_target"),
    ("A26 the issuer, as its metadata names it", "app", &["resource=https://op.example"], "login"),
    ("A26 the issuer twice", "app", &["resource=https://op.example", "+resource=https://op.example"], "invalid_target"),
];

/// What holds of every answer: rows A15 to A18.
fn check_answer(name: &str, query: &str, reply: &Reply) {
    let (mut headers, mut response) = (&vec![], None);
    if let Reply::Interact(interaction) = reply {
        headers = &interaction.headers;
    } else if let Reply::Respond(answer) = reply {
        (headers, response) = (&answer.headers, Some(answer));
    }
    let header = |wanted: &str| -> Vec<&str> {
        headers.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str()).collect()
    };
    assert!(!headers.iter().any(|(name, _)| name.starts_with("access-control")), "A17 {name}");
    assert_eq!(header("referrer-policy"), ["no-referrer"], "A16 {name}");
    assert_eq!(header("cache-control"), ["no-store"], "A18 {name}");
    if header("location").is_empty() {
        assert_eq!(header("content-security-policy"), ["frame-ancestors 'none'"], "A18 {name}");
        assert_eq!(header("x-frame-options"), ["DENY"], "A18 {name}");
    }
    let Some(response) = response else { return };
    let Some(location) = response.header("location") else { return };
    let answer = answer_of(response);
    assert_eq!((answer.count("iss"), answer.get("iss")), (1, Some("https://op.example")), "A15 {name}");
    let sent = Params::parse(query.as_bytes()).unwrap();
    let state = if sent.count("state") == 1 { sent.get("state") } else { None };
    assert_eq!((answer.count("state"), answer.get("state")), (usize::from(state.is_some()), state), "A15 {name}");
    let redirect = sent.get("redirect_uri").unwrap_or("https://app.example/cb");
    let separator = if redirect.contains('?') { '&' } else { '?' };
    let appended = location.strip_prefix(redirect).is_some_and(|rest| rest.starts_with(separator));
    assert!(appended, "A16 {name}: {location}");
}

#[test]
fn a_rows_of_the_request() {
    let (server, store) = (server(10), Store::new());
    for (name, client, edits, expected) in CASES {
        let query = query_edited(client, edits);
        let mut request = get("/oauth2/authorize", &query);
        request.headers.push(("origin".into(), "https://app.example".into()));
        let reply = ask(&server, &store, request, 0, 1);
        assert_eq!(said(&reply), *expected, "{name}");
        check_answer(name, &query, &reply);
        // A25, and OIDCC EnsurePostRequestSucceeds: a form is read as the query is.
        let posted = ask(&server, &store, post("/oauth2/authorize", &query), 0, 1);
        assert_eq!(said(&posted), *expected, "A25 {name}");
        if let (Reply::Respond(got), Reply::Respond(posted)) = (&reply, &posted)
            && got.header("location").is_some()
        {
            assert_eq!(got.header("location"), posted.header("location"), "A25 {name}");
            assert_eq!((got.status, posted.status), (302, 303), "A16 {name}");
        }
    }
    assert!(store.grants.borrow().is_empty(), "nobody signed in, and there is a grant");
}

#[test]
fn a15_state_comes_back_as_it_was() {
    let (server, store) = (server(10), Store::new());
    for state in ["a%20b", "%26iss%3Devil", "%C3%A4%22%27%3C%3E", "%0D%0ALocation:%20x", "+", "%25", "="] {
        let query = query_edited("app", &[&format!("state={state}"), "scope=nothing"]);
        let reply = ask(&server, &store, get("/oauth2/authorize", &query), 0, 1);
        check_answer(state, &query, &reply);
        let location = respond(reply).header("location").unwrap().to_owned();
        assert!(location.bytes().all(|b| b.is_ascii_graphic()), "{location}");
    }
    let query = query_edited("app", &["-state", "scope=nothing"]);
    check_answer("no state", &query, &ask(&server, &store, get("/oauth2/authorize", &query), 0, 1));
}

#[test]
fn a16_a_query_of_the_redirect_uri_is_kept() {
    let (server, store) = (server(10), Store::new());
    let edits = ["redirect_uri=https://query.example/cb%3Fk%3Dv%2520w"];
    let page = interact(ask(&server, &store, get("/oauth2/authorize", &query_edited("query", &edits)), 0, 1));
    let page = interact(login(&server, &store, &page, logged_in(), 0, 2));
    let answer = respond(approve(&server, &store, &page, &["keys"], 0, 3));
    let location = answer.header("location").unwrap();
    assert!(location.starts_with("https://query.example/cb?k=v%20w&code=ac1."), "{location}");
    assert!(location.ends_with("&state=a%20b&iss=https%3A%2F%2Fop.example"), "{location}");
}

/// Redirect URI and what is wrong with it; row A4.
const REGISTRATIONS: &[(&str, Option<&str>)] = &[
    ("https://app.example/cb", None),
    ("https://app.example:8443/cb?k=v", None),
    ("https://app.example", None),
    ("http://127.0.0.1/cb", None),
    ("http://127.0.0.1:80/cb", None),
    ("http://[::1]:9/cb", None),
    ("http://localhost/cb", None),
    ("com.example.app:/cb", None),
    ("com.example.app://cb/x", None),
    ("http://app.example/cb", Some("redirect_insecure_http")),
    ("http://127.0.0.1.evil.example/cb", Some("redirect_insecure_http")),
    ("http://localhost.evil.example/cb", Some("redirect_insecure_http")),
    ("http://10.0.0.1/cb", Some("redirect_insecure_http")),
    ("https://app.example/cb#f", Some("redirect_fragment")),
    ("https://app.example/cb#", Some("redirect_fragment")),
    ("https://me:pw@app.example/cb", Some("redirect_userinfo")),
    ("http://localhost@evil.example/cb", Some("redirect_userinfo")),
    ("javascript:alert(1)", Some("redirect_scheme")),
    ("javascript://app.example/%0aalert(1)", Some("redirect_scheme")),
    ("data:text/html,x", Some("redirect_scheme")),
    ("file:///etc/passwd", Some("redirect_scheme")),
    ("vbscript:x", Some("redirect_scheme")),
    ("myapp:/cb", Some("redirect_scheme")),
    ("myapp://cb", Some("redirect_scheme")),
    ("HTTPS://app.example/cb", Some("redirect_scheme")),
    ("JavaScript:alert(1)", Some("redirect_scheme")),
    ("Com.Example.App:/cb", Some("redirect_scheme")),
    ("com.example.app:cb", Some("redirect_scheme")),
    (".com:/cb", Some("redirect_scheme")),
    ("1com.example:/cb", Some("redirect_scheme")),
    ("java\tscript:alert(1)", Some("redirect_malformed")),
    ("java\nscript:alert(1)", Some("redirect_malformed")),
    ("\u{1}javascript:alert(1)", Some("redirect_malformed")),
    (" https://app.example/cb", Some("redirect_malformed")),
    ("https://app.example/a b", Some("redirect_malformed")),
    ("https://app.example\\@evil.example/cb", Some("redirect_malformed")),
    ("https://\u{e4}pp.example/cb", Some("redirect_malformed")),
    ("https:///cb", Some("redirect_malformed")),
    ("https://", Some("redirect_malformed")),
    ("https:app.example/cb", Some("redirect_malformed")),
    ("https://app.example:65536/cb", Some("redirect_malformed")),
    ("https://app.example:x/cb", Some("redirect_malformed")),
    ("http://[::1/cb", Some("redirect_malformed")),
    ("https://app.example/cb?%zz", Some("redirect_malformed")),
    ("/cb", Some("redirect_malformed")),
    ("", Some("redirect_malformed")),
    ("https://app.example/cb?iss=x", Some("redirect_reserved_parameter")),
    ("https://app.example/cb?a=1&code=x", Some("redirect_reserved_parameter")),
    ("https://app.example/cb?%73tate=", Some("redirect_reserved_parameter")),
    ("https://app.example/cb?error", Some("redirect_reserved_parameter")),
];

#[test]
fn a4_registrations() {
    for (uri, expected) in REGISTRATIONS {
        let fault = check_redirect_uri(uri).err();
        assert_eq!(fault.map(RedirectFault::code), *expected, "{uri:?}");
        assert_eq!(fault.map(|fault| fault.to_string()).as_deref(), *expected);
    }
}

#[test]
fn a25_methods_and_forms() {
    let (server, store) = (server(10), Store::new());
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "get"] {
        let mut request = get("/oauth2/authorize", &query_of("app", "keys"));
        request.method = method.into();
        let response = respond(ask(&server, &store, request, 0, 1));
        assert_eq!((response.status, response.header("allow")), (405, Some("GET, POST")), "{method}");
    }
    let good = query_of("app", "keys");
    let with_type = |value: &str| {
        let mut request = post("/oauth2/authorize", &good);
        request.headers[0].1 = value.into();
        request
    };
    let mut doubled = post("/oauth2/authorize", &good);
    doubled.headers.push(("content-type".into(), "application/x-www-form-urlencoded".into()));
    let bad = [
        ("json", with_type("application/json")),
        ("text", with_type("text/plain; application/x-www-form-urlencoded")),
        ("two types", doubled),
        ("too long", post("/oauth2/authorize", &format!("{good}&x={}", "y".repeat(MAX_BODY_BYTES)))),
        ("too many", get("/oauth2/authorize", &format!("{good}{}", "&a".repeat(256)))),
        ("escape", get("/oauth2/authorize", &format!("{good}&a=%4"))),
        ("no UTF-8", get("/oauth2/authorize", &format!("{good}&a=%FF"))),
        ("NUL", get("/oauth2/authorize", &format!("{good}&a=%00"))),
        ("in the query of a POST", {
            let mut request = post("/oauth2/authorize", "");
            request.query = good.clone();
            request
        }),
    ];
    for (name, request) in bad {
        assert_eq!(said(&ask(&server, &store, request, 0, 1)), "page 400", "{name}");
    }
}

#[test]
fn an_outage_is_told_where_the_answer_may_go() {
    struct Out<'s>(&'s Store, &'static str);
    impl Host for Out<'_> {
        fn answer(&self, need: &Need) -> Answer {
            if need.op() == self.1 { Answer::Unavailable } else { self.0.answer(need) }
        }
    }
    let (server, store) = (server(10), Store::new());
    let ask_with = |op, request: HttpRequest| drive(server.handle(request, at(0), [1; 64]), &Out(&store, op));
    assert_eq!(said(&ask_with("client_get", get("/oauth2/authorize", &query_of("app", "keys")))), "page 503");
    for (seed, (op, expected)) in (10..).step_by(10).zip([
        ("put_once", "page 503"),
        ("client_get", "page 503"),
        ("consent_get", "temporarily_unavailable"),
        ("consent_save", "temporarily_unavailable"),
        ("grant_insert", "temporarily_unavailable"),
    ]) {
        let page = interact(ask(&server, &store, get("/oauth2/authorize", &query_of("app", "keys")), 0, seed));
        let flow = server.resume_login(back(&page), page.ticket.clone(), logged_in(), at(0), [seed + 1; 64]);
        let mut reply = drive(flow, &Out(&store, op));
        if let Reply::Interact(page) = &reply {
            let outcome = ConsentOutcome::Approve { scopes: vec!["keys".into()] };
            let flow = server.resume_consent(back(page), page.ticket.clone(), u1(), outcome, at(0), [seed + 2; 64]);
            reply = drive(flow, &Out(&store, op));
        }
        assert_eq!(said(&reply), expected, "{op}");
    }
}
