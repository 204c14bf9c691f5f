//! A first look at a path, many bytes at once. Most paths hold nothing that needs a closer one, and where their slashes stand is what
//! the walk down the table of routes wants to know next.

use super::MAX_SEGMENTS;
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
use crate::word::{HIGHS, ONES, WORD, word_at};

/// So many bytes are looked at together: a bit of a word each.
pub(crate) const WINDOW: usize = 64;
/// Shorter paths have no more than [`MAX_SEGMENTS`] segments, since each takes two bytes or more.
const SHORT: usize = MAX_SEGMENTS * 2;

/// Where slashes stand among the first [`WINDOW`] bytes of a path, and its end if it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slashes(u64);

impl Slashes {
    pub(super) const NONE: Self = Self(0);

    /// Those of a path that was not looked at.
    pub(crate) fn of(path: &[u8]) -> Self {
        let mut all = Self::NONE;
        for (at, _) in path.iter().take(WINDOW).enumerate().filter(|(_, byte)| **byte == b'/') {
            all.add(at);
        }
        all.add(path.len());
        all
    }

    /// Those of a target that is an ordinary path, shorter than a window, and nothing else.
    #[inline(always)]
    pub(crate) fn of_ordinary(raw: &[u8]) -> Option<Self> {
        if raw.len() >= WINDOW {
            return None;
        }
        let slashes = all_plain(raw)?;
        // The first byte is a slash, and no slash follows another.
        if slashes & 1 == 0 || slashes & slashes << 1 != 0 {
            return None;
        }
        Some(Self(slashes | 1_u64.wrapping_shl(raw.len() as u32)))
    }

    /// Notes a slash, or the end.
    #[inline(always)]
    pub(super) const fn add(&mut self, at: usize) {
        if at < WINDOW {
            self.0 |= 1 << at;
        }
    }

    /// Where the first segment of what is left of a path stops: at a slash or at the end.
    #[inline(always)]
    pub(crate) fn stop(self, rest: &[u8]) -> usize {
        if self.0 == 0 { far_stop(rest) } else { self.0.trailing_zeros() as usize }
    }

    /// A bit for each of them.
    #[inline(always)]
    pub(crate) const fn marks(self) -> u64 {
        self.0
    }

    /// Those past a place that is within a window, or not before what [`Slashes::stop`] gives.
    #[inline(always)]
    pub(crate) const fn past(self, at: usize) -> Self {
        // Where it is outside, there are none.
        Self(self.0.wrapping_shr(at as u32) >> 1)
    }
}

#[inline(never)]
fn far_stop(rest: &[u8]) -> usize {
    memchr::memchr(b'/', rest).unwrap_or(rest.len())
}

/// The bits below so many.
#[inline(always)]
const fn below(count: usize) -> u64 {
    if count < WINDOW { !(u64::MAX << count) } else { u64::MAX }
}

/// Where the path ends that a target starts with, if nothing in it needs a closer look: letters, digits, `-`, `_` and single
/// slashes alone, and too few bytes for too many segments.
#[inline(always)]
pub(super) fn ordinary(raw: &[u8]) -> Option<(usize, Slashes)> {
    let (odd, slashes) = look(raw);
    let end = if odd == 0 { raw.len() } else { odd.trailing_zeros() as usize };
    if odd == 0 && raw.len() > WINDOW {
        return long_ordinary(raw, slashes);
    }
    let mut slashes = Slashes(slashes & below(end));
    if slashes.0 & slashes.0 << 1 != 0 || (odd != 0 && raw.get(end) != Some(&b'?')) {
        return None;
    }
    slashes.add(end);
    Some((end, slashes))
}

