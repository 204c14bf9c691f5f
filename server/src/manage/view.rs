//! A key as the API shows it: no hash, no secret, times in RFC 3339.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use scopegate::key::format::KeyFormat;
use scopegate::key::lifecycle::Issued;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use serde::Serialize;

use super::{COLLECTION, tags};
use crate::problem;

/// A key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyView<'r> {
    id: &'r str,
    key_prefix: String,
    label: &'r str,
    environment: &'r str,
    scopes: &'r [Box<str>],
    active: bool,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    grace_until: Option<String>,
    last_used_at: Option<String>,
    rotated_from: Option<&'r str>,
    ip_allow: Vec<String>,
    /// Once, in the answer that made the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_key: Option<&'r str>,
}

impl<'r> KeyView<'r> {
    pub(super) fn of(record: &'r KeyRecord, format: &KeyFormat, now: UnixSeconds) -> Self {
        Self {
            id: record.id.as_str(),
            key_prefix: format.key_prefix(&record.env, &record.id),
            label: &record.label,
            environment: &record.env,
            scopes: &record.scopes,
            active: record.is_active(now),
            created_at: rfc3339(record.created_at),
            expires_at: record.expires_at.map(rfc3339),
            revoked_at: record.revoked_at.map(rfc3339),
            grace_until: record.grace_until.map(rfc3339),
            last_used_at: record.last_used_at.map(rfc3339),
            rotated_from: record.rotated_from.as_ref().map(|id| id.as_str()),
            ip_allow: record.ip_allow.iter().map(ToString::to_string).collect(),
            raw_key: None,
        }
    }
}

/// An instant as the API writes it.
pub(super) fn rfc3339(at: UnixSeconds) -> String {
    Timestamp::from_second(at.get()).map(|time| time.to_string()).unwrap_or_default()
}

/// An instant as the API reads it: RFC 3339 section 5.6 and nothing wider; fractions are cut off, so that nothing lives longer than asked.
pub(super) fn instant(text: &str) -> Option<UnixSeconds> {
    let bytes = text.as_bytes();
    let (date_time, zone) = bytes.split_at_checked(19)?;
    let shaped = date_time.iter().zip(b"0000-00-00T00:00:00").all(|(byte, model)| match model {
        b'0' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't'),
        other => byte == other,
    });
    let fraction = match zone.strip_prefix(b".") {
        Some(rest) => rest.iter().take_while(|byte| byte.is_ascii_digit()).count().checked_add(1)?,
        None => 0,
    };
    let offset = zone.get(fraction..)?;
    let offset_shaped = match offset {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', rest @ ..] => {
            rest.len() == 5
                && rest.iter().zip(b"00:00").all(|(byte, model)| match model {
                    b'0' => byte.is_ascii_digit(),
                    other => byte == other,
                })
        }
        _ => false,
    };
    if !shaped || !offset_shaped || fraction == 1 || fraction > 10 {
        return None;
    }
    text.parse::<Timestamp>().ok().and_then(|time| UnixSeconds::new(time.as_second()))
}

/// One key: 304 when the client has this very representation.
pub(super) fn shown(record: &KeyRecord, format: &KeyFormat, headers: &HeaderMap, now: UnixSeconds) -> Response<Body> {
    let tag = tags::etag(record, now);
    let mut response = if tags::is_known(headers, &tag) {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        problem::json(200, &KeyView::of(record, format, now))
    };
    mark(&mut response, &tag);
    response
}

/// One key that has just been changed.
pub(super) fn changed(record: &KeyRecord, format: &KeyFormat, now: UnixSeconds) -> Response<Body> {
    let mut response = problem::json(200, &KeyView::of(record, format, now));
    mark(&mut response, &tags::etag(record, now));
    response
}

/// A key that was made now: with the key itself, which nothing may keep.
pub(super) fn created(issued: &Issued, format: &KeyFormat, base: &str, now: UnixSeconds) -> Response<Body> {
    let record = &issued.record;
    let view = KeyView { raw_key: Some(issued.raw_key.expose()), ..KeyView::of(record, format, now) };
    let mut response = problem::json(201, &view);
    mark(&mut response, &tags::etag(record, now));
    if let Ok(place) = HeaderValue::try_from(format!("{base}{COLLECTION}/{}", record.id.as_str())) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// An answer without a body that nothing may keep.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn mark(response: &mut Response<Body>, tag: &str) {
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_those_of_rfc_3339_alone() {
        for text in [
            "",
            "2027-01-31",
            "2027-01-31T00:00:00",
            "2027-01-31 00:00:00Z",
            "20270131T000000Z",
            "2027-01-31T00:00Z",
            "2027-01-31T00:00:00+01",
            "2027-01-31T00:00:00+0100",
            "2027-01-31T00:00:00+01:00[Europe/Berlin]",
            "2027-01-31T00:00:00.Z",
            "2027-02-30T00:00:00Z",
            "2027-01-31T25:00:00Z",
            "1969-12-31T23:59:59Z",
            "+02027-01-31T00:00:00Z",
            "4000000000",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
        for (text, seconds) in [
            ("1970-01-01T00:00:10Z", 10),
            ("1970-01-01t00:00:10z", 10),
            ("1970-01-01T01:00:10+01:00", 10),
            ("1970-01-01T00:00:10.999999999Z", 10),
        ] {
            assert_eq!(instant(text).map(UnixSeconds::get), Some(seconds), "{text}");
        }
    }
}
