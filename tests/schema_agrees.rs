//! The JSON Schema of policies and the reader of policies accept and refuse the same: a document is changed in every place in many ways, and
//! both are asked. What no schema can say, since it is about two places at once, is named here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use jsonschema::Validator;
use scopegate::policy::Policy;
use serde_json::{Value, json};

/// Mistakes about two places of a document: the schema does not see them.
const BEYOND_A_SCHEMA: [&str; 14] = [
    "undeclared_scope",
    "scope_cycle",
    "undeclared_credential",
    "too_many_credentials",
    "credentials_collide",
    "too_many_headers",
    "claims_on_key",
    "accept",
    "imported",
    "duplicate_route_id",
    "ambiguous_routes",
    "duplicate_route",
    "jwks",
    // Which paths there are is a grammar of its own.
    "route_path",
];

/// A document with every member there is.
fn whole() -> Value {
    json!({
        "version": 1, "name": "api", "base": "/v1", "https": "required",
        "scopes": { "a:read": "Read", "a:write": { "title": "Write", "implies": ["a:read"] } },
        "credentials": {
            "key": { "type": "apiKey", "header": "X-API-Key", "prefix": "abc", "environments": ["live", "test"], "accept": ["live"],
                "imported": [{ "from": "seam", "prefix": "acme", "environment": "live", "length": 24, "upgradedOnly": true }] },
            "user": {
                "type": "bearer", "issuer": "https://id.example", "audiences": ["api"], "algorithms": ["RS256"], "types": ["at+jwt"],
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
        "tests": [{ "name": "t", "request": "GET /v1/b", "with": { "key": ["a:read"], "user": { "scopes": [], "claims": { "role": "x" } } }, "https": false, "expect": { "status": 200 } }]
    })
}

/// The pointers of all values below.
fn pointers(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, value)| pointers(value, &format!("{path}/{}", name.replace('/', "~1")), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| pointers(value, &format!("{path}/{at}"), found))
        }
        _ => {}
    }
}

fn changed(good: &Value, pointer: &str) -> Vec<Value> {
    let set = |value: Value| {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        document
    };
    let mut documents: Vec<Value> = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(17),
        json!(65),
        json!(301),
        json!(70_000),
        json!(""),
        json!("x"),
        json!("X"),
        json!(" "),
        json!("a b"),
        json!("\u{e9}"),
        json!("\""),
        json!("*"),
        json!("/x"),
        json!("/x/"),
        json!("x".repeat(33)),
        json!("x".repeat(101)),
        json!("x".repeat(201)),
        json!("GET /"),
        json!("get /b"),
        json!("GET  /b"),
        json!("GET b"),
        json!("GET /b/"),
        json!("GET /b?x"),
        json!("GET /%41"),
        json!("GET /é"),
        json!("G-T /b"),
        json!("GET- /b"),
        json!("M1 /b"),
        json!("GET /a//b"),
        json!("https://x"),
        json!("http://x"),
        json!("https:// x"),
        json!("Authorization"),
        json!("Cookie"),
        json!([]),
        json!([""]),
        json!(["x"]),
        json!(["x", "x"]),
        json!([1]),
        json!([[]]),
        json!([{}]),
        json!({}),
        json!({ "q": 1 }),
        json!({ "q": ["a:read"] }),
    ]
    .into_iter()
    .map(set)
    .collect();
    match good.pointer(pointer).unwrap() {
        Value::Array(items) => {
            documents.extend(items.first().map(|first| set(json!([first, first]))));
        }
        Value::Object(members) => {
            let with = |name: &str, value: Value| {
                let mut members = members.clone();
                members.insert(name.into(), value);
                set(Value::Object(members))
            };
            documents.extend([with("~", json!(1)), with("zz", json!("x")), with("", json!(["a:read"]))]);
            for name in members.keys() {
                let mut members = members.clone();
                members.remove(name);
                documents.push(set(Value::Object(members)));
            }
        }
        _ => {}
    }
    documents
}

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(include_str!("../schema/policy.schema.json")).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[test]
fn schema_and_reader_agree_in_every_place() {
    let (good, schema) = (whole(), validator());
    assert!(schema.is_valid(&good) && Policy::from_json(&good.to_string()).is_ok());
    let mut paths = Vec::new();
    pointers(&good, "", &mut paths);
    let (mut both, mut neither, mut wrong) = (0, 0, Vec::new());
    for path in &paths {
        for document in changed(&good, path) {
            let text = document.to_string();
            let codes: Vec<&str> = match Policy::from_json(&text) {
                Ok(_) => Vec::new(),
                Err(errors) => errors.0.iter().map(|error| error.code).collect(),
            };
            let found = document.pointer(path).unwrap();
            match (schema.is_valid(&document), codes.is_empty()) {
                (true, true) => both += 1,
                (false, false) => neither += 1,
                (true, false) if codes.iter().all(|code| BEYOND_A_SCHEMA.contains(code)) => {}
                (true, false) => wrong.push(format!("only the schema takes {path} = {found}: {codes:?}")),
                // What a test expects may be what no decision has: it then fails, which the schema says earlier.
                (false, true) if path.starts_with("/tests/0/expect") && document["tests"][0]["expect"] != json!({}) => {
                }
                (false, true) => wrong.push(format!("only the reader takes {path} = {found}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{} differ", wrong.join("\n"), wrong.len());
    assert!(both > 300 && neither > 2_000, "{both} {neither}");
}
