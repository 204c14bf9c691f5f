//! The life of a key: issue, rotate, revoke, relabel, as pure functions. Time and entropy are arguments; storing is the caller's.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

use super::format::{ENTROPY_BYTES, GenerateError, KeyFormat, RawKey};
use super::hash::Keyring;
use super::ip::IpBlock;
use super::record::{KeyRecord, MEMBERS, RECORD_VERSION, is_label, is_owner};
use crate::json::Quoted;
use crate::time::UnixSeconds;

/// What somebody asks for when a key is issued.
#[derive(Clone, Debug, Default)]
pub struct IssueRequest<'a> {
    /// What people call the key.
    pub label: &'a str,
    /// What it may do, at least one scope.
    pub scopes: &'a [&'a str],
    /// The environment, one of the format's.
    pub environment: &'a str,
    /// Whose key it is. It comes from the session, never from the request's body.
    pub owner: &'a str,
    /// From when on it is expired; `None` is never, where the rules allow it.
    pub expires_at: Option<UnixSeconds>,
    /// Where it may be used from; empty is anywhere.
    pub ip_allow: &'a [IpBlock],
}

/// What the issuer allows.
#[derive(Clone, Copy, Debug, Default)]
pub struct IssueRules<'a> {
    /// The scopes that exist.
    pub declared: &'a [&'a str],
    /// The scopes that the creator may hand on; `None` is every declared one.
    pub ceiling: Option<&'a [&'a str]>,
    /// Whether every key must expire.
    pub expiry_required: bool,
    /// The longest life in seconds; `None` is any.
    pub max_lifetime: Option<i64>,
}

/// A key as issued: the record to store and the key to show, once. It does not serialise, and prints without the key.
#[derive(Debug)]
pub struct Issued {
    /// The record: store it before the key is shown.
    pub record: KeyRecord,
    /// The key.
    pub raw_key: RawKey,
}

/// A key as rotated: the old record as changed, and the new key.
#[derive(Debug)]
pub struct Rotated {
    /// The old record, with its grace: store it by compare-and-swap.
    pub old: KeyRecord,
    /// The new key.
    pub new: Issued,
}

/// Why an operation on a key is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifecycleError {
    /// The label is not 1 to 100 characters without control characters.
    Label,
    /// The owner is not 1 to 256 bytes without control characters.
    Owner,
    /// No scope is named: a key without scopes could do nothing.
    ScopesEmpty,
    /// The scope is not declared.
    ScopeUnknown(String),
    /// The creator does not have the scope.
    ScopeNotHeld(String),
    /// The environment is not one of the format's.
    Environment(String),
    /// The rules require an expiry.
    ExpiryRequired,
    /// The expiry is not in the future.
    ExpiryPast,
    /// The expiry is later than the rules allow; the last allowed instant.
    ExpiryTooFar(UnixSeconds),
    /// A key that is revoked or expired cannot be rotated.
    NotActive,
    /// The overlap is negative.
    Overlap,
    /// The entropy is not random: a buffer that was never filled, or a short pattern.
    Entropy,
    /// The record's version cannot grow any more.
    Version,
    /// The member of a key cannot change after it was issued.
    Immutable(&'static str),
    /// A change names a member that a key does not have.
    UnknownMember,
}

impl LifecycleError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Label => "label_invalid",
            Self::Owner => "owner_invalid",
            Self::ScopesEmpty => "scopes_empty",
            Self::ScopeUnknown(_) => "scope_unknown",
            Self::ScopeNotHeld(_) => "scope_not_held",
            Self::Environment(_) => "environment_unknown",
            Self::ExpiryRequired => "expiry_required",
            Self::ExpiryPast => "expiry_past",
            Self::ExpiryTooFar(_) => "expiry_too_far",
            Self::NotActive => "key_not_active",
            Self::Overlap => "overlap_invalid",
            Self::Entropy => "entropy",
            Self::Version => "version",
            Self::Immutable(_) => "immutable",
            Self::UnknownMember => "unknown_member",
        }
    }

    /// The field of the request that is wrong, when one is.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Label => Some("label"),
            Self::Owner => Some("owner"),
            Self::ScopesEmpty | Self::ScopeUnknown(_) | Self::ScopeNotHeld(_) => Some("scopes"),
            Self::Environment(_) => Some("environment"),
            Self::ExpiryRequired | Self::ExpiryPast | Self::ExpiryTooFar(_) => Some("expiresAt"),
            Self::Overlap => Some("overlapSeconds"),
            Self::Immutable(member) => Some(member),
            Self::NotActive | Self::Entropy | Self::Version | Self::UnknownMember => None,
        }
    }
}

