//! Montgomery exponentiation with limbs below 32 bits and lazy carries, for machines (wasm32) that multiply 32 bits to 64.
//!
//! A column of the product sums at most two products a limb. Limbs of 28 bits leave room for 256 products in 64 bits, enough up to
//! 127 limbs; limbs of 26 bits leave room for 4,096.
#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "limb loops: every index is below the limb count that the vectors were made with, every sum fits 64 bits"
)]

use alloc::vec;
use alloc::vec::Vec;

/// An odd modulus with what Montgomery multiplication needs.
#[derive(Debug)]
pub(super) struct Modulus {
    n: Vec<u32>,
    width: u32,
    /// The negated inverse of the lowest limb modulo 2^width.
    inverse: u32,
    /// R^2 modulo n, with R = 2^(width * limbs).
    r_squared: Vec<u32>,
    bytes: usize,
}

/// Big-endian bytes to little-endian limbs of `width` bits.
fn limbs(bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
    let mut limbs = Vec::with_capacity(count);
    let (mut held, mut bits) = (0_u64, 0);
    for byte in bytes.iter().rev() {
        held |= u64::from(*byte) << bits;
        bits += 8;
        if bits >= width {
            limbs.push(held as u32 & ((1 << width) - 1));
            held >>= width;
            bits -= width;
        }
    }
    limbs.push(held as u32);
    limbs.resize(count, 0);
    limbs
}

fn less(a: &[u32], b: &[u32]) -> bool {
    a.iter().rev().cmp(b.iter().rev()).is_lt()
}

/// a - b modulo 2^(width * limbs).
fn subtract(a: &mut [u32], b: &[u32], width: u32) {
    let mask = (1_u32 << width) - 1;
    let mut borrow = 0;
    for (x, y) in a.iter_mut().zip(b) {
        let difference = x.wrapping_sub(*y).wrapping_sub(borrow);
        borrow = difference >> 31;
        *x = difference & mask;
    }
}

impl Modulus {
    /// From big-endian bytes without leading zeros; `None` when even.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.last()? & 1 == 0 {
            return None;
        }
        let bits = bytes.len() * 8;
        let width = if bits <= 127 * 28 - 28 { 28 } else { 26 };
        let count = bits.div_ceil(width as usize);
        let n = limbs(bytes, width, count);
        let mask = (1_u32 << width) - 1;
        let mut inverse = n[0].wrapping_mul(3) ^ 2;
        for _ in 0..3 {
            inverse = inverse.wrapping_mul(2_u32.wrapping_sub(n[0].wrapping_mul(inverse)));
        }
        let mut modulus =
            Self { r_squared: Vec::new(), inverse: inverse.wrapping_neg() & mask, width, bytes: bytes.len(), n };
        modulus.r_squared = modulus.r_squared();
        Some(modulus)
    }

    /// x = 2 * x mod n.
    fn double(&self, x: &mut [u32]) {
        let mask = (1_u32 << self.width) - 1;
        let mut carry = 0;
        for limb in x.iter_mut() {
            let doubled = *limb << 1 | carry;
            carry = doubled >> self.width;
            *limb = doubled & mask;
        }
        if carry == 1 || !less(x, &self.n) {
            subtract(x, &self.n, self.width);
        }
    }

    /// R^2 mod n: two to the power of R's bits in Montgomery form, where two is 2 * R mod n.
    fn r_squared(&self) -> Vec<u32> {
        let (count, width) = (self.n.len(), self.width as usize);
        let highest = self.n.iter().rposition(|limb| *limb != 0).unwrap_or(0);
        let top = highest * width + 31 - self.n[highest].leading_zeros() as usize;
        let mut x = vec![0_u32; count];
        x[top / width] = 1 << (top % width);
        let power = count * width;
        for _ in top..power + 1 {
            self.double(&mut x);
        }
        let (mut columns, mut spare) = (vec![0_u64; count + 1], vec![0_u32; count]);
        for bit in (0..power.ilog2()).rev() {
            self.multiply(&x, &x, &mut columns, &mut spare);
            core::mem::swap(&mut x, &mut spare);
            if power >> bit & 1 == 1 {
                self.double(&mut x);
            }
        }
        x
    }

    /// a * b / R mod n, into `out`; `columns` is room for the sums.
    fn multiply(&self, a: &[u32], b: &[u32], columns: &mut [u64], out: &mut [u32]) {
        match self.width {
            28 => self.multiply_by_width::<28>(a, b, columns, out),
            _ => self.multiply_by_width::<26>(a, b, columns, out),
        }
    }

    fn multiply_by_width<const WIDTH: u32>(&self, a: &[u32], b: &[u32], columns: &mut [u64], out: &mut [u32]) {
        let count = self.n.len();
        let mask = (1_u64 << WIDTH) - 1;
        let (n, a, b) = (&self.n[..count], &a[..count], &b[..count]);
        let t = &mut columns[..count + 1];
        t.fill(0);
        for b in b {
            let b = u64::from(*b);
            let first = t[0] + u64::from(a[0]) * b;
            let m = u64::from((first as u32).wrapping_mul(self.inverse)) & mask;
            // The lowest column becomes a multiple of 2^width: its carry moves up, and every column moves down.
            let carry = (first + m * u64::from(n[0])) >> WIDTH;
            for j in 1..count {
                t[j - 1] = t[j] + u64::from(a[j]) * b + m * u64::from(n[j]);
            }
            t[0] += carry;
            t[count - 1] = 0;
        }
        let mut carry = 0;
        for (limb, column) in out[..count].iter_mut().zip(t.iter()) {
            let sum = column + carry;
            *limb = (sum & mask) as u32;
            carry = sum >> WIDTH;
        }
        if carry != 0 || !less(&out[..count], n) {
            subtract(&mut out[..count], n, WIDTH);
        }
    }

    /// base^exponent mod n, as many bytes as the modulus; `None` when the base is not smaller than n.
    pub(super) fn pow(&self, base: &[u8], exponent: u64) -> Option<Vec<u8>> {
        let count = self.n.len();
        if base.len() > self.bytes {
            return None;
        }
        let plain = limbs(base, self.width, count);
        if !less(&plain, &self.n) {
            return None;
        }
        let mut columns = vec![0_u64; count + 1];
        let (mut base, mut spare) = (vec![0_u32; count], vec![0_u32; count]);
        self.multiply(&plain, &self.r_squared, &mut columns, &mut base);
        let mut x = base.clone();
        for bit in (0..u64::BITS - 1 - exponent.leading_zeros()).rev() {
            self.multiply(&x, &x, &mut columns, &mut spare);
            core::mem::swap(&mut x, &mut spare);
            // The last multiplication takes the plain base, which also leaves the Montgomery form.
            if exponent >> bit & 1 == 1 {
                self.multiply(&x, if bit == 0 { &plain } else { &base }, &mut columns, &mut spare);
                core::mem::swap(&mut x, &mut spare);
            }
        }
        let mut bytes = Vec::with_capacity(self.bytes + 4);
        let (mut held, mut bits) = (0_u64, 0);
        for limb in &x {
            held |= u64::from(*limb) << bits;
            bits += self.width;
            while bits >= 8 {
                bytes.push(held as u8);
                held >>= 8;
                bits -= 8;
            }
        }
        bytes.push(held as u8);
        bytes.resize(self.bytes, 0);
        bytes.reverse();
        Some(bytes)
    }
}
