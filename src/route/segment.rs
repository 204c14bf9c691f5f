//! Segments as machine words: the end of a segment, its first eight bytes and its hash come from the same eight-byte reads.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
const SLASHES: u64 = 0x2f2f_2f2f_2f2f_2f2f;
/// Bytes in a word.
pub(super) const WORD: usize = 8;

/// Up to eight bytes from `at`, the first lowest, zero beyond the end.
pub(super) fn word_at(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(bytes) = rest.first_chunk::<WORD>() {
        return u64::from_le_bytes(*bytes);
    }
    if let Some(bytes) = text.last_chunk::<WORD>() {
        return u64::from_le_bytes(*bytes).checked_shr(bits(WORD.wrapping_sub(rest.len()))).unwrap_or(0);
    }
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Bits in so many bytes.
const fn bits(bytes: usize) -> u32 {
    (bytes as u32).wrapping_mul(8)
}

/// The first `len` bytes of a word, zero beyond.
const fn first_bytes(word: u64, len: usize) -> u64 {
    if len >= WORD { word } else { word & !(u64::MAX << (bits(len) & 63)) }
}

/// The word with capital ASCII letters in lower case.
pub(super) const fn lower(word: u64) -> u64 {
    let low = word & !HIGHS;
    // 0x41 + 0x3f and 0x5b + 0x25 set the high bit: from 'A' on, and past 'Z'.
    let from_a = low.wrapping_add(ONES.wrapping_mul(0x3f));
    let past_z = low.wrapping_add(ONES.wrapping_mul(0x25));
    word | ((from_a & !past_z & !word & HIGHS) >> 2)
}

/// A segment cut from a path.
#[derive(Clone, Copy)]
pub(super) struct Cut<'p> {
    /// The segment.
    pub(super) text: &'p [u8],
    /// Its first eight bytes, folded when the table folds.
    pub(super) head: u64,
    fold: bool,
}

impl<'p> Cut<'p> {
    /// The segment that starts at `at`, up to the next slash or the end.
    pub(super) fn new(path: &'p [u8], at: usize, fold: bool) -> Self {
        let first = word_at(path, at);
        let mut word = first;
        let mut stop = at;
        loop {
            // The lowest set bit marks the first zero byte, which was a slash.
            let other = word ^ SLASHES;
            let slash = other.wrapping_sub(ONES) & !other & HIGHS;
            if slash != 0 {
                stop = stop.wrapping_add((slash.trailing_zeros() / 8) as usize);
                break;
            }
            stop = stop.wrapping_add(WORD);
            if stop >= path.len() {
                stop = path.len();
                break;
            }
            word = word_at(path, stop);
        }
        let text = path.get(at..stop).unwrap_or_default();
        Self { text, head: Self::head(first, text.len(), fold), fold }
    }

    /// A whole text as a segment.
    pub(super) fn of(text: &'p [u8], fold: bool) -> Self {
        Self { text, head: Self::head(word_at(text, 0), text.len(), fold), fold }
    }

    const fn head(word: u64, len: usize, fold: bool) -> u64 {
        let head = first_bytes(word, len);
        if fold { lower(head) } else { head }
    }

    /// Whether the segment is this literal, given that the heads are equal.
    pub(super) fn has_tail(&self, literal: &[u8]) -> bool {
        if self.text.len() != literal.len() {
            return false;
        }
        match (self.text.get(WORD..), literal.get(WORD..)) {
            (Some(tail), Some(other)) => tail == other || (self.fold && tail.eq_ignore_ascii_case(other)),
            _ => true,
        }
    }

    /// A hash of the segment under a node of the tree. The table is fixed when it is built, so nobody can fill it with collisions.
    pub(super) fn hash(&self, node: u32) -> u64 {
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
        let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
        let mut hash = mix(u64::from(node) ^ (self.text.len() as u64).rotate_left(32), self.head);
        let mut at = WORD;
        while at < self.text.len() {
            let word = word_at(self.text, at);
            hash = mix(hash, if self.fold { lower(word) } else { word });
            at = at.wrapping_add(WORD);
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
            assert_eq!(cut.text, expected);
            assert_eq!((cut.head, cut.hash(7)), (Cut::of(expected, false).head, Cut::of(expected, false).hash(7)));
            at += expected.len() + 1;
        }
        assert_eq!(Cut::new(b"/abc", 1, false).text, b"abc");
        assert_eq!(Cut::new(b"/", 1, false).text, b"");
    }

    #[test]
    fn only_capital_letters_are_folded() {
        for byte in 0..=u8::MAX {
            let word = u64::from_le_bytes([b'Q', byte, b'/', byte, b'@', b'Z', byte, 0]);
            let folded = [b'q', byte, b'/', byte, b'@', b'z', byte, 0].map(|b| b.to_ascii_lowercase());
            assert_eq!(lower(word), u64::from_le_bytes(folded), "{byte:#x}");
        }
    }
}
