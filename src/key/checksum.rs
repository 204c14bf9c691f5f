//! The checksum of a key: CRC-32/ISO-HDLC in base62, as GitHub's tokens have it.

use alloc::boxed::Box;

use spin::Lazy;

/// The base62 digits, in the order of their values.
pub(super) const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Characters of the checksum.
pub const CHECKSUM_LEN: usize = 6;

/// CRC-32/ISO-HDLC of the text in base62, left-padded with `0`.
pub(super) fn of(covered: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut rest = crc32(covered);
    let mut text = [b'0'; CHECKSUM_LEN];
    for place in text.iter_mut().rev() {
        *place = ALPHABET.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    text
}

/// The number that six base62 digits mean.
pub(super) fn value_of(text: &[u8; CHECKSUM_LEN]) -> Option<u64> {
    let digit = |byte: &u8| VALUES.get(usize::from(*byte)).copied().filter(|value| *value < 62).map(u64::from);
    // Six digits stay below 2^36.
    text.iter().try_fold(0_u64, |sum, byte| Some(sum.wrapping_mul(62).wrapping_add(digit(byte)?)))
}

/// The value of each base62 digit; 255 for what is none.
static VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut at = 0_u8;
    #[expect(clippy::indexing_slicing, reason = "const evaluation over 0..62")]
    while at < 62 {
        values[ALPHABET[at as usize] as usize] = at;
        at += 1;
    }
    values
};

/// The bytes at the end of a text whose CRC is worked out beside that of the text before them.
const TAIL: usize = 32;

/// Moves a byte past so many zero bytes.
type Shift = [u32; 256];

struct Tables {
    /// For eight bytes at a time: the n-th moves a byte past `n` zero bytes.
    steps: [Shift; 8],
    /// For the four bytes of a CRC that [`TAIL`] bytes follow: the n-th moves a byte past `TAIL - 4 + n` zero bytes.
    leaps: [Shift; 4],
}

/// Made at first use, in microseconds: as data they would be a twentieth of the module that travels.
static TABLES: Lazy<Box<Tables>> = Lazy::new(|| {
    let mut tables = Box::new(Tables { steps: [[0; 256]; 8], leaps: [[0; 256]; 4] });
    for byte in 0..=u8::MAX {
        let mut crc = u32::from(byte);
        for past in 0..TAIL {
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            }
            let leap = past.checked_sub(TAIL - 4).and_then(|at| tables.leaps.get_mut(at));
            if let Some(place) = leap.and_then(|table| table.get_mut(usize::from(byte))) {
                *place = crc;
            }
            if let Some(place) = tables.steps.get_mut(past).and_then(|table| table.get_mut(usize::from(byte))) {
                *place = crc;
            }
        }
    }
    tables
});

#[expect(clippy::indexing_slicing, reason = "masked to a byte")]
#[inline(always)]
const fn at(table: &Shift, word: u32) -> u32 {
    table[(word & 0xff) as usize]
}

/// CRC-32/ISO-HDLC. The end of a long text goes beside its beginning, since each step of a CRC waits for the one before.
#[inline]
pub(super) fn crc32(text: &[u8]) -> u32 {
    match text.split_last_chunk::<TAIL>() {
        Some((head, tail)) => {
            let (head, tail) = (advance(u32::MAX, head), advance(0, tail));
            let [l0, l1, l2, l3] = &TABLES.leaps;
            !(at(l3, head) ^ at(l2, head >> 8) ^ at(l1, head >> 16) ^ at(l0, head >> 24) ^ tail)
        }
        None => !advance(u32::MAX, text),
    }
}

#[inline(always)]
fn advance(from: u32, bytes: &[u8]) -> u32 {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES.steps;
    let (chunks, rest) = bytes.as_chunks::<8>();
    let crc = chunks.iter().fold(from, |crc, [a, b, c, d, e, f, g, h]| {
        let mixed = crc ^ u32::from_le_bytes([*a, *b, *c, *d]);
        let (e, f, g, h) = (u32::from(*e), u32::from(*f), u32::from(*g), u32::from(*h));
        let early = at(t7, mixed) ^ at(t6, mixed >> 8) ^ at(t5, mixed >> 16) ^ at(t4, mixed >> 24);
        early ^ at(t3, e) ^ at(t2, f) ^ at(t1, g) ^ at(t0, h)
    });
    rest.iter().fold(crc, |crc, byte| crc >> 8 ^ at(t0, crc ^ u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_crc_32_iso_hdlc_at_every_length() {
        // The check value of the catalogue of parametrised CRC algorithms.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let text: [u8; 200] = core::array::from_fn(|at| u8::try_from(at * 7 % 251).unwrap());
        for len in 0..=text.len() {
            let plain = text[..len].iter().fold(u32::MAX, |crc, byte| {
                let bit = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
                (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc))
            });
            assert_eq!(crc32(&text[..len]), !plain, "{len}");
            assert_eq!(value_of(&of(&text[..len])), Some(u64::from(!plain)));
        }
        assert_eq!(value_of(b"00000-"), None);
        assert!(value_of(b"zzzzzz") > Some(u64::from(u32::MAX)));
    }
}
