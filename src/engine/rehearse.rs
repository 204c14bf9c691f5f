//! Decisions about credentials that are not proven here: for policy tests, and for hosts that proved them elsewhere.

use alloc::string::String;
use alloc::sync::Arc;

use serde_json::Value;

use super::Gate;
use crate::decision::Decision;
use crate::host::NullHost;
use crate::request::Request;
use crate::scope::ScopeSet;
use crate::time::UnixSeconds;

/// A credential that the host vouches for.
#[derive(Clone, Debug)]
pub struct Assumed {
    /// The index of the credential in [`Policy::credentials`](crate::policy::Policy::credentials).
    pub credential: usize,
    /// What it may do; from [`ScopeCatalogue::grant`](crate::scope::ScopeCatalogue::grant).
    pub scopes: ScopeSet,
    /// Its claims, when a route asks for any.
    pub claims: Arc<[(String, Value)]>,
}

impl Gate {
    /// Decides as [`Gate::decide`] does, with these credentials taken as proven and every other as not sent. The headers of
    /// the request are looked at for method overrides and preflights, never for credentials.
    ///
    /// Whoever calls this with scopes that nobody proved lets anybody in: it is for tests of a policy, and for hosts whose
    /// own layer has verified the credential.
    #[must_use]
    pub fn rehearse<'a>(&'a self, request: &'a Request<'a>, now: UnixSeconds, assumed: &[Assumed]) -> Decision<'a> {
        self.drive(request, now, Some(assumed), &NullHost)
    }
}
