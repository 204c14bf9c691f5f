//! The recorded flows give natively what they gave in WebAssembly; texts that are none are refused by a code, and an answer of
//! another kind is an outage.
#![cfg(feature = "oauth")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::oauth::{Server, wire};
use scopegate::time::UnixSeconds;
use serde_json::{Value, json};

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/oauth/flows.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn step(server: &Server, flow: &Value, answers: &[Value]) -> Value {
    let entropy = Base64UrlUnpadded::decode_vec(flow["entropy"].as_str().unwrap()).unwrap();
    let now = UnixSeconds::new(flow["now"].as_i64().unwrap()).unwrap();
    let answers = Value::from(answers.to_vec()).to_string();
    let output = wire::step(server, &flow["input"].to_string(), now, entropy.try_into().unwrap(), &answers);
    serde_json::from_str(&output.unwrap()).unwrap()
}

#[test]
fn recorded_flows_give_the_same_outputs() {
    let vectors = vectors();
    let server = wire::server(&vectors["settings"].to_string()).unwrap();
    let flows = vectors["flows"].as_array().unwrap();
    assert!(flows.len() > 70);
    for flow in flows {
        let (answers, outputs) = (flow["answers"].as_array().unwrap(), flow["outputs"].as_array().unwrap());
        assert_eq!(outputs.len(), answers.len() + 1);
        for (at, output) in outputs.iter().enumerate() {
            assert_eq!(step(&server, flow, &answers[..at]), *output, "{} at {at}", flow["name"]);
        }
    }
}

#[test]
fn an_answer_of_another_kind_is_an_outage() {
    let vectors = vectors();
    let server = wire::server(&vectors["settings"].to_string()).unwrap();
    let others = [
        json!("done"),
        json!("unavailable"),
        json!({ "client": null }),
        json!({ "grant": null }),
        json!({ "inserted": true }),
        json!({ "grants": [] }),
        json!({ "swap": "swapped" }),
        json!({ "consent": null }),
        json!({ "claims": {} }),
        json!({ "signature": "AA" }),
        json!({ "put": true }),
        json!({ "verified": true }),
        json!({ "http": { "status": 200 } }),
    ];
    let kind = |answer: &Value| match answer {
        Value::Object(members) => members.keys().next().unwrap().clone(),
        text => text.to_string(),
    };
    let mut tried = 0;
    for flow in vectors["flows"].as_array().unwrap() {
        for (at, given) in flow["answers"].as_array().unwrap().iter().enumerate() {
            // What is only done has no answer to be wrong about; in place of an outage each kind was tried elsewhere.
            if given == "done" || given == "unavailable" {
                continue;
            }
            for other in others.iter().filter(|other| kind(other) != kind(given)) {
                let mut answers = flow["answers"].as_array().unwrap()[..at].to_vec();
                answers.push(other.clone());
                let found = step(&server, flow, &answers);
                assert_eq!(found["respond"]["status"], 503, "{} at {at}: {other}", flow["name"]);
                tried += 1;
            }
        }
    }
    assert!(tried > 1000);
}

#[test]
fn texts_that_are_none_are_refused_by_a_code() {
    let vectors = vectors();
    let settings = &vectors["settings"];
    let options = [
        ("options_invalid", json!({ "issuer": 7 })),
        ("options_invalid", json!({ "more": true })),
        ("options_invalid", json!({ "lifetimes": { "code": 1.5 } })),
        ("options_invalid", json!({ "keys": [{ "kid": "k" }] })),
        (
            "key_invalid",
            json!({ "keys": [{ "kid": "k", "alg": "RS257", "public": {}, "status": "active", "since": 0 }] }),
        ),
        (
            "keys_invalid",
            json!({ "keys": [{ "kid": "k", "alg": "RS256", "public": {}, "status": "active", "since": 0 }] }),
        ),
        ("secrets_invalid", json!({ "secrets": [{ "id": "s1", "key": "c2VjcmV0IHZhbHVl" }] })),
        ("secrets_invalid", json!({ "secrets": [{ "id": "s1", "key": "secret value!" }] })),
        ("issuer_invalid", json!({ "issuer": "http://op.example" })),
        ("store_lacks_cas", json!({ "capabilities": { "cas": false, "readYourWrites": true, "putOnce": true } })),
    ];
    for (code, members) in options {
        let mut text = settings.clone();
        text.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let error = wire::server(&text.to_string()).unwrap_err();
        assert_eq!(error.code(), code, "{members}");
        assert!(!error.to_string().contains("secret value") && !error.to_string().contains("c2VjcmV0"));
    }
    assert_eq!(wire::server("{").unwrap_err().code(), "options_invalid");

    let server = wire::server(&settings.to_string()).unwrap();
    let request = json!({ "method": "GET", "path": "/", "query": "", "headers": [], "body": "" });
    let good = json!({ "http": request });
    let cases = [
        ("input_invalid", json!({}), json!([])),
        ("input_invalid", json!({ "http": { "body": "not base64!" } }), json!([])),
        ("input_invalid", json!({ "http": { "headers": [["one"]] } }), json!([])),
        ("input_invalid", json!({ "request": request, "ticket": "t" }), json!([])),
        ("input_invalid", json!({ "request": request, "ticket": "t", "login": "maybe" }), json!([])),
        (
            "input_invalid",
            json!({ "request": request, "ticket": "t", "login": { "loggedIn": { "sub": "u" } } }),
            json!([]),
        ),
        ("answer_invalid", good.clone(), json!({})),
        ("answer_invalid", good.clone(), json!([{ "other": 1 }])),
        ("answer_invalid", good.clone(), json!([{ "put": 1 }])),
        ("answer_invalid", good.clone(), json!([{ "grant": { "row": "!", "version": 1 } }])),
        ("answer_invalid", good.clone(), json!([{ "grant": { "row": "", "version": -1 } }])),
        ("client_invalid", good.clone(), json!([{ "client": {} }])),
    ];
    for (code, input, answers) in cases {
        let found = wire::step(&server, &input.to_string(), UnixSeconds::EPOCH, [0; 64], &answers.to_string());
        assert_eq!(found.unwrap_err().code(), code, "{input} {answers}");
    }

    let client = json!({ "clientId": "c", "auth": "none", "redirectUris": ["https://c.example/"], "grantTypes": [], "scopes": [] });
    assert_eq!(wire::check_client(&client.to_string()), Ok(()));
    for members in [
        json!({ "auth": "secret" }),
        json!({ "auth": { "method": "private_key_jwt" } }),
        json!({ "auth": { "method": "client_secret_post", "hashes": ["AA"] } }),
        json!({ "redirectUris": ["http://c.example/"] }),
        json!({ "redirectUris": "https://c.example/" }),
        json!({ "more": 1 }),
    ] {
        let mut text = client.clone();
        text.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        assert_eq!(wire::check_client(&text.to_string()).unwrap_err().code(), "client_invalid", "{members}");
    }
}
