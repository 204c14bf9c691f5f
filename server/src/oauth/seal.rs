//! What rests in the database sealed: AES-256-GCM through ring, under keys that only the pepper file yields.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::peppers::Peppers;
use crate::serve::ServeError;

/// The first byte of what is sealed: which way it was.
const VERSION: u8 = 1;

/// Seals under the key of the current pepper, and opens what was sealed under any that is still in the file.
pub(crate) struct Sealer {
    keys: Vec<LessSafeKey>,
}

impl Sealer {
    pub(crate) fn of(peppers: &Peppers, purpose: &str) -> Result<Self, ServeError> {
        let keys: Result<Vec<_>, _> = peppers
            .secrets(purpose)
            .iter()
            .map(|secret| UnboundKey::new(&AES_256_GCM, secret.as_slice()).map(LessSafeKey::new))
            .collect();
        let keys = keys.map_err(|_| ServeError::new("the pepper yields no key to seal with"))?;
        Ok(Self { keys })
    }

    /// Seals bytes as what they are: they open under the same name only. A nonce is random; far fewer than 2^32 are ever made of a key.
    pub(crate) fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, ServeError> {
        let key = self.keys.first().ok_or_else(|| ServeError::new("there is no key to seal with"))?;
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| ServeError::new(format!("no random bytes: {error}")))?;
        let mut body = plain.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name.as_bytes()), &mut body)
            .map_err(|_| ServeError::new("sealing failed"))?;
        Ok([&[VERSION], nonce.as_slice(), body.as_slice()].concat())
    }

    /// Opens what was sealed under this name; `None` when no key that is left opens it.
    pub(crate) fn open(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (VERSION, rest) = sealed.split_first().map(|(version, rest)| (*version, rest))? else { return None };
        let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
        self.keys.iter().find_map(|key| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut body = Zeroizing::new(body.to_vec());
            let length = key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut body).ok()?.len();
            body.truncate(length);
            Some(body)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn nothing_opens_under_another_name_key_or_after_a_change() {
        let peppers = Peppers::fresh().unwrap();
        let sealer = Sealer::of(&peppers, "a").unwrap();
        let sealed = sealer.seal("keys", b"secret").unwrap();
        assert_eq!(sealer.open("keys", &sealed).unwrap().as_slice(), b"secret");
        assert!(sealer.open("other", &sealed).is_none());
        assert!(Sealer::of(&peppers, "b").unwrap().open("keys", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open("keys", &changed).is_none(), "byte {at}");
        }
        assert!(sealer.open("keys", &sealed[..12]).is_none() && sealer.open("keys", &[]).is_none());
    }
}
