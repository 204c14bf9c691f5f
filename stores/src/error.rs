//! What can go wrong with a store.

use std::fmt;

/// What kind of failure a [`StoreError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// The store could not be asked.
    Unavailable,
    /// It did not answer in time. A write may have been done all the same: read again.
    Timeout,
    /// It answered with what is no record.
    Corrupt,
    /// It is set up in a way that breaks the contract, or was asked to store what it cannot hold.
    Unsuitable,
}

/// The store gave no answer, or one that is none: never to be read as "no such key". The text is for the log; it holds no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    kind: StoreErrorKind,
    what: Box<str>,
}

impl StoreError {
    /// An outage, with a text for the log.
    pub fn new(what: impl fmt::Display) -> Self {
        Self::of(StoreErrorKind::Unavailable, what)
    }

    /// A failure of a kind, with a text for the log.
    pub fn of(kind: StoreErrorKind, what: impl fmt::Display) -> Self {
        Self { kind, what: what.to_string().into() }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// A stable name: `store_unavailable`, `store_timeout`, `store_corrupt` or `store_unsuitable`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.kind {
            StoreErrorKind::Unavailable => "store_unavailable",
            StoreErrorKind::Timeout => "store_timeout",
            StoreErrorKind::Corrupt => "store_corrupt",
            StoreErrorKind::Unsuitable => "store_unsuitable",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = match self.kind {
            StoreErrorKind::Unavailable => "the store is unavailable",
            StoreErrorKind::Timeout => "the store did not answer in time",
            StoreErrorKind::Corrupt => "the store answered with what is no record",
            StoreErrorKind::Unsuitable => "the store is unsuitable",
        };
        write!(f, "{told}: {}", self.what)
    }
}

impl std::error::Error for StoreError {}
