//! `GET /settings/api-keys`: pages by cursor.

use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use scopegate_stores::{Cursor, KeyStore, MAX_PAGE};
use serde::Serialize;

use super::cursor::{self, Filters};
use super::view::KeyView;
use super::{Answer, Call};
use crate::problem::{self, Place, Problem};

/// The most pages of the store that one request looks through: with a filter that few keys pass, a page may be short, or empty, and still have
/// a `next`.
const MAX_SCAN: usize = 20;

#[derive(Serialize)]
struct Page<'r> {
    items: Vec<KeyView<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Query {
    limit: Option<usize>,
    cursor: Option<String>,
    active: Option<bool>,
}

fn wrong(name: &'static str, expected: &str) -> Problem {
    Problem::at(problem::MALFORMED, Place::Parameter(name), expected)
}

/// A name or value of a query, percent-escapes and `+` decoded once; `None` when that fails.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let (high, low) = (digit()?, digit()?);
                (high << 4) | low
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

impl Query {
    fn read(query: &str) -> Result<Self, Problem> {
        let unreadable = || Problem::new(problem::MALFORMED, "Expected a query of percent-encoded UTF-8.");
        let mut read = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name).ok_or_else(unreadable)?, decode(value).ok_or_else(unreadable)?);
            let (name, again) = match name.as_str() {
                "limit" => {
                    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                    // More digits than a number holds are over the maximum too.
                    let limit = digits.then(|| value.parse().unwrap_or(usize::MAX)).filter(|limit| *limit > 0);
                    let expected = "Expected a whole number from 1; more than 100 counts as 100.";
                    let limit = limit.ok_or_else(|| wrong("limit", expected))?.min(MAX_PAGE);
                    ("limit", read.limit.replace(limit).is_some())
                }
                "cursor" => ("cursor", read.cursor.replace(value).is_some()),
                "active" => {
                    let active = value.parse().map_err(|_| wrong("active", "Expected true or false."))?;
                    ("active", read.active.replace(active).is_some())
                }
                _ => return Err(Problem::new(problem::MALFORMED, "Expected limit, cursor and active alone.")),
            };
            if again {
                return Err(wrong(name, "Expected the parameter once."));
            }
        }
        Ok(read)
    }
}

impl Filters {
    fn shows(self, record: &KeyRecord, now: UnixSeconds) -> bool {
        self.active.is_none_or(|active| active == record.is_active(now))
    }
}

pub(super) async fn list(call: &Call<'_>) -> Answer {
    let query = Query::read(call.query)?;
    let secrets = &call.manage.cursor_secrets;
    let (after, filters) = match &query.cursor {
        None => (None, Filters { active: query.active }),
        Some(text) => {
            let read = cursor::read(secrets, call.owner, text);
            let expected = "Expected the next of an earlier page, unchanged.";
            let (after, filters) = read.ok_or_else(|| wrong("cursor", expected))?;
            if query.active.is_some() && query.active != filters.active {
                return Err(wrong("active", "Expected the filter that the cursor was made for, or none."));
            }
            (Some(after), filters)
        }
    };
    let limit = query.limit.unwrap_or(MAX_PAGE);
    let (found, last) = scan(call, after, filters, limit).await?;
    let next = last.and_then(|last| cursor::write(secrets, call.owner, &last, &filters));
    let items = found.iter().map(|record| KeyView::of(record, &call.manage.format, call.now)).collect();
    Ok(problem::json(200, &Page { items, next }))
}

/// At most `limit` records that pass, and the place to go on from, if there may be more.
async fn scan(
    call: &Call<'_>,
    mut after: Option<Cursor>,
    filters: Filters,
    limit: usize,
) -> Result<(Vec<KeyRecord>, Option<Cursor>), Problem> {
    let mut found: Vec<KeyRecord> = Vec::new();
    for _ in 0..MAX_SCAN {
        let page = call.app.store.list(call.owner, after, MAX_PAGE).await?;
        let whole = page.len() >= MAX_PAGE;
        for record in page {
            let shown = filters.shows(&record, call.now);
            // One more than is shown: only then is there a next page.
            if shown && found.len() == limit {
                return Ok((found, after));
            }
            after = Some(Cursor::after(&record));
            if shown {
                found.push(record);
            }
        }
        if !whole {
            return Ok((found, None));
        }
    }
    Ok((found, after))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn queries_are_read_strictly() {
        for query in [
            "limit=0",
            "limit=",
            "limit",
            "limit=-1",
            "limit=1.5",
            "limit=%31%2",
            "limit=1&limit=1",
            "limit=1&%6Cimit=1",
            "active=yes",
            "active=",
            "active=1",
            "owner=company-2",
            "cursor=a&cursor=b",
            "Limit=1",
            "limit=%FF",
            "%FF=1",
        ] {
            assert!(Query::read(query).is_err(), "{query}");
        }
        let limit = |query| Query::read(query).unwrap().limit;
        assert_eq!(
            [limit(""), limit("&"), limit("limit=1"), limit("limit=101")],
            [None, None, Some(1), Some(MAX_PAGE)]
        );
        assert_eq!(limit("limit=99999999999999999999999999"), Some(MAX_PAGE), "coerced, not refused");
    }
}
