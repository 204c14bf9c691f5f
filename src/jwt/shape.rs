//! What can be told of an RSA key without its arithmetic.

use super::verify::RsaLimit;
use super::{TokenRefusal, roca};

/// The smallest RSA modulus, in bits (RFC 7518 section 3.3).
pub(super) const MIN_RSA_BITS: usize = 2_048;

/// Bits of a big-endian number without leading zero bytes.
fn bit_len(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len().saturating_mul(8).saturating_sub(first.leading_zeros() as usize))
}

/// The bits of the modulus and the exponent of an RSA key.
///
/// # Errors
/// `key_weak` or `key_invalid`.
pub(super) fn rsa(n: &[u8], e: &[u8], limit: RsaLimit) -> Result<(usize, u64), TokenRefusal> {
    if n.first().is_none_or(|first| *first == 0) || e.first().is_none_or(|first| *first == 0) || e.len() > 8 {
        return Err(TokenRefusal::KeyInvalid);
    }
    let bits = bit_len(n);
    if !(MIN_RSA_BITS..=limit.bits()).contains(&bits) {
        return Err(TokenRefusal::KeyWeak);
    }
    let exponent = e.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let even = |number: Option<&u8>| number.is_none_or(|byte| byte & 1 == 0);
    if even(e.last()) || even(n.last()) || !(3..=1 << 32).contains(&exponent) {
        return Err(TokenRefusal::KeyInvalid);
    }
    if roca::has_fingerprint(n) { Err(TokenRefusal::KeyWeak) } else { Ok((bits, exponent)) }
}
