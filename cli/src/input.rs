//! Reading what the command is given: files, standard input, key records, peppers, instants.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::host::{Host, KeyAnswer, KeysAnswer, KeysReason};
use scopegate::key::format::KeyId;
use scopegate::key::hash::{Keyring, KeyringError};
use scopegate::key::record::KeyRecord;
use scopegate::policy::Policy;
use scopegate::policy::document::PolicyDocument;
use scopegate::time::UnixSeconds;
use zeroize::Zeroizing;

use crate::error::Misuse;
use crate::place::explain;

/// The longest name of a secret, in bytes. What is longer may be the secret itself, in the wrong place.
const MAX_NAME_BYTES: usize = 32;
/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// U+FEFF in UTF-8: nothing that is read here may begin with it (RFC 8259 section 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a text file; `-` is standard input.
///
/// # Errors
/// [`Misuse`] when it cannot be read, is too large or is no UTF-8.
pub fn read(path: &Path) -> Result<String, Misuse> {
    let mut bytes = Vec::new();
    let outcome = if path == Path::new("-") {
        std::io::stdin().take(MAX_FILE_BYTES).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes))
    };
    match outcome {
        Err(error) => Err(Misuse::file(path, format!("cannot be read: {error}"))),
        Ok(read) if read as u64 >= MAX_FILE_BYTES => {
            Err(Misuse::file(path, format!("expected less than {} MiB", MAX_FILE_BYTES >> 20)))
        }
        Ok(_) if bytes.starts_with(BYTE_ORDER_MARK) => {
            Err(Misuse::file(path, "expected UTF-8 text without a byte order mark"))
        }
        Ok(_) => String::from_utf8(bytes).map_err(|_| Misuse::file(path, "expected UTF-8 text")),
    }
}

/// Refuses to read standard input for two files: the second would find nothing.
///
/// # Errors
/// [`Misuse`] when more than one of the paths is `-`.
pub fn standard_input_once<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> Result<(), Misuse> {
    if paths.into_iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(Misuse::argument("standard input can be read once: only one file may be -"));
    }
    Ok(())
}

/// Reads a secret: one line, its end cut off.
///
/// # Errors
/// As [`read`], and when there is another line.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, Misuse> {
    let text = Zeroizing::new(read(path)?);
    let line = text.trim_end_matches(['\n', '\r']);
    if line.contains(['\n', '\r']) {
        return Err(Misuse::file(path, "expected one line, and nothing but the secret in it"));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// Reads and compiles a policy, JSON or (by its name) TOML.
///
/// # Errors
/// [`Misuse`] whose message lists every mistake with its place.
pub fn read_policy(path: &Path) -> Result<Policy, Misuse> {
    let text = read(path)?;
    let document = parse_policy(path, &text)?;
    Policy::compile(&document).map_err(|errors| Misuse {
        file: None,
        place: None,
        message: explain(path, &text, &errors.0),
    })
}

/// Parses a policy document, JSON or (by the name of its file) TOML.
///
/// # Errors
/// [`Misuse`] with the place.
pub fn parse_policy(path: &Path, text: &str) -> Result<PolicyDocument, Misuse> {
    if path.extension().is_some_and(|extension| extension == "toml") {
        return toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or_default();
            let line = before.matches('\n').count().saturating_add(1);
            let column = before.rsplit('\n').next().unwrap_or_default().len().saturating_add(1);
            Misuse { file: Some(path.into()), place: Some((line, column)), message: error.message().to_owned() }
        });
    }
    PolicyDocument::from_json(text).map_err(|error| Misuse::syntax(path, &error))
}

/// Reads key records: a list, or an object with a list `keys`; a whole case file will do.
///
/// # Errors
/// [`Misuse`] with the place of a record that is none, or the id that two records share.
pub fn read_records(path: &Path) -> Result<Records, Misuse> {
    #[derive(serde::Deserialize)]
    struct Wrapped {
        keys: Vec<KeyRecord>,
    }
    let text = read(path)?;
    let records = if text.trim_start().starts_with('{') {
        serde_json::from_str::<Wrapped>(&text).map(|wrapped| wrapped.keys)
    } else {
        serde_json::from_str(&text)
    };
    let records = records.map_err(|error| Misuse::json(path, &error))?;
    let list = if text.trim_start().starts_with('{') { "/keys" } else { "" };
    Records::new(records).map_err(|(at, error)| Misuse::at(path, &text, &format!("{list}/{at}/id"), error))
}

