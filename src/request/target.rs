//! The gate on the request target: one pass over the raw bytes from the left, nothing decoded twice, nothing normalised.

use core::fmt;

use super::TargetFault;
use super::ordinary::{Slashes, ordinary};

/// The longest request target, query included, in bytes.
pub const MAX_TARGET_BYTES: usize = 8 * 1024;
/// The most path segments. A trailing slash starts none.
pub const MAX_SEGMENTS: usize = 64;

/// A request target that passed the gate.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// ASCII: read as text only when somebody asks for it.
    path: &'a [u8],
    query: Option<&'a str>,
    slashes: Slashes,
    escaped: bool,
    encoded_slash: bool,
}

impl<'a> Target<'a> {
    /// The path, percent-escapes as sent. ASCII, starts with `/`.
    #[must_use]
    pub fn path(&self) -> &'a str {
        ascii_text(self.path)
    }

    /// The bytes of the path.
    #[must_use]
    pub(crate) const fn path_bytes(&self) -> &'a [u8] {
        self.path
    }

    /// Where the slashes of the path stand.
    #[must_use]
    pub(crate) const fn slashes(&self) -> Slashes {
        self.slashes
    }

    /// What follows the first `?`; it plays no part in matching.
    #[must_use]
    pub const fn query(&self) -> Option<&'a str> {
        self.query
    }

    /// Whether the path has a `%2F`, which only a route that opted in accepts.
    #[must_use]
    pub const fn has_encoded_slash(&self) -> bool {
        self.encoded_slash
    }

    /// Whether the path has any percent-escape.
    #[must_use]
    pub const fn has_escape(&self) -> bool {
        self.escaped
    }
}

impl fmt::Debug for Target<'_> {
    /// Without the query, which may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("path", &self.path()).finish_non_exhaustive()
    }
}

/// What a raw byte means in a path. `pchar` and its delimiters are RFC 3986 section 3.3.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Stands for itself.
    Plain,
    Slash,
    Percent,
    Question,
    Fault(TargetFault),
}

const CLASSES: [Class; 256] = {
    let mut table = [Class::Fault(TargetFault::InvalidCharacter); 256];
    let mut byte = 0_usize;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "const evaluation over 0..256")]
        {
            table[byte] = match byte as u8 {
                b'/' => Class::Slash,
                b'%' => Class::Percent,
                b'?' => Class::Question,
                b';' => Class::Fault(TargetFault::MatrixParameter),
                b'\\' => Class::Fault(TargetFault::Backslash),
                b'#' => Class::Fault(TargetFault::Fragment),
                0..=0x1f | 0x7f => Class::Fault(TargetFault::ControlCharacter),
                0x80..=0xff => Class::Fault(TargetFault::NonAscii),
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => Class::Plain,
                b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' => Class::Plain,
                _ => Class::Fault(TargetFault::InvalidCharacter),
            };
        }
        byte += 1;
    }
    table
};

const fn class(byte: u8) -> Class {
    #[expect(clippy::indexing_slicing, reason = "a byte is below 256")]
    CLASSES[byte as usize]
}

/// What the path turned out to be, and where it ended: at the end of the text or at its first `?`.
#[derive(Clone, Copy)]
struct Path {
    end: usize,
    slashes: Slashes,
    segments: usize,
    escaped: bool,
    encoded_slash: bool,
}

