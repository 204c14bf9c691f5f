//! The peppers: from a file, made at first, or random for a database that forgets. And what the server derives from them for itself.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use scopegate::key::hash::Keyring;
use scopegate::policy::document::{Ordered, StrictValue};
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::serve::{ServeError, write_new_private};

const PEPPER_BYTES: usize = 32;
/// More than any file of peppers is long.
const MAX_FILE_BYTES: u64 = 65_536;
/// The name of a pepper that stands in its file without one: as for `scopegate keys`.
const NAMELESS: &str = "p1";
/// The member that names the current pepper.
const CURRENT: &str = "current";

/// 32 secret bytes for one purpose.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// What keys are hashed with, and what the server derives its own secrets from. It prints without any of them.
pub struct Peppers {
    keyring: Keyring,
    /// The current one first.
    roots: Vec<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for Peppers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peppers").field("keyring", &self.keyring).finish_non_exhaustive()
    }
}

type Named = Vec<(String, Zeroizing<Vec<u8>>)>;

impl Peppers {
    /// A random pepper that is kept nowhere: for keys in memory.
    ///
    /// # Errors
    /// [`ServeError`] when there are no random bytes.
    pub fn fresh() -> Result<Self, ServeError> {
        Self::of(&[(NAMELESS.to_owned(), random()?)]).map_err(ServeError::new)
    }

    /// The peppers of a file. It holds one pepper, 32 bytes or more in base64url, or a JSON object of such texts by name, of which the first,
    /// or the one that the member `current` names, hashes new keys; a key that is used under another one is hashed anew. A file that is not
    /// there is made with a fresh pepper, readable by its owner only: keys in a database outlive the server, and so must their pepper. A fresh one
    /// has a name that none had before, so that a key under a pepper that was lost is 503 and never 401.
    ///
    /// # Errors
    /// [`ServeError`] when the file can be neither read nor made, or holds no peppers. It never repeats what it read.
    pub fn from_file(path: &Path) -> Result<Self, ServeError> {
        let told = |error: String| ServeError::new(format!("the pepper file {}: {error}", path.display()));
        let text = match text_of(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match write_new_private(path, &made()?) {
                    Ok(()) => {
                        tracing::info!(file = %path.display(), "there was no pepper file: a fresh pepper was made")
                    }
                    // Another instance was faster: its pepper counts.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(told(error.to_string())),
                }
                text_of(path)
            }
            read => read,
        };
        let text = text.map_err(|error| told(error.to_string()))?;
        Self::of(&read(&text).map_err(|error| told(error.to_owned()))?).map_err(told)
    }

    fn of(peppers: &[(String, Zeroizing<Vec<u8>>)]) -> Result<Self, String> {
        let pairs = peppers.iter().map(|(name, secret)| (name.as_str(), secret.as_slice()));
        let keyring = Keyring::new(pairs).map_err(|error| error.to_string())?;
        Ok(Self { keyring, roots: peppers.iter().map(|(_, secret)| secret.clone()).collect() })
    }

    /// The peppers as keys are hashed with them.
    #[must_use]
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// A secret for one purpose of the server's own from each pepper, that of the current one first: what was made under an earlier pepper is
    /// known again as long as that pepper stays in the file.
    pub(crate) fn secrets(&self, purpose: &str) -> Vec<Secret> {
        let derive = |root: &Zeroizing<Vec<u8>>| {
            let mut mac = Hmac::<Sha256>::new_from_slice(root).ok()?;
            mac.update(b"scopegate-server/v1\0");
            mac.update(purpose.as_bytes());
            Some(Zeroizing::new(mac.finalize().into_bytes().into()))
        };
        self.roots.iter().filter_map(derive).collect()
    }
}

