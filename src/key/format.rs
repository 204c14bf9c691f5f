//! The text form of a key (format v1): `product_environment_id_secret+checksum`, parsed by fixed offsets in one pass.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{Zeroize, Zeroizing};

pub use super::checksum::CHECKSUM_LEN;
use super::checksum::{self, ALPHABET};
use crate::json::Quoted;
use crate::word::is_same_text;
#[cfg(target_arch = "wasm32")]
use crate::word::{WORD, not_alphanumeric};

/// The longest text looked at, in bytes.
pub const MAX_KEY_BYTES: usize = 128;
/// Base62 characters of an id: 71 bits.
pub const ID_LEN: usize = 12;
/// Base62 characters of a secret: 256 bits.
pub const SECRET_LEN: usize = 43;

/// The public id of a key: what a store looks up and a log may show.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(align(4))]
pub struct KeyId([u8; ID_LEN]);

impl Hash for KeyId {
    /// In two words: ids are looked up at every request.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
        state.write_u32(u32::from_le_bytes([i, j, k, l]));
    }
}

impl KeyId {
    /// An id of characters that are base62.
    pub(super) const fn of(characters: [u8; ID_LEN]) -> Self {
        Self(characters)
    }

    /// An id from its text: exactly twelve base62 characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; ID_LEN] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The text as three words, its first character lowest.
    #[cfg(target_arch = "wasm32")]
    pub(crate) const fn words(&self) -> [u32; 3] {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.0;
        [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]), u32::from_le_bytes([i, j, k, l])]
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = KeyId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{ID_LEN} base62 characters")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<KeyId, E> {
                // The text is not repeated: it may be a whole key in the wrong place.
                KeyId::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Other("another text"), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Why a text is no key. It never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyFault {
    /// Longer than [`MAX_KEY_BYTES`].
    TooLong,
    /// A byte outside printable ASCII.
    NotAscii,
    /// Not this product and one of its environments.
    WrongPrefix,
    /// Too short or too long for what it starts with.
    WrongLength,
    /// A character outside base62 where one belongs.
    WrongAlphabet,
    /// The checksum does not match: mistyped or cut.
    WrongChecksum,
}

impl KeyFault {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotAscii => "not_ascii",
            Self::WrongPrefix => "wrong_prefix",
            Self::WrongLength => "wrong_length",
            Self::WrongAlphabet => "wrong_alphabet",
            Self::WrongChecksum => "wrong_checksum",
        }
    }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the text is longer than any key",
            Self::NotAscii => "the text has a character that no key has",
            Self::WrongPrefix => "the text does not start with the product and an environment",
            Self::WrongLength => "the text is too short or too long",
            Self::WrongAlphabet => "the text has a character that is not base62",
            Self::WrongChecksum => "the checksum does not match; the key was mistyped or cut",
        })
    }
}

impl core::error::Error for KeyFault {}

/// Why a product and its environments make no key format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFormatError {
    /// The product is not `[a-z][a-z0-9]{1,7}`.
    Product(String),
    /// The environment is not `[a-z]{2,8}`.
    Environment(String),
    /// The environment is listed twice.
    Duplicate(String),
    /// No environment is listed, or more than 16.
    Count(usize),
}

impl fmt::Display for KeyFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Product(found) => {
                write!(
                    f,
                    "product {found}: expected a lower-case letter, then 1 to 7 lower-case letters or digits",
                    found = Quoted(found)
                )
            }
            Self::Environment(found) => {
                write!(f, "environment {found}: expected 2 to 8 lower-case letters", found = Quoted(found))
            }
            Self::Duplicate(found) => write!(f, "environment {found} is listed twice", found = Quoted(found)),
            Self::Count(found) => write!(f, "{found} environments are listed; expected 1 to 16"),
        }
    }
}

impl core::error::Error for KeyFormatError {}

