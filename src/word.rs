//! Text eight bytes at a time, as words, without leaving safe code.

pub(crate) const ONES: u64 = 0x0101_0101_0101_0101;
pub(crate) const HIGHS: u64 = 0x8080_8080_8080_8080;
/// Bytes in a word.
pub(crate) const WORD: usize = 8;
const HALF: usize = WORD / 2;

/// Up to eight bytes from `at`, the first lowest, zero beyond the end.
#[inline(always)]
pub(crate) fn word_at(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(bytes) = rest.first_chunk::<WORD>() {
        return u64::from_le_bytes(*bytes);
    }
    match text.last_chunk::<WORD>() {
        Some(bytes) => u64::from_le_bytes(*bytes).checked_shr(bits(WORD.wrapping_sub(rest.len()))).unwrap_or(0),
        None => short_word_at(rest),
    }
}

/// The word of fewer than eight bytes, where that is rare.
#[inline(never)]
fn short_word_at(text: &[u8]) -> u64 {
    short_word(text)
}

/// The first eight bytes of a name that is usually shorter.
#[inline(always)]
pub(crate) fn word_of_name(name: &[u8]) -> u64 {
    match name.first_chunk::<WORD>() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => short_word(name),
    }
}

/// The word of fewer than eight bytes. Those that are read twice come to stand at one place.
#[inline(always)]
fn short_word(text: &[u8]) -> u64 {
    if let [a, b, c] = text {
        return u64::from(u32::from_le_bytes([*a, *b, *c, 0]));
    }
    match (text.first_chunk::<HALF>(), text.last_chunk::<HALF>()) {
        (Some(first), Some(last)) => {
            let shift = bits(text.len().wrapping_sub(HALF));
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)).wrapping_shl(shift)
        }
        _ => text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// Bits in so many bytes.
const fn bits(bytes: usize) -> u32 {
    (bytes as u32).wrapping_mul(8)
}

/// The high bit of the first byte in a word that is the given one in all its bytes, and perhaps bits of bytes after it; zero when
/// there is none.
#[inline(always)]
pub(crate) const fn mark_of(wanted: u64, word: u64) -> u64 {
    let other = word ^ wanted;
    other.wrapping_sub(ONES) & !other & HIGHS
}

/// The same for the first byte that is below the given one, of at most 0x80, in all its bytes.
#[inline(always)]
pub(crate) const fn mark_below(least: u64, word: u64) -> u64 {
    word.wrapping_sub(least) & !word & HIGHS
}

/// Where the plain characters of a JSON string (RFC 8259 section 7) end that start at `at`: at a quote, a backslash, a control character
/// or the end of the text.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline)]
pub(crate) fn plain_end(text: &[u8], mut at: usize) -> usize {
    const QUOTES: u64 = ONES.wrapping_mul(b'"' as u64);
    const BACKSLASHES: u64 = ONES.wrapping_mul(b'\\' as u64);
    const SPACES: u64 = ONES.wrapping_mul(b' ' as u64);
    loop {
        // Beyond the end there are zeros, which are no plain characters.
        let word = word_at(text, at);
        let mark = mark_of(QUOTES, word) | mark_of(BACKSLASHES, word) | mark_below(SPACES, word);
        if mark != 0 {
            return at.saturating_add(bytes_before(mark));
        }
        at = at.saturating_add(WORD);
    }
}

/// How many bytes stand before the byte with the lowest bit that is set.
#[inline(always)]
const fn bytes_before(mark: u64) -> usize {
    (mark.trailing_zeros() >> 3) as usize
}

/// The word with capital ASCII letters in lower case.
pub(crate) const fn lower(word: u64) -> u64 {
    let low = word & !HIGHS;
    // 0x41 + 0x3f and 0x5b + 0x25 set the high bit: from 'A' on, and past 'Z'.
    let from_a = low.wrapping_add(ONES.wrapping_mul(0x3f));
    let past_z = low.wrapping_add(ONES.wrapping_mul(0x25));
    word | ((from_a & !past_z & !word & HIGHS) >> 2)
}

/// The high bit of each byte in a word that is no ASCII letter or digit.
#[cfg(any(test, target_arch = "wasm32"))]
pub(crate) const fn not_alphanumeric(word: u64) -> u64 {
    const fn from(byte: u8) -> u64 {
        ONES.wrapping_mul(0x80_u64.wrapping_sub(byte as u64))
    }
    let low = word & !HIGHS;
    // Letters in lower case; nothing else comes to be one.
    let letter = low | ONES.wrapping_mul(0x20);
    let digits = low.wrapping_add(from(b'0')) & !low.wrapping_add(from(b'9' + 1));
    let letters = letter.wrapping_add(from(b'a')) & !letter.wrapping_add(from(b'z' + 1));
    (word | !(digits | letters)) & HIGHS
}

/// Two words that, with its length, are all there is to know of a text of up to sixteen bytes: from eight on its first and last eight
/// bytes, which may overlap, and of fewer the first word alone.
#[inline(always)]
pub(crate) fn digest_of(text: &[u8]) -> (u64, u64) {
    match (text.first_chunk::<WORD>(), text.last_chunk::<WORD>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (short_word(text), 0),
    }
}

/// Whether two texts of one length, of which the digests are the same, are the same: the words between are left to compare.
#[inline(always)]
pub(crate) fn is_same_between(one: &[u8], other: &[u8]) -> bool {
    let (one, other) = (one.as_chunks::<WORD>().0.iter(), other.as_chunks::<WORD>().0.iter());
    one.zip(other).skip(1).all(|(one, other)| one == other)
}