impl fmt::Display for LifecycleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label => f.write_str("label: expected 1 to 100 characters without control characters"),
            Self::Owner => f.write_str("owner: expected 1 to 256 bytes without control characters"),
            Self::ScopesEmpty => f.write_str("scopes: expected at least one; a key without scopes could do nothing"),
            Self::ScopeUnknown(scope) => write!(f, "scopes: {scope} is not declared", scope = Quoted(scope)),
            Self::ScopeNotHeld(scope) => {
                write!(f, "scopes: {scope} is more than the creator may hand on", scope = Quoted(scope))
            }
            Self::Environment(name) => {
                write!(f, "environment: {name} is not one of the product's", name = Quoted(name))
            }
            Self::ExpiryRequired => f.write_str("expiresAt: every key must expire here"),
            Self::ExpiryPast => f.write_str("expiresAt: expected an instant in the future"),
            Self::ExpiryTooFar(last) => {
                write!(f, "expiresAt: too far in the future; the last allowed instant is {last} (Unix seconds)")
            }
            Self::NotActive => f.write_str("the key is revoked or expired"),
            Self::Overlap => f.write_str("overlapSeconds: expected zero or more"),
            Self::Entropy => f.write_str("the entropy is not random; draw afresh from the system's random source"),
            Self::Version => f.write_str("the record has changed too often"),
            Self::Immutable(member) => {
                write!(
                    f,
                    "{member}: cannot change once the key is issued; only its label can. Issue another key instead"
                )
            }
            Self::UnknownMember => f.write_str("a member that a key does not have; only its label can change"),
        }
    }
}

impl core::error::Error for LifecycleError {}

/// Issues a key.
///
/// # Errors
/// [`LifecycleError`] that names the field.
pub fn issue(
    request: &IssueRequest<'_>,
    rules: &IssueRules<'_>,
    format: &KeyFormat,
    keyring: &Keyring,
    entropy: &[u8; ENTROPY_BYTES],
    now: UnixSeconds,
) -> Result<Issued, LifecycleError> {
    if !is_label(request.label) {
        return Err(LifecycleError::Label);
    }
    if !is_owner(request.owner) {
        return Err(LifecycleError::Owner);
    }
    if !format.environments().iter().any(|environment| **environment == *request.environment) {
        return Err(LifecycleError::Environment(request.environment.to_owned()));
    }
    let scopes = check_scopes(request.scopes, rules)?;
    check_expiry(request.expires_at, rules, now)?;
    let record = KeyRecord {
        v: RECORD_VERSION,
        // Replaced by the generated one.
        id: super::format::KeyId::parse("000000000000").ok_or(LifecycleError::Entropy)?,
        env: request.environment.into(),
        owner: request.owner.into(),
        label: request.label.into(),
        scopes,
        hashes: Vec::new(),
        sealed: keyring.current().is_some(),
        created_at: now,
        expires_at: request.expires_at,
        revoked_at: None,
        grace_until: None,
        last_used_at: None,
        ip_allow: request.ip_allow.to_vec(),
        rotated_from: None,
        version: 1,
        extra: BTreeMap::new(),
    };
    with_key(record, format, keyring, entropy)
}

/// Gives a record a fresh key.
fn with_key(
    mut record: KeyRecord,
    format: &KeyFormat,
    keyring: &Keyring,
    entropy: &[u8; ENTROPY_BYTES],
) -> Result<Issued, LifecycleError> {
    let (raw_key, id) = format.generate(&record.env, entropy).map_err(|error| match error {
        GenerateError::UnknownEnvironment => LifecycleError::Environment((*record.env).to_owned()),
        GenerateError::BadEntropy => LifecycleError::Entropy,
    })?;
    record.id = id;
    let parsed = format.parse(raw_key.expose().as_bytes()).map_err(|_| LifecycleError::Entropy)?;
    record.hashes = alloc::vec![keyring.hash(&parsed, &record)];
    Ok(Issued { record, raw_key })
}

fn check_scopes(wanted: &[&str], rules: &IssueRules<'_>) -> Result<Vec<Box<str>>, LifecycleError> {
    if wanted.is_empty() {
        return Err(LifecycleError::ScopesEmpty);
    }
    if let Some(unknown) = wanted.iter().find(|scope| !rules.declared.contains(scope)) {
        return Err(LifecycleError::ScopeUnknown((*unknown).to_owned()));
    }
    if let Some(ceiling) = rules.ceiling
        && let Some(above) = wanted.iter().find(|scope| !ceiling.contains(scope))
    {
        return Err(LifecycleError::ScopeNotHeld((*above).to_owned()));
    }
    let mut scopes = wanted.to_vec();
    scopes.sort_unstable();
    scopes.dedup();
    Ok(scopes.into_iter().map(Box::from).collect())
}

fn check_expiry(
    expires_at: Option<UnixSeconds>,
    rules: &IssueRules<'_>,
    now: UnixSeconds,
) -> Result<(), LifecycleError> {
    let Some(expiry) = expires_at else {
        return if rules.expiry_required || rules.max_lifetime.is_some() {
            Err(LifecycleError::ExpiryRequired)
        } else {
            Ok(())
        };
    };
    if expiry <= now {
        return Err(LifecycleError::ExpiryPast);
    }
    match rules.max_lifetime.map(|seconds| now.saturating_add(seconds)) {
        Some(last) if expiry > last => Err(LifecycleError::ExpiryTooFar(last)),
        _ => Ok(()),
    }
}

