//! Making keys: what is refused, and what is shown once.

use scopegate_server::POLICY;
use scopegate_server::manage::{Ceilings, OwnerCeilings};
use serde_json::{Value, json};

use crate::support::{KEYS, LISTINGS, OWNER, Setup, start, start_with};

#[test]
fn what_is_no_request_for_a_key_is_told_by_member() {
    let server = start();
    let good = || json!({ "label": "x", "scopes": ["jobs:read"], "expiresAt": server.after(3_600) });
    let with = |member: &str, value: Value| {
        let mut body = good();
        body[member] = value;
        body.to_string()
    };
    let without = |member: &str| {
        let mut body = good();
        body.as_object_mut().unwrap().remove(member);
        body.to_string()
    };
    for (what, pointer, body) in [
        ("no label", "/label", without("label")),
        ("an empty label", "/label", with("label", json!(""))),
        ("a long label", "/label", with("label", json!("x".repeat(101)))),
        ("a label with a NUL", "/label", with("label", json!("a\u{0}b"))),
        ("a label that is no text", "/label", with("label", json!(7))),
        ("no scopes", "/scopes", without("scopes")),
        ("V24: empty scopes", "/scopes", with("scopes", json!([]))),
        ("V25: a scope that starts alike", "/scopes/1", with("scopes", json!(["jobs:read", "jobs:read2"]))),
        ("V25: a wildcard", "/scopes/0", with("scopes", json!(["*"]))),
        ("V25: another case", "/scopes/0", with("scopes", json!(["Jobs:Read"]))),
        ("a scope that no key route takes", "/scopes/0", with("scopes", json!(["openid"]))),
        ("too many scopes", "/scopes", with("scopes", json!(vec!["jobs:read"; 33]))),
        ("scopes as one text", "/scopes", with("scopes", json!("jobs:read"))),
        ("no expiry", "/expiresAt", without("expiresAt")),
        ("V18: null as expiry", "/expiresAt", with("expiresAt", Value::Null)),
        ("V18: a number as expiry", "/expiresAt", with("expiresAt", json!(4_000_000_000_u64))),
        ("V18: an expiry without offset", "/expiresAt", with("expiresAt", json!("2030-01-01T00:00:00"))),
        ("a past expiry", "/expiresAt", with("expiresAt", json!(server.after(-1)))),
        ("an expiry now", "/expiresAt", with("expiresAt", json!(server.after(0)))),
        ("an expiry too far", "/expiresAt", with("expiresAt", json!(server.after(367 * 86_400)))),
        ("an unknown environment", "/environment", with("environment", json!("prod"))),
        ("an environment that is not accepted here", "/environment", with("environment", json!("test"))),
        ("V21: an owner", "/owner", with("owner", json!("company-2"))),
        ("V21: an id", "/id", with("id", json!("Q9s9Xw1BgXP4"))),
        ("V21: a hash", "/hashes", with("hashes", json!([]))),
        ("V27: a block that is none", "/ipAllow", with("ipAllow", json!(["10.0.0.0/33"]))),
    ] {
        let answer = server.manage("POST", KEYS, &body);
        answer.is_mistake(422, "validation", "pointer", pointer);
        assert_eq!(answer.json()["instance"], KEYS, "{what}");
    }
    for body in ["", "{", "[]", "\"x\"", "null", "\u{feff}{}", r#"{"label":"a","label":"b","scopes":["jobs:read"]}"#] {
        server.manage("POST", KEYS, body).is_mistake(400, "validation", "pointer", "");
    }
    let several = server.manage("POST", KEYS, r#"{"label":7,"scopes":8,"more":9}"#);
    assert_eq!(several.json()["errors"].as_array().unwrap().len(), 4, "every mistake at once: {several:?}");
    let all = server.manage("GET", KEYS, "").json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1, "nothing was made but the demonstration's key");
}

#[test]
fn no_answer_repeats_a_secret_in_the_wrong_place() {
    let server = start();
    let key = server.key.clone();
    let secret = &key[22..];
    for (target, headers, body) in [
        (KEYS.to_owned(), vec![], format!("{{\"label\":\"{key}\"")),
        (KEYS.to_owned(), vec![], json!({ "label": 1, key.as_str(): 2 }).to_string()),
        (KEYS.to_owned(), vec![], json!({ "label": "x", "scopes": [key], "expiresAt": key }).to_string()),
        (KEYS.to_owned(), vec![("Idempotency-Key", format!("\"{key}"))], server.wanted("x", &["jobs:read"])),
        (format!("{KEYS}/000000000000/rotate"), vec![], json!({ key.as_str(): 1 }).to_string()),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = server.manage_with("POST", &target, &headers, &body);
        assert!(answer.status >= 400 && !format!("{answer:?}").contains(secret), "{answer:?}");
    }
    // The whole key in the place of its id.
    for (method, target) in [
        ("GET", format!("{KEYS}/{key}")),
        ("DELETE", format!("{KEYS}/{key}")),
        ("POST", format!("{KEYS}/{key}/rotate")),
    ] {
        let answer = server.manage(method, &target, "");
        assert!(answer.status == 404 && !answer.body.contains(secret), "{answer:?}");
        let answer = server.send(method, &target, &[], "");
        assert!(answer.status == 401 && !answer.body.contains(secret), "{answer:?}");
    }
    let list = server.manage("GET", &format!("{KEYS}?cursor={key}&{key}=1"), "");
    assert!(list.status == 400 && !list.body.contains(secret));
}

