//! Signatures: one function from algorithm, key and bytes to a proof or a refusal.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
use super::backend;
#[cfg(not(all(feature = "rsa", feature = "p256", feature = "ed25519")))]
use super::elsewhere::Elsewhere;
#[cfg(feature = "rsa")]
use super::rsa::RsaKey;
use super::{Algorithm, TokenRefusal};

/// A hash function of the SHA-2 family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

/// A digest of up to 64 bytes.
#[derive(Clone, Copy)]
pub struct Digest {
    bytes: [u8; 64],
    len: usize,
}

impl Digest {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Hash {
    /// The length of a digest, in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of the parts, one after the other.
    #[must_use]
    pub fn digest(self, parts: &[&[u8]]) -> Digest {
        fn over<D: sha2::Digest>(parts: &[&[u8]]) -> Digest {
            let mut hash = D::new();
            for part in parts {
                hash.update(part);
            }
            let output = hash.finalize();
            let mut digest = Digest { bytes: [0; 64], len: output.len() };
            for (to, from) in digest.bytes.iter_mut().zip(output.iter()) {
                *to = *from;
            }
            digest
        }
        match self {
            Self::Sha256 => over::<Sha256>(parts),
            Self::Sha384 => over::<Sha384>(parts),
            Self::Sha512 => over::<Sha512>(parts),
        }
    }
}

impl Algorithm {
    /// The hash function of the algorithm. EdDSA hashes by itself; SHA-512 stands for it.
    #[must_use]
    pub const fn hash(self) -> Hash {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 | Self::Hs256 => Hash::Sha256,
            Self::Rs384 | Self::Ps384 | Self::Es384 | Self::Hs384 => Hash::Sha384,
            Self::Rs512 | Self::Ps512 | Self::Hs512 | Self::EdDsa => Hash::Sha512,
        }
    }
}

/// Whether this build can verify the algorithm; the features `rsa`, `p256` and `ed25519` decide.
#[must_use]
pub const fn is_supported(algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => true,
        Algorithm::Es256 | Algorithm::Es384 => cfg!(feature = "p256"),
        Algorithm::EdDsa => cfg!(feature = "ed25519"),
        _ => cfg!(feature = "rsa"),
    }
}

/// The longest RSA modulus that is taken. Longer ones cost the verifier more than they give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RsaLimit {
    /// 4096 bits.
    #[default]
    Bits4096,
    /// 8192 bits; a signature costs 16 times what it costs at 2048.
    Bits8192,
}

impl RsaLimit {
    /// The number of bits.
    #[must_use]
    pub const fn bits(self) -> usize {
        match self {
            Self::Bits4096 => 4_096,
            Self::Bits8192 => 8_192,
        }
    }
}

/// The shortest secret of an HMAC algorithm, in bytes (RFC 7518 section 3.2).
#[must_use]
pub const fn min_secret_bytes(algorithm: Algorithm) -> usize {
    algorithm.hash().size()
}

/// A key to verify with.
pub struct VerifyKey(pub(super) Inner);

pub(super) enum Inner {
    #[cfg(feature = "rsa")]
    Rsa {
        key: RsaKey,
        #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
        parts: backend::RsaParts,
    },
    #[cfg(feature = "p256")]
    P256 {
        #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
        key: p256::ecdsa::VerifyingKey,
        #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
        point: Vec<u8>,
    },
    #[cfg(feature = "p256")]
    P384 {
        #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
        key: p384::ecdsa::VerifyingKey,
        #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
        point: Vec<u8>,
    },
    #[cfg(all(feature = "ed25519", not(feature = "aws-lc-rs")))]
    Ed25519(ed25519_dalek::VerifyingKey),
    #[cfg(all(feature = "ed25519", feature = "aws-lc-rs"))]
    Ed25519(backend::Ed25519Key),
    Hmac {
        secret: Zeroizing<Vec<u8>>,
        /// HS256 after its first block; as large as all the rest.
        sha256: Option<Box<Hmac<Sha256>>>,
    },
    /// Of an algorithm whose arithmetic this build lacks: the host verifies.
    #[cfg(not(all(feature = "rsa", feature = "p256", feature = "ed25519")))]
    Elsewhere(Elsewhere),
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            #[cfg(feature = "rsa")]
            Inner::Rsa { .. } => "VerifyKey(RSA)",
            #[cfg(feature = "p256")]
            Inner::P256 { .. } => "VerifyKey(P-256)",
            #[cfg(feature = "p256")]
            Inner::P384 { .. } => "VerifyKey(P-384)",
            #[cfg(feature = "ed25519")]
            Inner::Ed25519(_) => "VerifyKey(Ed25519)",
            Inner::Hmac { .. } => "VerifyKey(redacted)",
            #[cfg(not(all(feature = "rsa", feature = "p256", feature = "ed25519")))]
            Inner::Elsewhere(_) => "VerifyKey(elsewhere)",
        })
    }
}

impl VerifyKey {
    /// An HMAC secret, which the host gives; a key set never holds one.
    #[must_use]
    pub fn hmac(secret: &[u8]) -> Self {
        let sha256 = Hmac::new_from_slice(secret).ok().map(Box::new);
        Self(Inner::Hmac { secret: Zeroizing::new(secret.to_vec()), sha256 })
    }

