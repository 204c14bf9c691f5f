//! The life of a key and its stored record: issue, rotate, revoke, relabel; what is read and what is never shown.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has failed"
)]

mod keys_support;

use keys_support::{NOW, PEPPER, at, base_json, base_record, entropy, format, record_with};
use scopegate::key::format::{ENTROPY_BYTES, KeyFormat};
use scopegate::key::hash::{KeyDigest, Keyring};
use scopegate::key::lifecycle::{
    IssueRequest, IssueRules, Issued, LifecycleError, check_change, issue, relabel, revoke, rotate,
};
use scopegate::key::record::{KeyRecord, LiveKey};
use serde_json::{Value, json};

const DECLARED: &[&str] = &["jobs:read", "jobs:write", "keys:manage"];
const RULES: IssueRules<'_> =
    IssueRules { declared: DECLARED, ceiling: None, expiry_required: false, max_lifetime: None };

fn request() -> IssueRequest<'static> {
    IssueRequest { label: "CI", scopes: &["jobs:read"], environment: "live", owner: "company-1", ..Default::default() }
}

fn ring() -> Keyring {
    Keyring::new([("p1", PEPPER)]).unwrap()
}

fn try_issue(request: &IssueRequest<'_>, rules: &IssueRules<'_>) -> Result<Issued, LifecycleError> {
    issue(request, rules, &format(), &ring(), &entropy(1), at(NOW))
}

fn is_live(issued: &KeyRecord, key: &str, now: i64) -> bool {
    let format = format();
    let parsed = format.parse(key.as_bytes()).unwrap();
    LiveKey::prove(&parsed, Some(issued.clone().into()), &ring(), &["live".into()], at(now), None).is_ok()
}

#[test]
fn issue_refuses_what_the_rules_do_not_allow() {
    let long = "l".repeat(101);
    let owner = "o".repeat(257);
    let ceiling = IssueRules { ceiling: Some(&["jobs:write"]), ..RULES };
    let must_expire = IssueRules { expiry_required: true, ..RULES };
    let a_day = IssueRules { max_lifetime: Some(86_400), ..RULES };
    let until = |seconds: i64| IssueRequest { expires_at: Some(at(seconds)), ..request() };
    let scopes = |scopes: &'static [&'static str]| IssueRequest { scopes, ..request() };
    let table = [
        (IssueRequest { label: "", ..request() }, RULES, "label_invalid", "label"),
        (IssueRequest { label: &long, ..request() }, RULES, "label_invalid", "label"),
        (IssueRequest { label: "a\nb", ..request() }, RULES, "label_invalid", "label"),
        (IssueRequest { owner: "", ..request() }, RULES, "owner_invalid", "owner"),
        (IssueRequest { owner: &owner, ..request() }, RULES, "owner_invalid", "owner"),
        (IssueRequest { owner: "a\0b", ..request() }, RULES, "owner_invalid", "owner"),
        (IssueRequest { environment: "prod", ..request() }, RULES, "environment_unknown", "environment"),
        (scopes(&[]), RULES, "scopes_empty", "scopes"),
        (scopes(&["*"]), RULES, "scope_unknown", "scopes"),
        (scopes(&["jobs:*"]), RULES, "scope_unknown", "scopes"),
        (scopes(&["JOBS:READ"]), RULES, "scope_unknown", "scopes"),
        (scopes(&["jobs:read2"]), RULES, "scope_unknown", "scopes"),
        (scopes(&["jobs:read", ""]), RULES, "scope_unknown", "scopes"),
        (request(), ceiling, "scope_not_held", "scopes"),
        (scopes(&["jobs:write", "keys:manage"]), ceiling, "scope_not_held", "scopes"),
        (request(), must_expire, "expiry_required", "expiresAt"),
        (request(), a_day, "expiry_required", "expiresAt"),
        (until(NOW), RULES, "expiry_past", "expiresAt"),
        (until(0), RULES, "expiry_past", "expiresAt"),
        (until(NOW + 86_401), a_day, "expiry_too_far", "expiresAt"),
    ];
    for (request, rules, code, field) in table {
        let error = try_issue(&request, &rules).unwrap_err();
        assert_eq!((error.code(), error.field()), (code, Some(field)));
        assert!(error.to_string().starts_with(field), "{error}");
    }
    assert!(try_issue(&until(NOW + 86_400), &a_day).is_ok());
    let label = "\u{e9}".repeat(100);
    assert!(try_issue(&IssueRequest { label: &label, ..request() }, &RULES).is_ok());
    let zeros = issue(&request(), &RULES, &format(), &ring(), &[0; ENTROPY_BYTES], at(NOW)).unwrap_err();
    assert_eq!(zeros.code(), "entropy");
}

