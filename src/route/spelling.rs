//! The one canonical spelling of a path that has escapes.
//!
//! The gate refuses needless escapes of unreserved characters, but a reserved character that may stand raw in a path can be sent
//! either way, and escapes in either case: `/jobs/7:publish` and `/jobs/7%3Apublish` are one path to most servers. Were the second to
//! miss the route `/jobs/{id}:publish` and be matched by `/jobs/{id}`, its rule would not be the one of the handler that runs.

/// The reserved characters that may stand raw in a segment (RFC 3986 section 3.3, without `;`, which the gate refuses).
const fn is_reserved(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@')
}

/// Whether literal text holds a character that a request can spell in more than one way.
pub(super) fn has_spellings(text: &[u8]) -> bool {
    text.iter().any(|byte| is_reserved(*byte) || *byte == b'%')
}

/// The canonical spelling of text that passed the gate, byte by byte.
fn canonical(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut rest = text;
    let mut digits: &[u8] = &[];
    core::iter::from_fn(move || {
        if let Some((digit, more)) = digits.split_first() {
            digits = more;
            return Some(digit.to_ascii_uppercase());
        }
        let (byte, tail) = rest.split_first()?;
        rest = tail;
        if *byte != b'%' {
            return Some(*byte);
        }
        let (escape, tail) = tail.split_at_checked(2)?;
        rest = tail;
        if let Some(raw) = reserved(escape) {
            return Some(raw);
        }
        digits = escape;
        Some(b'%')
    })
}

/// The reserved character that two digits encode, if they do.
fn reserved(escape: &[u8]) -> Option<u8> {
    let value = core::str::from_utf8(escape).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok())?;
    is_reserved(value).then_some(value)
}

/// Whether literal text is spelled canonically.
pub(super) fn is_canonical(text: &[u8]) -> bool {
    canonical(text).eq(text.iter().copied())
}

/// Writes the canonical spelling of a path to `space`; `None` when it is spelled so already, or is longer than `space`.
pub(super) fn respell<'s>(path: &[u8], space: &'s mut [u8]) -> Option<&'s [u8]> {
    if is_canonical(path) {
        return None;
    }
    let mut len = 0_usize;
    let mut bytes = canonical(path);
    for place in space.iter_mut() {
        let Some(byte) = bytes.next() else { break };
        *place = byte;
        len = len.saturating_add(1);
    }
    if bytes.next().is_some() {
        return None;
    }
    space.get(..len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_of_each_path() {
        let table = [
            ("/a", None),
            ("/a:b@c", None),
            ("/caf%C3%A9", None),
            ("/a%20b%22", None),
            ("/caf%c3%a9", Some("/caf%C3%A9")),
            ("/a%3ab%3A", Some("/a:b:")),
            ("/%40me%2a", Some("/@me*")),
            ("/a%2fb", Some("/a%2Fb")),
            ("/%21%24%26%27%28%29%2A%2B%2C%3D", Some("/!$&'()*+,=")),
        ];
        for (path, expected) in table {
            let mut space = [0; 64];
            assert_eq!(respell(path.as_bytes(), &mut space), expected.map(str::as_bytes), "{path}");
        }
    }

    #[test]
    fn a_space_too_small_is_no_spelling() {
        assert_eq!(respell(b"/a%3ab", &mut [0; 3]), None);
    }
}
