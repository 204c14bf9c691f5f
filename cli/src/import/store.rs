//! Imported records on their way into a store: each once, however often the import is repeated.

use scopegate::key::record::{HashAlgorithm, KeyRecord};
use scopegate_stores::{Inserted, KeyStore, StoreError};

use super::Fault;

/// What came of records.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// How many are new.
    pub new: usize,
    /// How many were there already, as imported or changed since.
    pub already: usize,
    /// Those whose id another key has.
    pub faults: Vec<Fault>,
}

/// Stores what is not there yet; `dry` only looks. A record that is there stays as it is: it may have been renewed, relabelled or revoked.
///
/// # Errors
/// [`StoreError`] of the store; what was stored before stays stored, and repeating the import goes on from there.
pub async fn store<S: KeyStore>(store: &S, records: &[(usize, KeyRecord)], dry: bool) -> Result<Stored, StoreError> {
    let mut stored = Stored::default();
    for (line, record) in records {
        let found = store.find(&record.id).await?;
        let found = match found {
            None if dry => None,
            None => match store.insert(record).await? {
                Inserted::Done => None,
                Inserted::Exists => store.find(&record.id).await?,
            },
            found => found,
        };
        match found {
            None => stored.new = stored.new.saturating_add(1),
            Some(found) if is_of_same_key(&found, record) => stored.already = stored.already.saturating_add(1),
            Some(_) => stored.faults.push(Fault {
                line: *line,
                member: "hash",
                expected: format!("an id that no other key has, found {}", record.id),
            }),
        }
    }
    Ok(stored)
}

/// The id follows from the hash, so another key under it is an accident of one in 10^21, or was put there on purpose.
fn is_of_same_key(found: &KeyRecord, record: &KeyRecord) -> bool {
    let renewed = found.hashes.iter().all(|hash| hash.alg == HashAlgorithm::HmacSha256);
    let same = found.hashes.iter().any(|hash| record.hashes.contains(hash));
    found.owner == record.owner && found.env == record.env && (renewed || same)
}
