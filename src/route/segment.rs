//! Segments as machine words: their first sixteen bytes and their hash.

use crate::word::{WORD, first_bytes, lower, word_at};

/// A segment cut from a path.
#[derive(Clone, Copy)]
pub(super) struct Cut<'p> {
    path: &'p [u8],
    /// Where it starts.
    at: usize,
    /// Where it ends: at a slash, or at the end of the path.
    stop: usize,
    /// Its first two words, zero beyond its end, folded when the table folds.
    pub(super) words: [u64; 2],
    fold: bool,
}

impl<'p> Cut<'p> {
    /// The segment between two places.
    #[inline(always)]
    pub(super) fn new(path: &'p [u8], at: usize, stop: usize, fold: bool) -> Self {
        let len = stop.wrapping_sub(at);
        let one = first_bytes(word_at(path, at), len);
        let two =
            if len > WORD { first_bytes(word_at(path, at.wrapping_add(WORD)), len.wrapping_sub(WORD)) } else { 0 };
        let words = if fold { [lower(one), lower(two)] } else { [one, two] };
        Self { path, at, stop, words, fold }
    }

    /// A whole text, without a slash, as a segment.
    pub(super) fn of(text: &'p [u8], fold: bool) -> Self {
        Self::new(text, 0, text.len(), fold)
    }

    /// How long it is, in bytes.
    #[inline(always)]
    pub(super) const fn len(&self) -> usize {
        self.stop.wrapping_sub(self.at)
    }

    /// The segment.
    #[inline]
    pub(super) fn text(&self) -> &'p [u8] {
        self.path.get(self.at..self.stop).unwrap_or_default()
    }

    /// Whether the segment is this literal of more than two words, given that those and the lengths are equal.
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
        let [one, two] = self.words;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Slashes;

    #[test]
    fn segments_are_cut_wherever_they_end() {
        let path = b"/a/bcdefgh/ijklmnop/qrstuvwxyz0123456789/0";
        let slashes = Slashes::of(path);
        let mut at = 1;
        for expected in path[1..].split(|byte| *byte == b'/') {
            let cut = Cut::new(path, at, slashes.stop(path, at), false);
            assert_eq!((cut.text(), cut.len()), (expected, expected.len()));
            assert_eq!((cut.words, cut.hash(7)), (Cut::of(expected, false).words, Cut::of(expected, false).hash(7)));
            at += expected.len() + 1;
        }
        assert_eq!(Cut::new(b"/", 1, 1, false).text(), b"");
    }
}
