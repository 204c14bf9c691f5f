//! A decision under way, and the evaluator: any alternative whose every requirement is met.

use alloc::boxed::Box;
use alloc::string::{String, ToString};

use super::prove::Proof;
use super::{Assumed, Gate, Step};
use crate::credential::Presented;
use crate::decision::{Decision, Denial, Grant, Nearness, Outcome, Touch, Trace, TraceStep, Upgrade};
use crate::key::format::KeyId;
use crate::key::record::touch_due;
use crate::policy::compile::MAX_ROUTE_CREDENTIALS;
use crate::policy::{Alternative, Requirement, Route};
use crate::principal::Principal;
use crate::request::Request;
use crate::route::table::Params;
use crate::scope::ScopeSet;
use crate::time::UnixSeconds;

/// What is known of one of the route's credentials.
pub(super) enum Slot {
    /// Not looked at yet.
    Unseen,
    /// Not presented.
    Absent,
    /// Presented and proven.
    Proven(Principal),
    /// Presented and refused.
    Refused(Denial),
}

/// A decision under way.
pub(super) struct Pending<'a> {
    pub(super) gate: &'a Gate,
    pub(super) request: &'a Request<'a>,
    pub(super) presented: Presented<'a>,
    pub(super) now: UnixSeconds,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) route: Option<(usize, Params)>,
    pub(super) slots: [Slot; MAX_ROUTE_CREDENTIALS],
    pub(super) upgrade: Option<Box<Upgrade>>,
    pub(super) presented_key: Option<KeyId>,
    trace: Option<Box<Trace>>,
}

/// An unmet alternative: why, about which credential, and how near it came.
struct Unmet {
    denial: Denial,
    credential: Option<usize>,
}

impl Unmet {
    /// Nearer is greater: by kind first, then by how little is missing.
    fn rank(&self) -> (Nearness, isize) {
        let closeness = match &self.denial {
            Denial::InsufficientScope(missing) => {
                0_isize.saturating_sub(isize::try_from(missing.len()).unwrap_or(isize::MAX))
            }
            Denial::InvalidToken(crate::jwt::TokenRefusal::IssuerMismatch) => isize::MIN,
            Denial::ClaimMismatch | Denial::IpNotAllowed | Denial::CredentialNotAccepted => isize::MIN,
            _ => 0,
        };
        (self.denial.nearness(), closeness)
    }
}

impl<'a> Pending<'a> {
    pub(super) fn new(gate: &'a Gate, request: &'a Request<'a>, now: UnixSeconds) -> Self {
        Self {
            gate,
            request,
            presented: Presented::default(),
            now,
            method: request.method,
            path: "",
            route: None,
            slots: [const { Slot::Unseen }; MAX_ROUTE_CREDENTIALS],
            upgrade: None,
            presented_key: None,
            trace: gate.traces().then(Box::default),
        }
    }

    /// Writes a step of the trace, when one is kept.
    pub(super) fn note(&mut self, step: impl FnOnce() -> TraceStep) {
        if let Some(trace) = &mut self.trace {
            trace.steps.push(step());
        }
    }

