//! Entity tags and conditions on them (RFC 9110 sections 8.8.3 and 13.1).

use axum::http::{HeaderMap, HeaderName, header};
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

use crate::problem::{self, Place, Problem};

/// The tag of a representation: the record's version, and what else is shown that changes without one: the last use, and whether the key
/// is active.
pub(super) fn etag(record: &KeyRecord, now: UnixSeconds) -> String {
    let used = record.last_used_at.map_or(0, UnixSeconds::get);
    format!("\"{}-{used}-{}\"", record.version, u8::from(record.is_active(now)))
}

/// The version inside a tag of ours; a weak one is none.
fn version_of(tag: &str) -> Option<u64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.split('-').next()?.parse().ok()
}

fn tags(headers: &HeaderMap, name: HeaderName) -> Option<Vec<&str>> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    Some(lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim).collect())
}

/// Whether the request is conditional on the version it means.
pub(super) fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key(header::IF_MATCH)
}

/// Holds `If-Match` against the stored version. A use in between is no lost update, so the version alone is compared.
pub(super) fn check_match(headers: &HeaderMap, record: &KeyRecord) -> Result<(), Problem> {
    match tags(headers, header::IF_MATCH) {
        Some(tags) if !tags.iter().any(|tag| *tag == "*" || version_of(tag) == Some(record.version)) => {
            let told = "The key has changed since; read it again.";
            Err(Problem::at(problem::PRECONDITION_FAILED, Place::Header("If-Match"), told))
        }
        _ => Ok(()),
    }
}

/// Whether `If-None-Match` has the tag: compared weakly, as for a representation that is only read.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    tags(headers, header::IF_NONE_MATCH)
        .is_some_and(|tags| tags.iter().any(|known| *known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag))
}
