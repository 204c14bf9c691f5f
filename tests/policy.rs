//! What a policy document may say: every mistake has a code and a place, and all are told at once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use scopegate::error::PolicyError;
use scopegate::policy::Policy;
use serde_json::{Value, json};

fn good() -> Value {
    json!({
        "version": 1,
        "name": "test",
        "scopes": { "jobs:read": "Read", "jobs:write": { "title": "Write", "implies": ["jobs:read"] } },
        "credentials": {
            "apiKey": { "type": "apiKey", "header": "X-API-Key", "prefix": "jbf" },
            "user": { "type": "bearer", "issuer": "https://i.example", "audiences": ["a"], "algorithms": ["RS256"] }
        },
        "routes": [
            { "id": "list", "match": "GET /jobs", "allow": [{ "apiKey": ["jobs:read"] }] },
            { "id": "show", "match": "GET /jobs/{id}", "allow": [{ "apiKey": ["jobs:read"] }, { "user": [] }] },
            { "id": "health", "match": "GET /health", "public": true }
        ]
    })
}

fn errors(document: &Value) -> Vec<PolicyError> {
    Policy::from_json(&document.to_string()).err().map(|errors| errors.0).unwrap_or_default()
}

fn with(pointer: &str, value: Value) -> Value {
    let mut document = good();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(members) => {
            members.insert(name.into(), value);
        }
        Value::Array(items) => match name {
            "-" => items.push(value),
            at => items[at.parse::<usize>().unwrap()] = value,
        },
        _ => unreachable!(),
    }
    document
}

#[test]
fn a_good_policy_compiles() {
    assert_eq!(errors(&good()), []);
}

#[test]
fn a_policy_without_routes_is_none() {
    let codes: Vec<_> = errors(&with("/routes", json!([]))).iter().map(|error| error.code).collect();
    assert_eq!(codes, ["routes_empty"]);
}

