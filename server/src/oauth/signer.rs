//! Private keys: RSA of 2048 bits, through the `rsa` crate, which blinds what it computes.

use base64ct::{Base64UrlUnpadded, Encoding};
use rsa::pkcs1v15::SigningKey;
use rsa::rand_core::UnwrapErr;
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, PrivateKey};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::serve::ServeError;

const BITS: usize = 2_048;
const PRIME_BITS: u32 = 1_024;
const EXPONENT: u64 = 65_537;

/// A key that signs with RS256. It prints without itself.
pub(crate) struct Signer {
    kid: String,
    key: SigningKey<Sha256>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl Signer {
    /// A fresh key. It takes a good part of a second.
    pub(crate) fn generate() -> Result<Self, ServeError> {
        PrivateKey::new(&mut UnwrapErr(getrandom::SysRng), BITS)
            .map(Self::of)
            .map_err(|error| ServeError::new(format!("no signing key: {error}")))
    }

    /// The key of two primes, big-endian.
    pub(crate) fn from_primes(p: &[u8], q: &[u8]) -> Option<Self> {
        let prime = |bytes| BoxedUint::from_be_slice(bytes, PRIME_BITS).ok();
        PrivateKey::from_p_q(prime(p)?, prime(q)?, BoxedUint::from(EXPONENT)).ok().map(Self::of)
    }

    /// The two primes, big-endian.
    pub(crate) fn primes(&self) -> Option<[Zeroizing<Vec<u8>>; 2]> {
        match self.key.as_ref().primes() {
            [p, q] => Some([Zeroizing::new(p.to_be_bytes().into_vec()), Zeroizing::new(q.to_be_bytes().into_vec())]),
            _ => None,
        }
    }

    /// The id is made of the public key, so that one key never has two.
    fn of(key: PrivateKey) -> Self {
        let digest = Sha256::digest(key.n_bytes());
        let kid = Base64UrlUnpadded::encode_string(digest.get(..12).unwrap_or_default());
        Self { kid, key: SigningKey::new(key) }
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half as a JWK.
    pub(crate) fn public_jwk(&self) -> String {
        let public = self.key.as_ref().to_public_key();
        let text = |number: &[u8]| Base64UrlUnpadded::encode_string(number);
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
            "n": text(&public.n_bytes()), "e": text(&public.e_bytes()),
        })
        .to_string()
    }

    pub(crate) fn sign(&self, input: &[u8]) -> Result<Vec<u8>, ServeError> {
        self.key
            .try_sign_with_rng(&mut UnwrapErr(getrandom::SysRng), input)
            .map(|signature| signature.to_vec())
            .map_err(|error| ServeError::new(format!("no signature: {error}")))
    }
}
