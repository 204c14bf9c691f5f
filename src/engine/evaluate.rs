//! A decision under way, and the evaluator: any alternative whose every requirement is met.

use alloc::boxed::Box;
use alloc::string::String;

use super::prove::{KeyWait, Look};
use super::token::{KeysWait, VerifyWait};
use super::{Assumed, Gate};
use crate::credential::Presented;
use crate::decision::{Decision, Denial, Grant, Nearness, Outcome, Touch, Trace, TraceStep, Upgrade};
use crate::key::format::KeyId;
use crate::key::record::touch_due;
use crate::policy::compile::MAX_ROUTE_CREDENTIALS;
use crate::policy::{Alternative, Requirement, Route};
use crate::principal::Principal;
use crate::request::Request;
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

/// A slot for each of the route's credentials. Fields and no array, since an array of them is copied to its place.
pub(super) struct Slots(Slot, Slot, Slot, Slot);

impl Slots {
    #[inline(always)]
    const fn unseen() -> Self {
        Self(Slot::Unseen, Slot::Unseen, Slot::Unseen, Slot::Unseen)
    }

    #[inline(always)]
    pub(super) const fn get(&self, slot: usize) -> Option<&Slot> {
        const { assert!(MAX_ROUTE_CREDENTIALS == 4) };
        match slot {
            0 => Some(&self.0),
            1 => Some(&self.1),
            2 => Some(&self.2),
            3 => Some(&self.3),
            _ => None,
        }
    }

    #[inline(always)]
    pub(super) const fn get_mut(&mut self, slot: usize) -> Option<&mut Slot> {
        match slot {
            0 => Some(&mut self.0),
            1 => Some(&mut self.1),
            2 => Some(&mut self.2),
            3 => Some(&mut self.3),
            _ => None,
        }
    }
}

