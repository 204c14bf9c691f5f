//! What the benchmarks work on: policies, keys and tokens, the same at every run.

pub mod measure;

use hashbrown::HashMap;
use std::sync::Arc;

use scopegate::host::{Host, KeyAnswer, KeysAnswer, KeysReason};
use scopegate::key::format::{ENTROPY_BYTES, KeyFormat, KeyId, RawKey};
use scopegate::key::hash::Keyring;
use scopegate::key::lifecycle::{IssueRequest, IssueRules, issue};
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

/// The seed policy: 30 routes.
pub const SEED: &str = include_str!("../examples/jobiflow/policy.json");

/// The instant of every benchmark.
pub const NOW: UnixSeconds = UnixSeconds::clamped(1_780_000_000);

/// A policy of many routes in the manner of the seed.
#[must_use]
pub fn policy_of(routes: usize) -> String {
    let list: Vec<String> = (0..routes)
        .map(|number| {
            let (group, kind) = (number / 4, number % 4);
            let (method, path) = match kind {
                0 => ("GET", format!("/public/v1/resource-{group}")),
                1 => ("POST", format!("/public/v1/resource-{group}")),
                2 => ("GET", format!("/public/v1/resource-{group}/{{id}}")),
                _ => ("POST", format!("/public/v1/resource-{group}/{{id}}/publish")),
            };
            format!(r#"{{"id":"r{number}","match":"{method} {path}","allow":[{{"apiKey":["jobs:read"]}}]}}"#)
        })
        .collect();
    format!(
        r#"{{"version":1,"name":"bench","scopes":{{"jobs:read":"Read"}},
        "credentials":{{"apiKey":{{"type":"apiKey","header":"X-API-Key","prefix":"jbf"}}}},"routes":[{}]}}"#,
        list.join(",")
    )
}

/// A host over a map, as fast as a store can be.
#[derive(Default)]
pub struct MapHost(pub HashMap<KeyId, Arc<KeyRecord>>);

impl Host for MapHost {
    fn key(&self, id: &KeyId) -> KeyAnswer {
        self.0.get(id).map_or(KeyAnswer::Missing, |record| KeyAnswer::Found(Arc::clone(record)))
    }

    fn keys(&self, _credential: &str, _issuer: &str, _reason: KeysReason) -> KeysAnswer {
        KeysAnswer::Unavailable
    }
}

/// A key with its record, hashed under a pepper; sealed unless told otherwise.
///
/// # Errors
/// A text, when it cannot be made, which does not happen.
pub fn key(keyring: &Keyring, sealed: bool) -> Result<(RawKey, KeyRecord), String> {
    let format = KeyFormat::new("jbf", &["live", "test"]).map_err(|error| error.to_string())?;
    let mut entropy = [0_u8; ENTROPY_BYTES];
    for (at, byte) in entropy.iter_mut().enumerate() {
        *byte = u8::try_from(at.wrapping_mul(37) % 248).unwrap_or(0);
    }
    let request = IssueRequest {
        label: "bench",
        scopes: &["jobs:read"],
        environment: "live",
        owner: "company-1",
        expires_at: Some(NOW.saturating_add(86_400)),
        ip_allow: &[],
    };
    let rules = IssueRules { declared: &["jobs:read"], ..IssueRules::default() };
    let issued = issue(&request, &rules, &format, keyring, &entropy, NOW).map_err(|error| error.to_string())?;
    let mut record = issued.record;
    if !sealed {
        record.sealed = false;
        let parsed = format.parse(issued.raw_key.expose().as_bytes()).map_err(|fault| fault.to_string())?;
        record.hashes = vec![keyring.hash(&parsed, &record)];
    }
    record.last_used_at = Some(NOW);
    Ok((issued.raw_key, record))
}
