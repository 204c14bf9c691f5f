//! One key: whose it is, what of it changes, under which condition.

use scopegate_stores::{KeyStore, kit};
use serde_json::json;

use crate::support::{KEYS, LISTINGS, start};

#[test]
fn unknown_foreign_and_malformed_ids_answer_alike() {
    let server = start();
    let foreign = kit::sample("company-2", 7).unwrap();
    server.run(server.app.store.insert(&foreign)).unwrap();
    let mut answers = Vec::new();
    for id in [foreign.id.as_str(), "000000000000", "x", "Q9s9Xw1BgXP4Q", "__proto__", "company-2"] {
        for (method, tail, body) in [
            ("GET", "", ""),
            ("PATCH", "", r#"{"label":"mine now"}"#),
            ("PATCH", "", r#"{"scopes":[]}"#),
            ("PATCH", "", "{"),
            ("DELETE", "", ""),
            ("POST", "/rotate", r#"{"overlapSeconds":0}"#),
            ("POST", "/rotate", "{"),
        ] {
            let answer = server.manage(method, &format!("{KEYS}/{id}{tail}"), body);
            answer.is_problem(404, "not-found");
            let mut body = answer.json();
            body.as_object_mut().unwrap().remove("instance");
            answers.push(body);
        }
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    let list = server.manage("GET", KEYS, "");
    assert!(!list.body.contains(foreign.id.as_str()));
    assert_eq!(server.run(server.app.store.find(&foreign.id)).unwrap(), Some(foreign), "nothing has touched it");
}

#[test]
fn other_methods_are_told_which_there_are() {
    let server = start();
    for (target, method, allow) in [
        (KEYS.to_owned(), "PUT", "GET, HEAD, POST"),
        (KEYS.to_owned(), "DELETE", "GET, HEAD, POST"),
        (format!("{KEYS}/000000000000"), "PUT", "DELETE, GET, HEAD, PATCH"),
        (format!("{KEYS}/000000000000/rotate"), "GET", "POST"),
    ] {
        let answer = server.manage(method, &target, "");
        assert_eq!(answer.status, 405, "{method} {target}");
        let mut methods: Vec<&str> = answer.header("allow").unwrap().split(", ").collect();
        methods.sort_unstable();
        assert_eq!(methods.join(", "), allow, "{method} {target}");
    }
}

#[test]
fn only_the_label_changes() {
    let server = start();
    let (path, _) = server.create("before", &["jobs:read"]);
    for (member, body) in [
        ("/scopes", r#"{"scopes":["jobs:write"]}"#),
        ("/expiresAt", r#"{"label":"x","expiresAt":null}"#),
        ("/environment", r#"{"environment":"test"}"#),
        ("/owner", r#"{"owner":"company-2"}"#),
        ("/revokedAt", r#"{"revokedAt":null}"#),
        ("/nonsense", r#"{"nonsense":1}"#),
        ("", r#"{"a very odd name":1}"#),
    ] {
        server.manage("PATCH", &path, body).is_mistake(422, "immutable-field", "pointer", member);
    }
    for body in ["{}", r#"{"label":null}"#, r#"{"label":""}"#, r#"{"label":7}"#, r#"{"label":"a\nb"}"#] {
        server.manage("PATCH", &path, body).is_mistake(422, "validation", "pointer", "/label");
    }
    for body in ["", "{", "[]", r#"{"label":"a","label":"b"}"#] {
        server.manage("PATCH", &path, body).is_problem(400, "validation");
    }
    let typed = server.manage_with("PATCH", &path, &[("Content-Type", "application/json-patch+json")], "[]");
    typed.is_problem(415, "validation");
    assert_eq!(typed.header("accept-patch"), Some("application/merge-patch+json, application/json"));
    server.manage("PATCH", &path, &json!({ "label": "x".repeat(70_000) }).to_string()).is_problem(413, "validation");
    assert_eq!(server.manage("GET", &path, "").text("label"), "before");

    let merge = [("Content-Type", "application/merge-patch+json")];
    let patched = server.manage_with("PATCH", &path, &merge, r#"{"label":"after"}"#);
    assert_eq!((patched.status, patched.text("label")), (200, "after".to_owned()));
    assert_eq!(patched.json()["scopes"], json!(["jobs:read"]));
    let again = server.manage("PATCH", &path, r#"{"label":"after"}"#);
    assert_eq!(again.header("etag"), patched.header("etag"), "the same label is no change");
}

#[test]
fn tags_guard_changes_and_spare_answers() {
    let server = start();
    let (path, key) = server.create("tagged", &["jobs:read"]);
    let rotate = format!("{path}/rotate");
    let first = server.manage("GET", &path, "").header("etag").unwrap().to_owned();
    for tag in ["\"0\"", "\"2-0-1\"", "W/\"1-0-1\"", "1-0-1", "", "\""] {
        let stale = [("If-Match", tag)];
        let mistake = (412, "precondition-failed", "header", "If-Match");
        for (method, target, body) in
            [("PATCH", &path, r#"{"label":"x"}"#), ("DELETE", &path, ""), ("POST", &rotate, r#"{"overlapSeconds":0}"#)]
        {
            let answer = server.manage_with(method, target, &stale, body);
            answer.is_mistake(mistake.0, mistake.1, mistake.2, mistake.3);
        }
    }
    let nothing = server.manage_with("PATCH", &path, &[("If-Match", "\"0\"")], r#"{"label":""}"#);
    nothing.is_problem(422, "validation");
    for tag in [first.clone(), format!("\"x\", {first}"), format!("W/{first}"), "*".to_owned()] {
        let known = server.manage_with("GET", &path, &[("If-None-Match", &tag)], "");
        assert_eq!((known.status, known.body.as_str(), known.header("etag")), (304, "", Some(first.as_str())), "{tag}");
    }
    assert_eq!(server.manage_with("GET", &path, &[("If-None-Match", "\"other\"")], "").status, 200);

    assert_eq!(server.with_key(&key, "GET", LISTINGS).status, 200);
    assert!(server.run(server.app.uses.finish(std::time::Duration::from_secs(60))));
    let used = server.manage_with("GET", &path, &[("If-None-Match", &first)], "");
    assert_eq!(used.status, 200, "what is shown has changed, so the tag has too");
    assert!(used.json()["lastUsedAt"].is_string());
    let matched = server.manage_with("PATCH", &path, &[("If-Match", &first)], r#"{"label":"second"}"#);
    assert_eq!(matched.status, 200, "a use is no lost update");
    server
        .manage_with("PATCH", &path, &[("If-Match", &first)], r#"{"label":"third"}"#)
        .is_problem(412, "precondition-failed");
    let again = server.manage_with("PATCH", &path, &[("If-Match", &first)], r#"{"label":"second"}"#);
    assert_eq!((again.status, again.header("etag")), (200, matched.header("etag")), "sent again, it is done already");
    let second = matched.header("etag").unwrap();
    let several = [("If-Match", "\"0\""), ("If-Match", second)];
    assert_eq!(server.manage_with("PATCH", &path, &several, r#"{"label":"third"}"#).status, 200);
    let third = server.manage("GET", &path, "").header("etag").unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(server.manage_with("DELETE", &path, &[("If-Match", &third)], "").status, 204, "repeatable");
    }
    assert_eq!(server.manage_with("DELETE", &path, &[("If-Match", "*")], "").status, 204);
}

#[test]
fn revoking_is_final_repeatable_and_holds_from_its_answer_on() {
    let server = start();
    let (path, key) = server.create("short-lived", &["jobs:read"]);
    assert_eq!(server.with_key(&key, "GET", LISTINGS).status, 200);
    assert_eq!(server.manage("DELETE", &path, "").status, 204);
    let refused = server.with_key(&key, "GET", LISTINGS);
    assert_eq!((refused.status, refused.text("code")), (401, "key_revoked".to_owned()));
    let first = server.manage("GET", &path, "");
    assert_eq!(first.json()["active"], false);
    server.pass(60);
    assert_eq!(server.manage("DELETE", &path, "").status, 204);
    assert_eq!(server.manage("GET", &path, "").text("revokedAt"), first.text("revokedAt"));
    server.manage("POST", &format!("{path}/rotate"), r#"{"overlapSeconds":60}"#).is_problem(409, "conflict");
    assert_eq!(server.manage("PATCH", &path, r#"{"label":"still dead"}"#).status, 200);
    assert_eq!(server.with_key(&key, "GET", LISTINGS).status, 401);
}

#[test]
fn of_changes_at_the_same_time_none_is_lost() {
    let server = start();
    let (path, _) = server.create("raced", &["jobs:read"]);
    let first = server.manage("GET", &path, "").header("etag").unwrap().to_owned();
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let (server, path, first) = (&server, &path, &first);
                let body = json!({ "label": format!("racer {number}") }).to_string();
                scope.spawn(move || server.manage_with("PATCH", path, &[("If-Match", first)], &body).status)
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| matches!(status, 200 | 412)), "{answers:?}");
}
