//! The stored hash of a key: HMAC-SHA-256 under a pepper, or plain SHA-256; compared in constant time.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::{fmt, ptr};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use subtle::ConstantTimeEq;

use super::digest;
use super::format::ParsedKey;
use super::mac::MacKey;
use super::record::{KeyHash, KeyRecord};
use crate::json::Quoted;
use crate::time::UnixSeconds;
use crate::word::is_same_text;

/// The shortest pepper, in bytes.
pub const MIN_PEPPER_BYTES: usize = 32;
/// A 32-byte digest, base64url without padding in JSON.
#[derive(Clone, Copy)]
pub struct KeyDigest(pub(super) [u8; 32]);

impl PartialEq for KeyDigest {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        is_same(&self.0, &other.0)
    }
}

impl Eq for KeyDigest {}

impl KeyDigest {
    /// A digest from its bytes, as another system stored them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(redacted)")
    }
}

impl Serialize for KeyDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0_u8; 43];
        let text = Base64UrlUnpadded::encode(&self.0, &mut text).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(text)
    }
}

impl<'de> Deserialize<'de> for KeyDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = KeyDigest;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("32 bytes in base64url without padding")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<KeyDigest, E> {
                let mut bytes = [0_u8; 32];
                match Base64UrlUnpadded::decode(text, &mut bytes) {
                    Ok(decoded) if decoded.len() == 32 => Ok(KeyDigest(bytes)),
                    // The text is not repeated: it may be a secret in the wrong place.
                    _ => Err(E::custom("expected 32 bytes in base64url without padding")),
                }
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Why a keyring cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringError {
    /// The pepper is shorter than [`MIN_PEPPER_BYTES`].
    TooShort(Box<str>),
    /// The name is not `[A-Za-z0-9_-]{1,32}`.
    Name(Box<str>),
    /// The name is used twice.
    Duplicate(Box<str>),
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort(name) => {
                write!(f, "pepper {name} is too short; expected at least {MIN_PEPPER_BYTES} bytes", name = Quoted(name))
            }
            Self::Name(name) => {
                write!(f, "pepper name {name}: expected 1 to 32 letters, digits, '_' or '-'", name = Quoted(name))
            }
            Self::Duplicate(name) => write!(f, "pepper {name} is given twice", name = Quoted(name)),
        }
    }
}

impl core::error::Error for KeyringError {}

/// A pepper: a secret that the key store does not hold. Kept as the HMAC state after its first block.
#[derive(Clone)]
struct Pepper {
    kid: Box<str>,
    mac: MacKey,
}

/// The current pepper and previous ones that records may still name. Without any, records hold plain SHA-256, which is right
/// for 256 random bits as long as the database alone does not let an attacker write records.
#[derive(Clone, Default)]
pub struct Keyring {
    peppers: Vec<Pepper>,
    plain_too: bool,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.peppers.iter().map(|pepper| &pepper.kid)).finish()
    }
}

/// What a hash entry came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    /// The keyring lacks the pepper that the entry names.
    NoPepper,
}

/// A hash entry, and what it is checked with.
pub(super) struct Picked<'k> {
    pub(super) entry: &'k KeyHash,
    by: By<'k>,
    /// Whether that is what new hashes are made with.
    pub(super) is_current: bool,
}

enum By<'k> {
    Nothing,
    Pepper(&'k Pepper),
    Missing,
}

impl Keyring {
    /// A keyring without peppers: plain SHA-256.
    #[must_use]
    pub fn plain() -> Self {
        Self::default()
    }

