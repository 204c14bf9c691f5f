//! The path grammar: literals, `{name}`, `{name:int|uuid|slug|hex}`, `pre{name}suf`, and `{rest...}` last. No regular expressions.
//!
//! | segment | matches |
//! | --- | --- |
//! | `jobs` | exactly this text |
//! | `{id}` | one segment, not empty |
//! | `{id:int}` | 1 to 20 decimal digits |
//! | `{id:uuid}` | 8-4-4-4-12 hexadecimal digits in either case (RFC 9562 section 4) |
//! | `{id:slug}` | runs of `a-z` and `0-9`, joined by single hyphens |
//! | `{id:hex}` | hexadecimal digits in either case |
//! | `v{n:int}.json` | one parameter and the literal text around it |
//! | `{rest...}` | everything from here on: one or more segments, none empty, no slash at the end |
//!
//! Literal text must be spelled as the gate lets it through, and in the one way that is canonical: reserved characters such as `:`
//! and `@` raw, escapes in upper case.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::spelling::is_canonical;
use crate::json::Quoted;
use crate::request::{MAX_SEGMENTS, MAX_TARGET_BYTES, gate_segment};

/// The most parameters one path may have.
pub const MAX_PARAMS: usize = 16;
/// The longest name of a parameter, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// What a parameter's value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One or more bytes of a canonical segment.
    Any,
    /// 1 to 20 decimal digits: every unsigned 64-bit number, leading zeros included.
    Int,
    /// 8-4-4-4-12 hexadecimal digits in either case, of any version (RFC 9562 section 4).
    Uuid,
    /// Runs of lower-case letters and digits, joined by single hyphens.
    Slug,
    /// One or more hexadecimal digits in either case.
    Hex,
}

impl Kind {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "int" => Some(Self::Int),
            "uuid" => Some(Self::Uuid),
            "slug" => Some(Self::Slug),
            "hex" => Some(Self::Hex),
            _ => None,
        }
    }

    /// The name in a pattern; empty for a parameter without one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Int => "int",
            Self::Uuid => "uuid",
            Self::Slug => "slug",
            Self::Hex => "hex",
        }
    }

    /// Whether `value` is one.
    #[must_use]
    pub fn accepts(self, value: &[u8]) -> bool {
        match self {
            Self::Any => !value.is_empty(),
            Self::Int => (1..=20).contains(&value.len()) && value.iter().all(u8::is_ascii_digit),
            Self::Hex => !value.is_empty() && value.iter().all(u8::is_ascii_hexdigit),
            Self::Slug => value
                .split(|byte| *byte == b'-')
                .all(|run| !run.is_empty() && run.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())),
            Self::Uuid => {
                value.len() == 36
                    && value.iter().enumerate().all(|(at, byte)| match at {
                        8 | 13 | 18 | 23 => *byte == b'-',
                        _ => byte.is_ascii_hexdigit(),
                    })
            }
        }
    }
}

/// A segment with one parameter, and the literal text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The literal text before it.
    pub prefix: &'a str,
    /// What its value must look like.
    pub kind: Kind,
    /// The literal text after it.
    pub suffix: &'a str,
}

impl Param<'_> {
    /// `{name}`: the least specific parameter.
    pub const PLAIN: Param<'static> = Param { prefix: "", kind: Kind::Any, suffix: "" };

    /// Whether this is `{name}`.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        matches!(self.kind, Kind::Any) && self.prefix.is_empty() && self.suffix.is_empty()
    }

    /// The bytes of `segment` that are the value, as start and end; `None` when the segment does not match. With `fold`, the
    /// literal text matches without regard to ASCII case.
    #[must_use]
    pub fn value(&self, segment: &[u8], fold: bool) -> Option<(usize, usize)> {
        let (start, end) = (self.prefix.len(), segment.len().checked_sub(self.suffix.len())?);
        let value = segment.get(start..end)?;
        let same = |part: Option<&[u8]>, wanted: &str| {
            part.is_some_and(|part| part == wanted.as_bytes() || (fold && part.eq_ignore_ascii_case(wanted.as_bytes())))
        };
        // The suffix must not begin inside an escape: `{x}A9` does not match `caf%C3%A9`.
        let whole = !matches!(value, [.., b'%'] | [.., b'%', _]);
        (whole && same(segment.get(..start), self.prefix) && same(segment.get(end..), self.suffix))
            .then_some((start, end))
            .filter(|_| self.kind.accepts(value))
    }
}