/// A product and its environments: what the keys of a policy look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFormat {
    product: Box<str>,
    environments: Box<[Box<str>]>,
    /// What a key of each environment starts with, up to its id.
    heads: Box<[Box<str>]>,
}

/// A text that is a key by form and checksum, or by the form that another system gave it; nothing is proven yet. Made by
/// [`KeyFormat::parse`] and [`ForeignKeys::parse`](super::foreign::ForeignKeys::parse) only.
#[derive(Clone, Copy)]
pub struct ParsedKey<'k> {
    text: &'k [u8],
    environment: &'k [u8],
    id: KeyId,
    /// Where what SHA-256 alone covers begins; a key is shorter than 256 bytes.
    hashed_from: u8,
    takes_plain: bool,
}

impl<'k> ParsedKey<'k> {
    /// The public id.
    #[must_use]
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// The environment.
    #[must_use]
    pub fn environment(&self) -> &'k str {
        core::str::from_utf8(self.environment).unwrap_or_default()
    }

    /// The same as bytes.
    pub(super) const fn environment_bytes(&self) -> &'k [u8] {
        self.environment
    }

    /// A key that another system issued.
    pub(super) fn foreign(text: &'k [u8], at: usize, id: KeyId, environment: &'k [u8], takes_plain: bool) -> Self {
        Self { text, environment, id, hashed_from: u8::try_from(at).unwrap_or(u8::MAX), takes_plain }
    }

    /// The whole text, for hashing under a pepper.
    pub(super) const fn text(&self) -> &'k [u8] {
        self.text
    }

    /// What SHA-256 alone covers: the whole text, of a Seam key the long token.
    pub(super) fn hashed(&self) -> &'k [u8] {
        self.text.get(usize::from(self.hashed_from)..).unwrap_or_default()
    }

    /// Whether a hash without a pepper counts, whatever the keyring says.
    pub(super) const fn takes_plain(&self) -> bool {
        self.takes_plain
    }
}

impl fmt::Debug for ParsedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedKey")
            .field("id", &self.id)
            .field("environment", &self.environment())
            .finish_non_exhaustive()
    }
}

/// A whole key, as its holder gets it: once. It does not print, serialise or clone, and is wiped when dropped.
pub struct RawKey(String);

impl RawKey {
    /// The text. Show it to the holder and keep it nowhere.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for RawKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawKey(redacted)")
    }
}

/// Why no key was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenerateError {
    /// The environment is not one of the format's.
    UnknownEnvironment,
    /// The entropy is not random (a buffer that was never filled, a short pattern), or too little of it could be used. Draw afresh.
    BadEntropy,
}

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownEnvironment => "the environment is not one of the product's",
            Self::BadEntropy => "the entropy is not random; draw afresh from the system's random source",
        })
    }
}

impl core::error::Error for GenerateError {}

/// Random bytes for one key. 55 characters are drawn from those below 248; less than once in 10^70 keys too few are.
pub const ENTROPY_BYTES: usize = 128;

/// Fewer distinct bytes than this among [`ENTROPY_BYTES`] are no accident: less than once in 10^70.
const MIN_DISTINCT_BYTES: u32 = 32;

fn looks_random(entropy: &[u8; ENTROPY_BYTES]) -> bool {
    let mut seen = [0_u128; 2];
    for byte in entropy {
        let [low, high] = &mut seen;
        *(if *byte < 128 { low } else { high }) |= 1_u128 << (byte & 127);
    }
    seen.iter().map(|word| word.count_ones()).fold(0, u32::saturating_add) >= MIN_DISTINCT_BYTES
}

