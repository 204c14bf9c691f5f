//! Writes JSON: members in the order they are given, no spaces, escapes as serde_json writes them.

use alloc::string::String;
use core::fmt::Write;

use serde_json::Value;

/// JSON text under way.
#[derive(Default)]
pub(crate) struct Writer {
    text: String,
}

impl Writer {
    /// The text of one value.
    pub(crate) fn text(write: impl FnOnce(&mut Self)) -> String {
        let mut writer = Self::default();
        write(&mut writer);
        writer.text
    }

    /// The text of one object.
    pub(crate) fn object_text(members: impl FnOnce(&mut Self)) -> String {
        Self::text(|writer| writer.object(members))
    }

    fn separate(&mut self) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.text.push(',');
        }
    }

    /// The name of the next value.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        self.string(name);
        self.text.push(':');
        self
    }

    /// An object; the caller writes names and values.
    pub(crate) fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.separate();
        self.text.push('{');
        members(self);
        self.text.push('}');
    }

    /// An array; the caller writes the values.
    pub(crate) fn array(&mut self, items: impl FnOnce(&mut Self)) {
        self.separate();
        self.text.push('[');
        items(self);
        self.text.push(']');
    }

    /// An array of strings.
    pub(crate) fn strings<'s>(&mut self, items: impl IntoIterator<Item = &'s str>) {
        self.array(|writer| {
            for item in items {
                writer.string(item);
            }
        });
    }

    /// A text that is JSON already.
    pub(crate) fn json(&mut self, text: &str) {
        self.separate();
        self.text.push_str(text);
    }

    /// `null`
    pub(crate) fn null(&mut self) {
        self.json("null");
    }

    /// `true` or `false`
    pub(crate) fn boolean(&mut self, value: bool) {
        self.json(if value { "true" } else { "false" });
    }

    /// A whole number.
    pub(crate) fn whole(&mut self, value: u64) {
        self.separate();
        let _ = write!(self.text, "{value}");
    }

    /// A whole number that may be below zero.
    pub(crate) fn signed(&mut self, value: i64) {
        self.separate();
        let _ = write!(self.text, "{value}");
    }

    /// A whole number: how many, or which.
    pub(crate) fn count(&mut self, value: usize) {
        self.whole(u64::try_from(value).unwrap_or(u64::MAX));
    }

    /// What prints without a character that needs an escape, as a string.
    #[cfg(any(test, target_arch = "wasm32"))]
    pub(crate) fn shown(&mut self, value: &dyn core::fmt::Display) {
        self.separate();
        let _ = write!(self.text, "\"{value}\"");
    }

    /// A string, or null.
    pub(crate) fn nullable(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.string(value),
            None => self.null(),
        }
    }

    /// A string.
    pub(crate) fn string(&mut self, value: &str) {
        self.separate();
        self.text.push('"');
        let mut start = 0_usize;
        for (at, byte) in value.bytes().enumerate() {
            let escape = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                8 => "\\b",
                12 => "\\f",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                0..=0x1f => "",
                _ => continue,
            };
            self.text.push_str(value.get(start..at).unwrap_or_default());
            self.text.push_str(escape);
            if escape.is_empty() {
                let _ = write!(self.text, "\\u{byte:04x}");
            }
            start = at.saturating_add(1);
        }
        self.text.push_str(value.get(start..).unwrap_or_default());
        self.text.push('"');
    }

    /// Any value. A float is written as null: where this is used, a number that is not whole means nothing.
    pub(crate) fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.null(),
            Value::Bool(value) => self.boolean(*value),
            Value::Number(number) => match number.as_u64() {
                Some(number) => self.whole(number),
                None => self.null(),
            },
            Value::String(text) => self.string(text),
            Value::Array(items) => self.array(|writer| {
                for item in items {
                    writer.value(item);
                }
            }),
            Value::Object(members) => self.object(|writer| {
                for (name, value) in members {
                    writer.name(name).value(value);
                }
            }),
        }
    }
}
