//! A text inside a message for people.

use core::fmt;

/// A text in quotes, with escapes for what would not be seen or would move a cursor: as `Debug` prints it, without the tables of all
/// of Unicode.
pub(crate) struct Quoted<'t>(pub(crate) &'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\0' => f.write_str("\\0")?,
                '\u{1}'..='\u{1f}'
                | '\u{7f}'..='\u{a0}'
                | '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202f}'
                | '\u{205f}'..='\u{206f}'
                | '\u{e000}'..='\u{f8ff}'
                | '\u{feff}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'.. => write!(f, "\\u{{{:x}}}", u32::from(character))?,
                plain => fmt::Write::write_char(f, plain)?,
            }
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::Quoted;
    use alloc::format;

    #[test]
    fn what_is_written_prints_as_debug_prints_it() {
        for text in [
            "",
            "jobs:read",
            "a\"b\\c'd",
            "\n\r\t\0\u{1b}[2J\u{7f}\u{85}",
            "Zürich 東京 😀",
            "\u{202e}x\u{200b}\u{feff}\u{e001}",
        ] {
            assert_eq!(format!("{}", Quoted(text)), format!("{text:?}"));
        }
    }
}
