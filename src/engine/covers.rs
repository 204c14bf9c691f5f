//! Authorisation alone: whether what a caller has proven covers a route. Nothing is parsed, proven or asked here.

use alloc::sync::Arc;

use super::{Assumed, Gate};
use crate::decision::Denial;
use crate::policy::Route;
use crate::request::{Request, gate_target};
use crate::route::table::RouteMatch;
use crate::scope::ScopeSet;
use crate::time::UnixSeconds;

impl Gate {
    /// The route of a request, if a credential with these scopes covers it: for callers who verify credentials themselves and need
    /// only this answer, in tens of nanoseconds and without allocating.
    ///
    /// `credential` is the index of the credential in [`Policy::credentials`](crate::policy::Policy::credentials), `scopes` come from
    /// [`ScopeCatalogue::grant`](crate::scope::ScopeCatalogue::grant). Headers, transport and claims are the caller's to look at:
    /// an alternative that asks for a claim or for a second credential is not covered. [`Gate::rehearse`] takes those as well.
    ///
    /// # Errors
    /// The [`Denial`] that [`Gate::rehearse`] gives for the same request over HTTPS and without headers.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use scopegate::{engine::Gate, policy::Policy};
    /// let policy = Policy::from_json(
    ///     r#"{"version":1,"name":"shop","scopes":{"jobs:read":"Read jobs"},
    ///     "credentials":{"key":{"type":"apiKey","header":"X-API-Key","prefix":"shp"}},
    ///     "routes":[{"id":"jobs","match":"GET /jobs/{id}","allow":[{"key":["jobs:read"]}]}]}"#,
    /// )
    /// .unwrap();
    /// let gate = Gate::builder(Arc::new(policy)).build().unwrap();
    /// let scopes = gate.policy().scopes().grant(["jobs:read"]);
    /// assert_eq!(gate.covers("GET", b"/jobs/42", 0, &scopes).unwrap().id(), "jobs");
    /// let none = gate.policy().scopes().empty_set();
    /// assert_eq!(gate.covers("GET", b"/jobs/42", 0, &none).unwrap_err().code(), "insufficient_scope");
    /// assert_eq!(gate.covers("GET", b"/jobs/../42", 0, &scopes).unwrap_err().code(), "noncanonical_target");
    /// ```
    pub fn covers(&self, method: &str, target: &[u8], credential: usize, scopes: &ScopeSet) -> Result<&Route, Denial> {
        let policy = self.policy();
        let ordinary = if cfg!(target_arch = "wasm32") { None } else { policy.table().find_ordinary(target, method) };
        let Some(index) = ordinary else { return self.covers_by_choice(method, target, credential, scopes) };
        match policy.routes().get(index) {
            Some(route) if route.is_covered_at_once(credential, scopes) => Ok(route),
            _ => self.covers_at(index, method, target, credential, scopes),
        }
    }

    /// The index of the covered route.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn covered(&self, method: &str, target: &[u8], credential: usize, scopes: &ScopeSet) -> Option<usize> {
        let index = self.find(method, target)?;
        let route = self.policy().routes().get(index)?;
        (route.is_covered_at_once(credential, scopes) || route.is_covered_by(credential, scopes)).then_some(index)
    }

    /// The same where the route takes a closer look to find.
    #[inline(never)]
    fn covers_by_choice(
        &self,
        method: &str,
        target: &[u8],
        credential: usize,
        scopes: &ScopeSet,
    ) -> Result<&Route, Denial> {
        match self.find(method, target) {
            Some(index) => self.covers_at(index, method, target, credential, scopes),
            None => Err(self.why_not(method, target, credential, scopes)),
        }
    }

    /// The route that was found, if it is covered by any of its alternatives.
    #[inline(never)]
    fn covers_at(
        &self,
        index: usize,
        method: &str,
        target: &[u8],
        credential: usize,
        scopes: &ScopeSet,
    ) -> Result<&Route, Denial> {
        match self.policy().routes().get(index) {
            Some(route) if route.is_covered_by(credential, scopes) => Ok(route),
            _ => Err(self.why_not(method, target, credential, scopes)),
        }
    }

    /// The route of any target.
    fn find(&self, method: &str, target: &[u8]) -> Option<usize> {
        match self.policy().table().find(&gate_target(target).ok()?, method) {
            RouteMatch::Found { route } => Some(route),
            _ => None,
        }
    }

    #[cold]
    fn why_not(&self, method: &str, target: &[u8], credential: usize, scopes: &ScopeSet) -> Denial {
        let request = Request { method, target, headers: &(), https: true, client_ip: None };
        let assumed = [Assumed { credential, scopes: scopes.clone(), claims: Arc::new([]) }];
        let decision = self.rehearse(&request, UnixSeconds::EPOCH, &assumed);
        decision.denial().cloned().unwrap_or(Denial::NoRoute)
    }
}
