//! The decision over real sockets: raw HTTP/1.1, so that every byte of the request target is the test's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

mod support;

use scopegate_server::peppers::Peppers;
use scopegate_server::store::AnyStore;
use scopegate_stores::{KeyStore, SqliteStore};
use support::{Answer, KEYS, LISTINGS, Setup, start, start_with};

#[test]
fn refusals_have_their_status_and_say_no_more() {
    let server = start();
    let read = LISTINGS;
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
        assert!(!answer.body.contains(&key[22..]) && !answer.head.contains(&key[22..]), "{name}");
    }
    let methods = server.with_key(&key, "PUT", read);
    assert!(methods.header("allow").unwrap().contains("GET"), "{}", methods.head);
}

#[test]
fn an_outage_is_503_and_never_an_allow() {
    let server = start_with(Setup { store: Box::new(|_| AnyStore::Broken), ..Setup::default() });
    let read = server.with_key(&server.key, "GET", LISTINGS);
    assert_eq!((read.status, read.text("code")), (503, "store_unavailable".to_owned()));
    assert!(read.header("retry-after").is_some());
    for (method, target, body) in [
        ("GET", KEYS.to_owned(), String::new()),
        ("POST", KEYS.to_owned(), server.wanted("x", &["jobs:read"])),
        ("GET", format!("{KEYS}/000000000000"), String::new()),
        ("PATCH", format!("{KEYS}/000000000000"), "{\"label\":\"x\"}".to_owned()),
        ("DELETE", format!("{KEYS}/000000000000"), String::new()),
        ("POST", format!("{KEYS}/000000000000/rotate"), String::new()),
    ] {
        let answer = server.manage(method, &target, &body);
        answer.is_problem(503, "unavailable");
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
}

#[test]
fn sqlite_serves_as_well() {
    let open = |runtime: &tokio::runtime::Handle| {
        AnyStore::Sqlite(runtime.block_on(SqliteStore::open("sqlite::memory:")).unwrap())
    };
    let server = start_with(Setup { store: Box::new(open), ..Setup::default() });
    let (path, key) = server.create("x", &["jobs:read"]);
    assert_eq!(server.with_key(&key, "GET", LISTINGS).status, 200);
    assert_eq!(server.manage("DELETE", &path, "").status, 204);
    assert_eq!(server.with_key(&key, "GET", LISTINGS).status, 401);
}

#[test]
fn a_use_is_noted_and_a_hash_renewed_behind_the_answer() {
    let folder = std::env::temp_dir().join(format!("scopegate-renewal-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (pepper, database) = (folder.join("pepper"), folder.join("keys.db"));
    let url = format!("sqlite:{}?mode=rwc", database.display());
    let setup = || {
        let url = url.clone();
        let open = move |runtime: &tokio::runtime::Handle| {
            AnyStore::Sqlite(runtime.block_on(SqliteStore::open(&url)).unwrap())
        };
        Setup { peppers: Peppers::from_file(&pepper).unwrap(), store: Box::new(open), ..Setup::default() }
    };
    let old = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    std::fs::write(&pepper, old).unwrap();
    let first = start_with(setup());
    let (path, key) = first.create("x", &["jobs:read"]);
    let id = scopegate::key::format::KeyId::parse(path.rsplit('/').next().unwrap()).unwrap();
    let new = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    std::fs::write(&pepper, format!("{{\"p2\":\"{new}\",\"p1\":\"{old}\"}}")).unwrap();

    let second = start_with(setup());
    assert_eq!(second.with_key(&key, "GET", LISTINGS).status, 200);
    assert!(second.run(second.app.uses.finish(std::time::Duration::from_secs(60))));
    let record = second.run(second.app.store.find(&id)).unwrap().unwrap();
    assert_eq!((record.version, record.hashes[0].kid.as_deref(), record.hashes.len()), (2, Some("p2"), 1));
    assert!(record.last_used_at.is_some());

    std::fs::write(&pepper, format!("{{\"p2\":\"{new}\"}}")).unwrap();
    let third = start_with(setup());
    assert_eq!(third.with_key(&key, "GET", LISTINGS).status, 200, "without the old pepper");
    let unused = third.with_key(&first.key, "GET", LISTINGS);
    assert_eq!((unused.status, unused.text("code")), (503, "keyring_unavailable".to_owned()));
    std::fs::write(&pepper, "short").unwrap();
    assert!(Peppers::from_file(&pepper).is_err(), "a damaged pepper is no new one");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[cfg(unix)]
#[test]
fn a_pepper_file_is_made_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("scopegate-pepper-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let name = || Peppers::from_file(&path).unwrap().keyring().current().unwrap().to_owned();
    let first = name();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(name(), first, "it is read again, and not made again");
    std::fs::remove_file(&path).unwrap();
    assert_ne!(name(), first, "a pepper that was lost is not taken for another one");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn of_many_that_make_a_pepper_file_one_does() {
    let path = std::env::temp_dir().join(format!("scopegate-peppers-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let start = std::sync::Barrier::new(8);
    let names: Vec<Option<String>> = std::thread::scope(|scope| {
        let run = || {
            start.wait();
            // Who reads in the middle of the writing fails, and says so.
            Some(Peppers::from_file(&path).ok()?.keyring().current()?.to_owned())
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let one = Peppers::from_file(&path).unwrap().keyring().current().unwrap().to_owned();
    assert!(names.iter().flatten().all(|name| *name == one), "{names:?}");
    std::fs::remove_file(&path).unwrap();
}
