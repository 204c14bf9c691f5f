//! Why a request target is refused.

use core::fmt;

#[cfg(doc)]
use super::{MAX_SEGMENTS, MAX_TARGET_BYTES};

/// Why a request target is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetFault {
    /// A `.` or `..` segment, raw or encoded, also beside an encoded slash (Envoy CVE-2019-9901, Traefik CVE-2025-32431, Oathkeeper GHSA-p224-6x5r-fjpm).
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
    /// A control character (Unicode category Cc: U+0000 to U+001F, U+007F to U+009F), raw or encoded (Spring CVE-2022-22978).
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
