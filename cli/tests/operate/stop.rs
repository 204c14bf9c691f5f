//! A stop is no loss: requests under way are answered, audit events and uses are written, the exit code is 0.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::process::{READ, SECURE, Site, ask};

#[test]
fn a_stop_under_load_answers_what_it_took_and_writes_what_waits() {
    let site = Site::new("stop");
    let db = format!("sqlite:{}", site.path("keys.db"));
    let audit = site.path("audit.jsonl");
    let flags = [("db", db.as_str()), ("audit-sinks", "file"), ("audit-file", audit.as_str())];
    let server = site.start("server", &flags);
    let client = server.client();
    let (id, key) = client.create().unwrap();
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Only an answer that was cut would be a fault: a connection that is refused was never taken.
                while let Some(answer) = client.with_key(&key, READ) {
                    assert_eq!(answer.status, 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while answered.load(Ordering::Relaxed) < 200 {
            std::thread::yield_now();
        }
        server.signal("TERM");
        assert!(server.wait().success());
    });
    let events = site.read("audit.jsonl");
    let allowed = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let allowed = allowed.filter(|event| event["routeId"] == "listJobListings" && event["effect"] == "allow").count();
    assert!(allowed >= answered.load(Ordering::Relaxed), "{allowed} events of {answered:?} answers");
    let server = site.start("server", &flags);
    let shown = server.client().manage("GET", &format!("/settings/api-keys/{id}"), &Value::Null).unwrap().json();
    assert!(shown["lastUsedAt"].is_string(), "the use is stored: {shown}");
}

#[test]
fn the_admin_listener_tells_life_and_readiness_and_nothing_else() {
    let site = Site::new("admin");
    let server = site.start("server", &[("db", "memory")]);
    for (path, status) in
        [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/settings/api-keys", 404), ("/", 404)]
    {
        assert_eq!(ask(server.admin, "GET", path, &[], "").unwrap().status, status, "{path}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(ask(server.address, "GET", path, &SECURE, "").unwrap().status, 404, "{path} is not for clients");
    }
    assert_eq!(ask(server.address, "GET", "/health", &SECURE, "").unwrap().status, 200);
    server.signal("INT");
    assert!(server.wait().success());
}
