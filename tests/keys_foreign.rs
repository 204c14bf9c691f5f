//! Keys of other systems: what their own libraries made is found and proven, and nothing else is looked up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test that panics has failed")]

mod keys_support;

use std::sync::Arc;

use keys_support::{KEY, NOW, PEPPER, at, format};
use scopegate::engine::Gate;
use scopegate::host::{Host, KeyAnswer, KeysAnswer, KeysReason};
use scopegate::key::foreign::{ForeignError, ForeignIssuer, ForeignKeys, ForeignRow, lookup_id};
use scopegate::key::format::KeyId;
use scopegate::key::hash::Keyring;
use scopegate::key::record::{KeyRecord, KeyRefusal, LiveKey};
use scopegate::policy::Policy;
use scopegate::request::Request;
use serde_json::Value;

fn rows() -> Vec<Value> {
    serde_json::from_str(include_str!("data/foreign.json")).unwrap()
}

fn text<'v>(row: &'v Value, member: &str) -> &'v str {
    row[member].as_str().unwrap()
}

fn row<'v>(issuer: ForeignIssuer, hash: &'v str) -> ForeignRow<'v> {
    ForeignRow {
        issuer,
        hash,
        environment: "live",
        owner: "company-1",
        label: "Imported",
        scopes: &["b", "a", "b"],
        created_at: at(NOW),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    }
}

