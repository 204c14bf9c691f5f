//! The stored record of a key, and the step from a parsed key and its record to a live key.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use super::format::{KeyId, ParsedKey};
pub use super::hash::{HashAlgorithm, KeyDigest};
use super::hash::{Keyring, Match};
use super::ip::IpBlock;
use crate::json::object::object;
use crate::scope::is_scope_name;
use crate::time::UnixSeconds;
use crate::word::is_same_text;

/// The version of the record format.
pub const RECORD_VERSION: u8 = 1;
/// The longest label, in characters.
pub const MAX_LABEL_CHARS: usize = 100;
/// The longest owner, in bytes.
pub const MAX_OWNER_BYTES: usize = 256;
/// The most hashes of one record.
pub const MAX_HASHES: usize = 4;

/// One hash of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyHash {
    /// How it was made.
    pub alg: HashAlgorithm,
    /// The pepper, of a peppered hash.
    pub kid: Option<Box<str>>,
    /// The digest.
    pub hash: KeyDigest,
    /// From when on this hash no longer counts.
    pub not_after: Option<UnixSeconds>,
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        struct Members {
            alg: HashAlgorithm,
            #[serde(default)]
            kid: Option<Box<str>>,
            hash: KeyDigest,
            #[serde(default)]
            not_after: Option<UnixSeconds>,
        }
        let Members { alg, kid, hash, not_after } = object(deserializer)?;
        Ok(Self { alg, kid, hash, not_after })
    }
}

/// The stored record of a key. Times are whole Unix seconds; members that this version does not know are kept and handed back.
///
/// A record that is read is checked: one that holds rubbish is an error, so that an expiry that cannot be read never means "no
/// expiry".
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRecord {
    /// The version of this format: 1.
    pub v: u8,
    /// The public id, unique in the store.
    pub id: KeyId,
    /// The environment.
    pub env: Box<str>,
    /// Whose key it is: 1 to 256 bytes.
    pub owner: Box<str>,
    /// What people call it: 1 to 100 characters.
    pub label: Box<str>,
    /// What it may do. Empty is nothing, never everything.
    pub scopes: Vec<Box<str>>,
    /// Its hashes, 1 to 4.
    pub hashes: Vec<KeyHash>,
    /// Whether the hash also covers environment, owner, scopes and time of creation.
    pub sealed: bool,
    /// When it was issued.
    pub created_at: UnixSeconds,
    /// From when on it is expired; `None` is never.
    pub expires_at: Option<UnixSeconds>,
    /// When it was revoked; it stays revoked.
    pub revoked_at: Option<UnixSeconds>,
    /// After a rotation: from when on it is expired.
    pub grace_until: Option<UnixSeconds>,
    /// When it was last used, to the touch interval.
    pub last_used_at: Option<UnixSeconds>,
    /// Where it may be used from; empty is anywhere.
    pub ip_allow: Vec<IpBlock>,
    /// The key it replaced.
    pub rotated_from: Option<KeyId>,
    /// Counts the changes: a store keeps a record only over an older version.
    pub version: u64,
    /// Members this version does not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl fmt::Debug for KeyRecord {
    /// Without hashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRecord")
            .field("id", &self.id)
            .field("env", &self.env)
            .field("owner", &self.owner)
            .field("label", &self.label)
            .field("scopes", &self.scopes)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// The member.
    pub member: &'static str,
    /// What was expected.
    pub expected: &'static str,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}", self.member, self.expected)
    }
}

impl core::error::Error for RecordError {}

/// What a member of a record must be, in words that never repeat what was found: it may be a secret in the wrong place.
fn wrong<E: de::Error>(member: &'static str, expected: &'static str) -> E {
    E::custom(RecordError { member, expected })
}

/// The name of a member: one of [`MEMBERS`], or one that this version does not know.
enum Name {
    Known(&'static str),
    Other(String),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Name;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a member")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name, E> {
                Ok(MEMBERS
                    .into_iter()
                    .find(|known| *known == text)
                    .map_or_else(|| Name::Other(text.into()), Name::Known))
            }
        }
        deserializer.deserialize_identifier(Text)
    }
}

