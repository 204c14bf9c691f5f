//! The grant: one row that a compare-and-swap moves from state to state.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::step::StoredGrant;
use crate::time::UnixSeconds;

/// The version of the bytes; a row of another version is refused, never guessed at.
const VERSION: u8 = 1;

/// Where a grant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Issued,
    Active,
    Revoked(Why),
}

/// Why a grant is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Why {
    CodeReplay,
    Reuse,
    Requested,
}

/// The code of a grant. Its hash stays after the redemption, so that a replay can be told from noise.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CodeState {
    pub hash: String,
    pub challenge: Option<String>,
    pub expires_at: UnixSeconds,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grant {
    pub v: u8,
    pub client_id: String,
    pub sub: String,
    pub scopes: Vec<String>,
    pub resource: Option<String>,
    pub redirect_uri: String,
    pub redirect_sent: bool,
    pub nonce: Option<String>,
    pub auth_time: UnixSeconds,
    pub acr: Option<String>,
    pub amr: Vec<String>,
    pub code: CodeState,
    pub state: State,
    pub generation: u64,
    pub advanced_at: UnixSeconds,
    pub prev_ok_until: Option<UnixSeconds>,
    pub created_at: UnixSeconds,
    pub idle_ttl: i64,
    pub absolute_expires_at: UnixSeconds,
    pub salt: String,
}

impl Grant {
    pub const VERSION: u8 = VERSION;

    /// The bytes of the row: its version, then JSON.
    pub fn to_row(&self) -> Option<Vec<u8>> {
        let mut row = alloc::vec![VERSION];
        row.extend(serde_json::to_vec(self).ok()?);
        Some(row)
    }

    /// The grant of a row; `None` when the row is damaged, which is an outage and never a missing grant.
    pub fn from_row(stored: &StoredGrant) -> Option<Self> {
        let (version, json) = stored.row.split_first()?;
        let grant: Self = serde_json::from_slice(json).ok()?;
        (*version == VERSION && grant.v == VERSION).then_some(grant)
    }

    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|known| known == scope)
    }

    /// Until when refresh tokens of this grant are good: the nearer of idle and absolute end.
    pub fn refresh_end(&self) -> UnixSeconds {
        self.advanced_at.saturating_add(self.idle_ttl).min(self.absolute_expires_at)
    }

    /// When the store may forget the row: when the last token it can still stop is dead.
    pub fn row_end(&self, access_ttl: i64) -> UnixSeconds {
        self.absolute_expires_at.max(self.created_at).saturating_add(access_ttl)
    }

    /// Whether tokens of this grant are alive.
    pub fn is_alive(&self) -> bool {
        self.state == State::Active
    }

    pub fn revoked(&self, why: Why) -> Self {
        Self { state: State::Revoked(why), ..self.clone() }
    }

    /// This grant with its code redeemed.
    pub fn redeemed(&self, now: UnixSeconds) -> Self {
        Self { state: State::Active, advanced_at: now.max(self.advanced_at), ..self.clone() }
    }

    /// This grant one generation on. The window of the parent is fixed now; with a leeway of 0 there is none, however the
    /// clock moves.
    pub fn rotated(&self, now: UnixSeconds, leeway: i64) -> Self {
        let advanced_at = now.max(self.advanced_at);
        Self {
            generation: self.generation.saturating_add(1),
            advanced_at,
            prev_ok_until: (leeway > 0).then(|| advanced_at.saturating_add(leeway)),
            ..self.clone()
        }
    }
}

/// What a genuine refresh token of some generation means now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presented {
    Current,
    ParentInLeeway,
    Reuse,
    Future,
    Dead,
}

impl Grant {
    pub fn weigh(&self, generation: u64, now: UnixSeconds, leeway: i64) -> Presented {
        if !self.is_alive() || now >= self.refresh_end() {
            return Presented::Dead;
        }
        if generation == self.generation {
            return Presented::Current;
        }
        if generation > self.generation {
            return Presented::Future;
        }
        let parent = generation.checked_add(1) == Some(self.generation);
        if parent && leeway > 0 && self.prev_ok_until.is_some_and(|until| now <= until) {
            return Presented::ParentInLeeway;
        }
        Presented::Reuse
    }
}

impl StoredGrant {
    /// Whether tokens of this grant are alive: for a resource server that wants a revocation to count at once (RFC 7009). `None` when the
    /// row cannot be read, which is an outage.
    #[must_use]
    pub fn is_alive(&self) -> Option<bool> {
        Grant::from_row(self).map(|grant| grant.is_alive())
    }
}
