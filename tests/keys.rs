//! API keys: the mistakes of others that concern the text form and the proof, by their numbers in the design.
//! V36: `subtle` cannot promise constant time in WebAssembly, where an engine may compile as it likes; what is compared there is
//! a digest under a pepper, of which a byte learnt does not help to the next.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has failed"
)]

mod keys_support;

use std::sync::Arc;

use keys_support::{Fixture, KEY, NOW, PEPPER, VECTORS, at, base_record, entropy, format};
use proptest::prelude::*;
use scopegate::key::format::{GenerateError, KeyFault, KeyFormat, KeyFormatError, KeyId};
use scopegate::key::hash::{Keyring, KeyringError};
use scopegate::key::record::{KeyRecord, KeyRefusal, LiveKey, touch_due};
use serde_json::json;

#[test]
fn fixed_vectors_hold() {
    let ring = Keyring::new([("p1", PEPPER)]).unwrap();
    for (key, hex) in VECTORS {
        let (format, record) = (format(), base_record());
        let parsed = format.parse(key.as_bytes()).unwrap();
        let digest = ring.hash(&parsed, &record).hash;
        let found: String = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, hex, "{}", parsed.id());
    }
}

#[test]
fn a_format_is_refused_unless_it_can_be_parsed() {
    let refused = |product: &str, environments: &[&str]| KeyFormat::new(product, environments).unwrap_err();
    for product in ["", "j", "Jbf", "1jb", "j_b", "jbfjbfjbf", "j\u{e9}", "jb-"] {
        assert_eq!(refused(product, &["live"]), KeyFormatError::Product(product.into()));
    }
    for environment in ["", "l", "Live", "live1", "li_ve", "livelives"] {
        assert_eq!(refused("jbf", &[environment]), KeyFormatError::Environment(environment.into()));
    }
    assert_eq!(refused("jbf", &["live", "live"]), KeyFormatError::Duplicate("live".into()));
    assert_eq!(refused("jbf", &[]), KeyFormatError::Count(0));
}

#[test]
fn v04_keys_are_never_split() {
    let format = KeyFormat::new("live", &["live", "li", "livelive"]).unwrap();
    for environment in ["live", "li", "livelive"] {
        let (raw, id) = format.generate(environment, &entropy(1)).unwrap();
        let parsed = format.parse(raw.expose().as_bytes()).unwrap();
        assert_eq!((parsed.id(), parsed.environment()), (&id, environment));
        assert_eq!(raw.expose().split('_').nth(1), Some(environment));
    }
}

#[test]
fn v05_product_and_environment_are_bound() {
    let fixture = Fixture::new(&base_record());
    assert_eq!(format().parse(KEY.replace("_live_", "_test_").as_bytes()).unwrap_err(), KeyFault::WrongChecksum);
    assert_eq!(format().parse(KEY.replace("jbf_", "jbx_").as_bytes()).unwrap_err(), KeyFault::WrongPrefix);
    // With a checksum made anew the hash still differs.
    let moved = keys_support::with_checksum(&KEY[..65].replace("_live_", "_test_"));
    assert_eq!(fixture.prove(&moved, NOW, None).unwrap_err(), KeyRefusal::WrongSecret);
}

#[test]
fn v06_a_record_of_another_key_proves_nothing() {
    let mut other = base_record();
    other.id = KeyId::parse("zzzzzzzzzzzz").unwrap();
    let fixture = Fixture::new(&other);
    assert_eq!(fixture.prove(KEY, NOW, None).unwrap_err(), KeyRefusal::RecordMismatch);
    assert_eq!(fixture.prove(VECTORS[2].0, NOW, None).unwrap_err(), KeyRefusal::WrongSecret);
}

