//! Keys that another system issued and whose hashes were imported: which texts may be such a key, the id under which its record is
//! stored, and the record itself.
//!
//! Such a key has no id of ours and no checksum. Its id follows from the hash that the other system stored, so that it can be computed
//! from a row of that system as well as from the key in a request. A record made so is upgraded on first use like any other.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use super::checksum::ALPHABET;
use super::digest;
use super::format::{ID_LEN, KeyId, MAX_KEY_BYTES, ParsedKey};
use super::hash::{HashAlgorithm, KeyDigest};
use super::record::{KeyHash, KeyRecord, RECORD_VERSION, RecordError, is_environment};
use crate::json::Quoted;
use crate::time::UnixSeconds;

/// The fewest characters after the prefix (of a Seam key: after the last `_`). A shorter key could be found from its hash.
pub const MIN_FOREIGN_CHARS: usize = 16;
/// The longest prefix, in bytes.
pub const MAX_FOREIGN_PREFIX: usize = 32;
/// What the id of a foreign key is hashed with, before the stored hash.
const ID_DOMAIN: &[u8] = b"apikey/v1/foreign-id\0";
/// The longest short token of a Seam key.
const MAX_SHORT_TOKEN: usize = 32;

/// A system whose hashes can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ForeignIssuer {
    /// Seam's `prefixed-api-key`: `prefix_short_long`; SHA-256 of the long token, hexadecimal.
    Seam,
    /// Unkey: `prefix_` and base58, or base58 alone; SHA-256 of the whole key, base64.
    Unkey,
    /// better-auth's API key plugin: a prefix and letters; SHA-256 of the whole key, base64url.
    BetterAuth,
    /// keypal: a prefix and letters, digits, `-` and `_`; SHA-256 of the whole key, hexadecimal. Not its SHA-512, nor its salted hashes.
    Keypal,
    /// Anything that stored SHA-256 of the whole key, hexadecimal.
    Sha256,
}

impl ForeignIssuer {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Seam, Self::Unkey, Self::BetterAuth, Self::Keypal, Self::Sha256];

    /// The name in policies and arguments.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seam => "seam",
            Self::Unkey => "unkey",
            Self::BetterAuth => "better-auth",
            Self::Keypal => "keypal",
            Self::Sha256 => "sha256",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|issuer| issuer.name() == name)
    }

    /// The digest of a hash as this system stores it.
    ///
    /// # Errors
    /// What was expected; never what was found.
    pub fn digest(self, stored: &str) -> Result<KeyDigest, RecordError> {
        let mut bytes = [0_u8; 32];
        let (decoded, expected) = match self {
            Self::Seam | Self::Keypal | Self::Sha256 => {
                (from_hex(stored, &mut bytes), "SHA-256 in 64 hexadecimal digits")
            }
            Self::Unkey => (Base64::decode(stored, &mut bytes).ok().map(<[u8]>::len), "SHA-256 in base64 with padding"),
            Self::BetterAuth => (
                Base64UrlUnpadded::decode(stored, &mut bytes).ok().map(<[u8]>::len),
                "SHA-256 in base64url without padding",
            ),
        };
        match decoded {
            Some(32) => Ok(KeyDigest::from_bytes(bytes)),
            _ => Err(RecordError { member: "hash", expected }),
        }
    }

    /// Whether prefix and key are joined by `_`.
    const fn joins(self) -> bool {
        matches!(self, Self::Seam | Self::Unkey)
    }

    /// Whether a key can hold the character, after its prefix.
    fn takes(self, byte: u8) -> bool {
        match self {
            Self::Seam => byte.is_ascii_alphanumeric(),
            Self::Unkey => byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l'),
            Self::BetterAuth => byte.is_ascii_alphabetic(),
            Self::Keypal => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Sha256 => byte.is_ascii_graphic() && byte != b',',
        }
    }

    /// How many characters it makes, unless it was told another number; `None` is any.
    const fn usual_length(self) -> Option<usize> {
        match self {
            Self::BetterAuth => Some(64),
            Self::Keypal => Some(32),
            Self::Seam | Self::Unkey | Self::Sha256 => None,
        }
    }
}

/// Decodes hexadecimal digits; the number of bytes.
fn from_hex(text: &str, into: &mut [u8; 32]) -> Option<usize> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != into.len() {
        return None;
    }
    for (place, pair) in into.iter_mut().zip(pairs) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *place = u8::try_from(high?.checked_mul(16)?.checked_add(low?)?).ok()?;
    }
    Some(into.len())
}