/// A segment of a path pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Exactly this text.
    Literal(&'a str),
    /// One parameter.
    Param(Param<'a>),
    /// One or more whole segments; last only.
    Rest,
}

/// A parsed path pattern, cut from the text it was parsed from.
///
/// ```
/// use scopegate::route::pattern::{Pattern, Segment};
/// let pattern = Pattern::parse("/jobs/{id:int}/{rest...}").unwrap();
/// assert_eq!(pattern.names, ["id", "rest"]);
/// assert_eq!(pattern.segments.first(), Some(&Segment::Literal("jobs")));
/// let error = Pattern::parse("/jobs/{id").unwrap_err();
/// assert_eq!(error.to_string(), "at byte 7: expected a name and \"}\"");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern<'a> {
    /// The segments.
    pub segments: Vec<Segment<'a>>,
    /// The names of the parameters, in order.
    pub names: Vec<&'a str>,
    /// Whether the path ends in a slash (and is not `/`).
    pub trailing_slash: bool,
}

/// Why a text is no path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// Where, in bytes from the start.
    pub at: usize,
    /// What was expected there.
    pub expected: String,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: expected {}", self.at, self.expected)
    }
}

impl core::error::Error for PatternError {}

fn error(at: usize, expected: impl Into<String>) -> PatternError {
    PatternError { at, expected: expected.into() }
}

impl<'a> Pattern<'a> {
    /// Parses a path pattern.
    ///
    /// # Errors
    /// [`PatternError`] with the first place and what was expected there.
    pub fn parse(text: &'a str) -> Result<Self, PatternError> {
        let mut pattern = Self::default();
        pattern.read(text)?;
        Ok(pattern)
    }

    /// The same into the space of another one.
    pub(super) fn read(&mut self, text: &'a str) -> Result<(), PatternError> {
        self.segments.clear();
        self.names.clear();
        self.trailing_slash = false;
        if !text.starts_with('/') {
            return Err(error(0, "a path that starts with \"/\", as in \"GET /jobs/{id}\""));
        }
        if text.len() > MAX_TARGET_BYTES {
            return Err(error(
                MAX_TARGET_BYTES,
                format!("at most {MAX_TARGET_BYTES} bytes: a longer path is never matched"),
            ));
        }
        let mut at = 1_usize;
        while let Some(rest) = text.as_bytes().get(at..).filter(|_| text.len() > 1) {
            let len = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
            let last = len == rest.len();
            let end = at.saturating_add(len);
            if len > 0 {
                self.segment(text.get(at..end).unwrap_or_default(), at, last)?;
            } else if last {
                self.trailing_slash = true;
            } else {
                return Err(error(at, "a segment; empty segments match nothing"));
            }
            at = end.saturating_add(1);
        }
        Ok(())
    }

