//! `scopegate decide`: every kind of answer, for people and for programs, and what it refuses to be told.
#![allow(clippy::type_complexity, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::{Dir, Example, KEY, PEPPER, SECRET, repository, scopegate};

const LIST: &str = "GET /public/v1/job-listings";

#[test]
fn keys_are_answered_each_with_code_and_sentence() {
    let dir = Dir::new();
    let example = Example::new(&dir);
    let reader = example.header("listJobListings is allowed with jobs:read", "X-API-Key");
    let revoked = example.header("a revoked key", "X-API-Key");
    let expired = example.header("an expired key", "X-API-Key");
    let unknown = example.header("an unknown key", "X-API-Key");
    let office = example.header("a key from an address outside its list", "X-API-Key");
    let table: [(&str, &str, &[&str], i32, &[&str]); 12] = [
        (reader, LIST, &[], 0, &["ALLOW 200 ok", "listJobListings", "JobsRead0001", "scopes: jobs:read"]),
        (reader, LIST, &["--http"], 10, &["DENY 403 insecure_transport"]),
        (
            reader,
            "DELETE /public/v1/job-listings/42",
            &[],
            10,
            &[
                "DENY 403 insufficient_scope",
                "deleteJobListing",
                "id = 42",
                "missing     jobs:write",
                "scope=\"jobs:write\"",
            ],
        ),
        (reader, "POST /settings/api-keys", &[], 10, &["DENY 401 missing_credential", "Bearer realm="]),
        (reader, "GET /public/v1/../settings/api-keys", &[], 10, &["DENY 400 noncanonical_target", "reason "]),
        (reader, "GET /nowhere", &[], 10, &["DENY 404 no_route"]),
        (
            reader,
            "PUT /public/v1/job-listings/42",
            &[],
            10,
            &["DENY 405 method_not_allowed", "GET, PATCH, DELETE, HEAD"],
        ),
        (revoked, LIST, &[], 10, &["DENY 401 key_revoked"]),
        (expired, LIST, &[], 10, &["DENY 401 key_expired"]),
        (unknown, LIST, &[], 10, &["DENY 401 invalid_credential", "unknown id"]),
        (office, LIST, &["--client-ip", "192.0.2.7"], 0, &["ALLOW 200 ok"]),
        (office, LIST, &["--client-ip", "198.51.100.7"], 10, &["DENY 403 ip_not_allowed"]),
    ];
    for (key, request, more, code, texts) in table {
        let args = [&["--key-file", "-", "--explain", "--request", request], more].concat();
        let run = example.decide(&args, &format!("{key}\n"));
        run.says(code, texts).says(code, &["How it came about:\n  1. "]).hides(&[key, key.get(22..).unwrap()]);
    }
}

#[test]
fn tokens_are_answered_each_with_its_reason() {
    let dir = Dir::new();
    let example = Example::new(&dir);
    let table: [(&str, i32, &[&str]); 5] = [
        ("createApiKey is allowed for the signed-in user", 0, &["ALLOW 200 ok", "createApiKey"]),
        (
            "a token without a signature",
            10,
            &["DENY 401 invalid_token", "alg_not_allowed", "does not allow the algorithm"],
        ),
        ("an expired token", 10, &["DENY 401 invalid_token", "it has expired", "error=\"invalid_token\""]),
        ("a token signed by a stranger", 10, &["DENY 401 invalid_token", "the signature is wrong"]),
        ("a token of another issuer", 10, &["DENY 401 invalid_token", "it is from another issuer"]),
    ];
    for (case, code, texts) in table {
        let token = example.header(case, "Authorization").strip_prefix("Bearer ").unwrap();
        let file = dir.file("token.txt", &format!("{token}\r\n"));
        let args = ["--bearer-file", &file, "--method", "POST", "--target", "/settings/api-keys", "--explain"];
        let parts: Vec<&str> = token.split('.').skip(1).filter(|part| part.len() > 20).collect();
        example.decide(&args, "").says(code, texts).hides(&parts);
    }
}

