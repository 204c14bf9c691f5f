//! What can go wrong with the command itself: a file, a text, an argument. Exit code 2.

use std::fmt;
use std::path::{Path, PathBuf};

/// A mistake in what was given: which file, where in it, and what was expected.
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

    /// A text that serde could not read: its message without the place, which is told apart.
    #[must_use]
    pub fn json(file: &Path, error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        Self { file: Some(file.into()), place: Some((error.line(), error.column())), message }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.place) {
            (Some(file), Some((line, column))) => write!(f, "{}:{line}:{column}: {}", file.display(), self.message),
            (Some(file), None) => write!(f, "{}: {}", file.display(), self.message),
            (None, _) => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Misuse {}
