//! A policy is read by hand from JSON text and by serde from any other format: both refuse the same texts, in the same words.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "tests")]

use scopegate::policy::Policy;
use scopegate::policy::document::PolicyDocument;
use serde_json::{Value, json};

/// A document with every member there is.
fn whole() -> Value {
    json!({
        "version": 1, "name": "t\u{e9} \"x\"", "base": "/v1", "https": "optional", "trailingSlash": "same",
        "caseInsensitive": true, "methodOverride": "apply", "hide": false, "router": "express",
        "scopes": { "a": "A", "b": { "title": "B", "implies": ["a"] } },
        "credentials": {
            "key": { "type": "apiKey", "header": "X-Key", "prefix": "jbf", "environments": ["live"], "accept": ["live"],
                "imported": [{ "from": "unkey", "prefix": "a", "environment": "live", "length": 24, "upgradedOnly": true }] },
            "user": {
                "type": "bearer", "issuer": "i", "audiences": ["a"], "algorithms": ["RS256"], "types": [], "leeway": 5,
                "maxAge": 9, "requiredClaims": ["sub"], "profile": "rfc9068", "scopeClaims": ["scp"], "clients": ["c"],
                "jwks": { "keys": [{ "kty": "x", "n": 1.5e3 }] }, "resourceMetadata": "https://m",
                "limits": { "tokenBytes": 9, "headerBytes": 9, "depth": 2, "members": 3 }
            }
        },
        "routes": [
            { "id": "one", "match": "GET /a", "allow": [{ "key": ["a"] }, { "user": { "scopes": ["b"], "claims": { "x": -2.5 } } }] },
            { "id": "two", "match": "GET /b", "public": true, "encodedSlash": "opaque" }
        ],
        "tests": [
            { "name": "n", "request": "GET /a", "with": { "key": ["a"] }, "https": true, "expect": { "effect": [null, 1, "x"] } }
        ]
    })
}

/// What the reader says, and what serde_json says; `Ok` when the shape is right.
fn both(text: &str) -> (Result<(), String>, Result<(), String>) {
    let ours = match Policy::from_json(text) {
        Err(errors) if errors.0[0].code == "syntax" => Err(errors.0[0].message.clone()),
        _ => Ok(()),
    };
    (ours, serde_json::from_str::<PolicyDocument>(text).map(drop).map_err(|error| error.to_string()))
}

/// The paths of all values below.
fn pointers(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| pointers(value, &format!("{path}/{name}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| pointers(value, &format!("{path}/{at}"), found))
        }
        _ => {}
    }
}

/// The message without its place.
fn words(error: &str) -> &str {
    error.rsplit_once(" at line ").unwrap().0
}

