//! Strict base64url (RFC 4648 section 5): its alphabet, no padding, no white space, canonical last bits.

use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::TokenRefusal;

/// Decodes into `space`: the decoded part of it, or `None` when the text is no base64url or too long.
#[inline(never)]
pub(super) fn decode<'s>(text: &[u8], space: &'s mut [u8]) -> Option<&'s [u8]> {
    let len = URL_SAFE_NO_PAD.decode_slice(text, space).ok()?;
    space.get(..len)
}

/// Decodes into memory of its own.
pub(super) fn decode_vec(text: &[u8]) -> Result<Vec<u8>, TokenRefusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenRefusal::Base64Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_taken() {
        for text in ["A", "AA==", "AA=", "AA AA", "AA\n", "A+/A", "\u{e9}AA", "QUI=", "AB", "AP", "AAB", "AAF"] {
            assert!(decode_vec(text.as_bytes()).is_err(), "{text}");
            assert_eq!(decode(text.as_bytes(), &mut [0; 64]), None, "{text}");
        }
        let good: [(&str, &[u8]); 5] =
            [("", b""), ("AA", b"\0"), ("AAA", b"\0\0"), ("QmFzZTY0", b"Base64"), ("_-8", &[0xff, 0xef])];
        for (text, bytes) in good {
            assert_eq!(decode_vec(text.as_bytes()).unwrap(), bytes, "{text}");
            assert_eq!(decode(text.as_bytes(), &mut [0; 64]), Some(bytes), "{text}");
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
