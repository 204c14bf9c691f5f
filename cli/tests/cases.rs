//! `scopegate test`: the example closes with no failure; failures are told by name and member; broken files by place.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::{Dir, KEY, PEPPER, SECRET, repository, scopegate};

fn policy() -> Value {
    json!({
        "version": 1, "name": "t", "scopes": { "a": "A" },
        "credentials": { "apiKey": { "type": "apiKey", "header": "X-API-Key", "prefix": "jbf" } },
        "routes": [
            { "id": "a", "match": "GET /a", "allow": [{ "apiKey": ["a"] }] },
            { "id": "h", "match": "GET /h", "public": true }
        ]
    })
}

fn set(cases: &Value) -> Value {
    json!({ "policy": policy(), "peppers": { "p1": PEPPER }, "now": 1_780_000_000, "keys": [], "cases": cases })
}

#[test]
fn the_example_passes_in_full() {
    let run = scopegate(["test", &repository("examples/jobiflow/cases.json")], "");
    run.says(0, &[" passed, 0 failed"]);
    let passed: usize = run.out.split(' ').next().unwrap().parse().unwrap();
    assert!(passed >= 80, "{passed}");
    assert_eq!(run.out.lines().count(), 1, "{}", run.out);
    scopegate(["test", &repository("examples/jobiflow/policy.json")], "").says(0, &[" passed, 0 failed"]);
}