/// What is wrong with a description of foreign keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForeignError {
    /// The prefix is too long, or has a character that none has.
    Prefix(Box<str>),
    /// Nothing tells the keys from other texts.
    Shapeless(ForeignIssuer),
    /// The number of characters is too small or too large.
    Length(usize),
    /// The environment is not `[a-z]{2,8}`.
    Environment(Box<str>),
}

impl fmt::Display for ForeignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(found) => write!(
                f,
                "prefix {}: expected at most {MAX_FOREIGN_PREFIX} letters, digits, '_', '-', '.' or ':'",
                Quoted(found)
            ),
            Self::Shapeless(ForeignIssuer::Sha256) => {
                f.write_str("expected a prefix or a length: without them any text could be such a key")
            }
            Self::Shapeless(issuer) => write!(f, "expected the prefix that {} was told", issuer.name()),
            Self::Length(found) => {
                write!(f, "length {found}: expected {MIN_FOREIGN_CHARS} to {MAX_KEY_BYTES}")
            }
            Self::Environment(found) => write!(f, "environment {}: expected 2 to 8 lower-case letters", Quoted(found)),
        }
    }
}

impl core::error::Error for ForeignError {}

/// The keys of another system that a credential takes besides its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKeys {
    issuer: ForeignIssuer,
    prefix: Box<[u8]>,
    environment: Box<str>,
    length: Option<usize>,
    upgraded_only: bool,
}

impl ForeignKeys {
    /// The keys of a system: their prefix as that system was told it (of Seam and Unkey: without the `_` after it), the environment that
    /// they belong to, and the number of characters after the prefix where that is not the usual one (of a Seam key: of the long token).
    ///
    /// # Errors
    /// [`ForeignError`].
    pub fn new(
        issuer: ForeignIssuer,
        prefix: &str,
        environment: &str,
        length: Option<usize>,
    ) -> Result<Self, ForeignError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        if prefix.len() > MAX_FOREIGN_PREFIX || !prefix.bytes().all(plain) {
            return Err(ForeignError::Prefix(prefix.into()));
        }
        let shapeless = match issuer {
            ForeignIssuer::Seam => prefix.is_empty(),
            ForeignIssuer::Sha256 => prefix.is_empty() && length.is_none(),
            ForeignIssuer::Unkey | ForeignIssuer::BetterAuth | ForeignIssuer::Keypal => false,
        };
        if shapeless {
            return Err(ForeignError::Shapeless(issuer));
        }
        if let Some(length) = length
            && !(MIN_FOREIGN_CHARS..=MAX_KEY_BYTES).contains(&length)
        {
            return Err(ForeignError::Length(length));
        }
        if !is_environment(environment) {
            return Err(ForeignError::Environment(environment.into()));
        }
        let mut start = prefix.as_bytes().to_vec();
        if issuer.joins() && !prefix.is_empty() {
            start.push(b'_');
        }
        let length = length.or(issuer.usual_length());
        Ok(Self { issuer, prefix: start.into(), environment: environment.into(), length, upgraded_only: false })
    }

    /// Whether the hashes that were imported no longer count, but only those made anew under a pepper: for the time after the last key was
    /// upgraded. Until then whoever can write to the store could put in the SHA-256 of a key of their own.
    #[must_use]
    pub const fn upgraded_only(mut self, upgraded_only: bool) -> Self {
        self.upgraded_only = upgraded_only;
        self
    }

    /// The system.
    #[must_use]
    pub const fn issuer(&self) -> ForeignIssuer {
        self.issuer
    }

    /// The environment of the keys.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Whether both are of one prefix and length, and differ at most in what is hashed.
    pub(crate) fn is_alike(&self, other: &Self) -> bool {
        self.prefix == other.prefix && (self.length == other.length || self.length.is_none() || other.length.is_none())
    }

    /// Whether a text has the shape of such a key.
    #[must_use]
    pub fn fits(&self, text: &[u8]) -> bool {
        self.secret_at(text).is_some()
    }

    /// A text as a key, when it has the shape of one. Nothing is proven; there is no checksum, so a text that was made up goes as far as one
    /// question to the store.
    #[must_use]
    pub fn parse<'k>(&'k self, text: &'k [u8]) -> Option<ParsedKey<'k>> {
        let at = self.secret_at(text)?;
        let digest = digest::of_text(text.get(at..)?);
        Some(ParsedKey::foreign(text, at, lookup_id(&digest), self.environment.as_bytes(), !self.upgraded_only))
    }

    /// Where what is hashed begins: a Seam key's long token, the whole key of any other.
    fn secret_at(&self, text: &[u8]) -> Option<usize> {
        if text.len() > MAX_KEY_BYTES {
            return None;
        }
        let body = text.strip_prefix(&*self.prefix)?;
        let (at, counted) = if self.issuer == ForeignIssuer::Seam {
            let end = body.iter().position(|byte| *byte == b'_')?;
            let (short, long) = body.split_at_checked(end)?;
            let long = long.strip_prefix(b"_")?;
            let named = (1..=MAX_SHORT_TOKEN).contains(&short.len()) && short.iter().all(u8::is_ascii_alphanumeric);
            (named.then(|| text.len().checked_sub(long.len()))??, long)
        } else {
            (0, body)
        };
        let long_enough = self.length.map_or(counted.len() >= MIN_FOREIGN_CHARS, |length| counted.len() == length);
        (long_enough && counted.iter().all(|byte| self.issuer.takes(*byte))).then_some(at)
    }
}

