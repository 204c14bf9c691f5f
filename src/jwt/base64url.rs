//! Strict base64url (RFC 4648 section 5): its alphabet, no padding, no white space, canonical last bits.

use alloc::vec::Vec;

use super::TokenRefusal;

/// No character of the alphabet; it has a bit that no value of six bits has.
const ODD: u8 = 0x80;

const VALUES: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut values = [ODD; 256];
    let mut value = 0_u8;
    #[expect(clippy::indexing_slicing, reason = "const evaluation over 0..64")]
    while value < 64 {
        values[alphabet[value as usize] as usize] = value;
        value = value.saturating_add(1);
    }
    values
};

fn value(character: u8) -> u8 {
    VALUES.get(usize::from(character)).copied().unwrap_or(ODD)
}

/// How many bytes a text of this length is.
const fn decoded_len(text: usize) -> usize {
    text.saturating_sub(text.div_ceil(4))
}

/// Decodes into `space`: the decoded part of it, or `None` when the text is no base64url or too long.
#[inline(never)]
pub(super) fn decode<'s>(text: &[u8], space: &'s mut [u8]) -> Option<&'s [u8]> {
    let len = decoded_len(text.len());
    let (fours, rest) = text.as_chunks::<4>();
    let decoded = space.get_mut(..len)?;
    let (threes, tail) = decoded.as_chunks_mut::<3>();
    let mut odd = 0;
    for (four, three) in fours.iter().zip(threes) {
        let [a, b, c, d] = four.map(value);
        odd |= a | b | c | d;
        let bits = u32::from(a) << 18 | u32::from(b) << 12 | u32::from(c) << 6 | u32::from(d);
        let [_, bytes @ ..] = bits.to_be_bytes();
        *three = bytes;
    }
    match (rest, tail) {
        ([], []) => {}
        ([a, b], [first]) => {
            let (a, b) = (value(*a), value(*b));
            odd |= a | b | if b & 0x0f == 0 { 0 } else { ODD };
            *first = a << 2 | b >> 4;
        }
        ([a, b, c], [first, second]) => {
            let (a, b, c) = (value(*a), value(*b), value(*c));
            odd |= a | b | c | if c & 0x03 == 0 { 0 } else { ODD };
            (*first, *second) = (a << 2 | b >> 4, b << 4 | c >> 2);
        }
        _ => return None,
    }
    if odd < ODD { Some(decoded) } else { None }
}

/// Decodes into memory of its own.
pub(super) fn decode_vec(text: &[u8]) -> Result<Vec<u8>, TokenRefusal> {
    let mut bytes = alloc::vec![0; decoded_len(text.len())];
    match decode(text, &mut bytes) {
        Some(_) => Ok(bytes),
        None => Err(TokenRefusal::Base64Invalid),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::{decode, decode_vec};

    /// The same verdict and the same bytes as another strict decoder.
    fn hold(text: &[u8]) {
        let theirs = URL_SAFE_NO_PAD.decode(text).ok();
        assert_eq!(decode_vec(text).ok(), theirs, "{text:x?}");
        let mut space = [0xaa; 64];
        assert_eq!(decode(text, &mut space).map(<[u8]>::to_vec), theirs, "{text:x?}");
    }

    #[test]
    fn texts_are_taken_and_refused_as_by_another_strict_decoder() {
        for byte in 0..=u8::MAX {
            for len in 0..10 {
                for at in 0..len {
                    let mut text: Vec<u8> = (0..len).map(|place| b"QmFzZTY0_-"[place]).collect();
                    text[at] = byte;
                    hold(&text);
                }
            }
        }
        // Every pair of last characters.
        for pair in 0..=u16::MAX {
            for len in [2, 3, 4, 6, 7] {
                let mut text = alloc::vec![b'A'; len];
                text[len - 2..].copy_from_slice(&pair.to_be_bytes());
                hold(&text);
            }
        }
        for text in ["", "A", "AA==", "AA=", "QUI=", "AA AA", "AA\n", "A+/A", "\u{e9}AA"] {
            hold(text.as_bytes());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for len in 0..40_u8 {
            let bytes: Vec<u8> = (0..len).collect();
            let text = URL_SAFE_NO_PAD.encode(&bytes);
            for room in 0..usize::from(len) {
                assert_eq!(decode(text.as_bytes(), &mut alloc::vec![0; room]), None, "{len} {room}");
            }
            assert_eq!(decode(text.as_bytes(), &mut alloc::vec![0; usize::from(len)]), Some(&*bytes));
        }
    }
}
