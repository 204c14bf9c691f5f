#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;

/// A file of its own for a test, removed at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("scopegate-config-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn refusal(file: Option<&Path>, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
    match Config::load(file, &pairs(variables), &pairs(flags)) {
        Ok(config) => panic!("accepted: {config:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_mistake_of_a_file_names_its_place() {
    let table = [
        ("lisen = \"a:1\"", "1:1: lisen: no such setting; listen is meant?"),
        ("\nfoo = 1", "2:1: foo: no such setting"),
        ("[tls]\ncert = \"x\"", "2:1: tls.cert: no such setting"),
        ("listen = 8080", "1:10: listen: expected an address and a port, like 127.0.0.1:8080"),
        ("admin_listen = \"9090\"", "1:16: admin_listen: expected an address and a port, like 127.0.0.1:8080"),
        ("listen = \"\"", "1:10: listen: expected an address and a port, like 127.0.0.1:8080"),
        ("drain_seconds = \"5\"", "1:17: drain_seconds: expected a whole number of seconds from 0 to 3600"),
        ("drain_seconds = 1.5", "1:17: drain_seconds: expected a whole number of seconds from 0 to 3600"),
        ("drain_seconds = -1", "1:17: drain_seconds: expected a whole number of seconds from 0 to 3600"),
        ("max_connections = 0", "1:19: max_connections: expected a whole number of connections from 1 to 1000000"),
        ("trusted_proxies = \"10.0.0.0/8\"", "1:19: trusted_proxies: expected a list of networks like 10.0.0.0/8"),
        (
            "trusted_proxies = [\"10.0.0.0/8\", \"x\"]",
            "1:19: trusted_proxies: item 2: expected a network like 10.0.0.0/8, or an address",
        ),
        ("log.format = \"xml\"", "1:14: log.format: expected one of text, json"),
        ("log = \"json\"", "1:1: log: no such setting"),
        ("[tls]\nkey = \"k.pem\"", "2:7: tls.key: expected tls.certificate beside it"),
        ("[tls]\ncertificate = \"c.pem\"", "2:15: tls.certificate: expected tls.key beside it"),
        (
            "db = \"memory\"\ndb_file = \"x\"",
            "2:11: db_file: excludes db, which is given by FILE:1:6: db: expected one of the two",
        ),
        ("db = \"mysql://x\"", "1:6: db: expected memory, sqlite::memory:, sqlite:PATH, postgres:URL or redis:URL"),
        ("db_file = \"/nowhere/db\"", "1:11: db_file: /nowhere/db: No such file or directory (os error 2)"),
        ("audit.sinks = [\"file\"]", "1:15: audit.sinks: names file: expected audit.file beside it"),
        ("audit.sinks = [\"syslog\"]", "1:15: audit.sinks: expected a list of stdout, file and otel"),
        ("audit.file = \"a\"", "1:14: audit.file: nothing is written there: expected file among audit.sinks"),
        ("audit.sinks = [\"otel\"]", "1:15: audit.sinks: names otel: expected otel.endpoint beside it"),
        ("listen = \"a:1\"\nlisten = \"a:2\"", "2:1: TOML: duplicate key"),
        ("listen = [", "1:11: TOML: unclosed array, expected"),
    ];
    for (text, expected) in table {
        let file = File::new("file.toml", text);
        let told = refusal(Some(&file.0), &[], &[]).replace(&file.0.display().to_string(), "FILE");
        assert_eq!(told, format!("FILE:{expected}"), "{text}");
    }
    assert!(refusal(Some(Path::new("/nowhere/s.toml")), &[], &[]).starts_with("/nowhere/s.toml: "));
}

#[test]
fn mistakes_elsewhere_name_the_variable_or_the_flag_and_no_value() {
    assert_eq!(
        refusal(None, &[("SCOPEGATE_DRAIN_SECONDS", "soon")], &[]),
        "SCOPEGATE_DRAIN_SECONDS: expected a whole number of seconds from 0 to 3600"
    );
    assert_eq!(
        refusal(None, &[("SCOPEGATE_LISTNE", "x")], &[]),
        "SCOPEGATE_LISTNE: no such setting; SCOPEGATE_LISTEN is meant?"
    );
    assert_eq!(refusal(None, &[], &[("log-level", "loud")]), "--log-level: expected one of error, warn, info, debug");
    let secret = "postgres://scopegate:hunter2@db/keys";
    for (variables, flags) in [(vec![("SCOPEGATE_DB", secret)], vec![]), (vec![], vec![("db", secret)])] {
        let told = refusal(None, &variables, &flags);
        assert!(told.contains("password") && told.contains("db_file") && !told.contains("hunter2"), "{told}");
    }
    let file = File::new("wrong-db", "mysql://scopegate:hunter2@db/keys");
    let told = refusal(None, &[], &[("db-file", file.0.to_str().unwrap())]);
    assert!(told.starts_with("--db-file: ") && !told.contains("hunter2"), "{told}");
    if !cfg!(feature = "otel") {
        assert!(refusal(None, &[], &[("otel-endpoint", "http://127.0.0.1:4317")]).contains("feature otel"));
    }
}

#[test]
fn flags_win_over_the_environment_over_the_file() {
    let file = File::new(
        "order.toml",
        "listen = \"127.0.0.1:1\"\nadmin_listen = \"127.0.0.1:2\"\nmax_connections = 3\n[log]\nformat = \"json\"\n",
    );
    let variables = [("SCOPEGATE_ADMIN_LISTEN", "127.0.0.1:20"), ("SCOPEGATE_MAX_CONNECTIONS", "30"), ("HOME", "/")];
    let config = Config::load(Some(&file.0), &pairs(&variables), &pairs(&[("max-connections", "300")])).unwrap();
    assert_eq!(
        (config.listen.as_str(), config.admin_listen.as_deref(), config.max_connections, config.log.json),
        ("127.0.0.1:1", Some("127.0.0.1:20"), 300, true)
    );
    // What a container platform sets for a service of this name.
    let others = [("SCOPEGATE_PORT", "tcp://10.0.0.1:80"), ("SCOPEGATE_SERVICE_HOST", "10.0.0.1")];
    assert!(Config::load(None, &pairs(&others), &[]).is_ok());
}

#[test]
fn databases_are_known_by_their_url_and_never_shown() {
    let db = |url: &str| Config::load(None, &[], &pairs(&[("db", url)])).map(|config| config.db);
    assert_eq!(db("memory"), Ok(Database::Memory));
    assert_eq!(db("sqlite:/a/b.db").unwrap().sqlite_file(), Some("/a/b.db"));
    assert_eq!(db("sqlite::memory:").unwrap().sqlite_file(), None);
    assert_eq!(db("postgresql://scopegate@db/keys").unwrap().kind(), "postgres");
    assert_eq!(db("rediss://cache:6379").unwrap().kind(), "redis");
    for wrong in ["", "sqlite:", "sqlite", "memory:x", "redis:cache", "/a/b.db"] {
        assert!(db(wrong).is_err(), "{wrong}");
    }
    let file = File::new("db", "postgres://scopegate:hunter2@db/keys\n");
    let config = Config::load(None, &[], &pairs(&[("db-file", file.0.to_str().unwrap())])).unwrap();
    assert!(config.db.kind() == "postgres" && !format!("{config:?}").contains("hunter2"));
}

#[test]
fn the_manual_has_every_setting() {
    let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/server.md")).unwrap();
    for setting in SETTINGS {
        let (help, default) = match setting.help.split_once(" [default: ") {
            Some((help, default)) => (help, format!("`{}`", default.trim_end_matches(']'))),
            None => (setting.help, String::new()),
        };
        let (variable, flag) = (setting.variable(), setting.flag());
        let row = format!("| `{}` | `{variable}` | `--{flag}` | {help} | {default} |", setting.name);
        assert!(manual.contains(&row), "docs/server.md has no row {row}");
    }
    let rows = manual.lines().filter(|line| line.contains("| `SCOPEGATE_")).count();
    assert_eq!(rows, SETTINGS.len(), "docs/server.md has a row too many");
}
