//! Native arithmetic by choice: `aws-lc-rs` or `ring` do RSA and ECDSA behind the same checks. Ed25519 stays with `ed25519-dalek`,
//! whose strict rules they do not have.

use alloc::boxed::Box;

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::signature;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring::signature;

use super::Algorithm;

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