#[test]
fn what_is_no_hash_of_the_system_is_refused_and_not_repeated() {
    let hex = "d70d981d87b449c107327c2a2afbf00d4b58070d6ba571aac35d7ea3e7c79f37";
    let (padded, url) = ("Af0t8Qg3G7oLwGHlkgMYIeloGL2dNBfcLxOLp3IDROY=", "EL8A0eFuDmB6ZPjjLyQAHoO_fqLQS5J_qcxQv1d-oiM");
    let sha512 = hex.repeat(2);
    let table = [
        (ForeignIssuer::Seam, [padded, url, &hex[1..], &hex.replace('d', "g"), ""]),
        (ForeignIssuer::Keypal, [padded, url, &sha512, &hex.replace('d', "é"), KEY]),
        (ForeignIssuer::Sha256, [padded, url, &format!("{hex}00"), &hex[2..], KEY]),
        (ForeignIssuer::Unkey, [hex, url, padded.trim_end_matches('='), &padded[4..], KEY]),
        (ForeignIssuer::BetterAuth, [hex, padded, &format!("{url}="), &url[1..], KEY]),
    ];
    for (issuer, texts) in table {
        for text in texts {
            let error = issuer.digest(text).unwrap_err();
            assert_eq!(error.member, "hash", "{issuer:?} {text}");
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
    }
    assert!(ForeignIssuer::Seam.digest(&hex.to_uppercase()).is_ok());
}

#[test]
fn rows_that_make_no_record_are_refused() {
    let hash = "d70d981d87b449c107327c2a2afbf00d4b58070d6ba571aac35d7ea3e7c79f37";
    let good = row(ForeignIssuer::Seam, hash);
    let changes: [(&str, ForeignRow<'_>); 6] = [
        ("hash", ForeignRow { hash: "", ..good.clone() }),
        ("scopes", ForeignRow { scopes: &[], ..good.clone() }),
        ("scopes", ForeignRow { scopes: &["*"], ..good.clone() }),
        ("owner", ForeignRow { owner: "", ..good.clone() }),
        ("label", ForeignRow { label: "a\nb", ..good.clone() }),
        ("env", ForeignRow { environment: "Live", ..good.clone() }),
    ];
    for (member, row) in changes {
        assert_eq!(row.record().unwrap_err().member, member);
    }
    let record = good.record().unwrap();
    assert_eq!(record.scopes, ["a".into(), "b".into()]);
    assert_eq!(record.id, lookup_id(&ForeignIssuer::Seam.digest(hash).unwrap()));
    assert_eq!(serde_json::from_str::<KeyRecord>(&serde_json::to_string(&record).unwrap()).unwrap(), record);
}

#[test]
fn descriptions_that_would_take_anything_are_refused() {
    let new = |issuer, prefix: &str, length| ForeignKeys::new(issuer, prefix, "live", length).unwrap_err();
    assert_eq!(new(ForeignIssuer::Sha256, "", None), ForeignError::Shapeless(ForeignIssuer::Sha256));
    assert_eq!(new(ForeignIssuer::Seam, "", Some(24)), ForeignError::Shapeless(ForeignIssuer::Seam));
    for length in [0, 15, 129, usize::MAX] {
        assert_eq!(new(ForeignIssuer::Unkey, "", Some(length)), ForeignError::Length(length));
    }
    for prefix in ["a b", "a,", "é", &"a".repeat(33)] {
        assert_eq!(new(ForeignIssuer::Keypal, prefix, None), ForeignError::Prefix(prefix.into()));
    }
    assert_eq!(
        ForeignKeys::new(ForeignIssuer::Keypal, "a", "LIVE", None),
        Err(ForeignError::Environment("LIVE".into()))
    );
}

#[test]
fn what_the_libraries_made_is_found_and_proven_and_renewed() {
    let ring = Keyring::new([("p1", PEPPER)]).unwrap();
    for made in rows() {
        let issuer = ForeignIssuer::from_name(text(&made, "from")).unwrap();
        let keys = ForeignKeys::new(issuer, text(&made, "prefix"), "live", None).unwrap();
        let key = text(&made, "key").as_bytes();
        let parsed = keys.parse(key).unwrap();
        assert_eq!(parsed.id().as_str(), text(&made, "id"), "{made}");
        assert_eq!(parsed.environment(), "live");
        assert!(!format!("{parsed:?}").contains(text(&made, "key")));
        let mut record = row(issuer, text(&made, "hash")).record().unwrap();
        assert_eq!(record.id, *parsed.id());
        let prove = |keys: &ForeignKeys, record: &KeyRecord| {
            LiveKey::prove(
                &keys.parse(key).unwrap(),
                Some(Arc::new(record.clone())),
                &ring,
                &["live".into()],
                at(NOW),
                None,
            )
        };
        let live = prove(&keys, &record).unwrap();
        assert!(live.upgrade(), "{made}");
        // The record as the host renews it: found by the same id, proven under the pepper, renewed no more.
        let renewed = ring.upgraded(&parsed, &record).unwrap();
        let late = keys.clone().upgraded_only(true);
        assert_eq!(prove(&late, &record).unwrap_err(), KeyRefusal::NoHash, "{made}");
        record.hashes = vec![renewed];
        assert!(!prove(&late, &record).unwrap().upgrade());
        // Another record under the id does not let it in.
        record.hashes = vec![Keyring::plain().hash(&format().parse(KEY.as_bytes()).unwrap(), &record)];
        assert_eq!(prove(&keys, &record).unwrap_err(), KeyRefusal::WrongSecret, "{made}");
    }
}

#[test]
fn v30_a_plain_hash_of_our_own_key_stays_no_way_around_the_pepper() {
    let parser = format();
    let parsed = parser.parse(KEY.as_bytes()).unwrap();
    let hex = "00".repeat(32);
    let mut record = row(ForeignIssuer::Sha256, &hex).record().unwrap();
    record.id = *parsed.id();
    record.hashes = vec![Keyring::plain().hash(&parsed, &record)];
    let ring = Keyring::new([("p1", PEPPER)]).unwrap();
    let proven = LiveKey::prove(&parsed, Some(Arc::new(record)), &ring, &["live".into()], at(NOW), None);
    assert_eq!(proven.unwrap_err(), KeyRefusal::NoHash);
}

#[test]
fn ids_are_spread_over_the_whole_alphabet() {
    let ids: std::collections::BTreeSet<KeyId> = (0..2_000_u32)
        .map(|number| {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            lookup_id(&scopegate::key::hash::KeyDigest::from_bytes(bytes))
        })
        .collect();
    assert_eq!(ids.len(), 2_000);
    for place in 0..12 {
        let seen: std::collections::BTreeSet<u8> = ids.iter().map(|id| id.as_str().as_bytes()[place]).collect();
        assert_eq!(seen.len(), 62, "place {place}");
    }
}

/// V11: nothing that prints, serialises or is recorded holds a key of another system, or what its hash was.
#[test]
fn v11_an_imported_key_is_in_nothing_that_is_told() {
    let ring = Keyring::new([("p1", PEPPER)]).unwrap();
    for made in rows() {
        let (key, hash) = (text(&made, "key"), text(&made, "hash"));
        let secret = key.rsplit_once('_').map_or(key, |(_, secret)| secret);
        let issuer = ForeignIssuer::from_name(text(&made, "from")).unwrap();
        let policy = serde_json::json!({
            "version": 1, "name": "canary", "scopes": { "a": "A", "b": "B" },
            "credentials": { "key": { "type": "apiKey", "header": "X-API-Key", "prefix": "jbf",
                "imported": [{ "from": made["from"], "prefix": made["prefix"] }] } },
            "routes": [
                { "id": "a", "match": "GET /a", "allow": [{ "key": ["a"] }] },
                { "id": "c", "match": "GET /c", "allow": [{ "key": ["a"] }, { "key": ["b"] }] }
            ]
        });
        let policy = Policy::from_json(&policy.to_string()).unwrap();
        let gate = Gate::builder(Arc::new(policy)).keyring(ring.clone()).trace(true).build().unwrap();
        let record = Arc::new(row(issuer, hash).record().unwrap());
        let digest = serde_json::to_value(&record.hashes[0]).unwrap()["hash"].as_str().unwrap().to_owned();
        let mut told = format!("{gate:?}{record:?}");
        for (target, found) in [("/a", Some(&record)), ("/c", None), ("/none", None), (key, None)] {
            let host = One(found.cloned());
            let target = format!("{target}?key={key}");
            let lines = [("X-API-Key", key)];
            let view =
                Request { method: "GET", target: target.as_bytes(), headers: &lines, https: true, client_ip: None };
            let decision = gate.decide(&view, at(NOW), &host);
            let principals: Vec<_> = decision.principals().collect();
            told += &format!("{decision:?}{principals:?}{:?}{:?}", decision.audit(), decision.denial());
            told += &serde_json::to_string(&decision.audit()).unwrap();
            told += &decision.to_json();
            told +=
                &decision.response().map_or_else(String::new, |answer| format!("{:?}{}", answer.headers, answer.body));
        }
        let mut wrong = row(issuer, key);
        wrong.owner = key;
        told += &format!("{:?}{}", wrong.record(), wrong.record().unwrap_err());
        assert!(told.contains(text(&made, "id")), "{told}");
        for canary in [secret, &digest] {
            assert!(!told.contains(canary), "{canary} is told: {told}");
        }
    }
}

/// A store of at most one record.
struct One(Option<Arc<KeyRecord>>);

impl Host for One {
    fn key(&self, _: &KeyId) -> KeyAnswer {
        self.0.clone().map_or(KeyAnswer::Missing, KeyAnswer::Found)
    }

    fn keys(&self, _: &str, _: &str, _: KeysReason) -> KeysAnswer {
        KeysAnswer::Unavailable
    }
}
