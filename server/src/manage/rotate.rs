//! `POST /settings/api-keys/{id}/rotate`: a new key in the place of an old one.
//!
//! The new key is stored before the old one is given its end, so that a crash in between leaves the old key as it was: the new one was shown to
//! nobody, and a retry with the same `Idempotency-Key` finishes what was begun.

use scopegate::key::format::ENTROPY_BYTES;
use scopegate::key::lifecycle::{Issued, LifecycleError, revoke, rotate as rotated};
use scopegate::key::record::KeyRecord;
use scopegate_stores::{Inserted, KeyStore, Updated};
use serde_json::json;

use super::change::TRIES;
use super::create::{check_room, insert_fresh};
use super::idempotency::{Idempotent, unmark};
use super::{Answer, Call, body, refused, tags, view};
use crate::audit::ChangeEvent;
use crate::problem::{self, Problem};

pub(super) async fn rotate(call: &Call<'_>, bytes: &[u8]) -> Answer {
    let record = call.own().await?;
    let once = Idempotent::of(call, "rotate")?;
    let overlap = body::overlap(bytes)?;
    let _entered = once.as_ref().map(|once| once.enter(&call.manage.in_flight)).transpose()?;
    let payload = json!([record.id, overlap]).to_string();
    if let Some(once) = &once
        && let Some(earlier) = once.earlier(call, &record.env, &payload).await?
    {
        return finish(call, &record, earlier, overlap, false).await;
    }
    tags::check_match(call.headers, &record)?;
    let _turn = call.manage.turns.take(call.owner).await;
    if overlap > 0 {
        // For a while there are two keys in the place of one.
        check_room(call, call.ceilings().keys.saturating_mul(2)).await?;
    }
    let make = |entropy: &[u8; ENTROPY_BYTES]| {
        let keyring = call.app.gate.keyring();
        let rotated = rotated(&record, overlap, &call.manage.format, keyring, entropy, call.now);
        let mut fresh = rotated.map_err(|error| refused(&error))?.new;
        unmark(&mut fresh.record);
        Ok(fresh)
    };
    let fresh = match &once {
        None => insert_fresh(call, make).await?,
        Some(once) => {
            let mut fresh = make(&*once.entropy()?)?;
            once.mark(&mut fresh.record, &payload)?;
            match call.app.store.insert(&fresh.record).await? {
                Inserted::Done => fresh,
                // Another instance was faster.
                Inserted::Exists => {
                    let earlier = once.earlier(call, &record.env, &payload).await?;
                    let earlier = earlier.ok_or_else(Problem::unavailable)?;
                    return finish(call, &record, earlier, overlap, false).await;
                }
            }
        }
    };
    finish(call, &record, fresh, overlap, true).await
}

/// The record with its end after an overlap.
fn ended(record: &KeyRecord, overlap: i64, call: &Call<'_>) -> Result<KeyRecord, Problem> {
    if !record.is_active(call.now) {
        return Err(refused(&LifecycleError::NotActive));
    }
    let grace = call.now.saturating_add(overlap);
    let version = record.version.checked_add(1).ok_or_else(|| refused(&LifecycleError::Version))?;
    Ok(KeyRecord { grace_until: Some(record.ends_at().map_or(grace, |end| end.min(grace))), version, ..record.clone() })
}

/// Gives the old key its end, unless an earlier request has, and shows the new one. `made` says that the new key was made by this request:
/// it is taken back when the old one cannot be ended.
async fn finish(call: &Call<'_>, old: &KeyRecord, new: Issued, overlap: i64, made: bool) -> Answer {
    if new.record.revoked_at.is_some() {
        return Err(Problem::new(problem::CONFLICT, "The key that replaced this one is revoked."));
    }
    let begun = old.grace_until;
    if !made && (begun.is_some() || !old.is_active(call.now)) {
        return Ok(shown(call, &new));
    }
    let mut old = old.clone();
    let mut outcome = Err(Problem::new(problem::CONFLICT, "The key has changed meanwhile; read it again."));
    for _ in 0..TRIES {
        let ended = match ended(&old, overlap, call) {
            Ok(ended) => ended,
            Err(problem) => {
                outcome = Err(problem);
                break;
            }
        };
        match call.app.store.update(old.version, &ended).await {
            Ok(Updated::Done) => {
                outcome = Ok(());
                break;
            }
            // Whoever named a version meant that one.
            Ok(Updated::Conflict | Updated::Missing) if tags::is_conditional(call.headers) => {
                outcome = Err(tags::check_match(call.headers, &ended).err().unwrap_or_else(Problem::unavailable));
                break;
            }
            Ok(Updated::Conflict | Updated::Missing) => {
                old = call.own().await?;
                if old.grace_until != begun {
                    break;
                }
            }
            Err(error) => {
                outcome = Err(error.into());
                break;
            }
        }
    }
    match outcome {
        Ok(()) => {
            call.app.changed(&ChangeEvent::rotated(&new.record, call.actor.as_deref(), call.now));
            Ok(shown(call, &new))
        }
        Err(problem) => {
            if made {
                withdraw(call, &new.record).await;
            }
            Err(problem)
        }
    }
}

fn shown(call: &Call<'_>, issued: &Issued) -> axum::http::Response<axum::body::Body> {
    view::created(issued, &call.manage.format, call.base, call.now)
}

/// Revokes a key that was made and is not handed out. Should that fail, it is a key whose secret nobody knows.
async fn withdraw(call: &Call<'_>, record: &KeyRecord) {
    if let Ok(revoked) = revoke(record, call.now)
        && let Err(error) = call.app.store.update(record.version, &revoked).await
    {
        tracing::warn!(error = %error, key = %record.id, "a key that was not handed out could not be revoked");
    }
}
