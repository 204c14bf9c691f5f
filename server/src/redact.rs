//! The last net under the log: whatever looks like a key, a token or the password of a URL is taken out of a line before it is written.
//! Nothing in the server logs one; this is for what a dependency might say.

use std::borrow::Cow;
use std::io::{self, Write};

use scopegate::key::format::{CHECKSUM_LEN, ID_LEN, SECRET_LEN};

const TAIL_LEN: usize = SECRET_LEN + CHECKSUM_LEN;
/// What stands where something was.
const HIDDEN: &str = "[hidden]";
/// The shortest run of characters that is taken for a token.
const TOKEN_MIN_LEN: usize = 20;

/// The line without its secrets.
#[must_use]
pub fn redact(line: &str) -> Cow<'_, str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut shown = String::new();
    let mut clean = true;
    let mut rest = line;
    while !rest.is_empty() {
        let word_len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(word_len).unwrap_or((rest, ""));
        if is_token(word) || holds_key(word) {
            clean = false;
            shown.push_str(HIDDEN);
        } else {
            shown.push_str(word);
        }
        // A URL's user and password stand between its slashes and the last at sign before the next slash.
        let (between, next) = match after.strip_prefix("://").map(|authority| (authority, user_info_len(authority))) {
            Some((authority, Some(len))) => {
                clean = false;
                shown.push_str("://");
                (HIDDEN, authority.get(len..).unwrap_or_default())
            }
            _ => after.split_at_checked(after.find(is_word).unwrap_or(after.len()).max(1)).unwrap_or((after, "")),
        };
        shown.push_str(between);
        rest = next;
    }
    if clean { Cow::Borrowed(line) } else { Cow::Owned(shown) }
}

/// A path without its secrets, still a path: a whole key may stand where its id belongs.
#[must_use]
pub(crate) fn redacted_path(path: &str) -> String {
    redact(path).replace(HIDDEN, "hidden")
}

/// The length of `user:password` in what follows `://`.
fn user_info_len(authority: &str) -> Option<usize> {
    let end =
        authority.find(|c: char| c == '/' || c == '?' || c == '"' || c.is_whitespace()).unwrap_or(authority.len());
    let at = authority.get(..end)?.rfind('@')?;
    authority.get(..at)?.contains(':').then_some(at)
}

/// A JSON object in base64url starts with `eyJ`; a compact JWS has a dot.
fn is_token(word: &str) -> bool {
    word.len() >= TOKEN_MIN_LEN && word.contains('.') && word.split('.').any(|part| part.starts_with("eyJ"))
}

/// `_`, an id, `_` and what is left of a secret and a checksum, anywhere.
fn holds_key(word: &str) -> bool {
    let mut before = None;
    word.split('_').any(|part| {
        let tail = part.bytes().take_while(u8::is_ascii_alphanumeric).count() >= TAIL_LEN;
        let found = tail && before.is_some_and(|id: &str| id.len() == ID_LEN);
        before = Some(part);
        found
    })
}

/// A writer that redacts; one write is one line, as the log writes them.
#[derive(Debug)]
pub struct Redacting<W>(pub W);

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(redact(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";
    const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln";

    #[test]
    fn keys_tokens_and_passwords_are_taken_out() {
        let table = [
            (format!("X-API-Key: {KEY}"), "X-API-Key: [hidden]".to_owned()),
            (format!("{{\"key\":\"{KEY}\"}}\n"), "{\"key\":\"[hidden]\"}\n".to_owned()),
            (format!("é{KEY}é {TOKEN}"), "é[hidden]é [hidden]".to_owned()),
            (format!("Bearer {TOKEN}, x"), "Bearer [hidden], x".to_owned()),
            ("at postgres://user:p@ss@db:5432/keys?x=1".into(), "at postgres://[hidden]@db:5432/keys?x=1".into()),
        ];
        for (line, expected) in table {
            assert_eq!(redact(&line), expected);
        }
    }

    #[test]
    fn the_rest_is_left_alone() {
        for line in
            ["", "\n", "key 000000000000 of jbf_live_000000000000", "http://a@b/c", "é€ 1.2.3.4:80 - ok", "://", "a://"]
        {
            assert!(matches!(redact(line), Cow::Borrowed(_)), "{line}");
        }
        let mut out = Redacting(Vec::new());
        assert!(out.write_all(format!("a {KEY}\n").as_bytes()).is_ok());
        assert_eq!(out.0, b"a [hidden]\n");
    }
}