/// The id of a record that was imported: 12 base62 characters of SHA-256 of the hash that was stored, most significant first. It tells
/// nothing of that hash.
#[must_use]
pub fn lookup_id(stored: &KeyDigest) -> KeyId {
    let mut hash = Sha256::new();
    hash.update(ID_DOMAIN);
    hash.update(stored.as_bytes());
    digest::work::hashed(ID_DOMAIN.len().saturating_add(32), 0);
    let digest: [u8; 32] = hash.finalize().into();
    let mut rest = digest.first_chunk::<16>().map_or(0, |bytes| u128::from_be_bytes(*bytes));
    let mut id = [b'0'; ID_LEN];
    for place in id.iter_mut().rev() {
        *place = usize::try_from(rest % 62).ok().and_then(|at| ALPHABET.get(at)).copied().unwrap_or(b'0');
        rest /= 62;
    }
    KeyId::of(id)
}

/// A key of another system, as its row tells of it.
#[derive(Clone, Debug)]
pub struct ForeignRow<'a> {
    /// The system.
    pub issuer: ForeignIssuer,
    /// The hash as that system stores it.
    pub hash: &'a str,
    /// The environment: that of the policy's entry for these keys.
    pub environment: &'a str,
    /// Whose key it is.
    pub owner: &'a str,
    /// What people call it.
    pub label: &'a str,
    /// What it may do, at least one scope.
    pub scopes: &'a [&'a str],
    /// When it was issued.
    pub created_at: UnixSeconds,
    /// From when on it is expired; `None` is never.
    pub expires_at: Option<UnixSeconds>,
    /// When it was revoked.
    pub revoked_at: Option<UnixSeconds>,
    /// When it was last used.
    pub last_used_at: Option<UnixSeconds>,
}

impl ForeignRow<'_> {
    /// The record to store. It is not sealed: what seals it is made when the key is first used.
    ///
    /// # Errors
    /// The member that is wrong and what was expected.
    pub fn record(&self) -> Result<KeyRecord, RecordError> {
        let digest = self.issuer.digest(self.hash)?;
        if self.scopes.is_empty() {
            return Err(RecordError { member: "scopes", expected: "at least one scope" });
        }
        let mut scopes: Vec<Box<str>> = self.scopes.iter().map(|scope| Box::from(*scope)).collect();
        scopes.sort_unstable();
        scopes.dedup();
        let record = KeyRecord {
            v: RECORD_VERSION,
            id: lookup_id(&digest),
            env: self.environment.into(),
            owner: self.owner.into(),
            label: self.label.into(),
            scopes,
            hashes: alloc::vec![KeyHash { alg: HashAlgorithm::Sha256, kid: None, hash: digest, not_after: None }],
            sealed: false,
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
            grace_until: None,
            last_used_at: self.last_used_at,
            ip_allow: Vec::new(),
            rotated_from: None,
            version: 1,
            extra: BTreeMap::new(),
        };
        record.validate()?;
        Ok(record)
    }
}