#[test]
fn each_mistake_has_its_code_and_place() {
    let allow = |value: Value| with("/routes/0/allow", value);
    let table: Vec<(&str, Value, &str, &str)> = vec![
        ("version", with("/version", json!(2)), "version", "/version"),
        ("empty name", with("/name", json!("")), "name", "/name"),
        ("quote in name", with("/name", json!("a\"b")), "name", "/name"),
        ("scope name", with("/scopes/Jobs:Read", json!("x")), "scope_name", "/scopes"),
        ("scope wildcard", with("/scopes/jobs:*", json!("x")), "scope_name", "/scopes"),
        ("implied scope", with("/scopes/a", json!({ "title": "a", "implies": ["b"] })), "undeclared_scope", "/scopes"),
        (
            "circle",
            with("/scopes/jobs:read", json!({ "title": "r", "implies": ["jobs:write"] })),
            "scope_cycle",
            "/scopes",
        ),
        ("key prefix", with("/credentials/apiKey/prefix", json!("JBF")), "key_format", "/credentials/apiKey"),
        ("key prefix with _", with("/credentials/apiKey/prefix", json!("j_f")), "key_format", "/credentials/apiKey"),
        ("environment", with("/credentials/apiKey/environments", json!(["l"])), "key_format", "/credentials/apiKey"),
        ("accept", with("/credentials/apiKey/accept", json!(["prod"])), "accept", "/credentials/apiKey/accept/0"),
        (
            "imported from nowhere",
            with("/credentials/apiKey/imported", json!([{ "from": "seam", "prefix": "acme" }, { "from": "other" }])),
            "imported",
            "/credentials/apiKey/imported/1/from",
        ),
        (
            "imported twice",
            with("/credentials/apiKey/imported", json!([{ "from": "unkey" }, { "from": "better-auth" }])),
            "imported",
            "/credentials/apiKey/imported/1",
        ),
        (
            "imported without a shape",
            with("/credentials/apiKey/imported", json!([{ "from": "sha256" }])),
            "imported",
            "/credentials/apiKey/imported/0",
        ),
        (
            "imported into no environment",
            with("/credentials/apiKey/imported", json!([{ "from": "unkey", "environment": "prod" }])),
            "imported",
            "/credentials/apiKey/imported/0/environment",
        ),
        (
            "imported from too many",
            with(
                "/credentials/apiKey/imported",
                (0..9).map(|at| json!({ "from": "keypal", "prefix": format!("k{at}_") })).collect(),
            ),
            "imported",
            "/credentials/apiKey/imported",
        ),
        ("accept none", with("/credentials/apiKey/accept", json!([])), "accept", "/credentials/apiKey/accept"),
        ("header", with("/credentials/apiKey/header", json!("X API")), "header_name", "/credentials/apiKey/header"),
        (
            "taken header",
            with("/credentials/apiKey/header", json!("authorization")),
            "header_name",
            "/credentials/apiKey/header",
        ),
        ("issuer", with("/credentials/user/issuer", json!("")), "issuer", "/credentials/user/issuer"),
        ("audiences", with("/credentials/user/audiences", json!([])), "audiences", "/credentials/user/audiences"),
        ("none", with("/credentials/user/algorithms", json!(["none"])), "algorithm", "/credentials/user/algorithms/0"),
        (
            "alg case",
            with("/credentials/user/algorithms", json!(["rs256"])),
            "algorithm",
            "/credentials/user/algorithms/0",
        ),
        ("no alg", with("/credentials/user/algorithms", json!([])), "algorithm", "/credentials/user/algorithms"),
        ("leeway", with("/credentials/user/leeway", json!(301)), "leeway", "/credentials/user/leeway"),
        ("no age", with("/credentials/user/maxAge", json!(0)), "max_age", "/credentials/user/maxAge"),
        ("empty type", with("/credentials/user/types", json!([""])), "types", "/credentials/user/types"),
        (
            "no required claim",
            with("/credentials/user/requiredClaims", json!([])),
            "required_claims",
            "/credentials/user/requiredClaims",
        ),
        (
            "no scope claim",
            with("/credentials/user/scopeClaims", json!([""])),
            "scope_claims",
            "/credentials/user/scopeClaims",
        ),
        ("empty client", with("/credentials/user/clients", json!([""])), "clients", "/credentials/user/clients"),
        (
            "empty audience",
            with("/credentials/user/audiences", json!(["a", ""])),
            "audiences",
            "/credentials/user/audiences",
        ),
        ("no title", with("/scopes/a", json!("")), "scope_title", "/scopes/a"),
        ("long title", with("/scopes/a", json!({ "title": "\u{e9}".repeat(201) })), "scope_title", "/scopes/a"),
        (
            "test without target",
            with("/tests", json!([{ "request": "GET", "expect": { "status": 200 } }])),
            "test_request",
            "/tests/0/request",
        ),
        (
            "test of nothing",
            with("/tests", json!([{ "request": "GET /", "expect": {} }])),
            "test_expect",
            "/tests/0/expect",
        ),
        (
            "test of no object",
            with("/tests", json!([{ "request": "GET /", "expect": 200 }])),
            "test_expect",
            "/tests/0/expect",
        ),
        (
            "test with a stranger",
            with("/tests", json!([{ "request": "GET /", "with": { "nobody": [] }, "expect": { "status": 200 } }])),
            "undeclared_credential",
            "/tests/0/with/nobody",
        ),
        (
            "test with all scopes",
            with("/tests", json!([{ "request": "GET /", "with": { "user": ["*"] }, "expect": { "status": 200 } }])),
            "scope_name",
            "/tests/0/with/user",
        ),
        ("clients", with("/credentials/user/clients", json!([])), "clients", "/credentials/user/clients"),
        ("jwks", with("/credentials/user/jwks", json!({})), "jwks", "/credentials/user/jwks"),
        ("limits", with("/credentials/user/limits", json!({ "depth": 0 })), "limits", "/credentials/user/limits/depth"),
        (
            "metadata",
            with("/credentials/user/resourceMetadata", json!("http://x")),
            "resource_metadata",
            "/credentials/user/resourceMetadata",
        ),
        (
            "same issuer",
            with(
                "/credentials/z2",
                json!({ "type": "bearer", "issuer": "https://i.example", "audiences": ["b"], "algorithms": ["RS256"] }),
            ),
            "credentials_collide",
            "/credentials/z2",
        ),
        (
            "same header and prefix",
            with("/credentials/k2", json!({ "type": "apiKey", "header": "x-api-key", "prefix": "jbf" })),
            "credentials_collide",
            "/credentials/k2",
        ),
        ("neither", with("/routes/0", json!({ "id": "x", "match": "GET /x" })), "route_undecided", "/routes/0"),
        ("both", with("/routes/0/public", json!(true)), "public_and_allow", "/routes/0"),
        ("public false", with("/routes/2/public", json!(false)), "public_false", "/routes/2/public"),
        ("no alternative", allow(json!([])), "allow_empty", "/routes/0/allow"),
        ("empty alternative", allow(json!([{}])), "alternative_empty", "/routes/0/allow/0"),
        ("credential", allow(json!([{ "key": [] }])), "undeclared_credential", "/routes/0/allow/0/key"),
        ("scope", allow(json!([{ "apiKey": ["job:read"] }])), "undeclared_scope", "/routes/0/allow/0/apiKey"),
        (
            "claims on a key",
            allow(json!([{ "apiKey": { "scopes": [], "claims": { "a": 1 } } }])),
            "claims_on_key",
            "/routes/0/allow/0/apiKey",
        ),
        (
            "claim object",
            allow(json!([{ "user": { "claims": { "a": {} } } }])),
            "claim_value",
            "/routes/0/allow/0/user/claims/a",
        ),
        ("twice", with("/routes/1/id", json!("list")), "duplicate_route_id", "/routes/1/id"),
    ];
    for (name, document, code, place) in table {
        let found = errors(&document);
        let codes: Vec<_> = found.iter().map(|error| (error.code, error.place.as_str())).collect();
        assert_eq!(codes, [(code, place)], "{name}: {found:?}");
        assert!(!found[0].message.is_empty());
    }
}

