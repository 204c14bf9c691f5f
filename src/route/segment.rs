//! Segments as machine words: their first sixteen bytes and their hash.

use crate::word::{WORD, first_bytes, lower, word_at};

/// A segment cut from a path: the bytes before `stop`.
#[derive(Clone, Copy)]
pub(super) struct Cut<'p> {
    rest: &'p [u8],
    stop: usize,
    /// Its first two words, zero beyond its end, folded when the table folds.
    pub(super) words: (u64, u64),
    fold: bool,
}

impl<'p> Cut<'p> {
    /// The first segment of what is left of a path.
    #[inline(always)]
    pub(super) fn new(rest: &'p [u8], stop: usize, fold: bool) -> Self {
        let words = match rest.first_chunk::<{ WORD * 2 }>() {
            Some(bytes) => {
                let both = u128::from_le_bytes(*bytes);
                first_words(both as u64, (both >> 64) as u64, stop)
            }
            None => last_words(rest, stop),
        };
        Self { rest, stop, words: if fold { lower_words(words) } else { words }, fold }
    }

    /// A whole text, without a slash, as a segment.
    pub(super) fn of(text: &'p [u8], fold: bool) -> Self {
        Self::new(text, text.len(), fold)
    }

    /// How long it is, in bytes.
    #[inline(always)]
    pub(super) const fn len(&self) -> usize {
        self.stop
    }

    /// The segment.
    #[inline]
    pub(super) fn text(&self) -> &'p [u8] {
        self.rest.get(..self.stop).unwrap_or_default()
    }

    /// Whether the segment is this literal of more than two words, given that those and the lengths are equal.
    #[inline(never)]
    pub(super) fn has_tail(&self, literal: &[u8]) -> bool {
        const WORDS: usize = WORD * 2;
        match (self.text().get(WORDS..), literal.get(WORDS..)) {
            (Some(tail), Some(other)) => tail == other || (self.fold && tail.eq_ignore_ascii_case(other)),
            _ => true,
        }
    }

    /// A hash of the segment under a node of the tree. The table is fixed when it is built, so nobody can fill it with collisions.
    #[inline]
    pub(super) fn hash(&self, node: u32) -> u64 {
        const FACTORS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];
        let mix = |one: u64, two: u64| one.wrapping_mul(FACTORS[0]) ^ two.rotate_left(32).wrapping_mul(FACTORS[1]);
        let (one, two) = self.words;
        let mut hash = mix(one ^ u64::from(node), two ^ self.len() as u64);
        if self.len() > WORD.wrapping_mul(2) {
            let text = self.text();
            let mut at = WORD.wrapping_mul(2);
            while at < text.len() {
                let word = word_at(text, at);
                hash = mix(hash ^ hash >> 32, if self.fold { lower(word) } else { word });
                at = at.wrapping_add(WORD);
            }
        }
        hash ^ hash >> 32
    }
}

/// Two words up to a stop.
#[inline(always)]
const fn first_words(one: u64, two: u64, stop: usize) -> (u64, u64) {
    if stop <= WORD { (first_bytes(one, stop), 0) } else { (one, first_bytes(two, stop.wrapping_sub(WORD))) }
}

/// The same where fewer than two words are left of the path.
#[inline(never)]
fn last_words(rest: &[u8], stop: usize) -> (u64, u64) {
    first_words(word_at(rest, 0), word_at(rest, WORD), stop)
}

#[inline(never)]
const fn lower_words((one, two): (u64, u64)) -> (u64, u64) {
    (lower(one), lower(two))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_cut_wherever_they_end() {
        let mut rest: &[u8] = b"a/bcdefgh/ijklmnop/qrstuvwxyz0123456789/0";
        while !rest.is_empty() {
            let stop = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
            let (cut, whole) = (Cut::new(rest, stop, false), Cut::of(&rest[..stop], false));
            assert_eq!((cut.text(), cut.len()), (&rest[..stop], stop));
            assert_eq!((cut.words, cut.hash(7)), (whole.words, whole.hash(7)));
            rest = rest.get(stop + 1..).unwrap_or_default();
        }
    }

    #[test]
    fn every_byte_of_a_segment_counts() {
        for len in 1..40 {
            let text = alloc::vec![b'q'; len];
            let cut = Cut::of(&text, false);
            for at in 0..len {
                let mut other = text.clone();
                other[at] = b'Q';
                let (folded, other) = (Cut::of(&other, true), Cut::of(&other, false));
                assert_eq!((folded.words, folded.hash(1)), (cut.words, cut.hash(1)), "{len} {at}");
                assert_eq!(other.words == cut.words, at >= 16, "{len} {at}");
                assert_ne!(other.hash(1), cut.hash(1), "{len} {at}");
            }
        }
    }
}
