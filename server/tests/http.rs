//! The server over real sockets: raw HTTP/1.1, so that every byte of the request target is the test's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "tests"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use scopegate::engine::Gate;
use scopegate::policy::{CredentialKind, Policy};
use scopegate_server::app::{App, router};
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
use scopegate_stores::{MemoryStore, SqliteStore};
use serde_json::{Value, json};

struct Server {
    address: SocketAddr,
    key: String,
    token: String,
}

struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Starts a server on a free port of this machine; it ends with the test's process.
fn start(store: impl FnOnce() -> AnyStore + Send + 'static) -> Server {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let _entered = runtime.enter();
        let store = store();
        runtime.block_on(async move {
            let (demo, peppers) = (Demo::new().unwrap(), Peppers::fresh().unwrap());
            let policy = Arc::new(Policy::from_json(POLICY).unwrap());
            let gate = Gate::builder(Arc::clone(&policy))
                .keyring(peppers.keyring().clone())
                .key_set("user", demo.jwks())
                .build()
                .unwrap();
            let metrics = Arc::new(Metrics::new());
            let store = Arc::new(Metered::new(store, Arc::clone(&metrics), Duration::from_secs(5)));
            let app = Arc::new(App {
                manage: Manage::new(&policy, &peppers, OwnerCeilings::default()),
                gate: Arc::new(gate),
                uses: Uses::start(Arc::clone(&store), Arc::clone(&metrics)),
                store,
                proxies: TrustedProxies::default(),
                metrics: Arc::clone(&metrics),
                audit: Audit::off(),
                loopback_is_secure: true,
                fixed_now: None,
            });
            let (mut format, mut bearer) = (None, None);
            for credential in policy.credentials() {
                match credential.kind() {
                    CredentialKind::ApiKey(key) => format = Some(key.format()),
                    CredentialKind::Bearer(found) => bearer = Some(found),
                }
            }
            let token = demo.token(bearer.unwrap(), app.now()).unwrap();
            let key = match app.store.inner() {
                AnyStore::Broken => {
                    Demo::key(&policy, format.unwrap(), peppers.keyring(), &MemoryStore::new(), app.now()).await
                }
                store => Demo::key(&policy, format.unwrap(), peppers.keyring(), store, app.now()).await,
            };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let server =
                Server { address: listener.local_addr().unwrap(), key: key.unwrap().expose().to_owned(), token };
            send.send(server).unwrap();
            let limits = Limits { connections: 64, headers: Duration::from_secs(20), drain: Duration::ZERO };
            let (_running, stop) = tokio::sync::watch::channel(false);
            serve(listener, router(app), None, &limits, metrics, stop).await;
        });
    });
    receive.recv().unwrap()
}

fn memory() -> Server {
    start(|| AnyStore::Memory(MemoryStore::new()))
}

