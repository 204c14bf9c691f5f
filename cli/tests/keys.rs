//! `scopegate keys`: a key that was made is a key that opens; what is shown of a key is never its secret.
#![allow(clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use serde_json::Value;
use support::{Dir, HASH, KEY, PEPPER, SECRET, scopegate};

const NEW: [&str; 8] =
    ["keys", "new", "--owner", "company-1", "--label", "CI", "--scopes", "jobs:read,webhooks:manage"];

#[test]
fn a_key_that_was_made_opens() {
    let dir = Dir::new();
    let pepper = dir.file("pepper.txt", &format!("{PEPPER}\n"));
    let peppers = dir.file(
        "peppers.json",
        &format!("{{\"current\":\"p7\",\"p1\":\"{}\",\"p7\":\"{PEPPER}\"}}", PEPPER.replace('A', "B")),
    );
    let (record_out, key_out) = (dir.path("record.json"), dir.path("key.txt"));
    let more = [
        "--pepper-file",
        &pepper,
        "--pepper-id",
        "p7",
        "--expires-in",
        "1d",
        "--record-out",
        &record_out,
        "--key-out",
        &key_out,
    ];
    let run = scopegate([&NEW[..], &more].concat(), "");
    assert_eq!((run.code, &*run.out, &*run.err), (0, "", ""));
    let key = std::fs::read_to_string(&key_out).unwrap();
    let key = key.trim_end();
    let record: Value = serde_json::from_str(&std::fs::read_to_string(&record_out).unwrap()).unwrap();
    assert_eq!(record["id"], key[9..21]);
    assert_eq!(record["sealed"], true);
    assert_eq!(record["hashes"][0]["kid"], "p7");
    assert_eq!(record["expiresAt"].as_i64().unwrap() - record["createdAt"].as_i64().unwrap(), 86_400);
    assert!(!record.to_string().contains(&key[22..]));
    #[cfg(unix)]
    for path in [&record_out, &key_out] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let keys = dir.file("keys.json", &format!("[{record}]"));
    let decide = |request: &str| {
        let args = [
            "decide",
            "--keys",
            &keys,
            "--peppers",
            &peppers,
            "--key-file",
            &key_out,
            "--explain",
            "--request",
            request,
        ];
        scopegate(args, "")
    };
    decide("GET /public/v1/job-listings").says(0, &["ALLOW"]).hides(&[&key[22..]]);
    decide("GET /public/v1/webhooks").says(0, &["ALLOW"]).hides(&[&key[22..]]);
    decide("POST /public/v1/job-listings").says(10, &["insufficient_scope"]).hides(&[&key[22..]]);
    // Neither file is written over.
    scopegate([&NEW[..], &more].concat(), "").says(2, &["cannot be written"]);
    assert_eq!(std::fs::read_to_string(&key_out).unwrap().trim_end(), key);
    // A key that is written nowhere leaves no record either.
    let run = scopegate([&NEW[..], &["--key-out", &key_out]].concat(), "");
    assert_eq!(run.says(2, &["cannot be written"]).out, "");
}

#[test]
fn a_pepper_file_is_what_the_server_reads() {
    let dir = Dir::new();
    let other = PEPPER.replace('A', "B");
    let (alone, several) =
        (format!("{PEPPER}\n"), format!("{{\"p1\":\"{other}\",\"p2\":\"{PEPPER}\",\"current\":\"p2\"}}\n"));
    for (text, id, kid) in
        [(&alone, None, "p1"), (&alone, Some("p7"), "p7"), (&several, None, "p2"), (&several, Some("p1"), "p1")]
    {
        let file = dir.file("pepper", text);
        let mut args = [&NEW[..], &["--pepper-file", &file]].concat();
        if let Some(id) = id {
            args.extend(["--pepper-id", id]);
        }
        let record: Value = serde_json::from_str(&scopegate(args, "").says(0, &[]).out).unwrap();
        assert_eq!(record["hashes"][0]["kid"], kid);
    }
    let file = dir.file("pepper", &several);
    let args = [&NEW[..], &["--pepper-file", &file, "--pepper-id", "p3"]].concat();
    scopegate(args, "").says(2, &["expected the name of a pepper of this file"]).hides(&[PEPPER, &other]);
}

#[test]
fn the_record_goes_out_and_the_key_aside() {
    let run = scopegate(NEW, "");
    let record: Value = serde_json::from_str(&run.says(0, &["this once only"]).out).unwrap();
    let key = run.err.lines().last().unwrap();
    assert!(
        key.starts_with(&format!("jbf_live_{}_", record["id"].as_str().unwrap())) && key.len() == KEY.len(),
        "{run:?}"
    );
    assert_eq!(record["hashes"][0]["alg"], "sha256");
    assert!(!run.out.contains(&key[22..]));
    assert_ne!(scopegate(NEW, "").err, run.err);
}

