//! From headers to the credentials a request presents: for each scheme exactly one, none, or a reason.
//!
//! One pass over the headers, nothing copied, nothing decoded. None, two and malformed are different answers, because
//! each is refused differently. Query strings and bodies are never read: a credential there was not sent.

use crate::request::HeaderSource;
use crate::word::{WORD, is_same_name, mark_of};

/// The most distinct API-key headers one policy may use.
pub const MAX_KEY_HEADERS: usize = 4;

/// What a header said: nothing, one value, or more than one line.
#[derive(Clone, Copy, Default)]
enum Line<'a> {
    #[default]
    Absent,
    Once(&'a [u8]),
    Again,
}

impl<'a> Line<'a> {
    /// Notes a line. `joined` says that it holds two values.
    fn see(&mut self, value: &'a [u8], joined: bool) {
        *self = match self {
            Self::Absent if !joined => Self::Once(value),
            Self::Absent | Self::Once(_) | Self::Again => Self::Again,
        };
    }
}

/// A credential as presented.
#[derive(Clone, Copy)]
pub enum Sent<'a> {
    /// Not presented.
    Nothing,
    /// Presented once; the bytes are not checked yet.
    Once(&'a [u8]),
    /// Presented on two lines, or two values joined by a comma.
    Twice,
    /// The scheme is there without a credential.
    Malformed,
}

/// The headers of a request that the engine looks at.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    keys: [Line<'a>; MAX_KEY_HEADERS],
    authorization: Line<'a>,
    lent: Option<&'a [u8]>,
    method_override: Line<'a>,
    origin: bool,
    preflight_method: bool,
}

/// Looks at every byte, without an early end: such a loop compiles to vector code, and to few instructions where there is none.
fn has_comma(value: &[u8]) -> bool {
    let marks = |word: &[u8; WORD]| mark_of(COMMAS, u64::from_le_bytes(*word));
    match value.last_chunk() {
        // The last word overlaps the one before where the length does not come out even.
        Some(last) => value.as_chunks().0.iter().fold(marks(last), |all, word| all | marks(word)) != 0,
        None => value.contains(&b','),
    }
}

fn is_bearer(value: &[u8]) -> bool {
    value
        .split_at_checked(6)
        .is_some_and(|(scheme, rest)| scheme.eq_ignore_ascii_case(b"bearer") && rest.starts_with(b" "))
}

/// A comma in every byte of a word.
const COMMAS: u64 = 0x2c2c_2c2c_2c2c_2c2c;

/// The headers by which a client asks a framework to take another method than the request line's.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

