//! The stored hash of a key: HMAC-SHA-256 under a pepper, or plain SHA-256; compared in constant time.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::format::ParsedKey;
use super::record::{KeyHash, KeyRecord};

/// The shortest pepper, in bytes.
pub const MIN_PEPPER_BYTES: usize = 32;
/// What a plain hash covers before the key, with a NUL between.
const DOMAIN: &[u8] = b"apikey/v1\0";
/// The same for a sealed record.
const SEALED_DOMAIN: &[u8] = b"apikey/v1/sealed\0";
/// What a seal covers is padded to a multiple of this, so that it costs the same for every record up to this size.
const SEAL_BLOCK: usize = 256;

/// A 32-byte digest, base64url without padding in JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyDigest(pub(super) [u8; 32]);

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
                write!(f, "pepper {name:?} is too short; expected at least {MIN_PEPPER_BYTES} bytes")
            }
            Self::Name(name) => write!(f, "pepper name {name:?}: expected 1 to 32 letters, digits, '_' or '-'"),
            Self::Duplicate(name) => write!(f, "pepper {name:?} is given twice"),
        }
    }
}

impl core::error::Error for KeyringError {}

/// A pepper: a secret that the key store does not hold. Kept as the HMAC state after its first block.
#[derive(Clone)]
struct Pepper {
    kid: Box<str>,
    mac: Hmac<Sha256>,
}

/// The current pepper and previous ones that records may still name. Without any, records hold plain SHA-256, which is right
/// for 256 random bits as long as the database alone does not let an attacker write records.
#[derive(Clone, Default)]
pub struct Keyring {
    peppers: Vec<Pepper>,
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
            let mac = match Hmac::new_from_slice(secret) {
                Ok(mac) if secret.len() >= MIN_PEPPER_BYTES => mac,
                _ => return Err(KeyringError::TooShort(kid.into())),
            };
            ring.peppers.push(Pepper { kid: kid.into(), mac });
        }
        Ok(ring)
    }

    /// The name of the current pepper.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.peppers.first().map(|pepper| &*pepper.kid)
    }

    fn pepper(&self, kid: &str) -> Option<&Pepper> {
        self.peppers.iter().find(|pepper| *pepper.kid == *kid)
    }

    /// The hash of a key as a new record stores it: under the current pepper, sealed when the record is, or plain SHA-256.
    #[must_use]
    pub fn hash(&self, key: &ParsedKey<'_>, record: &KeyRecord) -> KeyHash {
        match self.peppers.first() {
            None => KeyHash {
                alg: HashAlgorithm::Sha256,
                kid: None,
                hash: KeyDigest(Sha256::digest(key.text()).into()),
                not_after: None,
            },
            Some(pepper) => KeyHash {
                alg: HashAlgorithm::HmacSha256,
                kid: Some(pepper.kid.clone()),
                hash: KeyDigest(peppered(&pepper.mac, key, record)),
                not_after: None,
            },
        }
    }

    /// The hash that should replace the record's, when it is not under the current pepper.
    #[must_use]
    pub fn upgraded(&self, key: &ParsedKey<'_>, record: &KeyRecord) -> Option<KeyHash> {
        let current = self.current()?;
        let stale = record.hashes.first().is_none_or(|hash| hash.kid.as_deref() != Some(current));
        stale.then(|| self.hash(key, record))
    }

    /// Holds a key against one hash entry of a record. One digest is computed, whatever comes of it.
    pub(super) fn check(&self, key: &ParsedKey<'_>, record: &KeyRecord, entry: &KeyHash) -> Match {
        let digest = match entry.alg {
            HashAlgorithm::Sha256 => Sha256::digest(key.text()).into(),
            HashAlgorithm::HmacSha256 => match entry.kid.as_deref().and_then(|kid| self.pepper(kid)) {
                None => return Match::NoPepper,
                Some(pepper) => peppered(&pepper.mac, key, record),
            },
        };
        if digest.ct_eq(&entry.hash.0).into() { Match::Yes } else { Match::No }
    }

    /// Does the work that a wrong secret costs, for an id that does not exist.
    pub(super) fn waste(&self, key: &ParsedKey<'_>) {
        let digest: [u8; 32] = match self.peppers.first() {
            None => {
                top_up();
                Sha256::digest(key.text()).into()
            }
            Some(pepper) => {
                let mut mac = pepper.mac.clone();
                mac.update(SEALED_DOMAIN);
                mac.update(key.text());
                mac.update(&[0]);
                mac.update(&[0; SEAL_BLOCK]);
                mac.finalize().into_bytes().into()
            }
        };
        let _ = core::hint::black_box(digest.ct_eq(&[0; 32]));
    }
}

/// How a digest was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HashAlgorithm {
    /// HMAC-SHA-256 (RFC 2104) under the pepper that `kid` names.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// SHA-256 of the key's text.
    #[serde(rename = "sha256")]
    Sha256,
}

fn peppered(pepper: &Hmac<Sha256>, key: &ParsedKey<'_>, record: &KeyRecord) -> [u8; 32] {
    let mut mac = pepper.clone();
    if record.sealed {
        mac.update(SEALED_DOMAIN);
        mac.update(key.text());
        mac.update(&[0]);
        seal(&mut mac, record);
    } else {
        mac.update(DOMAIN);
        mac.update(key.text());
    }
    mac.finalize().into_bytes().into()
}

/// Feeds what a seal covers: environment, owner, sorted scopes and time of creation, each ended by a NUL, then padding.
fn seal(mac: &mut Hmac<Sha256>, record: &KeyRecord) {
    let mut len = 0_usize;
    let mut feed = |bytes: &[u8]| {
        mac.update(bytes);
        len = len.saturating_add(bytes.len());
    };
    feed(record.env.as_bytes());
    feed(&[0]);
    feed(record.owner.as_bytes());
    feed(&[0]);
    let mut last: Option<&str> = None;
    // The next greater one each time: sorted and without repeats, and nothing is allocated.
    while let Some(next) =
        record.scopes.iter().map(|scope| &**scope).filter(|scope| last.is_none_or(|last| *scope > last)).min()
    {
        if last.is_some() {
            feed(b" ");
        }
        feed(next.as_bytes());
        last = Some(next);
    }
    feed(&[0]);
    let mut digits = [0_u8; 12];
    let mut rest = record.created_at.get().unsigned_abs();
    let mut used = 0_usize;
    for place in digits.iter_mut().rev() {
        *place = b'0'.wrapping_add(u8::try_from(rest % 10).unwrap_or(0));
        rest /= 10;
        used = used.saturating_add(1);
        if rest == 0 {
            break;
        }
    }
    feed(digits.get(digits.len().saturating_sub(used)..).unwrap_or_default());
    let padding = [0_u8; SEAL_BLOCK];
    let over = len % SEAL_BLOCK;
    if over > 0 {
        mac.update(padding.get(over..).unwrap_or_default());
    }
}

/// The compressions that a seal costs beyond a plain hash, for a record that has none: so that all failures cost the same.
pub(super) fn top_up() {
    let mut digest = Sha256::new();
    digest.update([0_u8; SEAL_BLOCK]);
    core::hint::black_box(&digest);
}