#[test]
fn v08_only_the_exact_text_is_a_key() {
    let glued = |before: &str, after: &str| format!("{before}{KEY}{after}");
    let table = [
        (String::new(), KeyFault::WrongPrefix),
        ("a".repeat(129), KeyFault::TooLong),
        ("\u{e9}".repeat(65), KeyFault::TooLong),
        (glued(" ", ""), KeyFault::NotAscii),
        (glued("", " "), KeyFault::NotAscii),
        (glued("", "\0"), KeyFault::NotAscii),
        (glued("", "\r\n"), KeyFault::NotAscii),
        (glued("\t", ""), KeyFault::NotAscii),
        (glued("", "\u{200b}"), KeyFault::NotAscii),
        (KEY.replacen('0', "\u{ff10}", 1), KeyFault::NotAscii),
        (KEY.replacen('_', "%5F", 1), KeyFault::WrongPrefix),
        (glued("\"", "\""), KeyFault::WrongPrefix),
        (KEY.to_uppercase(), KeyFault::WrongPrefix),
        (KEY.replace("live", "prod"), KeyFault::WrongPrefix),
        (glued("", "0"), KeyFault::WrongLength),
        (KEY[..70].into(), KeyFault::WrongLength),
        (format!("{KEY}{}", "0".repeat(57)), KeyFault::WrongLength),
        (KEY.replacen("_0000", "_000-", 1), KeyFault::WrongAlphabet),
        (KEY.replace("0_0", "000"), KeyFault::WrongAlphabet),
        (KEY.replace("1O3Seg", "1O3Seh"), KeyFault::WrongChecksum),
        (KEY.replace("1O3Seg", "1o3seg"), KeyFault::WrongChecksum),
    ];
    for (text, fault) in table {
        assert_eq!(format().parse(text.as_bytes()).unwrap_err(), fault, "{text:?}");
        assert!(!fault.to_string().contains("0000") && !fault.code().is_empty());
    }
}

#[test]
fn v09_entropy_that_is_none_is_refused() {
    for filled in [[0_u8; 128], [0xff; 128], [7; 128], std::array::from_fn(|at| u8::try_from(at % 16).unwrap())] {
        assert_eq!(format().generate("live", &filled).unwrap_err(), GenerateError::BadEntropy);
    }
    assert_eq!(format().generate("prod", &entropy(1)).unwrap_err(), GenerateError::UnknownEnvironment);
    // Enough distinct bytes, and all but 54 of them outside the range that is drawn from.
    let rejected = std::array::from_fn(|at| if at < 54 { u8::try_from(at).unwrap() } else { 250 });
    assert_eq!(format().generate("live", &rejected).unwrap_err(), GenerateError::BadEntropy);
}

#[test]
fn v10_characters_are_equally_likely() {
    const KEYS: u32 = 100_000;
    let format = format();
    let mut counts = [0_u64; 128];
    for seed in 0..KEYS {
        let (raw, _) = format.generate("live", &entropy(u64::from(seed))).unwrap();
        for byte in raw.expose().bytes().skip(9).take(12).chain(raw.expose().bytes().skip(22).take(43)) {
            counts[usize::from(byte)] += 1;
        }
    }
    let expected = f64::from(KEYS) * 55.0 / 62.0;
    let drawn: Vec<u64> = counts.into_iter().filter(|count| *count > 0).collect();
    assert_eq!(drawn.len(), 62);
    let chi: f64 =
        drawn.iter().map(|count| (f64::from(u32::try_from(*count).unwrap()) - expected).powi(2) / expected).sum();
    // 61 degrees of freedom: above 120 once in 100,000 runs, below 20 no more often. Without rejection it is over 20,000.
    assert!((20.0..120.0).contains(&chi), "chi-square {chi}");
}

#[test]
fn v03_state_is_told_only_after_proof() {
    let wrong = keys_support::with_checksum(&format!("{}1", &KEY[..64]));
    let cases = [
        ("revokedAt", json!(1), KeyRefusal::Revoked),
        ("expiresAt", json!(1), KeyRefusal::Expired),
        ("graceUntil", json!(1), KeyRefusal::Expired),
        ("ipAllow", json!(["192.0.2.0/24"]), KeyRefusal::IpNotAllowed),
    ];
    for (member, value, refusal) in cases {
        let fixture = Fixture::new(&keys_support::record_with(member, value));
        assert_eq!(fixture.prove(KEY, NOW, None).unwrap_err(), refusal);
        assert_eq!(fixture.prove(&wrong, NOW, None).unwrap_err(), KeyRefusal::WrongSecret);
    }
}

