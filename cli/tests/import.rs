//! `scopegate import`: rows of other systems become records that open for the keys which those systems issued; bad rows are told by their
//! line; nothing is imported twice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::{Dir, scopegate};

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../../tests/data/foreign.json")).unwrap()
}

/// The rows of a system as it exports them, for keys of the vectors.
fn exported(from: &str, hash: &str) -> Value {
    match from {
        "seam" => {
            json!({ "longTokenHash": hash, "shortToken": "BRTRKFsL", "owner": "company-1", "scopes": ["jobs:read"] })
        }
        "unkey" => json!({
            "id": "key_1", "hash": hash, "externalId": "company-1", "name": "CI", "permissions": ["jobs:read"], "enabled": true,
            "createdAt": 1_764_000_000_000_i64, "expires": null, "remaining": null, "deletedAtM": null
        }),
        "better-auth" => json!({
            "id": "1", "key": hash, "referenceId": "company-1", "name": "CI", "permissions": "{\"jobs\":[\"read\"]}", "enabled": 1,
            "createdAt": "2025-11-24T16:00:00.000Z", "expiresAt": null, "lastRequest": null, "remaining": null, "metadata": "{}"
        }),
        "keypal" => json!({
            "id": "1", "keyHash": hash, "metadata": { "ownerId": "company-1", "name": "CI", "scopes": ["jobs:read"],
            "createdAt": "2025-11-24T16:00:00Z", "expiresAt": null, "revokedAt": null, "enabled": true }
        }),
        _ => json!({ "hash": hash, "owner": "company-1", "label": "CI", "scopes": "jobs:read" }),
    }
}

fn policy(vector: &Value) -> Value {
    json!({
        "version": 1, "name": "imported", "scopes": { "jobs:read": "Read jobs" },
        "credentials": { "apiKey": { "type": "apiKey", "header": "X-API-Key", "prefix": "jbf",
            "imported": [{ "from": vector["from"], "prefix": vector["prefix"] }] } },
        "routes": [{ "id": "jobs", "match": "GET /jobs", "allow": [{ "apiKey": ["jobs:read"] }] }]
    })
}

#[test]
fn what_a_system_exports_opens_for_its_keys() {
    for vector in vectors() {
        let from = vector["from"].as_str().unwrap();
        let dir = Dir::new();
        let policy = dir.file("policy.json", &policy(&vector).to_string());
        let row = exported(from, vector["hash"].as_str().unwrap()).to_string();
        for text in [row.clone(), format!("[\n{row}\n]")] {
            let file = dir.file("rows.json", &text);
            let run = scopegate(["import", "--from", from, "--policy", &policy, &file], "");
            run.says(0, &["1 imported, 0 already there, 0 refused"]);
            let record: Value = serde_json::from_str(&run.out).unwrap();
            assert_eq!((&record["id"], record["owner"].as_str()), (&vector["id"], Some("company-1")), "{vector}");
            let keys = dir.file("keys.json", &format!("[{record}]"));
            let key = dir.file("key.txt", vector["key"].as_str().unwrap());
            let request =
                ["decide", "--policy", &policy, "--keys", &keys, "--key-file", &key, "--request", "GET /jobs"];
            scopegate(request, "").says(0, &["ALLOW"]).hides(&[vector["key"].as_str().unwrap()]);
        }
    }
}

