//! A Rust caller: issue a key, use it, revoke it. `cargo run -p scopegate --example native`

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::SystemTime;

use scopegate::engine::Gate;
use scopegate::host::{Host, KeyAnswer, KeysAnswer, KeysReason};
use scopegate::key::format::{ENTROPY_BYTES, KeyFormat, KeyId};
use scopegate::key::lifecycle::{IssueRequest, IssueRules, issue, revoke};
use scopegate::key::{hash::Keyring, record::KeyRecord};
use scopegate::{policy::Policy, request::Request, time::UnixSeconds};

/// The store of this example: a map. Yours is a database.
#[derive(Default)]
struct Store(RefCell<HashMap<KeyId, Arc<KeyRecord>>>);

impl Host for Store {
    fn key(&self, id: &KeyId) -> KeyAnswer {
        self.0.borrow().get(id).map_or(KeyAnswer::Missing, |record| KeyAnswer::Found(Arc::clone(record)))
    }

    fn keys(&self, _credential: &str, _issuer: &str, _reason: KeysReason) -> KeysAnswer {
        KeysAnswer::Unavailable
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let now = UnixSeconds::clamped(SystemTime::UNIX_EPOCH.elapsed()?.as_secs().try_into()?);
    let mut random = [0_u8; ENTROPY_BYTES + 32];
    getrandom::fill(&mut random).map_err(|error| error.to_string())?;
    let (entropy, pepper) = random.split_first_chunk().ok_or("enough bytes")?;

    let keyring = Keyring::new([("p1", pepper)])?;
    let format = KeyFormat::new("jbf", &["live", "test"])?;
    let rules = IssueRules { declared: &["jobs:read"], ..IssueRules::default() };
    let wanted = IssueRequest {
        label: "My integration",
        scopes: &["jobs:read"],
        environment: "live",
        owner: "company-1",
        expires_at: Some(now.saturating_add(90 * 86_400)),
        ip_allow: &[],
    };
    let issued = issue(&wanted, &rules, &format, &keyring, entropy, now)?;
    let store = Store::default();
    store.0.borrow_mut().insert(issued.record.id, Arc::new(issued.record.clone()));

    let policy = Policy::from_json(include_str!("jobiflow/policy.json"))?;
    let gate = Gate::builder(policy.into()).keyring(keyring).build()?;
    let headers = [("X-API-Key", issued.raw_key.expose())];
    let ask = |method, target: &'static str| {
        let request = Request { method, target: target.as_bytes(), headers: &headers, https: true, client_ip: None };
        let decision = gate.decide(&request, now, &store);
        println!("{:3} {:22} {method} {target}", decision.status(), decision.code());
    };
    ask("GET", "/public/v1/job-listings");
    ask("DELETE", "/public/v1/job-listings/42");
    ask("GET", "/public/v1/../settings/api-keys");
    store.0.borrow_mut().insert(issued.record.id, Arc::new(revoke(&issued.record, now)?));
    ask("GET", "/public/v1/job-listings");
    Ok(())
}
