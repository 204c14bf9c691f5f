//! An axum service behind the gate: issue a key, serve with it. `cargo run -p scopegate-tower --example axum` and then, with the key it prints,
//! `curl -i -H "X-API-Key: $KEY" http://127.0.0.1:8081/jobs/42`

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::ConnectInfo;
use axum::{Extension, Router, routing::get};
use scopegate::engine::Gate;
use scopegate::host::{AsyncHost, KeyAnswer, KeysAnswer, KeysReason};
use scopegate::key::format::{ENTROPY_BYTES, KeyFormat, KeyId};
use scopegate::key::lifecycle::{IssueRequest, IssueRules, issue};
use scopegate::key::{hash::Keyring, record::KeyRecord};
use scopegate::policy::Policy;
use scopegate_tower::{ConnectionFacts, Granted, ScopegateLayer, system_time};

const POLICY: &str = r#"{
    "version": 1, "name": "jobs", "https": "required", "scopes": { "jobs:read": "Read jobs" },
    "credentials": { "apiKey": { "type": "apiKey", "header": "X-API-Key", "prefix": "jbf" } },
    "routes": [{ "id": "getJob", "match": "GET /jobs/{id}", "allow": [{ "apiKey": ["jobs:read"] }] }]
}"#;

/// The store of this example: one record. Yours is a database.
struct Store(Arc<KeyRecord>);

impl AsyncHost for Store {
    async fn key(&self, id: &KeyId) -> KeyAnswer {
        if self.0.id == *id { KeyAnswer::Found(Arc::clone(&self.0)) } else { KeyAnswer::Missing }
    }

    async fn keys(&self, _credential: &str, _issuer: &str, _reason: KeysReason) -> KeysAnswer {
        KeysAnswer::Unavailable
    }
}

/// It runs only for requests that were allowed, and learns who asks.
async fn job(Extension(granted): Extension<Granted>) -> String {
    let owner = granted.principal().and_then(|principal| principal.subject()).unwrap_or_default();
    format!("job {} for {owner}\n", granted.param("id").unwrap_or_default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut random = [0_u8; ENTROPY_BYTES + 32];
    getrandom::fill(&mut random).map_err(|error| error.to_string())?;
    let (entropy, pepper) = random.split_first_chunk().ok_or("enough bytes")?;
    let (keyring, format) = (Keyring::new([("p1", pepper)])?, KeyFormat::new("jbf", &["live"])?);
    let request = IssueRequest {
        label: "demo",
        scopes: &["jobs:read"],
        environment: "live",
        owner: "company-1",
        expires_at: Some(system_time().saturating_add(3_600)),
        ip_allow: &[],
    };
    let rules = IssueRules { declared: &["jobs:read"], ..IssueRules::default() };
    let issued = issue(&request, &rules, &format, &keyring, entropy, system_time())?;
    println!("{}", issued.raw_key.expose());

    let gate = Gate::builder(Policy::from_json(POLICY)?.into()).keyring(keyring).build()?;
    let layer = ScopegateLayer::new(Arc::new(gate), Store(Arc::new(issued.record))).facts(|request| {
        // Plain HTTP from this machine to itself counts as secure here; behind TLS say so, behind a proxy ask the proxy.
        let peer = request.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        ConnectionFacts { https: peer.is_some_and(|ip| ip.is_loopback()), client_ip: peer }
    });
    let router = Router::new().route("/jobs/{id}", get(job)).layer(layer);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8081".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
