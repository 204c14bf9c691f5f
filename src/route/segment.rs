//! Segments as machine words: the end of a segment, its first sixteen bytes and its hash come from the same eight-byte reads.

use crate::word::{SLASHES, WORD, bytes_before, cut_before, lower, mark_of, word_at};

/// A segment cut from a path.
#[derive(Clone, Copy)]
pub(super) struct Cut<'p> {
    path: &'p [u8],
    /// Where it starts.
    pub(super) at: usize,
    /// Where it ends: at a slash, or at the end of the path.
    pub(super) stop: usize,
    /// Its first two words, zero beyond its end, folded when the table folds.
    pub(super) words: [u64; 2],
    fold: bool,
}

impl<'p> Cut<'p> {
    /// The segment that starts at `at`, up to the next slash or the end.
    #[inline(always)]
    pub(super) fn new(path: &'p [u8], at: usize, fold: bool) -> Self {
        let first = word_at(path, at);
        let mark = mark_of(SLASHES, first);
        let mut cut = if mark != 0 {
            Self { path, at, stop: at.wrapping_add(bytes_before(mark)), words: [cut_before(first, mark), 0], fold }
        } else if path.len().wrapping_sub(at) <= WORD {
            Self { path, at, stop: path.len(), words: [first, 0], fold }
        } else {
            Self::long(path, at, first, fold)
        };
        if fold {
            cut.words = cut.words.map(lower);
        }
        cut
    }

    /// The same where the first word has no slash and is not the last.
    #[inline(always)]
    fn long(path: &'p [u8], at: usize, first: u64, fold: bool) -> Self {
        let mut stop = at.wrapping_add(WORD);
        let mut word = word_at(path, stop);
        let mut mark = mark_of(SLASHES, word);
        let words = [first, if mark != 0 { cut_before(word, mark) } else { word }];
        while mark == 0 {
            stop = stop.wrapping_add(WORD);
            if stop >= path.len() {
                return Self { path, at, stop: path.len(), words, fold };
            }
            word = word_at(path, stop);
            mark = mark_of(SLASHES, word);
        }
        Self { path, at, stop: stop.wrapping_add(bytes_before(mark)), words, fold }
    }

    /// A whole text, without a slash, as a segment.
    pub(super) fn of(text: &'p [u8], fold: bool) -> Self {
        Self::new(text, 0, fold)
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
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
        let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
        let [one, two] = self.words;
        let mut hash = mix(mix(u64::from(node) ^ (self.len() as u64).rotate_left(32), one), two);
        if self.len() > WORD.wrapping_mul(2) {
            let text = self.text();
            let mut at = WORD.wrapping_mul(2);
            while at < text.len() {
                let word = word_at(text, at);
                hash = mix(hash, if self.fold { lower(word) } else { word });
                at = at.wrapping_add(WORD);
            }
        }
        hash ^ hash >> 29
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_cut_wherever_they_end() {
        let path = b"/a/bcdefgh/ijklmnop/qrstuvwxyz0123456789/0";
        let mut at = 1;
        for expected in path[1..].split(|byte| *byte == b'/') {
            let cut = Cut::new(path, at, false);
            assert_eq!((cut.text(), cut.len()), (expected, expected.len()));
            assert_eq!((cut.words, cut.hash(7)), (Cut::of(expected, false).words, Cut::of(expected, false).hash(7)));
            at += expected.len() + 1;
        }
        assert_eq!(Cut::new(b"/abc", 1, false).text(), b"abc");
        assert_eq!(Cut::new(b"/", 1, false).text(), b"");
    }
}
