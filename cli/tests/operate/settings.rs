//! Settings by file, environment and flag: each mistake is exit code 2 and a line that names its place. And what a proxy says.

use std::process::{Command, Stdio};

use crate::process::{READ, Site, ask};

/// Arguments, variables, and what is said of them.
type Mistake<'a> = (Vec<&'a str>, Vec<(&'a str, &'a str)>, &'a str);

fn refusal(args: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scopegate"));
    command.arg("serve").args(args).envs(variables.iter().copied()).stdin(Stdio::null());
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(!told.contains("hunter2") && !told.contains("panicked"), "{told}");
    told
}

#[test]
fn every_mistake_ends_the_start_and_names_its_place() {
    let site = Site::new("settings");
    let file = |name: &str, text: &str| {
        std::fs::write(site.path(name), text).unwrap();
        site.path(name)
    };
    let config = file("config.toml", "listen = \"127.0.0.1:0\"\n[log]\nformat = \"xml\"\n");
    let bad_db = file("db", "postgres://u:hunter2@127.0.0.1:1/x");
    let bad_pepper = file("bad-pepper", "hunter2");
    let bad_policy = file("policy.json", "{\"version\": 1}");
    let bad_scope = file("scopes.json", "{\"default\":{\"scopes\":[\"jobs:raed\"]}}");
    let mut policy: serde_json::Value = serde_json::from_str(scopegate_server::POLICY).unwrap();
    policy["credentials"]["other"] = policy["credentials"]["user"].clone();
    policy["credentials"]["other"]["issuer"] = "https://other.example".into();
    for route in policy["routes"].as_array_mut().unwrap() {
        if route["id"] == "createApiKey" {
            route["allow"].as_array_mut().unwrap().push(serde_json::json!({ "other": ["openid"] }));
        }
    }
    let two_issuers = file("issuers.json", &policy.to_string());
    let jwks = site.path("jwks.json");
    let sqlite = format!("sqlite:{}", site.path("nowhere/keys.db"));
    let local = ["--listen", "127.0.0.1:0"];
    let with = |more: &[&'static str]| [&local[..], more].concat();
    let table: Vec<Mistake<'_>> = vec![
        (vec!["--config", &config], vec![], "config.toml:3:10: log.format: expected one of text, json"),
        (vec![], vec![("SCOPEGATE_CONFIG", &config)], "config.toml:3:10: log.format: expected one of text, json"),
        (vec!["--config", "/nowhere.toml"], vec![], "/nowhere.toml: No such file"),
        (vec![], vec![("SCOPEGATE_MAX_CONNECTIONS", "many")], "SCOPEGATE_MAX_CONNECTIONS: expected a whole number"),
        (vec![], vec![("SCOPEGATE_LISTENN", "x")], "SCOPEGATE_LISTENN: no such setting; SCOPEGATE_LISTEN is meant?"),
        (vec!["--db", "postgres://u:hunter2@127.0.0.1/x"], vec![], "--db: holds a password"),
        (vec!["--db", "mysql://x"], vec![], "--db: expected memory"),
        (vec!["--listen", "nowhere"], vec![], "--listen: expected an address and a port"),
        (with(&["--tls-key", "/k.pem"]), vec![], "--tls-key: expected tls.certificate beside it"),
        (with(&["--tls-key", "/k.pem", "--tls-certificate", "/c.pem"]), vec![], "/c.pem: No such file"),
        (with(&["--audit-sinks", "file", "--audit-file", "/nowhere/a"]), vec![], "/nowhere/a: No such file"),
        ([&local[..], &["--policy", &bad_policy]].concat(), vec![], "policy.json:1:14: missing field `name`"),
        (with(&["--policy", "/nowhere.json"]), vec![], "/nowhere.json: cannot be read"),
        ([&local[..], &["--pepper-file", &bad_pepper]].concat(), vec![], "bad-pepper"),
        (
            [&local[..], &["--ceilings-file", &bad_scope]].concat(),
            vec![],
            "no scope \"jobs:raed\"; jobs:read is meant?",
        ),
        ([&local[..], &["--policy", &two_issuers, "--jwks-file", &jwks]].concat(), vec![], "expected one issuer"),
        // TLS to a database is part of the server; nothing listens here.
        (with(&["--db", "rediss://127.0.0.1:1", "--jwks-file", "x"]), vec![], "db: the store is unavailable"),
        ([&local[..], &["--db", &sqlite, "--jwks-file", &jwks]].concat(), vec![], "db"),
        ([&local[..], &["--db-file", &bad_db, "--jwks-file", &jwks]].concat(), vec![], "db"),
    ];
    for (args, variables, expected) in table {
        let told = refusal(&args, &variables);
        assert!(told.contains(expected) && told.trim_end().lines().count() == 1, "{args:?}: {told}");
    }
}

#[test]
fn a_proxy_is_believed_and_nobody_else() {
    let site = Site::new("proxy");
    let trusting = site.start("trusting", &[("db", "memory")]);
    let other = site.start("other", &[("db", "memory"), ("trusted-proxies", "192.0.2.0/24")]);
    let (_, key) = trusting.client().create().unwrap();
    let by = |server: &crate::process::Server<'_>, lines: &[(&str, &str)]| {
        let mut headers = vec![("X-API-Key", key.as_str())];
        headers.extend_from_slice(lines);
        let answer = ask(server.address, "GET", READ, &headers, "").unwrap();
        (answer.status, if answer.status == 200 { String::new() } else { answer.code() })
    };
    let secure = [("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https")];
    assert_eq!(by(&trusting, &secure).0, 200);
    assert_eq!(by(&trusting, &[("Forwarded", "for=192.0.2.7;proto=https")]).0, 200);
    for lines in [&[][..], &secure[..1], &[("X-Forwarded-For", "x"), ("X-Forwarded-Proto", "https")]] {
        assert_eq!(by(&trusting, lines), (403, "insecure_transport".into()), "{lines:?}");
    }
    assert_eq!(by(&other, &secure), (403, "insecure_transport".into()));
}
