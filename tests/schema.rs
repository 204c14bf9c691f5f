//! The JSON Schemas hold for every example and vector of this repository, and refuse documents that are broken.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it finds a fault"
)]

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

fn read(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The validator of `schema/<name>.schema.json`, with its sisters in reach and nothing fetched.
fn validator(name: &str) -> Validator {
    let load = |name: &str| read(&format!("schema/{name}.schema.json"));
    let sisters = ["policy", "key-record"].map(load);
    let mut registry = Registry::new();
    for schema in &sisters {
        registry = registry.add(schema["$id"].as_str().unwrap(), schema).unwrap();
    }
    let registry = registry.prepare().unwrap();
    jsonschema::draft202012::options().with_registry(&registry).build(&load(name)).unwrap()
}

fn case_files() -> Vec<String> {
    let vectors = std::fs::read_dir("tests/vectors").unwrap().map(|entry| entry.unwrap().path());
    let vectors = vectors.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let mut files: Vec<String> = vectors.map(|path| path.to_str().unwrap().to_owned()).collect();
    files.push("examples/jobiflow/cases.json".to_owned());
    files
}

#[test]
fn every_document_here_is_valid() {
    let cases = validator("cases");
    let files = case_files();
    assert!(files.len() >= 7);
    for file in files {
        let document = read(&file);
        let faults: Vec<String> = cases.iter_errors(&document).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{file}: {faults:?}");
    }
    let policy = read("examples/jobiflow/policy.json");
    assert!(validator("policy").is_valid(&policy));
}

/// Sets the member at a JSON pointer, or takes it away.
fn change(document: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match (document.pointer_mut(parent).unwrap(), value) {
        (Value::Object(members), Some(value)) => drop(members.insert(name.to_owned(), value)),
        (Value::Object(members), None) => assert!(members.remove(name).is_some(), "{pointer} is not there"),
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer} cannot be changed"),
    }
}

/// Holds that a document is valid, and that each change makes it invalid.
fn refuses(schema: &str, good: &Value, table: &[(&str, Option<Value>)]) {
    let validator = validator(schema);
    assert!(
        validator.is_valid(good),
        "{schema}: {:?}",
        validator.iter_errors(good).map(|e| e.to_string()).collect::<Vec<_>>()
    );
    for (pointer, value) in table {
        let mut broken = good.clone();
        change(&mut broken, pointer, value.clone());
        assert!(!validator.is_valid(&broken), "{schema}: {pointer} = {value:?} was accepted");
    }
}