/// Lets a canonical request target through, in one pass over the raw bytes and without allocating.
///
/// Each rule and its fault are told at [`TargetFault`]. A trailing slash is no empty segment. `%2F` is only noted: whether it may
/// stand depends on the route; a dot segment beside one is refused either way. Other reserved characters (RFC 3986 section 2.2:
/// `: @ ! $ & ' ( ) * + , = [ ]`) may be encoded, as `encodeURIComponent` does; the table of routes sees to it that such a
/// spelling reaches no other route.
///
/// The query is never matched, so it is only kept from breaking a line or a log: no control character, space, `#` or raw byte
/// outside ASCII.
///
/// # Errors
/// The first [`TargetFault`] from the left; the length of the whole comes before all others.
///
/// ```
/// use scopegate::request::{TargetFault, gate_target};
/// assert_eq!(gate_target(b"/public/v1/jobs?limit=10").unwrap().path(), "/public/v1/jobs");
/// assert_eq!(gate_target(b"/public/v1/../admin").unwrap_err(), TargetFault::DotSegment);
/// assert_eq!(gate_target(b"/public/%2e%2E/admin").unwrap_err(), TargetFault::DotSegment);
/// ```
#[inline]
pub fn gate_target(raw: &[u8]) -> Result<Target<'_>, TargetFault> {
    let slashes = if cfg!(target_arch = "wasm32") { None } else { Slashes::of_ordinary(raw) };
    match slashes {
        Some(slashes) => Ok(Target { path: raw, query: None, slashes, escaped: false, encoded_slash: false }),
        None => gate_closely(raw),
    }
}

/// The same of a target that a first look did not settle.
#[inline(never)]
fn gate_closely(raw: &[u8]) -> Result<Target<'_>, TargetFault> {
    if raw.len() > MAX_TARGET_BYTES {
        return Err(TargetFault::TooLong);
    }
    let Some(b'/') = raw.first() else { return Err(TargetFault::NotAbsolutePath) };
    let found = match ordinary(raw) {
        Some((end, slashes)) => Path { end, slashes, segments: 0, escaped: false, encoded_slash: false },
        None => scan(raw, 1)?,
    };
    let (path, query) = match raw.split_at_checked(found.end) {
        Some((path, [_, query @ ..])) => {
            gate_query(query)?;
            (path, Some(ascii_text(query)))
        }
        _ => (raw, None),
    };
    Ok(Target { path, query, slashes: found.slashes, escaped: found.escaped, encoded_slash: found.encoded_slash })
}

/// Whether `text` could be one segment of a target that passes the gate, without `%2F`.
///
/// # Errors
/// The [`TargetFault`] that the gate would answer; `InvalidCharacter` for a `?`.
pub(crate) fn gate_segment(text: &[u8]) -> Result<(), TargetFault> {
    let path = scan(text, 0)?;
    match path {
        Path { encoded_slash: true, .. } => Err(TargetFault::EncodedSlash),
        Path { end, .. } if end < text.len() => Err(TargetFault::InvalidCharacter),
        Path { segments: 1, .. } if text.last() != Some(&b'/') => Ok(()),
        _ => Err(TargetFault::EmptySegment),
    }
}

/// Walks a path whose first segment starts at `at`.
fn scan(raw: &[u8], at: usize) -> Result<Path, TargetFault> {
    let mut path = Path { end: at, slashes: Slashes::NONE, segments: 0, escaped: false, encoded_slash: false };
    path.start_segment(raw.get(at..).unwrap_or_default())?;
    loop {
        let rest = raw.get(path.end..).unwrap_or_default();
        let plain = rest.iter().position(|byte| class(*byte) != Class::Plain).unwrap_or(rest.len());
        path.end = path.end.saturating_add(plain);
        let Some((byte, rest)) = rest.get(plain..).and_then(<[u8]>::split_first) else { return Ok(path.ended()) };
        match class(*byte) {
            Class::Plain => path.end = path.end.saturating_add(1),
            Class::Question => return Ok(path.ended()),
            Class::Slash => {
                path.slashes.add(path.end);
                path.start_segment(rest)?;
                path.end = path.end.saturating_add(1);
            }
            Class::Percent => {
                let (first, after) = escaped_byte(rest)?;
                path.escaped = true;
                let taken = if first < 0x80 { ascii_escape(first, after)? } else { utf8_escapes(first, after)? };
                path.encoded_slash |= first == b'/';
                path.end = path.end.saturating_add(3).saturating_add(taken);
            }
            Class::Fault(fault) => return Err(fault),
        }
    }
}

impl Path {
    const fn ended(mut self) -> Self {
        self.slashes.add(self.end);
        self
    }