impl KeyFormat {
    /// A format for a product and its environments.
    ///
    /// # Errors
    /// [`KeyFormatError`] when a name is not of its form.
    pub fn new(product: &str, environments: &[&str]) -> Result<Self, KeyFormatError> {
        let lower = |b: u8| b.is_ascii_lowercase();
        let product_valid = (2..=8).contains(&product.len())
            && product.bytes().next().is_some_and(lower)
            && product.bytes().all(|b| lower(b) || b.is_ascii_digit());
        if !product_valid {
            return Err(KeyFormatError::Product(product.into()));
        }
        if environments.is_empty() || environments.len() > 16 {
            return Err(KeyFormatError::Count(environments.len()));
        }
        for (at, environment) in environments.iter().enumerate() {
            if !(2..=8).contains(&environment.len()) || !environment.bytes().all(lower) {
                return Err(KeyFormatError::Environment((*environment).into()));
            }
            if environments.iter().take(at).any(|earlier| earlier == environment) {
                return Err(KeyFormatError::Duplicate((*environment).into()));
            }
        }
        let heads = environments.iter().map(|name| format!("{product}_{name}_").into()).collect();
        let environments = environments.iter().map(|name| Box::from(*name)).collect();
        Ok(Self { product: product.into(), environments, heads })
    }

    /// The product.
    #[must_use]
    pub fn product(&self) -> &str {
        &self.product
    }

    /// The environments.
    #[must_use]
    pub fn environments(&self) -> &[Box<str>] {
        &self.environments
    }

