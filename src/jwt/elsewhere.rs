//! Keys of algorithms whose arithmetic is not in this build: their shape, for a host that verifies. Whether a point is on its curve is for
//! the host to find out.

use super::verify::RsaLimit;
use super::{Algorithm, TokenRefusal, shape};

/// 2^255 - 19, big-endian.
const PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0x7f;
    prime[31] = 0xed;
    prime
};

const fn ends(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut number = [middle; 32];
    number[0] = first;
    number[31] = last;
    number
}

/// The y coordinates of the points whose order divides 8, big-endian: of order 4, 1, 2 and twice 8.
const SMALL_ORDER: [[u8; 32]; 5] = [
    ends(0, 0, 0),
    ends(0, 0, 1),
    ends(0x7f, 0xff, 0xec),
    [
        0x05, 0xfc, 0x53, 0x6d, 0x88, 0x02, 0x38, 0xb1, 0x39, 0x33, 0xc6, 0xd3, 0x05, 0xac, 0xdf, 0xd5, 0xf0, 0x98,
        0xef, 0xf2, 0x89, 0xf4, 0xc3, 0x45, 0xb0, 0x27, 0xb2, 0xc2, 0x8f, 0x95, 0xe8, 0x26,
    ],
    [
        0x7a, 0x03, 0xac, 0x92, 0x77, 0xfd, 0xc7, 0x4e, 0xc6, 0xcc, 0x39, 0x2c, 0xfa, 0x53, 0x20, 0x2a, 0x0f, 0x67,
        0x10, 0x0d, 0x76, 0x0b, 0x3c, 0xba, 0x4f, 0xd8, 0x4d, 0x3d, 0x70, 0x6a, 0x17, 0xc7,
    ],
];

/// What is kept of such a key.
pub(super) enum Elsewhere {
    /// The bytes of the modulus.
    Rsa(usize),
    P256,
    P384,
    Ed25519,
}

impl Elsewhere {
    pub(super) fn rsa(n: &[u8], e: &[u8], limit: RsaLimit) -> Result<Self, TokenRefusal> {
        shape::rsa(n, e, limit).map(|(bits, _)| Self::Rsa(bits.div_ceil(8)))
    }

    pub(super) fn curve(name: &str, x: &[u8], y: &[u8]) -> Result<Self, TokenRefusal> {
        match (name, x.len(), y.len()) {
            ("P-256", 32, 32) => Ok(Self::P256),
            ("P-384", 48, 48) => Ok(Self::P384),
            _ => Err(TokenRefusal::KeyInvalid),
        }
    }

    /// An Ed25519 key: canonical (RFC 8032 section 5.1.3), and none of the points of small order.
    pub(super) fn ed25519(x: &[u8]) -> Result<Self, TokenRefusal> {
        let bytes: &[u8; 32] = x.try_into().map_err(|_| TokenRefusal::KeyInvalid)?;
        let mut y = *bytes;
        y.reverse();
        if let Some(sign) = y.first_mut() {
            *sign &= 0x7f;
        }
        if y >= PRIME || SMALL_ORDER.contains(&y) { Err(TokenRefusal::KeyInvalid) } else { Ok(Self::Ed25519) }
    }

    pub(super) const fn fits(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa(_) => matches!(
                algorithm,
                Algorithm::Rs256
                    | Algorithm::Rs384
                    | Algorithm::Rs512
                    | Algorithm::Ps256
                    | Algorithm::Ps384
                    | Algorithm::Ps512
            ),
            Self::P256 => matches!(algorithm, Algorithm::Es256),
            Self::P384 => matches!(algorithm, Algorithm::Es384),
            Self::Ed25519 => matches!(algorithm, Algorithm::EdDsa),
        }
    }

    pub(super) const fn signature_len(&self) -> usize {
        match self {
            Self::Rsa(bytes) => *bytes,
            Self::P256 | Self::Ed25519 => 64,
            Self::P384 => 96,
        }
    }
}

#[cfg(all(test, feature = "ed25519"))]
mod tests {
    use super::{Elsewhere, PRIME, SMALL_ORDER};
    use crate::jwt::verify::VerifyKey;

    #[test]
    fn ed25519_keys_of_small_order_or_not_canonical_are_refused_as_by_the_arithmetic() {
        let mut bad: Vec<[u8; 32]> = SMALL_ORDER.to_vec();
        for above in 0..19 {
            let mut number = PRIME;
            number[31] += above;
            bad.push(number);
        }
        for number in bad {
            for sign in [0, 0x80] {
                let mut key = number;
                key[0] |= sign;
                key.reverse();
                assert!(Elsewhere::ed25519(&key).is_err() && VerifyKey::ed25519(&key).is_err(), "{key:02x?}");
                if number < PRIME {
                    // Each of the five is a point, so it is its order that the arithmetic refuses.
                    let point = ed25519_dalek::VerifyingKey::from_bytes(&key);
                    assert!(sign != 0 || point.is_ok_and(|point| point.is_weak()), "{key:02x?}");
                }
            }
        }
        // The base point (RFC 8032 section 5.1).
        let mut base = [0x66; 32];
        base[0] = 0x58;
        assert!(Elsewhere::ed25519(&base).is_ok() && VerifyKey::ed25519(&base).is_ok());
        assert!(Elsewhere::ed25519(&base[1..]).is_err());
    }
}
