//! Any request to any endpoint ends with an answer, and tokens are for those who have a grant.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod oauth_support;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use oauth_support::*;
use proptest::prelude::*;
use proptest::sample::select;
use scopegate::oauth::*;

/// A world with two grants: a code that is not redeemed of `app`, and a family of `web`.
struct World {
    grants: BTreeMap<String, (Vec<u8>, u64)>,
    code: String,
    parent: String,
    access: String,
    ticket: String,
    cookie: String,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let (server, store) = (server(10), Store::new());
    let code = code(&server, &store, "app", "openid%20keys", 1);
    let second = code_of(&server, &store, &query_of("web", "openid%20keys"), 10);
    let form = format!("grant_type=authorization_code&code={second}&code_verifier={VERIFIER}");
    let body = json(&send(&server, &store, basic(post("/oauth2/token", &form), "web", SECRET), 1));
    let page = interact(ask(&server, &store, get("/oauth2/authorize", &query_of("app", "keys")), 0, 20));
    let grants = store.grants.borrow();
    World {
        grants: grants.iter().map(|(id, stored)| (id.clone(), (stored.row.clone(), stored.version))).collect(),
        code,
        parent: text(&body, "refresh_token").into(),
        access: text(&body, "access_token").into(),
        cookie: back(&page).headers[0].1.clone(),
        ticket: page.ticket,
    }
});

/// The world's store, whose answers to one operation fail when it says so.
struct Failing(Store, &'static str);

impl Host for Failing {
    fn answer(&self, need: &Need) -> Answer {
        if need.op() == self.1 { Answer::Unavailable } else { self.0.answer(need) }
    }
}

fn store(fails: &'static str) -> Failing {
    let store = Store::new();
    for (id, (row, version)) in &WORLD.grants {
        store.grants.borrow_mut().insert(id.clone(), StoredGrant { row: row.clone(), version: *version });
    }
    Failing(store, fails)
}

const PATHS: [&str; 12] = [
    "/oauth2/token",
    "/oauth2/token",
    "/oauth2/token",
    "/oauth2/authorize",
    "/oauth2/revoke",
    "/oauth2/introspect",
    "/userinfo",
    "/oauth2/jwks",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-protected-resource/v1",
    "/",
    "",
];

const NAMES: [&str; 24] = [
    "grant_type",
    "grant_type",
    "client_id",
    "client_id",
    "code",
    "code",
    "code_verifier",
    "code_verifier",
    "redirect_uri",
    "refresh_token",
    "refresh_token",
    "scope",
    "resource",
    "client_secret",
    "token",
    "access_token",
    "response_type",
    "state",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "request",
    "nonce",
];

fn value() -> impl Strategy<Value = String> {
    let world: &'static World = &WORLD;
    let known: Vec<&'static str> = vec![
        "authorization_code",
        "authorization_code",
        "refresh_token",
        "app",
        "app",
        "web",
        "post",
        "nobody",
        "openid",
        "keys",
        "code",
        "S256",
        CHALLENGE,
        VERIFIER,
        VERIFIER,
        "https://app.example/cb",
        "https://api.example/v1",
        "none",
        "login",
        "0",
        "wrong",
        &world.code,
        &world.code,
        &world.parent,
        &world.parent,
        &world.access,
        "",
    ];
    prop_oneof![
        8 => select(known).prop_map(|text| text.replace('%', "%25").replace('+', "%2B")),
        1 => ".{0,40}",
        1 => "[a-z0-9.%&=+]{0,80}",
    ]
}

