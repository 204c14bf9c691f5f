//! From a JSON pointer to a line and a column, and from policy errors to messages with an excerpt.

use std::fmt::Write;
use std::path::Path;

use scopegate::error::PolicyError;
use toml::de::{DeTable, DeValue};

use crate::secrecy::redact;

/// The longest excerpt, in characters.
const EXCERPT_LEN: usize = 160;

/// Line and column, from 1, of the value that a JSON pointer (RFC 6901) names in a text that is valid JSON; of the nearest parent when
/// the member is not there.
#[must_use]
pub fn locate(text: &str, pointer: &str) -> (usize, usize) {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, best: 0 };
    scan.space();
    scan.best = scan.at;
    scan.find(&tokens(pointer));
    line_and_column(text, scan.best)
}

/// As [`locate`], in the format that the name of the file says: TOML or JSON.
#[must_use]
pub fn locate_in(file: &Path, text: &str, pointer: &str) -> (usize, usize) {
    let is_toml = file.extension().is_some_and(|extension| extension == "toml");
    if is_toml { locate_toml(text, pointer) } else { locate(text, pointer) }
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
    (line, column)
}

/// As [`locate`], in a text that is valid TOML: of the key, or of the item of a list.
#[must_use]
pub fn locate_toml(text: &str, pointer: &str) -> (usize, usize) {
    let mut best = 0;
    if let Ok(document) = DeTable::parse(text) {
        let mut at = Some(Inside::Table(document.get_ref()));
        for token in tokens(pointer) {
            let found = match at {
                Some(Inside::Table(table)) => table
                    .iter()
                    .find(|(name, _)| **name.get_ref() == *token)
                    .map(|(name, value)| (name.span().start, value.get_ref())),
                Some(Inside::List(items)) => token
                    .parse()
                    .ok()
                    .and_then(|index: usize| items.get(index))
                    .map(|item| (item.span().start, item.get_ref())),
                None => None,
            };
            let Some((start, value)) = found else { break };
            best = start;
            at = match value {
                DeValue::Table(table) => Some(Inside::Table(table)),
                DeValue::Array(items) => Some(Inside::List(items)),
                _ => None,
            };
        }
    }
    line_and_column(text, best)
}

enum Inside<'d> {
    Table(&'d DeTable<'d>),
    List(&'d toml::de::DeArray<'d>),
}

fn tokens(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}

struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    best: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn bump(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.bump();
        }
    }

    /// Passes over a string and gives its text, unescaped.
    fn string(&mut self) -> String {
        let start = self.at;
        self.bump();
        while let Some(byte) = self.peek() {
            self.bump();
            match byte {
                b'\\' => self.bump(),
                b'"' => break,
                _ => {}
            }
        }
        let raw = self.bytes.get(start..self.at).unwrap_or_default();
        serde_json::from_slice(raw).unwrap_or_default()
    }

    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                b'{' | b'[' => depth = depth.saturating_add(1),
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        self.bump();
                        return;
                    }
                }
                b',' if depth == 0 => return,
                _ => {}
            }
            self.bump();
        }
    }

    fn find(&mut self, tokens: &[String]) {
        let Some((token, rest)) = tokens.split_first() else { return };
        let is_object = match self.peek() {
            Some(b'{') => true,
            Some(b'[') => false,
            _ => return,
        };
        self.bump();
        for index in 0_usize.. {
            self.space();
            let start = self.at;
            let name = if is_object {
                if self.peek() != Some(b'"') {
                    return;
                }
                let name = self.string();
                self.space();
                self.bump();
                self.space();
                name
            } else {
                if matches!(self.peek(), None | Some(b']')) {
                    return;
                }
                index.to_string()
            };
            if name == *token {
                self.best = if rest.is_empty() && is_object { start } else { self.at };
                self.find(rest);
                return;
            }
            self.skip();
            self.space();
            if self.peek() != Some(b',') {
                return;
            }
            self.bump();
        }
    }
}

/// The line of a text with a caret under the column, both counted from 1.
#[must_use]
pub fn excerpt(text: &str, line: usize, column: usize) -> String {
    let shown: String =
        text.lines().nth(line.saturating_sub(1)).unwrap_or_default().chars().take(EXCERPT_LEN).collect();
    let margin = line.to_string().len();
    let indent = column.saturating_sub(1).min(EXCERPT_LEN);
    format!("{:margin$} |\n{line} | {}\n{:margin$} | {:indent$}^", "", redact(&shown), "", "")
}

/// Every error with file, line, column and an excerpt.
#[must_use]
pub fn explain(path: &Path, text: &str, errors: &[PolicyError]) -> String {
    let mut message = String::new();
    for error in errors {
        let mut point = |label: &str, pointer: &str| {
            let (line, column) = locate_in(path, text, pointer);
            writeln!(message, "{}:{line}:{column}: {label}", path.display())?;
            writeln!(message, "{}", excerpt(text, line, column))
        };
        let _ = point(&format!("error[{}]: {}", error.code, error.message), &error.place);
        if let Some(other) = &error.other {
            let _ = point("the other one is here", other);
        }
    }
    let count = errors.len();
    let _ = write!(message, "{}: {count} {}", path.display(), if count == 1 { "error" } else { "errors" });
    message
}

#[cfg(test)]
mod tests {
    use super::{locate, locate_toml};

    #[test]
    fn pointers_lead_to_their_place() {
        let text = "{\n  \"a/b\": [1, \"x\\\"]\", {\"c\": {}}],\n  \"d\": true\n}";
        let table = [
            ("", (1, 1)),
            ("/a~1b", (2, 3)),
            ("/a~1b/1", (2, 14)),
            ("/a~1b/2/c", (2, 23)),
            ("/d", (3, 3)),
            ("/nothing", (1, 1)),
            ("/a~1b/9", (2, 10)),
        ];
        for (pointer, place) in table {
            assert_eq!(locate(text, pointer), place, "{pointer}");
        }
    }
    #[test]
    fn pointers_lead_to_their_place_in_toml() {
        let text = "version = 1\n[scopes]\n\"a:b\" = { title = \"A\", implies = [\"x\", \"y\"] }\n[[routes]]\nid = \"h\"\n\n[[routes]]\nid = \"i\"\n";
        let table = [
            ("", (1, 1)),
            ("/version", (1, 1)),
            ("/scopes/a:b", (3, 1)),
            ("/scopes/a:b/implies/1", (3, 40)),
            ("/routes/0", (4, 1)),
            ("/routes/1", (7, 1)),
            ("/routes/1/id", (8, 1)),
            ("/routes/1/nothing", (7, 1)),
            ("/nothing", (1, 1)),
        ];
        for (pointer, place) in table {
            assert_eq!(locate_toml(text, pointer), place, "{pointer}");
        }
    }
}