#[test]
fn media_types_and_sizes_are_held() {
    let server = start();
    let good = server.wanted("x", &["jobs:read"]);
    let typed = |value: &str| server.manage_with("POST", KEYS, &[("Content-Type", value)], &good);
    for value in ["text/plain", "application/x-www-form-urlencoded", "application/merge-patch+json", "json", ""] {
        let answer = typed(value);
        answer.is_mistake(415, "validation", "header", "Content-Type");
        assert_eq!(answer.header("accept-post"), Some("application/json"));
    }
    let twice = [("Content-Type", "application/json"), ("Content-Type", "text/plain")];
    server.manage_with("POST", KEYS, &twice, &good).is_problem(415, "validation");
    server.manage_with("POST", KEYS, &[("Content-Encoding", "gzip")], &good).is_problem(415, "validation");
    server.manage("POST", KEYS, &server.wanted(&"x".repeat(70_000), &["jobs:read"])).is_problem(413, "validation");
    let chunked = format!(
        "POST {KEYS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n\
         11170\r\n{}\r\n0\r\n\r\n",
        server.token,
        " ".repeat(70_000)
    );
    server.send_raw(chunked.as_bytes()).is_problem(413, "validation");
    for value in ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8"] {
        assert_eq!(typed(value).status, 201, "{value}");
    }
    for accept in ["text/html", "image/*", "nonsense", ""] {
        let answer = server.manage_with("POST", KEYS, &[("Accept", accept)], &good);
        assert_eq!((answer.status, answer.header("content-type")), (201, Some("application/json")), "{accept}");
    }
}

