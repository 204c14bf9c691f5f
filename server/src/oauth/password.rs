//! Passwords: Argon2id through the `argon2` crate, as PHC strings. Comparing costs the same work whether there is such a user or not.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::serve::ServeError;

/// The fewest and the most bytes of a password.
pub const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 12..=1_024;
/// How many are computed at once: each takes 19 MiB while it runs.
const AT_ONCE: usize = 4;

/// Hashes and compares passwords, a few at a time and never on the threads that serve.
pub(crate) struct Passwords {
    /// What the password of nobody is held against.
    nobody: Arc<str>,
    places: Semaphore,
}

/// The PHC string of a password: Argon2id, 19 MiB, two passes, a random salt.
///
/// # Errors
/// [`ServeError`] when it is too short or too long, or there are no random bytes.
pub fn hash(password: &str) -> Result<String, ServeError> {
    if !PASSWORD_BYTES.contains(&password.len()) {
        let (least, most) = (PASSWORD_BYTES.start(), PASSWORD_BYTES.end());
        return Err(ServeError::new(format!("a password has {least} to {most} bytes")));
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| ServeError::new(format!("no hash of a password: {error}")))
}

fn matches(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, ServeError> {
        let mut random = Zeroizing::new([0_u8; 32]);
        getrandom::fill(random.as_mut_slice()).map_err(|error| ServeError::new(format!("no random bytes: {error}")))?;
        let text = Zeroizing::new(random.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        Ok(Self { nobody: hash(&text)?.into(), places: Semaphore::new(AT_ONCE) })
    }

    /// Whether a password is the one of this hash. Without a hash the answer is no, after the same work.
    pub(crate) async fn verify(&self, password: Zeroizing<String>, stored: Option<&str>) -> bool {
        let Ok(_place) = self.places.acquire().await else { return false };
        let known = stored.is_some();
        let hash: Arc<str> = stored.map_or_else(|| Arc::clone(&self.nobody), Arc::from);
        let work = tokio::task::spawn_blocking(move || {
            let short = password.len() <= *PASSWORD_BYTES.end();
            short && matches(&password, &hash)
        });
        work.await.unwrap_or(false) && known
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn only_the_password_of_a_hash_fits_and_nobodys_never() {
        let passwords = Passwords::new().unwrap();
        let stored = hash("correct horse battery").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        for (password, hash, fits) in [
            ("correct horse battery", Some(stored.as_str()), true),
            ("correct horse batterY", Some(stored.as_str()), false),
            ("", Some(stored.as_str()), false),
            ("correct horse battery", Some("no hash"), false),
            ("correct horse battery", None, false),
        ] {
            assert_eq!(passwords.verify(Zeroizing::new(password.into()), hash).await, fits, "{password}");
        }
        for password in ["short", &"x".repeat(1_025)] {
            assert!(hash(password).is_err());
        }
    }
}