    /// What stands where a segment may start: nothing, the query, a segment, or a fault.
    fn start_segment(&mut self, rest: &[u8]) -> Result<(), TargetFault> {
        match rest.first() {
            None | Some(b'?') => return Ok(()),
            Some(b'/') => return Err(TargetFault::EmptySegment),
            Some(b'.' | b'%') if is_dot_segment(rest) => return Err(TargetFault::DotSegment),
            Some(_) => {}
        }
        self.segments = self.segments.saturating_add(1);
        if self.segments > MAX_SEGMENTS { Err(TargetFault::TooManySegments) } else { Ok(()) }
    }
}

/// One or two dots in any spelling, up to the end of the segment; an encoded slash ends one for whoever decodes it.
fn is_dot_segment(mut rest: &[u8]) -> bool {
    for dots in 0..3 {
        match rest {
            [b'.', tail @ ..] | [b'%', b'2', b'e' | b'E', tail @ ..] => rest = tail,
            [] | [b'/' | b'?', ..] | [b'%', b'2', b'f' | b'F', ..] => return dots > 0,
            _ => return false,
        }
    }
    false
}

/// The byte that the two digits after a `%` mean, and what follows.
fn escaped_byte(rest: &[u8]) -> Result<(u8, &[u8]), TargetFault> {
    match rest {
        [high, low, after @ ..] => match (hex(*high), hex(*low)) {
            (Some(high), Some(low)) => Ok((high << 4 | low, after)),
            _ => Err(TargetFault::BadPercentEncoding),
        },
        _ => Err(TargetFault::BadPercentEncoding),
    }
}

/// What an encoded ASCII byte may be: no delimiter, no control character, none that needs no encoding. Takes no further bytes.
fn ascii_escape(byte: u8, after: &[u8]) -> Result<usize, TargetFault> {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => Err(TargetFault::EncodedUnreserved),
        0 | b'\\' | b';' | b'?' | b'#' | b'%' => Err(TargetFault::EncodedDelimiter),
        1..=0x1f | 0x7f => Err(TargetFault::ControlCharacter),
        b'/' if is_dot_segment(after) => Err(TargetFault::DotSegment),
        _ => Ok(0),
    }
}

/// The rest of an encoded character after its first byte (RFC 3629 section 4: no overlong form, no surrogate, nothing above
/// U+10FFFF), and how many bytes of the text it took.
fn utf8_escapes(first: u8, mut after: &[u8]) -> Result<usize, TargetFault> {
    let (more, mut range) = match first {
        0xc2..=0xdf => (1_usize, 0x80..=0xbf),
        0xe0 => (2, 0xa0..=0xbf),
        0xed => (2, 0x80..=0x9f),
        0xe1..=0xef => (2, 0x80..=0xbf),
        0xf0 => (3, 0x90..=0xbf),
        0xf1..=0xf3 => (3, 0x80..=0xbf),
        0xf4 => (3, 0x80..=0x8f),
        _ => return Err(TargetFault::InvalidUtf8),
    };
    for _ in 0..more {
        let Some((b'%', digits)) = after.split_first() else { return Err(TargetFault::InvalidUtf8) };
        let (byte, tail) = escaped_byte(digits)?;
        if !range.contains(&byte) {
            return Err(TargetFault::InvalidUtf8);
        }
        if first == 0xc2 && byte < 0xa0 {
            return Err(TargetFault::ControlCharacter);
        }
        range = 0x80..=0xbf;
        after = tail;
    }
    Ok(more.saturating_mul(3))
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

fn gate_query(query: &[u8]) -> Result<(), TargetFault> {
    // In this order for speed: the fault is looked for only when there is one.
    if query.iter().all(|byte| (0x21..0x7f).contains(byte) && *byte != b'#') {
        return Ok(());
    }
    for byte in query {
        match byte {
            b'#' => return Err(TargetFault::Fragment),
            0..=0x1f | 0x7f => return Err(TargetFault::ControlCharacter),
            b' ' => return Err(TargetFault::InvalidCharacter),
            0x80..=0xff => return Err(TargetFault::NonAscii),
            _ => {}
        }
    }
    Ok(())
}

/// The text of bytes that passed the gate, all of them ASCII.
pub(crate) fn ascii_text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}
