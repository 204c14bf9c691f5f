//! The path grammar: literals, `{name}`, `{name:int|uuid|slug|hex}`, `pre{name}suf`, and `{rest...}` last. No regular expressions.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::request::gate_target;

/// The most parameters one path may have.
pub const MAX_PARAMS: usize = 16;

/// What a parameter's value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One or more bytes of a canonical segment.
    Any,
    /// 1 to 20 decimal digits.
    Int,
    /// 8-4-4-4-12 hexadecimal digits in either case (RFC 9562 section 4).
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

    /// The name in a pattern; empty for a plain parameter.
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

/// A segment that is no literal: a parameter with what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// The literal text before it.
    pub prefix: Box<str>,
    /// What its value must look like.
    pub kind: Kind,
    /// The literal text after it.
    pub suffix: Box<str>,
}

impl Param {
    /// Whether this is `{name}`: the least specific parameter.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.kind == Kind::Any && self.prefix.is_empty() && self.suffix.is_empty()
    }

    /// The bytes of `segment` that are the value, as start and end; `None` when the segment does not match.
    #[must_use]
    pub fn value(&self, segment: &[u8], fold: bool) -> Option<(usize, usize)> {
        let (start, end) = (self.prefix.len(), segment.len().checked_sub(self.suffix.len())?);
        let value = segment.get(start..end)?;
        let same = |part: Option<&[u8]>, wanted: &str| {
            part.is_some_and(|part| part == wanted.as_bytes() || (fold && part.eq_ignore_ascii_case(wanted.as_bytes())))
        };
        (same(segment.get(..start), &self.prefix) && same(segment.get(end..), &self.suffix) && self.kind.accepts(value))
            .then_some((start, end))
    }

    /// A segment that both match, if one is found: the longer prefix and the longer suffix around something both accept.
    #[must_use]
    pub fn witness(&self, other: &Self, fold: bool) -> Option<String> {
        let longer = |a: &str, b: &str| if a.len() >= b.len() { a.to_string() } else { b.to_string() };
        let prefix = longer(&self.prefix, &other.prefix);
        let suffix = longer(&self.suffix, &other.suffix);
        const UUID: &str = "00000000-0000-4000-8000-000000000000";
        let tail = UUID.get(prefix.len()..UUID.len().saturating_sub(suffix.len())).unwrap_or_default();
        ["0", "", "a", "00", "0a", UUID, tail]
            .into_iter()
            .map(|middle| format!("{prefix}{middle}{suffix}"))
            .find(|text| self.value(text.as_bytes(), fold).is_some() && other.value(text.as_bytes(), fold).is_some())
    }

    /// A segment that this matches.
    #[must_use]
    pub fn sample(&self) -> String {
        self.witness(self, false).unwrap_or_default()
    }
}

/// A segment of a path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text.
    Literal(Box<str>),
    /// One parameter.
    Param(Param),
    /// One or more whole segments; last only.
    Rest,
}

/// A parsed path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The segments.
    pub segments: Vec<Segment>,
    /// The names of the parameters, in order.
    pub names: Vec<Box<str>>,
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

fn error(at: usize, expected: impl Into<String>) -> PatternError {
    PatternError { at, expected: expected.into() }
}

impl Pattern {
    /// Parses a path pattern.
    ///
    /// # Errors
    /// [`PatternError`] with the place and what was expected.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let Some(path) = text.strip_prefix('/') else {
            return Err(error(0, "a path that starts with \"/\", as in \"GET /jobs/{id}\""));
        };
        let mut pattern = Self { segments: Vec::new(), names: Vec::new(), trailing_slash: false };
        if path.is_empty() {
            return Ok(pattern);
        }
        let mut at = 1_usize;
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            if part.is_empty() {
                if !last {
                    return Err(error(at, "a segment; empty segments match nothing"));
                }
                pattern.trailing_slash = true;
            } else {
                pattern.segment(part, at, last)?;
            }
            at = at.saturating_add(part.len()).saturating_add(1);
        }
        if pattern.names.len() > MAX_PARAMS {
            return Err(error(0, format!("at most {MAX_PARAMS} parameters")));
        }
        Ok(pattern)
    }

    fn segment(&mut self, part: &str, at: usize, last: bool) -> Result<(), PatternError> {
        let Some((prefix, rest)) = part.split_once('{') else {
            literal(part, at)?;
            self.segments.push(Segment::Literal(part.into()));
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
                return Err(error(at, "\"{rest...}\" as the last segment"));
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
        if !prefix.is_empty() {
            literal(prefix, at)?;
        }
        if !suffix.is_empty() {
            literal(suffix, after)?;
        }
        self.segments.push(Segment::Param(Param { prefix: prefix.into(), kind, suffix: suffix.into() }));
        Ok(())
    }

    fn name(&mut self, name: &str, at: usize) -> Result<(), PatternError> {
        let mut bytes = name.bytes();
        let valid = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.len() <= 64;
        if !valid {
            return Err(error(at, "a parameter name: letters, digits and '_', not starting with a digit"));
        }
        if self.names.iter().any(|known| **known == *name) {
            return Err(error(at, format!("another name; {name:?} is already used in this path")));
        }
        self.names.push(name.into());
        Ok(())
    }

    /// A path that this pattern matches.
    #[must_use]
    pub fn sample(&self) -> String {
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Literal(text) => path.push_str(text),
                Segment::Param(param) => path.push_str(&param.sample()),
                Segment::Rest => path.push('0'),
            }
        }
        if path.is_empty() || self.trailing_slash {
            path.push('/');
        }
        path
    }
}

/// Literal text must be such that the gate lets it through: otherwise the route could never match.
fn literal(text: &str, at: usize) -> Result<(), PatternError> {
    if text.contains('}') {
        return Err(error(at, "\"{\" before \"}\""));
    }
    let path = format!("/{text}");
    match gate_target(path.as_bytes()) {
        Ok(target) if target.query().is_some() => Err(error(at, "a path without a query")),
        Ok(target) if target.has_encoded_slash() => Err(error(at, "literal text without \"%2F\"")),
        Ok(_) => Ok(()),
        Err(fault) => Err(error(at, format!("literal text in canonical form; {fault}"))),
    }
}
