//! One key: show, relabel, revoke. Every change is compare-and-swap: read, decide, store, and again when somebody was faster.

use axum::http::StatusCode;
use scopegate::key::lifecycle::{LifecycleError, check_change, relabel as relabelled, revoke as revoked};
use scopegate::key::record::KeyRecord;
use scopegate_stores::{KeyStore, Updated};
use serde_json::Value;

use super::{Answer, Call, body, refused, tags, view};
use crate::audit::ChangeEvent;
use crate::problem::{self, Place, Problem};

/// How often a change is tried again when somebody was faster.
pub(super) const TRIES: usize = 16;

pub(super) async fn show(call: &Call<'_>) -> Answer {
    let record = call.own().await?;
    Ok(view::shown(&record, &call.manage.format, call.headers, call.now))
}

pub(super) async fn relabel(call: &Call<'_>, bytes: &[u8]) -> Answer {
    // First the key: what is wrong with a body is nobody's business who has no such key.
    call.own().await?;
    let members = body::members(bytes)?;
    if let Some(other) = members.keys().find(|member| *member != "label") {
        return Err(match check_change([other.as_str()]) {
            Err(error @ LifecycleError::Immutable(_)) => refused(&error),
            _ => Problem::at(problem::IMMUTABLE_FIELD, Place::member(other), "Expected label and nothing else."),
        });
    }
    let label = members.get("label").and_then(Value::as_str);
    let label = label.ok_or_else(|| Problem::at(problem::INVALID, Place::member("label"), body::LABEL))?;
    let record = change(call, |record| {
        // A label that is there already is no change.
        if *record.label == *label { Ok(record.clone()) } else { relabelled(record, label) }
    })
    .await?;
    if let Change::Done(record) = &record {
        call.app.changed(&ChangeEvent::relabelled(record, call.actor.as_deref(), call.now));
    }
    Ok(view::changed(record.record(), &call.manage.format, call.now))
}

pub(super) async fn revoke(call: &Call<'_>) -> Answer {
    let change = change(call, |record| revoked(record, call.now)).await?;
    if let Change::Done(record) = &change {
        call.app.changed(&ChangeEvent::revoked(record, call.actor.as_deref(), call.now));
    }
    Ok(view::empty(StatusCode::NO_CONTENT))
}

/// What came of a change.
enum Change {
    /// It is stored.
    Done(KeyRecord),
    /// There was nothing to change.
    None(KeyRecord),
}

impl Change {
    const fn record(&self) -> &KeyRecord {
        let (Self::Done(record) | Self::None(record)) = self;
        record
    }
}

/// Changes the record a call names, and returns it as stored.
async fn change(
    call: &Call<'_>,
    make: impl Fn(&KeyRecord) -> Result<KeyRecord, LifecycleError>,
) -> Result<Change, Problem> {
    for _ in 0..TRIES {
        let record = call.own().await?;
        // What is wrong in itself comes first: a condition is for what would be done (RFC 9110 section 13.2.1).
        let changed = make(&record).map_err(|error| refused(&error))?;
        // What is done already needs no condition (RFC 9110 section 13.1.1): the answer to the first request may have been lost.
        if changed.version == record.version {
            return Ok(Change::None(record));
        }
        tags::check_match(call.headers, &record)?;
        match call.app.store.update(record.version, &changed).await? {
            Updated::Done => return Ok(Change::Done(changed)),
            Updated::Conflict | Updated::Missing => {}
        }
    }
    Err(Problem::new(problem::CONFLICT, "The key is being changed by others; try again."))
}
