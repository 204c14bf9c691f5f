//! Sign-in with providers as JSON: texts that are none are refused by a code that tells no secret, and whatever text comes is answered or refused.
#![cfg(feature = "oauth")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice, reason = "tests")]

use scopegate::oauth::wire;
use scopegate::time::UnixSeconds;
use serde_json::{Value, json};

const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

fn options(providers: &Value) -> Value {
    json!({ "issuer": "https://op.example/t", "secrets": [{ "id": "s1", "key": KEY }], "providers": providers })
}

fn google() -> Value {
    json!({ "preset": "google", "clientId": "c", "clientSecret": "a secret" })
}

#[test]
fn options_that_are_none_are_refused_by_a_code() {
    let over = |members: Value| {
        let mut provider = google();
        provider.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        provider
    };
    let cases = [
        ("provider_invalid: twitter.preset", over(json!({ "preset": "twitter" }))),
        ("provider_invalid: google.clientSecret", json!({ "preset": "google", "clientId": "c" })),
        ("provider_invalid: google.tenant", over(json!({ "tenant": "common" }))),
        ("provider_invalid: google.keyId", over(json!({ "keyId": "K" }))),
        ("provider_invalid: microsoft.tenant", over(json!({ "preset": "microsoft" }))),
        ("provider_invalid: corp.issuer", over(json!({ "preset": "oidc", "id": "corp" }))),
        (
            "provider_invalid: oidc.clientSecret",
            over(json!({ "preset": "oidc", "issuer": "https://x.example", "auth": "none" })),
        ),
        ("provider_invalid: apple.team", over(json!({ "preset": "apple", "team": "T" }))),
        ("provider_invalid: apple.team", json!({ "preset": "apple", "clientId": "c", "keyId": "K" })),
        ("provider_invalid: apple.clientSecret", over(json!({ "preset": "apple", "team": "T", "keyId": "K" }))),
        ("provider_invalid: google.scopes", over(json!({ "scopes": "openid" }))),
        ("provider_invalid: google.scopes", over(json!({ "scopes": [7] }))),
        ("provider_invalid: google.hd", over(json!({ "parameters": { "hd": 7 } }))),
        ("provider_invalid: google", over(json!({ "parameters": "hd=x" }))),
        ("provider_invalid: google.clientId", over(json!({ "clientId": 7 }))),
        ("provider_invalid: ?.preset", json!({ "clientId": "c" })),
        ("issuer_invalid: microsoft", over(json!({ "preset": "microsoft", "tenant": "contoso.com" }))),
        ("endpoint_invalid: gitlab", over(json!({ "preset": "gitlab", "url": "http://gitlab.example" }))),
        ("provider_id_invalid: Up", over(json!({ "id": "Up" }))),
        ("openid_scope_missing: google", over(json!({ "scopes": ["email"] }))),
        ("parameter_reserved: google", over(json!({ "parameters": { "state": "x" } }))),
        ("provider_invalid: google.more", over(json!({ "more": true }))),
        ("provider_invalid: google.auth", over(json!({ "auth": "basic" }))),
        (
            "provider_invalid: oidc.auth",
            over(json!({ "preset": "oidc", "issuer": "https://x.example", "auth": "jwt" })),
        ),
    ];
    for (expected, provider) in cases {
        let error = wire::social(&options(&json!([provider])).to_string()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}: {provider}");
        assert!(!error.to_string().contains("a secret"));
    }
    for (expected, members) in [
        ("issuer_invalid", json!({ "issuer": "https://op.example/" })),
        ("secrets_invalid", json!({ "secrets": [] })),
        ("lifetime_invalid", json!({ "lifetime": 0 })),
        ("provider_id_repeated: google", json!({ "providers": [google(), google()] })),
        ("options_invalid: providers", json!({ "providers": {} })),
        ("provider_invalid: ?", json!({ "providers": [7] })),
        ("options_invalid: more", json!({ "more": 1 })),
        ("options_invalid: issuer", json!({ "issuer": null })),
        ("options_invalid: lifetime", json!({ "lifetime": "600" })),
        ("secrets_invalid: key", json!({ "secrets": [{ "id": "s1" }] })),
        ("secrets_invalid: more", json!({ "secrets": [{ "id": "s1", "key": KEY, "more": "a secret" }] })),
    ] {
        let mut text = options(&json!([google()]));
        text.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let error = wire::social(&text.to_string()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}: {members}");
    }
    assert_eq!(wire::social("[").unwrap_err().code(), "options_invalid");
}

#[test]
fn a_start_is_a_redirect_and_the_rest_is_refused() {
    let social = wire::social(&options(&json!([google()])).to_string()).unwrap();
    let told: Value = serde_json::from_str(&wire::providers(&social)).unwrap();
    assert_eq!(told, json!([["google", "Google"]]));
    let step = |input: &str, answers: &str| wire::social_step(&social, input, UnixSeconds::EPOCH, [3; 64], answers);
    let read = |input: &str| -> Value { serde_json::from_str(&step(input, "[]").unwrap()).unwrap() };
    let start = r#"{"method":"GET","path":"/t/oauth2/authorization/google","query":"ticket=tk1.s1.x.y"}"#;
    let found = read(start);
    assert_eq!(found["respond"]["status"], 302);
    assert_eq!(read(r#"{"method":"GET","path":"/t/oauth2/authorization/other"}"#)["respond"]["status"], 404);
    let headers = found["respond"]["headers"].as_array().unwrap();
    let header = |name: &str| headers.iter().find(|pair| pair[0] == name).unwrap()[1].as_str().unwrap();
    let cookie = header("set-cookie").split(';').next().unwrap();
    let state = header("location").split("state=").nth(1).unwrap().split('&').next().unwrap();
    let back = json!({
        "method": "GET", "path": "/t/login/oauth2/code/google", "query": format!("state={state}&error=access_denied"),
        "headers": [["cookie", cookie]],
    })
    .to_string();
    assert_eq!(read(&back)["need"]["op"], "put_once");
    let denied: Value = serde_json::from_str(&step(&back, r#"[{"put":true}]"#).unwrap()).unwrap();
    assert_eq!(
        (&denied["failed"]["code"], &denied["failed"]["ticket"]),
        (&json!("provider_denied"), &json!("tk1.s1.x.y"))
    );
    for (code, input, answers) in [
        ("input_invalid", "7", "[]"),
        ("input_invalid", r#"{"url":"https://evil.example"}"#, "[]"),
        ("answer_invalid", start, "{}"),
        ("answer_invalid", start, r#"[{"http":{"status":70000}}]"#),
    ] {
        assert_eq!(step(input, answers).unwrap_err().code(), code, "{input} {answers}");
    }
    // Whatever is cut out of a text, it is answered or refused.
    let answers =
        r#"[{"put":true},{"http":{"status":200,"headers":[["content-type","application/json"]],"body":"e30"}}]"#;
    for cut in 0..back.len() {
        let _ = step(&back[..cut], answers).map_err(|error| error.to_string());
        let _ = step(&back, answers.get(..cut).unwrap_or(answers)).map_err(|error| error.to_string());
    }
}
