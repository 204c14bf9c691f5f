//! Montgomery exponentiation with 64-bit limbs, for machines that multiply them at once.
#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "limb loops: every index is below the limb count that the vectors were made with, every sum fits 128 bits"
)]

use alloc::vec;
use alloc::vec::Vec;

/// An odd modulus with what Montgomery multiplication needs.
#[derive(Debug)]
pub(super) struct Modulus {
    n: Vec<u64>,
    /// The negated inverse of the lowest limb modulo 2^64.
    inverse: u64,
    /// R^2 modulo n, with R = 2^(64 * limbs).
    r_squared: Vec<u64>,
    bytes: usize,
}

/// Big-endian bytes to little-endian limbs.
fn limbs(bytes: &[u8], count: usize) -> Vec<u64> {
    let mut limbs = vec![0_u64; count];
    for (at, byte) in bytes.iter().rev().enumerate() {
        limbs[at / 8] |= u64::from(*byte) << (at % 8 * 8);
    }
    limbs
}

fn less(a: &[u64], b: &[u64]) -> bool {
    a.iter().rev().cmp(b.iter().rev()).is_lt()
}

fn subtract(a: &mut [u64], b: &[u64]) {
    let mut borrow = false;
    for (x, y) in a.iter_mut().zip(b) {
        let (difference, first) = x.overflowing_sub(*y);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        *x = difference;
        borrow = first | second;
    }
}

impl Modulus {
    /// From big-endian bytes without leading zeros; `None` when even.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        let n = limbs(bytes, bytes.len().div_ceil(8));
        if n.first()? & 1 == 0 {
            return None;
        }
        // Newton's iteration doubles the correct bits of the inverse: 5 to 80.
        let mut inverse = n[0].wrapping_mul(3) ^ 2;
        for _ in 0..4 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(n[0].wrapping_mul(inverse)));
        }
        let mut modulus = Self { r_squared: Vec::new(), inverse: inverse.wrapping_neg(), bytes: bytes.len(), n };
        modulus.r_squared = modulus.r_squared();
        Some(modulus)
    }

    /// x = 2 * x mod n.
    fn double(&self, x: &mut [u64]) {
        let mut carry = 0;
        for limb in x.iter_mut() {
            let high = *limb >> 63;
            *limb = *limb << 1 | carry;
            carry = high;
        }
        if carry == 1 || !less(x, &self.n) {
            subtract(x, &self.n);
        }
    }

    /// R^2 mod n: two to the power of R's bits in Montgomery form, where two is 2 * R mod n.
    fn r_squared(&self) -> Vec<u64> {
        let count = self.n.len();
        let top = count * 64 - self.n[count - 1].leading_zeros() as usize - 1;
        let mut x = vec![0_u64; count];
        x[top / 64] = 1 << (top % 64);
        let power = count * 64;
        for _ in top..power + 1 {
            self.double(&mut x);
        }
        let mut spare = Vec::new();
        for bit in (0..power.ilog2()).rev() {
            self.multiply(&x, &x, &mut spare);
            core::mem::swap(&mut x, &mut spare);
            if power >> bit & 1 == 1 {
                self.double(&mut x);
            }
        }
        x
    }

    /// a * b / R mod n, into `out`.
    fn multiply(&self, a: &[u64], b: &[u64], out: &mut Vec<u64>) {
        let count = self.n.len();
        let (n, a) = (&self.n[..count], &a[..count]);
        out.clear();
        out.resize(count + 1, 0);
        let t = &mut out[..count + 1];
        for b in &b[..count] {
            let first = u128::from(t[0]) + u128::from(a[0]) * u128::from(*b);
            let m = (first as u64).wrapping_mul(self.inverse);
            let mut product_carry = (first >> 64) as u64;
            let mut reduce_carry = ((u128::from(first as u64) + u128::from(m) * u128::from(n[0])) >> 64) as u64;
            for j in 1..count {
                let sum = u128::from(t[j]) + u128::from(a[j]) * u128::from(*b) + u128::from(product_carry);
                product_carry = (sum >> 64) as u64;
                let reduced = u128::from(sum as u64) + u128::from(m) * u128::from(n[j]) + u128::from(reduce_carry);
                reduce_carry = (reduced >> 64) as u64;
                t[j - 1] = reduced as u64;
            }
            let last = u128::from(t[count]) + u128::from(product_carry) + u128::from(reduce_carry);
            t[count - 1] = last as u64;
            t[count] = (last >> 64) as u64;
        }
        if t[count] != 0 || !less(&t[..count], n) {
            subtract(&mut t[..count], n);
        }
        out.truncate(count);
    }

    /// base^exponent mod n, as many bytes as the modulus; `None` when the base is not smaller than n.
    pub(super) fn pow(&self, base: &[u8], exponent: u64) -> Option<Vec<u8>> {
        let count = self.n.len();
        if base.len() > self.bytes {
            return None;
        }
        let plain = limbs(base, count);
        if !less(&plain, &self.n) {
            return None;
        }
        let (mut base, mut x, mut spare) = (Vec::new(), Vec::new(), Vec::new());
        self.multiply(&plain, &self.r_squared, &mut base);
        x.extend_from_slice(&base);
        for bit in (0..u64::BITS - 1 - exponent.leading_zeros()).rev() {
            self.multiply(&x, &x, &mut spare);
            core::mem::swap(&mut x, &mut spare);
            // The last multiplication takes the plain base, which also leaves the Montgomery form.
            if exponent >> bit & 1 == 1 {
                self.multiply(&x, if bit == 0 { &plain } else { &base }, &mut spare);
                core::mem::swap(&mut x, &mut spare);
            }
        }
        Some((0..self.bytes).rev().map(|at| (x[at / 8] >> (at % 8 * 8)) as u8).collect())
    }
}