/// The commands of examples/jobiflow/README.md, with what it says of each.
#[test]
fn the_example_decides_as_its_readme_says() {
    let folder = repository("examples/jobiflow");
    let readme = std::fs::read_to_string(format!("{folder}/README.md")).unwrap();
    let lines: Vec<&str> = readme.lines().filter(|line| line.starts_with("decide --request")).collect();
    assert!(lines.len() >= 6, "{lines:?}");
    for line in lines {
        let (command, expected) = line.split_once('#').unwrap();
        let (_, rest) = command.split_once('\'').unwrap();
        let (request, rest) = rest.split_once('\'').unwrap();
        let file = |name: &str| format!("{folder}/{name}");
        let (policy, keys, peppers) = (file("policy.json"), file("keys.json"), file("peppers.json"));
        let jwks = format!("user={}", file("jwks.json"));
        let mut args: Vec<String> =
            ["decide", "--policy", &policy, "--keys", &keys, "--peppers", &peppers, "--jwks", &jwks]
                .into_iter()
                .chain(["--now", "1780000000", "--request", request])
                .map(str::to_owned)
                .collect();
        args.extend(rest.split_whitespace().map(|word| if word.contains('.') { file(word) } else { word.to_owned() }));
        let code = if expected.contains("ALLOW") { 0 } else { 10 };
        scopegate(&args, "").says(code, &[expected.trim()]);
    }
}

#[test]
fn json_is_the_whole_decision() {
    let dir = Dir::new();
    let example = Example::new(&dir);
    let key = example.header("listJobListings is allowed with jobs:read", "X-API-Key");
    let run = example.decide(&["--key-file", "-", "--json", "--request", "DELETE /public/v1/job-listings/42"], key);
    let decision: Value = serde_json::from_str(&run.says(10, &[]).out).unwrap();
    assert_eq!(decision["effect"], "deny");
    assert_eq!(decision["status"], 403);
    assert_eq!(decision["code"], "insufficient_scope");
    assert_eq!(decision["routeId"], "deleteJobListing");
    assert_eq!(decision["missing"], json!(["jobs:write"]));
    assert_eq!(decision["trace"], Value::Null);
    let run = example.decide(&["--key-file", "-", "--json", "--explain", "--request", LIST], key);
    let decision: Value = serde_json::from_str(&run.says(0, &[]).hides(&[key]).out).unwrap();
    assert!(decision["trace"].to_string().contains("\"proven\""), "{decision}");
}

#[test]
fn without_files_the_built_in_policy_decides() {
    scopegate(["decide", "--request", "GET /health"], "").says(0, &["ALLOW 200 ok", "health"]);
    scopegate(["decide", "--target", "/health"], "").says(0, &["ALLOW 200 ok"]);
    scopegate(["decide", "--request", LIST], "").says(10, &["DENY 401 missing_credential"]);
    scopegate(["decide", "--request", LIST, "--key-file", "-"], KEY).says(10, &["DENY 401 invalid_credential"]);
    scopegate(["decide", "--request", LIST, "--key-file", "-"], "jbf_live_short")
        .says(10, &["DENY 401 malformed_credential"]);
    let preflight = ["-H", "Origin: https://app.example", "-H", "Access-Control-Request-Method: GET"];
    let args = [&["decide", "--request", "OPTIONS /public/v1/job-listings"], &preflight[..]].concat();
    scopegate(args, "").says(10, &["PREFLIGHT 204", "pass nothing on"]);
}

#[test]
fn a_policy_may_be_toml() {
    let dir = Dir::new();
    let policy = dir.file(
        "policy.toml",
        "version = 1\nname = \"t\"\n[scopes]\n[credentials]\n[[routes]]\nid = \"h\"\nmatch = \"GET /h\"\npublic = true\n",
    );
    scopegate(["decide", "--policy", &policy, "--request", "GET /h"], "").says(0, &["ALLOW 200 ok"]);
    let broken = dir.file("broken.toml", "version = 1\nname = 2\n");
    scopegate(["decide", "--policy", &broken, "--request", "GET /h"], "")
        .says(2, &["broken.toml:2:8: ", "expected a string"]);
}

