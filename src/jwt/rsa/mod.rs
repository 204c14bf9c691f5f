//! RSA signature verification (RFC 8017): public keys and public data only, so there is no secret whose timing could leak.

#[cfg(any(test, not(target_pointer_width = "64")))]
mod narrow;
mod padding;
#[cfg(any(test, target_pointer_width = "64"))]
mod wide;

use alloc::vec::Vec;

#[cfg(not(target_pointer_width = "64"))]
use self::narrow::Modulus;
#[cfg(target_pointer_width = "64")]
use self::wide::Modulus;
use super::verify::{Hash, RsaLimit};
use super::{TokenRefusal, shape};

/// The smallest modulus, in bits (RFC 7518 section 3.3).
pub const MIN_BITS: usize = shape::MIN_RSA_BITS;

/// A public key, ready to verify with.
#[derive(Debug)]
pub struct RsaKey {
    modulus: Modulus,
    exponent: u64,
    bits: usize,
}

impl RsaKey {
    /// A key from modulus and exponent, big-endian and without leading zero bytes (RFC 7518 section 6.3.1).
    ///
    /// # Errors
    /// `key_weak` below 2048 bits, above the limit or with the fingerprint of ROCA (CVE-2017-15361), `key_invalid` for an even
    /// modulus or an exponent that is not odd, from 3 to 2^32.
    pub fn new(n: &[u8], e: &[u8], limit: RsaLimit) -> Result<Self, TokenRefusal> {
        let (bits, exponent) = shape::rsa(n, e, limit)?;
        let modulus = Modulus::new(n).ok_or(TokenRefusal::KeyInvalid)?;
        Ok(Self { modulus, exponent, bits })
    }

    /// The length of the modulus and of every signature, in bytes.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.bits.div_ceil(8)
    }

    /// The encoded message of a signature (RSAVP1, RFC 8017 section 5.2.2); `None` unless it has the length of the modulus and is
    /// smaller.
    fn open(&self, signature: &[u8]) -> Option<Vec<u8>> {
        if signature.len() != self.size() {
            return None;
        }
        self.modulus.pow(signature, self.exponent)
    }

    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2): the whole encoded message is compared.
    #[must_use]
    pub fn verify_pkcs1(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        self.open(signature).is_some_and(|encoded| padding::is_pkcs1(&encoded, hash, message))
    }

    /// RSASSA-PSS (RFC 8017 section 8.1.2) with MGF1 of the same hash and a salt as long as it (RFC 7518 section 3.5).
    #[must_use]
    pub fn verify_pss(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        self.open(signature).is_some_and(|encoded| padding::is_pss(encoded, self.bits, hash, message))
    }
}

#[cfg(test)]
mod tests {
    use super::{narrow, wide};
    use alloc::vec;
    use alloc::vec::Vec;

    /// xorshift64*: the same numbers at every run.
    fn random(state: &mut u64, len: usize) -> Vec<u8> {
        (0..len)
            .map(|_| {
                *state ^= *state >> 12;
                *state ^= *state << 25;
                *state ^= *state >> 27;
                (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8
            })
            .collect()
    }

    #[test]
    fn both_limb_sizes_agree() {
        let mut state = 0x5C0F_E6A7_E000_0002;
        for round in 0..200 {
            let len = [256, 257, 300, 384, 440, 444, 512, 1_024][round % 8];
            let mut n = random(&mut state, len);
            n[0] |= 1 << (round % 8);
            *n.last_mut().unwrap() |= 1;
            let mut base = random(&mut state, len);
            base[0] = 0;
            let exponent = [3, 17, 65_537, 0xffff_ffff, 1 << 32 | 1][round % 5];
            let a = wide::Modulus::new(&n).unwrap().pow(&base, exponent);
            let b = narrow::Modulus::new(&n).unwrap().pow(&base, exponent);
            assert!(a.is_some() && a == b, "{len} bytes, exponent {exponent}");
        }
    }

    #[test]
    fn small_numbers_come_out_as_on_paper() {
        // Long moduli whose powers are known: n = 2^2047 + 1 has 2^2047 = -1.
        let mut n = vec![0_u8; 256];
        n[0] = 0x80;
        n[255] = 1;
        let mut two = vec![0_u8; 256];
        two[255] = 2;
        let mut minus_one = n.clone();
        minus_one[255] = 0;
        for power in
            [wide::Modulus::new(&n).unwrap().pow(&two, 2047), narrow::Modulus::new(&n).unwrap().pow(&two, 2047)]
        {
            assert_eq!(power.unwrap(), minus_one);
        }
        assert!(wide::Modulus::new(&n).unwrap().pow(&n, 3).is_none());
        assert!(narrow::Modulus::new(&n).unwrap().pow(&n, 3).is_none());
        assert!(wide::Modulus::new(&minus_one).is_none() && narrow::Modulus::new(&minus_one).is_none());
    }
}
