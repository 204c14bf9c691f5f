//! Records as the text that databases hold.

use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

use crate::{StoreError, StoreErrorKind};

fn corrupt(what: &str) -> StoreError {
    StoreError::of(StoreErrorKind::Corrupt, what)
}

/// The record of a text, with the last use that stands beside it.
pub(crate) fn record(text: &str, last_used_at: Option<i64>) -> Result<KeyRecord, StoreError> {
    // The text of the error may quote the record, which holds a hash: it is not passed on.
    let mut record: KeyRecord = serde_json::from_str(text).map_err(|_| corrupt("a stored record cannot be read"))?;
    record.last_used_at = last_used_at.and_then(UnixSeconds::new);
    Ok(record)
}

/// The text of a record.
pub(crate) fn text(record: &KeyRecord) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|_| StoreError::of(StoreErrorKind::Unsuitable, "a record cannot be written"))
}

/// Scopes as text.
pub(crate) fn scopes_text(scopes: &[&str]) -> Result<String, StoreError> {
    serde_json::to_string(scopes).map_err(|_| StoreError::of(StoreErrorKind::Unsuitable, "scopes cannot be written"))
}

/// The scopes of a text.
pub(crate) fn scopes(text: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(text).map_err(|_| corrupt("a stored consent cannot be read"))
}

/// What SQL databases hold besides.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) mod sql {
    use scopegate::key::record::MAX_OWNER_BYTES;

    use super::corrupt;
    use crate::{StoreError, StoreErrorKind};

    /// A version as databases hold it.
    pub(crate) fn version(version: u64) -> Result<i64, StoreError> {
        i64::try_from(version).map_err(|_| StoreError::of(StoreErrorKind::Unsuitable, "a version is too large"))
    }

    /// A version as it was held.
    pub(crate) fn stored_version(version: i64) -> Result<u64, StoreError> {
        u64::try_from(version).map_err(|_| corrupt("a stored version is negative"))
    }

    /// A number of records that a database counted.
    pub(crate) fn counted(count: i64) -> Result<u64, StoreError> {
        u64::try_from(count).map_err(|_| corrupt("a count is negative"))
    }

    /// Whether a record could have this owner; nothing is stored for any other, and not every database takes one as an argument.
    pub(crate) fn is_owner(owner: &str) -> bool {
        owner.len() <= MAX_OWNER_BYTES && !owner.contains('\0')
    }
}
