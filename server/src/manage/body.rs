//! Bodies of requests: JSON objects, with unknown and duplicate members refused and every mistake told at once.

use std::str::FromStr;

use scopegate::key::ip::IpBlock;
use scopegate::policy::document::StrictValue;
use scopegate::time::UnixSeconds;
use serde_json::{Map, Value};

use super::view::instant;
use crate::problem::{self, Mistake, Place, Problem};

/// The most addresses and blocks of one key.
const MAX_BLOCKS: usize = 64;

pub(super) const LABEL: &str = "Expected a string of 1 to 100 characters without control characters.";
pub(super) const OVERLAP: &str = "Expected a whole number of seconds, zero or more.";

/// What a new key is asked to be.
pub(super) struct Wanted {
    pub(super) label: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires_at: UnixSeconds,
    pub(super) environment: Option<String>,
    pub(super) ip_allow: Vec<IpBlock>,
}

/// The members of a body.
pub(super) fn members(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    // What the reader says could repeat what was sent: it is not passed on.
    match serde_json::from_slice(bytes) {
        Ok(StrictValue(Value::Object(members))) => Ok(members),
        _ => Err(Problem::at(problem::MALFORMED, Place::member(""), "Expected a JSON object, each member once.")),
    }
}

struct Reader {
    members: Map<String, Value>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn note(&mut self, member: &str, expected: &str) {
        self.mistakes.push(Mistake::new(Place::member(member), expected));
    }

    /// A member, read by `read`; a mistake when that fails, or when it is missing and required.
    fn take<T>(
        &mut self,
        member: &str,
        required: bool,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.members.remove(member);
        let read = value.as_ref().and_then(read);
        if read.is_none() && (required || value.is_some()) {
            self.note(member, expected);
        }
        read
    }

    /// The mistakes, with those of members that nobody asked for.
    fn finish(mut self) -> Vec<Mistake> {
        for member in std::mem::take(&mut self.members).keys() {
            self.note(member, "This member is not known here.");
        }
        self.mistakes
    }
}

fn told<T>(mistakes: Vec<Mistake>, read: Option<T>) -> Result<T, Problem> {
    match read {
        Some(read) if mistakes.is_empty() => Ok(read),
        _ => Err(Problem::mistakes(problem::INVALID, mistakes)),
    }
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn blocks(value: &Value) -> Option<Vec<IpBlock>> {
    let texts = strings(value).filter(|texts| texts.len() <= MAX_BLOCKS)?;
    texts.iter().map(|text| IpBlock::from_str(text).ok()).collect()
}

impl Wanted {
    /// Reads the body of a request for a key. Whose key it is, is no member.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let mut reader = Reader { members: members(bytes)?, mistakes: Vec::new() };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let label = reader.take("label", true, LABEL, text);
        let scopes = reader.take("scopes", true, "Expected a list of scope names.", strings);
        let expires_at =
            reader.take("expiresAt", true, "Expected an instant of RFC 3339, like 2027-01-31T00:00:00Z.", |value| {
                value.as_str().and_then(instant)
            });
        let environment = reader.take("environment", false, "Expected the name of an environment.", text);
        let expected = "Expected a list of at most 64 addresses and CIDR blocks.";
        let ip_allow = reader.take("ipAllow", false, expected, blocks).unwrap_or_default();
        let read = match (label, scopes, expires_at) {
            (Some(label), Some(scopes), Some(expires_at)) => {
                Some(Self { label, scopes, expires_at, environment, ip_allow })
            }
            _ => None,
        };
        told(reader.finish(), read)
    }
}

/// Reads the body of a request to rotate: for how many seconds the old key stays good, zero unless it says so.
pub(super) fn overlap(bytes: &[u8]) -> Result<i64, Problem> {
    if bytes.is_empty() {
        return Ok(0);
    }
    let mut reader = Reader { members: members(bytes)?, mistakes: Vec::new() };
    let whole = |value: &Value| value.as_i64().filter(|seconds| *seconds >= 0);
    let overlap = reader.take("overlapSeconds", false, OVERLAP, whole).unwrap_or(0);
    told(reader.finish(), Some(overlap))
}
