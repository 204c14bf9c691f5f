//! The words of JSON: strings, numbers and the three names (RFC 8259 sections 3, 6 and 7).

use alloc::borrow::Cow;
use alloc::string::String;

use super::read::{Read, Reader};
use crate::word::plain_end;

impl<'j> Reader<'j> {
    fn since(&self, start: usize) -> &'j str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// `null`, `true` or `false`, of which the first letter was seen.
    pub(super) fn word(&mut self, word: &str) -> Read<()> {
        for expected in word.bytes() {
            match self.peek() {
                Some(found) if found == expected => self.bump(),
                Some(_) => return Err(self.behind("expected ident")),
                None => return Err(self.fault("EOF while parsing a value")),
            }
        }
        Ok(())
    }

    /// A number, as written.
    pub(super) fn number(&mut self) -> Read<&'j str> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.bump();
        }
        match self.peek() {
            Some(b'0') => {
                self.bump();
                if let Some(b'0'..=b'9') = self.peek() {
                    return Err(self.behind("invalid number"));
                }
            }
            _ => self.digits()?,
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
        Ok(self.since(start))
    }

    fn digits(&mut self) -> Read<()> {
        match self.peek() {
            Some(b'0'..=b'9') => {}
            Some(_) => return Err(self.behind("invalid number")),
            None => return Err(self.fault("EOF while parsing a value")),
        }
        while let Some(b'0'..=b'9') = self.peek() {
            self.bump();
        }
        Ok(())
    }

    /// A string, unescaped; the next byte is its quote.
    pub(super) fn text(&mut self) -> Read<Cow<'j, str>> {
        self.bump();
        let mut unescaped = String::new();
        loop {
            let start = self.at;
            let stop = self.run()?;
            let plain = self.since(start);
            self.bump();
            if stop == b'"' {
                if unescaped.is_empty() {
                    return Ok(Cow::Borrowed(plain));
                }
                unescaped.push_str(plain);
                return Ok(Cow::Owned(unescaped));
            }
            unescaped.push_str(plain);
            unescaped.push(self.escape()?);
        }
    }

    /// Passes over plain characters; stops at a quote or a backslash and says which.
    fn run(&mut self) -> Read<u8> {
        self.at = plain_end(self.text.as_bytes(), self.at);
        match self.peek() {
            Some(stop @ (b'"' | b'\\')) => Ok(stop),
            Some(_) => Err(self.behind("control character (\\u0000-\\u001F) found while parsing a string")),
            None => Err(self.fault("EOF while parsing a string")),
        }
    }

    fn escape(&mut self) -> Read<char> {
        let kind = self.peek().ok_or_else(|| self.fault("EOF while parsing a string"))?;
        self.bump();
        Ok(match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            _ => return Err(self.fault("invalid escape")),
        })
    }

    fn code_point(&mut self) -> Read<char> {
        let lone = "lone leading surrogate in hex escape";
        let first = self.unit()?;
        let code = match first {
            0xd800..=0xdbff => {
                for expected in [b'\\', b'u'] {
                    if self.peek() != Some(expected) {
                        return Err(self.behind("unexpected end of hex escape"));
                    }
                    self.bump();
                }
                let second = self.unit()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(self.fault(lone));
                }
                0x1_0000_u32.saturating_add((first & 0x3ff) << 10).saturating_add(second & 0x3ff)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.fault(lone))
    }

    fn unit(&mut self) -> Read<u32> {
        let mut unit = 0_u32;
        for _ in 0..4 {
            let digit = match self.peek() {
                Some(byte) => char::from(byte).to_digit(16),
                None => return Err(self.fault("EOF while parsing a string")),
            };
            self.bump();
            match digit {
                Some(digit) => unit = unit << 4 | digit,
                None => return Err(self.fault("invalid escape")),
            }
        }
        Ok(unit)
    }
}
