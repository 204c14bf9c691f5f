//! The borrowed view of a request, and the gate on its target: raw bytes checked first, never decoded twice, never normalised.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

/// The longest request target, query included, in bytes.
pub const MAX_TARGET_BYTES: usize = 8 * 1024;
/// The most path segments.
pub const MAX_SEGMENTS: usize = 64;

/// Where header lines come from: whatever holds them shows each line once, in order.
pub trait HeaderSource {
    /// Calls `visit` with the name and the raw value of every header line.
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8]));
}

impl HeaderSource for () {
    fn visit<'h>(&'h self, _visit: &mut dyn FnMut(&'h str, &'h [u8])) {}
}

impl<N: AsRef<str>, V: AsRef<[u8]>> HeaderSource for [(N, V)] {
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for (name, value) in self {
            visit(name.as_ref(), value.as_ref());
        }
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, const LINES: usize> HeaderSource for [(N, V); LINES] {
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.as_slice().visit(visit);
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> HeaderSource for &[(N, V)] {
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        (**self).visit(visit);
    }
}

impl HeaderSource for Vec<(String, String)> {
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.as_slice().visit(visit);
    }
}

/// A request as the engine sees it. Nothing is owned, nothing was changed on the way.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method of the request line.
    pub method: &'a str,
    /// The request target of the request line in origin form (RFC 9112 section 3.2.1), raw: path and query as they came.
    pub target: &'a [u8],
    /// The header lines.
    pub headers: &'a dyn HeaderSource,
    /// Whether the request came over HTTPS; the host knows, headers are not believed.
    pub https: bool,
    /// The address of the client, when the host knows it.
    pub client_ip: Option<IpAddr>,
}

impl fmt::Debug for Request<'_> {
    /// Without header values and query, which may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split(|byte| *byte == b'?').next().unwrap_or_default();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &String::from_utf8_lossy(path))
            .field("https", &self.https)
            .field("client_ip", &self.client_ip)
            .finish_non_exhaustive()
    }
}

/// Why a request target is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetFault {
    /// A `.` or `..` segment, raw or encoded (Envoy CVE-2019-9901, Traefik CVE-2025-32431, Oathkeeper GHSA-p224-6x5r-fjpm).
    DotSegment,
    /// An encoded `\`, NUL, `;`, `?`, `#` or `%` (Envoy CVE-2021-29492, Istio CVE-2021-31920).
    EncodedDelimiter,
    /// An encoded `/` outside a parameter of a route that opted in (Hono GHSA-5r4p-p66f-jhc7).
    EncodedSlash,
    /// An encoded unreserved character, like `%61` (middie CVE-2026-22031).
    EncodedUnreserved,
    /// A `;` (Quarkus CVE-2026-39852).
    MatrixParameter,
    /// A `\`.
    Backslash,
    /// A `#`.
    Fragment,
    /// A control character, raw or encoded (Spring CVE-2022-22978).
    ControlCharacter,
    /// A raw byte above 0x7f.
    NonAscii,
    /// Encoded bytes that are no UTF-8, overlong forms and surrogates included.
    InvalidUtf8,
    /// An empty segment, as in `//admin` (Quarkus CVE-2023-4853).
    EmptySegment,
    /// No leading `/`: absolute form, authority form, `*`, empty (gRPC-Go CVE-2026-33186).
    NotAbsolutePath,
    /// A `%` without two hexadecimal digits.
    BadPercentEncoding,
    /// A character that RFC 3986 allows in no path.
    InvalidCharacter,
    /// More than [`MAX_TARGET_BYTES`].
    TooLong,
    /// More than [`MAX_SEGMENTS`].
    TooManySegments,
}

impl TargetFault {
    /// The stable code: the sub-reason of `noncanonical_target`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::DotSegment => "dot_segment",
            Self::EncodedDelimiter => "encoded_delimiter",
            Self::EncodedSlash => "encoded_slash",
            Self::EncodedUnreserved => "encoded_unreserved",
            Self::MatrixParameter => "matrix_parameter",
            Self::Backslash => "backslash",
            Self::Fragment => "fragment",
            Self::ControlCharacter => "control_character",
            Self::NonAscii => "non_ascii",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::EmptySegment => "empty_segment",
            Self::NotAbsolutePath => "not_absolute_path",
            Self::BadPercentEncoding => "bad_percent_encoding",
            Self::InvalidCharacter => "invalid_character",
            Self::TooLong => "too_long",
            Self::TooManySegments => "too_many_segments",
        }
    }
}