#[test]
fn broken_policies_are_refused() {
    let good = json!({
        "version": 1, "name": "api", "base": "/v1", "https": "required",
        "scopes": { "a:read": "Read", "a:write": { "title": "Write", "implies": ["a:read"] } },
        "credentials": {
            "key": { "type": "apiKey", "header": "X-API-Key", "prefix": "abc", "environments": ["live", "test"], "accept": ["live"],
                "imported": [{ "from": "seam", "prefix": "acme", "environment": "live", "length": 24, "upgradedOnly": true }] },
            "user": {
                "type": "bearer", "issuer": "https://id.example", "audiences": ["api"], "algorithms": ["RS256"], "types": [],
                "leeway": 300, "maxAge": 60, "requiredClaims": ["exp"], "profile": "rfc9068", "scopeClaims": ["scope"],
                "clients": ["app"], "jwks": { "keys": [{ "kty": "RSA", "n": "AQ", "e": "AQAB" }] },
                "limits": { "tokenBytes": 100, "headerBytes": 100, "depth": 3, "members": 10 },
                "resourceMetadata": "https://api.example/.well-known/oauth-protected-resource"
            }
        },
        "routes": [
            { "id": "a", "match": "GET /a/{id:int}", "allow": [{ "key": ["a:read"], "user": { "scopes": ["a:read"], "claims": { "role": "x" } } }], "encodedSlash": "opaque" },
            { "id": "b", "match": "GET /b", "public": true }
        ],
        "router": "express", "trailingSlash": "same", "caseInsensitive": true, "methodOverride": "apply", "hide": true,
        "tests": [{ "name": "t", "request": "GET /v1/b", "with": { "key": ["a:read"] }, "https": false, "expect": { "status": 200 } }]
    });
    let table: Vec<(&str, Option<Value>)> = vec![
        ("/version", Some(json!(2))),
        ("/version", Some(json!("1"))),
        ("/version", None),
        ("/name", Some(json!("a\"b"))),
        ("/name", Some(json!(""))),
        ("/extra", Some(json!(1))),
        ("/base", Some(json!("v1"))),
        ("/base", Some(json!("/v1/"))),
        ("/https", Some(json!(true))),
        ("/scopes", None),
        ("/routes", Some(json!([]))),
        ("/scopes/a:*", Some(json!("All"))),
        ("/scopes/A:read", Some(json!("Read"))),
        ("/scopes/a:", Some(json!("Read"))),
        ("/scopes/b", Some(json!(""))),
        ("/scopes/b", Some(json!({ "implies": [] }))),
        ("/scopes/b", Some(json!({ "title": "B", "grants": [] }))),
        ("/scopes/a:write/implies", Some(json!(["a:read", 1]))),
        ("/credentials/bad name", Some(json!({ "type": "apiKey", "header": "X", "prefix": "abc" }))),
        ("/credentials/key/type", Some(json!("basic"))),
        ("/credentials/key/imported/0/from", Some(json!("other"))),
        ("/credentials/key/imported/0/from", None),
        ("/credentials/key/imported/0/prefix", Some(json!("a b"))),
        ("/credentials/key/imported/0/environment", Some(json!("Live"))),
        ("/credentials/key/imported/0/length", Some(json!(15))),
        ("/credentials/key/imported/0/upgradedOnly", Some(json!("yes"))),
        ("/credentials/key/imported/0/extra", Some(json!(1))),
        ("/credentials/key/type", Some(json!("bearer"))),
        ("/credentials/key/header", Some(json!("X API"))),
        ("/credentials/key/header", None),
        ("/credentials/key/header", Some(json!("Authorization"))),
        ("/credentials/key/prefix", Some(json!("a"))),
        ("/credentials/key/prefix", Some(json!("a_b"))),
        ("/credentials/key/environments", Some(json!([]))),
        ("/credentials/key/environments/0", Some(json!("LIVE"))),
        ("/credentials/key/issuer", Some(json!("x"))),
        ("/credentials/user/issuer", None),
        ("/credentials/user/audiences", Some(json!([]))),
        ("/credentials/user/audiences", Some(json!("api"))),
        ("/credentials/user/algorithms", Some(json!(["none"]))),
        ("/credentials/user/algorithms", Some(json!([]))),
        ("/credentials/user/leeway", Some(json!(301))),
        ("/credentials/user/leeway", Some(json!(-1))),
        ("/credentials/user/leeway", Some(json!(1.5))),
        ("/credentials/user/maxAge", Some(json!("60"))),
        ("/credentials/user/profile", Some(json!("rfc9067"))),
        ("/credentials/user/clients", Some(json!([]))),
        ("/credentials/user/jwks/keys/0/d", Some(json!("AQ"))),
        ("/credentials/user/jwks/keys/0/k", Some(json!("AQ"))),
        ("/credentials/user/jwks/keys", Some(json!({}))),
        ("/credentials/user/limits/depth", Some(json!(0))),
        ("/credentials/user/limits/depth", Some(json!(65))),
        ("/credentials/user/limits/bytes", Some(json!(1))),
        ("/credentials/user/resourceMetadata", Some(json!("http://api.example/"))),
        ("/routes/0/allow", None),
        ("/routes/0/allow", Some(json!([]))),
        ("/routes/0/allow/0", Some(json!({}))),
        ("/routes/0/allow/0/key", Some(json!("a:read"))),
        ("/routes/0/allow/0/key", Some(json!(["*"]))),
        ("/routes/0/allow/0/user", Some(json!({ "scope": ["a:read"] }))),
        ("/routes/0/allow/0/user/claims", Some(json!({ "role": ["x"] }))),
        ("/routes/0/public", Some(json!(true))),
        ("/routes/0/encodedSlash", Some(json!("decode"))),
        ("/routes/1/public", Some(json!(false))),
        ("/routes/1/public", None),
        ("/routes/1/id", None),
        ("/routes/1/id", Some(json!("a b"))),
        ("/routes/1/auth", Some(json!([]))),
        ("/routes/1/match", Some(json!("/b"))),
        ("/routes/1/match", Some(json!("get /b"))),
        ("/routes/1/match", Some(json!("GET b"))),
        ("/routes/1/match", Some(json!("GET /b?x"))),
        ("/routes/1/match", Some(json!("GET  /b"))),
        ("/router", Some(json!("rails"))),
        ("/trailingSlash", Some(json!(true))),
        ("/caseInsensitive", Some(json!("yes"))),
        ("/methodOverride", Some(json!("allow"))),
        ("/hide", Some(json!(1))),
        ("/tests/0/request", Some(json!("/v1/b"))),
        ("/tests/0/expect", None),
        ("/tests/0/expect", Some(json!({}))),
        ("/tests/0/headers", Some(json!([]))),
    ];
    refuses("policy", &good, &table);
}