impl<'a> Presented<'a> {
    /// Looks at every header once. `key_headers` are the names of the API-key headers, at most [`MAX_KEY_HEADERS`].
    pub fn scan(&mut self, headers: &'a dyn HeaderSource, key_headers: &[impl AsRef<str>]) {
        let seen = self;
        headers.visit(&mut |name, value| {
            for (line, wanted) in seen.keys.iter_mut().zip(key_headers) {
                if is_same_name(name.as_bytes(), wanted.as_ref().as_bytes()) {
                    // A key holds no comma, so one means two values in one line.
                    line.see(value, has_comma(value));
                    return;
                }
            }
            match name.len() {
                6 => seen.origin |= is_same_name(name.as_bytes(), b"origin"),
                13 if is_same_name(name.as_bytes(), b"authorization") => {
                    // Nor does a bearer token; the parameters of other schemes may.
                    seen.authorization.see(value, is_bearer(value) && has_comma(value));
                }
                13 | 17 | 22 if METHOD_OVERRIDES.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)) => {
                    seen.method_override.see(value, false);
                }
                29 => seen.preflight_method |= name.eq_ignore_ascii_case("access-control-request-method"),
                _ => {}
            }
        });
    }

    /// Takes a bearer token that stands for the `Authorization` line of a request which does not bring it.
    pub(crate) fn lend(&mut self, token: &'a [u8]) {
        self.lent = Some(token);
    }

    /// The value of the API-key header with this index.
    #[must_use]
    pub fn key(&self, header: usize) -> Sent<'a> {
        match self.keys.get(header) {
            None | Some(Line::Absent) => Sent::Nothing,
            Some(Line::Again) => Sent::Twice,
            Some(Line::Once(value)) => Sent::Once(value),
        }
    }

    /// The token of `Authorization: Bearer` (RFC 6750 section 2.1), the scheme in any case (RFC 9110 section 11.1).
    /// Another scheme is no bearer credential.
    #[must_use]
    pub fn bearer(&self) -> Sent<'a> {
        let value = match self.authorization {
            Line::Absent => return self.lent.map_or(Sent::Nothing, Sent::Once),
            Line::Again => return Sent::Twice,
            Line::Once(_) if self.lent.is_some() => return Sent::Twice,
            Line::Once(value) => value,
        };
        let rest = match value.split_at_checked(6) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer") => rest,
            _ => return Sent::Nothing,
        };
        let token = rest.trim_ascii_start();
        if rest.is_empty() || (token.is_empty() && rest.iter().all(|b| *b == b' ')) {
            return Sent::Malformed;
        }
        if rest.first() != Some(&b' ') {
            return Sent::Nothing;
        }
        Sent::Once(token)
    }

    /// Whether a method-override header is there at all.
    #[must_use]
    pub fn has_method_override(&self) -> bool {
        !matches!(self.method_override, Line::Absent)
    }

    /// The one method that an override header asks for; `None` when absent, repeated or not a method token.
    #[must_use]
    pub fn method_override(&self) -> Option<&'a str> {
        match self.method_override {
            Line::Once(value) => core::str::from_utf8(value).ok(),
            Line::Absent | Line::Again => None,
        }
    }

    /// Whether the request has what makes OPTIONS a preflight (Fetch standard, "CORS-preflight request").
    #[must_use]
    pub fn is_preflight(&self) -> bool {
        self.origin && self.preflight_method
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan<'a>(lines: &'a &'a [(&'a str, &'a str)], key_headers: &[&str]) -> Presented<'a> {
        let mut seen = Presented::default();
        seen.scan(lines, key_headers);
        seen
    }

    fn bearer<'a>(lines: &'a &'a [(&'a str, &'a str)]) -> Result<&'a [u8], &'static str> {
        match scan(lines, &["X-API-Key"]).bearer() {
            Sent::Nothing => Err("nothing"),
            Sent::Once(token) => Ok(token),
            Sent::Twice => Err("twice"),
            Sent::Malformed => Err("malformed"),
        }
    }

    #[test]
    fn bearer_is_one_token_after_the_scheme() {
        type Case<'a> = (&'a [(&'a str, &'a str)], Result<&'a [u8], &'a str>);
        let table: [Case<'_>; 11] = [
            (&[], Err("nothing")),
            (&[("Authorization", "")], Err("nothing")),
            (&[("Authorization", "Basic eDp5")], Err("nothing")),
            (&[("Authorization", "Bearertoken")], Err("nothing")),
            (&[("Authorization", "Bearer")], Err("malformed")),
            (&[("Authorization", "Bearer   ")], Err("malformed")),
            (&[("Authorization", "Bearer a, Bearer b")], Err("twice")),
            (&[("Authorization", "Bearer a"), ("authorization", "Bearer a")], Err("twice")),
            (&[("Authorization", "Bearer a"), ("authorization", "Basic b")], Err("twice")),
            (&[("AUTHORIZATION", "bEaReR a.b.c")], Ok(b"a.b.c")),
            (&[("Authorization", "Bearer  a.b.c")], Ok(b"a.b.c")),
        ];
        for (lines, expected) in table {
            assert_eq!(bearer(&lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn v12_v13_keys_come_from_one_header_line() {
        let key = |lines: &[(&str, &str)]| match scan(&lines, &["X-API-Key"]).key(0) {
            Sent::Nothing => "nothing",
            Sent::Once(_) => "once",
            Sent::Twice => "twice",
            Sent::Malformed => "malformed",
        };
        assert_eq!(key(&[("X-Api-Keys", "k")]), "nothing");
        assert_eq!(key(&[("x-api-key", "k")]), "once");
        assert_eq!(key(&[("x-api-key", "k"), ("X-API-KEY", "k")]), "twice");
        assert_eq!(key(&[("x-api-key", "k,k")]), "twice");
    }

    #[test]
    fn a_comma_is_seen_wherever_it_stands() {
        for len in 0..40 {
            let text = alloc::vec![b'k'; len];
            assert!(!has_comma(&text), "{len}");
            for at in 0..len {
                let mut text = text.clone();
                text[at] = b',';
                assert!(has_comma(&text), "{len} {at}");
            }
        }
    }

    #[test]
    fn overrides_and_preflights_are_seen() {
        let none: &[(&str, &str)] = &[("Origin", "https://a.example")];
        assert!(!scan(&none, &[]).is_preflight());
        let both: &[(&str, &str)] = &[("Origin", "null"), ("Access-Control-Request-Method", "PUT")];
        assert!(scan(&both, &[]).is_preflight());
        for name in METHOD_OVERRIDES {
            let lines: &[(&str, &str)] = &[(name, "DELETE")];
            let seen = scan(&lines, &[]);
            assert!(seen.has_method_override());
            assert_eq!(seen.method_override(), Some("DELETE"));
        }
    }
}
