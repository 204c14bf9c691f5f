//! The naive interpreter is itself held against the seed policy's tests and against the case files it can read.

#![expect(clippy::unwrap_used, reason = "a test may stop where it finds a fault")]

#[path = "reference/interpreter.rs"]
mod interpreter;

use interpreter::interpret;
use serde_json::Value;

fn read(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().map(|list| list.iter().map(|item| item.as_str().unwrap()).collect()).unwrap_or_default()
}

/// Holds one request against what is expected of it.
fn hold(policy: &Value, method: &str, target: &str, with: &Value, expect: &Value, what: &str) {
    let scopes: Vec<(&str, Vec<&str>)> =
        with.as_object().into_iter().flatten().map(|(name, scopes)| (name.as_str(), strings(scopes))).collect();
    let granted: Vec<(&str, &[&str])> = scopes.iter().map(|(name, scopes)| (*name, scopes.as_slice())).collect();
    let path = target.split('?').next().unwrap();
    let answer = interpret(policy, method, path, &granted);
    assert_eq!(u64::from(answer.status), expect["status"].as_u64().unwrap(), "{what}: {answer:?}");
    assert!(expect["code"].is_null() || expect["code"] == answer.code, "{what}: {answer:?}");
    assert!(expect["effect"].is_null() || expect["effect"] == answer.effect, "{what}: {answer:?}");
    if let Some(missing) = expect["missing"].as_array() {
        let mut missing: Vec<&str> = missing.iter().map(|scope| scope.as_str().unwrap()).collect();
        missing.sort_unstable();
        assert_eq!(answer.missing, missing, "{what}");
    }
}

#[test]
fn agrees_with_the_tests_of_the_seed_policy() {
    let policy = read("examples/jobiflow/policy.json");
    // The interpreter reads no claims: what has some is a list of scopes no more.
    let has_claims = |test: &&Value| test["with"].as_object().is_some_and(|with| with.values().any(Value::is_object));
    let tests: Vec<&Value> = policy["tests"].as_array().unwrap().iter().filter(|test| !has_claims(test)).collect();
    assert!(tests.len() >= 15);
    for test in tests {
        let request = test["request"].as_str().unwrap();
        let (method, target) = request.split_once(' ').unwrap();
        hold(&policy, method, target, &test["with"], &test["expect"], request);
    }
}

#[test]
fn agrees_with_the_cases_that_need_no_credential() {
    const GATE_OR_ENGINE: [&str; 4] = ["noncanonical_target", "method_override", "insecure_transport", "preflight"];
    let mut held = 0;
    for file in ["targets", "precedence", "options"] {
        let document = read(&format!("tests/vectors/{file}.json"));
        let suites = document.as_array().cloned().unwrap_or_else(|| vec![document]);
        for suite in &suites {
            for case in suite["cases"].as_array().unwrap() {
                let (request, expect) = (&case["request"], &case["expect"]);
                // The interpreter sees neither the gate nor headers, and no case here may depend on them.
                if GATE_OR_ENGINE.iter().any(|code| expect["code"] == *code) || !request["headers"].is_null() {
                    continue;
                }
                let (method, target) = (request["method"].as_str().unwrap(), request["target"].as_str().unwrap());
                hold(&suite["policy"], method, target, &Value::Null, expect, case["name"].as_str().unwrap());
                held += 1;
            }
        }
    }
    assert!(held > 100, "only {held} cases were held");
}

#[test]
fn agrees_with_alternatives_of_proven_credentials() {
    let document = read("tests/vectors/alternatives.json");
    let policy = &document["policy"];
    type Granted<'a> = &'a [(&'a str, &'a [&'a str])];
    let table: [(&str, Granted<'_>, u16, &[&str]); 9] = [
        ("GET /either", &[], 401, &[]),
        ("GET /either", &[("user", &["write"])], 200, &[]),
        ("GET /either", &[("apiKey", &["audit"])], 403, &["read"]),
        ("POST /both", &[("apiKey", &["write"])], 401, &[]),
        ("POST /both", &[("apiKey", &["read"]), ("user", &["read"])], 403, &["openid", "write"]),
        ("GET /mixed", &[("user", &["openid"])], 403, &["admin"]),
        ("GET /ladder", &[("apiKey", &["openid"])], 403, &["admin"]),
        ("PUT /read-write", &[("apiKey", &["audit"])], 403, &["write"]),
        ("GET /role", &[("user", &["admin"])], 403, &[]),
    ];
    for (request, granted, status, missing) in table {
        let (method, path) = request.split_once(' ').unwrap();
        let answer = interpret(policy, method, path, granted);
        assert_eq!(
            (answer.status, &answer.missing[..]),
            (status, &missing.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..]),
            "{request} {granted:?}"
        );
    }
}
