//! Tokens after they are issued: rows V1, V2, U1, M1, K1 and P1 to P4 of the checklist, P also through the decision engine.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod oauth_support;

use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use oauth_support::*;
use scopegate::engine::Gate;
use scopegate::host::NullHost;
use scopegate::oauth::*;
use scopegate::policy::Policy;
use scopegate::request::Request;
use serde_json::{Value, json as value};

fn told(response: &HttpResponse) -> String {
    match json(response)["error"].as_str() {
        Some(error) => format!("{} {error}", response.status),
        None => response.status.to_string(),
    }
}

fn userinfo(server: &Server, store: &Store, token: &str, offset: i64) -> HttpResponse {
    send(server, store, bearer(get("/userinfo", ""), token), offset)
}

fn revoke(server: &Server, store: &Store, client: &str, form: &str) -> HttpResponse {
    let request = match client {
        "web" => basic(post("/oauth2/revoke", form), "web", SECRET),
        _ => post("/oauth2/revoke", &format!("{form}&client_id={client}")),
    };
    send(server, store, request, 3)
}

#[test]
fn v1_revocation() {
    // Row, client that revokes, the form with {rt}, {at}, {id} for the tokens of `app`, whether the grant is dead then.
    let cases = [
        ("V1 refresh token", "app", "token={rt}", true),
        ("V1 refresh token, wrong hint", "app", "token={rt}&token_type_hint=access_token", true),
        ("V1 access token", "app", "token={at}", true),
        ("V1 access token, wrong hint", "app", "token={at}&token_type_hint=refresh_token", true),
        ("V1 unknown hint", "app", "token={at}&token_type_hint=x", true),
        ("V1 parent", "app", "token={parent}", true),
        ("V1 another client's refresh token", "web", "token={rt}", false),
        ("V1 another client's access token", "web", "token={at}", false),
        ("V1 unknown", "app", "token=x", false),
        (
            "V1 a refresh token of no grant",
            "app",
            "token=rt1.s1.AAAAAAAAAAAAAAAAAAAAAA.0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            false,
        ),
        ("V1 a forged refresh token", "app", "token={forged}", false),
        ("V1 an ID token", "app", "token={id}", false),
    ];
    for (name, client, form, dies) in cases {
        let (server, store) = (server(10), Store::new());
        let parent = tokens(&server, &store, "app", "openid", 1);
        let body = json(&send(&server, &store, refresh("app", text(&parent, "refresh_token")), 2));
        let (rt, at) = (text(&body, "refresh_token"), text(&body, "access_token"));
        let forged = format!("{}.{}", rt.rsplit_once('.').unwrap().0, "A".repeat(43));
        let form = form
            .replace("{rt}", rt)
            .replace("{at}", at)
            .replace("{parent}", text(&parent, "refresh_token"))
            .replace("{forged}", &forged)
            .replace("{id}", text(&parent, "id_token"));
        for _ in 0..2 {
            let answer = revoke(&server, &store, client, &form);
            assert_eq!((answer.status, answer.body.len()), (200, 0), "{name}");
        }
        let both = [text(&parent, "access_token"), at].map(|token| userinfo(&server, &store, token, 4).status);
        assert_eq!(both, if dies { [401, 401] } else { [200, 200] }, "{name}");
        let answer = send(&server, &store, refresh("app", rt), 4);
        assert_eq!(told(&answer), if dies { "400 invalid_grant" } else { "200" }, "{name}");
        assert!(store.events.borrow().is_empty(), "{name}: a revoked token is no theft");
    }
    let (server, store) = (server(10), Store::new());
    for (name, request, expected) in [
        ("missing", post("/oauth2/revoke", "client_id=app"), "400 invalid_request"),
        ("twice", post("/oauth2/revoke", "client_id=app&token=a&token=b"), "400 invalid_request"),
        ("nobody", post("/oauth2/revoke", "token=a"), "401 invalid_client"),
        ("no authentication", post("/oauth2/revoke", "client_id=web&token=a"), "401 invalid_client"),
        ("wrong secret", basic(post("/oauth2/revoke", "token=a"), "web", "wrong"), "401 invalid_client"),
        ("GET", get("/oauth2/revoke", "client_id=app&token=a"), "405"),
    ] {
        assert_eq!(told(&send(&server, &store, request, 3)), expected, "{name}");
    }
}