    /// An RSA public key of 2048 to 4096 bits from modulus and exponent, big-endian.
    ///
    /// # Errors
    /// `key_weak` or `key_invalid`, as [`RsaKey::new`].
    #[cfg(feature = "rsa")]
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, TokenRefusal> {
        Self::rsa_up_to(RsaLimit::default(), n, e)
    }

    /// An RSA public key of a chosen greatest length.
    ///
    /// # Errors
    /// `key_weak` or `key_invalid`, as [`RsaKey::new`].
    #[cfg(feature = "rsa")]
    pub fn rsa_up_to(limit: RsaLimit, n: &[u8], e: &[u8]) -> Result<Self, TokenRefusal> {
        Ok(Self(Inner::Rsa {
            key: RsaKey::new(n, e, limit)?,
            #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
            parts: backend::RsaParts::new(n, e),
        }))
    }

    /// A P-256 public key from its coordinates, 32 bytes each (RFC 7518 section 6.2.1).
    ///
    /// # Errors
    /// `key_invalid` for coordinates of another length or off the curve.
    #[cfg(feature = "p256")]
    pub fn p256(x: &[u8], y: &[u8]) -> Result<Self, TokenRefusal> {
        use p256::elliptic_curve::point::AffineCoordinates;
        let (Ok(at_x), Ok(at_y)) = (x.try_into(), y.try_into()) else { return Err(TokenRefusal::KeyInvalid) };
        let point = p256::AffinePoint::from_coordinates(at_x, at_y).into_option().ok_or(TokenRefusal::KeyInvalid)?;
        let _key = p256::ecdsa::VerifyingKey::from_affine(point).map_err(|_| TokenRefusal::KeyInvalid)?;
        Ok(Self(Inner::P256 {
            #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
            key: _key,
            #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
            point: uncompressed(x, y),
        }))
    }

    /// A P-384 public key from its coordinates, 48 bytes each.
    ///
    /// # Errors
    /// `key_invalid` for coordinates of another length or off the curve.
    #[cfg(feature = "p256")]
    pub fn p384(x: &[u8], y: &[u8]) -> Result<Self, TokenRefusal> {
        use p384::elliptic_curve::point::AffineCoordinates;
        let (Ok(at_x), Ok(at_y)) = (x.try_into(), y.try_into()) else { return Err(TokenRefusal::KeyInvalid) };
        let point = p384::AffinePoint::from_coordinates(at_x, at_y).into_option().ok_or(TokenRefusal::KeyInvalid)?;
        let _key = p384::ecdsa::VerifyingKey::from_affine(point).map_err(|_| TokenRefusal::KeyInvalid)?;
        Ok(Self(Inner::P384 {
            #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
            key: _key,
            #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
            point: uncompressed(x, y),
        }))
    }

    /// An Ed25519 public key (RFC 8037 section 2).
    ///
    /// # Errors
    /// `key_invalid` unless it is 32 bytes that are the canonical encoding (RFC 8032 section 5.1.3) of a point of large order.
    #[cfg(feature = "ed25519")]
    pub fn ed25519(x: &[u8]) -> Result<Self, TokenRefusal> {
        let bytes = x.try_into().map_err(|_| TokenRefusal::KeyInvalid)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| TokenRefusal::KeyInvalid)?;
        // Decoding reduces the coordinate; verifiers differ about what is not reduced already.
        let canonical = key.to_edwards().compress().as_bytes() == bytes;
        if !canonical || key.is_weak() {
            return Err(TokenRefusal::KeyInvalid);
        }
        #[cfg(feature = "aws-lc-rs")]
        let key = backend::Ed25519Key::new(x)?;
        Ok(Self(Inner::Ed25519(key)))
    }

    /// Whether the algorithm is one of this key's (the exact table of key type, curve and algorithm).
    #[must_use]
    pub const fn fits(&self, algorithm: Algorithm) -> bool {
        match &self.0 {
            #[cfg(feature = "rsa")]
            Inner::Rsa { .. } => matches!(
                algorithm,
                Algorithm::Rs256
                    | Algorithm::Rs384
                    | Algorithm::Rs512
                    | Algorithm::Ps256
                    | Algorithm::Ps384
                    | Algorithm::Ps512
            ),
            #[cfg(feature = "p256")]
            Inner::P256 { .. } => matches!(algorithm, Algorithm::Es256),
            #[cfg(feature = "p256")]
            Inner::P384 { .. } => matches!(algorithm, Algorithm::Es384),
            #[cfg(feature = "ed25519")]
            Inner::Ed25519(_) => matches!(algorithm, Algorithm::EdDsa),
            Inner::Hmac { .. } => algorithm.is_hmac(),
            #[cfg(not(all(feature = "rsa", feature = "p256", feature = "ed25519")))]
            Inner::Elsewhere(key) => key.fits(algorithm),
        }
    }

    fn signature_len(&self, algorithm: Algorithm) -> usize {
        match &self.0 {
            #[cfg(feature = "rsa")]
            Inner::Rsa { key, .. } => key.size(),
            #[cfg(feature = "p256")]
            Inner::P256 { .. } => 64,
            #[cfg(feature = "p256")]
            Inner::P384 { .. } => 96,
            #[cfg(feature = "ed25519")]
            Inner::Ed25519(_) => 64,
            Inner::Hmac { .. } => algorithm.hash().size(),
            #[cfg(not(all(feature = "rsa", feature = "p256", feature = "ed25519")))]
            Inner::Elsewhere(key) => key.signature_len(),
        }
    }
}

