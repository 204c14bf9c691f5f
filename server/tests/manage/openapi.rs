//! `openapi.yaml` against the code: every route of the management API, every status, every problem type, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use scopegate::policy::{CredentialKind, Policy};
use scopegate_server::manage::{Ceilings, OwnerCeilings};
use scopegate_server::store::AnyStore;
use scopegate_server::{POLICY, PROBLEM_TYPES};
use serde_json::{Value, json};

use crate::support::contract::{document, hold, operations, resolve, seen};
use crate::support::{KEYS, Server, Setup, start_with};

/// What the gate answers on these routes in its own words.
const OF_THE_GATE: [(&str, u16); 6] = [
    ("noncanonical-target", 400),
    ("method-override", 400),
    ("ambiguous-credentials", 400),
    ("insecure-transport", 403),
    ("credential-not-accepted", 403),
    ("claim-mismatch", 403),
];

#[test]
fn the_document_has_the_routes_of_the_policy() {
    let policy = Policy::from_json(POLICY).unwrap();
    let routes: BTreeSet<_> = policy
        .routes()
        .iter()
        .filter(|route| route.path().starts_with("/settings/"))
        .map(|route| (route.id().to_owned(), route.method().to_owned(), route.path().to_owned()))
        .collect();
    let documented: BTreeSet<_> = operations().into_iter().map(|(id, (method, path, _))| (id, method, path)).collect();
    assert_eq!(documented, routes);
}

#[test]
fn the_document_has_the_credentials_and_scopes_of_the_policy() {
    let policy = Policy::from_json(POLICY).unwrap();
    let schemes = &document()["components"]["securitySchemes"];
    let (_, key) = policy.credential("apiKey").unwrap();
    let CredentialKind::ApiKey(key) = key.kind() else { panic!("no key") };
    assert_eq!((&schemes["apiKey"]["in"], &schemes["apiKey"]["name"]), (&json!("header"), &json!(key.header())));
    let flow = &schemes["user"]["flows"]["authorizationCode"];
    assert_eq!(schemes["user"]["type"], "oauth2");
    for scope in flow["scopes"].as_object().unwrap().keys() {
        assert!(policy.scopes().index_of(scope).is_some(), "{scope}");
    }
    assert_eq!(document()["security"], json!([{ "user": ["openid"] }]));
    let scopes = document()["components"]["schemas"]["Scope"]["enum"].as_array().unwrap();
    let documented: BTreeSet<&str> = scopes.iter().map(|scope| scope.as_str().unwrap()).collect();
    let asked = policy.routes().iter().flat_map(|route| route.alternatives()).flat_map(|each| each.parts());
    let of_keys = asked.filter(|part| policy.credentials()[part.credential()].name() == "apiKey");
    let grantable: BTreeSet<&str> = of_keys.flat_map(|part| policy.scopes().names(part.scopes())).collect();
    assert_eq!(documented, grantable);
}

#[test]
fn the_document_has_the_problem_types_and_statuses_of_the_code() {
    let mut documented = BTreeSet::new();
    for (id, (.., operation)) in operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let status: u16 = status.parse().unwrap();
            let problem = &resolve(response)["content"]["application/problem+json"]["schema"];
            assert_eq!(problem.is_null(), status < 400, "{id}: {status}");
            let types = problem["allOf"]
                .as_array()
                .into_iter()
                .flatten()
                .find_map(|part| part["properties"]["type"]["enum"].as_array());
            for kind in types.into_iter().flatten() {
                documented.insert((kind.as_str().unwrap().to_owned(), status));
            }
            assert!(types.is_some() || status < 400, "{id}: {status} names no types");
        }
    }
    let known = PROBLEM_TYPES.iter().chain(&OF_THE_GATE).map(|(kind, status)| ((*kind).to_owned(), *status));
    assert_eq!(documented, known.collect());
}

