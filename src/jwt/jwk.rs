//! Key sets (RFC 7517): read entry by entry, unusable entries skipped and counted, private keys refused.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

#[cfg(not(all(feature = "rsa", feature = "p256", feature = "ed25519")))]
use super::elsewhere::Elsewhere;
use super::json::{JsonFault, JsonLimits, Object, Value};
use super::token::MAX_KID_BYTES;
#[cfg(not(all(feature = "rsa", feature = "p256", feature = "ed25519")))]
use super::verify::Inner;
use super::verify::{RsaLimit, VerifyKey};
use super::{Algorithm, TokenRefusal, base64url};
use crate::json::write::Writer;

/// The longest text of a key set, in bytes.
pub const MAX_KEY_SET_BYTES: usize = 256 * 1024;
/// The most keys of a set.
pub const MAX_KEYS: usize = 128;

/// Why a text is no usable key set. It never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetError {
    /// Not a JSON object with a list `keys` of at most [`MAX_KEYS`] entries, or longer than [`MAX_KEY_SET_BYTES`].
    Invalid,
    /// A key of the set is private or secret: whoever published it must replace it.
    PrivateKey,
}

impl KeySetError {
    /// The refusal that a token gets from such a set.
    #[must_use]
    pub const fn refusal(self) -> TokenRefusal {
        match self {
            Self::Invalid => TokenRefusal::JwksInvalid,
            Self::PrivateKey => TokenRefusal::JwksPrivateKey,
        }
    }
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "not a JWK Set: expected an object with a list \"keys\", member names unique",
            Self::PrivateKey => "the set holds a private or secret key; publish public keys only",
        })
    }
}

impl core::error::Error for KeySetError {}

/// A public key of a set.
#[derive(Debug)]
pub struct Jwk {
    kid: Option<Box<str>>,
    algorithm: Option<Algorithm>,
    for_verification: bool,
    key: VerifyKey,
    thumbprint: Box<str>,
    public_jwk: Box<str>,
}

impl Jwk {
    /// `kid`.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &VerifyKey {
        &self.key
    }

    /// The SHA-256 thumbprint (RFC 7638), base64url.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The public key as a JWK with its required members only, in the order of RFC 7638 section 3.2.
    #[must_use]
    pub fn public_jwk(&self) -> &str {
        &self.public_jwk
    }
}

/// A set of public keys.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<Arc<Jwk>>,
    skipped: Vec<Skipped>,
}

/// An entry that is not used, and what a token hears that names it.
#[derive(Debug)]
struct Skipped {
    kid: Option<Box<str>>,
    refusal: TokenRefusal,
}

/// Why one entry is not used.
enum Skip {
    Private,
    Unusable(TokenRefusal),
}

impl From<TokenRefusal> for Skip {
    fn from(refusal: TokenRefusal) -> Self {
        Self::Unusable(refusal)
    }
}

/// An entry of unknown type, or with a member of the wrong type.
const UNUSABLE: Skip = Skip::Unusable(TokenRefusal::KeyNotFound);

impl KeySet {
    /// Reads a JWK Set. Entries of unknown type, broken or weak ones are skipped (RFC 7517 section 5).
    ///
    /// # Errors
    /// [`KeySetError`].
    pub fn parse(text: &str) -> Result<Self, KeySetError> {
        Self::parse_up_to(RsaLimit::default(), text)
    }