    /// The specificity: two bits a segment, the leftmost highest, so that the greater is the more specific.
    pub(super) fn rank(&self) -> u128 {
        let class = |segment: &Segment<'_>| match segment {
            Segment::Literal(_) => 3,
            Segment::Param(param) if param.is_plain() => 1,
            Segment::Param(_) => 2,
            Segment::Rest => 0,
        };
        let places = (0..=126_u32).rev().step_by(2);
        self.segments.iter().zip(places).fold(0, |rank, (segment, place)| rank | class(segment) << place)
    }

    fn segment(&mut self, part: &'a str, at: usize, last: bool) -> Result<(), PatternError> {
        if self.segments.len() >= MAX_SEGMENTS {
            return Err(error(at, format!("at most {MAX_SEGMENTS} segments: a longer path is never matched")));
        }
        // Most are one of these two.
        let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if word(part) {
            self.segments.push(Segment::Literal(part));
            return Ok(());
        }
        let name = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if let Some(name) = name.filter(|name| word(name)) {
            self.name(name, at.saturating_add(1))?;
            self.segments.push(Segment::Param(Param::PLAIN));
            return Ok(());
        }
        let Some((prefix, rest)) = part.split_once('{') else {
            literal(part, at)?;
            gate_segment(part.as_bytes())
                .map_err(|fault| error(at, format!("literal text in canonical form; {fault}")))?;
            self.segments.push(Segment::Literal(part));
            return Ok(());
        };
        let inside = at.saturating_add(prefix.len()).saturating_add(1);
        let Some((inner, suffix)) = rest.split_once('}') else {
            return Err(error(inside, "a name and \"}\""));
        };
        let after = inside.saturating_add(inner.len()).saturating_add(1);
        if suffix.contains(['{', '}']) {
            return Err(error(after, "one parameter per segment"));
        }
        if let Some(name) = inner.strip_suffix("...") {
            if !prefix.is_empty() || !suffix.is_empty() {
                return Err(error(at, "\"{rest...}\" alone in its segment"));
            }
            if !last {
                return Err(error(at, "\"{rest...}\" as the last segment, without a slash after it"));
            }
            self.name(name, inside)?;
            self.segments.push(Segment::Rest);
            return Ok(());
        }
        let (name, kind) = match inner.split_once(':') {
            None => (inner, Kind::Any),
            Some((name, kind)) => {
                let place = inside.saturating_add(name.len()).saturating_add(1);
                let kind = Kind::from_name(kind).ok_or_else(|| error(place, "one of int, uuid, slug, hex"))?;
                (name, kind)
            }
        };
        self.name(name, inside)?;
        literal(prefix, at)?;
        literal(suffix, after)?;
        self.segments.push(Segment::Param(Param { prefix, kind, suffix }));
        Ok(())
    }

    fn name(&mut self, name: &'a str, at: usize) -> Result<(), PatternError> {
        let mut bytes = name.bytes();
        let valid = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.len() <= MAX_NAME_BYTES;
        if !valid {
            return Err(error(
                at,
                format!(
                    "a parameter name: at most {MAX_NAME_BYTES} letters, digits and '_', not starting with a digit"
                ),
            ));
        }
        if self.names.contains(&name) {
            return Err(error(at, format!("another name; {name} is already used in this path", name = Quoted(name))));
        }
        if self.names.len() >= MAX_PARAMS {
            return Err(error(at, format!("at most {MAX_PARAMS} parameters")));
        }
        self.names.push(name);
        Ok(())
    }
}

/// Literal text must be such that the gate lets it through, spelled the canonical way: otherwise the route could never match. Dots
/// around a parameter make no dot segment, so the text is judged with a letter on both sides.
fn literal(text: &str, at: usize) -> Result<(), PatternError> {
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return Ok(());
    }
    if text.contains('}') {
        return Err(error(at, "\"{\" before \"}\""));
    }
    if text.contains('?') {
        return Err(error(at, "a path without a query"));
    }
    if let Err(fault) = gate_segment(format!("x{text}x").as_bytes()) {
        return Err(error(at, format!("literal text in canonical form; {fault}")));
    }
    if !is_canonical(text.as_bytes()) {
        return Err(error(
            at,
            "reserved characters such as \":\" and \"@\" as themselves, and \"%\" with upper-case digits",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_of_another_pattern_leaves_nothing_behind() {
        let texts = [
            "/",
            "/a",
            "/a/",
            "/a-b_C9/{id}/x",
            "/{a}/{b}/{c}/{d}/{e}",
            "",
            "a",
            "//",
            "/a//b",
            "/{a-b}",
            "/{}",
            "/{1a}",
            "/{a}/{a}",
            "/v{n:int}.json",
            "/a.b/..",
            "/{rest...}",
            "/{rest...}/",
            "/{a:no}",
            "/a?b",
            "/jobs/{id",
            "/\u{e9}/x",
        ];
        let mut pattern = Pattern::default();
        for text in texts.iter().chain(texts.iter().rev()) {
            let read = pattern.read(text).map(|()| pattern.clone());
            assert_eq!(read, Pattern::parse(text), "{text}");
        }
    }
}
