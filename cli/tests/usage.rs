//! Version, help, and colour on a terminal only.

mod support;

use support::scopegate;

#[test]
fn version_and_help() {
    let version = format!("scopegate {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(scopegate(["--version"], "").says(0, &[]).out, version);
    scopegate(["--help"], "").says(0, &["decide", "test", "check", "keys", "Exit codes"]);
    let commands: [&[&str]; 14] = [
        &["decide"],
        &["test"],
        &["check"],
        &["keys", "new"],
        &["keys", "inspect"],
        &["keys", "hash"],
        &["keys", "scanner-rules"],
        &["keys", "leak-check"],
        &["keys", "expiring"],
        &["users", "add"],
        &["users", "passwd"],
        &["users", "remove"],
        &["oauth-keys", "list"],
        &["oauth-keys", "rotate"],
    ];
    for command in commands {
        let example = format!("Example: scopegate {}", command.join(" "));
        scopegate(command.iter().chain(&["--help"]), "").says(0, &[&example]);
    }
}

#[test]
fn no_colour_off_a_terminal() {
    for args in [
        &["decide", "--request", "GET /health"][..],
        &["decide", "--request", "GET"],
        &["keys"],
        &["check", "/no/such"],
    ] {
        scopegate(args, "").hides(&["\u{1b}"]);
    }
}