#[test]
fn what_is_issued_is_sealed_sorted_and_live() {
    let wanted = IssueRequest { scopes: &["jobs:write", "jobs:read", "jobs:write"], ..request() };
    let Issued { record, raw_key } = try_issue(&wanted, &RULES).unwrap();
    assert_eq!(record.scopes.iter().map(|scope| &**scope).collect::<Vec<_>>(), ["jobs:read", "jobs:write"]);
    assert!(record.sealed && record.validate().is_ok() && is_live(&record, raw_key.expose(), NOW));
    // V31: an id follows from random bytes alone.
    let other = issue(&wanted, &RULES, &format(), &ring(), &entropy(2), at(NOW)).unwrap();
    assert!(other.record.id != record.id && !is_live(&record, other.raw_key.expose(), NOW));
}

#[test]
fn v20_rotation_never_extends_a_life() {
    let key = |expires_at: Option<i64>| {
        try_issue(&IssueRequest { expires_at: expires_at.map(at), ..request() }, &RULES).unwrap()
    };
    let turn =
        |record: &KeyRecord, overlap: i64, now: i64| rotate(record, overlap, &format(), &ring(), &entropy(9), at(now));
    let table = [
        (None, 0, NOW),
        (None, 3_600, NOW + 3_600),
        (Some(NOW + 60), 3_600, NOW + 60),
        (Some(NOW + 60), i64::MAX, NOW + 60),
        (Some(NOW + 60), 30, NOW + 30),
    ];
    for (expiry, overlap, end) in table {
        let Issued { record, raw_key } = key(expiry);
        let turned = turn(&record, overlap, NOW).unwrap();
        assert_eq!(turned.old.grace_until, Some(at(end)));
        assert_eq!((turned.old.version, turned.old.expires_at), (record.version + 1, record.expires_at));
        assert!(turned.old.supersedes(&record) && !record.supersedes(&turned.old));
        assert_eq!(is_live(&turned.old, raw_key.expose(), NOW), overlap > 0);
        assert!(!is_live(&turned.old, raw_key.expose(), end));
        let new = &turned.new.record;
        assert_eq!((new.rotated_from, new.expires_at, new.created_at), (Some(record.id), record.expires_at, at(NOW)));
        assert_eq!((&new.scopes, &new.owner, &new.env), (&record.scopes, &record.owner, &record.env));
        assert!(new.validate().is_ok() && is_live(new, turned.new.raw_key.expose(), NOW));
        // Once more: the grace does not grow, and the heir of a key in its grace ends with it.
        if overlap > 0 {
            let again = turn(&turned.old, i64::MAX, NOW).unwrap();
            assert_eq!((again.old.grace_until, again.new.record.expires_at), (Some(at(end)), Some(at(end))));
        }
    }
    let Issued { record, .. } = key(Some(NOW + 60));
    assert_eq!(turn(&record, -1, NOW).unwrap_err(), LifecycleError::Overlap);
    assert_eq!(turn(&record, 0, NOW + 60).unwrap_err(), LifecycleError::NotActive);
    assert_eq!(turn(&revoke(&record, at(NOW)).unwrap(), 0, NOW).unwrap_err(), LifecycleError::NotActive);
    let elsewhere = KeyFormat::new("jbf", &["test"]).unwrap();
    let error = rotate(&record, 0, &elsewhere, &ring(), &entropy(9), at(NOW)).unwrap_err();
    assert_eq!(error.code(), "environment_unknown");
}

