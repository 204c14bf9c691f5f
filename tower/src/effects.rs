//! Where the effects of decisions go.

use std::fmt;
use std::time::Duration;

use http::request::Parts;
use scopegate::decision::{Decision, Touch, Upgrade};

use crate::ConnectionFacts;

/// A decision with what it was about.
pub struct Decided<'a> {
    /// The decision; its [`audit`](Decision::audit) is what a log may keep.
    pub decision: &'a Decision<'a>,
    /// The request: its headers hold credentials, its target may.
    pub request: &'a Parts,
    /// What was believed of the connection.
    pub facts: ConnectionFacts,
    /// How long deciding took, the store's answers included.
    pub took: Duration,
}

impl fmt::Debug for Decided<'_> {
    /// Without the request.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.decision.code();
        f.debug_struct("Decided").field("code", &code).field("took", &self.took).finish_non_exhaustive()
    }
}

/// Where the effects of decisions go.
///
/// Called once a decision stands, before the service behind is called, so that a client that hangs up early leaves its trace all the same.
/// So an implementation must not wait: it takes note, and stores later. It must not fail the request either.
pub trait Effects: Send + Sync {
    /// A key was used.
    fn touch(&self, touch: &Touch) {
        let _ = touch;
    }

    /// A hash is to be replaced.
    fn upgrade(&self, upgrade: &Upgrade) {
        let _ = upgrade;
    }

    /// A request was decided: called for every one, for counters and logs.
    fn decided(&self, decided: &Decided<'_>) {
        let _ = decided;
    }
}

/// Drops every effect.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEffects;

impl Effects for NoEffects {}
