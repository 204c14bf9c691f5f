//! Tokens after they are issued: rows V1, V2 and U1 of the checklist, P2 at userinfo.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod oauth_support;

use oauth_support::*;
use scopegate::oauth::*;
use serde_json::json as value;

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
