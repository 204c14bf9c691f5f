//! A pull reader for documents whose shape is known. What is wrong, and where, is said in the words of serde_json, so that a document
//! read through serde (TOML, a document inside another) hears the same.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::Quoted;
use super::values::is_whole;

/// The deepest nesting.
const MAX_DEPTH: usize = 127;

/// What is wrong with a text, and how many of its bytes were read by then.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) at: usize,
}

/// Something is wrong; the reader keeps what and where, so that a result is as small as its value.
#[derive(Debug)]
pub(crate) struct Wrong;

pub(crate) type Read<T> = Result<T, Wrong>;

impl Fault {
    /// The message with line and column, counted from 1 and in bytes.
    pub(crate) fn in_text(&self, text: &str) -> String {
        let before = text.as_bytes().get(..self.at).unwrap_or_default();
        let (mut line, mut column) = (1_usize, 0_usize);
        for byte in before {
            (line, column) =
                if *byte == b'\n' { (line.saturating_add(1), 0) } else { (line, column.saturating_add(1)) };
        }
        format!("{} at line {line} column {column}", self.message)
    }
}

/// A text and the place in it.
pub(crate) struct Reader<'j> {
    pub(super) text: &'j str,
    pub(super) at: usize,
    depth: usize,
    /// Where the name of the member under way ends.
    name_end: usize,
    pub(super) fault: Fault,
}

/// Reads a whole text.
pub(crate) fn whole<'j, T>(text: &'j str, read: fn(&mut Reader<'j>) -> Read<T>) -> Result<T, Fault> {
    let fault = Fault { message: String::new(), at: 0 };
    let mut reader = Reader { text, at: 0, depth: 0, name_end: 0, fault };
    match read(&mut reader).and_then(|value| reader.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(Wrong) => Err(reader.fault),
    }
}

