//! What an allowed request carries.

use std::fmt;
use std::sync::Arc;

use scopegate::decision::Decision;
use scopegate::engine::Gate;
use scopegate::principal::Principal;

/// Why a request was let through, as an extension of it: owned, and valid for this request alone.
#[derive(Clone)]
pub struct Granted(Arc<Grant>);

struct Grant {
    gate: Arc<Gate>,
    route: usize,
    params: Box<[(Box<str>, Box<str>)]>,
    principals: Principals,
}

/// Mostly one, which needs no list.
enum Principals {
    One(Principal),
    Others(Box<[Principal]>),
}

impl Principals {
    fn of(decision: &Decision<'_>) -> Self {
        let mut all = decision.principals().cloned();
        match (all.next(), all.next()) {
            (Some(one), None) => Self::One(one),
            (first, second) => Self::Others(first.into_iter().chain(second).chain(all).collect()),
        }
    }

    fn all(&self) -> &[Principal] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Others(others) => others,
        }
    }
}

impl Granted {
    /// `None` unless the decision allows: there is no other way to make one.
    pub(crate) fn of(decision: &Decision<'_>, gate: &Arc<Gate>) -> Option<Self> {
        if !decision.is_allowed() {
            return None;
        }
        Some(Self(Arc::new(Grant {
            gate: Arc::clone(gate),
            route: decision.route_index()?,
            params: decision.params().map(|(name, value)| (name.into(), value.into())).collect(),
            principals: Principals::of(decision),
        })))
    }

    /// The id of the route in the policy.
    #[must_use]
    pub fn route_id(&self) -> &str {
        self.0.gate.policy().routes().get(self.0.route).map_or("", |route| route.id())
    }

    /// A parameter of the path, as sent: percent-escapes are not decoded.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.0.params.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value)
    }

    /// The parameters of the path in their order, name and value.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.params.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Who is behind the request; nobody on a public route.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.principals().first()
    }

    /// Everyone behind the request, in the order of the alternative that was met.
    #[must_use]
    pub fn principals(&self) -> &[Principal] {
        self.0.principals.all()
    }

    /// The names of the scopes of the first principal, implied ones too.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let catalogue = self.0.gate.policy().scopes();
        self.principals().first().into_iter().flat_map(|principal| catalogue.names(principal.scopes()))
    }
}

impl fmt::Debug for Granted {
    /// Route and log ids: no path, no token, no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who: Vec<_> = self.principals().iter().map(Principal::log_id).collect();
        f.debug_struct("Granted").field("route_id", &self.route_id()).field("principals", &who).finish_non_exhaustive()
    }
}
