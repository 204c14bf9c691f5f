//! A strict reader of small JSON objects from strangers (RFC 8259): UTF-8, no byte-order mark, nothing after, every member name once,
//! also after escapes and when nested, bounded in depth and size. Numbers stay text until somebody asks.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::json::to_number;
use crate::word::{ONES, WORD, bytes_before, mark_below, mark_of, word_at};

const QUOTES: u64 = ONES.wrapping_mul(b'"' as u64);
const BACKSLASHES: u64 = ONES.wrapping_mul(b'\\' as u64);
const SPACES: u64 = ONES.wrapping_mul(b' ' as u64);

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// Not JSON, or not an object where one is expected.
    Invalid,
    /// A member name comes twice in one object.
    Duplicate,
    /// Nested deeper than the limit.
    TooDeep,
    /// More members and elements than the limit.
    TooMany,
}

/// The limits of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// The deepest nesting; the outermost object counts as one.
    pub depth: usize,
    /// The most members and elements, all together.
    pub members: usize,
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self { depth: 16, members: 1_024 }
    }
}

/// A value, borrowed from its text where that has no escapes.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'j> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written.
    Number(&'j str),
    /// A string, unescaped.
    String(Cow<'j, str>),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Object<'j>),
}

/// An object: members in order, each name once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'j>(Vec<(Cow<'j, str>, Value<'j>)>);

impl<'j> Object<'j> {
    /// Reads a whole text that is one object.
    ///
    /// # Errors
    /// [`JsonFault`].
    ///
    /// ```
    /// use scopegate::jwt::json::{JsonFault, JsonLimits, Object};
    /// let read = |text: &'static str| Object::parse(text.as_bytes(), JsonLimits::default());
    /// assert_eq!(read(r#"{"alg":"RS256"}"#).unwrap().string("alg"), Some("RS256"));
    /// assert_eq!(read(r#"{"alg":"RS256","\u0061lg":"none"}"#).unwrap_err(), JsonFault::Duplicate);
    /// ```
    pub fn parse(text: &'j [u8], limits: JsonLimits) -> Result<Self, JsonFault> {
        Self::read(core::str::from_utf8(text).map_err(|_| JsonFault::Invalid)?, limits)
    }

    /// The same of a text that is known to be UTF-8.
    pub(super) fn read(text: &'j str, limits: JsonLimits) -> Result<Self, JsonFault> {
        let mut reader = Reader { text, at: 0, left: limits.members };
        reader.space();
        if reader.peek() != Some(b'{') {
            return Err(JsonFault::Invalid);
        }
        let object = reader.object(limits.depth.checked_sub(1).ok_or(JsonFault::TooDeep)?)?;
        reader.space();
        if reader.at == text.len() { Ok(object) } else { Err(JsonFault::Invalid) }
    }

    /// The value of a member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'j>> {
        self.0.iter().find(|(known, _)| is_same(known, name)).map(|(_, value)| value)
    }

    /// The text of a member that is a string.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The members, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'j>)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

impl<'j> Value<'j> {
    /// Reads a whole text that is one value of any kind.
    ///
    /// # Errors
    /// [`JsonFault`].
    pub fn parse(text: &'j [u8], limits: JsonLimits) -> Result<Self, JsonFault> {
        let text = core::str::from_utf8(text).map_err(|_| JsonFault::Invalid)?;
        let mut reader = Reader { text, at: 0, left: limits.members };
        let mut value = Self::Null;
        reader.space();
        reader.value(limits.depth, &mut value)?;
        reader.space();
        if reader.at == text.len() { Ok(value) } else { Err(JsonFault::Invalid) }
    }
}