/// Reads one key record.
///
/// # Errors
/// [`Misuse`] with the place of what is wrong.
pub fn read_record(path: &Path) -> Result<KeyRecord, Misuse> {
    let text = read(path)?;
    serde_json::from_str(&text).map_err(|error| Misuse::json(path, &error))
}

/// Secrets by name, base64url, in the order of their file.
pub type Secrets = Vec<(String, Zeroizing<Vec<u8>>)>;

/// What is wrong with a secret: its name, and the words for it.
pub type SecretFault = (String, String);

/// Decodes secrets: base64url without padding. The text is never repeated, nor a name that may be one.
///
/// # Errors
/// The one that is none.
pub fn decode_secrets<'s>(pairs: impl Iterator<Item = (&'s str, &'s str)>) -> Result<Secrets, SecretFault> {
    pairs
        .map(|(name, text)| match Base64UrlUnpadded::decode_vec(text) {
            _ if name.len() > MAX_NAME_BYTES => Err((
                name.to_owned(),
                format!("expected names of at most {MAX_NAME_BYTES} bytes: names come first, then the secrets"),
            )),
            Ok(bytes) => Ok((name.to_owned(), Zeroizing::new(bytes))),
            Err(_) => Err((name.to_owned(), format!("{name}: expected base64url without padding"))),
        })
        .collect()
}

/// A keyring from decoded peppers. `current`, when given, names the one that new hashes are made with; otherwise it is the first.
///
/// # Errors
/// The pepper that cannot be used, or `current`.
pub fn keyring(mut peppers: Secrets, current: Option<&str>) -> Result<Keyring, SecretFault> {
    if let Some(current) = current {
        let at = peppers.iter().position(|(name, _)| name == current);
        let names: Vec<&str> = peppers.iter().map(|(name, _)| name.as_str()).collect();
        let expected = || format!("\"current\": expected the name of a pepper of this file ({})", names.join(", "));
        let at = at.ok_or_else(|| ("current".to_owned(), expected()))?;
        peppers.swap(0, at);
    }
    Keyring::new(peppers.iter().map(|(name, secret)| (name.as_str(), secret.as_slice()))).map_err(|error| {
        let (KeyringError::TooShort(name) | KeyringError::Name(name) | KeyringError::Duplicate(name)) = &error;
        (name.to_string(), error.to_string())
    })
}

/// The current time.
#[must_use]
pub fn clock() -> UnixSeconds {
    let seconds = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs());
    UnixSeconds::clamped(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// An instant: Unix seconds, or RFC 3339.
///
/// # Errors
/// What was expected.
pub fn instant(text: &str) -> Result<UnixSeconds, String> {
    let seconds = match text.parse::<i64>() {
        Ok(seconds) => Some(seconds),
        Err(_) => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second),
    };
    seconds
        .and_then(UnixSeconds::new)
        .ok_or_else(|| "expected Unix seconds, or a time like 2027-01-31T00:00:00Z".to_owned())
}

/// A host over records that were read.
#[derive(Debug, Default)]
pub struct Records {
    records: HashMap<KeyId, Arc<KeyRecord>>,
    /// Key sets by credential, with the time they are said to be fetched at.
    pub key_sets: Vec<(String, Arc<str>, UnixSeconds)>,
    /// Whether every answer is an outage.
    pub fails: bool,
}

impl Records {
    /// A host for these records.
    ///
    /// # Errors
    /// The index of a record whose id an earlier one has, and that in words: which one is meant, nobody knows.
    pub fn new(records: Vec<KeyRecord>) -> Result<Self, (usize, String)> {
        let mut host = Self::default();
        for (at, record) in records.into_iter().enumerate() {
            let id = record.id;
            if host.records.insert(id, Arc::new(record)).is_some() {
                return Err((at, format!("expected ids that are unique, found two records with id {id}")));
            }
        }
        Ok(host)
    }
}

impl Host for Records {
    fn key(&self, id: &KeyId) -> KeyAnswer {
        match self.records.get(id) {
            _ if self.fails => KeyAnswer::Unavailable,
            Some(record) => KeyAnswer::Found(Arc::clone(record)),
            None => KeyAnswer::Missing,
        }
    }

    fn keys(&self, credential: &str, _issuer: &str, _reason: KeysReason) -> KeysAnswer {
        match self.key_sets.iter().find(|(name, ..)| name == credential) {
            Some((_, jwks, fetched_at)) if !self.fails => {
                KeysAnswer::Found { jwks: Arc::clone(jwks), fetched_at: *fetched_at }
            }
            _ => KeysAnswer::Unavailable,
        }
    }
}