fn text_of(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// The text of a file with a fresh pepper under a fresh name.
fn made() -> Result<Zeroizing<String>, ServeError> {
    let name: String = random()?.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let pepper = Zeroizing::new(Base64UrlUnpadded::encode_string(&random()?));
    Ok(Zeroizing::new(format!("{{ \"p-{name}\": \"{}\" }}\n", *pepper)))
}

fn random() -> Result<Zeroizing<Vec<u8>>, ServeError> {
    let mut secret = Zeroizing::new(vec![0; PEPPER_BYTES]);
    getrandom::fill(&mut secret).map_err(|error| ServeError::new(format!("no random bytes: {error}")))?;
    Ok(secret)
}

/// The peppers in the text of a file, the current one first. What is wrong never repeats the text.
fn read(text: &str) -> Result<Named, &'static str> {
    const EXPECTED: &str = "expected 32 bytes in base64url without padding, or a JSON object of such texts by name";
    let decode = |encoded: &str| match Base64UrlUnpadded::decode_vec(encoded) {
        Ok(secret) if secret.len() >= PEPPER_BYTES => Ok(Zeroizing::new(secret)),
        _ => Err(EXPECTED),
    };
    let text = text.trim();
    if !text.starts_with('{') {
        return Ok(vec![(NAMELESS.to_owned(), decode(text)?)]);
    }
    let members: Ordered<StrictValue> = serde_json::from_str(text).map_err(|_| EXPECTED)?;
    let (mut peppers, mut current) = (Named::new(), None);
    for (name, StrictValue(value)) in members.0 {
        let Value::String(value) = value else { return Err(EXPECTED) };
        let value = Zeroizing::new(value);
        if name == CURRENT {
            current = Some(value);
        } else {
            peppers.push((name, decode(&value)?));
        }
    }
    if let Some(current) = current {
        let at = peppers.iter().position(|(name, _)| *name == *current);
        let at = at.ok_or("\"current\": expected the name of a pepper of this file")?;
        let chosen = peppers.remove(at);
        peppers.insert(0, chosen);
    }
    if peppers.is_empty() { Err(EXPECTED) } else { Ok(peppers) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    const ONE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const TWO: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

    #[test]
    fn what_is_no_pepper_is_refused_and_not_repeated() {
        for text in [
            "",
            "short",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "{}",
            "{\"p1\":",
            "{\"p1\":7}",
            "{\"p1\":\"c2hvcnQ\"}",
            "{\"p1\":\"not base64url!\"}",
            &format!("{{\"p1\":\"{ONE}\",\"p1\":\"{TWO}\"}}"),
            &format!("{{\"current\":\"p2\",\"p1\":\"{ONE}\"}}"),
            &format!("[\"{ONE}\"]"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains("expected") && !told.contains("short"), "{text}: {told}");
        }
    }

    #[test]
    fn the_current_pepper_comes_first_and_the_others_stay() {
        let names = |text: &str| read(text).unwrap().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(&format!(" {ONE}\n")), [NAMELESS]);
        assert_eq!(names(&format!("{{\"p2\":\"{TWO}\",\"p1\":\"{ONE}\"}}")), ["p2", "p1"]);
        assert_eq!(names(&format!("{{\"p1\":\"{ONE}\",\"current\":\"p2\",\"p2\":\"{TWO}\"}}")), ["p2", "p1"]);
    }

    #[test]
    fn secrets_differ_by_purpose_and_pepper_and_nothing_prints_them() {
        let peppers = Peppers::of(&read(&format!("{{\"p2\":\"{TWO}\",\"p1\":\"{ONE}\"}}")).unwrap()).unwrap();
        let (cursors, keys) = (peppers.secrets("cursor"), peppers.secrets("idempotency"));
        let all: std::collections::BTreeSet<[u8; 32]> = cursors.iter().chain(&keys).map(|secret| **secret).collect();
        assert_eq!(all.len(), 4);
        let alone = Peppers::of(&read(&format!("{{\"p1\":\"{ONE}\"}}")).unwrap()).unwrap();
        assert_eq!(alone.secrets("cursor")[0], cursors[1], "known again while the pepper stays");
        assert!(!format!("{peppers:?}").contains("AQEB"));
    }
}
