//! What is fuzzed: every parser of untrusted bytes, and whole decisions. Each target must return whatever the bytes are, and holds
//! what must hold of an accepted input. The quick run in `tests/quick.rs` needs no special compiler; `cargo fuzz run NAME
//! --features libfuzzer` goes on from there.

mod oauth;

use std::sync::LazyLock;

use scopegate::engine::Gate;
use scopegate::host::NullHost;
use scopegate::jwt::jwk::KeySet;
use scopegate::key::format::KeyFormat;
use scopegate::key::ip::IpBlock;
use scopegate::key::record::KeyRecord;
use scopegate::policy::Policy;
use scopegate::request::{Request, gate_target};
use scopegate::time::UnixSeconds;

pub use self::oauth::{form, oauth};

/// The seed policy: the largest there is.
pub const POLICY: &str = include_str!("../../examples/jobiflow/policy.json");

const NOW: i64 = 1_780_000_000;

static GATE: LazyLock<Gate> = LazyLock::new(|| {
    let policy = Policy::from_json(POLICY).expect("the seed policy compiles");
    Gate::builder(policy.into())
        .key_set("user", r#"{"keys":[]}"#)
        .token_cache(8, 4_096)
        .build()
        .expect("the gate builds")
});

/// A request target: an accepted one is clean by a second, naive look.
pub fn target(data: &[u8]) {
    if let Ok(target) = gate_target(data) {
        let path = target.path();
        assert!(
            path.starts_with('/') && path.is_ascii() && !path.contains("//") && !path.contains(['\\', ';', '#', '?'])
        );
        assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
    }
}

/// A key's text: an accepted one is as long as it must be.
pub fn key(data: &[u8]) {
    let format = KeyFormat::new("jbf", &["live", "test"]).expect("a key format");
    if format.parse(data).is_ok() {
        assert_eq!(data.len(), 71);
    }
}

/// A bearer token, through a whole decision: nothing unsigned passes.
pub fn token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let value = format!("Bearer {text}");
    let headers = [("Authorization", value.as_str())];
    let request =
        Request { method: "GET", target: b"/settings/api-keys", headers: &headers, https: true, client_ip: None };
    let decision = GATE.decide(&request, UnixSeconds::clamped(NOW), &NullHost);
    assert!(!decision.is_allowed());
}

/// A key set.
pub fn key_set(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = KeySet::parse(text);
    }
}

/// A policy document.
pub fn policy(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Err(errors) = Policy::from_json(text)
    {
        assert!(!errors.0.is_empty() && errors.0.iter().all(|error| !error.message.is_empty()));
    }
}

/// A key record: what is read is written back the same.
pub fn record(data: &[u8]) {
    if let Ok(record) = serde_json::from_slice::<KeyRecord>(data) {
        let text = serde_json::to_string(&record).expect("a record serialises");
        let again: KeyRecord = serde_json::from_str(&text).expect("and is read back");
        assert_eq!(text, serde_json::to_string(&again).expect("a record serialises"));
    }
}

/// The headers of a request, in any number and of any bytes: nobody is let in by them alone.
pub fn headers(data: &[u8]) {
    let lines: Vec<(String, &[u8])> = data
        .split(|byte| *byte == b'\n')
        .map(|line| {
            let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let value = line.get(at + 1..).unwrap_or_default();
            (String::from_utf8_lossy(&line[..at]).into_owned(), value.trim_ascii())
        })
        .collect();
    for method in ["GET", "POST", "OPTIONS"] {
        let request = Request { method, target: b"/settings/api-keys", headers: &lines, https: true, client_ip: None };
        let decision = GATE.decide(&request, UnixSeconds::clamped(NOW), &NullHost);
        assert!(!decision.is_allowed());
        let response = decision.response().expect("an answer to send");
        assert!(response.headers.iter().all(|(_, value)| !value.contains(['\r', '\n'])), "a header is split");
    }
}

/// A block of addresses: what is read is written back the same, and holds its own first address.
pub fn ip(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(block) = text.parse::<IpBlock>() {
        let written = block.to_string();
        assert_eq!(written.parse::<IpBlock>().expect("and is read back"), block);
        let first = written.split('/').next().unwrap_or_default().parse().expect("an address");
        assert!(block.contains(first));
    }
}

/// A whole decision: method, target and one header, split at newlines.
pub fn decide(data: &[u8]) {
    let mut parts = data.splitn(4, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (method, target, name, value) = (text(), text(), text(), text());
    let headers = [(name.as_str(), value.as_str())];
    let request =
        Request { method: &method, target: target.as_bytes(), headers: &headers, https: true, client_ip: None };
    let decision = GATE.decide(&request, UnixSeconds::clamped(NOW), &NullHost);
    assert!(!decision.is_allowed() || decision.route().is_some_and(|route| route.is_public()));
    let json: serde_json::Value = serde_json::from_str(&decision.to_json()).expect("decision JSON is JSON");
    assert_eq!(json["effect"] == "deny", decision.response().is_some_and(|response| response.status >= 400));
}