/// The same where the path is longer than a window, and the first has nothing odd.
#[inline(never)]
fn long_ordinary(raw: &[u8], first: u64) -> Option<(usize, Slashes)> {
    let mut doubled = first & first << 1;
    let mut at = 0_usize;
    let end = loop {
        // Each window begins with the last byte of the one before, so that two slashes stand together in one of them.
        at = at.wrapping_add(WINDOW - 1);
        let rest = raw.get(at..).unwrap_or_default();
        let (odd, slashes) = look(rest);
        let len = if odd == 0 { rest.len() } else { odd.trailing_zeros() as usize };
        let slashes = slashes & below(len);
        doubled |= slashes & slashes << 1;
        match (odd, rest.get(len)) {
            (0, _) if len > WINDOW && at < SHORT => {}
            (0, _) | (_, Some(b'?')) => break at.wrapping_add(len),
            _ => return None,
        }
    };
    (doubled == 0 && end < SHORT).then_some((end, Slashes(first)))
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
use self::look_by_words as look;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use self::vectors::{all_plain, look};

/// The slashes among at most [`WINDOW`] bytes of which none needs a closer look.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
fn all_plain(text: &[u8]) -> Option<u64> {
    let (odd, slashes) = look(text);
    (odd == 0).then_some(slashes)
}

/// Which of the first [`WINDOW`] bytes need a closer look, and which are slashes.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
fn look_by_words(text: &[u8]) -> (u64, u64) {
    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; WORD])
    }
    // Sums of bytes below 0x80 carry nothing from one into the next.
    let is = |word: u64, byte: u8| !(word ^ each(byte)).wrapping_add(each(0x7f));
    let from_to = |word: u64, first: u8, last: u8| {
        word.wrapping_add(each(0x80_u8.wrapping_sub(first))) & !word.wrapping_add(each(0x7f_u8.wrapping_sub(last)))
    };
    // The highest bit of each byte, in order: the factor moves each to a place of its own in the highest byte.
    let bits = |word: u64| (word >> 7 & ONES).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let (mut odd, mut slashes) = (0, 0);
    for at in (0..text.len().min(WINDOW)).step_by(WORD) {
        let word = word_at(text, at);
        let low = word & !HIGHS;
        let plain = from_to(low | each(0x20), b'a', b'z') | from_to(low, b'/', b'9') | is(low, b'-') | is(low, b'_');
        odd |= bits(word | !plain) << at;
        slashes |= bits(is(low, b'/') & !word) << at;
    }
    (odd & below(text.len()), slashes)
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod vectors {
    use safe_arch::{
        add_i8_m128i, bitand_m128i, bitor_m128i, cmp_eq_mask_i8_m128i, cmp_lt_mask_i8_m128i, load_unaligned_m128i,
        m128i, move_mask_i8_m128i, set_splat_i8_m128i,
    };

    use super::{WINDOW, below};
    use crate::word::{WORD, word_of_name};

    const VECTOR: usize = 16;

    /// The slashes among at most [`WINDOW`] bytes of which none needs a closer look.
    #[inline(always)]
    pub(super) fn all_plain(text: &[u8]) -> Option<u64> {
        let len = text.len();
        let (Some(first), Some(last)) = (text.first_chunk::<VECTOR>(), text.last_chunk::<VECTOR>()) else {
            let (odd, slashes) = look_short(text);
            return (odd == 0).then_some(slashes);
        };
        // The vectors overlap where the length does not come out even.
        let (mut plain, slashes) = classes(load_unaligned_m128i(first));
        let mut slashes = bits(slashes);
        let mut add = |chunk: &[u8; VECTOR], at: usize| {
            let (more, places) = classes(load_unaligned_m128i(chunk));
            plain = bitand_m128i(plain, more);
            slashes |= bits(places) << at;
        };
        add(last, len.wrapping_sub(VECTOR));
        if len > 2 * VECTOR {
            let (second, third) =
                (text.get(VECTOR..)?.first_chunk()?, text.get(..len.wrapping_sub(VECTOR))?.last_chunk()?);
            add(second, VECTOR);
            add(third, len.wrapping_sub(2 * VECTOR));
        }
        (bits(plain) == ALL).then_some(slashes)
    }

    /// Which of the first [`WINDOW`] bytes need a closer look, and which are slashes.
    #[inline(never)]
    pub(super) fn look(text: &[u8]) -> (u64, u64) {
        let text = text.get(..WINDOW).unwrap_or(text);
        let Some(last) = text.last_chunk::<VECTOR>() else { return look_short(text) };
        let (mut odd, mut slashes) = (0, 0);
        let mut add = |chunk: &[u8; VECTOR], at: usize| {
            let (plain, places) = classes(load_unaligned_m128i(chunk));
            odd |= (bits(plain) ^ ALL) << at;
            slashes |= bits(places) << at;
        };
        for (number, chunk) in text.as_chunks::<VECTOR>().0.iter().enumerate() {
            add(chunk, number.wrapping_mul(VECTOR));
        }
        add(last, text.len().wrapping_sub(VECTOR));
        (odd, slashes)
    }

    /// The same of fewer bytes than a vector has.
    #[inline(always)]
    fn look_short(text: &[u8]) -> (u64, u64) {
        let len = text.len();
        let look = |one: u64, two: u64| {
            let (plain, slashes) = classes(m128i::from([one, two]));
            (bits(plain) ^ ALL, bits(slashes))
        };
        match (text.first_chunk::<WORD>(), text.last_chunk::<WORD>()) {
            (Some(first), Some(last)) => {
                let (odd, slashes) = look(u64::from_le_bytes(*first), u64::from_le_bytes(*last));
                let place = |bits: u64| bits & 0xff | bits >> WORD << len.wrapping_sub(WORD);
                (place(odd), place(slashes))
            }
            _ => {
                let (odd, slashes) = look(word_of_name(text), 0);
                (odd & below(len), slashes)
            }
        }
    }

    /// A bit for every lane.
    const ALL: u64 = 0xffff;

    /// The lanes that are set.
    #[inline(always)]
    fn bits(lanes: m128i) -> u64 {
        u64::from(move_mask_i8_m128i(lanes).cast_unsigned())
    }

    /// Which bytes need no closer look, and which are slashes.
    #[inline(always)]
    fn classes(bytes: m128i) -> (m128i, m128i) {
        let each = |byte: u8| set_splat_i8_m128i(byte.cast_signed());
        let is = |byte: u8| cmp_eq_mask_i8_m128i(bytes, each(byte));
        // Bytes are compared with their sign, so the first of a range is moved to the least.
        let from_to = |bytes: m128i, first: u8, last: u8| {
            let moved = add_i8_m128i(bytes, each(0x80_u8.wrapping_sub(first)));
            cmp_lt_mask_i8_m128i(moved, each(0x81_u8.wrapping_add(last).wrapping_sub(first)))
        };
        let letters = from_to(bitor_m128i(bytes, each(0x20)), b'a', b'z');
        let others = bitor_m128i(from_to(bytes, b'/', b'9'), bitor_m128i(is(b'-'), is(b'_')));
        (bitor_m128i(letters, others), is(b'/'))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn naive(text: &[u8]) -> (u64, u64) {
        let bits = |is: &dyn Fn(u8) -> bool| {
            (0..text.len().min(WINDOW)).filter(|at| is(text[*at])).fold(0, |bits: u64, at| bits | 1 << at)
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/');
        (bits(&|byte| !plain(byte)), bits(&|byte| byte == b'/'))
    }

    #[test]
    fn a_look_is_the_same_by_words_and_by_vectors() {
        for len in 0..=WINDOW + 3 {
            let text: Vec<u8> = (0..len).map(|at| b"/jobs-9_Zz0aA"[at % 13]).collect();
            assert_eq!((look(&text), look_by_words(&text)), (naive(&text), naive(&text)), "{len}");
            assert!(len > WINDOW || all_plain(&text) == Some(naive(&text).1), "{len}");
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    let mut text = text.clone();
                    text[at] = byte;
                    let (odd, slashes) = naive(&text);
                    assert_eq!((look(&text), look_by_words(&text)), ((odd, slashes), (odd, slashes)), "{text:?}");
                    assert!(len > WINDOW || all_plain(&text) == (odd == 0).then_some(slashes), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn a_path_is_ordinary_up_to_its_end_or_a_question_mark() {
        let plain = |len: usize| -> Vec<u8> { (0..len).map(|at| if at % 9 == 0 { b'/' } else { b'a' }).collect() };
        for len in 1..SHORT + 70 {
            let path = plain(len);
            let expected = (len < SHORT).then(|| (len, Slashes::of(&path)));
            assert_eq!(ordinary(&path), expected, "{len}");
            for query in [&b"?"[..], b"?//.%", &[b'?'; 80]] {
                let raw = [&path, query].concat();
                assert_eq!(ordinary(&raw), expected, "{len}");
            }
            for at in 1..len {
                for odd in [b'.', b'%', 0x80, b' '] {
                    let mut path = path.clone();
                    path[at] = odd;
                    assert_eq!(ordinary(&path), None, "{len} {at}");
                    assert_eq!(ordinary(&[&path, &b"?"[..]].concat()), None, "{len} {at}");
                }
                let mut path = path.clone();
                path[at] = b'/';
                let doubled = path[at - 1] == b'/' || path.get(at + 1) == Some(&b'/');
                assert_eq!(
                    ordinary(&path),
                    expected.filter(|_| !doubled).map(|_| (len, Slashes::of(&path))),
                    "{len} {at}"
                );
            }
        }
    }

    #[test]
    fn segments_stop_at_slashes_near_and_far() {
        let path: Vec<u8> = (0..200_usize).map(|at| if at % 37 == 0 || at == 63 { b'/' } else { b'a' }).collect();
        for end in 1..path.len() {
            let (mut rest, mut slashes) = (&path[1..end], Slashes::of(&path[..end]).past(0));
            while !rest.is_empty() {
                let stop = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
                assert_eq!(slashes.stop(rest), stop, "{end} {}", rest.len());
                (rest, slashes) = (rest.get(stop + 1..).unwrap_or_default(), slashes.past(stop));
            }
        }
    }
}