#[test]
fn times_are_seconds_or_rfc3339() {
    let dir = Dir::new();
    let example = Example::new(&dir);
    let key = example.header("a key is expired at exactly its end", "X-API-Key");
    let decide = |now: &str| {
        let args =
            ["decide", "--keys", &example.keys, "--peppers", &example.peppers, "--request", LIST, "--key-file", "-"];
        scopegate([&args[..], &["--now", now]].concat(), key)
    };
    decide("1779999999").says(0, &[]);
    decide("2026-05-28T20:26:39Z").says(0, &[]);
    decide("2026-05-28T22:26:40+02:00").says(10, &["key_expired"]);
    for now in ["-1", "yesterday", "1e9", "2026-05-28", "99999999999999999999"] {
        let now = format!("--now={now}");
        scopegate(["decide", "--request", LIST, &now], "").says(2, &["--now", "Unix seconds"]);
    }
}

#[test]
fn credentials_come_by_file_only() {
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.";
    let header = format!("X-API-Key: {KEY}");
    let bearer = format!("Authorization: Bearer {token}");
    let query = format!("GET /public/v1/job-listings?api_key={KEY}");
    let runs: [&[&str]; 8] = [
        &["decide", "--request", LIST, "-H", &header],
        &["decide", "--request", LIST, "-H", &bearer],
        &["decide", "--request", &query],
        &["decide", "--request", LIST, "--key-file", KEY],
        &["decide", "--request", LIST, "--bearer", token],
        &["keys", "inspect", KEY],
        &["keys", "hash", KEY],
        &[KEY],
    ];
    for args in runs {
        scopegate(args, "").says(2, &["--key-file", "standard input"]).hides(&[SECRET, "eyJ", "canary"]);
    }
    // What is no credential by its shape is one by its header.
    for header in
        ["X-API-Key: hunter2", "x-api-key:hunter2", "Authorization: Basic hunter2", "proxy-authorization: hunter2"]
    {
        scopegate(["decide", "--request", LIST, "-H", header], "").says(2, &["--key-file"]).hides(&["hunter2"]);
    }
}

#[test]
fn misuse_is_told_and_is_2() {
    let dir = Dir::new();
    let example = Example::new(&dir);
    let jwks = format!("nobody={}", example.jwks);
    let table: [(&[&str], &[&str]); 13] = [
        (&[], &["--request"]),
        (&["--request", "GET"], &["expected a method, a space and a target"]),
        (&["--request", LIST, "--target", "/x"], &["cannot be used with"]),
        (&["--method", "GET"], &["--target"]),
        (&["--request", LIST, "-H", "no colon"], &["expected NAME: VALUE"]),
        (&["--request", LIST, "--client-ip", "300.1.1.1"], &["--client-ip"]),
        (&["--request", LIST, "--jwks", "user"], &["expected CREDENTIAL=FILE"]),
        (&["--request", LIST, "--jwks", &jwks], &["no bearer credential \"nobody\""]),
        (&["--request", LIST, "--policy", "/no/such/file.json"], &["/no/such/file.json: cannot be read"]),
        (&["--request", LIST, "--key-file", "-", "--bearer-file", "-"], &["standard input can be read once"]),
        (&["--request", LIST, "--key-file", "/no/such/key"], &["/no/such/key: cannot be read"]),
        (&["--request", LIST, "--unknown"], &["--unknown"]),
        (&["--request", LIST, "--policy", "."], &[".: cannot be read"]),
    ];
    for (args, texts) in table {
        scopegate([&["decide"], args].concat(), "").says(2, texts);
    }
    scopegate(["no-such-command"], "").says(2, &["no-such-command"]);
}