#[test]
fn a_revocation_stays() {
    let Issued { record, raw_key } = try_issue(&request(), &RULES).unwrap();
    let revoked = revoke(&record, at(NOW)).unwrap();
    assert!(revoked.supersedes(&record) && !is_live(&revoked, raw_key.expose(), NOW));
    assert!(!is_live(&revoked, raw_key.expose(), 0), "a clock that went backwards does not undo it");
    let again = revoke(&revoked, at(NOW + 5)).unwrap();
    assert_eq!((again.revoked_at, again.version), (Some(at(NOW)), revoked.version));
    let mut refill = record.clone();
    for version in [0, record.version, revoked.version, revoked.version + 9] {
        refill.version = version;
        assert!(!refill.supersedes(&revoked), "{version}");
    }
    let mut last = record;
    last.version = u64::MAX;
    assert_eq!(revoke(&last, at(NOW)).unwrap_err(), LifecycleError::Version);
}

#[test]
fn v21_only_the_label_can_change() {
    let record = base_record();
    let renamed = relabel(&record, "New").unwrap();
    let expected = KeyRecord { label: "New".into(), version: record.version + 1, ..record.clone() };
    assert_eq!(renamed, expected);
    assert_eq!(relabel(&record, "").unwrap_err().code(), "label_invalid");
    for (member, _) in base_json().as_object().unwrap().iter().filter(|(member, _)| *member != "label") {
        let error = check_change(["label", member]).unwrap_err();
        assert_eq!((error.code(), error.field()), ("immutable", Some(member.as_str())));
        assert!(error.to_string().starts_with(&format!("{member}: ")));
    }
    assert_eq!(check_change(["__proto__"]).unwrap_err(), LifecycleError::UnknownMember);
    assert!(check_change([]).is_ok() && check_change(["label"]).is_ok());
}

#[test]
fn v18_a_record_that_cannot_be_read_is_none() {
    let bad: [(&str, &[Value]); 14] = [
        ("v", &[json!(0), json!(2), json!("1"), json!(null)]),
        ("id", &[json!(""), json!("short"), json!("_00000000000"), json!(12)]),
        ("env", &[json!(""), json!("Live"), json!("toolonger"), json!(null)]),
        ("owner", &[json!(""), json!("a\u{0}b"), json!("o".repeat(257))]),
        ("label", &[json!(""), json!("l".repeat(101)), json!("a\u{7}")]),
        ("scopes", &[json!("*"), json!(["*"]), json!(["jobs:*"]), json!(["Jobs"]), json!(null)]),
        ("hashes", &[json!([]), json!(null), json!([{ "alg": "md5", "hash": "A" }])]),
        ("sealed", &[json!(null), json!("true"), json!(1)]),
        ("createdAt", &[json!(null), json!(-1), json!(1.5), json!("1764000000")]),
        ("expiresAt", &[json!("never"), json!(""), json!(1.0), json!(-1), json!(1e20), json!(253_402_300_800_i64)]),
        ("revokedAt", &[json!(false), json!(true), json!("")]),
        ("graceUntil", &[json!("0"), json!([])]),
        ("ipAllow", &[json!(["*"]), json!([""]), json!(["192.0.2.1/24"]), json!(null), json!("192.0.2.1")]),
        ("version", &[json!(-1), json!(null), json!(1.5)]),
    ];
    for (member, values) in bad {
        for value in values {
            let mut json = base_json();
            json[member] = value.clone();
            let error = serde_json::from_value::<KeyRecord>(json).unwrap_err().to_string();
            assert!(error.starts_with(member), "{member} {value}: {error}");
        }
    }
    let hash = |hash: Value| {
        serde_json::from_value::<KeyRecord>({
            let mut json = base_json();
            json["hashes"] = json!([hash]);
            json
        })
    };
    let digest = "A".repeat(43);
    for entry in [
        json!({ "alg": "hmac-sha256", "hash": digest }),
        json!({ "alg": "sha256", "kid": "p1", "hash": digest }),
        json!({ "alg": "hmac-sha256", "kid": "p1", "hash": "A".repeat(42) }),
        json!({ "alg": "hmac-sha256", "kid": "p1", "hash": "A".repeat(44) }),
        json!({ "alg": "hmac-sha256", "kid": "p1", "hash": digest, "notAfter": "soon" }),
        json!({ "alg": "hmac-sha256", "kid": "p1", "hash": digest, "more": 1 }),
    ] {
        assert!(hash(entry.clone()).is_err(), "{entry}");
    }
    let members: Vec<String> = base_json().as_object().unwrap().keys().cloned().collect();
    for member in members {
        let mut json = base_json();
        let value = json.as_object_mut().unwrap().remove(&member).unwrap();
        assert!(serde_json::from_value::<KeyRecord>(json.clone()).is_err(), "{member} is missing");
        let twice = json.to_string().replacen('{', &format!("{{\"{member}\":{value},\"{member}\":{value},"), 1);
        assert!(serde_json::from_str::<KeyRecord>(&twice).is_err(), "{member} is there twice");
    }
    let unknown = base_json().to_string().replacen('{', r#"{"x":1,"x":2,"#, 1);
    assert!(serde_json::from_str::<KeyRecord>(&unknown).is_err());
}

#[test]
fn unknown_members_are_kept() {
    let record = record_with("x-team", json!({ "a": [1, 2.5, null] }));
    assert_eq!(serde_json::to_value(&record).unwrap()["x-team"], json!({ "a": [1, 2.5, null] }));
    assert_eq!(relabel(&record, "New").unwrap().extra, record.extra);
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<KeyRecord>(&text).unwrap(), record);
    assert_eq!(serde_json::to_value(base_record()).unwrap(), base_json());
}

