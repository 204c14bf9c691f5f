//! The digests of a key, fed piece by piece: nothing is allocated, and every refusal costs the same number of compressions.

use sha2::{Digest, Sha256};

use super::format::ParsedKey;
use super::hash::KeyDigest;
use super::mac::{self, BLOCK, Feed, MacKey};
use super::record::KeyRecord;

/// What a plain hash covers before the key, with a NUL between.
const DOMAIN: &[u8] = b"apikey/v1\0";
/// The same for a sealed record.
const SEALED_DOMAIN: &[u8] = b"apikey/v1/sealed\0";
/// What a seal covers is padded to a multiple of this, so that it costs the same for every record up to this size.
const SEAL_BLOCK: usize = 256;
const ZEROS: [u8; SEAL_BLOCK] = [0; SEAL_BLOCK];

fn finish(feed: Feed<'_>) -> [u8; 32] {
    work::hashed(feed.len(), 1);
    feed.finish()
}

/// HMAC-SHA-256 of a key under a pepper; of a sealed record it also covers what the record says of the key.
pub(super) fn peppered(pepper: &MacKey, key: &ParsedKey<'_>, record: &KeyRecord) -> [u8; 32] {
    if !record.sealed
        && let Some(digest) = mac::short(pepper, DOMAIN, key.text())
    {
        work::hashed(DOMAIN.len().saturating_add(key.text().len()), 1);
        return digest;
    }
    let mut feed = Feed::new(pepper);
    if record.sealed {
        feed.put(SEALED_DOMAIN);
        feed.put(key.text());
        feed.put(&[0]);
        seal(&mut feed, record);
    } else {
        feed.put(DOMAIN);
        feed.put(key.text());
    }
    finish(feed)
}

/// SHA-256 of a key's text, or of the part of it that another system hashed.
pub(super) fn plain(key: &ParsedKey<'_>) -> [u8; 32] {
    *of_text(key.hashed()).as_bytes()
}

/// SHA-256 of a text.
pub(super) fn of_text(text: &[u8]) -> KeyDigest {
    work::hashed(text.len(), 0);
    KeyDigest::from_bytes(mac::short_hash(text).unwrap_or_else(|| Sha256::digest(text).into()))
}

/// Compressions of SHA-256 over a message of `len` bytes (FIPS 180-4 section 5.1.1).
const fn blocks(len: usize) -> usize {
    len.saturating_add(9).div_ceil(BLOCK)
}

/// The compressions of [`plain`].
pub(super) fn plain_cost(key: &ParsedKey<'_>) -> usize {
    blocks(key.hashed().len())
}

/// The compressions of [`peppered`], as far as a seal is not longer than usual.
pub(super) const fn peppered_cost(key: &ParsedKey<'_>, sealed: bool) -> usize {
    let before = if sealed { SEALED_DOMAIN.len().saturating_add(1 + SEAL_BLOCK) } else { DOMAIN.len() };
    blocks(before.saturating_add(key.text().len())).saturating_add(1)
}

/// Feeds what a seal covers: environment, owner, sorted scopes joined by a space, and the time of creation in decimal, with
/// NULs between, then NULs up to a multiple of [`SEAL_BLOCK`]. None of the parts holds a NUL, so no two records feed the same.
fn seal(feed: &mut Feed<'_>, record: &KeyRecord) {
    let start = feed.len();
    feed.put(record.env.as_bytes());
    feed.put(&[0]);
    feed.put(record.owner.as_bytes());
    feed.put(&[0]);
    put_scopes(feed, record);
    feed.put(&[0]);
    put_decimal(feed, record.created_at.get().unsigned_abs());
    let over = feed.len().saturating_sub(start) % SEAL_BLOCK;
    if over > 0 {
        feed.put(ZEROS.get(over..).unwrap_or_default());
    }
}

/// The scopes in order of their bytes, without repeats. Issued records hold them so; others are put in order without a copy.
fn put_scopes(feed: &mut Feed<'_>, record: &KeyRecord) {
    let scopes = || record.scopes.iter().map(|scope| &**scope);
    let mut separator: &[u8] = &[];
    let mut put = |scope: &str| {
        feed.put(separator);
        feed.put(scope.as_bytes());
        separator = b" ";
    };
    if scopes().is_sorted_by(|one, next| one < next) {
        scopes().for_each(put);
        return;
    }
    let mut last: Option<&str> = None;
    while let Some(next) = scopes().filter(|scope| last.is_none_or(|last| *scope > last)).min() {
        put(next);
        last = Some(next);
    }
}

