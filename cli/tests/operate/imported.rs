//! Keys of other systems on a running server: they open, are renewed under the pepper, ask nothing when they are of no shape, and are in nothing
//! that the server writes.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use scopegate_server::POLICY;
use serde_json::{Value, json};

use crate::process::{READ, Site};

#[test]
fn an_imported_key_opens_is_renewed_and_is_nowhere_sqlite() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../../../tests/data/foreign.json")).unwrap();
    let text = |at: usize, member: &str| vectors[at][member].as_str().unwrap().to_owned();
    let site = Site::new("imported");
    let mut policy: Value = serde_json::from_str(POLICY).unwrap();
    policy["credentials"]["apiKey"]["imported"] =
        json!([{ "from": "seam", "prefix": text(0, "prefix") }, { "from": "unkey" }]);
    std::fs::write(site.path("policy.json"), policy.to_string()).unwrap();
    let db = format!("sqlite:{}", site.path("keys.db"));
    let known = [(0, "seam"), (3, "unkey")];
    for (at, from) in known {
        let row = json!([{ "hash": text(at, "hash"), "owner": "company-1", "scopes": ["jobs:read"] }]);
        std::fs::write(site.path("rows.json"), row.to_string()).unwrap();
        let (rows, policy) = (site.path("rows.json"), site.path("policy.json"));
        let done = Command::new(env!("CARGO_BIN_EXE_scopegate"))
            .args(["import", "--from", from, "--policy", &policy, "--db", &db, &rows])
            .stderr(Stdio::null())
            .status();
        assert!(done.unwrap().success());
    }
    std::fs::remove_file(site.path("rows.json")).unwrap();

    let (policy, audit) = (site.path("policy.json"), site.path("audit.jsonl"));
    let flags = [
        ("db", db.as_str()),
        ("policy", &policy),
        ("audit-sinks", "file"),
        ("audit-file", &audit),
        ("log-level", "debug"),
    ];
    let server = site.start("server", &flags);
    let client = server.client();
    let keys = known.map(|(at, _)| text(at, "key"));
    for key in &keys {
        assert_eq!(client.with_key(key, READ).unwrap().status, 200);
        assert_eq!(client.with_key(key, "/public/v1/candidates").unwrap().code(), "insufficient_scope");
    }
    let started = Instant::now();
    while server.metric("scopegate_hash_renewals_total{outcome=\"stored\"}") < 2 {
        assert!(started.elapsed() < Duration::from_secs(30), "the hashes are not renewed");
        std::thread::sleep(Duration::from_millis(10));
    }
    let stored = rusqlite::Connection::open(site.path("keys.db")).unwrap();
    let mut records = stored.prepare("SELECT record FROM api_keys").unwrap();
    let records: Vec<String> = records.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(records.len(), 2);
    for record in records {
        let record: Value = serde_json::from_str(&record).unwrap();
        assert_eq!((&record["hashes"][0]["alg"], &record["version"]), (&json!("hmac-sha256"), &json!(2)), "{record}");
        assert_eq!(record["hashes"].as_array().unwrap().len(), 1, "the imported hash is gone");
    }
    let asked = server.metric("scopegate_store_calls_total{call=\"find\"}");
    for number in 0..1_000 {
        let shapes = [
            format!("{}_{number}", keys[0]),
            keys[0].replace("mycompany", &format!("mycompany{number}")),
            format!("{}0", keys[1]),
            format!("jbf_live_{}", keys[1]),
        ];
        assert_eq!(client.with_key(&shapes[number % 4], READ).unwrap().code(), "malformed_credential");
    }
    assert_eq!(server.metric("scopegate_store_calls_total{call=\"find\"}"), asked, "a key of no shape asks the store");
    for key in &keys {
        assert_eq!(client.with_key(key, READ).unwrap().status, 200);
        let wrong = format!("{}z", &key[..key.len() - 1]);
        assert_eq!(client.with_key(&wrong, READ).unwrap().code(), "invalid_credential");
    }
    let metrics = server.metrics();
    server.signal("TERM");
    assert!(server.wait().success());
    let secrets = [keys[0].rsplit_once('_').unwrap().1, keys[1].as_str()];
    let told = |place: &str, bytes: &[u8]| {
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{place} holds an imported key");
        }
    };
    told("the metrics", metrics.as_bytes());
    for entry in std::fs::read_dir(&site.folder).unwrap() {
        let path = entry.unwrap().path();
        told(&path.display().to_string(), &std::fs::read(&path).unwrap());
    }
    let events = site.read("audit.jsonl");
    for (at, _) in known {
        assert!(events.contains(&format!("\"keyId\":\"{}\"", text(at, "id"))), "{events}");
    }
}