/// Writes the reader of a record: each member must be there, once.
macro_rules! members {
    ($($field:ident $name:literal: $expected:literal,)*) => {
        /// The members of a record, as JSON names them.
        pub(super) const MEMBERS: [&str; 16] = [$($name),*];

        fn read_members<'de, A: de::MapAccess<'de>>(mut map: A) -> Result<KeyRecord, A::Error> {
            $(let mut $field = None;)*
            let mut extra = BTreeMap::new();
            while let Some(name) = map.next_key::<Name>()? {
                match name {
                    $(Name::Known($name) => {
                        if $field.is_some() {
                            return Err(wrong($name, "the member once"));
                        }
                        $field = Some(map.next_value().map_err(|_| wrong($name, $expected))?);
                    })*
                    Name::Known(_) => {}
                    Name::Other(name) => {
                        if extra.insert(name, map.next_value()?).is_some() {
                            return Err(wrong("a member unknown to version 1", "each member once"));
                        }
                    }
                }
            }
            Ok(KeyRecord { $($field: $field.ok_or_else(|| wrong($name, concat!($expected, "; it is missing")))?,)* extra })
        }
    };
}

members! {
    v "v": "1",
    id "id": "12 base62 characters",
    env "env": "a string",
    owner "owner": "a string",
    label "label": "a string",
    scopes "scopes": "a list of scope names",
    hashes "hashes": "a list of hashes: alg, kid, hash, notAfter",
    sealed "sealed": "true or false",
    created_at "createdAt": "whole Unix seconds",
    expires_at "expiresAt": "whole Unix seconds or null",
    revoked_at "revokedAt": "whole Unix seconds or null",
    grace_until "graceUntil": "whole Unix seconds or null",
    last_used_at "lastUsedAt": "whole Unix seconds or null",
    ip_allow "ipAllow": "a list of addresses and CIDR blocks",
    rotated_from "rotatedFrom": "12 base62 characters or null",
    version "version": "a whole number",
}

impl<'de> Deserialize<'de> for KeyRecord {
    /// Every member must be there, once: a missing `expiresAt`, `revokedAt` or `ipAllow` is an error and never means "none".
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> de::Visitor<'de> for Members {
            type Value = KeyRecord;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key record")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<KeyRecord, A::Error> {
                read_members(map)
            }
            fn visit_str<E: de::Error>(self, _text: &str) -> Result<KeyRecord, E> {
                Err(E::invalid_type(de::Unexpected::Other("a string"), &self))
            }
        }
        // Not `deserialize_map`: on a string that would repeat it in the error.
        let record = deserializer.deserialize_any(Members)?;
        record.validate().map_err(de::Error::custom)?;
        Ok(record)
    }
}

impl KeyRecord {
    /// Holds the record against the rules of its members.
    ///
    /// # Errors
    /// The first [`RecordError`].
    pub fn validate(&self) -> Result<(), RecordError> {
        let rules: [(&'static str, &'static str, bool); 8] = [
            ("v", "1", self.v == RECORD_VERSION),
            ("env", "2 to 8 lower-case letters", is_environment(&self.env)),
            ("owner", "1 to 256 bytes without control characters", is_owner(&self.owner)),
            ("label", "1 to 100 characters without control characters", is_label(&self.label)),
            ("scopes", "scope names", self.scopes.iter().all(|scope| is_scope_name(scope))),
            ("hashes", "1 to 4 hashes", (1..=MAX_HASHES).contains(&self.hashes.len())),
            (
                "hashes",
                "a kid with hmac-sha256 and with nothing else",
                self.hashes.iter().all(|hash| hash.kid.is_some() == (hash.alg == HashAlgorithm::HmacSha256)),
            ),
            (
                "sealed",
                "false with a hash that takes no pepper",
                !self.sealed || self.hashes.iter().all(|hash| hash.alg == HashAlgorithm::HmacSha256),
            ),
        ];
        match rules.iter().find(|(.., holds)| !holds) {
            Some((member, expected, _)) => Err(RecordError { member, expected }),
            None => Ok(()),
        }
    }

    /// Whether the key could be used at `now`: neither revoked nor expired.
    #[must_use]
    pub fn is_active(&self, now: UnixSeconds) -> bool {
        self.revoked_at.is_none() && self.ends_at().is_none_or(|end| now < end)
    }

    /// From when on it is expired: by its expiry or by the end of its grace, whichever comes first.
    #[must_use]
    pub fn ends_at(&self) -> Option<UnixSeconds> {
        match (self.expires_at, self.grace_until) {
            (Some(expiry), Some(grace)) => Some(expiry.min(grace)),
            (expiry, grace) => expiry.or(grace),
        }
    }

    /// Whether this record may replace `stored`: a newer version, and never one that undoes a revocation.
    #[must_use]
    pub fn supersedes(&self, stored: &Self) -> bool {
        self.id == stored.id
            && self.version > stored.version
            && (stored.revoked_at.is_none() || self.revoked_at.is_some())
    }
}

pub(super) fn is_environment(env: &str) -> bool {
    (2..=8).contains(&env.len()) && env.bytes().all(|b| b.is_ascii_lowercase())
}

