//! `scopegate serve` without settings is a demonstration, of whatever policy it is given.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::Dir;

const PATIENCE: Duration = Duration::from_secs(60);

/// A server that is killed when dropped, and what it wrote once it listened.
struct Server(Child, Value);

impl Server {
    fn start(dir: &Dir, flags: &[&str]) -> Self {
        let ready = dir.path("ready.json");
        let mut child = Command::new(env!("CARGO_BIN_EXE_scopegate"))
            .args(["serve", "--listen", "127.0.0.1:0", "--ready-file", &ready])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        loop {
            if let Ok(text) = std::fs::read_to_string(&ready) {
                return Self(child, serde_json::from_str(&text).unwrap());
            }
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended: {status}");
            }
            assert!(started.elapsed() < PATIENCE, "the server does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn status(&self, target: &str, header: &str) -> u16 {
        let address = self.1["url"].as_str().unwrap().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: x\r\n{header}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_demonstration_takes_any_policy() {
    let key = json!({ "type": "apiKey", "header": "X-API-Key", "prefix": "acme", "accept": ["test"] });
    let user = json!({ "type": "bearer", "issuer": "https://i.example", "audiences": ["a"], "algorithms": ["RS256"] });
    let route = |allow: Value| json!([{ "id": "things", "match": "GET /things", "allow": [allow] }]);
    // The policy, the members of the ready file, and what opens the route.
    let table = [
        (json!({ "key": key }), route(json!({ "key": ["things:read"] })), vec!["apiKey"]),
        (json!({ "user": user }), route(json!({ "user": ["openid"] })), vec!["bearer"]),
        (
            json!({ "user": user, "key": key }),
            route(json!({ "key": ["things:write", "things:read"] })),
            vec!["apiKey", "bearer"],
        ),
    ];
    for (credentials, routes, members) in table {
        let dir = Dir::new();
        let policy = json!({
            "version": 1, "name": "things", "scopes": { "openid": "Sign in", "things:read": "Read", "things:write": "Write" },
            "credentials": credentials, "routes": routes
        });
        let file = dir.file("policy.json", &policy.to_string());
        let server = Server::start(&dir, &["--policy", &file]);
        for member in ["apiKey", "bearer"] {
            assert_eq!(server.1[member].is_string(), members.contains(&member), "{member}: {}", server.1);
        }
        let header = match server.1["apiKey"].as_str() {
            Some(key) => format!("X-API-Key: {key}"),
            None => format!("Authorization: Bearer {}", server.1["bearer"].as_str().unwrap()),
        };
        assert_eq!((server.status("/things", &header), server.status("/things", "X: y")), (200, 401), "{members:?}");
    }
}

#[test]
fn the_built_in_policy_has_a_key_and_a_token() {
    let dir = Dir::new();
    let server = Server::start(&dir, &[]);
    let key = format!("X-API-Key: {}", server.1["apiKey"].as_str().unwrap());
    let bearer = format!("Authorization: Bearer {}", server.1["bearer"].as_str().unwrap());
    let asked = [
        ("/public/v1/job-listings", &key, 200),
        ("/public/v1/job-listings/7", &key, 200),
        ("/public/v1/candidates", &key, 403),
        ("/public/v1/../settings/api-keys", &key, 400),
        ("/settings/api-keys", &key, 401),
        ("/settings/api-keys", &bearer, 200),
    ];
    for (target, header, expected) in asked {
        assert_eq!(server.status(target, header), expected, "{target}");
    }
}