/// Each code of the table of decisions at least once.
#[test]
fn the_example_has_every_code() {
    let text = std::fs::read_to_string(repository("examples/jobiflow/cases.json")).unwrap();
    let cases: Value = serde_json::from_str(&text).unwrap();
    let expected = |code: &str| cases["cases"].as_array().unwrap().iter().any(|case| case["expect"]["code"] == code);
    let table = std::fs::read_to_string(repository("docs/decisions.md")).unwrap();
    let rows = table.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| "));
    let codes: Vec<&str> =
        rows.filter_map(|row| row.split('|').nth(2)).flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(codes.len() >= 21, "{codes:?}");
    let missing: Vec<_> = codes.into_iter().filter(|code| !expected(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn several_files_are_summed() {
    let dir = Dir::new();
    let case = |status: u16| json!([{ "name": "h", "request": { "method": "GET", "target": "/h" }, "expect": { "status": status } }]);
    let good = dir.file("good.json", &set(&case(200)).to_string());
    let list = dir.file("list.json", &json!([set(&case(200)), set(&case(404))]).to_string());
    scopegate(["test", &good, &list], "")
        .says(1, &["FAILED", "list.json: h: /status: expected 404, found 200", "2 passed, 1 failed"]);
}

#[test]
fn what_differs_is_told_by_member() {
    let dir = Dir::new();
    let request = json!({ "method": "GET", "target": "/a" });
    let table = [
        (json!({}), ""),
        (json!({ "code": "missing_credential", "principal": null, "nothing": null }), ""),
        (json!({ "problem": { "status": 401 }, "missing": [] }), ""),
        (
            json!({ "effect": "allow", "status": 200 }),
            "/effect: expected \"allow\", found \"deny\"; /status: expected 200, found 401",
        ),
        (json!({ "problem": { "status": 403 } }), "/problem/status: expected 403, found 401"),
        (json!({ "missing": ["a", "b"] }), "/missing: expected [\"a\",\"b\"]"),
        (json!({ "principal": { "kind": "apiKey" } }), "/principal: expected"),
    ];
    for (expect, difference) in table {
        let case = json!([{ "name": "one", "request": request, "expect": expect }]);
        let file = dir.file("cases.json", &set(&case).to_string());
        let run = scopegate(["test", &file], "");
        if difference.is_empty() {
            run.says(0, &["1 passed, 0 failed"]);
        } else {
            run.says(1, &["FAILED", "one: ", difference, "0 passed, 1 failed"]);
        }
    }
}

#[test]
fn a_store_may_fail_and_https_is_the_default() {
    let dir = Dir::new();
    let headers = json!([["X-API-Key", KEY]]);
    let cases = json!([
        { "name": "an outage", "store": "fail", "expect": { "status": 503, "code": "store_unavailable" },
          "request": { "method": "GET", "target": "/a", "headers": headers } },
        { "name": "no record", "expect": { "status": 401, "code": "invalid_credential" },
          "request": { "method": "GET", "target": "/a", "headers": headers } },
        { "name": "plain", "expect": { "status": 403, "code": "insecure_transport" },
          "request": { "method": "GET", "target": "/h", "https": false } }
    ]);
    scopegate(["test", &dir.file("cases.json", &set(&cases).to_string())], "").says(0, &["3 passed, 0 failed"]);
}

#[test]
fn the_tests_of_a_policy_run() {
    let dir = Dir::new();
    let mut document = policy();
    document["tests"] = json!([
        { "request": "GET /a", "with": { "apiKey": ["a"] }, "expect": { "status": 200 } },
        { "name": "too little", "request": "GET /a", "with": { "apiKey": [] }, "expect": { "status": 200 } }
    ]);
    let file = dir.file("policy.json", &document.to_string());
    scopegate(["test", &file], "").says(1, &["too little: /status: expected 200, found 403", "1 passed, 1 failed"]);
    document["tests"] = json!([{ "request": "/a", "expect": {} }]);
    let file = dir.file("policy.json", &document.to_string());
    scopegate(["test", &file], "").says(2, &["policy.json:1:", "expected a method, a space and a target"]);
    document["tests"] = json!([{ "request": "GET /a", "with": { "nobody": [] }, "expect": {} }]);
    let file = dir.file("policy.json", &document.to_string());
    scopegate(["test", &file], "").says(2, &["policy.json:1:", "credential \"nobody\""]);
}

/// Every decision as a line of JSON: what another runtime compares with.
#[test]
fn decisions_are_printed_in_order() {
    let file = repository("examples/jobiflow/cases.json");
    let run = scopegate(["test", "--decisions", &file], "");
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let cases = cases["cases"].as_array().unwrap();
    let lines: Vec<Value> = run.says(0, &[]).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), cases.len());
    for (line, case) in lines.iter().zip(cases) {
        assert_eq!(line["name"], case["name"]);
        let decision: Value = serde_json::from_str(line["decision"].as_str().unwrap()).unwrap();
        assert_eq!(decision["status"], case["expect"]["status"], "{}", case["name"]);
    }
    assert_eq!(run.out, scopegate(["test", "--decisions", &file], "").out, "a decision hangs on chance");
}

#[test]
fn broken_case_files_have_a_place() {
    let dir = Dir::new();
    let case = json!({ "name": "n", "request": { "method": "GET", "target": "/a" }, "expect": {} });
    let with = |change: &dyn Fn(&mut Value)| {
        let mut document = set(&json!([case]));
        change(&mut document);
        document.to_string()
    };
    let table: Vec<(String, &str)> = vec![
        (String::new(), ":1:0: EOF"),
        ("{\n  \"policy\" 5}".into(), ":2:12: expected `:`"),
        ("{\"policy\": 5}".into(), "expected the path of a policy, or a policy"),
        (with(&|d| d["colour"] = json!(1)), "unknown field `colour`"),
        (with(&|d| d["cases"][0]["colour"] = json!(1)), "unknown field `colour`"),
        (with(&|d| d["cases"][0]["request"]["colour"] = json!(1)), "unknown field `colour`"),
        (with(&|d| d["cases"][0]["expect"] = json!("allow")), "invalid type: a string, expected an object"),
        (with(&|d| d["cases"][0]["store"] = json!("slow")), "unknown variant `slow`"),
        (with(&|d| d["cases"][0]["request"]["headers"] = json!(KEY)), "invalid type: a string, expected a sequence"),
        (with(&|d| d["cases"][0]["request"]["clientIp"] = json!("home")), "invalid IP address"),
        (with(&|d| d["now"] = json!("today")), "invalid type: a string"),
        (with(&|d| d["policy"]["routes"][0]["allow"] = json!([{ "apiKey": ["b"] }])), "cases.json:1:"),
        (
            with(&|d| d["policy"]["routes"][0]["allow"] = json!([{ "apiKey": ["b"] }])),
            "error[undeclared_scope]: scope \"b\"",
        ),
        (
            with(&|d| d["policy"]["routes"][0] = json!(["a", "GET /a", null, true])),
            "sequence, expected struct RouteDocument",
        ),
        (with(&|d| d["policy"]["routes"][0]["public"] = json!(null)), "null, expected a boolean"),
        (
            with(&|d| d["cases"][0] = json!(["n", { "method": "GET", "target": "/a" }, 1, null, {}])),
            "sequence, expected struct CaseDocument",
        ),
        (
            with(&|d| d["cases"][0]["request"] = json!(["GET", "/a", [], true, null])),
            "sequence, expected struct RequestDocument",
        ),
        (with(&|d| d["peppers"]["p1"] = json!("c2hvcnQ")), "32"),
        (with(&|d| d["jwks"] = json!({ "nobody": {} })), "\"nobody\" is not declared"),
        (with(&|_| {}).replace("\"expect\":{}", "\"expect\":{\"a\":1,\"a\":2}"), "duplicate member `a`"),
    ];
    for (text, expected) in &table {
        let file = dir.file("cases.json", text);
        scopegate(["test", &file], "").says(2, &["cases.json", expected]).hides(&[SECRET, PEPPER]);
    }
    let file = dir.file("cases.json", &with(&|d| d["policy"] = json!("none.json")));
    scopegate(["test", &file], "").says(2, &["none.json: cannot be read"]);
    scopegate(["test", "/no/such/cases.json"], "").says(2, &["/no/such/cases.json: cannot be read"]);
    scopegate(["test"], "").says(2, &["FILES"]);
    scopegate(["test", "-", "-"], "").says(2, &["standard input can be read once"]);
    scopegate(["test", "--decisions", "-", "-"], "").says(2, &["standard input can be read once"]);
}

/// What is wrong in a set, or in a policy inside of it, has line and column in the file.
#[test]
fn mistakes_of_sets_have_line_and_column() {
    let dir = Dir::new();
    let text = r#"[
  { "policy": { "version": 1, "name": "t", "scopes": {}, "credentials": {}, "routes": [] }, "now": 0, "cases": [] },
  {
    "policy": {
      "version": 1, "name": "t", "scopes": {}, "credentials": {},
      "routes": [
        { "id": "one", "match": "GET /a/{x}", "public": true },
        { "id": "two", "match": "GET /a/{y}", "public": true }
      ]
    },
    "peppers": {
      "p1": "c2hvcnQ"
    },
    "now": 0,
    "cases": []
  }
]
"#;
    let routes =
        text.replacen("[] }, \"now\"", "[{ \"id\": \"h\", \"match\": \"GET /h\", \"public\": true }] }, \"now\"", 1);
    let run = scopegate(["test", &dir.file("cases.json", &routes)], "");
    run.says(2, &["cases.json:8:24: error[ambiguous_routes]", "cases.json:7:24: the other one is here", "/a/0"]);
    let run = scopegate(["test", &dir.file("cases.json", &routes.replace("{y}", "{y}/b"))], "");
    run.says(2, &["cases.json:12:7: pepper \"p1\" is too short; expected at least 32 bytes"]);
}

#[test]
fn two_records_of_one_id_are_refused() {
    let dir = Dir::new();
    let text = std::fs::read_to_string(repository("examples/jobiflow/cases.json")).unwrap();
    let example: Value = serde_json::from_str(&text).unwrap();
    let mut document = set(&json!([]));
    document["keys"] = json!([example["keys"][0], example["keys"][0]]);
    let file = dir.file("cases.json", &document.to_string());
    scopegate(["test", &file], "").says(2, &["cases.json", "two records with id JobsRead0001"]);
    let keys = dir.file("keys.json", &document["keys"].to_string());
    scopegate(["decide", "--request", "GET /health", "--keys", &keys], "")
        .says(2, &["keys.json", "two records with id"]);
}