impl<'j> Reader<'j> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn bump(&mut self) {
        self.at = self.at.saturating_add(1).min(self.text.len());
    }

    /// The next byte that is no space.
    pub(crate) fn token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.bump();
        }
        self.peek()
    }

    fn end(&mut self) -> Read<()> {
        match self.token() {
            None => Ok(()),
            Some(_) => Err(self.behind("trailing characters")),
        }
    }

    /// A fault at what was read last.
    pub(crate) fn fault(&mut self, message: impl Into<String>) -> Wrong {
        self.fault_at(self.at, message.into())
    }

    pub(super) fn fault_at(&mut self, at: usize, message: String) -> Wrong {
        self.fault = Fault { message, at };
        Wrong
    }

    /// Says the fault there is in other words.
    pub(super) fn instead(&mut self, message: String) -> Wrong {
        self.fault.message = message;
        Wrong
    }

    /// A fault at what comes next.
    pub(super) fn behind(&mut self, message: &str) -> Wrong {
        self.bump();
        self.fault(message)
    }

    /// A member that an object of this kind has not.
    pub(super) fn unknown_member(&mut self, found: &str, known: &[&str]) -> Wrong {
        self.unknown(self.name_end, "field", found, known)
    }

    pub(super) fn unknown(&mut self, at: usize, kind: &str, found: &str, known: &[&str]) -> Wrong {
        let mut message = format!("unknown {kind} `{found}`, expected ");
        match known {
            [only] => message.extend(["`", only, "`"]),
            [one, other] => message.extend(["`", one, "` or `", other, "`"]),
            many => {
                for (at, name) in many.iter().enumerate() {
                    message.extend([if at == 0 { "one of `" } else { ", `" }, name, "`"]);
                }
            }
        }
        self.fault_at(at, message)
    }

    /// A value of another type than the one that was expected.
    pub(crate) fn wrong(&mut self, expected: &str) -> Wrong {
        let mut message = String::from("invalid type: ");
        let found = match self.token() {
            None => return self.fault("EOF while parsing a value"),
            Some(b'[') => Ok("sequence"),
            Some(b'{') => Ok("map"),
            Some(b'n') => self.word("null").map(|()| "null"),
            Some(b't') => self.word("true").map(|()| "boolean `true`"),
            Some(b'f') => self.word("false").map(|()| "boolean `false`"),
            Some(b'"') => self.text().map(|text| {
                let _ = write!(message, "string {text}", text = Quoted(&text));
                ""
            }),
            Some(b'-' | b'0'..=b'9') => self.number().map(|number| {
                let kind = if is_whole(number) { "integer" } else { "floating point" };
                message.extend([kind, " `", number, "`"]);
                ""
            }),
            Some(_) => return self.behind("expected value"),
        };
        match found {
            Ok(found) => {
                message.extend([found, ", expected ", expected]);
                self.fault(message)
            }
            Err(Wrong) => Wrong,
        }
    }

    fn deeper(&mut self) -> Read<()> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH { Err(self.behind("recursion limit exceeded")) } else { Ok(()) }
    }

    /// Reads an object; `member` is called behind each name and reads its value.
    pub(crate) fn object(&mut self, expected: &str, member: &mut dyn FnMut(&mut Self, &str) -> Read<()>) -> Read<()> {
        if self.token() != Some(b'{') {
            return Err(self.wrong(expected));
        }
        self.deeper()?;
        self.bump();
        let mut first = true;
        loop {
            match self.token() {
                Some(b'}') => break,
                Some(b',') if !first => {
                    self.bump();
                    self.token();
                }
                Some(_) if first => {}
                Some(_) => return Err(self.behind("expected `,` or `}`")),
                None => return Err(self.fault("EOF while parsing an object")),
            }
            first = false;
            match self.peek() {
                Some(b'"') => {}
                Some(b'}') => return Err(self.behind("trailing comma")),
                Some(_) => return Err(self.behind("key must be a string")),
                None => return Err(self.fault("EOF while parsing a value")),
            }
            let name = self.text()?;
            self.name_end = self.at;
            match self.token() {
                Some(b':') => self.bump(),
                Some(_) => return Err(self.behind("expected `:`")),
                None => return Err(self.fault("EOF while parsing an object")),
            }
            member(self, &name)?;
        }
        self.bump();
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    /// Reads an array; `item` reads each element.
    pub(crate) fn array(&mut self, item: &mut dyn FnMut(&mut Self) -> Read<()>) -> Read<()> {
        if self.token() != Some(b'[') {
            return Err(self.wrong("a sequence"));
        }
        self.deeper()?;
        self.bump();
        let mut first = true;
        loop {
            match self.token() {
                Some(b']') => break,
                Some(b',') if !first => {
                    self.bump();
                    match self.token() {
                        Some(b']') => return Err(self.behind("trailing comma")),
                        Some(_) => {}
                        None => return Err(self.fault("EOF while parsing a value")),
                    }
                }
                Some(_) if first => {}
                Some(_) => return Err(self.behind("expected `,` or `]`")),
                None => return Err(self.fault("EOF while parsing a list")),
            }
            first = false;
            item(self)?;
        }
        self.bump();
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    /// A fault of an item of a list that is behind it already.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn passed(&mut self, message: String) -> Wrong {
        if self.token() == Some(b',') {
            self.bump();
            self.token();
        } else {
            self.bump();
        }
        self.fault(message)
    }

    /// Reads an object twice: for a member that says what the others are, and for the others.
    pub(crate) fn again<T>(&mut self, first: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        let start = self.at;
        let value = first(self)?;
        self.at = start;
        Ok(value)
    }

    /// Where the name of the member under way ends.
    pub(crate) fn name_end(&self) -> usize {
        self.name_end
    }

    /// A name that comes twice in an object of free names.
    pub(crate) fn repeated(&mut self, name_end: usize, name: &str) -> Wrong {
        self.fault_at(name_end, format!("duplicate member `{name}`"))
    }
}