    pub(super) fn refuse_target(mut self, denial: Denial) -> Step<'a> {
        let outcome = denial.code();
        self.note(|| TraceStep::Target { outcome });
        Step::Done(self.finish(Outcome::Deny(denial), None))
    }

    pub(super) fn refuse_route(mut self, denial: Denial) -> Step<'a> {
        let outcome = denial.code();
        self.note(|| TraceStep::Route { outcome, route_id: None });
        Step::Done(self.finish(Outcome::Deny(denial), None))
    }

    pub(super) fn routed(mut self, route: usize, params: Params, assumed: Option<&[Assumed]>) -> Step<'a> {
        self.route = Some((route, params));
        let gate = self.gate;
        let Some(found) = gate.policy().routes().get(route) else {
            return self.refuse_route(Denial::NoRoute);
        };
        self.note(|| TraceStep::Route { outcome: "matched", route_id: Some(found.id().to_string()) });
        if found.is_public() {
            let grant = Grant { principals: [const { None }; MAX_ROUTE_CREDENTIALS], alternative: None };
            return Step::Done(self.finish(Outcome::Allow(grant), None));
        }
        if let Some(assumed) = assumed {
            self.assume(found, assumed);
        } else if found.credentials.iter().any(|credential| self.is_sent_twice(*credential)) {
            return Step::Done(self.finish(Outcome::Deny(Denial::AmbiguousCredentials), None));
        }
        self.advance()
    }

    /// Looks at credentials and alternatives until one is satisfied, something is needed, or all are spent.
    pub(super) fn advance(mut self) -> Step<'a> {
        let gate = self.gate;
        let Some(route) = self.route.as_ref().and_then(|(index, _)| gate.policy().routes().get(*index)) else {
            return self.refuse_route(Denial::NoRoute);
        };
        let mut nearest: Option<Unmet> = None;
        for (index, alternative) in route.alternatives().iter().enumerate() {
            for part in alternative.parts() {
                if !matches!(self.slots.get(part.slot), Some(Slot::Unseen)) {
                    continue;
                }
                self = match self.prove(part.credential, part.slot) {
                    Proof::Settled(pending) => pending,
                    Proof::Waiting(step) => return step,
                };
            }
            match self.weigh(alternative) {
                None => {
                    self.note(|| TraceStep::Alternative { index, outcome: "satisfied", missing: Default::default() });
                    return self.allow(index, alternative);
                }
                Some(unmet) => {
                    self.note_unmet(index, &unmet);
                    if nearest.as_ref().is_none_or(|best| unmet.rank() > best.rank()) {
                        nearest = Some(unmet);
                    }
                }
            }
        }
        let nearest = nearest.unwrap_or(Unmet { denial: Denial::MissingCredential, credential: None });
        Step::Done(self.finish(Outcome::Deny(nearest.denial), nearest.credential))
    }

    fn note_unmet(&mut self, index: usize, unmet: &Unmet) {
        let gate = self.gate;
        self.note(|| TraceStep::Alternative {
            index,
            outcome: unmet.denial.code(),
            missing: match &unmet.denial {
                Denial::InsufficientScope(missing) => gate.policy().scopes().names(missing).map(String::from).collect(),
                _ => Default::default(),
            },
        });
    }

    /// Why an alternative is not satisfied; `None` when it is. All its requirements must be met, so a refused credential
    /// settles it before a missing one, a missing one before an outage, and an outage before what a proven one lacks.
    fn weigh(&self, alternative: &Alternative) -> Option<Unmet> {
        let mut worst: Option<Unmet> = None;
        let mut missing: Option<(ScopeSet, usize)> = None;
        for part in alternative.parts() {
            let denial = match self.slots.get(part.slot) {
                Some(Slot::Proven(principal)) => match lacks(part, principal) {
                    None => continue,
                    Some(Denial::InsufficientScope(set)) => {
                        match &mut missing {
                            Some((all, _)) => all.union_with(&set),
                            None => missing = Some((set, part.credential)),
                        }
                        continue;
                    }
                    Some(denial) => denial,
                },
                Some(Slot::Refused(denial)) => denial.clone(),
                Some(Slot::Absent | Slot::Unseen) | None => Denial::MissingCredential,
            };
            let unmet = Unmet { denial, credential: Some(part.credential) };
            if worst.as_ref().is_none_or(|found| settles(&unmet.denial) < settles(&found.denial)) {
                worst = Some(unmet);
            }
        }
        match (worst, missing) {
            (Some(unmet), _) => Some(unmet),
            (None, Some((set, credential))) => {
                let smallest = self.gate.policy().scopes().minimal(&set);
                Some(Unmet { denial: Denial::InsufficientScope(smallest), credential: Some(credential) })
            }
            (None, None) => None,
        }
    }

    fn allow(mut self, index: usize, alternative: &Alternative) -> Step<'a> {
        let mut principals = [const { None }; MAX_ROUTE_CREDENTIALS];
        for (place, part) in principals.iter_mut().zip(alternative.parts()) {
            if let Some(slot) = self.slots.get_mut(part.slot)
                && let Slot::Proven(principal) = core::mem::replace(slot, Slot::Absent)
            {
                *place = Some(principal);
            }
        }
        Step::Done(self.finish(Outcome::Allow(Grant { principals, alternative: Some(index) }), None))
    }

    pub(super) fn finish(self, outcome: Outcome, faulty: Option<usize>) -> Decision<'a> {
        let touch = match &outcome {
            Outcome::Allow(grant) => grant.principals.iter().flatten().find_map(Principal::key).and_then(|key| {
                touch_due(key.record(), self.now, self.gate.touch_interval())
                    .then(|| Touch { id: key.record().id, at: self.now })
            }),
            Outcome::Preflight | Outcome::Deny(_) => None,
        };
        Decision {
            policy: self.gate.policy(),
            outcome,
            now: self.now,
            path: self.path,
            route: self.route,
            faulty,
            touch,
            upgrade: self.upgrade,
            presented_key: self.presented_key,
            trace: self.trace,
        }
    }

    /// Fills every slot from what the host vouches for.
    fn assume(&mut self, route: &Route, assumed: &[Assumed]) {
        for (slot, credential) in self.slots.iter_mut().zip(&*route.credentials) {
            *slot = assumed.iter().find(|given| given.credential == *credential).map_or(Slot::Absent, |given| {
                Slot::Proven(Principal::assumed(*credential, given.scopes.clone(), given.claims.clone()))
            });
        }
    }
}

/// In an alternative, the lowest settles it.
fn settles(denial: &Denial) -> u8 {
    match denial.nearness() {
        Nearness::Failed => 0,
        Nearness::Missing => 1,
        Nearness::Unknown => 2,
        Nearness::Proven => 3,
    }
}

/// What a proven credential lacks for a requirement.
pub(super) fn lacks(part: &Requirement, principal: &Principal) -> Option<Denial> {
    if !principal.scopes().contains_all(part.scopes()) {
        return Some(Denial::InsufficientScope(part.scopes().minus(principal.scopes())));
    }
    let met = part.claims().iter().all(|(name, value)| principal.has_claim(name, value));
    (!met).then_some(Denial::ClaimMismatch)
}