pub(super) fn is_owner(owner: &str) -> bool {
    (1..=MAX_OWNER_BYTES).contains(&owner.len()) && !owner.chars().any(char::is_control)
}

pub(super) fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_CHARS).contains(&label.chars().count()) && !label.chars().any(char::is_control)
}

/// Why a well-formed key is refused. A stranger hears the first five as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyRefusal {
    /// The store has no such id.
    UnknownId,
    /// The secret is not the one that was hashed, or a sealed record was edited.
    WrongSecret,
    /// The key is of an environment that is not accepted here.
    WrongEnvironment,
    /// The store answered another id, or a record of another environment.
    RecordMismatch,
    /// No hash of the record counts any more.
    NoHash,
    /// The key was revoked; told only after the secret was proven.
    Revoked,
    /// The key has expired, or its grace has ended; told only after the secret was proven.
    Expired,
    /// The client's address is not on the list, or not known; told only after the secret was proven.
    IpNotAllowed,
    /// The record names a pepper that the keyring lacks.
    KeyringUnavailable,
}

impl KeyRefusal {
    /// The stable code, for the audit event.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownId => "unknown_id",
            Self::WrongSecret => "wrong_secret",
            Self::WrongEnvironment => "wrong_environment",
            Self::RecordMismatch => "record_mismatch",
            Self::NoHash => "no_hash",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::IpNotAllowed => "ip_not_allowed",
            Self::KeyringUnavailable => "keyring_unavailable",
        }
    }
}

/// A key whose secret was proven and which may be used now, from here. Made by [`LiveKey::prove`] only.
#[derive(Clone)]
pub struct LiveKey {
    record: Arc<KeyRecord>,
    upgrade: bool,
}

impl fmt::Debug for LiveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveKey").field("id", &self.record.id).finish_non_exhaustive()
    }
}

impl LiveKey {
    /// Proves a parsed key against what the store answered.
    ///
    /// The secret is proven first; only then is anything told that a stranger must not learn. An unknown id, a wrong secret and a
    /// wrong environment do the same number of SHA-256 compressions. A clock that went backwards does no harm: only ends are
    /// compared, never beginnings.
    ///
    /// # Errors
    /// [`KeyRefusal`].
    pub fn prove(
        parsed: &ParsedKey<'_>,
        found: Option<Arc<KeyRecord>>,
        keyring: &Keyring,
        accept: &[Box<str>],
        now: UnixSeconds,
        client_ip: Option<IpAddr>,
    ) -> Result<Self, KeyRefusal> {
        let Some(record) = found else {
            keyring.waste(parsed);
            return Err(KeyRefusal::UnknownId);
        };
        let Some(picked) = keyring.pick(parsed, &record, now) else {
            keyring.waste(parsed);
            return Err(KeyRefusal::NoHash);
        };
        let entry = picked.entry;
        match keyring.check(parsed, &record, &picked) {
            Match::NoPepper => return Err(KeyRefusal::KeyringUnavailable),
            Match::No => {
                keyring.even_out(parsed, &record, entry);
                return Err(KeyRefusal::WrongSecret);
            }
            Match::Yes => {}
        }
        if record.id != *parsed.id() || !is_same_text(record.env.as_bytes(), parsed.environment_bytes()) {
            keyring.even_out(parsed, &record, entry);
            return Err(KeyRefusal::RecordMismatch);
        }
        if !accept.iter().any(|environment| is_same_text(environment.as_bytes(), record.env.as_bytes())) {
            keyring.even_out(parsed, &record, entry);
            return Err(KeyRefusal::WrongEnvironment);
        }
        if record.revoked_at.is_some() {
            return Err(KeyRefusal::Revoked);
        }
        if record.ends_at().is_some_and(|end| now >= end) {
            return Err(KeyRefusal::Expired);
        }
        let placed = record.ip_allow.is_empty()
            || client_ip.is_some_and(|address| record.ip_allow.iter().any(|block| block.contains(address)));
        if !placed {
            return Err(KeyRefusal::IpNotAllowed);
        }
        let upgrade = !picked.is_current;
        Ok(Self { record, upgrade })
    }

    /// The record.
    #[must_use]
    pub fn record(&self) -> &Arc<KeyRecord> {
        &self.record
    }

    /// Whether the hash should be made anew under the current pepper.
    #[must_use]
    pub const fn upgrade(&self) -> bool {
        self.upgrade
    }
}

/// Whether a use at `now` should be stored: forward only, at most once an `interval` of seconds.
#[must_use]
pub fn touch_due(record: &KeyRecord, now: UnixSeconds, interval: i64) -> bool {
    record.last_used_at.is_none_or(|last| now > last && now.since(last) >= interval)
}