#[test]
fn broken_key_records_are_refused() {
    let good = read("examples/jobiflow/cases.json")["keys"][0].clone();
    let table: Vec<(&str, Option<Value>)> = vec![
        ("/v", Some(json!(2))),
        ("/id", Some(json!("short"))),
        ("/id", Some(json!("has_an_under"))),
        ("/env", Some(json!("Live"))),
        ("/owner", Some(json!(""))),
        ("/label", Some(json!(""))),
        ("/label", Some(json!("x".repeat(101)))),
        ("/scopes", Some(json!("jobs:read"))),
        ("/scopes", Some(json!(["*"]))),
        ("/scopes", None),
        ("/hashes", Some(json!([]))),
        ("/hashes/0/kid", None),
        ("/hashes/0/hash", Some(json!("short"))),
        ("/hashes/0/hash", Some(json!(format!("{}=", "A".repeat(42))))),
        ("/hashes/0/salt", Some(json!("x"))),
        ("/sealed", Some(json!("no"))),
        ("/createdAt", Some(json!(null))),
        ("/expiresAt", None),
        ("/expiresAt", Some(json!("2027-01-01"))),
        ("/expiresAt", Some(json!("1780000000"))),
        ("/expiresAt", Some(json!(1.5))),
        ("/expiresAt", Some(json!(-1))),
        ("/expiresAt", Some(json!(253_402_300_800_u64))),
        ("/revokedAt", Some(json!(false))),
        ("/ipAllow", Some(json!("192.0.2.0/24"))),
        ("/ipAllow", Some(json!(["office"]))),
        ("/rotatedFrom", Some(json!(7))),
        ("/version", Some(json!(-1))),
        ("/secret", Some(json!("x"))),
    ];
    refuses("key-record", &good, &table);
}

#[test]
fn broken_cases_are_refused() {
    let good = json!({
        "policy": "policy.json", "peppers": { "p1": "AAEC" }, "secrets": { "user": "AAEC" }, "jwks": { "user": "not a set" }, "now": 1, "keys": [],
        "cases": [{ "name": "n", "request": { "method": "GET", "target": "/", "headers": [["A", ""]], "https": true, "clientIp": "::1" }, "now": 2, "store": "fail", "expect": { "status": 200, "code": "ok" } }]
    });
    let table: Vec<(&str, Option<Value>)> = vec![
        ("/policy", None),
        ("/policy", Some(json!({ "version": 1 }))),
        ("/policy", Some(json!(1))),
        ("/peppers", Some(json!({ "p1": "AA==" }))),
        ("/now", None),
        ("/now", Some(json!("1"))),
        ("/keys", Some(json!([{}]))),
        ("/cases", Some(json!([]))),
        ("/extra", Some(json!(1))),
        ("/cases/0/name", None),
        ("/cases/0/request/target", None),
        ("/cases/0/request/headers", Some(json!([["A"]]))),
        ("/cases/0/request/headers", Some(json!({ "A": "b" }))),
        ("/cases/0/request/body", Some(json!(""))),
        ("/cases/0/request/clientIp", Some(json!("localhost"))),
        ("/cases/0/store", Some(json!("down"))),
        ("/cases/0/expect", None),
        ("/cases/0/expect", Some(json!({}))),
        ("/cases/0/expect/code", Some(json!("forbidden"))),
        ("/cases/0/expect/status", Some(json!(500))),
        ("/cases/0/expect/reason", Some(json!("x"))),
        ("/cases/0/only", Some(json!(true))),
    ];
    refuses("cases", &good, &table);
    let validator = validator("cases");
    assert!(validator.is_valid(&json!([good.clone(), good.clone()])) && !validator.is_valid(&json!([])));
    // A subset of the decision is enough.
    let mut less = good;
    less["cases"][0]["expect"] = json!({ "status": 403, "missing": ["jobs:write"] });
    assert!(validator.is_valid(&less));
}