#[test]
fn v2_introspection() {
    let (server, store) = (server(10), Store::new());
    let of_web = |scope: &str, more: &[&str], seed: u8| {
        let code =
            code_of(&server, &store, &query_edited("web", &[&[&*format!("scope={scope}")], more].concat()), seed);
        let form = format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}");
        json(&send(&server, &store, basic(post("/oauth2/token", &form), "web", SECRET), 1))
    };
    let plain = of_web("openid%20keys", &[], 10);
    let api = of_web("keys", &["resource=https://api.example/v1"], 20);
    let dead = of_web("keys", &[], 30);
    assert_eq!(revoke(&server, &store, "web", &format!("token={}", text(&dead, "refresh_token"))).status, 200);
    let old = of_web("keys", &[], 40);
    let form = format!("grant_type=refresh_token&refresh_token={}", text(&old, "refresh_token"));
    let new = json(&send(&server, &store, basic(post("/oauth2/token", &form), "web", SECRET), 2));
    let cases = [
        ("access token", "web", text(&plain, "access_token"), 3, true),
        ("access token, a second before its end", "web", text(&plain, "access_token"), 600, true),
        ("V2 expired", "web", text(&plain, "access_token"), 601, false),
        ("refresh token", "web", text(&plain, "refresh_token"), 3, true),
        ("V2 refresh token, expired", "web", text(&plain, "refresh_token"), 1_209_601, false),
        ("V2 foreign", "first", text(&plain, "access_token"), 3, false),
        ("V2 foreign refresh token", "first", text(&plain, "refresh_token"), 3, false),
        ("V2 a client with the same resource", "first", text(&api, "access_token"), 3, false),
        ("the resource server", "api", text(&api, "access_token"), 3, true),
        ("V2 another resource server", "api2", text(&api, "access_token"), 3, false),
        ("V2 a token for the issuer at a resource server", "api", text(&plain, "access_token"), 3, false),
        ("V2 a refresh token at a resource server", "api", text(&api, "refresh_token"), 3, false),
        ("V2 revoked", "web", text(&dead, "access_token"), 3, false),
        ("V2 revoked refresh token", "web", text(&dead, "refresh_token"), 3, false),
        ("V2 a parent", "web", text(&old, "refresh_token"), 3, false),
        ("its child", "web", text(&new, "refresh_token"), 3, true),
        ("V2 an ID token", "web", text(&plain, "id_token"), 3, false),
        ("V2 garbage", "web", "x", 3, false),
        ("V2 a code", "web", "ac1.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 3, false),
    ];
    for (name, client, token, offset, active) in cases {
        let answer = introspect(&server, &store, client, token, offset);
        if active {
            assert_eq!(
                (&answer["active"], text(&answer, "client_id"), text(&answer, "sub")),
                (&true.into(), "web", "u1"),
                "{name}"
            );
        } else {
            assert_eq!(answer, value!({ "active": false }), "{name}");
        }
    }
    let found = introspect(&server, &store, "web", text(&plain, "access_token"), 3);
    let claims = claims_of(text(&plain, "access_token"));
    for name in ["scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti"] {
        assert_eq!(found[name], claims[name], "{name}");
    }
    assert_eq!(text(&found, "token_type"), "Bearer");
    let with = |request: HttpRequest| told(&send(&server, &store, request, 3));
    let form = format!("token={}", text(&plain, "access_token"));
    for (name, request, expected) in [
        ("V2 nobody", post("/oauth2/introspect", &form), "401 invalid_client"),
        ("V2 no authentication", post("/oauth2/introspect", &format!("{form}&client_id=web")), "401 invalid_client"),
        ("V2 wrong secret", basic(post("/oauth2/introspect", &form), "web", "wrong"), "401 invalid_client"),
        ("V2 a public client", post("/oauth2/introspect", &format!("{form}&client_id=app")), "401 invalid_client"),
        ("V2 bearer", bearer(post("/oauth2/introspect", &form), text(&plain, "access_token")), "401 invalid_client"),
        ("missing", basic(post("/oauth2/introspect", ""), "web", SECRET), "400 invalid_request"),
        ("twice", basic(post("/oauth2/introspect", &format!("{form}&token=x")), "web", SECRET), "400 invalid_request"),
        ("GET", basic(get("/oauth2/introspect", &form), "web", SECRET), "405"),
    ] {
        assert_eq!(with(request), expected, "{name}");
    }
}