#[test]
fn values_of_another_type_are_refused_in_the_same_words() {
    let good = whole();
    let mut paths = Vec::new();
    pointers(&good, "", &mut paths);
    assert!(paths.len() > 70, "{}", paths.len());
    let mut compared = 0;
    for path in &paths {
        for other in [
            json!(null),
            json!(true),
            json!(7),
            json!(-7),
            json!(1.5),
            json!("x\"\n"),
            json!([]),
            json!({}),
            json!({ "q": 1 }),
        ] {
            let mut document = good.clone();
            *document.pointer_mut(path).unwrap() = other.clone();
            for text in [document.to_string(), serde_json::to_string_pretty(&document).unwrap()] {
                let (ours, theirs) = both(&text);
                assert_eq!(ours.is_ok(), theirs.is_ok(), "{path} {other}: {ours:?} {theirs:?}");
                // serde reads a credential into memory before it knows its kind, and loses the place.
                let (Err(ours), Err(theirs)) = (ours, theirs) else { continue };
                let is_list = other.is_array() || other.is_object();
                if path.starts_with("/credentials/") || is_list {
                    assert!(
                        is_list || ours.starts_with("expected value") || words(&ours) == words(&theirs),
                        "{path} {other}: {ours} | {theirs}"
                    );
                } else {
                    assert_eq!(ours, theirs, "{path} {other}");
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 500, "{compared}");
}

/// An optional member that is null would open what its writer meant to close, and values without names may be the wrong ones.
#[test]
fn null_is_no_absence_and_a_list_no_object() {
    let good = whole();
    let mut paths = Vec::new();
    pointers(&good, "", &mut paths);
    for path in paths.iter().skip(1) {
        let mut nulls = vec![json!(null)];
        if let Value::Object(members) = good.pointer(path).unwrap() {
            nulls.push(members.values().cloned().collect());
        }
        for other in nulls {
            let mut document = good.clone();
            *document.pointer_mut(path).unwrap() = other.clone();
            let (ours, theirs) = both(&document.to_string());
            // A claim, a key and an expectation may be anything; what an alternative asks for may be a list.
            let free = ["/jwks", "/claims/", "/expect"].iter().any(|part| path.contains(part));
            let asked = other.is_array() && path.ends_with("/user");
            assert!(free || asked || (ours.is_err() && theirs.is_err()), "{path} = {other}");
        }
    }
}

#[test]
fn names_that_are_unknown_missing_or_twice_are_refused_in_the_same_words() {
    let good = whole();
    let mut paths = Vec::new();
    pointers(&good, "", &mut paths);
    let mut compared = 0;
    for path in &paths {
        let Some(members) = good.pointer(path).unwrap().as_object() else { continue };
        for name in members.keys() {
            let mut without = good.clone();
            without.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(name);
            let marked = |member: &str| {
                let mut document = good.clone();
                document.pointer_mut(path).unwrap().as_object_mut().unwrap().insert("~".into(), json!(0));
                document.to_string().replace("\"~\":0", member)
            };
            for text in [
                without.to_string(),
                marked(&format!("\"{name}\":{}", members[name])),
                marked("\"more\":1"),
                marked("\"\\u006dore\" : [1]"),
            ] {
                let (ours, theirs) = both(&text);
                assert_eq!(ours.is_ok(), theirs.is_ok(), "{text}: {ours:?} {theirs:?}");
                let (Err(ours), Err(theirs)) = (ours, theirs) else { continue };
                // serde takes a list for a kind of credential and its members.
                if !ours.contains("internally tagged enum") {
                    assert_eq!(words(&ours), words(&theirs), "{text}");
                }
                if !path.starts_with("/credentials") && !text.contains("\" : [1]") {
                    assert_eq!(ours, theirs, "{text}");
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn broken_texts_are_refused_at_the_same_place() {
    let good = serde_json::to_string_pretty(&whole()).unwrap();
    let mut texts: Vec<String> =
        (0..good.len()).filter(|at| good.is_char_boundary(*at)).map(|at| good[..at].to_owned()).collect();
    for at in (0..good.len()).step_by(3).filter(|at| good.is_char_boundary(*at) && good.is_char_boundary(at + 1)) {
        texts.extend(
            ["", ",", "x", "\"", "}", "]", "\\", "0", "\u{1}"]
                .map(|piece| format!("{}{piece}{}", &good[..at], &good[at + 1..])),
        );
    }
    for number in [
        "01",
        "-",
        "1.",
        "1e",
        "1e+",
        ".5",
        "+1",
        "1e999",
        "-0",
        "18446744073709551616",
        "nul",
        "\"\\ud800\"",
        "\"\\u12\"",
        "\"\\udc00\"",
        "\"\\x\"",
    ] {
        texts.push(good.replace("\"expect\": {", &format!("\"expect\": {{ \"n\": {number},")));
    }
    texts.push(good.replace("\"n\"", &format!("{}\"n\"", "[".repeat(200))));
    let (mut same, mut differing) = (0, Vec::new());
    for text in &texts {
        let (ours, theirs) = both(text);
        assert_eq!(ours.is_ok(), theirs.is_ok(), "{text}: {ours:?} {theirs:?}");
        if ours == theirs { same += 1 } else { differing.push((ours, theirs)) }
    }
    // What is left: a name that is both unknown and without its colon, and places inside credentials.
    assert!(differing.len() * 10 < same, "{} of {same}: {:?}", differing.len(), differing.first());
}
