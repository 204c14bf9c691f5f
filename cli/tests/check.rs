//! `scopegate check`: a good policy in one line; a bad one with file, line, column, both routes and a witness.

mod support;

use support::{Dir, repository, scopegate};

const AMBIGUOUS: &str = r#"{
  "version": 1,
  "name": "t",
  "scopes": { "a": "A" },
  "credentials": { "apiKey": { "type": "apiKey", "header": "X-API-Key", "prefix": "jbf" } },
  "routes": [
    { "id": "one", "match": "GET /a/{x}", "allow": [{ "apiKey": ["a"] }] },
    { "id": "two", "match": "GET /a/{y}", "allow": [{ "apiKey": ["b"] }] }
  ]
}
"#;

#[test]
fn a_good_policy_is_one_line() {
    let run = scopegate(["check", &repository("examples/jobiflow/policy.json")], "");
    run.says(0, &["policy.json: ok: \"jobiflow-public-api\", 30 routes, 11 scopes, 2 credentials"]);
    assert_eq!(run.out.lines().count(), 1);
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let dir = Dir::new();
    let file = dir.file("policy.json", AMBIGUOUS);
    let run = scopegate(["check", &repository("examples/jobiflow/policy.json"), &file], "");
    run.says(
        2,
        &[
            "policy.json: ok",
            "policy.json:8:20: error[ambiguous_routes]: routes \"one\" (GET /a/{x}) and \"two\" (GET /a/{y})",
            "policy.json:7:20: the other one is here",
            "7 |     { \"id\": \"one\", \"match\"",
            "  |                    ^",
            "both match /a/0",
            "policy.json:8:55: error[undeclared_scope]",
            "\"b\"",
            "2 errors",
        ],
    );
    let good = AMBIGUOUS.replace("/a/{y}", "/b/{y}").replace("[\"b\"]", "[\"a\"]");
    scopegate(["check", &dir.file("policy.json", &good)], "").says(0, &["2 routes"]);
}

#[test]
fn syntax_and_shape_have_line_and_column() {
    let dir = Dir::new();
    let table = [
        (
            AMBIGUOUS.replace("\"name\": \"t\",", "\"name\" \"t\","),
            "policy.json:3:10: expected `:`",
            "3 |   \"name\" \"t\",",
        ),
        (AMBIGUOUS.replace("\"name\": \"t\",", ""), "missing field `name`", "^"),
        (
            AMBIGUOUS.replace("\"version\": 1", "\"version\": \"1\""),
            "policy.json:2:16: invalid type: a string, expected u64",
            "^",
        ),
        (
            AMBIGUOUS.replace("\"id\": \"one\"", "\"id\": \"one\", \"id\": \"x\""),
            "policy.json:7:23: duplicate field `id`",
            "^",
        ),
        (AMBIGUOUS.replace("\"name\"", "\"nam\""), "policy.json:3:7: unknown field `nam`, expected one of", "^"),
        // As the server reads it: values without names are no route, and null is not absence.
        (
            AMBIGUOUS.replace(
                "{ \"id\": \"one\", \"match\": \"GET /a/{x}\", \"allow\": [{ \"apiKey\": [\"a\"] }] }",
                "[\"one\", \"GET /a/{x}\", null, true]",
            ),
            "policy.json:7:4: invalid type: sequence, expected struct RouteDocument",
            "^",
        ),
        (
            AMBIGUOUS.replace("\"prefix\": \"jbf\"", "\"prefix\": \"jbf\", \"accept\": null"),
            "invalid type: null, expected a sequence",
            "^",
        ),
    ];
    for (text, expected, excerpt) in &table {
        scopegate(["check", &dir.file("policy.json", text)], "").says(2, &[expected, excerpt]);
    }
}

#[test]
fn what_cannot_be_read_is_2() {
    let dir = Dir::new();
    scopegate(["check", "/no/such/policy.json"], "").says(2, &["/no/such/policy.json: cannot be read"]);
    scopegate(["check", &dir.path("")], "").says(2, &["cannot be read"]);
    scopegate(["check", &dir.file("p.json", "\u{feff}{}")], "")
        .says(2, &["p.json: expected UTF-8 text without a byte order mark"]);
    scopegate(["check", "-", "-"], AMBIGUOUS).says(2, &["standard input can be read once"]);
    // Lines may end as they do on Windows.
    scopegate(["check", "-"], &AMBIGUOUS.replace('\n', "\r\n")).says(2, &["-:8:20: error[ambiguous_routes]"]);
    scopegate(["check"], "").says(2, &["FILES"]);
}

#[test]
fn toml_has_line_and_column_too() {
    let dir = Dir::new();
    let text = "version = 1\nname = \"t\"\nscopes = {}\ncredentials = {}\n[[routes]]\nid = \"h\"\nmatch = \"GET /h\"\n";
    scopegate(["check", &dir.file("p.toml", text)], "")
        .says(2, &["p.toml:5:1: error[route_undecided]", "5 | [[routes]]", "  | ^", "1 error"]);
    scopegate(["check", &dir.file("p.toml", &format!("{text}public = true\n"))], "").says(0, &["1 routes"]);
    scopegate(["check", &dir.file("p.toml", "version = \n")], "").says(2, &["p.toml:1:"]);
    let list =
        text.replace("[[routes]]\nid = \"h\"\nmatch = \"GET /h\"\n", "routes = [[\"h\", \"GET /h\", [], true]]\n");
    scopegate(["check", &dir.file("p.toml", &list)], "").says(2, &["p.toml:5:", "expected struct RouteDocument"]);
}