/// A broken file is told by its name, the place, and what was expected there; a secret in it is never shown.
#[test]
fn broken_files_have_a_place() {
    let dir = Dir::new();
    let record = |change: (&str, Value)| {
        let text = std::fs::read_to_string(repository("examples/jobiflow/cases.json")).unwrap();
        let mut document: Value = serde_json::from_str(&text).unwrap();
        let mut record = document["keys"][0].take();
        record[change.0] = change.1;
        format!("[\n{record}]")
    };
    let canary = format!("{PEPPER}canary");
    let table: [(&str, String, &str); 23] = [
        ("--policy", "{".into(), ":1:1: EOF"),
        ("--policy", "\n{\"version\": 1, \"version\": 1}".into(), ":2:24: duplicate field"),
        ("--policy", "{\"version\": 1, \"colour\": 1}".into(), "unknown field `colour`, expected one of"),
        ("--policy", "\u{feff}{}".into(), "expected UTF-8 text without a byte order mark"),
        ("--keys", "[{}]".into(), ":1:3: "),
        ("--keys", "{\"records\": []}".into(), "missing field `keys`"),
        ("--keys", "5".into(), "invalid type: integer `5`"),
        ("--keys", record(("expiresAt", json!("never"))), ":2:"),
        ("--keys", record(("expiresAt", json!(1.5))), ":2:"),
        ("--keys", record(("createdAt", json!(-1))), ":2:"),
        ("--keys", record(("id", json!(KEY))), "12 base62 characters"),
        ("--keys", record(("hashes", json!(canary))), "expected"),
        (
            "--keys",
            record(("hashes", json!([["hmac-sha256", "p1", canary, null]]))),
            "hashes: expected a list of hashes",
        ),
        ("--peppers", json!({ "p0": PEPPER, "p1": "c2hvcnQ" }).to_string().replace(",", ",\n"), ":2:1: pepper \"p1\""),
        ("--peppers", format!("{{\n \"p1\": \"{canary}=\"}}"), ":2:2: p1: expected base64url"),
        ("--secrets", "{\n \"user\": \"not base64!\"}".into(), ":2:2: user: expected base64url"),
        ("--peppers", json!(canary).to_string(), ":1:51: invalid type: a string, expected an object"),
        ("--peppers", json!({ "p1": [canary] }).to_string(), "expected a string"),
        ("--peppers", json!({ "p1": "c2hvcnQ" }).to_string(), "32"),
        ("--peppers", json!({ "p1": format!("{canary}=") }).to_string(), "p1: expected base64url"),
        ("--peppers", json!({ canary.as_str(): "p1" }).to_string(), "names come first"),
        (
            "--peppers",
            json!({ "current": canary, "p1": PEPPER }).to_string(),
            "expected the name of a pepper of this file (p1)",
        ),
        ("--secrets", json!({ "user": "not base64!" }).to_string(), "user: expected base64url"),
    ];
    for (option, text, expected) in &table {
        let file = dir.file("broken.json", text);
        let run = scopegate(["decide", "--request", LIST, option, &file], "");
        run.says(2, &["broken.json:", expected]).hides(&[PEPPER, SECRET, "not base64!"]);
    }
    for (text, place) in [
        ("{\"keys\": 5}", "broken.jwks:1:2: "),
        ("{\"keys\": [{\"kty\": \"EC\"},\n {\"kty\": \"RSA\", \"d\": \"AQ\"}]}", "broken.jwks:2:2: "),
        ("{\"keys\": [],\n \"keys\": []}", "broken.jwks:2:7: duplicate member `keys`"),
    ] {
        let jwks = dir.file("broken.jwks", text);
        let run = scopegate(["decide", "--request", LIST, "--jwks", &format!("user={jwks}")], "");
        run.says(2, &[place]);
    }
}

/// With `hide` a wrong method is an unknown path, in words and in JSON; the audit event alone tells.
#[test]
fn what_is_hidden_is_hidden_in_words_too() {
    let dir = Dir::new();
    let policy = json!({
        "version": 1, "name": "t", "hide": true, "scopes": {}, "credentials": {},
        "routes": [{ "id": "h", "match": "GET /h", "public": true }]
    });
    let policy = dir.file("policy.json", &policy.to_string());
    let run = scopegate(["decide", "--policy", &policy, "--request", "PUT /h"], "");
    run.says(10, &["DENY 404 no_route", "There is no such resource."]).hides(&["405", "method_not_allowed", "GET"]);
    let run = scopegate(["decide", "--policy", &policy, "--request", "PUT /h", "--json"], "");
    let decision: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((&decision["status"], &decision["code"]), (&json!(404), &json!("no_route")));
    assert_eq!(decision["effects"]["audit"]["code"], "method_not_allowed");
}
