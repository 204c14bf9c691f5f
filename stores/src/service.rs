//! What stores behind a network connection have in common.

use std::time::Duration;

use crate::{StoreError, StoreErrorKind};

/// How a store behind a network connection is used.
#[derive(Clone, Copy, Debug)]
pub struct ServiceOptions<'a> {
    /// The schema of PostgreSQL, the prefix of keys of Redis: `[a-z][a-z0-9_]{0,31}`. Different ones share nothing.
    pub namespace: &'a str,
    /// How long getting a connection may take.
    pub connect_timeout: Duration,
    /// How long a question may take once there is a connection.
    pub query_timeout: Duration,
    /// The most connections of a pool; Redis needs one.
    pub connections: u32,
}

impl Default for ServiceOptions<'_> {
    /// `scopegate`, two seconds each, eight connections.
    fn default() -> Self {
        let timeout = Duration::from_secs(2);
        Self { namespace: "scopegate", connect_timeout: timeout, query_timeout: timeout, connections: 8 }
    }
}

impl ServiceOptions<'_> {
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let first = self.namespace.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let rest = self.namespace.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if first && rest && self.namespace.len() <= 32 && self.connections > 0 {
            return Ok(());
        }
        let what = "expected a namespace of [a-z][a-z0-9_]{0,31} and at least one connection";
        Err(StoreError::of(StoreErrorKind::Unsuitable, what))
    }
}

pub(crate) fn timed_out() -> StoreError {
    StoreError::of(StoreErrorKind::Timeout, "no answer before the limit")
}
