//! The command as people run it: exit codes, messages with file and place, and never a secret.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "tests")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const KEY: &str = "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";

/// The root of the repository, from where people run the command.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn run(args: &[&str], input: &str) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scopegate"))
        .args(args)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads no input may have closed it already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    assert!(!text.contains("panicked"), "{args:?}: {text}");
    (status.code().unwrap(), text)
}

/// A file of the test's own.
fn file(name: &str, text: &str) -> String {
    let path = std::env::temp_dir().join(format!("scopegate-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

const POLICY: &str = "{
  \"version\": 1,
  \"name\": \"t\",
  \"scopes\": { \"a:read\": \"A\" },
  \"credentials\": { \"key\": { \"type\": \"apiKey\", \"header\": \"X-API-Key\", \"prefix\": \"jbf\" } },
  \"routes\": [
    { \"id\": \"one\", \"match\": \"GET /a/{x}\", \"allow\": [{ \"key\": [\"a:read\"] }] }
  ]
}";

#[test]
fn bad_files_are_told_with_file_place_and_expectation() {
    let ambiguous =
        POLICY.replace("\n  ]", ",\n    { \"id\": \"two\", \"match\": \"GET /a/{y}\", \"public\": true }\n  ]");
    let table: Vec<(&str, Vec<String>, i32, Vec<&str>)> = vec![
        (
            "a missing policy",
            vec!["check".into(), "/nowhere/p.json".into()],
            2,
            vec!["/nowhere/p.json", "cannot be read"],
        ),
        ("no JSON", vec!["check".into(), file("no.json", "{\n  \"version\": }")], 2, vec!["no.json:2:", "expected"]),
        (
            "an unknown member",
            vec!["check".into(), file("unknown.json", &POLICY.replace("\"name\"", "\"nome\""))],
            2,
            vec!["unknown.json:3:", "nome"],
        ),
        (
            "an undeclared scope",
            vec!["check".into(), file("scope.json", &POLICY.replace("[\"a:read\"]", "[\"a:raed\"]"))],
            2,
            vec!["scope.json:7:", "undeclared_scope", "did you mean \"a:read\"?", "^"],
        ),
        (
            "two routes for one path",
            vec!["check".into(), file("two.json", &ambiguous)],
            2,
            vec!["two.json:8:", "two.json:7:", "\"one\"", "\"two\"", "/a/"],
        ),
        ("a TOML policy", vec!["check".into(), file("bad.toml", "version = 1\nname = 5\n")], 2, vec!["bad.toml:2:"]),
        (
            "cases that are none",
            vec!["test".into(), file("cases.json", "{ \"policy\": \"p.json\",\n \"now\": 1.5, \"cases\": [] }")],
            2,
            vec!["cases.json:2:", "whole Unix seconds"],
        ),
        (
            "a case with an unknown member",
            vec![
                "test".into(),
                file("member.json", &format!("{{ \"policy\": {POLICY}, \"now\": 1, \"cases\": [], \"kees\": [] }}")),
            ],
            2,
            vec!["member.json", "kees"],
        ),
        (
            "a policy of cases that is not there",
            vec!["test".into(), file("gone.json", "{ \"policy\": \"gone-policy.json\", \"now\": 1, \"cases\": [] }")],
            2,
            vec!["gone-policy.json", "cannot be read"],
        ),
        (
            "a record with a float expiry",
            vec![
                "decide".into(),
                "--keys".into(),
                file("keys.json", "[{ \"v\": 1, \"id\": \"000000000000\",\n \"expiresAt\": 1.5 }]"),
                "--request".into(),
                "GET /".into(),
            ],
            2,
            vec!["keys.json:2:", "whole Unix seconds"],
        ),
        (
            "a key set that is none",
            vec![
                "decide".into(),
                "--jwks".into(),
                format!("user={}", file("jwks.json", "{ \"keys\": 1 }")),
                "--request".into(),
                "GET /".into(),
            ],
            2,
            vec!["jwks.json:1:3: ", "user", "not a JWK Set"],
        ),
        (
            "a key set that is no JSON",
            vec![
                "decide".into(),
                "--jwks".into(),
                format!("user={}", file("no-jwks.json", "{ \"keys\":\n [ }")),
                "--request".into(),
                "GET /".into(),
            ],
            2,
            vec!["no-jwks.json:2:4: expected value"],
        ),
        (
            "a short pepper",
            vec![
                "decide".into(),
                "--peppers".into(),
                file("peppers.json", "{ \"p1\": \"AAAA\" }"),
                "--request".into(),
                "GET /".into(),
            ],
            2,
            vec!["p1", "32 bytes"],
        ),
        (
            "a request without a target",
            vec!["decide".into(), "--request".into(), "GET".into()],
            2,
            vec!["--request", "expected"],
        ),
        (
            "a time that is none",
            vec!["decide".into(), "--now".into(), "soon".into(), "--request".into(), "GET /".into()],
            2,
            vec!["expected Unix seconds"],
        ),
        (
            "an unknown scanner",
            vec!["keys".into(), "scanner-rules".into(), "--for".into(), "x".into()],
            2,
            vec!["gitleaks"],
        ),
        ("a bad product", vec!["keys".into(), "inspect".into(), "--product".into(), "J_B".into()], 2, vec!["product"]),
        ("an address that is none", vec!["serve".into(), "--listen".into(), "nowhere".into()], 2, vec!["--listen"]),
        (
            "a database that is none",
            vec!["serve".into(), "--listen".into(), "127.0.0.1:0".into(), "--db".into(), "mysql:x".into()],
            2,
            vec!["--db"],
        ),
    ];
    for (name, args, code, parts) in table {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (found, text) = run(&args, "");
        assert_eq!(found, code, "{name}: {text}");
        for part in parts {
            assert!(text.contains(part), "{name}: {part:?} is not in {text}");
        }
    }
}

#[test]
fn cases_and_policy_tests_pass_and_fail_with_their_codes() {
    let (code, text) = run(&["test", "examples/jobiflow/cases.json", "examples/jobiflow/policy.json"], "");
    let totals = text.lines().last().unwrap();
    let passed: usize = totals.split(' ').next().unwrap().parse().unwrap();
    assert_eq!((code, totals), (0, format!("{passed} passed, 0 failed").as_str()));
    assert!(passed >= 80 + 15, "{totals}");

    let failing = format!(
        "{{ \"policy\": {POLICY}, \"now\": 1, \"cases\": [{{ \"name\": \"hopeful\",\n \"request\": {{ \"method\": \"GET\", \"target\": \"/a/b\" }}, \"expect\": {{ \"status\": 200 }} }}] }}"
    );
    let (code, text) = run(&["test", &file("failing.json", &failing)], "");
    assert_eq!(code, 1);
    assert!(
        text.contains("hopeful: /status: expected 200, found 401") && text.contains("0 passed, 1 failed"),
        "{text}"
    );
}

#[test]
fn every_vector_of_the_project_passes() {
    for name in ["alternatives", "jwt", "keys", "options", "precedence", "targets"] {
        let (code, text) = run(&["test", &format!("tests/vectors/{name}.json")], "");
        assert_eq!(code, 0, "{name}: {text}");
    }
}

#[test]
fn decide_answers_with_its_exit_code_and_without_the_credential() {
    let records = file("one.json", &format!("[{}]", record()));
    let base = ["decide", "--keys", &records, "--key-file", "-", "--now", "1780000000", "--request"];
    let ask = |request: &str, more: &[&str]| {
        let args: Vec<&str> = base.iter().copied().chain([request]).chain(more.iter().copied()).collect();
        let (code, text) = run(&args, KEY);
        assert!(!text.contains(&KEY[22..]), "{text}");
        (code, text)
    };
    let (code, text) = ask("GET /public/v1/job-listings", &["--explain"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("ALLOW 200 ok") && text.contains("alternative 0: satisfied"), "{text}");
    let (code, text) = ask("DELETE /public/v1/job-listings/42", &["--json"]);
    assert_eq!(code, 10);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((json["code"].as_str(), json["missing"][0].as_str()), (Some("insufficient_scope"), Some("jobs:write")));
    let (code, text) = ask("GET /public/v1/../settings/api-keys", &[]);
    assert!(code == 10 && text.contains("DENY 400 noncanonical_target"), "{text}");
    let (code, text) = ask("GET /public/v1/job-listings", &["--http"]);
    assert!(code == 10 && text.contains("insecure_transport"), "{text}");
    let (code, text) = run(&["decide", "-H", &format!("x-api-key: {KEY}"), "--request", "GET /"], "");
    assert!(code == 2 && text.contains("--key-file") && !text.contains(KEY), "{text}");
}

/// A record for the key of these tests, hashed by the command itself.
fn record() -> String {
    let (code, text) = run(&["keys", "hash"], KEY);
    assert_eq!(code, 0, "{text}");
    let entry = text.lines().nth(1).unwrap();
    format!(
        "{{\"v\":1,\"id\":\"000000000000\",\"env\":\"live\",\"owner\":\"company-1\",\"label\":\"t\",\"scopes\":[\"jobs:read\"],\
         \"hashes\":[{entry}],\"sealed\":false,\"createdAt\":1764000000,\"expiresAt\":null,\"revokedAt\":null,\"graceUntil\":null,\
         \"lastUsedAt\":null,\"ipAllow\":[],\"rotatedFrom\":null,\"version\":1}}"
    )
}

#[test]
fn keys_are_made_inspected_hashed_and_found() {
    let pepper = file("pepper", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n");
    let (code, text) = run(&["keys", "hash", "--pepper-file", &pepper], KEY);
    assert_eq!(code, 0);
    assert!(text.starts_with("e285f31396a7aea8f921343d8e8f75c3f27fbef878a7c1bbd41fef34059d9b3f"), "{text}");
    let (code, text) = run(&["keys", "inspect"], KEY);
    assert!(code == 0 && text.contains("000000000000") && !text.contains(KEY), "{text}");
    let (code, text) = run(&["keys", "inspect"], &KEY[..70]);
    assert!(code == 2 && text.contains("wrong_length") && !text.contains(&KEY[..70]), "{text}");
    let (code, text) = run(&["keys", "scanner-rules", "--for", "gitleaks"], "");
    assert!(code == 0 && text.contains("jbf_(?:live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}"), "{text}");
    let (code, text) = run(&["keys", "leak-check", "-"], &format!("token = \"{KEY}\""));
    assert!(code == 1 && text.contains("offset 9") && !text.contains(KEY), "{text}");
    assert_eq!(run(&["keys", "leak-check", "-"], "nothing here").0, 0);
    let out = file("raw", "");
    std::fs::remove_file(&out).unwrap();
    let (code, text) = run(
        &[
            "keys",
            "new",
            "--owner",
            "o",
            "--label",
            "l",
            "--scopes",
            "jobs:read",
            "--pepper-file",
            &pepper,
            "--key-out",
            &out,
        ],
        "",
    );
    assert_eq!(code, 0, "{text}");
    let key = std::fs::read_to_string(&out).unwrap();
    assert!(key.starts_with("jbf_live_") && !text.contains(key.trim()), "{text}");
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((record["sealed"].as_bool(), record["scopes"][0].as_str()), (Some(true), Some("jobs:read")));
}
