//! Parameters: `application/x-www-form-urlencoded`, strict about escapes, text and repeats.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The most parameters one request may have.
const MAX_PARAMS: usize = 256;

/// Why a query or form cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormFault {
    /// A `%` that no two hexadecimal digits follow.
    Escape,
    /// Bytes that are no UTF-8, or a control character.
    Text,
    /// More than 256 parameters.
    TooMany,
}

/// The parameters of a query or form in their order. Its `Debug` shows the names alone.
#[derive(Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Params {
    /// Reads a query or form.
    ///
    /// # Errors
    /// See [`FormFault`].
    pub fn parse(text: &[u8]) -> Result<Self, FormFault> {
        let mut params = Vec::new();
        for pair in text.split(|&b| b == b'&').filter(|pair| !pair.is_empty()) {
            if params.len() >= MAX_PARAMS {
                return Err(FormFault::TooMany);
            }
            let mut halves = pair.splitn(2, |&b| b == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            params.push((name, value));
        }
        Ok(Self(params))
    }

    /// The value of a parameter; an empty value is an omitted parameter (RFC 6749 section 3.1). The first of repeats.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// How often a parameter is there, empty or not.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|(known, _)| known == name).count()
    }

    /// The first of these names that is there more than once.
    #[must_use]
    pub fn repeated<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| self.count(name) > 1)
    }

    /// The parameters written as a query again.
    #[must_use]
    pub fn to_query(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.0 {
            if !out.is_empty() {
                out.push('&');
            }
            encode_into(&mut out, name);
            out.push('=');
            encode_into(&mut out, value);
        }
        out
    }
}

/// One name or value: `+` is a space, escapes are bytes, and all of it is text without control characters.
pub(super) fn decode(text: &[u8]) -> Result<String, FormFault> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit =
                    || rest.next().and_then(|&b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(FormFault::Escape) };
                high << 4 | low
            }
            other => other,
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| FormFault::Text)?;
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Err(FormFault::Text)
    } else {
        Ok(text)
    }
}

/// Appends text as a form value.
pub(super) fn encode_into(out: &mut String, text: &str) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(HEX.get(usize::from(byte >> 4)).copied().unwrap_or('0'));
            out.push(HEX.get(usize::from(byte & 15)).copied().unwrap_or('0'));
        }
    }
}

/// Whether this is a `scope-token` (RFC 6749 section 3.3) of at most 128 bytes.
pub(super) fn is_scope_token(token: &str) -> bool {
    (1..=128).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'))
}

/// The scopes of a `scope` value without repeats, or `None` when it is outside the grammar.
pub(super) fn scopes(value: &str) -> Option<Vec<String>> {
    let mut scopes: Vec<String> = Vec::new();
    for token in value.split(' ') {
        if !is_scope_token(token) || scopes.len() > 128 {
            return None;
        }
        if !scopes.iter().any(|known| known == token) {
            scopes.push(String::from(token));
        }
    }
    Some(scopes)
}
