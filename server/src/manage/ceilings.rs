//! What an owner may have at most, and where that is written.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use scopegate::policy::document::{Ordered, StrictValue};
use serde::Deserialize;

use crate::budget::Budget;
use crate::config::nearest;

const SECONDS_OF_A_DAY: i64 = 86_400;
/// The longest life that can be configured, in days.
const MAX_DAYS: u32 = 36_500;
/// The most changes a minute that can be configured.
const MAX_CHANGES: u32 = 60_000;
const MILLISECONDS_OF_A_MINUTE: i64 = 60_000;
/// The largest file of ceilings, in bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// What an owner of keys may have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Ceilings {
    /// The most keys that are active at the same time.
    pub keys: u64,
    /// The most scopes of one key.
    pub scopes_per_key: usize,
    /// The longest life of a key, in days.
    pub days: u32,
    /// The most keys made, rotated or relabelled in a minute; `None` is any number. Revoking is never held up.
    pub changes_per_minute: Option<u32>,
    /// The scopes that keys may have; `None` is every scope that a route takes from a key.
    pub scopes: Option<Vec<String>>,
}

impl Default for Ceilings {
    /// 100 keys, 32 scopes each, 366 days, any number of changes, every scope.
    fn default() -> Self {
        Self { keys: 100, scopes_per_key: 32, days: 366, changes_per_minute: None, scopes: None }
    }
}

impl Ceilings {
    /// The longest life of a key, in seconds.
    #[must_use]
    pub fn lifetime(&self) -> i64 {
        i64::from(self.days).saturating_mul(SECONDS_OF_A_DAY)
    }

    /// How many changes there may be, where that is limited: a minute's at once, then as time passes.
    pub(crate) fn changes(&self) -> Option<Budget> {
        let uses = i64::from(self.changes_per_minute?);
        Some(Budget { uses, refill: MILLISECONDS_OF_A_MINUTE.checked_div(uses)?.max(1) })
    }
}

/// The ceilings of all owners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OwnerCeilings {
    /// Those of every owner that has none of its own.
    pub default: Ceilings,
    /// Those of single owners, by subject. A member that is left out is the built-in one.
    pub owners: BTreeMap<String, Ceilings>,
}

/// What is wrong with a file of ceilings.
#[derive(Debug)]
pub struct CeilingsError(String);

impl fmt::Display for CeilingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CeilingsError {}

impl OwnerCeilings {
    /// The ceilings of an owner.
    #[must_use]
    pub fn of(&self, owner: &str) -> &Ceilings {
        self.owners.get(owner).unwrap_or(&self.default)
    }

    /// Holds the scopes of every ceiling against those there are: a misspelt one would be a ceiling that nobody meant.
    ///
    /// # Errors
    /// [`CeilingsError`] with the first scope that is none.
    pub fn check_scopes(&self, known: &[&str]) -> Result<(), CeilingsError> {
        let mut scopes = self.owners.values().chain([&self.default]).filter_map(|each| each.scopes.as_ref()).flatten();
        let Some(scope) = scopes.find(|scope| !known.contains(&scope.as_str())) else { return Ok(()) };
        let meant = nearest(scope, known.iter().copied());
        let hint = meant.map(|meant| format!("; {meant} is meant?")).unwrap_or_default();
        Err(CeilingsError(format!("scopes: the policy has no scope {scope:?}{hint}")))
    }

    /// Reads a file: `{ "default": { "keys": 100, "scopesPerKey": 32, "days": 366 }, "owners": { "company-1": { "scopes": ["jobs:read"] } } }`.
    ///
    /// # Errors
    /// [`CeilingsError`] when it cannot be read, or holds anything else.
    pub fn from_file(path: &Path) -> Result<Self, CeilingsError> {
        use std::io::Read;
        let told = |error: String| CeilingsError(format!("{}: {error}", path.display()));
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(|error| told(error.to_string()))?;
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(|error| told(error.to_string()))?;
        Self::from_json(&text).map_err(|error| told(error.0))
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// As [`OwnerCeilings::from_file`].
    pub fn from_json(text: &str) -> Result<Self, CeilingsError> {
        // Read twice: the first time refuses members that are there twice.
        let strict: Result<Ordered<StrictValue>, _> = serde_json::from_str(text);
        let read = strict.and_then(|_| serde_json::from_str::<Self>(text));
        let ceilings = read.map_err(|error| CeilingsError(error.to_string()))?;
        for each in ceilings.owners.values().chain([&ceilings.default]) {
            if !(1..=MAX_DAYS).contains(&each.days) || each.scopes_per_key == 0 {
                return Err(CeilingsError(format!("expected days from 1 to {MAX_DAYS} and scopesPerKey from 1")));
            }
            if each.changes_per_minute.is_some_and(|most| !(1..=MAX_CHANGES).contains(&most)) {
                return Err(CeilingsError(format!("expected changesPerMinute from 1 to {MAX_CHANGES}")));
            }
        }
        Ok(ceilings)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_file_of_ceilings_says_what_it_means_or_is_refused() {
        for text in [
            "",
            "[]",
            "{\"default\":{\"key\":1}}",
            "{\"default\":{\"keys\":-1}}",
            "{\"default\":{\"days\":0}}",
            "{\"default\":{\"days\":36501}}",
            "{\"owners\":{\"a\":{\"scopesPerKey\":0}}}",
            "{\"owners\":{\"a\":{},\"a\":{}}}",
            "{\"owner\":{}}",
            "{\"default\":{\"changesPerMinute\":0}}",
            "{\"default\":{\"changesPerMinute\":60001}}",
        ] {
            assert!(OwnerCeilings::from_json(text).is_err(), "{text}");
        }
        let read = OwnerCeilings::from_json("{\"owners\":{\"a\":{\"keys\":0,\"scopes\":[\"jobs:read\"]}}}").unwrap();
        let built_in = Ceilings::default();
        assert_eq!(read.of("b"), &built_in);
        assert_eq!(read.of("a"), &Ceilings { keys: 0, scopes: Some(vec!["jobs:read".to_owned()]), ..built_in });
        assert_eq!(read.of("a").lifetime(), 366 * 86_400);
        assert!(read.check_scopes(&["jobs:read"]).is_ok());
        let told = read.check_scopes(&["jobs:reads", "webhooks:manage"]).unwrap_err().to_string();
        assert_eq!(told, "scopes: the policy has no scope \"jobs:read\"; jobs:reads is meant?");
    }
}
