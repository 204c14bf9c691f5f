//! Values of one type each.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Number, Value};

use super::read::{Read, Reader};

impl Reader<'_> {
    /// A list of values of one type.
    pub(crate) fn list<T>(&mut self, read: fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut items = Vec::new();
        self.array(&mut |reader| {
            items.push(read(reader)?);
            Ok(())
        })?;
        Ok(items)
    }

    /// A list of strings.
    pub(crate) fn strings(&mut self) -> Read<Vec<String>> {
        self.list(Self::string)
    }

    /// A value, or null for none.
    #[cfg(any(test, target_arch = "wasm32"))]
    pub(crate) fn nullable<T>(&mut self, read: fn(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.is_null()? { Ok(None) } else { read(self).map(Some) }
    }

    /// Whether what comes is null, which is then read.
    pub(super) fn is_null(&mut self) -> Read<bool> {
        let null = self.token() == Some(b'n');
        if null { self.word("null").map(|()| true) } else { Ok(false) }
    }

    /// A string.
    pub(crate) fn string(&mut self) -> Read<String> {
        self.string_or("a string")
    }

    /// A string where something else was expected to be told of.
    pub(crate) fn string_or(&mut self, expected: &str) -> Read<String> {
        match self.token() {
            Some(b'"') => self.text().map(Cow::into_owned),
            _ => Err(self.wrong(expected)),
        }
    }

    /// One of some words: its index.
    pub(crate) fn choice(&mut self, known: &[&str]) -> Read<usize> {
        let found = match self.token() {
            Some(b'"') => self.text()?,
            Some(_) => return Err(self.behind("expected value")),
            None => return Err(self.fault("EOF while parsing a value")),
        };
        match known.iter().position(|name| *name == found) {
            Some(index) => Ok(index),
            None => Err(self.unknown(self.at, "variant", &found, known)),
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Read<bool> {
        match self.token() {
            Some(b't') => self.word("true").map(|()| true),
            Some(b'f') => self.word("false").map(|()| false),
            _ => Err(self.wrong("a boolean")),
        }
    }

    /// A whole number from 0.
    pub(crate) fn whole(&mut self) -> Read<u64> {
        self.whole_or("u64")
    }

    /// A whole number from 0 where something else is expected to be told of.
    pub(crate) fn whole_or(&mut self, expected: &str) -> Read<u64> {
        let start = self.token().map(|_| self.at).unwrap_or_default();
        if let Some(b'0'..=b'9') = self.peek() {
            if let Ok(number) = self.number()?.parse() {
                return Ok(number);
            }
            self.at = start;
        }
        let wrong = self.wrong(expected);
        if let Some(found) = self.fault.message.strip_prefix("invalid type: integer") {
            self.fault.message = format!("invalid value: integer{found}");
        }
        Err(wrong)
    }

    /// A whole number that may be below zero.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn signed(&mut self) -> Read<i64> {
        if self.token() == Some(b'-') {
            return self.number()?.parse().map_err(|_| self.fault("expected a whole number"));
        }
        i64::try_from(self.whole()?).map_err(|_| self.fault("expected a whole number"))
    }

    /// Any value, duplicate members refused at every depth.
    pub(crate) fn value(&mut self) -> Read<Value> {
        match self.token() {
            Some(b'n') => self.word("null").map(|()| Value::Null),
            Some(b't' | b'f') => self.boolean().map(Value::Bool),
            Some(b'"') => self.string().map(Value::String),
            Some(b'[') => self.list(Self::value).map(Value::Array),
            Some(b'{') => {
                let mut members = Map::new();
                self.object("", &mut |reader, name| {
                    if members.contains_key(name) {
                        return Err(reader.repeated(reader.name_end(), name));
                    }
                    members.insert(name.into(), reader.value()?);
                    Ok(())
                })?;
                Ok(Value::Object(members))
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = self.number()?;
                match to_number(number) {
                    Some(number) => Ok(Value::Number(number)),
                    None => Err(self.fault("number out of range")),
                }
            }
            Some(_) => Err(self.behind("expected value")),
            None => Err(self.fault("EOF while parsing a value")),
        }
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self) -> Read<()> {
        match self.token() {
            Some(b'{') => self.object("", &mut |reader, _| reader.skip()),
            Some(b'[') => self.array(&mut Self::skip),
            Some(b'"') => self.text().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| ()),
            Some(b'n') => self.word("null"),
            _ => self.boolean().map(|_| ()),
        }
    }
}

/// Whether the text of a number is that of an integer of 64 bits.
pub(super) fn is_whole(number: &str) -> bool {
    number != "-0" && (number.parse::<u64>().is_ok() || number.parse::<i64>().is_ok())
}

/// A number as serde_json keeps it: an integer of 64 bits where it is one, else what a float holds of it.
pub(crate) fn to_number(text: &str) -> Option<Number> {
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    match text.parse::<i64>() {
        Ok(number) if number != 0 => Some(number.into()),
        _ => Number::from_f64(super::float(text)?),
    }
}
