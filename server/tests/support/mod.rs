//! A server on loopback, and a client that sends what it is told, byte for byte. Answers of the management API are held against
//! `openapi.yaml` as they come.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod contract;

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use scopegate::engine::Gate;
use scopegate::policy::{CredentialKind, Policy};
use scopegate_server::app::{App, Clock, router};
use scopegate_server::audit::Audit;
use scopegate_server::connection::{Limits, serve};
use scopegate_server::manage::{Manage, OwnerCeilings};
use scopegate_server::metered::Metered;
use scopegate_server::metrics::Metrics;
use scopegate_server::peppers::Peppers;
use scopegate_server::proxy::TrustedProxies;
use scopegate_server::store::AnyStore;
use scopegate_server::uses::Uses;
use scopegate_server::{Demo, POLICY};
use scopegate_stores::MemoryStore;
use serde_json::{Value, json};
use tokio::runtime::Handle;

pub const KEYS: &str = "/settings/api-keys";
pub const LISTINGS: &str = "/public/v1/job-listings";
/// The owner of the demonstration's keys.
pub const OWNER: &str = "company-1";

/// What a server is started with.
pub struct Setup {
    pub policy: String,
    pub ceilings: OwnerCeilings,
    pub peppers: Peppers,
    /// How long the headers and the body of a request may take.
    pub patience: Duration,
    pub store: Box<dyn FnOnce(&Handle) -> AnyStore + Send>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            policy: POLICY.to_owned(),
            ceilings: OwnerCeilings::default(),
            peppers: Peppers::fresh().unwrap(),
            patience: Duration::from_secs(20),
            store: Box::new(|_| AnyStore::Memory(MemoryStore::new())),
        }
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub key: String,
    pub token: String,
    pub app: Arc<App>,
    demo: Demo,
    clock: Arc<AtomicI64>,
    runtime: Handle,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n\n{}", self.head, self.body)
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("no {member}: {self:?}")).to_owned()
    }

    /// Holds the answer against a status and a problem type.
    #[track_caller]
    pub fn is_problem(&self, status: u16, kind: &str) {
        assert_eq!((self.status, self.json()["type"].as_str()), (status, Some(kind)), "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.json()["status"], status);
        assert!(self.json()["title"].is_string() && self.json()["detail"].is_string());
    }

    /// Holds the answer against a status, a problem type and the place of the first mistake.
    #[track_caller]
    pub fn is_mistake(&self, status: u16, kind: &str, member: &str, place: &str) {
        self.is_problem(status, kind);
        assert_eq!(self.json()["errors"][0][member], place, "{self:?}");
    }
}

/// Starts a server with keys in memory.
pub fn start() -> Server {
    start_with(Setup::default())
}

/// Starts a server on a free port of this machine; it ends with the test's process.
pub fn start_with(setup: Setup) -> Server {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let _entered = runtime.enter();
        let store = (setup.store)(runtime.handle());
        let handle = runtime.handle().clone();
        runtime.block_on(async move {
            let demo = Demo::new().unwrap();
            let policy = Arc::new(Policy::from_json(&setup.policy).unwrap());
            let keyring = setup.peppers.keyring().clone();
            let gate = Gate::builder(Arc::clone(&policy)).keyring(keyring.clone()).key_set("user", demo.jwks());
            let metrics = Arc::new(Metrics::new());
            let store = Arc::new(Metered::new(store, Arc::clone(&metrics), Duration::from_secs(20)));
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().try_into().unwrap();
            let clock = Arc::new(AtomicI64::new(now));
            let app = Arc::new(App {
                manage: Manage::new(&policy, &setup.peppers, setup.ceilings),
                gate: Arc::new(gate.build().unwrap()),
                uses: Uses::start(Arc::clone(&store), Arc::clone(&metrics)),
                store,
                oauth: None,
                proxies: TrustedProxies::default(),
                metrics: Arc::clone(&metrics),
                audit: Audit::off(),
                loopback_is_secure: true,
                clock: Clock::Set(Arc::clone(&clock)),
            });
            let (mut api_key, mut bearer) = (None, None);
            for credential in policy.credentials() {
                match credential.kind() {
                    CredentialKind::ApiKey(found) => api_key = Some(found),
                    CredentialKind::Bearer(found) => bearer = Some(found),
                }
            }
            let token = demo.token(bearer.unwrap(), app.now()).unwrap();
            let key = match app.store.inner() {
                AnyStore::Broken => {
                    Demo::key(&policy, api_key.unwrap(), &keyring, &MemoryStore::new(), app.now()).await
                }
                store => Demo::key(&policy, api_key.unwrap(), &keyring, store, app.now()).await,
            };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let server = Server {
                address: listener.local_addr().unwrap(),
                key: key.unwrap().expose().to_owned(),
                token,
                app: Arc::clone(&app),
                demo,
                clock,
                runtime: handle,
            };
            send.send(server).unwrap();
            let limits = Limits { connections: 256, headers: setup.patience, drain: Duration::ZERO };
            let (_running, stop) = tokio::sync::watch::channel(false);
            serve(listener, router(app), None, &limits, metrics, stop).await;
        });
    });
    receive.recv().unwrap()
}

impl Server {
    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Gives the user a fresh token: the old one ends within the hour.
    pub fn sign_in_again(&mut self) {
        let mut credentials = self.app.policy().credentials().iter();
        let bearer = credentials.find_map(|credential| match credential.kind() {
            CredentialKind::Bearer(bearer) => Some(bearer),
            CredentialKind::ApiKey(_) => None,
        });
        self.token = self.demo.token(bearer.unwrap(), self.app.now()).unwrap();
    }

    /// The instant in so many seconds, as the API writes it.
    pub fn after(&self, seconds: i64) -> String {
        jiff::Timestamp::from_second(self.clock.load(Ordering::Relaxed) + seconds).unwrap().to_string()
    }

    /// Runs something in the server's runtime.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Sends a request as it is written here; the target goes to the wire unchanged.
    pub fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: api.jobiflow.com\r\nConnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let answer = self.send_raw(text.as_bytes());
        contract::hold(method, target, &answer);
        answer
    }

    pub fn send_raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // A request that is refused early may not be read to its end.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub fn with_key(&self, key: &str, method: &str, target: &str) -> Answer {
        self.send(method, target, &[("X-API-Key", key)], "")
    }

    /// As the demonstration's user.
    pub fn manage(&self, method: &str, target: &str, body: &str) -> Answer {
        self.manage_with(method, target, &[], body)
    }

    pub fn manage_with(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("Authorization", bearer.as_str())];
        if !body.is_empty() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            all.push(("Content-Type", "application/json"));
        }
        all.extend(headers);
        self.send(method, target, &all, body)
    }

    /// The body of a request for a key that lives for an hour.
    pub fn wanted(&self, label: &str, scopes: &[&str]) -> String {
        json!({ "label": label, "scopes": scopes, "expiresAt": self.after(3_600) }).to_string()
    }

    /// Makes a key: its path and its text.
    #[track_caller]
    pub fn create(&self, label: &str, scopes: &[&str]) -> (String, String) {
        let answer = self.manage("POST", KEYS, &self.wanted(label, scopes));
        assert_eq!(answer.status, 201, "{answer:?}");
        (format!("{KEYS}/{}", answer.text("id")), answer.text("rawKey"))
    }
}