/// Where a decision pauses: done, or for something only the host has. What is known by then stays in [`Pending`], so that this is
/// two words.
pub(super) enum Pause<'a> {
    Done,
    Key,
    Keys(Box<KeysWait<'a>>),
    Verify(Box<VerifyWait<'a>>),
}

/// What a decision comes to.
pub(super) enum Verdict {
    /// Allowed by the alternative with this index; `None` on a public route.
    Allow(Option<usize>),
    /// A preflight of a path that exists.
    Preflight,
    /// Denied, and about which of the policy's credentials.
    Deny(Denial, Option<usize>),
}

/// A decision under way. It stays in its place from begin to end: each step borrows it.
pub(super) struct Pending<'a> {
    pub(super) gate: &'a Gate,
    pub(super) request: &'a Request<'a>,
    pub(super) presented: Presented<'a>,
    pub(super) now: UnixSeconds,
    pub(super) method: &'a str,
    pub(super) path: &'a [u8],
    pub(super) route: Option<usize>,
    pub(super) slots: Slots,
    /// The API key whose record is awaited.
    pub(super) wait: Option<KeyWait<'a>>,
    pub(super) upgrade: Option<Box<Upgrade>>,
    pub(super) presented_key: Option<KeyId>,
    /// Whom the bearer token of this request proved before, when it does not bring it again.
    pub(super) known: Option<&'a Principal>,
    /// Whether this is given up where a key set has to be fetched: no attempt is noted then.
    pub(super) at_once: bool,
    verdict: Verdict,
    pub(super) trace: Option<Box<Trace>>,
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
    #[inline(always)]
    pub(super) fn new(gate: &'a Gate, request: &'a Request<'a>, now: UnixSeconds) -> Self {
        // First: what can fail later is built in its place, not copied there.
        let trace = gate.traces().then(Box::default);
        Self {
            gate,
            request,
            presented: Presented::default(),
            now,
            method: request.method,
            path: b"",
            route: None,
            slots: Slots::unseen(),
            wait: None,
            upgrade: None,
            presented_key: None,
            known: None,
            at_once: false,
            verdict: Verdict::Deny(Denial::NoRoute, None),
            trace,
        }
    }

    /// Writes a step of the trace, when one is kept.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(super) fn note(&mut self, step: impl FnOnce() -> TraceStep) {
        if let Some(trace) = &mut self.trace {
            keep(trace, step);
        }
    }

    /// Comes to a verdict.
    #[inline(always)]
    pub(super) fn done(&mut self, verdict: Verdict) -> Pause<'a> {
        self.verdict = verdict;
        Pause::Done
    }

    /// Looks at credentials and alternatives until one is satisfied, something is needed, or all are spent.
    pub(super) fn advance(&mut self) -> Pause<'a> {
        let Some(route) = self.matched() else {
            return self.refuse_route(Denial::NoRoute);
        };
        let mut nearest: Option<Unmet> = None;
        for (index, alternative) in route.alternatives().iter().enumerate() {
            for part in alternative.parts() {
                if !matches!(self.slots.get(part.slot), Some(Slot::Unseen)) {
                    continue;
                }
                match self.look(part.credential, part.slot) {
                    Look::Settled(outcome) => self.settle(part.credential, part.slot, outcome),
                    Look::Waiting(pause) => return pause,
                }
            }
            let unmet = if self.is_met(alternative) { None } else { self.weigh(alternative) };
            match unmet {
                None => {
                    self.note(|| TraceStep::Alternative { index, outcome: "satisfied", missing: Default::default() });
                    return self.done(Verdict::Allow(Some(index)));
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
        self.done(Verdict::Deny(nearest.denial, nearest.credential))
    }

    fn matched(&self) -> Option<&'a Route> {
        self.route.and_then(|index| self.gate.policy().routes().get(index))
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

    /// Whether an alternative is satisfied: the usual case of [`Pending::weigh`].
    fn is_met(&self, alternative: &Alternative) -> bool {
        alternative.parts().iter().all(|part| match self.slots.get(part.slot) {
            Some(Slot::Proven(principal)) => part.claims().is_empty() && principal.scopes().contains_all(part.scopes()),
            _ => false,
        })
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

    /// The proven principals, in the order of the satisfied alternative.
    fn grant(&mut self, index: Option<usize>) -> Grant {
        let alternative = index.and_then(|index| self.matched()?.alternatives().get(index));
        let mut proven =
            alternative.map(Alternative::parts).unwrap_or_default().iter().filter_map(|part| match core::mem::replace(
                self.slots.get_mut(part.slot)?,
                Slot::Absent,
            ) {
                Slot::Proven(principal) => Some(principal),
                Slot::Unseen | Slot::Absent | Slot::Refused(_) => None,
            });
        Grant { principal: proven.next(), others: proven.collect(), alternative: index }
    }

    /// The decision. What the answer keeps is taken out of the state.
    pub(super) fn finish(&mut self) -> Decision<'a> {
        let mut decision = Decision {
            policy: self.gate.policy(),
            outcome: Outcome::Preflight,
            now: self.now,
            path: self.path,
            route: self.route,
            faulty: None,
            touch: None,
            upgrade: self.upgrade.take(),
            presented_key: self.presented_key,
            trace: self.trace.take(),
        };
        match core::mem::replace(&mut self.verdict, Verdict::Preflight) {
            Verdict::Allow(alternative) => {
                let grant = self.grant(alternative);
                decision.touch = grant.principals().find_map(Principal::key).and_then(|key| {
                    touch_due(key.record(), self.now, self.gate.touch_interval())
                        .then(|| Touch { id: key.record().id, at: self.now })
                });
                decision.outcome = Outcome::Allow(grant);
            }
            Verdict::Preflight => {}
            Verdict::Deny(denial, faulty) => {
                decision.outcome = Outcome::Deny(denial);
                decision.faulty = faulty;
            }
        }
        decision
    }

    /// Fills every slot from what the host vouches for.
    pub(super) fn assume(&mut self, route: &Route, assumed: &[Assumed]) {
        for (number, credential) in route.credentials().iter().enumerate() {
            let Some(slot) = self.slots.get_mut(number) else { return };
            *slot = assumed.iter().find(|given| given.credential == *credential).map_or(Slot::Absent, |given| {
                Slot::Proven(Principal::assumed(*credential, given.scopes.clone(), given.claims.clone()))
            });
        }
    }
}

#[cold]
#[inline(never)]
fn keep(trace: &mut Trace, step: impl FnOnce() -> TraceStep) {
    trace.steps.push(step());
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