    /// Reads a JWK Set with RSA keys of a chosen greatest length; longer ones are skipped as `key_weak`.
    ///
    /// # Errors
    /// [`KeySetError`].
    pub fn parse_up_to(limit: RsaLimit, text: &str) -> Result<Self, KeySetError> {
        if text.len() > MAX_KEY_SET_BYTES {
            return Err(KeySetError::Invalid);
        }
        let limits = JsonLimits { depth: 16, members: 8_192 };
        let set = Object::parse(text.as_bytes(), limits).map_err(|_: JsonFault| KeySetError::Invalid)?;
        let Some(Value::Array(entries)) = set.get("keys") else { return Err(KeySetError::Invalid) };
        if entries.len() > MAX_KEYS {
            return Err(KeySetError::Invalid);
        }
        let mut keys = Vec::with_capacity(entries.len());
        let mut skipped = Vec::new();
        for entry in entries {
            let Value::Object(entry) = entry else {
                skipped.push(Skipped { kid: None, refusal: TokenRefusal::KeyNotFound });
                continue;
            };
            match read(entry, limit) {
                Ok(key) => keys.push(Arc::new(key)),
                Err(Skip::Unusable(refusal)) => {
                    skipped.push(Skipped { kid: entry.string("kid").map(Box::from), refusal })
                }
                Err(Skip::Private) => return Err(KeySetError::PrivateKey),
            }
        }
        Ok(Self { keys, skipped })
    }

    /// The usable keys.
    #[must_use]
    pub fn keys(&self) -> &[Arc<Jwk>] {
        &self.keys
    }

    /// How many entries were not usable.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped.len()
    }

    /// The entries that are not usable, in order: `kid`, and the refusal of a token that names it. `key_not_found` stands for an
    /// entry of unknown type, curve or algorithm or with a member of a wrong type.
    pub fn skipped_entries(&self) -> impl Iterator<Item = (Option<&str>, TokenRefusal)> {
        self.skipped.iter().map(|entry| (entry.kid.as_deref(), entry.refusal))
    }

    /// Whether an entry of the set has this `kid`, byte for byte.
    #[must_use]
    pub fn has_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
            || self.skipped.iter().any(|entry| entry.kid.as_deref() == Some(kid))
    }

    /// The one key for a token: by `kid` where it has one, otherwise the only candidate.
    ///
    /// # Errors
    /// `key_not_found`, `key_ambiguous`, and for a key that the `kid` names and that cannot serve, `alg_key_mismatch`,
    /// `key_use_mismatch`, `key_weak` or `key_invalid`.
    pub fn select(&self, algorithm: Algorithm, kid: Option<&str>) -> Result<&Arc<Jwk>, TokenRefusal> {
        let named = || self.keys.iter().filter(|key| kid.is_none() || key.kid() == kid);
        let fits = |key: &&Arc<Jwk>| key.key.fits(algorithm) && key.algorithm.is_none_or(|own| own == algorithm);
        let mut candidates = named().filter(fits).filter(|key| key.for_verification);
        match (candidates.next(), candidates.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(TokenRefusal::KeyAmbiguous),
            (None, _) if named().next().is_none() => Err(self.skipped_refusal(kid)),
            (None, _) if named().any(|key| fits(&key)) => Err(TokenRefusal::KeyUseMismatch),
            (None, _) if kid.is_none() => Err(TokenRefusal::KeyNotFound),
            (None, _) => Err(TokenRefusal::AlgKeyMismatch),
        }
    }
}

impl KeySet {
    fn skipped_refusal(&self, kid: Option<&str>) -> TokenRefusal {
        let mut named = self.skipped.iter().filter(|entry| kid.is_none() || entry.kid.as_deref() == kid);
        match (named.next(), named.next()) {
            // Only a `kid` says that this key was meant.
            (Some(entry), None) if kid.is_some() || entry.refusal != TokenRefusal::AlgKeyMismatch => entry.refusal,
            _ => TokenRefusal::KeyNotFound,
        }
    }
}

/// Members that only a private or secret key has (RFC 7518 section 6.2.2, 6.3.2 and 6.4.1; RFC 8037 section 2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

