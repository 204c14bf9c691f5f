//! `Idempotency-Key`: the raw key is derived from it, so that a retry gets the same key and nothing secret is stored.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderMap;
use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use scopegate::key::format::{ENTROPY_BYTES, RawKey};
use scopegate::key::lifecycle::Issued;
use scopegate::key::record::KeyRecord;
use scopegate_stores::KeyStore;
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Call;
use crate::peppers::Secret;
use crate::problem::{self, Place, Problem};

/// The header (draft-ietf-httpapi-idempotency-key-header).
const HEADER: &str = "idempotency-key";
const PLACE: Place = Place::Header("Idempotency-Key");
/// The longest value, in bytes.
const MAX_BYTES: usize = 255;
/// For how many seconds a retry is answered as the first request was.
const WINDOW: i64 = 86_400;
/// The member of a record that keeps what the request asked for, as a MAC.
const MEMBER: &str = "idempotency";

type Name = [u8; 32];

/// A request that may be sent again.
pub(super) struct Idempotent<'s> {
    /// The owner, the operation and the header's value under each secret, the current one first.
    names: Vec<(Name, &'s Secret)>,
}

fn mac(secret: &Secret, parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&**secret).ok()?;
    for part in parts {
        // Lengths first, so that no two lists of parts read alike.
        mac.update(&u64::try_from(part.len()).ok()?.to_be_bytes());
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().into())
}

/// The value of the header: a string of RFC 8941 (section 3.3.3), or the same text without its quotes.
fn value(headers: &HeaderMap) -> Result<Option<&[u8]>, Problem> {
    let mut lines = headers.get_all(HEADER).iter();
    let Some(line) = lines.next().map(|line| line.as_bytes().trim_ascii()) else { return Ok(None) };
    let inner = line.strip_prefix(b"\"").map_or(Some(line), |rest| rest.strip_suffix(b"\""));
    let plain = |byte: &u8| (0x20..0x7f).contains(byte) && !b"\"\\".contains(byte);
    match inner {
        Some(value) if lines.next().is_none() && (1..=MAX_BYTES).contains(&value.len()) && value.iter().all(plain) => {
            Ok(Some(value))
        }
        _ => {
            let expected = "Expected one value of 1 to 255 printable ASCII characters, in quotes or not.";
            Err(Problem::at(problem::MALFORMED, PLACE, expected))
        }
    }
}

impl<'s> Idempotent<'s> {
    /// What a request's header says; `None` without one. The same value means something else for another operation.
    pub(super) fn of(call: &Call<'s>, operation: &str) -> Result<Option<Self>, Problem> {
        let Some(value) = value(call.headers)? else { return Ok(None) };
        let named = |secret: &'s Secret| {
            let parts: [&[u8]; 4] = [b"name", call.owner.as_bytes(), operation.as_bytes(), value];
            mac(secret, &parts).map(|name| (name, secret))
        };
        Ok(Some(Self { names: call.manage.idempotency_secrets.iter().filter_map(named).collect() }))
    }

    /// The entropy of a key that is made now.
    pub(super) fn entropy(&self) -> Result<Zeroizing<[u8; ENTROPY_BYTES]>, Problem> {
        self.names.first().and_then(entropy).ok_or_else(Problem::unavailable)
    }

    /// Notes on a new record what was asked for.
    pub(super) fn mark(&self, record: &mut KeyRecord, payload: &str) -> Result<(), Problem> {
        let print = self.names.first().and_then(|name| fingerprint(name, payload)).ok_or_else(Problem::unavailable)?;
        record.extra.insert(MEMBER.to_owned(), Value::String(print));
        Ok(())
    }

    /// The key that an earlier request with the same header has made; it is told apart from the new one by `payload`.
    pub(super) async fn earlier(
        &self,
        call: &Call<'_>,
        environment: &str,
        payload: &str,
    ) -> Result<Option<Issued>, Problem> {
        for name in &self.names {
            let entropy = entropy(name).ok_or_else(Problem::unavailable)?;
            let generated = call.manage.format.generate(environment, &entropy);
            let (raw_key, id) = generated.map_err(|_| Problem::unavailable())?;
            if let Some(record) = call.app.store.find(&id).await? {
                return same(call, record, raw_key, fingerprint(name, payload).as_deref()).map(Some);
            }
        }
        Ok(None)
    }

    /// Marks the request as being worked on, until what is returned is dropped.
    pub(super) fn enter<'f>(&self, in_flight: &'f InFlight) -> Result<Entered<'f>, Problem> {
        let name = self.names.first().map(|(name, _)| *name).ok_or_else(Problem::unavailable)?;
        if in_flight.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name) {
            return Ok(Entered { in_flight, name });
        }
        let told = "A request with this key is being worked on; send it again when that has been answered.";
        Err(Problem::at(problem::CONFLICT, PLACE, told))
    }
}

/// A record that was not made by the request that made this one.
pub(super) fn unmark(record: &mut KeyRecord) {
    record.extra.remove(MEMBER);
}

fn entropy((name, secret): &(Name, &Secret)) -> Option<Zeroizing<[u8; ENTROPY_BYTES]>> {
    let mut entropy = Zeroizing::new([0_u8; ENTROPY_BYTES]);
    for (chunk, counter) in entropy.chunks_mut(32).zip(0_u8..) {
        let block = Zeroizing::new(mac(secret, &[b"entropy", name, &[counter]])?);
        chunk.copy_from_slice(block.get(..chunk.len())?);
    }
    Some(entropy)
}

fn fingerprint((name, secret): &(Name, &Secret), payload: &str) -> Option<String> {
    mac(secret, &[b"payload", name, payload.as_bytes()]).map(|mac| Base64UrlUnpadded::encode_string(&mac))
}

fn same(call: &Call<'_>, record: KeyRecord, raw_key: RawKey, print: Option<&str>) -> Result<Issued, Problem> {
    let known = record.extra.get(MEMBER).and_then(Value::as_str);
    if known.is_none() || known != print || *record.owner != *call.owner {
        let told = "This key was used for another request; use a fresh one.";
        return Err(Problem::at(problem::IDEMPOTENCY_MISMATCH, PLACE, told));
    }
    if call.now.since(record.created_at) > WINDOW {
        let told = "This key was used more than 24 hours ago; use a fresh one.";
        return Err(Problem::at(problem::CONFLICT, PLACE, told));
    }
    Ok(Issued { record, raw_key })
}

/// The requests that are being worked on, in this process.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<HashSet<Name>>);

/// A request that is being worked on.
pub(super) struct Entered<'f> {
    in_flight: &'f InFlight,
    name: Name,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn malformed_values_are_refused_and_quotes_change_nothing() {
        let long = "x".repeat(256);
        let lines = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for text in values {
                headers.append(HEADER, axum::http::HeaderValue::from_bytes(text.as_bytes()).unwrap());
            }
            headers
        };
        for bad in [&[""][..], &["\"\""], &["\""], &["\"a"], &["a\""], &["a\\b"], &["a", "a"], &["caf\u{e9}"], &[&long]]
        {
            assert!(value(&lines(bad)).is_err(), "{bad:?}");
        }
        let good = |text: &str| value(&lines(&[text])).unwrap().map(<[u8]>::to_vec);
        assert_eq!(good("a b"), good("\"a b\""));
        assert_eq!(value(&HeaderMap::new()).unwrap(), None);
    }
}
