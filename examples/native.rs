//! A Rust caller: issue a key, use it, revoke it. `cargo run -p scopegate --example native`

use scopegate::key::format::{ENTROPY_BYTES, KeyFormat, KeyId};
use scopegate::key::lifecycle::{IssueRequest, IssueRules, issue, revoke};
use scopegate::key::{hash::Keyring, record::KeyRecord};
use scopegate::{Gate, Host, KeyAnswer, KeysAnswer, KeysReason, Policy, Request, UnixSeconds};
use std::{error::Error, sync::Arc, time::SystemTime};

struct Store(Arc<KeyRecord>); // yours is a database
impl Host for Store {
    fn key(&self, id: &KeyId) -> KeyAnswer {
        if *id == self.0.id { KeyAnswer::Found(Arc::clone(&self.0)) } else { KeyAnswer::Missing }
    }
    fn keys(&self, _credential: &str, _issuer: &str, _reason: KeysReason) -> KeysAnswer {
        KeysAnswer::Unavailable // where tokens are taken: the key set of their issuer
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let now = UnixSeconds::clamped(SystemTime::UNIX_EPOCH.elapsed()?.as_secs().try_into()?);
    let keyring = Keyring::new([("p1", &[7; 32][..])])?; // your pepper: 32 secret bytes
    let mut entropy = [0; ENTROPY_BYTES];
    getrandom::fill(&mut entropy).map_err(|error| error.to_string())?;
    let rules = IssueRules { declared: &["jobs:read"], ..Default::default() };
    let (scopes, environment) = (rules.declared, "live");
    let wanted = IssueRequest { label: "CI", scopes, environment, owner: "me", ..Default::default() };
    let issued = issue(&wanted, &rules, &KeyFormat::new("jbf", &["live"])?, &keyring, &entropy, now)?;
    let policy = Policy::from_json(include_str!("jobiflow/policy.json"))?;
    let gate = Gate::builder(policy.into()).keyring(keyring).build()?;
    let headers = [("X-API-Key", issued.raw_key.expose())];
    for record in [&issued.record, &revoke(&issued.record, now)?] {
        let store = Store(Arc::new(record.clone()));
        for target in [&b"/public/v1/job-listings"[..], b"/public/v1/candidates", b"/public/v1/../settings/api-keys"] {
            let request = Request { method: "GET", target, headers: &headers, https: true, client_ip: None };
            let decision = gate.decide(&request, now, &store);
            println!("{} {}", decision.status(), decision.code());
        }
    }
    Ok(())
}
