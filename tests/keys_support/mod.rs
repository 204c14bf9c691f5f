//! What the tests of keys share: a fixed key, its record, and random bytes that are the same every time.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::IpAddr;
use std::sync::Arc;

use scopegate::key::format::{ENTROPY_BYTES, KeyFormat};
use scopegate::key::hash::Keyring;
use scopegate::key::record::{KeyRecord, KeyRefusal, LiveKey};
use scopegate::time::UnixSeconds;
use serde_json::{Value, json};

pub const NOW: i64 = 1_780_000_000;
pub const KEY: &str = VECTORS[0].0;
pub const PEPPER: &[u8] = &[
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
    31,
];
/// Keys and their hashes under [`PEPPER`].
pub const VECTORS: [(&str, &str); 3] = [
    (
        "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg",
        "e285f31396a7aea8f921343d8e8f75c3f27fbef878a7c1bbd41fef34059d9b3f",
    ),
    (
        "jbf_test_AbCdEfGhIjKl_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg0onHLo",
        "1c649d50fb44d49fde283de5f0c0d6bd79f9259ab2cb14b5999011eac24b6def",
    ),
    (
        "jbf_live_zzzzzzzzzzzz_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz3v38RW",
        "77888f9403dba0c3c8b39f286ee3b6cce54b8d8157b86d7f41a7e0e2a5bfa5ff",
    ),
];

pub fn format() -> KeyFormat {
    KeyFormat::new("jbf", &["live", "test"]).unwrap()
}

pub fn at(seconds: i64) -> UnixSeconds {
    UnixSeconds::new(seconds).unwrap()
}

/// SplitMix64: the same bytes for the same seed.
pub fn entropy(seed: u64) -> [u8; ENTROPY_BYTES] {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    let mut bytes = [0; ENTROPY_BYTES];
    for chunk in bytes.chunks_exact_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes
}

/// The record of [`KEY`] as JSON, with a hash that does not match.
pub fn base_json() -> Value {
    json!({
        "v": 1, "id": "000000000000", "env": "live", "owner": "company-1", "label": "My Integration", "scopes": ["jobs:read"],
        "hashes": [{ "alg": "hmac-sha256", "kid": "p1", "hash": "A".repeat(43), "notAfter": null }],
        "sealed": false, "createdAt": 1_764_000_000, "expiresAt": null, "revokedAt": null, "graceUntil": null,
        "lastUsedAt": null, "ipAllow": [], "rotatedFrom": null, "version": 7
    })
}

pub fn base_record() -> KeyRecord {
    serde_json::from_value(base_json()).unwrap()
}

pub fn record_with(member: &str, value: Value) -> KeyRecord {
    let mut json = base_json();
    json[member] = value;
    serde_json::from_value(json).unwrap()
}

/// A key from its first 65 characters, by a checksum computed bit by bit.
pub fn with_checksum(covered: &str) -> String {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = u32::MAX;
    for byte in covered.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut rest = !crc;
    let mut sum = [b'0'; 6];
    for place in sum.iter_mut().rev() {
        *place = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    format!("{covered}{}", std::str::from_utf8(&sum).unwrap())
}

/// A record of [`KEY`] with a hash that matches, and what it is proven with.
pub struct Fixture {
    pub format: KeyFormat,
    pub ring: Keyring,
    pub record: KeyRecord,
}

impl Fixture {
    pub fn new(record: &KeyRecord) -> Self {
        let format = format();
        let ring = Keyring::new([("p1", PEPPER)]).unwrap();
        let mut record = record.clone();
        record.hashes = vec![ring.hash(&format.parse(KEY.as_bytes()).unwrap(), &record)];
        Self { format, ring, record }
    }

    pub fn prove(&self, key: &str, now: i64, client_ip: Option<IpAddr>) -> Result<LiveKey, KeyRefusal> {
        self.prove_by(&self.ring, key, now, client_ip)
    }

    pub fn prove_with(&self, ring: &Keyring) -> Result<LiveKey, KeyRefusal> {
        self.prove_by(ring, KEY, NOW, None)
    }

    fn prove_by(&self, ring: &Keyring, key: &str, now: i64, ip: Option<IpAddr>) -> Result<LiveKey, KeyRefusal> {
        let parsed = self.format.parse(key.as_bytes()).unwrap();
        let accept = ["live".into(), "test".into()];
        LiveKey::prove(&parsed, Some(Arc::new(self.record.clone())), ring, &accept, at(now), ip)
    }
}
