//! Native arithmetic by choice: `aws-lc-rs` or `ring` do RSA and ECDSA behind the same checks, `aws-lc-rs` Ed25519 too. `ring` is
//! slower at that than `ed25519-dalek`.

use alloc::boxed::Box;

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::signature;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring::signature;

use super::Algorithm;
#[cfg(all(feature = "ed25519", feature = "aws-lc-rs"))]
use super::{TokenRefusal, point};

/// An RSA public key as the back ends take it.
#[cfg(feature = "rsa")]
pub(super) struct RsaParts {
    n: Box<[u8]>,
    e: Box<[u8]>,
}

#[cfg(feature = "rsa")]
impl RsaParts {
    pub(super) fn new(n: &[u8], e: &[u8]) -> Self {
        Self { n: n.into(), e: e.into() }
    }

    pub(super) fn verify(&self, algorithm: Algorithm, signing_input: &[u8], signature: &[u8]) -> bool {
        let parameters = match algorithm {
            Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            _ => return false,
        };
        let key = signature::RsaPublicKeyComponents { n: &*self.n, e: &*self.e };
        key.verify(parameters, signing_input, signature).is_ok()
    }
}

/// ECDSA with R and S of fixed length; `point` is the uncompressed key.
#[cfg(feature = "p256")]
pub(super) fn verify_ecdsa(algorithm: Algorithm, point: &[u8], signing_input: &[u8], signature: &[u8]) -> bool {
    let parameters: &dyn signature::VerificationAlgorithm = match algorithm {
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        _ => return false,
    };
    #[cfg(feature = "aws-lc-rs")]
    let verified = parameters.verify_sig(point, signing_input, signature);
    #[cfg(not(feature = "aws-lc-rs"))]
    let verified = parameters.verify(point.into(), signing_input.into(), signature.into());
    verified.is_ok()
}

/// An Ed25519 public key, which was checked to be one of large order.
#[cfg(all(feature = "ed25519", feature = "aws-lc-rs"))]
pub(super) struct Ed25519Key(signature::ParsedPublicKey);

#[cfg(all(feature = "ed25519", feature = "aws-lc-rs"))]
impl Ed25519Key {
    pub(super) fn new(x: &[u8]) -> Result<Self, TokenRefusal> {
        let key = signature::ParsedPublicKey::new(&signature::ED25519, x);
        key.map(Self).map_err(|_| TokenRefusal::KeyInvalid)
    }

    /// S below the order, and R as it comes out of the equation without the cofactor, are checked by the back end; that R is not of
    /// small order is not.
    pub(super) fn verify(&self, signing_input: &[u8], signature: &[u8]) -> bool {
        let r = signature.first_chunk::<32>();
        r.is_some_and(|r| point::is_of_large_order(r)) && self.0.verify_sig(signing_input, signature).is_ok()
    }
}