impl Server {
    fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: api.jobiflow.com\r\nConnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, headers: head.to_owned(), body: body.to_owned() }
    }

    fn with_key(&self, key: &str, method: &str, target: &str) -> Answer {
        self.send(method, target, &[("X-API-Key", key)], "")
    }

    fn manage(&self, method: &str, target: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, target, &[("Authorization", &bearer), ("Content-Type", "application/json")], &body)
    }

    fn create(&self, scopes: &[&str]) -> Value {
        let wanted = json!({ "label": "My Integration", "scopes": scopes, "expiresAt": "2099-01-01T00:00:00Z" });
        let answer = self.manage("POST", "/settings/api-keys", &wanted);
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let view = answer.json();
        assert_eq!(
            answer.header("location"),
            Some(format!("/settings/api-keys/{}", view["id"].as_str().unwrap()).as_str())
        );
        view
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

#[test]
fn refusals_have_their_status_and_say_no_more() {
    let server = memory();
    let read = "/public/v1/job-listings";
    let key = server.key.clone();
    let mut forged = key.clone();
    forged.replace_range(25..26, if &key[25..26] == "A" { "B" } else { "A" });
    let table: Vec<(&str, Answer, u16, &str)> = vec![
        ("no key", server.send("GET", read, &[], ""), 401, "missing_credential"),
        ("a damaged key", server.with_key(&forged, "GET", read), 401, "malformed_credential"),
        (
            "an unknown key",
            server.with_key("jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg", "GET", read),
            401,
            "invalid_credential",
        ),
        (
            "two keys",
            server.send("GET", read, &[("X-API-Key", &key), ("x-api-key", &key)], ""),
            400,
            "ambiguous_credentials",
        ),
        (
            "a key in the query",
            server.send("GET", &format!("{read}?X-API-Key={key}"), &[], ""),
            401,
            "missing_credential",
        ),
        ("a missing scope", server.with_key(&key, "GET", "/public/v1/candidates"), 403, "insufficient_scope"),
        ("a key cannot mint keys", server.with_key(&key, "POST", "/settings/api-keys"), 401, "missing_credential"),
        ("a wrong method", server.with_key(&key, "PUT", read), 405, "method_not_allowed"),
        ("an unknown path", server.with_key(&key, "GET", "/nowhere"), 404, "no_route"),
        (
            "a method override",
            server.send("GET", read, &[("X-API-Key", &key), ("X-HTTP-Method-Override", "DELETE")], ""),
            400,
            "method_override",
        ),
        ("dots", server.with_key(&key, "GET", "/public/v1/../../settings/api-keys"), 400, "noncanonical_target"),
        ("encoded dots", server.with_key(&key, "GET", "/public/%2e%2E/settings/api-keys"), 400, "noncanonical_target"),
        ("two slashes", server.with_key(&key, "GET", "//public/v1/job-listings"), 400, "noncanonical_target"),
        ("an encoded slash", server.with_key(&key, "GET", "/public/v1/job-listings%2F42"), 400, "noncanonical_target"),
        (
            "absolute form",
            server.with_key(&key, "GET", "http://api.jobiflow.com/public/v1/job-listings"),
            400,
            "noncanonical_target",
        ),
    ];
    for (name, answer, status, code) in table {
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{name}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
        assert_eq!(
            answer.header("www-authenticate").is_some(),
            matches!(status, 401) || code == "insufficient_scope",
            "{name}"
        );
        assert!(!answer.body.contains(&key[22..]) && !answer.headers.contains(&key[22..]), "{name}");
    }
    let methods = server.with_key(&key, "PUT", read);
    assert!(methods.header("allow").unwrap().contains("GET"), "{}", methods.headers);
}

#[test]
fn a_key_is_created_used_and_refused_from_its_revocation_on() {
    let server = memory();
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
    let made = server.create(&["jobs:read", "analytics:read"]);
    let (id, key) = (text(&made, "id"), text(&made, "rawKey"));
    assert!(
        key.starts_with(text(&made, "keyPrefix")) && made["active"] == true && text(&made, "label") == "My Integration"
    );
    let listing = server.with_key(key, "GET", "/public/v1/job-listings");
    assert_eq!(listing.status, 200, "{}", listing.body);
    assert_eq!(server.with_key(key, "GET", "/public/v1/candidates").status, 403);

    let shown = server.manage("GET", &format!("/settings/api-keys/{id}"), &Value::Null);
    assert_eq!(shown.status, 200);
    assert!(shown.json()["rawKey"].is_null() && !shown.body.contains("hash"), "the key is shown once: {}", shown.body);
    let list = server.manage("GET", "/settings/api-keys?limit=1", &Value::Null);
    let next = text(&list.json(), "next").to_owned();
    assert_eq!(list.json()["items"].as_array().unwrap().len(), 1);
    let more = server.manage("GET", &format!("/settings/api-keys?cursor={next}"), &Value::Null);
    assert_eq!(more.json()["items"].as_array().unwrap().len(), 1, "{}", more.body);

    for _ in 0..2 {
        assert_eq!(server.manage("DELETE", &format!("/settings/api-keys/{id}"), &Value::Null).status, 204);
        let refused = server.with_key(key, "GET", "/public/v1/job-listings");
        assert_eq!((refused.status, text(&refused.json(), "code")), (401, "key_revoked"));
    }
    assert_eq!(server.manage("GET", &format!("/settings/api-keys/{id}"), &Value::Null).json()["active"], false);
}

#[test]
fn what_cannot_be_created_or_changed_is_told_by_field() {
    let server = memory();
    let create = |label: &str, scopes: Value, expires: &str| {
        server.manage("POST", "/settings/api-keys", &json!({ "label": label, "scopes": scopes, "expiresAt": expires }))
    };
    let later = "2099-01-01T00:00:00Z";
    let table = [
        (create("", json!(["jobs:read"]), later), 422, "/label"),
        (create(&"x".repeat(101), json!(["jobs:read"]), later), 422, "/label"),
        (create("l", json!([]), later), 422, "/scopes"),
        (create("l", json!(["jobs:fly"]), later), 422, "/scopes"),
        (create("l", json!(["openid"]), later), 422, "/scopes"),
        (create("l", json!(["jobs:read"]), "2001-01-01T00:00:00Z"), 422, "/expiresAt"),
        (create("l", json!(["jobs:read"]), "tomorrow"), 422, "/expiresAt"),
    ];
    for (answer, status, pointer) in table {
        assert_eq!(
            (answer.status, answer.json()["errors"][0]["pointer"].as_str()),
            (status, Some(pointer)),
            "{}",
            answer.body
        );
        assert_eq!(answer.json()["type"], "validation");
    }
    let extra = json!({ "label": "l", "scopes": ["jobs:read"], "expiresAt": later, "owner": "somebody" });
    assert_eq!(server.manage("POST", "/settings/api-keys", &extra).status, 400, "V21: no mass assignment");
    let bearer = format!("Bearer {}", server.token);
    for body in ["", "[]", "{", "{\"label\":\"a\",\"label\":\"b\"}"] {
        assert_eq!(
            server.send("POST", "/settings/api-keys", &[("Authorization", &bearer)], body).status,
            400,
            "{body}"
        );
    }
    let made = server.create(&["jobs:read"]);
    let path = format!("/settings/api-keys/{}", text(&made, "id"));
    let renamed = server.manage("PATCH", &path, &json!({ "label": "Renamed" }));
    assert_eq!((renamed.status, text(&renamed.json(), "label")), (200, "Renamed"));
    for field in ["scopes", "expiresAt", "owner"] {
        let answer = server.manage("PATCH", &path, &json!({ field: ["jobs:write"] }));
        assert_eq!((answer.status, text(&answer.json(), "type")), (422, "immutable-field"), "{field}");
    }
    let unknown = server.manage("GET", "/settings/api-keys/AAAAAAAAAAAA", &Value::Null);
    let odd = server.manage("GET", "/settings/api-keys/no", &Value::Null);
    assert_eq!((unknown.status, odd.status, unknown.body == odd.body), (404, 404, true));
}

#[test]
fn rotation_ends_the_old_key_and_keeps_its_scopes() {
    let server = memory();
    let made = server.create(&["jobs:read"]);
    let path = format!("/settings/api-keys/{}/rotate", text(&made, "id"));
    let fresh = server.manage("POST", &path, &json!({ "overlapSeconds": 0 }));
    assert_eq!(fresh.status, 201, "{}", fresh.body);
    let fresh = fresh.json();
    assert_eq!((text(&fresh, "rotatedFrom"), &fresh["scopes"]), (text(&made, "id"), &made["scopes"]));
    assert_eq!(server.with_key(text(&fresh, "rawKey"), "GET", "/public/v1/job-listings").status, 200);
    let old = server.with_key(text(&made, "rawKey"), "GET", "/public/v1/job-listings");
    assert_eq!((old.status, text(&old.json(), "code")), (401, "key_expired"));
    assert_eq!(server.manage("POST", &path, &Value::Null).status, 409, "an expired key cannot be rotated");
    let negative = format!("/settings/api-keys/{}/rotate", text(&fresh, "id"));
    assert_eq!(server.manage("POST", &negative, &json!({ "overlapSeconds": -1 })).status, 422);
}

#[test]
fn an_outage_is_503_and_never_an_allow() {
    let server = start(|| AnyStore::Broken);
    let read = server.with_key(&server.key, "GET", "/public/v1/job-listings");
    assert_eq!((read.status, text(&read.json(), "code")), (503, "store_unavailable"));
    assert!(read.header("retry-after").is_some());
    let list = server.manage("GET", "/settings/api-keys", &Value::Null);
    assert_eq!((list.status, text(&list.json(), "type")), (503, "unavailable"));
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
}

#[test]
fn sqlite_serves_as_well() {
    let open =
        || AnyStore::Sqlite(tokio::runtime::Handle::current().block_on(SqliteStore::open("sqlite::memory:")).unwrap());
    let server = start(open);
    let made = server.create(&["jobs:read"]);
    assert_eq!(server.with_key(text(&made, "rawKey"), "GET", "/public/v1/job-listings").status, 200);
    assert_eq!(server.manage("DELETE", &format!("/settings/api-keys/{}", text(&made, "id")), &Value::Null).status, 204);
    assert_eq!(server.with_key(text(&made, "rawKey"), "GET", "/public/v1/job-listings").status, 401);
}

#[test]
fn keys_on_disk_outlive_the_server_with_their_pepper() {
    let base = std::env::temp_dir().join(format!("scopegate-server-{}", std::process::id()));
    let pepper = base.with_extension("pepper");
    let _ = std::fs::remove_file(&pepper);
    let first = Peppers::from_file(&pepper).unwrap();
    let again = Peppers::from_file(&pepper).unwrap();
    let key = scopegate::key::format::KeyFormat::new("jbf", &["live"]).unwrap();
    let text = b"jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";
    let parsed = key.parse(text).unwrap();
    let record = scopegate_stores::kit::sample("o", 1).unwrap();
    assert_eq!(first.keyring().hash(&parsed, &record), again.keyring().hash(&parsed, &record));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&pepper).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::write(&pepper, "short").unwrap();
    assert!(Peppers::from_file(&pepper).is_err(), "a damaged pepper is no new one");
    std::fs::remove_file(&pepper).unwrap();
}
