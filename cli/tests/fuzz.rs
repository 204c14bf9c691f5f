//! A quick fuzz run of what the command reads: case files, policies in TOML, instants. Whatever the bytes are, an answer or a message.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "../../fuzz/tests/mutate/mod.rs"]
mod mutate;
mod support;

use std::path::Path;

use mutate::run;
use scopegate_cli::cases::run_text;
use scopegate_cli::input::{instant, parse_policy};
use support::repository;

const TOML: &str = r#"version = 1
name = "t"
https = "optional"
scopes = { a = "A", b = { title = "B", implies = ["a"] } }
credentials.key = { type = "apiKey", header = "X-API-Key", prefix = "jbf" }
[[routes]]
id = "r"
match = "GET /r/{id}"
allow = [{ key = ["a"] }]
[[tests]]
request = "GET /r/1"
with = { key = ["b"] }
expect = { status = 200 }
"#;

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

fn seeds(texts: &[String]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.clone().into_bytes()).collect()
}

#[test]
fn nothing_that_the_command_reads_panics() {
    let whole: serde_json::Value = serde_json::from_str(&read("examples/jobiflow/cases.json")).unwrap();
    // With two cases and a policy inside, so that a run is short and no other file is read.
    let mut set = whole;
    set["policy"] = serde_json::from_str(&read("examples/jobiflow/policy.json")).unwrap();
    let cases = set["cases"].as_array_mut().unwrap();
    cases.truncate(2);
    set["policy"]["routes"].as_array_mut().unwrap().truncate(3);
    set["policy"]["tests"] = serde_json::json!([]);
    run("cases", &seeds(&[set.to_string(), format!("[{set}]")]), 1_500, |data| {
        if let Err(error) = run_text(Path::new("cases.json"), &String::from_utf8_lossy(data)) {
            assert!(error.to_string().contains(": "), "{error}");
        }
    });
    run("policy tests", &seeds(&[TOML.to_owned()]), 3_000, |data| {
        let text = String::from_utf8_lossy(data);
        let parsed = parse_policy(Path::new("p.toml"), &text);
        let outcome = run_text(Path::new("p.toml"), &text);
        assert!(parsed.is_ok() || outcome.is_err());
    });
    let instants =
        ["1780000000", "2027-01-31T00:00:00Z", "2027-01-31T00:00:00.5+01:00", "-1", "+2027"].map(String::from);
    run("instant", &seeds(&instants), 100_000, |data| {
        if let Ok(seconds) = instant(&String::from_utf8_lossy(data)) {
            assert!((0..=253_402_300_799).contains(&seconds.get()));
        }
    });
}
