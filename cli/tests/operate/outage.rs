//! A store out of reach: 503 until it is back, without a new start. And keys that are none ask it nothing.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{Client, READ, Site, service};

#[test]
fn a_thousand_garbage_keys_ask_the_store_nothing() {
    let site = Site::new("garbage");
    let server = site.start("server", &[("db", "memory")]);
    let client = server.client();
    let good = "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";
    let shapes: [fn(&str, usize) -> String; 4] = [
        |good, n| format!("{}{}", &good[..good.len() - 4], 1000 + n),
        |good, n| format!("{good}{n}"),
        |good, n| good.replace("jbf", &format!("x{n}")),
        |_, n| "z".repeat(n + 1),
    ];
    for number in 0..1_000 {
        let answer = client.with_key(&shapes[number % 4](good, number), READ).unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (401, "malformed_credential"));
    }
    assert_eq!(server.metric("scopegate_store_calls_total{call=\"find\"}"), 0, "{}", server.metrics());
    assert_eq!(server.metric("scopegate_decisions_total{outcome=\"deny\",code=\"malformed_credential\"}"), 1_000);
    // A key of the right shape does ask.
    assert_eq!(client.with_key(good, READ).unwrap().code(), "invalid_credential");
    assert_eq!(server.metric("scopegate_store_calls_total{call=\"find\"}"), 1);
}

/// A forwarder that can be cut: the database behind it is then out of reach.
struct Wire {
    address: SocketAddr,
    cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Self { address: listener.local_addr().unwrap(), cut: Arc::default(), open: Arc::default() };
        let (cut, open) = (Arc::clone(&wire.cut), Arc::clone(&wire.open));
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(target) else { continue };
                open.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                pump(near.try_clone().unwrap(), far.try_clone().unwrap());
                pump(far, near);
            }
        });
        wire
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// `scheme://user:password@host:port/rest` with another host and port, and the address it named.
fn through(url: &str, by: impl FnOnce(SocketAddr) -> Wire) -> (String, Wire) {
    let (scheme, rest) = url.split_once("://").unwrap();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let wire = by(host.to_socket_addrs().unwrap().next().unwrap());
    let user = if user.is_empty() { String::new() } else { format!("{user}@") };
    (format!("{scheme}://{user}{}{path}", wire.address), wire)
}

fn outage_and_recovery(variable: &str) {
    let site = Site::new("outage");
    let Some(url) = service(variable) else { return };
    let (url, wire) = through(&url, Wire::to);
    std::fs::write(site.path("db"), url).unwrap();
    let server = site.start("server", &[("db-file", &site.path("db")), ("store-milliseconds", "1000")]);
    let client = server.client();
    let (_, key) = client.create().unwrap();
    assert_eq!((client.with_key(&key, READ).unwrap().status, server.ready()), (200, 200));
    wire.cut();
    for _ in 0..3 {
        let answer = client.with_key(&key, READ).unwrap();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "store_unavailable"),
            "an outage is no refusal and no allow"
        );
        assert!(answer.head.to_ascii_lowercase().contains("retry-after"));
    }
    assert_eq!(server.ready(), 503);
    assert!(server.metric("scopegate_store_failures_total{call=\"find\"}") >= 3);
    wire.mend();
    let started = Instant::now();
    while client.with_key(&key, READ).unwrap().status != 200 {
        assert!(started.elapsed() < Duration::from_secs(30), "no recovery");
    }
    assert_eq!(server.ready(), 200);
}

#[test]
fn an_outage_is_503_and_ends_by_itself_postgres() {
    outage_and_recovery("SCOPEGATE_POSTGRES_URL");
}

#[test]
fn an_outage_is_503_and_ends_by_itself_redis() {
    outage_and_recovery("SCOPEGATE_REDIS_URL");
}

/// The status and code of a try to create a key, and to revoke one.
fn changes(client: &Client, id: &str) -> [(u16, String); 2] {
    let later = std::time::SystemTime::now() + Duration::from_secs(86_400);
    let wanted = json!({ "label": "Later", "scopes": ["jobs:read"], "expiresAt": jiff::Timestamp::try_from(later).unwrap().to_string() });
    let path = format!("/settings/api-keys/{id}");
    [("POST", "/settings/api-keys", wanted), ("DELETE", path.as_str(), Value::Null)].map(|(method, target, body)| {
        let answer = client.manage(method, target, &body).unwrap();
        (answer.status, if answer.body.is_empty() { String::new() } else { answer.code() })
    })
}

/// Asks until the answer is this one.
fn until(what: &str, mut asked: impl FnMut() -> u16, status: u16) {
    let started = Instant::now();
    while asked() != status {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}: no {status}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Locked, damaged, full: each in turn, on one server that is never started anew.
#[test]
fn an_outage_is_503_and_ends_by_itself_sqlite() {
    let site = Site::new("sqlite-outage");
    let path = site.path("keys.db");
    let db = format!("sqlite:{path}");
    let server = site.start("server", &[("db", &db), ("store-milliseconds", "1000")]);
    let client = server.client();
    let (id, key) = client.create().unwrap();
    let reads = || client.with_key(&key, READ).unwrap();
    assert_eq!((reads().status, server.ready()), (200, 200));
    let refused = (503, "store_unavailable".to_owned());
    let stranger = rusqlite::Connection::open(&path).unwrap();

    // Locked by another writer: changes wait, and fail when they have waited enough. Who only reads waits for nobody.
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(changes(&client, &id), [refused.clone(), refused.clone()]);
    assert_eq!((reads().status, server.ready()), (200, 200));
    stranger.execute_batch("COMMIT").unwrap();
    let (other, _) = client.create().unwrap();

    // Damaged: nothing can be read, so nobody is let in, and nobody is told that a key is wrong.
    stranger.execute_batch("ALTER TABLE api_keys RENAME TO lost").unwrap();
    for _ in 0..3 {
        let answer = reads();
        assert_eq!((answer.status, answer.code()), refused);
        assert!(answer.head.to_ascii_lowercase().contains("retry-after"));
    }
    assert_eq!((changes(&client, &other), server.ready()), ([refused.clone(), refused.clone()], 503));
    stranger.execute_batch("ALTER TABLE lost RENAME TO api_keys").unwrap();
    // The revocation that was not acknowledged may have gone through when the lock was gone: 200 or 401, and no 503.
    until("mended", || u16::from(reads().status != 503), 1);
    assert_eq!(server.ready(), 200);

    // Full: no byte more can be written to any file.
    let room = |bytes: &str| {
        let limit = format!("--fsize={bytes}:unlimited");
        let done = std::process::Command::new("prlimit").args(["--pid", &server.pid().to_string(), &limit]).status();
        assert!(done.unwrap().success());
    };
    let (third, third_key) = client.create().unwrap();
    room("1");
    assert_eq!(changes(&client, &third), [refused.clone(), refused]);
    assert_eq!(client.with_key(&third_key, READ).unwrap().status, 200, "what was not acknowledged did not happen");
    room("unlimited");
    client.create().unwrap();
    client.revoke(&third).unwrap();
    assert_eq!(client.with_key(&third_key, READ).unwrap().code(), "key_revoked");
}