fn put_decimal(feed: &mut Feed<'_>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut rest = number;
    let mut used = 0_usize;
    for place in digits.iter_mut().rev() {
        *place = b'0'.wrapping_add(u8::try_from(rest % 10).unwrap_or(0));
        rest /= 10;
        used = used.saturating_add(1);
        if rest == 0 {
            break;
        }
    }
    feed.put(digits.get(digits.len().saturating_sub(used)..).unwrap_or_default());
}

/// The digest of a sealed record that does not exist.
pub(super) fn dummy(pepper: &MacKey, key: &ParsedKey<'_>) -> [u8; 32] {
    let mut feed = Feed::new(pepper);
    feed.put(SEALED_DOMAIN);
    feed.put(key.text());
    feed.put(&[0]);
    feed.put(&ZEROS);
    finish(feed)
}

/// The compressions that a seal costs beyond a plain hash, for a record that has none.
pub(super) const SEAL_COST: usize = SEAL_BLOCK / BLOCK;

/// Does a number of compressions.
pub(super) fn burn(mut compressions: usize) {
    work::compressed(compressions);
    let mut digest = Sha256::new();
    while compressions > 0 {
        let now = compressions.min(SEAL_COST);
        // Whole blocks only: they are compressed as they come.
        digest.update(ZEROS.get(..now.saturating_mul(BLOCK)).unwrap_or_default());
        compressions = compressions.saturating_sub(now);
    }
    core::hint::black_box(&digest);
}

/// Counts compressions in unit tests, and nothing elsewhere.
pub(super) mod work {
    #[cfg(test)]
    extern crate std;

    #[cfg(test)]
    std::thread_local! {
        static COMPRESSIONS: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
    }

    /// A message of `len` bytes and `outer` compressions after it.
    #[inline]
    pub(in super::super) fn hashed(len: usize, outer: usize) {
        compressed(super::blocks(len).saturating_add(outer));
    }

    #[inline]
    pub(super) fn compressed(count: usize) {
        #[cfg(test)]
        COMPRESSIONS.with(|sum| sum.set(sum.get().saturating_add(count)));
        #[cfg(not(test))]
        let _ = count;
    }