impl fmt::Display for TargetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DotSegment => "the path has a \".\" or \"..\" segment",
            Self::EncodedDelimiter => "the path has an encoded delimiter",
            Self::EncodedSlash => "the path has an encoded slash, which this route does not accept",
            Self::EncodedUnreserved => "the path encodes a character that needs no encoding",
            Self::MatrixParameter => "the path has a \";\"",
            Self::Backslash => "the target has a backslash",
            Self::Fragment => "the target has a \"#\"",
            Self::ControlCharacter => "the target has a control character",
            Self::NonAscii => "the target has a byte outside ASCII",
            Self::InvalidUtf8 => "the path encodes bytes that are no UTF-8",
            Self::EmptySegment => "the path has an empty segment",
            Self::NotAbsolutePath => "the target does not start with \"/\"",
            Self::BadPercentEncoding => "the path has a \"%\" without two hexadecimal digits",
            Self::InvalidCharacter => "the target has a character that is not allowed there",
            Self::TooLong => "the target is too long",
            Self::TooManySegments => "the path has too many segments",
        })
    }
}

/// A request target that passed the gate.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    path: &'a str,
    query: Option<&'a str>,
    encoded_slash: bool,
}

impl<'a> Target<'a> {
    /// The path, percent-escapes as sent.
    #[must_use]
    pub const fn path(&self) -> &'a str {
        self.path
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
}

impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What a raw byte means in a path. `pchar` and its delimiters are RFC 3986 section 3.3.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Dot,
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
                b'.' => Class::Dot,
                b'/' => Class::Slash,
                b'%' => Class::Percent,
                b'?' => Class::Question,
                b';' => Class::Fault(TargetFault::MatrixParameter),
                b'\\' => Class::Fault(TargetFault::Backslash),
                b'#' => Class::Fault(TargetFault::Fragment),
                0..=0x1f | 0x7f => Class::Fault(TargetFault::ControlCharacter),
                0x80..=0xff => Class::Fault(TargetFault::NonAscii),
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => Class::Plain,
                b'-' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':'
                | b'@' => Class::Plain,
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

/// Progress through an encoded multi-byte character (RFC 3629 section 4): how many bytes must follow, and the range of the next.
#[derive(Clone, Copy)]
struct Utf8 {
    due: u8,
    low: u8,
    high: u8,
}

impl Utf8 {
    const START: Self = Self { due: 0, low: 0x80, high: 0xbf };

    fn step(self, byte: u8) -> Result<Self, TargetFault> {
        if self.due > 0 {
            let due = self.due.saturating_sub(1);
            return if (self.low..=self.high).contains(&byte) {
                Ok(Self { due, ..Self::START })
            } else {
                Err(TargetFault::InvalidUtf8)
            };
        }
        let (due, low, high) = match byte {
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xe1..=0xec | 0xee..=0xef => (2, 0x80, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return Err(TargetFault::InvalidUtf8),
        };
        Ok(Self { due, low, high })
    }
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

/// What an encoded byte may be: never a delimiter, a control character, or a character that needs no encoding.
const fn encoded_fault(byte: u8) -> Option<TargetFault> {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => Some(TargetFault::EncodedUnreserved),
        0 | b'\\' | b';' | b'?' | b'#' | b'%' => Some(TargetFault::EncodedDelimiter),
        1..=0x1f | 0x7f => Some(TargetFault::ControlCharacter),
        _ => None,
    }
}

/// What is known of the segment under way.
#[derive(Clone, Copy)]
struct Segment {
    len: usize,
    /// Dots so far, raw or encoded, while there was nothing else.
    dots: usize,
    /// A fault to report unless the segment turns out to be a dot segment, which is the graver name for it.
    encoded_dot: bool,
}

impl Segment {
    const EMPTY: Self = Self { len: 0, dots: 0, encoded_dot: false };