#[test]
fn the_raw_key_is_shown_once_and_the_hash_never() {
    let server = start();
    let made = server.manage("POST", KEYS, &server.wanted("My Integration", &["jobs:read", "analytics:read"]));
    assert_eq!(made.status, 201, "{made:?}");
    let (id, raw) = (made.text("id"), made.text("rawKey"));
    let path = format!("{KEYS}/{id}");
    assert_eq!(made.header("location"), Some(path.as_str()));
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert_eq!(made.text("keyPrefix"), format!("jbf_live_{id}"));
    assert!(raw.starts_with(&format!("jbf_live_{id}_")));
    assert_eq!(made.json()["scopes"], json!(["analytics:read", "jobs:read"]));
    assert_eq!((&made.json()["active"], &made.json()["label"]), (&json!(true), &json!("My Integration")));
    let one = server.manage("GET", &path, "");
    let all = server.manage("GET", KEYS, "");
    let patched = server.manage("PATCH", &path, r#"{"label":"renamed"}"#);
    for answer in [&one, &all, &patched] {
        assert_eq!(answer.status, 200);
        for secret in [&raw[22..], "rawKey", "hash", "pepper", "sealed", "idempotency"] {
            assert!(!answer.body.contains(secret), "{secret} in {answer:?}");
        }
    }
    assert_eq!(server.with_key(&raw, "GET", LISTINGS).status, 200);
    assert_eq!(server.with_key(&raw, "GET", "/public/v1/candidates").status, 403);
    assert!(server.manage("HEAD", &path, "").body.is_empty());
}

#[test]
fn the_place_of_a_new_key_has_the_base_of_the_policy() {
    let mut policy: Value = serde_json::from_str(POLICY).unwrap();
    policy["base"] = "/api".into();
    policy.as_object_mut().unwrap().remove("tests");
    let server = start_with(Setup { policy: policy.to_string(), ..Setup::default() });
    let made = server.manage("POST", &format!("/api{KEYS}"), &server.wanted("x", &["jobs:read"]));
    let place = made.header("location").unwrap().to_owned();
    assert_eq!(place, format!("/api{KEYS}/{}", made.text("id")));
    assert_eq!(server.manage("GET", &place, "").status, 200);
    let rotated = server.manage("POST", &format!("{place}/rotate"), "{}");
    let place = rotated.header("location").unwrap();
    assert_eq!(server.manage("GET", place, "").status, 200, "{place}");
}

#[test]
fn a_key_never_makes_keys_and_a_user_needs_the_scope() {
    let server = start();
    let wanted = server.wanted("x", &["jobs:read"]);
    let with_key =
        server.send("POST", KEYS, &[("X-API-Key", &server.key), ("Content-Type", "application/json")], &wanted);
    with_key.is_problem(401, "unauthenticated");
    assert!(with_key.header("www-authenticate").unwrap().starts_with("Bearer "));
    server
        .send("GET", KEYS, &[("Authorization", &format!("Bearer {}x", server.token))], "")
        .is_problem(401, "unauthenticated");
    server
        .send("GET", KEYS, &[("Authorization", &format!("Bearer {}", server.key))], "")
        .is_problem(401, "unauthenticated");

    // V22, though the policy lets keys in: the API itself does not.
    let policy = POLICY.replace(
        r#""POST /settings/api-keys", "allow": [{ "user": ["openid"] }]"#,
        r#""POST /settings/api-keys", "allow": [{ "apiKey": ["jobs:read"] }]"#,
    );
    let open = start_with(Setup { policy, ..Setup::default() });
    let wanted = open.wanted("x", &["jobs:read"]);
    open.send("POST", KEYS, &[("X-API-Key", &open.key)], &wanted).is_problem(403, "insufficient-scope");

    let strict = POLICY.replace(
        r#""GET /settings/api-keys", "allow": [{ "user": ["openid"] }]"#,
        r#""GET /settings/api-keys", "allow": [{ "user": ["jobs:write"] }]"#,
    );
    let strict = start_with(Setup { policy: strict, ..Setup::default() });
    let refused = strict.manage("GET", KEYS, "");
    refused.is_problem(403, "insufficient-scope");
    assert_eq!(refused.json()["requiredScopes"], json!(["jobs:write"]));
    assert_eq!(refused.json()["instance"], KEYS, "the gate's refusals are placed as well");
}

#[test]
fn owners_have_ceilings() {
    let own = Ceilings {
        keys: 3,
        scopes_per_key: 2,
        days: 1,
        scopes: Some(vec!["jobs:read".into(), "jobs:write".into()]),
        ..Ceilings::default()
    };
    let ceilings = OwnerCeilings { owners: [(OWNER.to_owned(), own)].into(), ..OwnerCeilings::default() };
    let server = start_with(Setup { ceilings, ..Setup::default() });
    let refused = server.manage("POST", KEYS, &server.wanted("x", &["jobs:read", "analytics:read"]));
    refused.is_mistake(422, "validation", "pointer", "/scopes/1");
    let many = server.wanted("x", &["jobs:read", "jobs:write", "analytics:read"]);
    server.manage("POST", KEYS, &many).is_mistake(422, "validation", "pointer", "/scopes");
    let far = json!({ "label": "x", "scopes": ["jobs:read"], "expiresAt": server.after(86_401) }).to_string();
    server.manage("POST", KEYS, &far).is_mistake(422, "validation", "pointer", "/expiresAt");
    let (path, _) = server.create("second", &["jobs:read"]);
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let ask = || server.manage("POST", KEYS, &server.wanted("at once", &["jobs:read"])).status;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "of several at once: {answers:?}");
    server.manage("POST", KEYS, &server.wanted("fourth", &["jobs:read"])).is_problem(409, "conflict");
    assert_eq!(server.manage("DELETE", &path, "").status, 204);
    server.create("in its place", &["jobs:read"]);
}

#[test]
fn an_owner_changes_so_many_keys_a_minute_and_revokes_any_number() {
    let default = Ceilings { changes_per_minute: Some(3), ..Ceilings::default() };
    let server =
        start_with(Setup { ceilings: OwnerCeilings { default, ..OwnerCeilings::default() }, ..Setup::default() });
    let (path, _) = server.create("one", &["jobs:read"]);
    assert_eq!(server.manage("PATCH", &path, r#"{"label":"two"}"#).status, 200);
    assert_eq!(server.manage("POST", &format!("{path}/rotate"), "{}").status, 201);
    for (method, target, body) in [
        ("POST", KEYS.to_owned(), server.wanted("three", &["jobs:read"])),
        ("PATCH", path.clone(), r#"{"label":"three"}"#.to_owned()),
        ("POST", format!("{path}/rotate"), "{}".to_owned()),
    ] {
        let refused = server.manage(method, &target, &body);
        refused.is_problem(429, "rate-limited");
        assert_eq!(refused.header("retry-after"), Some("20"));
    }
    for _ in 0..5 {
        assert_eq!(server.manage("DELETE", &path, "").status, 204);
        assert_eq!(server.manage("GET", KEYS, "").status, 200);
    }
    server.pass(20);
    server.create("four", &["jobs:read"]);
    server.manage("POST", KEYS, &server.wanted("five", &["jobs:read"])).is_problem(429, "rate-limited");
}
