//! Segments as machine words: two that tell short ones apart, and a hash.

use crate::word::{WORD, digest_of, lower};

/// Segments of up to so many bytes are told by their digest and their length alone.
pub(super) const SHORT: usize = WORD * 2;

/// A segment: what of it is compared first, and its text.
#[derive(Clone, Copy)]
pub(super) struct Cut<'p> {
    pub(super) text: &'p [u8],
    /// What [`digest_of`] gives for it, folded when the table folds.
    pub(super) digest: (u64, u64),
    pub(super) fold: bool,
}

impl<'p> Cut<'p> {
    #[inline(always)]
    pub(super) fn of(text: &'p [u8], fold: bool) -> Self {
        let digest = digest_of(text);
        Self { text, digest: if fold { lower_both(digest) } else { digest }, fold }
    }

    /// A hash of the segment under a node of the tree. The table is fixed when it is built, so nobody can fill it with collisions.
    pub(super) fn hash(&self, node: u32) -> u64 {
        let hash = self.high_hash(node);
        hash ^ hash >> 32
    }

    /// The same, for its higher half alone.
    #[inline(always)]
    pub(super) fn high_hash(&self, node: u32) -> u64 {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        const FACTORS: [u64; 2] = [0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f];
        let place = u64::from(node) | (self.text.len() as u64).rotate_left(32);
        let [one, two] = FACTORS;
        // The products do not wait for each other.
        let mut hash = place.wrapping_mul(FACTOR);
        hash = hash.wrapping_add(self.digest.0.wrapping_mul(one));
        hash = hash.wrapping_add(self.digest.1.wrapping_mul(two));
        if self.text.len() > SHORT {
            for bytes in self.text.as_chunks::<WORD>().0.iter().skip(1) {
                let word = u64::from_le_bytes(*bytes);
                let word = if self.fold { lower(word) } else { word };
                hash = (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
            }
        }
        hash
    }
}

#[inline(never)]
const fn lower_both((one, two): (u64, u64)) -> (u64, u64) {
    (lower(one), lower(two))
}

/// Whether two texts are the same.
#[inline(never)]
pub(super) fn is_same(one: &[u8], other: &[u8], fold: bool) -> bool {
    one == other || (fold && one.eq_ignore_ascii_case(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_segment_and_its_node_count() {
        for len in 1..40 {
            let text = alloc::vec![b'q'; len];
            let cut = Cut::of(&text, false);
            assert_ne!(cut.hash(1), cut.hash(2));
            for at in 0..len {
                let mut other = text.clone();
                other[at] = b'Q';
                let (folded, other) = (Cut::of(&other, true), Cut::of(&other, false));
                assert_eq!((folded.digest, folded.hash(1)), (cut.digest, cut.hash(1)), "{len} {at}");
                assert_ne!(other.hash(1), cut.hash(1), "{len} {at}");
            }
        }
    }
}