    const fn close(self) -> Result<(), TargetFault> {
        if self.dots == self.len && (self.dots == 1 || self.dots == 2) {
            return Err(TargetFault::DotSegment);
        }
        if self.encoded_dot { Err(TargetFault::EncodedUnreserved) } else { Ok(()) }
    }

    const fn push(&mut self) {
        self.len = self.len.saturating_add(1);
    }

    const fn dot(&mut self) {
        self.push();
        self.dots = self.dots.saturating_add(1);
    }
}

/// Lets a canonical request target through, in one pass and without allocating.
///
/// A trailing slash is no empty segment. `%2F` is only noted: whether it may stand depends on the route.
///
/// # Errors
/// The first [`TargetFault`] from the left.
///
/// ```
/// use scopegate::request::{TargetFault, gate_target};
/// assert_eq!(gate_target(b"/public/v1/jobs?limit=10").unwrap().path(), "/public/v1/jobs");
/// assert_eq!(gate_target(b"/public/v1/../admin").unwrap_err(), TargetFault::DotSegment);
/// assert_eq!(gate_target(b"/public/%2e%2E/admin").unwrap_err(), TargetFault::DotSegment);
/// ```
pub fn gate_target(raw: &[u8]) -> Result<Target<'_>, TargetFault> {
    if raw.len() > MAX_TARGET_BYTES {
        return Err(TargetFault::TooLong);
    }
    let Some((b'/', rest)) = raw.split_first() else { return Err(TargetFault::NotAbsolutePath) };
    let mut bytes = rest.iter();
    let mut segment = Segment::EMPTY;
    let mut segments = 1_usize;
    let mut utf8 = Utf8::START;
    let mut encoded_slash = false;
    let mut query = None;
    while let Some(byte) = bytes.next() {
        let class = class(*byte);
        if class != Class::Percent && utf8.due > 0 {
            return Err(TargetFault::InvalidUtf8);
        }
        match class {
            Class::Plain => segment.push(),
            Class::Dot => segment.dot(),
            Class::Slash => {
                if segment.len == 0 {
                    return Err(TargetFault::EmptySegment);
                }
                segment.close()?;
                segment = Segment::EMPTY;
                segments = segments.saturating_add(1);
            }
            Class::Percent => {
                let digits = bytes.next().copied().and_then(hex).zip(bytes.next().copied().and_then(hex));
                let Some((high, low)) = digits else { return Err(TargetFault::BadPercentEncoding) };
                let decoded = high << 4 | low;
                if decoded == b'.' {
                    segment.dot();
                    segment.encoded_dot = true;
                } else if let Some(fault) = encoded_fault(decoded) {
                    return Err(fault);
                } else {
                    segment.push();
                    encoded_slash |= decoded == b'/';
                }
                if decoded >= 0x80 {
                    utf8 = utf8.step(decoded)?;
                } else if utf8.due > 0 {
                    return Err(TargetFault::InvalidUtf8);
                }
            }
            Class::Question => {
                query = Some(bytes.as_slice());
                break;
            }
            Class::Fault(fault) => return Err(fault),
        }
    }
    if utf8.due > 0 {
        return Err(TargetFault::InvalidUtf8);
    }
    segment.close()?;
    // A trailing slash ends the last segment; it does not start another.
    if segment.len == 0 && segments > 1 {
        segments = segments.saturating_sub(1);
    }
    if segments > MAX_SEGMENTS {
        return Err(TargetFault::TooManySegments);
    }
    let path = match query {
        None => raw,
        Some(query) => {
            gate_query(query)?;
            let end = raw.len().saturating_sub(query.len()).saturating_sub(1);
            raw.get(..end).unwrap_or_default()
        }
    };
    Ok(Target { path: ascii(path)?, query: query.map(ascii).transpose()?, encoded_slash })
}

/// A query is not matched, so it is only kept from breaking a line or a log: no control character, space, `#` or raw non-ASCII.
fn gate_query(query: &[u8]) -> Result<(), TargetFault> {
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

fn ascii(bytes: &[u8]) -> Result<&str, TargetFault> {
    core::str::from_utf8(bytes).map_err(|_| TargetFault::NonAscii)
}
