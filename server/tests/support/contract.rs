//! `openapi.yaml`, and answers held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};

use super::{Answer, KEYS};

const DOCUMENT: &str = include_str!("../../openapi.yaml");

/// The document, as JSON.
pub fn document() -> &'static Value {
    static READ: OnceLock<Value> = OnceLock::new();
    READ.get_or_init(|| serde_saphyr::from_str(DOCUMENT).unwrap())
}

/// The operations: id to method, path and what is said of it.
pub fn operations() -> BTreeMap<String, (String, String, Value)> {
    let mut found = BTreeMap::new();
    for (path, item) in document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            found.insert(id, (method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    found
}

/// What a reference of the document leads to.
pub fn resolve(value: &Value) -> &Value {
    match value["$ref"].as_str() {
        Some(reference) => document().pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// Every answer that was seen: the operation and its status.
pub fn seen() -> &'static Mutex<BTreeSet<(String, u16)>> {
    static SEEN: OnceLock<Mutex<BTreeSet<(String, u16)>>> = OnceLock::new();
    SEEN.get_or_init(Mutex::default)
}

fn operation(method: &str, target: &str) -> Option<(String, Value)> {
    let path = target.split('?').next().unwrap();
    let rest = path.strip_prefix(KEYS)?;
    let parts: Vec<&str> = rest.split('/').collect();
    let template = match parts.as_slice() {
        [""] => "/settings/api-keys",
        ["", id] if !id.is_empty() => "/settings/api-keys/{id}",
        ["", id, "rotate"] if !id.is_empty() => "/settings/api-keys/{id}/rotate",
        _ => return None,
    };
    let method = if method == "HEAD" { "GET" } else { method };
    operations()
        .into_iter()
        .find(|(_, (known, path, _))| known == method && path == template)
        .map(|(id, (.., operation))| (id, operation))
}

/// Holds an answer of the management API against the document: its status, its media type, its headers, its body.
#[track_caller]
pub fn hold(method: &str, target: &str, answer: &Answer) {
    let Some((id, operation)) = operation(method, target) else { return };
    seen().lock().unwrap_or_else(PoisonError::into_inner).insert((id.clone(), answer.status));
    let response = &operation["responses"][answer.status.to_string()];
    assert!(!response.is_null(), "{id}: {} is not documented: {answer:?}", answer.status);
    let response = resolve(response);
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let required = resolve(header)["required"].as_bool().unwrap_or_default();
        assert!(!required || answer.header(name).is_some(), "{id}: {name} is missing: {answer:?}");
    }
    let Some(content) = response["content"].as_object() else {
        assert_eq!(answer.body, "", "{id}: no body is documented");
        return;
    };
    let media_type = answer.header("content-type").unwrap();
    let schema = &content.get(media_type).unwrap_or_else(|| panic!("{id}: {media_type} is not documented"))["schema"];
    if method == "HEAD" {
        return;
    }
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": [schema],
        "components": document()["components"],
    });
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap();
    let faults: Vec<String> = validator.iter_errors(&answer.json()).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{id}: {answer:?}\n{faults:?}");
}