#[test]
fn v18_v19_only_ends_are_compared() {
    let fixture = Fixture::new(&keys_support::record_with("expiresAt", json!(NOW)));
    for (now, live) in [(NOW - 1, true), (NOW, false), (NOW + 1, false), (0, true)] {
        assert_eq!(fixture.prove(KEY, now, None).is_ok(), live, "{now}");
    }
    let record = keys_support::record_with("lastUsedAt", json!(NOW));
    for (now, due) in [(0, false), (NOW - 3_600, false), (NOW, false), (NOW + 59, false), (NOW + 60, true)] {
        assert_eq!(touch_due(&record, at(now), 60), due, "{now}");
    }
    assert!(!touch_due(&record, at(NOW), 0) && touch_due(&base_record(), at(0), 60));
}

#[test]
fn v27_addresses_are_numbers_and_a_missing_one_denies() {
    let fixture = Fixture::new(&keys_support::record_with("ipAllow", json!(["192.0.2.0/24", "2001:db8::/32"])));
    for (address, live) in
        [("192.0.2.9", true), ("::ffff:192.0.2.9", true), ("192.0.3.9", false), ("2001:db8::1", true)]
    {
        assert_eq!(fixture.prove(KEY, NOW, Some(address.parse().unwrap())).is_ok(), live, "{address}");
    }
    assert_eq!(fixture.prove(KEY, NOW, None).unwrap_err(), KeyRefusal::IpNotAllowed);
}

#[test]
fn v28_peppers_are_long_named_and_present() {
    let short = Keyring::new([("p1", &PEPPER[..31])]).unwrap_err();
    assert_eq!(short, KeyringError::TooShort("p1".into()));
    for name in ["", "p 1", "p\u{e9}", &"p".repeat(33)] {
        assert_eq!(Keyring::new([(name, PEPPER)]).unwrap_err(), KeyringError::Name(name.into()));
    }
    assert_eq!(Keyring::new([("p", PEPPER), ("p", PEPPER)]).unwrap_err(), KeyringError::Duplicate("p".into()));

    let fixture = Fixture::new(&base_record());
    for ring in [Keyring::plain(), Keyring::new([("p2", PEPPER)]).unwrap()] {
        assert_eq!(fixture.prove_with(&ring).unwrap_err(), KeyRefusal::KeyringUnavailable);
    }
    let renamed = Keyring::new([("p1", &[9; 32][..])]).unwrap();
    assert_eq!(fixture.prove_with(&renamed).unwrap_err(), KeyRefusal::WrongSecret);
}

#[test]
fn an_old_pepper_holds_and_asks_for_an_upgrade() {
    let fixture = Fixture::new(&base_record());
    let ring = Keyring::new([("p2", &[9; 32][..]), ("p1", PEPPER)]).unwrap();
    let live = fixture.prove_with(&ring).unwrap();
    assert!(live.upgrade() && !fixture.prove(KEY, NOW, None).unwrap().upgrade());
    let parsed = fixture.format.parse(KEY.as_bytes()).unwrap();
    let hash = ring.upgraded(&parsed, live.record()).unwrap();
    assert_eq!(hash.kid.as_deref(), Some("p2"));
    let mut upgraded = KeyRecord::clone(live.record());
    upgraded.hashes = vec![hash];
    assert!(ring.upgraded(&parsed, &upgraded).is_none());
    assert!(!Fixture { record: upgraded, ..fixture }.prove_with(&ring).unwrap().upgrade());
}

#[test]
fn of_several_hashes_the_one_that_can_be_checked_is() {
    let mut record = Fixture::new(&base_record()).record;
    let good = record.hashes[0].clone();
    let mut gone = good.clone();
    gone.kid = Some("p0".into());
    record.hashes = vec![gone, good.clone()];
    let ring = Keyring::new([("p2", &[9; 32][..]), ("p1", PEPPER)]).unwrap();
    let mut fixture = Fixture { record, ..Fixture::new(&base_record()) };
    assert!(fixture.prove_with(&ring).is_ok());
    fixture.record.hashes = vec![good];
    fixture.record.hashes[0].not_after = Some(at(NOW));
    assert_eq!(fixture.prove(KEY, NOW, None).unwrap_err(), KeyRefusal::NoHash);
    assert!(fixture.prove(KEY, NOW - 1, None).is_ok());
}