fn read(entry: &Object<'_>, limit: RsaLimit) -> Result<Jwk, Skip> {
    if PRIVATE.iter().any(|name| entry.get(name).is_some()) {
        return Err(Skip::Private);
    }
    let kid = match entry.get("kid") {
        None => None,
        Some(Value::String(kid)) if kid.len() <= MAX_KID_BYTES => Some(Box::from(&**kid)),
        Some(_) => return Err(UNUSABLE),
    };
    let algorithm = match entry.get("alg") {
        None => None,
        Some(Value::String(name)) => match Algorithm::from_name(name) {
            Some(own) => Some(own),
            None => return Err(UNUSABLE),
        },
        Some(_) => return Err(UNUSABLE),
    };
    let (key, public_jwk) = public_key(entry, limit)?;
    Ok(Jwk {
        kid,
        algorithm,
        for_verification: is_for_verification(entry)?,
        thumbprint: Base64UrlUnpadded::encode_string(&Sha256::digest(public_jwk.as_bytes())).into(),
        key,
        public_jwk: public_jwk.into(),
    })
}

/// `use` is `sig` and `key_ops` has `verify`, where they are there (RFC 7517 section 4.2 and 4.3).
fn is_for_verification(entry: &Object<'_>) -> Result<bool, Skip> {
    let by_use = match entry.get("use") {
        None => true,
        Some(Value::String(purpose)) => purpose == "sig",
        Some(_) => return Err(UNUSABLE),
    };
    let by_operations = match entry.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) => {
            let mut verifies = false;
            for operation in operations {
                match operation {
                    Value::String(text) => verifies |= text == "verify",
                    _ => return Err(UNUSABLE),
                }
            }
            verifies
        }
        Some(_) => return Err(UNUSABLE),
    };
    Ok(by_use && by_operations)
}

fn member<'e>(entry: &'e Object<'_>, name: &str) -> Result<(&'e str, Vec<u8>), Skip> {
    let text = entry.string(name).ok_or(UNUSABLE)?;
    Ok((text, base64url::decode_vec(text.as_bytes()).map_err(|_| TokenRefusal::KeyInvalid)?))
}

fn object(members: &[(&str, &str)]) -> String {
    Writer::object_text(|json| members.iter().for_each(|(name, value)| json.name(name).string(value)))
}

/// The key and its required members as JSON. Where this build lacks the arithmetic, what is kept of a key is its shape, for a host
/// that verifies.
fn public_key(entry: &Object<'_>, limit: RsaLimit) -> Result<(VerifyKey, String), Skip> {
    match (entry.string("kty").ok_or(UNUSABLE)?, entry.string("crv")) {
        ("RSA", _) => {
            let ((n_text, n), (e_text, e)) = (member(entry, "n")?, member(entry, "e")?);
            let json = object(&[("e", e_text), ("kty", "RSA"), ("n", n_text)]);
            #[cfg(feature = "rsa")]
            let key = VerifyKey::rsa_up_to(limit, &n, &e)?;
            #[cfg(not(feature = "rsa"))]
            let key = VerifyKey(Inner::Elsewhere(Elsewhere::rsa(&n, &e, limit)?));
            Ok((key, json))
        }
        ("EC", Some(curve @ ("P-256" | "P-384"))) => {
            let ((x_text, x), (y_text, y)) = (member(entry, "x")?, member(entry, "y")?);
            let json = object(&[("crv", curve), ("kty", "EC"), ("x", x_text), ("y", y_text)]);
            #[cfg(feature = "p256")]
            let key = if curve == "P-256" { VerifyKey::p256(&x, &y)? } else { VerifyKey::p384(&x, &y)? };
            #[cfg(not(feature = "p256"))]
            let key = VerifyKey(Inner::Elsewhere(Elsewhere::curve(curve, &x, &y)?));
            Ok((key, json))
        }
        ("OKP", Some("Ed25519")) => {
            let (x_text, x) = member(entry, "x")?;
            let json = object(&[("crv", "Ed25519"), ("kty", "OKP"), ("x", x_text)]);
            #[cfg(feature = "ed25519")]
            let key = VerifyKey::ed25519(&x)?;
            #[cfg(not(feature = "ed25519"))]
            let key = VerifyKey(Inner::Elsewhere(Elsewhere::ed25519(&x)?));
            Ok((key, json))
        }
        _ => Err(UNUSABLE),
    }
}