impl Value<'_> {
    /// Whether it is this value. Numbers are compared as integers of 64 bits or, where they are none, as floats.
    #[must_use]
    pub fn equals(&self, other: &serde_json::Value) -> bool {
        match (self, other) {
            (Self::Null, serde_json::Value::Null) => true,
            (Self::Bool(value), serde_json::Value::Bool(other)) => value == other,
            (Self::Number(text), serde_json::Value::Number(other)) => to_number(text).as_ref() == Some(other),
            (Self::String(text), serde_json::Value::String(other)) => text == other,
            (Self::Array(items), serde_json::Value::Array(others)) => {
                items.len() == others.len() && items.iter().zip(others).all(|(item, other)| item.equals(other))
            }
            (Self::Object(object), serde_json::Value::Object(others)) => {
                object.0.len() == others.len()
                    && object.iter().all(|(name, value)| others.get(name).is_some_and(|other| value.equals(other)))
            }
            _ => false,
        }
    }

    /// The same value, owned. A number that no `f64` holds is null.
    #[must_use]
    pub fn to_owned(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Number(text) => to_number(text).map(serde_json::Value::Number).unwrap_or_default(),
            Self::String(text) => (&**text).into(),
            Self::Array(items) => items.iter().map(Self::to_owned).collect(),
            Self::Object(object) => object.iter().map(|(name, value)| (String::from(name), value.to_owned())).collect(),
        }
    }
}

struct Reader<'j> {
    text: &'j str,
    at: usize,
    left: usize,
}