/// The point as the back ends take it (SEC 1 section 2.3.3).
#[cfg(all(feature = "p256", any(feature = "ring", feature = "aws-lc-rs")))]
fn uncompressed(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

/// Proof that a signature was verified: what claims are made with.
#[derive(Debug)]
pub struct SignatureVerified(());

impl SignatureVerified {
    /// The host verified it; only the engine says so, for the token that it asked about.
    pub(crate) const fn by_host() -> Self {
        Self(())
    }
}

/// What can be told without arithmetic: that the algorithm fits the key, and the length of the signature.
///
/// # Errors
/// `alg_key_mismatch`, `key_weak` for a short HMAC secret, or `signature_invalid`.
pub fn check_shape(algorithm: Algorithm, key: &VerifyKey, signature: &[u8]) -> Result<(), TokenRefusal> {
    if !key.fits(algorithm) {
        return Err(TokenRefusal::AlgKeyMismatch);
    }
    if let Inner::Hmac { secret, .. } = &key.0
        && secret.len() < min_secret_bytes(algorithm)
    {
        return Err(TokenRefusal::KeyWeak);
    }
    if signature.len() == key.signature_len(algorithm) { Ok(()) } else { Err(TokenRefusal::SignatureInvalid) }
}

/// Verifies a signature.
///
/// ECDSA signatures are R and S of exact length, both from 1 to below the order (RFC 7518 section 3.4); Ed25519 is strict (S below the
/// order, no point of small order); RSA as [`RsaKey`]; HMAC is compared in constant time.
///
/// # Errors
/// As [`check_shape`], or `signature_invalid`.
pub fn verify(
    algorithm: Algorithm,
    key: &VerifyKey,
    signing_input: &[u8],
    signature: &[u8],
) -> Result<SignatureVerified, TokenRefusal> {
    check_shape(algorithm, key, signature)?;
    let valid = match &key.0 {
        #[cfg(all(feature = "rsa", not(any(feature = "ring", feature = "aws-lc-rs"))))]
        Inner::Rsa { key } => match algorithm {
            Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => {
                key.verify_pss(algorithm.hash(), signing_input, signature)
            }
            _ => key.verify_pkcs1(algorithm.hash(), signing_input, signature),
        },
        #[cfg(all(feature = "rsa", any(feature = "ring", feature = "aws-lc-rs")))]
        Inner::Rsa { parts, .. } => parts.verify(algorithm, signing_input, signature),
        #[cfg(all(feature = "p256", not(any(feature = "ring", feature = "aws-lc-rs"))))]
        Inner::P256 { key } => {
            use p256::ecdsa::signature::Verifier;
            p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(signing_input, &signature).is_ok())
        }
        #[cfg(all(feature = "p256", not(any(feature = "ring", feature = "aws-lc-rs"))))]
        Inner::P384 { key } => {
            use p384::ecdsa::signature::Verifier;
            p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(signing_input, &signature).is_ok())
        }
        #[cfg(all(feature = "p256", any(feature = "ring", feature = "aws-lc-rs")))]
        Inner::P256 { point, .. } | Inner::P384 { point, .. } => {
            backend::verify_ecdsa(algorithm, point, signing_input, signature)
        }
        #[cfg(all(feature = "ed25519", feature = "aws-lc-rs"))]
        Inner::Ed25519(key) => key.verify(signing_input, signature),
        #[cfg(all(feature = "ed25519", not(feature = "aws-lc-rs")))]
        Inner::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| key.verify_strict(signing_input, &signature).is_ok()),
        Inner::Hmac { secret, sha256 } => match algorithm.hash() {
            Hash::Sha256 => sha256.as_deref().is_some_and(|mac| is_mac(mac.clone(), signing_input, signature)),
            Hash::Sha384 => {
                Hmac::<Sha384>::new_from_slice(secret).is_ok_and(|mac| is_mac(mac, signing_input, signature))
            }
            Hash::Sha512 => {
                Hmac::<Sha512>::new_from_slice(secret).is_ok_and(|mac| is_mac(mac, signing_input, signature))
            }
        },
        #[cfg(not(all(feature = "rsa", feature = "p256", feature = "ed25519")))]
        Inner::Elsewhere(_) => false,
    };
    if valid { Ok(SignatureVerified(())) } else { Err(TokenRefusal::SignatureInvalid) }
}

fn is_mac(mut mac: impl Mac, signing_input: &[u8], signature: &[u8]) -> bool {
    mac.update(signing_input);
    mac.verify_slice(signature).is_ok()
}
