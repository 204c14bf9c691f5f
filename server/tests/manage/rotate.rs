//! Rotation: a new key in the place of an old one, and never a longer life.

use scopegate_server::manage::{Ceilings, OwnerCeilings};
use serde_json::json;

use crate::support::{KEYS, LISTINGS, Setup, start, start_with};

#[test]
fn what_is_no_request_to_rotate_changes_nothing() {
    let server = start();
    let (path, key) = server.create("rotated", &["jobs:read"]);
    let rotate = format!("{path}/rotate");
    for (pointer, body) in [
        ("/overlapSeconds", r#"{"overlapSeconds":-1}"#),
        ("/overlapSeconds", r#"{"overlapSeconds":1.5}"#),
        ("/overlapSeconds", r#"{"overlapSeconds":"60"}"#),
        ("/overlapSeconds", r#"{"overlapSeconds":null}"#),
        ("/scopes", r#"{"overlapSeconds":60,"scopes":["jobs:write"]}"#),
        ("/expiresAt", r#"{"expiresAt":"2099-01-01T00:00:00Z"}"#),
    ] {
        server.manage("POST", &rotate, body).is_mistake(422, "validation", "pointer", pointer);
    }
    server.manage("POST", &rotate, "{").is_problem(400, "validation");
    server.manage_with("POST", &rotate, &[("Content-Type", "text/plain")], "{}").is_problem(415, "validation");
    let long = json!({ "overlapSeconds": 1, "x": "x".repeat(70_000) }).to_string();
    server.manage("POST", &rotate, &long).is_problem(413, "validation");
    assert_eq!(server.with_key(&key, "GET", LISTINGS).status, 200);
    assert_eq!(server.manage("GET", KEYS, "").json()["items"].as_array().unwrap().len(), 2);
}

#[test]
fn rotation_overlaps_and_never_extends_a_life() {
    let server = start();
    let (path, old) = server.create("rotated", &["jobs:read"]);
    let rotated = server.manage("POST", &format!("{path}/rotate"), r#"{"overlapSeconds":600}"#);
    assert_eq!(rotated.status, 201, "{rotated:?}");
    let new = rotated.text("rawKey");
    assert_eq!(format!("{KEYS}/{}", rotated.text("rotatedFrom")), path);
    assert_eq!(rotated.json()["scopes"], json!(["jobs:read"]));
    let before = server.manage("GET", &path, "");
    assert_eq!(rotated.text("expiresAt"), before.text("expiresAt"), "V20");
    assert_eq!(before.text("graceUntil"), server.after(600));
    for (seconds, old_status, new_status) in [(599, 200, 200), (1, 401, 200), (3_000, 401, 401)] {
        server.pass(seconds);
        assert_eq!(server.with_key(&old, "GET", LISTINGS).status, old_status, "the old key");
        assert_eq!(server.with_key(&new, "GET", LISTINGS).status, new_status, "the new key");
    }
}

#[test]
fn without_a_word_the_old_key_ends_at_once() {
    let server = start();
    for body in ["", "{}", r#"{"overlapSeconds":0}"#] {
        let (path, old) = server.create("at once", &["jobs:read"]);
        assert_eq!(server.manage("POST", &format!("{path}/rotate"), body).status, 201);
        let refused = server.with_key(&old, "GET", LISTINGS);
        assert_eq!((refused.status, refused.text("code")), (401, "key_expired".to_owned()));
        server.manage("POST", &format!("{path}/rotate"), body).is_problem(409, "conflict");
    }
}

#[test]
fn a_retry_of_a_rotation_gets_the_same_key() {
    let server = start();
    let (path, old) = server.create("rotated", &["jobs:read"]);
    let rotate = format!("{path}/rotate");
    let send = |name: &str, body: &str| server.manage_with("POST", &rotate, &[("Idempotency-Key", name)], body);
    let tag = server.manage("GET", &path, "").header("etag").unwrap().to_owned();
    let first = server.manage_with("POST", &rotate, &[("Idempotency-Key", "r1"), ("If-Match", &tag)], "{}");
    assert_eq!(first.status, 201);
    let again = server.manage_with("POST", &rotate, &[("Idempotency-Key", "r1"), ("If-Match", &tag)], "{}");
    assert_eq!((again.status, again.json()), (201, first.json()));
    send("r1", r#"{"overlapSeconds":60}"#).is_problem(422, "idempotency-mismatch");
    send("r2", "{}").is_problem(409, "conflict");
    assert_eq!(server.with_key(&old, "GET", LISTINGS).status, 401);
    assert_eq!(server.with_key(&first.text("rawKey"), "GET", LISTINGS).status, 200);
    assert_eq!(server.manage("GET", KEYS, "").json()["items"].as_array().unwrap().len(), 3);
}

#[test]
fn of_rotations_at_the_same_time_one_goes_through() {
    let server = start();
    let (path, _) = server.create("rotated", &["jobs:read"]);
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let ask = || server.manage("POST", &format!("{path}/rotate"), r#"{"overlapSeconds":60}"#).status;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.contains(&201), "{answers:?}");
    let items = server.manage("GET", &format!("{KEYS}?active=true"), "").json();
    let made = answers.iter().filter(|status| **status == 201).count();
    assert_eq!(items["items"].as_array().unwrap().len(), 2 + made, "no key that nobody was shown is left active");
}

#[test]
fn overlaps_do_not_multiply_keys() {
    let ceilings = OwnerCeilings { default: Ceilings { keys: 2, ..Ceilings::default() }, ..OwnerCeilings::default() };
    let server = start_with(Setup { ceilings, ..Setup::default() });
    let (path, _) = server.create("rotated", &["jobs:read"]);
    let rotate = format!("{path}/rotate");
    let overlapping = || server.manage("POST", &rotate, r#"{"overlapSeconds":600}"#);
    assert_eq!([overlapping().status, overlapping().status], [201, 201], "twice as many keys as are allowed");
    overlapping().is_problem(409, "conflict");
    assert_eq!(server.manage("POST", &rotate, "{}").status, 201, "one in the place of one");
}