/// Whether two texts are the same, without calling anything.
#[inline(always)]
pub(crate) fn is_same_by_words(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && digest_of(one) == digest_of(other) && is_same_between(one, other)
}

/// Whether two short texts are the same but for the case of ASCII letters.
#[inline]
pub(crate) fn is_same_name(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (a, b) = (digest_of(one), digest_of(other));
    lower(a.0) == lower(b.0) && lower(a.1) == lower(b.1) && (one.len() <= WORD * 2 || one.eq_ignore_ascii_case(other))
}

/// Whether two short texts are the same.
#[inline]
pub(crate) fn is_same_text(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && digest_of(one) == digest_of(other) && (one.len() <= WORD * 2 || one == other)
}

/// The first and the last eight bytes of a text, zero beyond its end: with its length, all there is to know of one of up to sixteen.
#[inline]
pub(crate) fn ends_of(text: &[u8]) -> [u64; 2] {
    [word_of_name(text), text.last_chunk::<WORD>().map_or(0, |bytes| u64::from_le_bytes(*bytes))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn words_are_read_up_to_the_end() {
        let text = b"0123456789abcdefghi";
        for end in 0..=text.len() {
            for at in 0..=end {
                let mut bytes = [0; 8];
                let len = (end - at).min(8);
                bytes[..len].copy_from_slice(&text[at..at + len]);
                assert_eq!(word_at(&text[..end], at), u64::from_le_bytes(bytes), "{at}..{end}");
            }
            assert_eq!(word_at(&text[..end], end + 1), 0);
        }
    }

    #[test]
    fn the_first_byte_that_is_wanted_is_marked() {
        let slashes = u64::from_le_bytes([b'/'; 8]);
        for byte in 0..=u8::MAX {
            let bytes = [byte, byte.wrapping_add(1), b'.', byte, b'/', b'0', b'/', byte];
            let first = bytes.iter().position(|b| *b == b'/').unwrap();
            assert_eq!(bytes_before(mark_of(slashes, u64::from_le_bytes(bytes))), first, "{byte:#x}");
        }
        assert_eq!(mark_of(slashes, 0), 0);
    }

    #[test]
    fn a_digest_tells_every_byte_of_a_short_text() {
        for len in 0..=40_usize {
            let text = alloc::vec![b'q'; len];
            let digest = digest_of(&text);
            for at in 0..len {
                let mut other = text.clone();
                other[at] = b'Q';
                let (one, two) = digest_of(&other);
                assert_eq!((one, two) != digest, at < 8 || len - at <= 8, "{len} {at}");
                assert_eq!((lower(one), lower(two)), digest, "{len} {at}");
            }
        }
    }

    #[test]
    fn texts_are_compared_by_words_up_to_their_end() {
        for len in 0..=40_usize {
            let text = alloc::vec![b'q'; len];
            assert!(is_same_by_words(&text, &text.clone()), "{len}");
            assert!(!is_same_by_words(&text, &alloc::vec![b'q'; len + 1]), "{len}");
            for at in 0..len {
                let mut other = text.clone();
                other[at] = b'Q';
                assert!(!is_same_by_words(&text, &other), "{len} {at}");
                assert_eq!(is_same_between(&text, &other), at < 8 || at >= len / 8 * 8, "{len} {at}");
            }
        }
    }

    #[test]
    fn a_short_word_is_the_bytes_in_order() {
        for len in 0..8_usize {
            let text = &b"1234567"[..len];
            let mut bytes = [0; 8];
            bytes[..len].copy_from_slice(text);
            assert_eq!(
                (word_of_name(text), digest_of(text)),
                (u64::from_le_bytes(bytes), (u64::from_le_bytes(bytes), 0))
            );
        }
    }

    #[test]
    fn the_first_byte_that_is_below_is_marked() {
        for byte in 0..=u8::MAX {
            let bytes = [b' ', 0xff, byte, 0x80, b'~', byte, 0x1f, byte];
            let first = bytes.iter().position(|b| *b < b' ').unwrap();
            let mark = mark_below(ONES * u64::from(b' '), u64::from_le_bytes(bytes));
            assert_eq!(bytes_before(mark), first, "{byte:#x}");
        }
    }

    #[test]
    fn strings_are_plain_up_to_the_first_byte_that_is_not() {
        for len in 0..20 {
            for stop in 0..=u8::MAX {
                let mut text = vec![b'x'; len];
                text.extend([0x80, stop, b'y', b'"', 0, b'\\', 0xff]);
                let first = text.iter().position(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\')).unwrap();
                assert_eq!(plain_end(&text, 0), first, "{len} {stop:#x}");
            }
            assert_eq!(plain_end(&vec![b'x'; len], 0), len);
        }
    }

    #[test]
    fn letters_and_digits_are_told_from_the_rest() {
        for byte in 0..=u8::MAX {
            for beside in [0, b'0', b'z', 0xff] {
                let bytes = [beside, byte, b'9', beside, byte, b'A', byte, beside];
                let marks = bytes.map(|b| if b.is_ascii_alphanumeric() { 0 } else { 0x80 });
                assert_eq!(not_alphanumeric(u64::from_le_bytes(bytes)), u64::from_le_bytes(marks), "{byte:#x}");
            }
        }
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