#[test]
fn u1_userinfo() {
    let (server, store) = (server(10), Store::new());
    let body = tokens(&server, &store, "app", "openid%20email", 1);
    let (access, id) = (text(&body, "access_token"), text(&body, "id_token"));
    let form = format!("access_token={access}");
    let expected = value!({ "sub": "u1", "email": "a@example.com", "email_verified": true });
    for (name, request) in [
        ("GET", bearer(get("/userinfo", ""), access)),
        ("POST and header", bearer(post("/userinfo", ""), access)),
        ("POST and body", post("/userinfo", &form)),
        ("scheme in capitals", {
            let mut request = get("/userinfo", "");
            request.headers.push(("Authorization".into(), format!("BEARER {access}")));
            request
        }),
    ] {
        let answer = send(&server, &store, request, 2);
        assert_eq!((answer.status, json(&answer)), (200, expected.clone()), "U1 {name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(claims_of(id)["sub"], "u1");
    let keys = tokens(&server, &store, "app", "keys", 10);
    let narrow =
        json(&send(&server, &store, refresh("app", &format!("{}&scope=openid", text(&body, "refresh_token"))), 2));
    assert_eq!(
        json(&userinfo(&server, &store, text(&narrow, "access_token"), 3)),
        value!({ "sub": "u1" }),
        "U1 narrowed"
    );
    let mut doubled = bearer(get("/userinfo", ""), access);
    doubled.headers.push(("authorization".into(), format!("Bearer {access}")));
    let mut basic_scheme = get("/userinfo", "");
    basic_scheme.headers.push(("authorization".into(), "Basic d2ViOng=".into()));
    let mut nothing = get("/userinfo", "");
    nothing.headers.push(("authorization".into(), "Bearer ".into()));
    let mut in_json = post("/userinfo", &format!("{{\"access_token\":\"{access}\"}}"));
    in_json.headers[0].1 = "application/json".into();
    // Row, request, status and the whole challenge.
    let cases: Vec<(&str, HttpRequest, u16, &str)> = vec![
        ("P2 none", get("/userinfo", ""), 401, "Bearer"),
        ("P2 another scheme", basic_scheme, 401, "Bearer"),
        ("P2 in the query", get("/userinfo", &form), 401, "Bearer"),
        ("P2 a form with GET", HttpRequest { method: "GET".into(), ..post("/userinfo", &form) }, 401, "Bearer"),
        ("P2 in JSON", in_json, 401, "Bearer"),
        ("P2 header and body", bearer(post("/userinfo", &form), access), 400, "Bearer error=\"invalid_request\""),
        ("P2 two headers", doubled, 400, "Bearer error=\"invalid_request\""),
        ("P2 twice in the body", post("/userinfo", &format!("{form}&{form}")), 400, "Bearer error=\"invalid_request\""),
        ("P2 an empty token", nothing, 400, "Bearer error=\"invalid_request\""),
        (
            "P2 a form that cannot be read",
            post("/userinfo", "access_token=%4"),
            400,
            "Bearer error=\"invalid_request\"",
        ),
        ("P2 bad", bearer(get("/userinfo", ""), "x"), 401, "Bearer error=\"invalid_token\""),
        ("U1 an ID token", bearer(get("/userinfo", ""), id), 401, "Bearer error=\"invalid_token\""),
        (
            "U1 a refresh token",
            bearer(get("/userinfo", ""), text(&body, "refresh_token")),
            401,
            "Bearer error=\"invalid_token\"",
        ),
        (
            "U1 no openid",
            bearer(get("/userinfo", ""), text(&keys, "access_token")),
            403,
            "Bearer error=\"insufficient_scope\", scope=\"openid\"",
        ),
    ];
    for (name, request, status, challenge) in cases {
        let answer = send(&server, &store, request, 3);
        assert_eq!((answer.status, answer.header("www-authenticate")), (status, Some(challenge)), "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
    }
    assert_eq!(send(&server, &store, HttpRequest { method: "PUT".into(), ..get("/userinfo", "") }, 3).status, 405);
}

#[test]
fn m1_metadata() {
    for (issuer, base) in
        [("https://op.example", ""), ("https://op.example/t/1", "/t/1"), ("http://127.0.0.1:8080", "")]
    {
        let (server, store) = (server_of(Config { issuer: issuer.into(), ..config(10) }), Store::new());
        let read = |path: &str| send(&server, &store, get(path, ""), 0);
        let paths = [
            format!("/.well-known/oauth-authorization-server{base}"),
            format!("{base}/.well-known/openid-configuration"),
            format!("/.well-known/openid-configuration{base}"),
        ];
        for path in &paths {
            let answer = read(path);
            assert_eq!((answer.status, answer.header("cache-control")), (200, Some("public, max-age=300")), "{path}");
            let document = json(&answer);
            assert_eq!(text(&document, "issuer"), issuer, "M1");
            assert_eq!(document["code_challenge_methods_supported"], value!(["S256"]), "M1");
            assert_eq!(document["authorization_response_iss_parameter_supported"], true, "M1");
            assert_eq!(document["response_types_supported"], value!(["code"]));
            assert_eq!(document["response_modes_supported"], value!(["query"]));
            assert_eq!(document["grant_types_supported"], value!(["authorization_code", "refresh_token"]));
            assert_eq!(document["subject_types_supported"], value!(["public"]));
            assert_eq!(document["id_token_signing_alg_values_supported"], value!(["RS256"]));
            assert_eq!(document["scopes_supported"], value!(SCOPES));
            for name in ["claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported"]
            {
                assert_eq!(document[name], false, "{name}");
            }
            for (name, url) in document.as_object().unwrap() {
                if name.ends_with("_endpoint") || name == "jwks_uri" {
                    let path = url.as_str().unwrap().strip_prefix(issuer.strip_suffix(base).unwrap()).unwrap();
                    let statuses = ["GET", "POST"].map(|method| {
                        send(&server, &store, HttpRequest { method: method.into(), ..get(path, "") }, 0).status
                    });
                    assert!(!statuses.contains(&404), "M1 {name}");
                    assert_ne!(statuses, [405, 405], "M1 {name}");
                }
            }
        }
        let elsewhere = [
            "/.well-known/oauth-authorization-server/x",
            "/oauth2/register",
            "/connect/register",
            "/oauth2",
            "/oauth2/token/",
            "/OAUTH2/token",
            "/t/oauth2/token",
            "",
        ];
        for path in elsewhere {
            assert_eq!(read(path).status, 404, "{path}");
        }
        if !base.is_empty() {
            assert_eq!(read("/oauth2/jwks").status, 404, "a path of the issuer is a path of its endpoints");
        }
        let document = json(&read("/.well-known/oauth-protected-resource/v1"));
        assert_eq!(text(&document, "resource"), "https://api.example/v1");
        assert_eq!(document["authorization_servers"], value!([issuer]));
        assert_eq!(document["bearer_methods_supported"], value!(["header"]));
        assert_eq!(document["scopes_supported"], value!(["keys"]));
        assert_eq!(text(&json(&read("/.well-known/oauth-protected-resource")), "resource"), "https://other.example");
        assert_eq!(read("/.well-known/oauth-protected-resource/v2").status, 404);
        assert_eq!(
            send(&server, &store, post("/.well-known/openid-configuration", ""), 0).status,
            if base.is_empty() { 405 } else { 404 }
        );
    }
}

/// The faults of a configuration.
#[test]
fn what_cannot_be_served_is_refused() {
    let keys = || SigningKeys { keys: vec![signing_key("k1", KeyStatus::Active, 0)] };
    let refused = |config: Config, keys: SigningKeys, caps: StoreCaps| {
        Server::new(config, keys, caps).err().map(|error| error.to_string())
    };
    let issuer = |issuer: &str| Config { issuer: issuer.into(), ..config(10) };
    let lifetimes = |lifetimes: Lifetimes| Config { lifetimes, ..config(10) };
    let secrets = |ids: &[&str]| Config {
        secrets: ids.iter().map(|id| TokenSecret::new((*id).into(), [1; 32])).collect(),
        ..config(10)
    };
    let resource = |uri: &str| Config { resources: vec![Resource { uri: uri.into(), scopes: vec![] }], ..config(10) };
    let base = Lifetimes::default();
    let mut cases = vec![
        (Config { scopes: vec!["a b".into()], ..config(10) }, "scope_invalid"),
        (Config { scopes: vec![String::new()], ..config(10) }, "scope_invalid"),
        (resource("api"), "resource_invalid"),
        (resource("https://api.example/#f"), "resource_invalid"),
        (resource("https://api.example/\""), "resource_invalid"),
        (secrets(&[]), "secrets_invalid"),
        (secrets(&["a", "a"]), "secrets_invalid"),
        (secrets(&["a.b"]), "secrets_invalid"),
        (secrets(&[""]), "secrets_invalid"),
        (lifetimes(Lifetimes { code: 0, ..base }), "lifetime_invalid"),
        (lifetimes(Lifetimes { code: 601, ..base }), "lifetime_invalid"),
        (lifetimes(Lifetimes { access_token: -1, ..base }), "lifetime_invalid"),
        (lifetimes(Lifetimes { refresh_leeway: -1, ..base }), "lifetime_invalid"),
        (lifetimes(Lifetimes { refresh_leeway: 3_601, ..base }), "lifetime_invalid"),
        (lifetimes(Lifetimes { refresh_absolute: i64::MAX, ..base }), "lifetime_invalid"),
    ];
    for text in [
        "",
        "http://op.example",
        "https://",
        "https:///x",
        "https://op.example/",
        "https://op.example?x",
        "https://op.example#x",
        "https://me@op.example",
        "op.example",
        "https://op example",
    ] {
        cases.push((issuer(text), "issuer_invalid"));
    }
    for (config, code) in cases {
        let name = format!("{config:?}");
        assert_eq!(refused(config, keys(), ALL).as_deref(), Some(code), "{name}");
    }
    for (caps, code) in [
        (StoreCaps { cas: false, ..ALL }, "store_lacks_cas"),
        (StoreCaps { read_your_writes: false, ..ALL }, "store_lacks_read_your_writes"),
        (StoreCaps { put_once: false, ..ALL }, "store_lacks_put_once"),
    ] {
        assert_eq!(refused(config(10), keys(), caps).as_deref(), Some(code));
    }
    let key = |status| signing_key("k1", status, 0);
    let unreadable = SigningKey { public: "{}".into(), ..key(KeyStatus::Active) };
    let secret = SigningKey { alg: scopegate::jwt::Algorithm::Hs256, ..key(KeyStatus::Active) };
    for keys in [
        vec![],
        vec![key(KeyStatus::Next)],
        vec![key(KeyStatus::Active), key(KeyStatus::Active)],
        vec![unreadable],
        vec![secret],
    ] {
        assert_eq!(refused(config(10), SigningKeys { keys }, ALL).as_deref(), Some("keys_invalid"));
    }
}

#[test]
fn k1_keys_rotate() {
    let policy = RotationPolicy { active_for: 1_000, publish_ahead: 300, retire_for: 660 };
    let (mut server, store) = (server(10), Store::new());
    let mut keys = SigningKeys { keys: vec![signing_key("k1", KeyStatus::Active, 0)] };
    let kids = |server: &Server| -> Vec<(String, String)> {
        let set = json(&send(server, &store, get("/oauth2/jwks", ""), 0));
        let keys = set["keys"].as_array().unwrap();
        keys.iter().map(|key| (text(key, "kid").to_owned(), text(key, "use").to_owned())).collect()
    };
    let signs = |server: &Server, seed: u8| -> (String, String) {
        let body = tokens(server, &store, "app", "openid", seed);
        let token = text(&body, "access_token").to_owned();
        let header = Base64UrlUnpadded::decode_vec(token.split('.').next().unwrap()).unwrap();
        (serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned(), token)
    };
    let (first, old) = signs(&server, 10);
    assert_eq!(first, "k1");
    // Second, the kids published, the kid that signs.
    let fresh = |second| Some(signing_key("k2", KeyStatus::Next, second));
    for (number, (second, fresh, published, signing)) in [
        (900, fresh(900), vec!["k1", "k2"], "k1"),
        (1_000, None, vec!["k1", "k2"], "k1"),
        (1_199, fresh(0), vec!["k1", "k2"], "k1"),
        (1_200, None, vec!["k1", "k2"], "k2"),
        (1_859, None, vec!["k1", "k2"], "k2"),
        (1_860, None, vec!["k2"], "k2"),
    ]
    .into_iter()
    .enumerate()
    {
        keys = keys.rotate(at(second), &policy, fresh);
        server = server.with_keys(keys.clone()).unwrap();
        assert_eq!(kids(&server).iter().map(|(kid, _)| kid.as_str()).collect::<Vec<_>>(), published, "K1 at {second}");
        assert_eq!(signs(&server, 20 + number as u8 * 10).0, signing, "K1 at {second}");
        let good = published.contains(&"k1");
        assert_eq!(userinfo(&server, &store, &old, 500).status == 200, good, "K1 at {second}: a token of the old key");
    }
    let jwks = send(&server, &store, get("/oauth2/jwks", ""), 0);
    assert_eq!(jwks.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(jwks.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(jwks.header("access-control-allow-origin"), Some("*"));
    for key in json(&jwks)["keys"].as_array().unwrap() {
        let names: Vec<&String> = key.as_object().unwrap().keys().collect();
        assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"], "K1: no private members");
    }
    let etag = jwks.header("etag").unwrap().to_owned();
    for (tags, status) in [(etag.as_str(), 304), (&format!("\"x\", W/{etag}"), 304), ("*", 304), ("\"x\"", 200)] {
        let mut request = get("/oauth2/jwks", "");
        request.headers.push(("If-None-Match".into(), tags.into()));
        let answer = send(&server, &store, request, 0);
        assert_eq!(
            (answer.status, answer.body.is_empty(), answer.header("etag")),
            (status, status == 304, Some(&*etag))
        );
    }
}

fn token_of(header: &Value, claims: &str) -> String {
    let input = format!(
        "{}.{}",
        Base64UrlUnpadded::encode_string(header.to_string().as_bytes()),
        Base64UrlUnpadded::encode_string(claims.as_bytes())
    );
    let signature = match header["alg"].as_str() {
        Some("none") => vec![],
        Some("HS256") => {
            use hmac::{Hmac, KeyInit, Mac};
            let public = signing_key("k1", KeyStatus::Active, 0).public;
            let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(public.as_bytes()).unwrap();
            mac.update(input.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        _ => sign(if header["x"] == "other key" { "k2" } else { "k1" }, input.as_bytes()),
    };
    format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature))
}

/// The issuer's own routes, which first-party clients alone may use, and an API of its own.
const PROTECTED: [&str; 2] = [
    r#"{
        "version": 1,
        "name": "op",
        "scopes": { "keys": "Manage keys", "openid": "Sign in" },
        "credentials": {
            "user": { "type": "bearer", "issuer": "https://op.example", "audiences": ["https://op.example"],
                      "algorithms": ["RS256"], "profile": "rfc9068", "leeway": 0, "clients": ["app"] }
        },
        "routes": [{ "id": "keys", "match": "GET /settings/api-keys", "allow": [{ "user": ["keys"] }] }]
    }"#,
    r#"{
        "version": 1,
        "name": "api",
        "scopes": { "keys": "Manage keys" },
        "credentials": {
            "user": { "type": "bearer", "issuer": "https://op.example", "audiences": ["https://api.example/v1"],
                      "algorithms": ["RS256"] }
        },
        "routes": [{ "id": "api", "match": "GET /v1", "allow": [{ "user": ["keys"] }] }]
    }"#,
];

/// Status, code and challenges of a decision.
fn decide(gate: &Gate, path: &str, lines: &[(&str, &str)], offset: i64) -> (u16, String, Vec<String>) {
    let request = Request { method: "GET", target: path.as_bytes(), headers: &lines, https: true, client_ip: None };
    let decision = gate.decide(&request, at(offset), &NullHost);
    let detail = decision.denial().and_then(|denial| denial.detail()).unwrap_or_default();
    (decision.status(), format!("{} {detail}", decision.code()).trim_end().to_owned(), decision.challenges())
}

fn gates(server: &Server, store: &Store) -> [Gate; 2] {
    let jwks = String::from_utf8(send(server, store, get("/oauth2/jwks", ""), 0).body).unwrap();
    PROTECTED.map(|policy| {
        let policy = Arc::new(Policy::from_json(policy).unwrap());
        Gate::builder(policy).key_set("user", jwks.clone()).build().unwrap()
    })
}

#[test]
fn p1_tokens_that_are_none() {
    let (server, store) = (server(10), Store::new());
    let [gate, _] = gates(&server, &store);
    let body = tokens(&server, &store, "app", "openid%20keys", 1);
    let good = text(&body, "access_token");
    let claims = claims_of(good);
    let header = value!({ "alg": "RS256", "kid": "k1", "typ": "at+jwt" });
    let with_header = |name: &str, set: Value| {
        let mut header = header.clone();
        header[name] = set;
        header.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        token_of(&header, &claims.to_string())
    };
    let with = |name: &str, set: Value| {
        let mut claims = claims.clone();
        claims[name] = set;
        token_of(&header, &claims.to_string())
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        token_of(&header, &claims.to_string())
    };
    let raw = |more: &str| {
        let text = claims.to_string();
        token_of(&header, &format!("{{{more},{}", text.strip_prefix('{').unwrap()))
    };
    let now = NOW + 5;
    let mut wrong_signature = good.to_owned();
    let last = if wrong_signature.pop() == Some('A') { 'E' } else { 'A' };
    wrong_signature.push(last);
    let cases: Vec<(&str, String, &str)> = vec![
        ("the same again", token_of(&header, &claims.to_string()), "allow"),
        ("alg none", with_header("alg", "none".into()), "token_malformed"),
        ("alg None", with_header("alg", "None".into()), "alg_not_allowed"),
        ("HS256 with the public key", with_header("alg", "HS256".into()), "alg_not_allowed"),
        ("PS256", with_header("alg", "PS256".into()), "alg_not_allowed"),
        ("alg missing", with_header("alg", Value::Null), "alg_missing"),
        ("typ of an ID token", with_header("typ", "JWT".into()), "typ_mismatch"),
        ("typ missing", with_header("typ", Value::Null), "typ_mismatch"),
        ("an ID token", text(&body, "id_token").into(), "typ_mismatch"),
        ("wrong aud", with("aud", "https://evil.example".into()), "audience_mismatch"),
        ("aud of the client", with("aud", "app".into()), "audience_mismatch"),
        ("aud in another spelling", with("aud", "https://op.example/".into()), "audience_mismatch"),
        ("aud missing", without("aud"), "audience_mismatch"),
        ("wrong iss", with("iss", "https://evil.example".into()), "issuer_mismatch"),
        ("iss in another spelling", with("iss", "https://op.example/".into()), "issuer_mismatch"),
        ("iss missing", without("iss"), "issuer_mismatch"),
        ("expired", with("exp", now.into()), "expired"),
        ("exp missing", without("exp"), "claim_missing"),
        ("exp as text", with("exp", "9999999999".into()), "claim_type"),
        ("future nbf", with("nbf", (now + 1).into()), "not_yet_valid"),
        ("future iat", with("iat", (now + 1).into()), "issued_in_future"),
        ("iat missing", without("iat"), "claim_missing"),
        ("sub missing", without("sub"), "claim_missing"),
        ("jti missing", without("jti"), "claim_missing"),
        ("client_id missing", without("client_id"), "claim_missing"),
        ("a key of another kid", with_header("kid", "k2".into()), "key_not_found"),
        ("signed by another key", with_header("x", "other key".into()), "signature_invalid"),
        ("signature of another token", wrong_signature, "base64_invalid|signature_invalid"),
        ("crit", with_header("crit", value!(["exp"])), "crit_unsupported"),
        ("crit empty", with_header("crit", value!([])), "crit_invalid"),
        ("b64", with_header("b64", false.into()), "b64_unsupported"),
        ("a member twice", raw("\"sub\":\"u2\""), "claims_duplicate_member"),
        ("a member twice, escaped", raw("\"s\\u0075b\":\"u2\""), "claims_duplicate_member"),
        ("oversize", raw(&format!("\"x\":\"{}\"", "y".repeat(8_192))), "token_too_large"),
        ("no signature", format!("{}.", good.rsplit_once('.').unwrap().0), "token_malformed"),
        ("four parts", format!("{good}.x"), "token_malformed"),
        ("padding", format!("{good}="), "base64_invalid"),
        ("a space", format!("{good} "), "token_malformed|base64_invalid|malformed"),
    ];
    for (name, token, expected) in cases {
        let answer = userinfo(&server, &store, &token, 5);
        let line = format!("Bearer {token}");
        let (status, code, challenges) = decide(&gate, "/settings/api-keys", &[("authorization", &line)], 5);
        if expected == "allow" {
            assert_eq!((answer.status, status), (200, 200), "P1 {name}: {code}");
            continue;
        }
        assert_eq!(told(&answer), "401 invalid_token", "P1 {name}");
        let active = introspect(&server, &store, "web", token.trim_end(), 5)["active"].clone();
        assert_eq!(active, false, "P1 {name}");
        assert_eq!(status, 401, "P1 {name}: {code}");
        assert!(expected.split('|').any(|one| code.ends_with(one)) || name == "a space", "P1 {name}: {code}");
        assert!(challenges[0].contains("error=\"invalid_token\"") || name == "a space", "P2 {name}: {challenges:?}");
    }
}

#[test]
fn p2_p3_at_a_protected_route() {
    let (server, store) = (server(10), Store::new());
    let gates = gates(&server, &store);
    let of = |client: &str, edits: &[&str], seed: u8| {
        let code = code_of(&server, &store, &query_edited(client, edits), seed);
        let form = format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}");
        let request = match client {
            "web" => basic(post("/oauth2/token", &form), "web", SECRET),
            _ => post("/oauth2/token", &format!("{form}&client_id={client}")),
        };
        format!("Bearer {}", text(&json(&send(&server, &store, request, 1)), "access_token"))
    };
    let keys = of("app", &[], 10);
    let openid = of("app", &["scope=openid"], 20);
    let api = of("app", &["resource=https://api.example/v1"], 30);
    let other = of("app", &["resource=https://other.example"], 40);
    let web = of("web", &[], 50);
    let lines = |value: &str| vec![("Authorization".to_owned(), value.to_owned())];
    let both = [lines(&keys), lines(&keys)].concat();
    let cases = [
        ("good", "/settings/api-keys", lines(&keys), 200, ""),
        ("good at its resource", "/v1", lines(&api), 200, ""),
        ("P2 none", "/settings/api-keys", vec![], 401, "Bearer"),
        ("P2 in the query", "/settings/api-keys?access_token=x", vec![], 401, "Bearer"),
        ("P2 bad", "/settings/api-keys", lines("Bearer x.y.z"), 401, "Bearer error=\"invalid_token\""),
        ("P2 scope", "/settings/api-keys", lines(&openid), 403, "Bearer error=\"insufficient_scope\", scope=\"keys\""),
        ("P2 two", "/settings/api-keys", both, 400, "Bearer error=\"invalid_request\""),
        (
            "P3 a token for an API at the issuer",
            "/settings/api-keys",
            lines(&api),
            401,
            "Bearer error=\"invalid_token\"",
        ),
        ("P3 a token for the issuer at an API", "/v1", lines(&keys), 401, "Bearer error=\"invalid_token\""),
        ("P3 a token for another API", "/v1", lines(&other), 401, "Bearer error=\"invalid_token\""),
        (
            "P3 a client that is not on the list",
            "/settings/api-keys",
            lines(&web),
            401,
            "Bearer error=\"invalid_token\"",
        ),
    ];
    for (name, path, lines, status, challenge) in cases {
        let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (got, code, challenges) = decide(&gates[usize::from(path == "/v1")], path, &lines, 2);
        let realm = if path == "/v1" { "realm=\"api\"" } else { "realm=\"op\"" };
        let challenges = challenges.join(" | ").replace(&format!(" {realm},"), "").replace(&format!(" {realm}"), "");
        assert_eq!((got, challenges.as_str()), (status, challenge), "{name}: {code}");
    }
    assert_eq!(
        userinfo(&server, &store, api.strip_prefix("Bearer ").unwrap(), 2).status,
        401,
        "P3 userinfo is the issuer's"
    );
}

#[test]
fn p4_nobody_chooses_a_subject() {
    let (server, store) = (server(10), Store::new());
    for path in ["/connect/register", "/oauth2/register", "/register"] {
        assert_eq!(send(&server, &store, post(path, "client_id=u1"), 0).status, 404, "P4: no client registers itself");
    }
    // No grant type has a client for its subject, and what a client sends never becomes one.
    let body = post("/oauth2/token", "grant_type=client_credentials&client_id=app");
    assert_eq!(told(&send(&server, &store, body, 0)), "400 unsupported_grant_type");
    let query = query_edited(
        "app",
        &[
            "scope=openid",
            "sub=u2",
            "login_hint=u2",
            "claims=%7B%22id_token%22:%7B%22sub%22:%7B%22value%22:%22u2%22%7D%7D%7D",
        ],
    );
    let code = code_of(&server, &store, &query, 1);
    let body = json(&send(&server, &store, redeem("app", &format!("{code}&sub=u2")), 1));
    for token in ["access_token", "id_token"] {
        assert_eq!(claims_of(text(&body, token))["sub"], "u1", "P4 {token}");
    }
}