    /// The compressions since the last call.
    #[cfg(test)]
    pub(in super::super) fn take() -> usize {
        COMPRESSIONS.with(|sum| sum.replace(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::foreign::{ForeignIssuer, ForeignKeys};
    use crate::key::format::KeyFormat;
    use crate::key::hash::{HashAlgorithm, Keyring};
    use crate::key::record::{KeyHash, KeyRefusal, LiveKey};
    use crate::time::UnixSeconds;
    use alloc::boxed::Box;
    use alloc::string::String;
    use alloc::sync::Arc;

    const KEY: &str = "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";
    const OTHER: &str = "jbf_live_zzzzzzzzzzzz_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz3v38RW";
    const TEST: &str = "jbf_test_AbCdEfGhIjKl_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg0onHLo";

    fn record(key: &ParsedKey<'_>, sealed: bool, keyring: &Keyring) -> KeyRecord {
        let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let text = alloc::format!(
            r#"{{"v":1,"id":"{}","env":"{}","owner":"company-1","label":"l","scopes":["b","a","b"],"sealed":{sealed},
            "hashes":[{{"alg":"hmac-sha256","kid":"p1","hash":"{hash}"}}],"createdAt":1764000000,"expiresAt":null,
            "revokedAt":null,"graceUntil":null,"lastUsedAt":null,"ipAllow":[],"rotatedFrom":null,"version":1}}"#,
            key.id(),
            key.environment()
        );
        let mut record: KeyRecord = serde_json::from_str(&text).unwrap();
        record.hashes = alloc::vec![keyring.hash(key, &record)];
        record
    }

    #[test]
    fn v02_unknown_id_wrong_secret_and_wrong_environment_cost_the_same() {
        let pepper: &[u8] = &[7; 32];
        let keyring = Keyring::new([("p1", pepper)]).unwrap();
        let older = Keyring::new([("p2", &[8; 32][..]), ("p1", pepper)]).unwrap();
        let both = keyring.clone().accept_plain_hashes();
        let plain = Keyring::plain();
        let format = KeyFormat::new("jbf", &["live", "test"]).unwrap();
        let key = |text: &'static str| format.parse(text.as_bytes()).unwrap();
        let accept: [Box<str>; 1] = ["live".into()];
        for (maker, ring, sealed, name) in [
            (&keyring, &keyring, false, "peppered"),
            (&keyring, &keyring, true, "sealed"),
            (&keyring, &older, true, "under an older pepper"),
            (&plain, &plain, false, "plain"),
            (&plain, &both, false, "plain beside a pepper"),
        ] {
            let mut costs = [0_usize; 3];
            let mut wrong = record(&key(OTHER), sealed, maker);
            wrong.id = *key(KEY).id();
            let cases = [
                (KEY, None, KeyRefusal::UnknownId),
                (KEY, Some(wrong), KeyRefusal::WrongSecret),
                (TEST, Some(record(&key(TEST), sealed, maker)), KeyRefusal::WrongEnvironment),
            ];
            for (cost, (text, found, expected)) in costs.iter_mut().zip(cases) {
                work::take();
                let found = found.map(Arc::new);
                let refusal = LiveKey::prove(&key(text), found, ring, &accept, UnixSeconds::EPOCH, None).unwrap_err();
                *cost = work::take();
                assert_eq!(refusal, expected, "{name}");
            }
            assert!(costs[0] > 0 && costs.iter().all(|cost| *cost == costs[0]), "{name}: {costs:?}");
        }
    }

    #[test]
    fn v02_keys_of_other_systems_cost_the_same_too() {
        let ring = Keyring::new([("p1", &[7; 32][..])]).unwrap();
        let (seam, any) = (ForeignIssuer::Seam, ForeignIssuer::Sha256);
        let accept: [Box<str>; 1] = ["live".into()];
        // Every length up to the longest, so that each edge of a block is among them.
        for (issuer, rest) in (16..=112).flat_map(|len| [(seam, len), (any, len)]) {
            let text = alloc::format!("acme_{}{}", if issuer == seam { "s_" } else { "" }, "x".repeat(rest));
            for ring in [&ring, &Keyring::plain()] {
                let keys = ForeignKeys::new(issuer, if issuer == seam { "acme" } else { "acme_" }, "live", None);
                let keys = keys.unwrap();
                let parsed = keys.parse(text.as_bytes()).unwrap();
                let with = |env: &str, sealed: bool, hash: KeyHash| {
                    let mut found = record(&parsed, false, ring);
                    (found.env, found.sealed, found.hashes) = (env.into(), sealed, alloc::vec![hash]);
                    Some(Arc::new(found))
                };
                let wrong = KeyHash {
                    alg: HashAlgorithm::Sha256,
                    kid: None,
                    hash: KeyDigest::from_bytes([0; 32]),
                    not_after: None,
                };
                let right = KeyHash { hash: KeyDigest::from_bytes(plain(&parsed)), ..wrong.clone() };
                let renewed = ring.hash(&parsed, &record(&parsed, false, ring));
                let mut costs =
                    [None, with("live", false, wrong), with("test", false, right), with("test", false, renewed)].map(
                        |found| {
                            work::take();
                            LiveKey::prove(&parsed, found, ring, &accept, UnixSeconds::EPOCH, None).unwrap_err();
                            work::take()
                        },
                    );
                costs.sort_unstable();
                assert!(costs[0] > 0 && costs[0] == costs[3], "{issuer:?} {rest}: {costs:?}");
            }
        }
    }

    #[test]
    fn v30_a_seal_covers_the_sorted_scopes_once() {
        let keyring = Keyring::new([("p1", &[7; 32][..])]).unwrap();
        let format = KeyFormat::new("jbf", &["live"]).unwrap();
        let key = format.parse(KEY.as_bytes()).unwrap();
        let mut one = record(&key, true, &keyring);
        let digest = |record: &KeyRecord| keyring.hash(&key, record).hash;
        let sealed = digest(&one);
        one.scopes = alloc::vec!["a".into(), "b".into()];
        assert_eq!(digest(&one), sealed);
        for scopes in [&["a"][..], &["a", "bb"], &["ab"], &["a", "b", "c"], &[]] {
            one.scopes = scopes.iter().map(|scope| Box::from(*scope)).collect();
            assert_ne!(digest(&one), sealed, "{scopes:?}");
        }
    }

    #[test]
    fn v30_the_padding_of_a_seal_ends_where_it_must() {
        let keyring = Keyring::new([("p1", &[7; 32][..])]).unwrap();
        let format = KeyFormat::new("jbf", &["live"]).unwrap();
        let key = format.parse(KEY.as_bytes()).unwrap();
        let mut one = record(&key, true, &keyring);
        let mut seen = alloc::vec::Vec::new();
        for len in 1..=256_usize {
            one.owner = String::from_utf8(alloc::vec![b'o'; len]).unwrap().into();
            work::take();
            let digest = keyring.hash(&key, &one).hash;
            // env, NUL, owner, NUL, "a b", NUL, ten digits
            let blocks = (4 + 1 + len + 1 + 3 + 1 + 10).div_ceil(SEAL_BLOCK);
            assert_eq!(work::take(), 3 + 4 * blocks, "{len}");
            assert!(!seen.contains(&digest));
            seen.push(digest);
        }
    }
}
