//! The fingerprint of ROCA (CVE-2017-15361): moduli of a faulty library that can be factored.
//!
//! Its primes are k * M + (65537^a mod M), where M is a product of the first primes, 126 of them for 2048 bits and more for longer
//! keys. So modulo each of those primes the modulus is a power of 65537, which a sound one is for all of them with a chance below
//! 2^-100 (Nemec and others, "The Return of Coppersmith's Attack", 2017, section 2).

/// The last of the first 126 primes.
const LAST_PRIME: u32 = 701;

/// Whether a big-endian modulus of at least 2048 bits has the fingerprint.
pub(super) fn has_fingerprint(n: &[u8]) -> bool {
    (3..=LAST_PRIME).step_by(2).filter(|number| is_prime(*number)).all(|prime| is_power(residue(n, prime), prime))
}

fn is_prime(odd: u32) -> bool {
    (3_u32..)
        .step_by(2)
        .take_while(|factor| factor.saturating_mul(*factor) <= odd)
        .all(|factor| !odd.is_multiple_of(factor))
}

#[expect(clippy::arithmetic_side_effects, reason = "the divisor is a prime below 2^10, the sum is below 2^18")]
fn residue(n: &[u8], prime: u32) -> u32 {
    n.iter().fold(0, |sum, byte| (sum << 8 | u32::from(*byte)) % prime)
}

/// Whether `residue` is a power of 65537 modulo `prime`.
#[expect(clippy::arithmetic_side_effects, reason = "the divisor is a prime below 2^10, the product is below 2^20")]
fn is_power(residue: u32, prime: u32) -> bool {
    let generator = 65_537 % prime;
    let powers = core::iter::successors(Some(1), |power| Some(power * generator % prime).filter(|next| *next != 1));
    powers.take(prime as usize).any(|power| power == residue)
}

#[cfg(test)]
mod tests {
    use super::{has_fingerprint, is_prime};
    use alloc::vec;

    #[test]
    fn powers_of_65537_have_it_and_their_neighbours_do_not() {
        let mut n = vec![0_u8; 258];
        n[257] = 1;
        for _ in 0..128 {
            let mut carry = 0_u64;
            for byte in n.iter_mut().rev() {
                let sum = u64::from(*byte) * 65_537 + carry;
                *byte = (sum & 0xff) as u8;
                carry = sum >> 8;
            }
            assert_eq!(carry, 0);
        }
        assert!(has_fingerprint(&n));
        n[257] = n[257].wrapping_add(2);
        assert!(!has_fingerprint(&n));
    }

    #[test]
    fn there_are_126_primes_with_two() {
        assert_eq!((3..=super::LAST_PRIME).step_by(2).filter(|number| is_prime(*number)).count(), 125);
        assert!(is_prime(super::LAST_PRIME));
    }
}