/// Provokes every answer that is documented; each is held against its schema as it comes.
fn provoke(server: &Server) {
    let wanted = server.wanted("x", &["jobs:read"]);
    let long = "x".repeat(70_000);
    let (path, _) = server.create("y", &["jobs:read"]);
    let rotate = format!("{path}/rotate");
    let missing = format!("{KEYS}/000000000000");
    let missing_rotate = format!("{missing}/rotate");
    let plain = [("Content-Type", "text/plain")];
    let stale = [("If-Match", "\"0\"")];
    let body = |method: &str, target: &str| match (method, target.ends_with("rotate")) {
        ("POST", false) => wanted.clone(),
        ("POST", true) => "{}".to_owned(),
        ("PATCH", _) => r#"{"label":"z"}"#.to_owned(),
        _ => String::new(),
    };
    let operations =
        [("GET", KEYS), ("POST", KEYS), ("GET", path.as_str()), ("PATCH", &path), ("DELETE", &path), ("POST", &rotate)];
    for (method, target) in operations {
        let body = body(method, target);
        assert_eq!(server.send(method, target, &[], &body).status, 401);
        let bearer = format!("Bearer {}", server.token);
        let twice = [("Authorization", bearer.as_str()), ("Authorization", bearer.as_str())];
        assert_eq!(server.send(method, target, &twice, &body).status, 400);
        if matches!(method, "POST" | "PATCH") {
            assert_eq!(server.manage_with(method, target, &plain, &body).status, 415);
            assert_eq!(server.manage(method, target, &json!({ "label": long }).to_string()).status, 413);
            assert_eq!(server.manage(method, target, r#"{"nonsense":1}"#).status, 422);
        }
        if target != KEYS && method != "GET" {
            assert_eq!(server.manage_with(method, target, &stale, &body).status, 412);
        }
    }
    for (method, target) in [("GET", &missing), ("PATCH", &missing), ("DELETE", &missing), ("POST", &missing_rotate)] {
        assert_eq!(server.manage(method, target, &body(method, target)).status, 404);
    }
    assert_eq!(server.manage("GET", KEYS, "").status, 200);
    let tag = server.manage("GET", &path, "").header("etag").unwrap().to_owned();
    assert_eq!(server.manage_with("GET", &path, &[("If-None-Match", &tag)], "").status, 304);
    assert_eq!(server.manage("PATCH", &path, r#"{"label":"z"}"#).status, 200);
    assert_eq!(server.manage("POST", &rotate, "{}").status, 201);
    assert_eq!(server.manage("POST", &rotate, "{}").status, 409);
    assert_eq!(server.manage("POST", KEYS, &wanted).status, 201);
    assert_eq!(server.manage("POST", KEYS, &wanted).status, 409, "the ceiling");
    assert_eq!(server.manage("DELETE", &path, "").status, 204);
}

#[test]
fn every_documented_answer_is_given() {
    let ceilings = OwnerCeilings { default: Ceilings { keys: 3, ..Ceilings::default() }, ..OwnerCeilings::default() };
    provoke(&start_with(Setup { ceilings, ..Setup::default() }));
    let slow = Ceilings { changes_per_minute: Some(1), ..Ceilings::default() };
    let slow =
        start_with(Setup { ceilings: OwnerCeilings { default: slow, ..OwnerCeilings::default() }, ..Setup::default() });
    let (path, _) = slow.create("one", &["jobs:read"]);
    for (method, target) in [("POST", KEYS), ("PATCH", path.as_str()), ("POST", &format!("{path}/rotate"))] {
        assert_eq!(slow.manage(method, target, "{}").status, 429);
    }
    let impatient = start_with(Setup { patience: Duration::from_millis(200), ..Setup::default() });
    let (path, _) = impatient.create("one", &["jobs:read"]);
    for (method, target) in [("POST", KEYS), ("PATCH", path.as_str()), ("POST", &format!("{path}/rotate"))] {
        let started = format!(
            "{method} {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Length: 9\r\n\r\n{{",
            impatient.token
        );
        let answer = impatient.send_raw(started.as_bytes());
        answer.is_problem(408, "validation");
        assert_eq!(answer.header("connection"), Some("close"));
        hold(method, target, &answer);
    }
    let without_scope = POLICY.replace("\"user\": [\"openid\"] }] }", "\"user\": [\"jobs:write\"] }] }");
    let broken = Setup { store: Box::new(|_| AnyStore::Broken), ..Setup::default() };
    for (server, status) in
        [(start_with(Setup { policy: without_scope, ..Setup::default() }), 403), (start_with(broken), 503)]
    {
        let wanted = server.wanted("x", &["jobs:read"]);
        let one = format!("{KEYS}/000000000000");
        for (method, target, body) in [
            ("GET", KEYS.to_owned(), ""),
            ("POST", KEYS.to_owned(), wanted.as_str()),
            ("GET", one.clone(), ""),
            ("PATCH", one.clone(), r#"{"label":"x"}"#),
            ("DELETE", one.clone(), ""),
            ("POST", format!("{one}/rotate"), "{}"),
        ] {
            assert_eq!(server.manage(method, &target, body).status, status, "{method} {target}");
        }
    }
    let mut documented = BTreeMap::new();
    for (id, (.., operation)) in operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            documented.insert((id.clone(), status.parse::<u16>().unwrap()), response.clone());
        }
    }
    // Given only when others change the key sixteen times in between.
    for id in ["updateApiKey", "deleteApiKey"] {
        assert!(documented.remove(&(id.to_owned(), 409)).is_some_and(|response: Value| !response.is_null()));
    }
    let seen = seen().lock().unwrap_or_else(PoisonError::into_inner).clone();
    let missing: Vec<_> = documented.keys().filter(|answer| !seen.contains(answer)).collect();
    assert!(missing.is_empty(), "documented and not given: {missing:?}");
}