    /// A keyring from names and secrets, the current one first.
    ///
    /// # Errors
    /// [`KeyringError`] for a short pepper, a bad name or one used twice.
    pub fn new<'p>(peppers: impl IntoIterator<Item = (&'p str, &'p [u8])>) -> Result<Self, KeyringError> {
        let mut ring = Self::default();
        for (kid, secret) in peppers {
            let named = (1..=32).contains(&kid.len())
                && kid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            if !named {
                return Err(KeyringError::Name(kid.into()));
            }
            if ring.pepper(kid).is_some() {
                return Err(KeyringError::Duplicate(kid.into()));
            }
            if secret.len() < MIN_PEPPER_BYTES {
                return Err(KeyringError::TooShort(kid.into()));
            }
            ring.peppers.push(Pepper { kid: kid.into(), mac: MacKey::new(secret) });
        }
        Ok(ring)
    }

    /// Takes SHA-256 hashes beside peppered ones, to be upgraded on first use: for the time after keys were imported or a
    /// first pepper was added. Leave it off otherwise: whoever can write to the store could then put in the SHA-256 of a key
    /// of their own, which needs no pepper.
    #[must_use]
    pub fn accept_plain_hashes(mut self) -> Self {
        self.plain_too = true;
        self
    }

    /// Whether hashes made this way count.
    pub(super) fn takes(&self, alg: HashAlgorithm) -> bool {
        match alg {
            HashAlgorithm::HmacSha256 => true,
            HashAlgorithm::Sha256 => self.plain_too || self.peppers.is_empty(),
        }
    }

    /// The name of the current pepper.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.peppers.first().map(|pepper| &*pepper.kid)
    }

    fn pepper(&self, kid: &str) -> Option<&Pepper> {
        self.peppers.iter().find(|pepper| is_same_text(pepper.kid.as_bytes(), kid.as_bytes()))
    }

    /// The hash of a key as a new record stores it: under the current pepper, sealed when the record is, or plain SHA-256.
    #[must_use]
    pub fn hash(&self, key: &ParsedKey<'_>, record: &KeyRecord) -> KeyHash {
        match self.peppers.first() {
            None => {
                KeyHash { alg: HashAlgorithm::Sha256, kid: None, hash: KeyDigest(digest::plain(key)), not_after: None }
            }
            Some(pepper) => KeyHash {
                alg: HashAlgorithm::HmacSha256,
                kid: Some(pepper.kid.clone()),
                hash: KeyDigest(digest::peppered(&pepper.mac, key, record)),
                not_after: None,
            },
        }
    }

    /// The hash that should replace the record's, when none of them stays under the current pepper.
    #[must_use]
    pub fn upgraded(&self, key: &ParsedKey<'_>, record: &KeyRecord) -> Option<KeyHash> {
        let current = self.current()?;
        let stays = |hash: &KeyHash| hash.kid.as_deref() == Some(current) && hash.not_after.is_none();
        (!record.hashes.iter().any(stays)).then(|| self.hash(key, record))
    }

    /// The hash to hold a key against, so that a check is one digest: under the current pepper if there is one, else the first that
    /// this keyring can check, else the first that still counts (which then says that its pepper is missing).
    pub(super) fn pick<'k>(
        &'k self,
        key: &ParsedKey<'_>,
        record: &'k KeyRecord,
        now: UnixSeconds,
    ) -> Option<Picked<'k>> {
        let counts =
            |hash: &&KeyHash| hash.not_after.is_none_or(|end| now < end) && (self.takes(hash.alg) || key.takes_plain());
        let entries = || record.hashes.iter().filter(counts);
        let current = self.peppers.first();
        let picked = |entry: &'k KeyHash| match entry.alg {
            HashAlgorithm::Sha256 => Some(Picked { entry, by: By::Nothing, is_current: current.is_none() }),
            HashAlgorithm::HmacSha256 => {
                let pepper = self.pepper(entry.kid.as_deref()?)?;
                Some(Picked {
                    entry,
                    by: By::Pepper(pepper),
                    is_current: current.is_some_and(|one| ptr::eq(one, pepper)),
                })
            }
        };
        let known = || entries().filter_map(picked);
        known()
            .find(|picked| picked.is_current)
            .or_else(|| known().next())
            .or_else(|| entries().next().map(|entry| Picked { entry, by: By::Missing, is_current: false }))
    }

    /// Holds a key against the picked hash of a record. One digest is computed, whatever comes of it.
    pub(super) fn check(&self, key: &ParsedKey<'_>, record: &KeyRecord, picked: &Picked<'_>) -> Match {
        let digest = match picked.by {
            By::Nothing => digest::plain(key),
            By::Pepper(pepper) => digest::peppered(&pepper.mac, key, record),
            By::Missing => return Match::NoPepper,
        };
        if is_same(&digest, &picked.entry.hash.0) { Match::Yes } else { Match::No }
    }

    /// Does the work that a wrong secret costs, for an id that does not exist.
    pub(super) fn waste(&self, key: &ParsedKey<'_>) {
        let digest = match self.peppers.first() {
            None => {
                digest::burn(digest::SEAL_COST);
                digest::plain(key)
            }
            Some(pepper) => digest::dummy(&pepper.mac, key),
        };
        let _ = core::hint::black_box(is_same(&digest, &[0; 32]));
    }

    /// After a refused check: does what it cost less than [`Keyring::waste`].
    pub(super) fn even_out(&self, key: &ParsedKey<'_>, record: &KeyRecord, entry: &KeyHash) {
        let wasted = if self.peppers.is_empty() {
            digest::plain_cost(key).saturating_add(digest::SEAL_COST)
        } else {
            digest::peppered_cost(key, true)
        };
        let spent = match entry.alg {
            HashAlgorithm::Sha256 => digest::plain_cost(key),
            HashAlgorithm::HmacSha256 => digest::peppered_cost(key, record.sealed),
        };
        digest::burn(wasted.saturating_sub(spent));
    }
}

/// Whether two digests are the same, in constant time. Word by word: `subtle` guards each comparison against the optimiser,
/// which costs more than the comparison.
fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let (one, other) = (words_of(one), words_of(other));
    let differing = (one.0 ^ other.0) | (one.1 ^ other.1) | (one.2 ^ other.2) | (one.3 ^ other.3);
    differing.ct_eq(&0).into()
}

const fn words_of(digest: &[u8; 32]) -> (u64, u64, u64, u64) {
    match digest.as_chunks::<8>().0 {
        [a, b, c, d] => {
            (u64::from_ne_bytes(*a), u64::from_ne_bytes(*b), u64::from_ne_bytes(*c), u64::from_ne_bytes(*d))
        }
        _ => (0, 0, 0, 0),
    }
}

/// How a digest was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HashAlgorithm {
    /// HMAC-SHA-256 (RFC 2104) under the pepper that `kid` names.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// SHA-256 of the key's text; of a key that Seam's library made, of its long token.
    #[serde(rename = "sha256")]
    Sha256,
}

impl HashAlgorithm {
    /// The name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::Sha256 => "sha256",
        }
    }
}