#[test]
fn what_cannot_be_issued_is_told() {
    let dir = Dir::new();
    let short = dir.file("pepper.txt", "c2hvcnQ");
    let table: [(&[&str], &str); 12] = [
        (&["--label", ""], "label"),
        (&["--owner", ""], "owner"),
        (&["--scopes", ""], "scope"),
        (&["--env", "LIVE"], "environment"),
        (&["--product", "j_b"], "product"),
        (&["--expires", "soon"], "expected a duration like 90d"),
        (&["--expires", "0d"], "expected a duration like 90d"),
        (&["--expires", "9999999999y"], "before the year 10000"),
        (&["--expires-at", "2001-01-01T00:00:00Z"], "future"),
        (&["--pepper-file", "/no/such/pepper"], "/no/such/pepper: cannot be read"),
        (&["--pepper-file", &short], "32"),
        (&["--record-out", "/no/such/dir/record.json"], "cannot be written"),
    ];
    let base = [("--owner", "o"), ("--label", "l"), ("--scopes", "a:b")];
    for (change, expected) in table {
        let mut args = vec!["keys", "new"];
        for (name, value) in base.iter().filter(|(name, _)| *name != change[0]) {
            args.extend([name, value]);
        }
        args.extend(change);
        scopegate(args, "").says(2, &[expected]).hides(&["c2hvcnQ"]);
    }
    scopegate(["keys", "new", "--owner", "o"], "").says(2, &["--label", "--scopes"]);
}

#[test]
fn a_key_is_shown_without_its_secret() {
    let dir = Dir::new();
    let shown = ["000000000000", "live", "jbf_live_000000000000", "checksum     ok"];
    scopegate(["keys", "inspect"], &format!("{KEY}\n")).says(0, &shown).hides(&[SECRET]);
    scopegate(["keys", "inspect", &dir.file("key.txt", KEY)], "").says(0, &shown).hides(&[SECRET]);
    let table: [(&str, &[&str], &str); 8] = [
        (&KEY.replace("Seg", "Seh"), &[], "wrong_checksum"),
        (&KEY.replace("_live_", "_prod_"), &[], "wrong_prefix"),
        (KEY, &["--product", "acme"], "wrong_prefix"),
        (&format!("{KEY}{KEY}"), &[], "too_long"),
        (&format!(" {KEY}"), &[], "not_ascii"),
        ("", &[], "wrong_"),
        (&format!("{KEY}\n{KEY}\n"), &[], "expected one line"),
        (&format!("\u{feff}{KEY}"), &[], "byte order mark"),
    ];
    for (key, more, expected) in table {
        scopegate([&["keys", "inspect"], more].concat(), key).says(2, &["-: ", expected]).hides(&[SECRET]);
    }
}

#[test]
fn hashes_are_the_fixed_vectors() {
    let dir = Dir::new();
    let pepper = dir.file("pepper.txt", PEPPER);
    let entry =
        ["\"alg\":\"hmac-sha256\"", "\"kid\":\"p1\"", "\"hash\":\"4oXzE5anrqj5ITQ9jo91w_J_vvh4p8G71B_vNAWdmz8\""];
    scopegate(["keys", "hash", "--pepper-file", &pepper], KEY)
        .says(0, &[HASH])
        .says(0, &entry)
        .hides(&[SECRET, PEPPER]);
    scopegate(["keys", "hash"], KEY).says(0, &["\"alg\":\"sha256\""]).hides(&[SECRET]);
    for args in [["--pepper-file", "-"].as_slice(), &["--record", "-"], &["-", "--record", "-"]] {
        scopegate([&["keys", "hash"], args].concat(), KEY)
            .says(2, &["standard input can be read once"])
            .hides(&[SECRET]);
    }
    let bad = dir.file("bad.txt", "not base64!");
    scopegate(["keys", "hash", "--pepper-file", &bad], KEY)
        .says(2, &["bad.txt: p1: expected base64url"])
        .hides(&["not base64!"]);
}

#[test]
fn scanners_get_their_rules() {
    let pattern = "acme_(?:live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}";
    for scanner in ["gitleaks", "trufflehog", "github"] {
        scopegate(["keys", "scanner-rules", "--for", scanner, "--product", "acme"], "").says(0, &[pattern]);
    }
    let one = ["keys", "scanner-rules", "--for", "gitleaks", "--env", "prod"];
    scopegate(one, "").says(0, &["jbf_(?:prod)_"]);
    scopegate(["keys", "scanner-rules", "--for", "grep"], "").says(2, &["expected gitleaks, trufflehog or github"]);
    scopegate(["keys", "scanner-rules"], "").says(2, &["--for"]);
}

#[test]
fn leaks_are_found_and_not_repeated() {
    let dir = Dir::new();
    let leaky = dir.file("leaky.env", &format!("KEY={KEY}\nOLD={}\n", KEY.replace("Seg", "Seh")));
    let clean = dir.file("clean.env", "KEY=jbf_live_\n");
    let run = scopegate(["keys", "leak-check", &clean, &leaky], "");
    run.says(
        1,
        &[
            "leaky.env: offset 4: jbf_live_000000000000 checksum ok",
            "leaky.env: offset 80: jbf_live_000000000000 checksum wrong",
        ],
    );
    run.hides(&[SECRET, "Seh"]);
    assert_eq!(run.out.lines().count(), 2);
    scopegate(["keys", "leak-check", &clean], "").says(0, &[]);
    scopegate(["keys", "leak-check"], &format!("é{KEY}")).says(1, &["-: offset 2: "]).hides(&[SECRET]);
    scopegate(["keys", "leak-check", "--product", "acme"], KEY).says(0, &[]);
    scopegate(["keys", "leak-check", "/no/such/file"], "").says(2, &["/no/such/file: cannot be read"]);
}