#[test]
fn rows_that_are_wrong_are_told_by_line_and_the_others_stand() {
    let dir = Dir::new();
    let hash = |byte: &str| byte.repeat(32);
    let secret = "mycompany_BRTRKFsL_51FwqftsmMDHHbJAMEXXHCgG";
    let lines = [
        json!({ "hash": hash("aa"), "owner": "o", "scopes": ["a"] }).to_string(),
        json!({ "hash": secret, "owner": "o", "scopes": ["a"] }).to_string(),
        json!({ "owner": "o", "scopes": ["a"] }).to_string(),
        json!({ "hash": hash("bb"), "scopes": ["a"] }).to_string(),
        json!({ "hash": hash("cc"), "owner": "o", "scopes": [] }).to_string(),
        json!({ "hash": hash("dd"), "owner": "o", "scopes": ["*"] }).to_string(),
        json!({ "hash": hash("ee"), "owner": "o", "scopes": ["a"], "expiresAt": "soon" }).to_string(),
        json!({ "hash": hash("ef"), "owner": "o", "scopes": ["a"], "expiresAt": "2027-01-31T00:00:00" }).to_string(),
        json!({ "hash": hash("fe"), "owner": "o", "scopes": ["a"], "expiresAt": 1.5 }).to_string(),
        json!({ "hash": hash("ff"), "owner": "o", "scopes": ["a"], "enabled": "maybe" }).to_string(),
        json!({ "hash": hash("ab"), "owner": "o", "scopes": ["a"], "remaining": 5 }).to_string(),
        String::new(),
        json!({ "hash": hash("aa"), "owner": "p", "scopes": ["a"] }).to_string(),
        format!("{{ \"hash\": \"{0}\", \"hash\": \"{0}\" }}", hash("ac")),
        "[]".to_owned(),
        json!({ "hash": hash("ad"), "owner": "o", "scopes": ["a"], "enabled": false, "updatedAt": 5 }).to_string(),
    ];
    let file = dir.file("rows.jsonl", &lines.join("\n"));
    let run = scopegate(["import", "--from", "sha256", &file], "");
    let expected = [
        (2, "hash: expected SHA-256 in 64 hexadecimal digits"),
        (3, "hash: expected one of hash"),
        (4, "owner: expected one of owner, ownerId, or --owner"),
        (5, "scopes: expected at least one scope"),
        (6, "scopes: expected scope names"),
        (7, "expiresAt: expected a time"),
        (8, "expiresAt: expected a time"),
        (9, "expiresAt: expected a time"),
        (10, "enabled: expected true or false"),
        (11, "remaining: expected no limited number of uses"),
        (13, "hash: expected another hash than that of line 1"),
        (14, "row: expected a JSON object, each member once"),
        (15, "row: expected a JSON object"),
    ];
    run.says(1, &["2 imported, 0 already there, 13 refused"]).hides(&[secret, "51Fwqftsm"]);
    for (line, text) in expected {
        assert!(run.err.contains(&format!("rows.jsonl:{line}: {text}")), "{line} {text}: {run:#?}");
    }
    let records: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&records[0]["revokedAt"], &records[1]["revokedAt"]), (&Value::Null, &json!(5)));
}

#[test]
fn what_had_ended_there_does_not_open_here() {
    let row = |more: Value| {
        let mut row = json!({ "hash": "aa".repeat(32), "owner": "o", "scopes": ["a"] });
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        scopegate(["import", "--from", "sha256", "-"], &row.to_string())
    };
    for name in ["disabled", "isDisabled", "is_disabled", "revoked", "is_revoked", "deleted"] {
        for off in [json!(true), json!(1), json!("t")] {
            let record: Value = serde_json::from_str(&row(json!({ name: off })).says(0, &[]).out).unwrap();
            assert!(record["revokedAt"].is_u64(), "{name}");
        }
        let record: Value =
            serde_json::from_str(&row(json!({ name: false, "enabled": true })).says(0, &[]).out).unwrap();
        assert!(record["revokedAt"].is_null(), "{name}");
        row(json!({ name: "2026-01-01" })).says(1, &["disabled: expected true or false"]);
    }
    for name in ["active", "is_active", "isEnabled"] {
        let record: Value = serde_json::from_str(&row(json!({ name: false })).says(0, &[]).out).unwrap();
        assert!(record["revokedAt"].is_u64(), "{name}");
    }
    for name in ["expires", "expiry", "expiryDate", "expires_on", "expirationDate", "expiration", "valid_until"] {
        let record: Value = serde_json::from_str(&row(json!({ name: 1_795_536_000 })).says(0, &[]).out).unwrap();
        assert_eq!(record["expiresAt"], 1_795_536_000, "{name}");
    }
    for metadata in
        [json!("{\"expiresAt\": \"2026-"), json!("[]"), json!(7), json!("{\"enabled\":false,\"enabled\":true}")]
    {
        let row = json!({ "keyHash": "aa".repeat(32), "metadata": metadata }).to_string();
        let run = scopegate(["import", "--from", "keypal", "--owner", "o", "--scopes", "a", "-"], &row);
        run.says(1, &["-:1: metadata: expected an object, each member once", "0 imported"]);
    }
}