#[test]
fn v29_the_stored_hash_is_no_key() {
    let fixture = Fixture::new(&base_record());
    let hash = serde_json::to_value(fixture.record.hashes[0].hash).unwrap();
    let hash = hash.as_str().unwrap();
    assert_eq!(format().parse(hash.as_bytes()).unwrap_err(), KeyFault::WrongPrefix);
    let secret = hash.replace(['-', '_'], "0");
    let key = keys_support::with_checksum(&format!("{}{secret}", &KEY[..22]));
    assert_eq!(fixture.prove(&key, NOW, None).unwrap_err(), KeyRefusal::WrongSecret);
}

#[test]
fn v30_an_edited_record_fails() {
    let mut sealed = base_record();
    sealed.sealed = true;
    let fixture = Fixture::new(&sealed);
    assert!(fixture.prove(KEY, NOW, None).is_ok());
    type Edit = fn(&mut KeyRecord);
    let edits: [(&str, Edit); 6] = [
        ("scopes", |record| record.scopes.push("jobs:write".into())),
        ("no scopes", |record| record.scopes.clear()),
        ("owner", |record| record.owner = "company-2".into()),
        ("environment", |record| record.env = "test".into()),
        ("creation", |record| record.created_at = at(1)),
        ("seal", |record| record.sealed = false),
    ];
    for (name, edit) in edits {
        let mut record = fixture.record.clone();
        edit(&mut record);
        let edited = Fixture { record, ..Fixture::new(&sealed) };
        assert_eq!(edited.prove(KEY, NOW, None).unwrap_err(), KeyRefusal::WrongSecret, "{name}");
    }
}

#[test]
fn v30_a_plain_hash_is_no_way_around_the_pepper() {
    let parser = format();
    let parsed = parser.parse(KEY.as_bytes()).unwrap();
    let mut record = base_record();
    record.hashes = vec![Keyring::plain().hash(&parsed, &record)];
    let fixture = Fixture { record: record.clone(), ..Fixture::new(&base_record()) };
    assert_eq!(fixture.prove(KEY, NOW, None).unwrap_err(), KeyRefusal::NoHash);
    let importing = Keyring::new([("p1", PEPPER)]).unwrap().accept_plain_hashes();
    assert!(fixture.prove_with(&importing).unwrap().upgrade());
    assert!(fixture.prove_with(&Keyring::plain()).is_ok());
    record.sealed = true;
    assert_eq!(record.validate().unwrap_err().member, "sealed");
}

#[test]
fn unknown_ids_and_other_environments_are_refused() {
    let fixture = Fixture::new(&base_record());
    let parsed = fixture.format.parse(KEY.as_bytes()).unwrap();
    let prove = |found, accept: &[Box<str>]| LiveKey::prove(&parsed, found, &fixture.ring, accept, at(NOW), None);
    assert_eq!(prove(None, &["live".into()]).unwrap_err(), KeyRefusal::UnknownId);
    let found = || Some(Arc::new(fixture.record.clone()));
    assert_eq!(prove(found(), &["test".into()]).unwrap_err(), KeyRefusal::WrongEnvironment);
    assert_eq!(prove(found(), &[]).unwrap_err(), KeyRefusal::WrongEnvironment);
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(format().parse(&bytes).is_err());
    }

    #[test]
    fn what_is_generated_is_parsed(seed: u64, product in "[a-z][a-z0-9]{1,7}", environment in "[a-z]{2,8}") {
        let format = KeyFormat::new(&product, &["zz", &environment]);
        prop_assume!(format.is_ok());
        let format = format.unwrap();
        let (raw, id) = format.generate(&environment, &entropy(seed)).unwrap();
        let parsed = format.parse(raw.expose().as_bytes()).unwrap();
        prop_assert_eq!(parsed.id(), &id);
        prop_assert_eq!(parsed.environment(), &*environment);
        prop_assert!(raw.expose().starts_with(&format.key_prefix(&environment, &id)));
    }

    #[test]
    fn one_changed_byte_is_refused(seed: u64, place in 0..71_usize, byte: u8) {
        let (raw, _) = format().generate("live", &entropy(seed)).unwrap();
        let mut text = raw.expose().as_bytes().to_vec();
        prop_assume!(text[place] != byte);
        text[place] = byte;
        prop_assert!(format().parse(&text).is_err());
    }
}
