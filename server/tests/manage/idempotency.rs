//! The same request again: the same key, and nothing secret stored.

use std::collections::BTreeSet;

use scopegate::key::format::KeyId;
use scopegate_server::manage::{Ceilings, OwnerCeilings};
use scopegate_stores::KeyStore;

use crate::support::{Answer, KEYS, LISTINGS, Server, Setup, start, start_with};

fn send(server: &Server, name: &str, body: &str) -> Answer {
    server.manage_with("POST", KEYS, &[("Idempotency-Key", name)], body)
}

#[test]
fn another_request_with_the_same_key_is_refused() {
    let server = start();
    let wanted = server.wanted("once", &["jobs:read"]);
    for name in ["", "\"\"", "\"open", "caf\u{e9}", &"x".repeat(256), "back\\slash"] {
        send(&server, name, &wanted).is_mistake(400, "validation", "header", "Idempotency-Key");
    }
    let twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "a")];
    server.manage_with("POST", KEYS, &twice, &wanted).is_problem(400, "validation");
    assert_eq!(send(&server, "4711", &wanted).status, 201);
    for body in [server.wanted("twice", &["jobs:read"]), server.wanted("once", &["jobs:write"])] {
        send(&server, "4711", &body).is_mistake(422, "idempotency-mismatch", "header", "Idempotency-Key");
    }
    let count = server.manage("GET", KEYS, "").json()["items"].as_array().unwrap().len();
    assert_eq!(count, 2, "the demonstration's key and one more");
}

#[test]
fn a_retry_gets_the_same_key_and_nothing_secret_is_stored() {
    let ceilings = OwnerCeilings { default: Ceilings { keys: 3, ..Ceilings::default() }, ..OwnerCeilings::default() };
    let server = start_with(Setup { ceilings, ..Setup::default() });
    let wanted = server.wanted("once", &["jobs:read", "jobs:write"]);
    let first = send(&server, "order-4711", &wanted);
    assert_eq!(first.status, 201, "{first:?}");
    let spaced = wanted.replace(',', " ,\n ");
    for (name, body) in [("order-4711", &wanted), ("\"order-4711\"", &wanted), ("order-4711", &spaced)] {
        let again = send(&server, name, body);
        assert_eq!((again.status, again.json()), (201, first.json()));
        assert_eq!(again.header("location"), first.header("location"));
    }
    assert_eq!(server.with_key(&first.text("rawKey"), "GET", LISTINGS).status, 200);
    let record = server.run(server.app.store.find(&KeyId::parse(&first.text("id")).unwrap())).unwrap().unwrap();
    let stored = serde_json::to_string(&record).unwrap();
    assert!(!stored.contains(&first.text("rawKey")[22..]) && !stored.contains("order-4711"), "{stored}");

    assert_ne!(send(&server, "4712", &wanted).text("id"), first.text("id"));
    server.manage("POST", KEYS, &wanted).is_problem(409, "conflict");
    assert_eq!(send(&server, "order-4711", &wanted).status, 201, "a retry needs no more room");
    server.pass(7_200);
    assert_eq!(send(&server, "order-4711", &wanted).status, 401, "the demonstration's token has ended");
}

#[test]
fn a_retry_a_day_later_is_refused_and_one_after_a_new_pepper_is_not() {
    let folder = std::env::temp_dir().join(format!("scopegate-idempotency-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (pepper, url) = (folder.join("pepper"), format!("sqlite:{}?mode=rwc", folder.join("keys.db").display()));
    let setup = || {
        let url = url.clone();
        let open = move |runtime: &tokio::runtime::Handle| {
            let store = runtime.block_on(scopegate_stores::SqliteStore::open(&url)).unwrap();
            scopegate_server::store::AnyStore::Sqlite(store)
        };
        let peppers = scopegate_server::peppers::Peppers::from_file(&pepper).unwrap();
        Setup { peppers, store: Box::new(open), ..Setup::default() }
    };
    let old = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    std::fs::write(&pepper, old).unwrap();
    let server = start_with(setup());
    let wanted = server.wanted("once", &["jobs:read"]);
    let first = send(&server, "4711", &wanted);
    let both = format!("{{\"p2\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\",\"p1\":\"{old}\"}}");
    std::fs::write(&pepper, both).unwrap();
    let mut server = start_with(setup());
    assert_eq!(send(&server, "4711", &wanted).json()["rawKey"], first.json()["rawKey"]);
    server.pass(86_401);
    server.sign_in_again();
    send(&server, "4711", &wanted).is_mistake(409, "conflict", "header", "Idempotency-Key");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn retries_at_the_same_time_make_one_key() {
    let server = start();
    let wanted = server.wanted("once", &["jobs:read"]);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| send(&server, "same", &wanted))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut keys = BTreeSet::new();
    for answer in answers {
        match answer.status {
            201 => _ = keys.insert(answer.text("rawKey")),
            _ => answer.is_mistake(409, "conflict", "header", "Idempotency-Key"),
        }
    }
    assert_eq!(keys.len(), 1);
    assert_eq!(server.manage("GET", KEYS, "").json()["items"].as_array().unwrap().len(), 2);
}
