//! `scopegate keys expiring`: what ends soon, of every owner, and nothing that has ended, is revoked or has time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::{Dir, scopegate};

#[test]
fn keys_that_end_soon_are_listed_by_their_end() {
    let dir = Dir::new();
    let db = format!("sqlite:{}", dir.path("keys.db"));
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let row = |number: u32, days: i64, more: Value| {
        let mut row = json!({
            "hash": format!("{number:064x}"), "owner": format!("company-{}", number % 2), "label": format!("key {number}"), "scopes": ["a"],
            "createdAt": now - 100 * 86_400, "expiresAt": now + days * 86_400 + 3_600
        });
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let mut rows = vec![
        row(1, 3, json!({ "lastUsedAt": now - 5 })),
        row(2, 1, json!({})),
        row(3, 30, json!({})),
        row(4, -2, json!({})),
        row(5, 2, json!({ "revokedAt": now - 10 })),
        row(6, 2, json!({ "expiresAt": null })),
    ];
    scopegate(["import", "--from", "sha256", "--db", &db, "-"], &Value::from(rows.clone()).to_string()).says(0, &[]);
    let list = |more: &[&str]| -> Vec<Value> {
        let run = scopegate([&["keys", "expiring", "--db", &db], more].concat(), "");
        run.says(0, &[]).hides(&["hash", "AAAA"]).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let labels =
        |more: &[&str]| list(more).iter().map(|key| key["label"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(labels(&[]), ["key 2", "key 1"]);
    assert_eq!(labels(&["--within", "1h"]), [""; 0]);
    assert_eq!(labels(&["--within", "2d"]), ["key 2"]);
    assert_eq!(labels(&["--within", "1y"]), ["key 2", "key 1", "key 3"]);
    let first = &list(&[])[1];
    assert_eq!((first["owner"].as_str(), first["id"].as_str().unwrap().len()), (Some("company-1"), 12));
    assert!(first["endsAt"] == first["expiresAt"] && first["endsAt"].as_str().unwrap().ends_with('Z'));
    assert!(first["lastUsedAt"].is_string() && first["graceUntil"].is_null());
    // More than a page of the store, with one end.
    rows = (100..350).map(|number| row(number, 5, json!({}))).collect();
    scopegate(["import", "--from", "sha256", "--db", &db, "-"], &Value::from(rows).to_string()).says(0, &[]);
    assert_eq!(list(&[]).len(), 252);
}

#[test]
fn what_makes_no_sense_is_refused_and_makes_no_database() {
    let dir = Dir::new();
    let missing = dir.path("missing.db");
    let url = format!("sqlite:{missing}");
    for (args, expected) in [
        (vec![], "--db"),
        (vec!["--db", "memory"], "--db: expected sqlite:FILE"),
        (vec!["--db", "postgres://u:hunter2@h/"], "--db: holds a password"),
        (vec!["--db", &url], "there is no such database"),
        (vec!["--db", &url, "--within", "soon"], "--within: expected a duration like 14d"),
        (vec!["--db", &url, "--within", "0d"], "--within: expected a duration"),
    ] {
        scopegate([&["keys", "expiring"], &args[..]].concat(), "").says(2, &[expected]).hides(&["hunter2"]);
    }
    assert!(!std::path::Path::new(&missing).exists());
}