impl KeyRecord {
    /// A change: the version grows by one.
    fn change(&mut self) -> Result<(), LifecycleError> {
        self.version = self.version.checked_add(1).ok_or(LifecycleError::Version)?;
        Ok(())
    }

    /// [`rotate`] in place; `extra` is for the new record, which is returned.
    pub(crate) fn be_rotated(
        &mut self,
        extra: BTreeMap<String, Value>,
        overlap: i64,
        format: &KeyFormat,
        keyring: &Keyring,
        entropy: &[u8; ENTROPY_BYTES],
        now: UnixSeconds,
    ) -> Result<Issued, LifecycleError> {
        if overlap < 0 {
            return Err(LifecycleError::Overlap);
        }
        if !self.is_active(now) {
            return Err(LifecycleError::NotActive);
        }
        self.change()?;
        let end = self.ends_at();
        let grace = now.saturating_add(overlap);
        self.grace_until = Some(end.map_or(grace, |end| end.min(grace)));
        let fresh = Self {
            v: self.v,
            // Replaced by the generated one.
            id: self.id,
            env: self.env.clone(),
            owner: self.owner.clone(),
            label: self.label.clone(),
            scopes: self.scopes.clone(),
            hashes: Vec::new(),
            sealed: keyring.current().is_some(),
            created_at: now,
            // A key in its grace ends with it; so does what replaces it.
            expires_at: end,
            revoked_at: None,
            grace_until: None,
            last_used_at: None,
            ip_allow: self.ip_allow.clone(),
            rotated_from: Some(self.id),
            version: 1,
            extra,
        };
        with_key(fresh, format, keyring, entropy)
    }

    /// [`revoke`] in place.
    pub(crate) fn be_revoked(&mut self, now: UnixSeconds) -> Result<(), LifecycleError> {
        if self.revoked_at.is_none() {
            self.change()?;
            self.revoked_at = Some(now);
        }
        Ok(())
    }

    /// [`relabel`] in place.
    pub(crate) fn be_relabelled(&mut self, label: &str) -> Result<(), LifecycleError> {
        if !is_label(label) {
            return Err(LifecycleError::Label);
        }
        self.change()?;
        self.label = label.into();
        Ok(())
    }
}

/// Replaces a key: a new one with the same owner, label, scopes, environment, addresses and expiry; the old one ends after
/// `overlap` seconds, at once with 0. Rotation never extends a life.
///
/// # Errors
/// [`LifecycleError::NotActive`] for a revoked or expired key, among others.
pub fn rotate(
    record: &KeyRecord,
    overlap: i64,
    format: &KeyFormat,
    keyring: &Keyring,
    entropy: &[u8; ENTROPY_BYTES],
    now: UnixSeconds,
) -> Result<Rotated, LifecycleError> {
    let mut old = record.clone();
    let new = old.be_rotated(record.extra.clone(), overlap, format, keyring, entropy, now)?;
    Ok(Rotated { old, new })
}

/// Revokes a key. Revoking again changes nothing: the first instant stays.
///
/// # Errors
/// [`LifecycleError::Version`].
pub fn revoke(record: &KeyRecord, now: UnixSeconds) -> Result<KeyRecord, LifecycleError> {
    let mut record = record.clone();
    record.be_revoked(now)?;
    Ok(record)
}

/// Gives a key another label: the only thing of it that can change.
///
/// # Errors
/// [`LifecycleError::Label`] for a label that is none.
pub fn relabel(record: &KeyRecord, label: &str) -> Result<KeyRecord, LifecycleError> {
    let mut record = record.clone();
    record.be_relabelled(label)?;
    Ok(record)
}

/// Holds the names of the members that a change asks for against what may change: the label alone. So a request's body
/// cannot set owner, scopes or anything else by naming it.
///
/// # Errors
/// [`LifecycleError::Immutable`] with the first member that cannot change, [`LifecycleError::UnknownMember`] for one that no key has.
///
/// ```
/// use scopegate::key::lifecycle::{LifecycleError, check_change};
/// assert!(check_change(["label"]).is_ok());
/// assert_eq!(check_change(["label", "scopes"]).unwrap_err(), LifecycleError::Immutable("scopes"));
/// ```
pub fn check_change<'m>(members: impl IntoIterator<Item = &'m str>) -> Result<(), LifecycleError> {
    match members.into_iter().find(|member| *member != "label") {
        None => Ok(()),
        Some(member) => Err(MEMBERS
            .into_iter()
            .find(|known| *known == member)
            .map_or(LifecycleError::UnknownMember, LifecycleError::Immutable)),
    }
}