#[test]
fn arguments_and_files_that_make_no_sense_are_refused_whole() {
    let dir = Dir::new();
    let hash = "aa".repeat(32);
    let rows = dir.file("rows.json", &json!([{ "hash": hash, "owner": "o", "scopes": ["b"] }]).to_string());
    let policy = dir.file("policy.json", &policy(&json!({ "from": "unkey", "prefix": "" })).to_string());
    for (args, texts) in [
        (vec!["--from", "other", &*rows], vec!["expected one of seam, unkey, better-auth, keypal, sha256"]),
        (vec!["--from", "sha256", "--policy", &policy, &rows], vec!["no credential takes these keys", "imported"]),
        (vec!["--from", "sha256", "--db", "memory", &rows], vec!["--db: expected sqlite:FILE"]),
        (vec!["--from", "sha256", "--db", "redis://:hunter2@h/", &rows], vec!["--db: holds a password", "--db-file"]),
        (vec!["--from", "sha256", "--db-file", &rows, &rows], vec!["rows.json: expected sqlite:FILE"]),
        (vec!["--from", "sha256", "--rename-scope", "x", &rows], vec!["--rename-scope: expected OLD=NEW"]),
        (vec!["--from", "sha256", &*dir.file("empty", " \n")], vec!["expected rows"]),
        (vec!["--from", "sha256", &*dir.file("broken", "[{]")], vec!["broken:1:3"]),
        (vec!["--from", "sha256", &*dir.path("none")], vec!["cannot be read"]),
    ] {
        scopegate([&["import"], &args[..]].concat(), "").says(2, &texts);
    }
    let declared = scopegate(["import", "--from", "unkey", "--policy", &policy, "-"], &{
        let row = json!({ "hash": "Af0t8Qg3G7oLwGHlkgMYIeloGL2dNBfcLxOLp3IDROY=", "ownerId": "o", "permissions": ["read_jobs"] });
        row.to_string()
    });
    declared.says(1, &["-:1: scopes: expected scopes of the policy, not \"read_jobs\""]);
}

#[test]
fn tables_become_records_and_scopes_get_their_names_here() {
    let csv = format!(
        "id,key_hash,owner_id,name,scopes,created_at,expires_at,enabled,last_used_at\r\n\
         1,{},company-1,\"CI, the first\",\"read_jobs, write_jobs\",2025-11-24 16:00:00+00,1795536000,t,\n\
         2,{},company-1,second,,1764000000123,NULL,f,\n\
         3,{},company-1\n",
        "0a".repeat(32),
        "0b".repeat(32),
        "0c".repeat(32)
    );
    let args = ["import", "--from", "keypal", "--env", "test", "--scopes", "jobs:read", "-"];
    let renames = ["--rename-scope", "read_jobs=jobs:read", "--rename-scope", "write_jobs=jobs:write"];
    let run = scopegate([&args[..], &renames].concat(), &csv);
    run.says(1, &["-:4: row: expected 9 cells as in the head, found 3", "2 imported"]);
    let records: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown = |record: &Value| {
        json!([record["label"], record["scopes"], record["createdAt"], record["expiresAt"], record["env"]])
    };
    assert_eq!(
        shown(&records[0]),
        json!(["CI, the first", ["jobs:read", "jobs:write"], 1_764_000_000, 1_795_536_000, "test"])
    );
    assert_eq!(shown(&records[1]), json!(["second", ["jobs:read"], 1_764_000_000, null, "test"]));
    assert!(records[0]["revokedAt"].is_null() && records[1]["revokedAt"].is_u64());
}

#[test]
fn nothing_is_imported_twice() {
    let dir = Dir::new();
    let rows: Vec<Value> =
        ["aa", "bb"].map(|byte| json!({ "hash": byte.repeat(32), "owner": "o", "scopes": ["a"] })).into();
    let db = format!("sqlite:{}", dir.path("keys.db"));
    let import = |rows: &[Value], more: &[&str]| {
        let args = [&["import", "--from", "sha256", "--db", &db, "-"], more].concat();
        scopegate(args, &Value::from(rows.to_vec()).to_string())
    };
    import(&rows, &["--dry-run"]).says(0, &["2 would be imported, 0 already there, 0 refused"]);
    import(&rows[..1], &[]).says(0, &["1 imported, 0 already there, 0 refused"]);
    import(&rows, &["--dry-run"]).says(0, &["1 would be imported, 1 already there"]);
    assert_eq!(import(&rows, &[]).says(0, &["1 imported, 1 already there, 0 refused"]).out, "");
    import(&rows, &[]).says(0, &["0 imported, 2 already there, 0 refused"]);
    let file = dir.file("db", &format!("{db}\n"));
    let run = scopegate(["import", "--from", "sha256", "--db-file", &file, "-"], &Value::from(rows).to_string());
    run.says(0, &["0 imported, 2 already there, 0 refused"]);
    let taken = json!({ "hash": "aa".repeat(32), "owner": "other", "scopes": ["a"] });
    import(&[taken], &[]).says(1, &["-:1: hash: expected an id that no other key has"]);
}
