//! What can go wrong with the command itself: a file, a text, an argument. Exit code 2.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::place::locate_in;
use crate::secrecy::redact;

/// A mistake in what was given: which file, where in it, and what was expected. It prints without credentials, whatever the message or
/// the name of the file holds.
#[derive(Debug)]
pub struct Misuse {
    /// The file; `None` for an argument.
    pub file: Option<PathBuf>,
    /// Line and column, from 1.
    pub place: Option<(usize, usize)>,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Misuse {
    /// A mistake in an argument.
    pub fn argument(message: impl Into<String>) -> Self {
        Self { file: None, place: None, message: message.into() }
    }

    /// A mistake in a file as a whole.
    pub fn file(file: &Path, message: impl Into<String>) -> Self {
        Self { file: Some(file.into()), place: None, message: message.into() }
    }

    /// A text that serde could not read: its message without the place, which is told apart, and without the text that was found,
    /// which may be a secret.
    #[must_use]
    pub fn json(file: &Path, error: &serde_json::Error) -> Self {
        Self::syntax(file, &error.to_string())
    }

    /// The same from the words of the error, which end in ` at line L column C`.
    #[must_use]
    pub fn syntax(file: &Path, error: &str) -> Self {
        let (message, place) = error.rsplit_once(" at line ").unwrap_or((error, ""));
        let place =
            place.split_once(" column ").and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)));
        Self { file: Some(file.into()), place, message: without_text(message) }
    }

    /// A mistake in what a JSON pointer (RFC 6901) names in a text that is valid JSON (or, by the name of its file, TOML).
    #[must_use]
    pub fn at(file: &Path, text: &str, pointer: &str, message: impl Into<String>) -> Self {
        Self { file: Some(file.into()), place: Some(locate_in(file, text, pointer)), message: message.into() }
    }
}

/// `invalid type: string "…", expected …` without the string.
fn without_text(message: &str) -> String {
    match (message.split_once(": string \""), message.rsplit_once("\", expected ")) {
        (Some((kind, _)), Some((_, expected))) => format!("{kind}: a string, expected {expected}"),
        _ => message.to_owned(),
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", redact(&file.display().to_string()))?;
            if let Some((line, column)) = self.place {
                write!(f, "{line}:{column}:")?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&redact(&self.message))
    }
}

impl std::error::Error for Misuse {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_was_found_is_not_repeated() {
        let parse =
            |text: &str| Misuse::json(Path::new("f"), &serde_json::from_str::<Vec<u8>>(text).unwrap_err()).to_string();
        assert_eq!(parse(r#""a \", expected \" b""#), "f:1:21: invalid type: a string, expected a sequence");
        assert_eq!(parse("[\n 300]"), "f:2:4: invalid value: integer `300`, expected u8");
        assert_eq!(parse("[\n"), "f:2:0: EOF while parsing a list");
    }
}
