//! The recorded flows give natively what they gave in WebAssembly; texts that are none are refused by a code, and an answer of
//! another kind is an outage.
#![cfg(feature = "oauth")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::oauth::social::{LinkPolicy, Linking, LocalAccount, LoggedIn, link};
use scopegate::oauth::{Server, wire};
use scopegate::time::UnixSeconds;
use serde_json::{Value, json};

fn read(name: &str) -> Value {
    let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/oauth/{}"), name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn vectors() -> Value {
    read("flows.json")
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
fn whose_account_an_identity_is() {
    for row in read("linking.json").as_array().unwrap() {
        let accounts = &row["accounts"];
        let login = LoggedIn {
            provider: "corp".into(),
            provider_sub: "1".into(),
            issuer: None,
            claims: Default::default(),
            email: row["email"].as_str().map(String::from),
            email_verified: row["emailVerified"] == true,
            name: None,
            ticket: None,
            headers: vec![],
        };
        let same_email = accounts["sameEmail"].as_object().map(|account| LocalAccount {
            sub: account["sub"].as_str().unwrap().into(),
            email_verified: account["emailVerified"] == true,
        });
        let by_email = accounts["byVerifiedEmail"] == true;
        let policy = if by_email { LinkPolicy::ByVerifiedEmail } else { LinkPolicy::ByIdentity };
        let found = match link(policy, &login, accounts["known"].as_str(), same_email.as_ref()) {
            Linking::SignIn(sub) => json!({ "do": "signIn", "sub": sub }),
            Linking::Link(sub) => json!({ "do": "link", "sub": sub }),
            Linking::Create => json!({ "do": "create" }),
            Linking::EmailTaken => json!({ "do": "emailTaken" }),
        };
        assert_eq!(found, row["expect"], "{row}");
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
                // A browser that can be trusted with it is sent back with the error.
                let outage = found["respond"]["status"] == 503
                    || found["respond"]["headers"].to_string().contains("error=temporarily_unavailable");
                assert!(outage, "{} at {at}: {other}: {found}", flow["name"]);
                tried += 1;
            }
        }
    }
    assert!(tried > 1000);
}

/// Bytes that mean something in JSON, and some that do not.
const MARKS: &[u8] = b"{}[]\",:09-eE.\\u~ \x7f";

/// Cuts, repeats and replaces bytes of a text, by a small generator of numbers.
fn mangled(text: &str, seed: &mut u64) -> String {
    let mut next = |below: usize| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(*seed >> 33).unwrap().checked_rem(below.max(1)).unwrap()
    };
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=next(3) {
        let (from, to) = (next(bytes.len()), next(bytes.len()));
        match next(4) {
            0 if !bytes.is_empty() => bytes[from] = MARKS[next(MARKS.len())],
            1 => bytes.truncate(from),
            2 => bytes.drain(from.min(to)..from.max(to)).for_each(drop),
            _ => bytes.extend_from_within(from.min(to)..from.max(to)),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn mangled_texts_are_answered_or_refused() {
    let vectors = vectors();
    let settings = vectors["settings"].to_string();
    let server = wire::server(&settings).unwrap();
    let (mut seed, mut answered, mut refused) = (1, 0, 0);
    for flow in vectors["flows"].as_array().unwrap() {
        let (input, answers) = (flow["input"].to_string(), flow["answers"].to_string());
        for turn in 0..40 {
            let (input, answers) = if turn % 2 == 0 {
                (mangled(&input, &mut seed), answers.clone())
            } else {
                (input.clone(), mangled(&answers, &mut seed))
            };
            match wire::step(&server, &input, UnixSeconds::EPOCH, [1; 64], &answers) {
                Ok(output) => {
                    serde_json::from_str::<Value>(&output).unwrap();
                    answered += 1;
                }
                Err(error) => {
                    assert!(["input_invalid", "answer_invalid", "client_invalid"].contains(&error.code()));
                    refused += 1;
                }
            }
        }
    }
    assert!(answered > 100 && refused > 1000, "{answered} {refused}");
    for _ in 0..2000 {
        let _ = wire::server(&mangled(&settings, &mut seed)).map_err(|error| error.to_string());
    }
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
