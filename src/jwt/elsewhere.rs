//! Keys of algorithms whose arithmetic is not in this build: what can be told of them without it, for a host that verifies.
//!
//! Bit by bit, since this is done once for each key of a set. Whether an Ed25519 key is a point at all is for the host to find out.

use super::verify::RsaLimit;
use super::{Algorithm, TokenRefusal, point, shape};

/// Limbs of 32 bits, the highest first, so that comparing numbers is comparing arrays.
type Number = [u32; 12];

/// A curve y^2 = x^3 - 3x + b modulo p (SEC 2 sections 2.4.2 and 2.5.1).
struct Curve {
    bytes: usize,
    p: Number,
    b: Number,
}

const MAX: u32 = u32::MAX;

const P256: Curve = Curve {
    bytes: 32,
    p: [0, 0, 0, 0, MAX, 1, 0, 0, 0, MAX, MAX, MAX],
    b: [
        0,
        0,
        0,
        0,
        0x5ac6_35d8,
        0xaa3a_93e7,
        0xb3eb_bd55,
        0x7698_86bc,
        0x651d_06b0,
        0xcc53_b0f6,
        0x3bce_3c3e,
        0x27d2_604b,
    ],
};

const P384: Curve = Curve {
    bytes: 48,
    p: [MAX, MAX, MAX, MAX, MAX, MAX, MAX, MAX - 1, MAX, 0, 0, MAX],
    b: [
        0xb331_2fa7,
        0xe23e_e7e4,
        0x988e_056b,
        0xe3f8_2d19,
        0x181d_9c6e,
        0xfe81_4112,
        0x0314_088f,
        0x5013_875a,
        0xc656_398d,
        0x8a2e_d19d,
        0x2a85_c8ed,
        0xd3ec_2aef,
    ],
};

/// A number of at most 48 big-endian bytes.
fn number(bytes: &[u8]) -> Number {
    let mut number = [0; 12];
    for (limb, part) in number.iter_mut().rev().zip(bytes.rchunks(4)) {
        *limb = part.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    }
    number
}

impl Curve {
    fn has(&self, x: &[u8], y: &[u8]) -> bool {
        let (px, py) = (number(x), number(y));
        if x.len() != self.bytes || y.len() != self.bytes || px >= self.p || py >= self.p {
            return false;
        }
        let three_x = self.plus(&self.plus(&px, &px), &px);
        let cube = self.times(&self.times(&px, &px), &px);
        self.plus(&self.times(&py, &py), &three_x) == self.plus(&cube, &self.b)
    }

    /// The sum of two numbers below p, modulo p.
    fn plus(&self, one: &Number, other: &Number) -> Number {
        let mut sum = [0; 12];
        let mut carry = false;
        for ((place, a), b) in sum.iter_mut().zip(one).zip(other).rev() {
            let (half, first) = a.overflowing_add(*b);
            let (whole, second) = half.overflowing_add(u32::from(carry));
            (*place, carry) = (whole, first | second);
        }
        if carry || sum >= self.p {
            let mut borrow = false;
            for (place, p) in sum.iter_mut().zip(&self.p).rev() {
                let (half, first) = place.overflowing_sub(*p);
                let (whole, second) = half.overflowing_sub(u32::from(borrow));
                (*place, borrow) = (whole, first | second);
            }
        }
        sum
    }

    /// The product of two numbers below p, modulo p.
    fn times(&self, one: &Number, other: &Number) -> Number {
        let mut product = [0; 12];
        for limb in other {
            for bit in (0..32).rev() {
                product = self.plus(&product, &product);
                if limb >> bit & 1 == 1 {
                    product = self.plus(&product, one);
                }
            }
        }
        product
    }
}

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

    /// A key on the curve `P-256` or `P-384`.
    pub(super) fn curve(name: &str, x: &[u8], y: &[u8]) -> Result<Self, TokenRefusal> {
        let (curve, key) = if name == "P-256" { (P256, Self::P256) } else { (P384, Self::P384) };
        if curve.has(x, y) { Ok(key) } else { Err(TokenRefusal::KeyInvalid) }
    }

    /// An Ed25519 key: canonical (RFC 8032 section 5.1.3), and none of the points of small order.
    pub(super) fn ed25519(x: &[u8]) -> Result<Self, TokenRefusal> {
        if point::is_of_large_order(x) { Ok(Self::Ed25519) } else { Err(TokenRefusal::KeyInvalid) }
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

#[cfg(test)]
#[cfg(feature = "ed25519")]
mod tests {
    use super::Elsewhere;
    use crate::jwt::point::{PRIME, SMALL_ORDER};
    use crate::jwt::verify::VerifyKey;
    use alloc::vec;
    use alloc::vec::Vec;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[cfg(feature = "p256")]
    #[test]
    fn points_off_their_curve_are_refused_as_by_the_arithmetic() {
        // The base points (SEC 2 sections 2.4.2 and 2.5.1).
        let curves = [
            (
                "P-256",
                "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
                "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
            ),
            (
                "P-384",
                "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
                "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
            ),
        ];
        for (name, x, y) in curves {
            let (x, y) = (bytes(x), bytes(y));
            let same = |x: &[u8], y: &[u8]| {
                let key = if name == "P-256" { VerifyKey::p256(x, y) } else { VerifyKey::p384(x, y) };
                let here = Elsewhere::curve(name, x, y).is_ok();
                assert_eq!(here, key.is_ok(), "{name} {x:02x?} {y:02x?}");
                here
            };
            assert!(same(&x, &y));
            assert!(!same(&x[1..], &y) && !same(&x, &[&y[..], &[0]].concat()) && !same(&[], &[]));
            assert!(!same(&vec![0xff; x.len()], &y) && !same(&vec![0; x.len()], &vec![0; y.len()]));
            for bit in 0..x.len() * 8 {
                let flip = |number: &[u8]| {
                    let mut number = number.to_vec();
                    number[bit / 8] ^= 1 << (bit % 8);
                    number
                };
                assert!(!same(&flip(&x), &y) && !same(&x, &flip(&y)));
            }
        }
    }

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
