//! What anybody may read, and what is refused at the start: rows M1 and K1 of the checklist.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod oauth_support;

use base64ct::{Base64UrlUnpadded, Encoding};
use oauth_support::*;
use scopegate::oauth::*;
use serde_json::{Value, json as value};

fn userinfo(server: &Server, store: &Store, token: &str, offset: i64) -> HttpResponse {
    send(server, store, bearer(get("/userinfo", ""), token), offset)
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