#[test]
fn a_misspelt_scope_is_told_its_neighbour_and_another_name_is_not() {
    let told = |scope: &str| errors(&with("/routes/0/allow", json!([{ "apiKey": [scope] }])))[0].message.clone();
    assert_eq!(told("jobs:raed"), "scope \"jobs:raed\" is not declared; did you mean \"jobs:read\"?");
    let mut document = with("/routes/0/allow", json!([{ "apiKey": ["zz"] }]));
    document["scopes"]["a"] = json!("A");
    assert_eq!(errors(&document)[0].message, "scope \"zz\" is not declared");
}

#[test]
fn ambiguous_routes_are_named_both_with_a_witness() {
    let document = with("/routes/-", json!({ "id": "other", "match": "GET /jobs/{name}", "public": true }));
    let found = errors(&document);
    assert_eq!(
        (found[0].place.as_str(), found[0].other.as_deref()),
        ("/routes/3/match", Some("/routes/1/match")),
        "{found:?}"
    );
    assert!(found[0].message.contains("\"show\"") && found[0].message.contains("\"other\""), "{}", found[0].message);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let mut document = with("/version", json!(9));
    document["routes"][0]["allow"] = json!([{ "apiKey": ["nope:nope"] }]);
    document["routes"][1]["allow"] = json!([{ "nobody": [] }]);
    let codes: Vec<_> = errors(&document).iter().map(|error| error.code).collect();
    assert_eq!(codes, ["version", "undeclared_scope", "undeclared_credential"]);
}

#[test]
fn unknown_and_duplicate_members_are_syntax_errors() {
    let good = good().to_string();
    let cases = [
        good.replacen("\"version\"", "\"extra\":1,\"version\"", 1),
        good.replacen("\"version\":1", "\"version\":1,\"version\":1", 1),
        good.replacen("\"jobs:read\":\"Read\"", "\"jobs:read\":\"Read\",\"jobs:read\":\"Again\"", 1),
        good.replacen("\"public\":true", "\"public\":true,\"publik\":true", 1),
        good.replacen("\"prefix\":\"jbf\"", "\"prefix\":\"jbf\",\"prefix\":\"jbg\"", 1),
        good.replacen("\"prefix\":\"jbf\"", "\"prefix\":\"jbf\",\"pepper\":\"x\"", 1),
        good.replacen("\"user\":[]", "\"user\":{\"claims\":{\"a\":1,\"a\":2}}", 1),
        good.replacen("\"public\":true", "\"public\":\"yes\"", 1),
        good.replacen("\"type\":\"bearer\"", "\"type\":\"cookie\"", 1),
        "{".to_owned(),
        "[]".to_owned(),
        String::new(),
        format!("{good}x"),
    ];
    for case in cases {
        assert_ne!(case, good, "the case changes the document");
        let found = Policy::from_json(&case).err().map(|errors| errors.0).unwrap_or_default();
        assert_eq!(found.iter().map(|error| error.code).collect::<Vec<_>>(), ["syntax"], "{case}");
    }
}
