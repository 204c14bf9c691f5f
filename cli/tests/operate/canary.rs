//! The canary: keys and tokens of a whole run are in nothing that the server writes or answers.

use scopegate::key::format::{CHECKSUM_LEN, SECRET_LEN};
use serde_json::{Value, json};

use crate::process::{READ, Server, Site, ask};

/// Every text that must be nowhere: the secret part of each key, and each part of the token.
struct Canaries(Vec<String>);

impl Canaries {
    fn key(&mut self, key: &str) {
        self.0.push(key[key.len() - SECRET_LEN - CHECKSUM_LEN..].to_owned());
    }

    fn assert_absent(&self, place: &str, bytes: &[u8]) {
        for canary in &self.0 {
            assert!(canary.len() >= 20, "too short to mean anything");
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{place} holds a part of a credential");
        }
    }
}

#[test]
fn no_credential_is_in_anything_that_a_run_leaves_behind() {
    let site = Site::new("canary");
    let mut canaries = Canaries(site.token.split('.').skip(1).map(str::to_owned).collect());
    let (db, audit) = (format!("sqlite:{}", site.path("keys.db")), site.path("audit.jsonl"));
    for (name, format) in [("text", "text"), ("json", "json")] {
        let flags = [
            ("db", db.as_str()),
            ("audit-sinks", "file,stdout"),
            ("audit-file", audit.as_str()),
            ("audit-file-bytes", "4096"),
            ("log-format", format),
            ("log-level", "debug"),
        ];
        let server = site.start(name, &flags);
        for answer in whole_life(&site, &server, &mut canaries) {
            canaries.assert_absent("an answer", answer.as_bytes());
        }
        canaries.assert_absent("the metrics", server.metrics().as_bytes());
        server.signal("TERM");
        assert!(server.wait().success());
    }
    let mut seen = 0;
    for entry in std::fs::read_dir(&site.folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        canaries.assert_absent(&path.display().to_string(), &bytes);
        seen += 1;
    }
    assert!(seen >= 8, "logs, audit files, database and what the test put there: {seen}");
    assert!(site.folder.join("audit.jsonl.1").exists(), "the audit file was rotated");
    every_event_is_of_the_schema(&site);
}

/// Method, target, headers, body.
type Request = (&'static str, String, Vec<(&'static str, String)>, String);

/// Every kind of request, with what answers except the one answer that shows a new key.
fn whole_life(site: &Site, server: &Server<'_>, canaries: &mut Canaries) -> Vec<String> {
    let client = server.client();
    let mut answers = Vec::new();
    let (id, key) = client.create().unwrap();
    canaries.key(&key);
    let path = format!("/settings/api-keys/{id}");
    let bearer = format!("Bearer {}", site.token);
    let forged = format!("{}{}", &key[..30], &key[31..]);
    let bent = format!("{}x", &site.token[..site.token.len() - 1]);
    let secure = ("X-Forwarded-Proto", "https");
    let from = ("X-Forwarded-For", "192.0.2.7");
    let requests: Vec<Request> = vec![
        ("GET", READ.into(), vec![("X-API-Key", key.clone())], String::new()),
        ("GET", "/public/v1/candidates".into(), vec![("X-API-Key", key.clone())], String::new()),
        ("GET", READ.into(), vec![("X-API-Key", forged)], String::new()),
        ("GET", READ.into(), vec![("X-API-Key", key.clone()), ("X-API-Key", key.clone())], String::new()),
        ("GET", READ.into(), vec![("Authorization", format!("Bearer {key}"))], String::new()),
        ("GET", format!("{READ}?X-API-Key={key}&access_token={}", site.token), vec![], String::new()),
        ("GET", format!("/{key}/{}", site.token), vec![("X-API-Key", key.clone())], String::new()),
        ("GET", format!("/../{key}"), vec![("X-API-Key", key.clone())], String::new()),
        ("GET", format!("/settings/api-keys/{key}"), vec![("Authorization", bearer.clone())], String::new()),
        ("GET", "/settings/api-keys".into(), vec![("Authorization", bearer.clone())], String::new()),
        ("GET", "/settings/api-keys".into(), vec![("Authorization", format!("Bearer {bent}"))], String::new()),
        ("GET", format!("/settings/api-keys?cursor={key}"), vec![("Authorization", bearer.clone())], String::new()),
        (
            "POST",
            "/settings/api-keys".into(),
            vec![("Authorization", bearer.clone())],
            format!("{{\"label\":\"{key}\""),
        ),
        (
            "POST",
            "/settings/api-keys".into(),
            vec![("Authorization", bearer.clone())],
            json!({ "label": 1, key.as_str(): 2 }).to_string(),
        ),
        ("PATCH", path.clone(), vec![("Authorization", bearer.clone())], json!({ key.as_str(): 2 }).to_string()),
        ("PATCH", path.clone(), vec![("Authorization", bearer.clone())], json!({ "label": "Other" }).to_string()),
    ];
    for (method, target, headers, body) in requests {
        let mut lines: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        lines.extend([secure, from]);
        if let Some(answer) = ask(server.address, method, &target, &lines, &body) {
            // What is refused because of a member repeats the member's name: it is the caller's own.
            if !body.contains(&key) && !target.contains(&key) {
                answers.push(format!("{}{}", answer.head, answer.body));
            }
        }
    }
    let rotated = client.manage("POST", &format!("{path}/rotate"), &json!({ "overlapSeconds": 0 })).unwrap().json();
    let fresh = rotated["rawKey"].as_str().unwrap().to_owned();
    canaries.key(&fresh);
    client.revoke(rotated["id"].as_str().unwrap()).unwrap();
    for key in [&key, &fresh] {
        answers.push(client.with_key(key, READ).unwrap().body);
    }
    answers
}

fn every_event_is_of_the_schema(site: &Site) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let schema: Value =
        serde_json::from_str(&read(concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/audit-event.json"))).unwrap();
    let validator = jsonschema::draft202012::options().build(&schema).unwrap();
    let mut kinds = std::collections::BTreeMap::<String, usize>::new();
    let files = ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"].map(|name| site.read(name));
    for line in files.iter().flat_map(|text| text.lines()) {
        let event: Value = serde_json::from_str(line).unwrap();
        let faults: Vec<String> = validator.iter_errors(&event).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{line}: {faults:?}");
        let kind = event["code"].as_str().or(event["change"].as_str()).unwrap();
        *kinds.entry(kind.to_owned()).or_default() += 1;
        for (member, value) in [("label", json!("x")), ("at", json!("now")), ("type", json!("other"))] {
            let mut broken = event.clone();
            broken[member] = value;
            assert!(!validator.is_valid(&broken), "{member} is not held: {broken}");
        }
    }
    for kind in [
        "ok",
        "create",
        "relabel",
        "rotate",
        "revoke",
        "insufficient_scope",
        "malformed_credential",
        "invalid_token",
        "key_revoked",
    ] {
        assert!(kinds.contains_key(kind), "no event {kind}: {kinds:?}");
    }
}