impl<'j> Reader<'j> {
    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline(always)]
    fn bump(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.bump();
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonFault> {
        if self.peek() != Some(byte) {
            return Err(JsonFault::Invalid);
        }
        self.bump();
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), JsonFault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(JsonFault::Invalid);
        }
        self.at = self.at.saturating_add(word.len());
        Ok(())
    }

    fn count(&mut self) -> Result<(), JsonFault> {
        self.left = self.left.checked_sub(1).ok_or(JsonFault::TooMany)?;
        Ok(())
    }

    /// Reads a value into its place: handing it back would move it at every level.
    fn value(&mut self, depth: usize, place: &mut Value<'j>) -> Result<(), JsonFault> {
        *place = match self.peek() {
            Some(b'"') => Value::String(self.string()?),
            Some(b'{') => Value::Object(self.object(depth.checked_sub(1).ok_or(JsonFault::TooDeep)?)?),
            Some(b'[') => Value::Array(self.array(depth.checked_sub(1).ok_or(JsonFault::TooDeep)?)?),
            Some(b't') => self.word("true").map(|()| Value::Bool(true))?,
            Some(b'f') => self.word("false").map(|()| Value::Bool(false))?,
            Some(b'n') => self.word("null").map(|()| Value::Null)?,
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            _ => return Err(JsonFault::Invalid),
        };
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<Object<'j>, JsonFault> {
        self.bump();
        self.space();
        if self.peek() == Some(b'}') {
            self.bump();
            return Ok(Object(Vec::new()));
        }
        // Most members of a token take some thirty bytes; what follows bounds the guess.
        let rest = self.text.len().saturating_sub(self.at);
        let mut members: Vec<(Cow<'j, str>, Value<'j>)> = Vec::with_capacity((rest / 32).clamp(1, 16));
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(JsonFault::Invalid);
            }
            let name = self.string()?;
            self.space();
            self.expect(b':')?;
            self.space();
            self.count()?;
            members.push((name, Value::Null));
            if let Some((_, place)) = members.last_mut() {
                self.value(depth, place)?;
            }
            self.space();
            match self.peek() {
                Some(b',') => self.bump(),
                Some(b'}') => break,
                _ => return Err(JsonFault::Invalid),
            }
        }
        self.bump();
        if is_unique(&members) { Ok(Object(members)) } else { Err(JsonFault::Duplicate) }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value<'j>>, JsonFault> {
        self.bump();
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.bump();
            return Ok(items);
        }
        loop {
            self.space();
            self.count()?;
            items.push(Value::Null);
            if let Some(place) = items.last_mut() {
                self.value(depth, place)?;
            }
            self.space();
            match self.peek() {
                Some(b',') => self.bump(),
                Some(b']') => break,
                _ => return Err(JsonFault::Invalid),
            }
        }
        self.bump();
        Ok(items)
    }

    fn number(&mut self) -> Result<&'j str, JsonFault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.bump();
        }
        match self.peek() {
            Some(b'0') => self.bump(),
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(JsonFault::Invalid),
        }
        if self.peek() == Some(b'.') {
            self.bump();
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.bump();
            if let Some(b'+' | b'-') = self.peek() {
                self.bump();
            }
            self.digits()?;
        }
        self.text.get(start..self.at).ok_or(JsonFault::Invalid)
    }

    fn digits(&mut self) -> Result<(), JsonFault> {
        if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
            return Err(JsonFault::Invalid);
        }
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.bump();
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'j, str>, JsonFault> {
        self.bump();
        let start = self.at;
        let plain = self.run()?;
        if plain == b'"' {
            let text = self.text.get(start..self.at).ok_or(JsonFault::Invalid)?;
            self.bump();
            return Ok(Cow::Borrowed(text));
        }
        let mut text = String::from(self.text.get(start..self.at).ok_or(JsonFault::Invalid)?);
        loop {
            self.bump();
            text.push(self.escape()?);
            let from = self.at;
            let stop = self.run()?;
            text.push_str(self.text.get(from..self.at).ok_or(JsonFault::Invalid)?);
            if stop == b'"' {
                self.bump();
                return Ok(Cow::Owned(text));
            }
        }
    }

    /// Passes over plain characters; stops at a quote or a backslash and says which.
    #[inline]
    fn run(&mut self) -> Result<u8, JsonFault> {
        loop {
            // Beyond the end there are zeros, which are no plain characters.
            let word = word_at(self.text.as_bytes(), self.at);
            let mark = mark_of(QUOTES, word) | mark_of(BACKSLASHES, word) | mark_below(SPACES, word);
            if mark != 0 {
                self.at = self.at.saturating_add(bytes_before(mark));
                return self.peek().filter(|stop| *stop >= 0x20).ok_or(JsonFault::Invalid);
            }
            self.at = self.at.saturating_add(WORD);
        }
    }

    fn escape(&mut self) -> Result<char, JsonFault> {
        let kind = self.peek().ok_or(JsonFault::Invalid)?;
        self.bump();
        Ok(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit()?;
                let code = if (0xd800..=0xdbff).contains(&first) {
                    self.word("\\u")?;
                    let second = self.unit()?;
                    if !(0xdc00..=0xdfff).contains(&second) {
                        return Err(JsonFault::Invalid);
                    }
                    0x1_0000_u32.saturating_add((first & 0x3ff) << 10).saturating_add(second & 0x3ff)
                } else {
                    first
                };
                char::from_u32(code).ok_or(JsonFault::Invalid)?
            }
            _ => return Err(JsonFault::Invalid),
        })
    }

    fn unit(&mut self) -> Result<u32, JsonFault> {
        let end = self.at.saturating_add(4);
        let digits = self.text.get(self.at..end).ok_or(JsonFault::Invalid)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(JsonFault::Invalid);
        }
        self.at = end;
        u32::from_str_radix(digits, 16).map_err(|_| JsonFault::Invalid)
    }
}

/// Whether two names are the same. Most are told apart by their length or their last byte.
#[inline]
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().last() == other.as_bytes().last() && one == other
}

/// Whether every name comes once: by comparison while they are few, by sorting beyond.
fn is_unique(members: &[(Cow<'_, str>, Value<'_>)]) -> bool {
    if members.len() <= 16 {
        return members
            .iter()
            .enumerate()
            .all(|(at, (name, _))| members.iter().take(at).all(|(earlier, _)| !is_same(earlier, name)));
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.windows(2).all(|pair| pair.first() != pair.last())
}
