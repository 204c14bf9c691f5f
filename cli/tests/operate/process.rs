//! A server of its own for a test: its folder, its process, and requests to it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use scopegate::policy::{CredentialKind, Policy};
use scopegate::time::UnixSeconds;
use scopegate_server::{Demo, POLICY};
use serde_json::{Value, json};

pub const READ: &str = "/public/v1/job-listings";
/// What a proxy that ends TLS adds.
pub const SECURE: [(&str, &str); 2] = [("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https")];
/// How long anything may take before the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// The URL of a service that `scripts/with-services` starts; `None`, and a word why, without it.
pub fn service(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        assert!(std::env::var_os("SCOPEGATE_SERVICES").is_none(), "{variable} is not set, and SCOPEGATE_SERVICES is");
        eprintln!("skipped: {variable} is not set; scripts/test-operate starts the service");
    }
    url
}

/// What several servers of a test share: a folder, the key set and the token of a user, and the pepper.
pub struct Site {
    pub folder: PathBuf,
    pub token: String,
}

impl Site {
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("operate-{}-{number}-{name}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let issuer = Demo::new().unwrap();
        std::fs::write(folder.join("jwks.json"), issuer.jwks()).unwrap();
        let pepper = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        std::fs::write(folder.join("pepper"), pepper).unwrap();
        // Hundreds of keys of one owner.
        std::fs::write(folder.join("ceilings.json"), r#"{ "default": { "keys": 100000 } }"#).unwrap();
        let policy = Policy::from_json(POLICY).unwrap();
        let bearer = policy.credentials().iter().find_map(|credential| match credential.kind() {
            CredentialKind::Bearer(bearer) => Some(bearer),
            CredentialKind::ApiKey(_) => None,
        });
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let token = issuer.token(bearer.unwrap(), UnixSeconds::new(i64::try_from(now).unwrap()).unwrap()).unwrap();
        Self { folder, token }
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// Starts a server; `name` is that of its output files.
    pub fn start(&self, name: &str, flags: &[(&str, &str)]) -> Server<'_> {
        let ready = self.folder.join(format!("{name}.ready"));
        let _ = std::fs::remove_file(&ready);
        let output = |end: &str| {
            let file =
                std::fs::OpenOptions::new().append(true).create(true).open(self.folder.join(format!("{name}.{end}")));
            Stdio::from(file.unwrap())
        };
        // A full disk is an error for it and not its end.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_scopegate")]);
        let (jwks, pepper, ceilings) = (self.path("jwks.json"), self.path("pepper"), self.path("ceilings.json"));
        let usual = [
            ("listen", "127.0.0.1:0"),
            ("admin-listen", "127.0.0.1:0"),
            ("trusted-proxies", "127.0.0.1"),
            ("ready-file", ready.to_str().unwrap()),
            ("jwks-file", &jwks),
            ("pepper-file", &pepper),
            ("ceilings-file", &ceilings),
            // Far off, so that a busy machine fails no test.
            ("store-milliseconds", "30000"),
        ];
        command.arg("serve");
        let others = usual.iter().filter(|(usual, _)| flags.iter().all(|(flag, _)| flag != usual));
        for (flag, value) in others.chain(flags) {
            command.args([&format!("--{flag}"), *value]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(output("out")).stderr(output("err")).spawn().unwrap();
        let started = Instant::now();
        let told: Value = loop {
            if let Ok(text) = std::fs::read_to_string(&ready) {
                break serde_json::from_str(&text).unwrap();
            }
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended by {status}: {}", self.read(&format!("{name}.err")));
            }
            assert!(started.elapsed() < PATIENCE, "the server does not start");
            std::thread::sleep(Duration::from_millis(5));
        };
        let address = |member: &str| told[member].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
        Server { site: self, child, address: address("url"), admin: address("adminUrl") }
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// A running server. It is killed when dropped.
pub struct Server<'s> {
    site: &'s Site,
    child: Child,
    pub address: SocketAddr,
    pub admin: SocketAddr,
}

impl Server<'_> {
    pub fn client(&self) -> Client {
        Client { address: self.address, token: self.site.token.clone() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(done.success());
    }

    pub fn wait(mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "the server does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn metrics(&self) -> String {
        ask(self.admin, "GET", "/metrics", &[], "").unwrap().body
    }

    /// The sum of a metric over every line that starts like this.
    pub fn metric(&self, start: &str) -> u64 {
        let text = self.metrics();
        let numbers = text.lines().filter(|line| line.starts_with(start)).filter_map(|line| line.rsplit_once(' '));
        numbers.map(|(_, number)| number.parse::<f64>().unwrap() as u64).sum()
    }

    pub fn ready(&self) -> u16 {
        ask(self.admin, "GET", "/readyz", &[], "").map_or(0, |answer| answer.status)
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// One request on a connection of its own; `None` when there was no whole answer.
pub fn ask(address: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: api.jobiflow.com\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(text.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    if length.is_some_and(|length: usize| length != body.len()) {
        return None;
    }
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

fn in_a_month() -> String {
    let later = std::time::SystemTime::now() + Duration::from_secs(30 * 86_400);
    jiff::Timestamp::try_from(later).unwrap().to_string()
}

/// A client behind a proxy that ends TLS.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    token: String,
}

impl Client {
    pub fn with_key(&self, key: &str, target: &str) -> Option<Answer> {
        let headers = [("X-API-Key", key), SECURE[0], SECURE[1]];
        ask(self.address, "GET", target, &headers, "")
    }

    pub fn manage(&self, method: &str, target: &str, body: &Value) -> Option<Answer> {
        let bearer = format!("Bearer {}", self.token);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json"), SECURE[0], SECURE[1]];
        ask(self.address, method, target, &headers, &body)
    }

    /// Creates a key: its id and the key itself, once the server has acknowledged it.
    pub fn create(&self) -> Option<(String, String)> {
        let wanted = json!({ "label": "Load", "scopes": ["jobs:read"], "expiresAt": in_a_month() });
        let answer = self.manage("POST", "/settings/api-keys", &wanted)?;
        assert_eq!(answer.status, 201, "{answer:?}");
        let made = answer.json();
        Some((made["id"].as_str()?.to_owned(), made["rawKey"].as_str()?.to_owned()))
    }

    /// Revokes a key; `Some` once the server has acknowledged it.
    pub fn revoke(&self, id: &str) -> Option<()> {
        let answer = self.manage("DELETE", &format!("/settings/api-keys/{id}"), &Value::Null)?;
        assert_eq!(answer.status, 204, "{answer:?}");
        Some(())
    }
}