fn form() -> impl Strategy<Value = String> {
    let pairs = prop::collection::vec((select(&NAMES[..]), value()), 0..9);
    prop_oneof![
        6 => pairs.prop_map(|pairs| pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")),
        // A good form, all but for a parameter or two.
        4 => (any::<bool>(), prop::collection::vec((select(&NAMES[..]), value()), 0..2)).prop_map(|(code, pairs)| {
            let mut form: Vec<(&str, String)> = if code {
                vec![("grant_type", "authorization_code".into()), ("client_id", "app".into()), ("code", WORLD.code.clone()), ("code_verifier", VERIFIER.into())]
            } else {
                vec![("grant_type", "refresh_token".into()), ("client_id", "web".into()), ("refresh_token", WORLD.parent.clone())]
            };
            for (name, value) in pairs {
                form.retain(|(known, _)| *known != name);
                form.push((name, value));
            }
            form.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        }),
    ]
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let signed = |id: &str, secret: &str| basic(get("", ""), id, secret).headers[0].1.clone();
    let authorization = vec![
        signed("web", "wrong"),
        signed("web", SECRET),
        signed("app", ""),
        "Basic !".into(),
        "Bearer".into(),
        format!("Bearer {}", WORLD.access),
        format!("Bearer {}", WORLD.code),
        "Bearer x.y.z".into(),
    ];
    let kind = prop_oneof![
        8 => Just("application/x-www-form-urlencoded".to_owned()),
        1 => Just("application/json".to_owned()),
        1 => ".{0,20}",
    ];
    let one = prop_oneof![
        4 => kind.prop_map(|value| ("content-type".to_owned(), value)),
        2 => prop_oneof![3 => select(authorization), 1 => ".{0,40}"].prop_map(|value| ("Authorization".to_owned(), value)),
        1 => prop_oneof![select(vec!["https://app.example".to_owned(), "*".into()]), ".{0,20}"].prop_map(|value| ("origin".to_owned(), value)),
        1 => prop_oneof![Just(WORLD.cookie.clone()), ".{0,40}"].prop_map(|value| ("cookie".to_owned(), value)),
    ];
    prop::collection::vec(one, 1..4)
}

fn request() -> impl Strategy<Value = HttpRequest> {
    let method = prop_oneof![7 => Just("POST"), 4 => Just("GET"), 1 => select(vec!["OPTIONS", "HEAD", "PUT", ""])];
    let body = prop_oneof![9 => form().prop_map(String::into_bytes), 1 => prop::collection::vec(any::<u8>(), 0..60)];
    (method, select(&PATHS[..]), form(), headers(), body).prop_map(|(method, path, query, headers, body)| HttpRequest {
        method: method.into(),
        path: path.into(),
        query,
        headers,
        body,
    })
}

const OPS: [&str; 8] = ["", "", "", "", "client_get", "grant_get", "grant_swap", "sign"];

/// Whether a form has the one value of a parameter.
fn says(request: &HttpRequest, name: &str, value: &str) -> bool {
    Params::parse(&request.body).is_ok_and(|params| params.count(name) == 1 && params.get(name) == Some(value))
}

fn header_is(request: &HttpRequest, name: &str, value: &str) -> bool {
    request.header(name) == Some(value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tokens_are_for_those_who_have_a_grant(request in request(), fails in select(&OPS[..]), second in -20_i64..100) {
        let (server, store) = (server(10), store(fails));
        let reply = drive(server.handle(request.clone(), at(second), [3; 64]), &store);
        if let Reply::Interact(page) = &reply {
            prop_assert!(page.ticket.starts_with("tk1.") && request.path == "/oauth2/authorize");
            return Ok(());
        }
        let response = respond(reply);
        let by_web = header_is(&request, "authorization", &basic(get("", ""), "web", SECRET).headers[0].1);
        let body = json(&response);
        if response.status == 200 && !body["access_token"].is_null() {
            let by_code = says(&request, "grant_type", "authorization_code") && says(&request, "client_id", "app")
                && says(&request, "code", &WORLD.code) && says(&request, "code_verifier", VERIFIER) && second < 60;
            let by_parent = says(&request, "grant_type", "refresh_token") && by_web && says(&request, "refresh_token", &WORLD.parent);
            prop_assert!(request.method == "POST" && (by_code || by_parent), "tokens for {:?}", String::from_utf8_lossy(&request.body));
            prop_assert!(fails.is_empty(), "tokens although {fails} fails");
        }
        if !body["sub"].is_null() {
            let by_header = header_is(&request, "authorization", &format!("Bearer {}", WORLD.access));
            prop_assert!(by_header || by_web || says(&request, "access_token", &WORLD.access));
        }
        prop_assert!(response.header("location").is_none_or(|location| !location.contains("code=ac1.")), "a code without a user");
        prop_assert!(response.status != 500 && (response.status != 503 || !fails.is_empty()), "{}", response.status);
        let text = format!("{}{:?}", String::from_utf8_lossy(&response.body), response.headers);
        prop_assert!(!text.contains("never") && !text.contains(SECRET));
        // Only a valid second redemption or an old refresh token revokes without being asked to.
        if request.path == "/oauth2/token" {
            prop_assert!(store.0.events.borrow().is_empty());
        }
    }

    #[test]
    fn tickets_are_for_the_browser_that_has_their_cookie(
        text in prop_oneof![3 => Just(WORLD.ticket.clone()), 1 => ".{0,60}", 1 => "tk1\\.s1\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{43}"],
        headers in headers(),
        cut in any::<prop::sample::Index>(),
        keep in any::<bool>(),
    ) {
        let (server, store) = (server(10), store(""));
        let text: String = if keep { text } else { text.chars().take(cut.index(text.chars().count() + 1)).collect() };
        let request = HttpRequest { headers, ..get("/login", "") };
        let reply = drive(server.resume_login(request.clone(), text.clone(), logged_in(), at(1), [4; 64]), &store);
        if said(&reply) != "page 400" {
            prop_assert!(text == WORLD.ticket && request.header_values("cookie").any(|value| value == WORLD.cookie));
            prop_assert_eq!(said(&reply), "consent");
        }
    }

    #[test]
    fn what_is_written_is_read_again(pairs in prop::collection::vec(("[^\\x00-\\x1F\\x7F-\\x9F]{0,20}", "[^\\x00-\\x1F\\x7F-\\x9F]{0,20}"), 0..6)) {
        let query = pairs.iter().map(|(name, value)| {
            let encode = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
            format!("{}={}", encode(name), encode(value))
        }).collect::<Vec<_>>().join("&");
        let params = Params::parse(query.as_bytes()).unwrap();
        let again = Params::parse(params.to_query().as_bytes()).unwrap();
        for (name, _) in &pairs {
            prop_assert_eq!(params.get(name), again.get(name));
            prop_assert_eq!(params.count(name), again.count(name));
        }
    }

    #[test]
    fn what_matches_goes_to_the_same_host(registered in "https?://(127\\.0\\.0\\.1|localhost|\\[::1\\]|a\\.example)(:[0-9]{1,4})?(/[a-z]{0,3})?", requested in "https?://(127\\.0\\.0\\.1|localhost|\\[::1\\]|a\\.example|u@a\\.example)(:[0-9a-z@]{0,6})?(/[a-z]{0,3})?") {
        let host = |uri: &str| uri.split("//").nth(1).unwrap().split('/').next().unwrap().rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or_else(|| uri.split("//").nth(1).unwrap().split('/').next().unwrap().to_owned(), |(host, _)| host.to_owned());
        if redirect_matches(&registered, &requested) {
            prop_assert_eq!(host(&registered), host(&requested));
            prop_assert!(registered == requested || requested.starts_with("http://") && check_redirect_uri(&requested).is_ok());
        }
    }
}
