//! `kill -9` under load, twenty times: what was acknowledged is there afterwards.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::process::{READ, Site, service};

const ROUNDS: usize = 20;
const CLIENTS: usize = 4;
/// How many acknowledged changes a round sees before the kill.
const CHANGES: usize = 24;

#[derive(Default)]
struct Acknowledged {
    alive: Vec<String>,
    revoked: Vec<String>,
}

#[test]
fn no_acknowledged_create_or_revoke_is_lost_to_a_kill_sqlite() {
    let site = Site::new("crash");
    let db = format!("sqlite:{}", site.path("keys.db"));
    twenty_kills(&site, &[("db", &db)]);
}

#[test]
fn no_acknowledged_create_or_revoke_is_lost_to_a_kill_postgres() {
    beside("SCOPEGATE_POSTGRES_URL");
}

#[test]
fn no_acknowledged_create_or_revoke_is_lost_to_a_kill_redis() {
    beside("SCOPEGATE_REDIS_URL");
}

fn beside(variable: &str) {
    let Some(url) = service(variable) else { return };
    let site = Site::new("crash");
    std::fs::write(site.path("db"), url).unwrap();
    twenty_kills(&site, &[("db-file", &site.path("db"))]);
}

fn twenty_kills(site: &Site, flags: &[(&str, &str)]) {
    let all = Mutex::new(Acknowledged::default());
    for round in 0..ROUNDS {
        let server = site.start("server", flags);
        let client = server.client();
        let changes = AtomicUsize::new(0);
        // A different moment in each round.
        let enough = CHANGES + round * 3 % 7;
        std::thread::scope(|scope| {
            let start = || {
                scope.spawn(|| {
                    while let Some((id, key)) = client.create() {
                        changes.fetch_add(1, Ordering::Relaxed);
                        if changes.load(Ordering::Relaxed).is_multiple_of(2) {
                            all.lock().unwrap().alive.push(key);
                            continue;
                        }
                        // Without an answer nobody knows whether it is revoked: neither is held against the server.
                        let Some(()) = client.revoke(&id) else { break };
                        changes.fetch_add(1, Ordering::Relaxed);
                        all.lock().unwrap().revoked.push(key);
                    }
                })
            };
            let clients: Vec<_> = (0..CLIENTS).map(|_| start()).collect();
            // A client that found a fault has ended: the test then fails at the end of the scope.
            while changes.load(Ordering::Relaxed) < enough && clients.iter().any(|client| !client.is_finished()) {
                std::thread::yield_now();
            }
            server.crash();
        });
    }
    let server = site.start("server", flags);
    let (client, all) = (server.client(), all.into_inner().unwrap());
    assert!(all.alive.len() >= ROUNDS && all.revoked.len() >= ROUNDS);
    for key in &all.alive {
        assert_eq!(client.with_key(key, READ).unwrap().status, 200, "a key that was acknowledged is lost");
    }
    for key in &all.revoked {
        let answer = client.with_key(key, READ).unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (401, "key_revoked"), "a revocation is lost");
    }
}