#[test]
fn v11_nothing_prints_a_key_a_hash_or_a_pepper() {
    let issued = try_issue(&request(), &RULES).unwrap();
    let key = issued.raw_key.expose();
    let hash = serde_json::to_value(issued.record.hashes[0].hash).unwrap();
    let format = format();
    let parsed = format.parse(key.as_bytes()).unwrap();
    let live = LiveKey::prove(&parsed, Some(issued.record.clone().into()), &ring(), &["live".into()], at(NOW), None);
    let turned = rotate(&issued.record, 60, &format, &ring(), &entropy(5), at(NOW)).unwrap();
    let mut printed = vec![
        format!("{issued:?} {:?} {:?} {turned:?}", issued.raw_key, issued.record.hashes),
        format!("{parsed:?} {:?} {:?}", live.unwrap(), ring()),
        serde_json::to_string(&turned.new.record).unwrap().replace(hash.as_str().unwrap(), ""),
    ];
    // A key or a hash in the wrong place of a record, or in place of a record.
    for secret in [key, hash.as_str().unwrap()] {
        for member in
            base_json().as_object().unwrap().keys().filter(|name| !["owner", "label"].contains(&name.as_str()))
        {
            for value in [json!(secret), json!([secret]), json!([{ "alg": secret }]), json!([{ secret: 1 }])] {
                let mut json = base_json();
                json[member] = value;
                printed.push(serde_json::from_value::<KeyRecord>(json).unwrap_err().to_string());
            }
        }
        printed.push(serde_json::from_str::<KeyRecord>(&format!("{secret:?}")).unwrap_err().to_string());
        printed.push(
            serde_json::from_str::<scopegate::key::format::KeyId>(&format!("{secret:?}")).unwrap_err().to_string(),
        );
        printed.push(format!("{:?}", format.parse(format!("{secret}x").as_bytes()).unwrap_err()));
    }
    let raw_pepper = format!("{PEPPER:?}").replace(['[', ']'], "");
    for text in printed {
        for secret in [&key[22..], &key[22..40], &hash.as_str().unwrap()[..12], &raw_pepper[..30]] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn v01_digests_are_values_that_compare() {
    let [one, two] = [1_u64, 2].map(|seed| {
        issue(&request(), &RULES, &format(), &ring(), &entropy(seed), at(NOW)).unwrap().record.hashes[0].hash
    });
    assert_eq!(KeyDigest::from_bytes(*one.as_bytes()), one);
    assert_ne!(one, two);
    let [mut first, mut last] = [*one.as_bytes(); 2];
    first[0] ^= 1;
    last[31] ^= 0x80;
    assert!(KeyDigest::from_bytes(first) != one && KeyDigest::from_bytes(last) != one);
}