    /// Whether a text starts like a key of this product.
    #[must_use]
    pub fn is_prefix_of(&self, text: &[u8]) -> bool {
        text.strip_prefix(self.product.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'_'))
    }

    /// What people see of a key: product, environment and id, no bit of the secret.
    #[must_use]
    pub fn key_prefix(&self, environment: &str, id: &KeyId) -> String {
        format!("{}_{environment}_{id}", self.product)
    }

    /// Parses a key by fixed offsets: a product may be called like an environment, so nothing is ever split.
    ///
    /// # Errors
    /// [`KeyFault`] for anything but a well-formed key whose checksum holds.
    ///
    /// ```
    /// # use scopegate::key::format::{KeyFault, KeyFormat};
    /// let format = KeyFormat::new("jbf", &["live", "test"]).unwrap();
    /// let key = b"jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";
    /// assert_eq!(format.parse(key).unwrap().id().as_str(), "000000000000");
    /// assert_eq!(format.parse(&key[..70]).unwrap_err(), KeyFault::WrongLength);
    /// ```
    pub fn parse<'k>(&self, text: &'k [u8]) -> Result<ParsedKey<'k>, KeyFault> {
        self.parse_here(text).ok_or_else(|| self.fault_of(text))
    }

    /// The same in its caller's place, so that the key is not copied.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn parse_here<'k>(&self, text: &'k [u8]) -> Option<ParsedKey<'k>> {
        match self.split(text) {
            Some((environment, id, body)) if is_base62(id) & is_base62(body) & has_right_sum(text) => {
                Some(ParsedKey { text, environment, id: KeyId(*id), hashed_from: 0, takes_plain: false })
            }
            _ => None,
        }
    }

    /// Environment, id, and secret with checksum, by their places.
    fn split<'k>(&self, text: &'k [u8]) -> Option<(&'k [u8], &'k [u8; ID_LEN], &'k [u8; SECRET_LEN + CHECKSUM_LEN])> {
        let (head, body) = self.heads.iter().find_map(|head| {
            let (found, body) = text.split_at_checked(head.len())?;
            is_same_text(found, head.as_bytes()).then_some((found, body))
        })?;
        let (id, rest) = body.split_first_chunk::<ID_LEN>()?;
        let (b'_', body) = rest.split_first()? else { return None };
        let (_, environment) = head.split_at_checked(self.product.len().saturating_add(1))?;
        let (_, environment) = environment.split_last()?;
        Some((environment, id, body.try_into().ok()?))
    }

    /// The environment, and what follows it.
    #[cold]
    fn after_prefix<'k>(&self, text: &'k [u8]) -> Option<(&'k [u8], &'k [u8])> {
        let after = |text: &'k [u8], name: &str| {
            let (head, rest) = text.split_at_checked(name.len())?;
            is_same_text(head, name.as_bytes()).then_some((head, rest.strip_prefix(b"_")?))
        };
        let (_, rest) = after(text, &self.product)?;
        self.environments.iter().find_map(|name| after(rest, name))
    }

    /// What is wrong with a text that is no key: the first fault in the order of [`KeyFault`].
    #[cold]
    fn fault_of(&self, text: &[u8]) -> KeyFault {
        if text.len() > MAX_KEY_BYTES {
            return KeyFault::TooLong;
        }
        if !text.iter().all(u8::is_ascii_graphic) {
            return KeyFault::NotAscii;
        }
        match self.after_prefix(text) {
            None => KeyFault::WrongPrefix,
            Some((_, body)) if body.len() != ID_LEN + 1 + SECRET_LEN + CHECKSUM_LEN => KeyFault::WrongLength,
            Some(_) => match self.split(text) {
                Some((_, id, body)) if is_base62(id) && is_base62(body) => KeyFault::WrongChecksum,
                _ => KeyFault::WrongAlphabet,
            },
        }
    }

    /// Makes a key from random bytes by rejection sampling, so that every character is equally likely. The bytes must come
    /// from the system's random source and be wiped after use; the core has none of its own.
    ///
    /// # Errors
    /// [`GenerateError`].
    pub fn generate(&self, environment: &str, entropy: &[u8; ENTROPY_BYTES]) -> Result<(RawKey, KeyId), GenerateError> {
        if !self.environments.iter().any(|known| **known == *environment) {
            return Err(GenerateError::UnknownEnvironment);
        }
        if !looks_random(entropy) {
            return Err(GenerateError::BadEntropy);
        }
        let mut characters =
            entropy.iter().filter(|byte| **byte < 248).map(|byte| ALPHABET.get(usize::from(*byte % 62)).copied());
        let mut draw = |into: &mut [u8]| -> Result<(), GenerateError> {
            for place in into {
                *place = characters.next().flatten().ok_or(GenerateError::BadEntropy)?;
            }
            Ok(())
        };
        let mut id = [0; ID_LEN];
        draw(&mut id)?;
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        draw(&mut *secret)?;
        let id = KeyId(id);
        // Long enough for any key, so that it never grows and leaves a copy of the secret behind.
        let mut text = String::with_capacity(MAX_KEY_BYTES);
        for part in [&*self.product, "_", environment, "_", id.as_str(), "_"] {
            text.push_str(part);
        }
        text.push_str(core::str::from_utf8(&*secret).unwrap_or_default());
        let sum = checksum::of(text.as_bytes());
        text.push_str(core::str::from_utf8(&sum).unwrap_or_default());
        Ok((RawKey(text), id))
    }
}

/// Whether the last six characters are the checksum of all before them.
fn has_right_sum(text: &[u8]) -> bool {
    let parts = text.split_last_chunk::<CHECKSUM_LEN>();
    parts.is_some_and(|(covered, sum)| checksum::value_of(sum) == Some(u64::from(checksum::crc32(covered))))
}

/// Looks at every byte, without an early end: such a loop compiles to vector code.
#[cfg(not(target_arch = "wasm32"))]
fn is_base62(text: &[u8]) -> bool {
    text.iter().fold(true, |all, byte| all & byte.is_ascii_alphanumeric())
}

/// The same by words, for a text of eight bytes or more: what is compiled for size has no vector code.
#[cfg(target_arch = "wasm32")]
fn is_base62(text: &[u8]) -> bool {
    let odd = |word: &[u8; WORD]| not_alphanumeric(u64::from_le_bytes(*word));
    // The last word overlaps the one before where the length does not come out even.
    text.last_chunk().is_some_and(|last| text.as_chunks().0.iter().fold(odd(last), |all, word| all | odd(word)) == 0)
}
