//! Credentials where they should not be: in an argument of the command, or in a message about a broken file.

use std::borrow::Cow;
use std::ops::Range;

use scopegate::key::format::{CHECKSUM_LEN, ID_LEN, SECRET_LEN};

const TAIL_LEN: usize = SECRET_LEN + CHECKSUM_LEN;
/// The shortest run of characters that is taken for a token: no name or path looks like that.
const TOKEN_MIN_LEN: usize = 20;
/// What stands where a credential was.
const HIDDEN: &str = "[hidden]";

/// Whether a text holds something of the shape of an API key of any product, or of a compact JWS (RFC 7515).
#[must_use]
pub fn holds_credential(text: &str) -> bool {
    !spans(text).is_empty()
}

/// The text with every credential replaced.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let spans = spans(text);
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for span in spans {
        shown.push_str(text.get(from..span.start).unwrap_or_default());
        shown.push_str(HIDDEN);
        from = span.end;
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(shown)
}

/// Where credentials are: among the runs of characters that one can be made of.
fn spans(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0_usize;
    for run in text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))) {
        if is_token(run) || holds_key(run) {
            found.push(at..at.saturating_add(run.len()));
        }
        // Every separator is one character, of one to four bytes.
        let after = at.saturating_add(run.len());
        let separator = text.get(after..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        at = after.saturating_add(separator);
    }
    found
}

/// A JSON object in base64url starts with `eyJ`, at least one dot follows.
fn is_token(run: &str) -> bool {
    run.len() >= TOKEN_MIN_LEN && run.contains('.') && run.split('.').any(|part| part.starts_with("eyJ"))
}

/// `_`, an id, `_` and what is left of a secret and a checksum, anywhere.
fn holds_key(run: &str) -> bool {
    let parts: Vec<&str> = run.split('_').collect();
    let is_base62 = |part: &str, len: usize| part.bytes().take_while(u8::is_ascii_alphanumeric).count() >= len;
    parts.windows(2).skip(1).any(
        |pair| matches!(pair, [id, tail] if id.len() == ID_LEN && is_base62(id, ID_LEN) && is_base62(tail, TAIL_LEN)),
    )
}

#[cfg(test)]
mod tests {
    use super::{holds_credential, redact};

    const KEY: &str = "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";
    const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.";

    #[test]
    fn credentials_are_found_in_any_surroundings() {
        for credential in [KEY, TOKEN, &KEY.replace("1O3Seg", "1O3SegX"), &KEY.replace("jbf", "acme2")] {
            for text in [
                credential.to_owned(),
                format!("X-API-Key: {credential}"),
                format!("GET /a?key={credential}&é={credential}"),
                format!("\"{credential}\", expected"),
            ] {
                assert!(holds_credential(&text), "{text}");
                let shown = redact(&text);
                assert!(!shown.contains(credential) && shown.contains("[hidden]"), "{shown}");
            }
        }
        assert_eq!(redact(&format!("é {KEY}, {TOKEN} é")), "é [hidden], [hidden] é");
    }

    #[test]
    fn other_texts_are_left_alone() {
        for text in [
            "",
            "é€",
            "GET /public/v1/job-listings/42",
            "eyJ.json",
            "jbf_live_000000000000",
            "policy_of_jobs_2026.json",
            "/var/lib/eyJobs/a-long-directory.d/policy.json",
            "01234567-89ab-cdef-0123-456789abcdef",
        ] {
            assert!(!holds_credential(text), "{text}");
            assert_eq!(redact(text), text);
        }
    }
}
