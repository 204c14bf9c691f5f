//! The engine: the whole way from a request to a decision, as a list of steps. It holds no algorithm of its own.
//!
//! ```text
//! request ─► target ─► route ─► credential ─┬─► key ─► NeedKey ─► live key ──┐
//!                                           └─► jwt ─► NeedKeys ─► claims ───┴─► principal ─► alternatives ─► decision
//! ```
//!
//! [`Gate::begin`] returns a [`Step`]: done, or a need. Answering a need consumes it and returns the next step, so an
//! answer cannot be used twice. [`Gate::decide`] is the loop over a [`Host`], [`Gate::decide_async`] its twin.

mod evaluate;
mod gate;
mod prove;
mod rehearse;
mod token;

use self::evaluate::Pending;
pub use self::gate::{Gate, GateBuilder};
pub use self::prove::NeedKey;
pub use self::rehearse::Assumed;
pub use self::token::{NeedKeys, NeedVerify};
use crate::credential::Presented;
use crate::decision::{Decision, Denial, Outcome, TraceStep};
use crate::host::{AsyncHost, Host};
use crate::policy::document::MethodOverride;
use crate::request::{Request, Target, gate_target};
use crate::route::table::{Params, RouteMatch};
use crate::time::UnixSeconds;

/// Where a decision stands: finished, or waiting for the host.
#[must_use = "a step that is not driven to `Done` decides nothing"]
pub enum Step<'a> {
    /// The decision.
    Done(Decision<'a>),
    /// The record of an API key is needed.
    NeedKey(NeedKey<'a>),
    /// A key set is needed.
    NeedKeys(NeedKeys<'a>),
    /// A signature is to be checked by the host; only from a gate built with host verification.
    NeedVerify(NeedVerify<'a>),
}

impl Gate {
    /// Starts a decision on a request at an instant.
    pub fn begin<'a>(&'a self, request: &'a Request<'a>, now: UnixSeconds) -> Step<'a> {
        self.begin_with(request, now, None)
    }

    fn begin_with<'a>(&'a self, request: &'a Request<'a>, now: UnixSeconds, assumed: Option<&[Assumed]>) -> Step<'a> {
        let mut pending = Pending::new(self, request, now);
        let target = match gate_target(request.target) {
            Ok(target) => target,
            Err(fault) => return pending.refuse_target(Denial::NoncanonicalTarget(fault)),
        };
        pending.path = target.path();
        pending.presented = Presented::scan(request.headers, &self.policy().key_headers);
        match self.policy().method_override() {
            MethodOverride::Deny if pending.presented.has_method_override() => {
                return pending.refuse_target(Denial::MethodOverride);
            }
            MethodOverride::Apply if pending.presented.has_method_override() && request.method == "POST" => {
                match pending.presented.method_override() {
                    Some(method) => pending.method = method,
                    None => return pending.refuse_target(Denial::MethodOverride),
                }
            }
            MethodOverride::Deny | MethodOverride::Ignore | MethodOverride::Apply => {}
        }
        if self.policy().https_required() && !request.https {
            return pending.refuse_target(Denial::InsecureTransport);
        }
        pending.note(|| TraceStep::Target { outcome: "canonical" });
        match self.find_route(&target, &pending) {
            Ok(Some((route, params))) => pending.routed(route, params, assumed),
            Ok(None) => Step::Done(pending.finish(Outcome::Preflight, None)),
            Err(denial) => pending.refuse_route(denial),
        }
    }

    /// The route of a canonical target; `None` for a preflight of a path that exists.
    fn find_route(&self, target: &Target<'_>, pending: &Pending<'_>) -> Result<Option<(usize, Params)>, Denial> {
        use crate::request::TargetFault;
        let found = self.policy().table().find(target, pending.method);
        let preflight = pending.method == "OPTIONS" && pending.presented.is_preflight();
        match found {
            RouteMatch::Found { .. } | RouteMatch::MethodNotAllowed { .. } if preflight => Ok(None),
            RouteMatch::Found { route, params } => Ok(Some((route, params))),
            RouteMatch::MethodNotAllowed { node } => Err(Denial::MethodNotAllowed(node)),
            RouteMatch::EncodedSlash => Err(Denial::NoncanonicalTarget(TargetFault::EncodedSlash)),
            RouteMatch::NotFound => Err(Denial::NoRoute),
        }
    }

    /// Decides with a host that answers at once.
    #[must_use]
    pub fn decide<'a>(&'a self, request: &'a Request<'a>, now: UnixSeconds, host: &impl Host) -> Decision<'a> {
        drive(self.begin(request, now), host)
    }

    /// Decides with a host that awaits: the twin of [`Gate::decide`].
    pub async fn decide_async<'a>(
        &'a self,
        request: &'a Request<'a>,
        now: UnixSeconds,
        host: &impl AsyncHost,
    ) -> Decision<'a> {
        let mut step = self.begin(request, now);
        loop {
            step = match step {
                Step::Done(decision) => return decision,
                Step::NeedKey(need) => {
                    let answer = host.key(need.id()).await;
                    need.answer(answer)
                }
                Step::NeedKeys(need) => {
                    let answer = host.keys(need.credential(), need.issuer(), need.reason()).await;
                    need.answer(answer)
                }
                Step::NeedVerify(need) => {
                    let answer = host.verify(&need.check()).await;
                    need.answer(answer)
                }
            };
        }
    }
}

fn drive<'a>(mut step: Step<'a>, host: &impl Host) -> Decision<'a> {
    loop {
        step = match step {
            Step::Done(decision) => return decision,
            Step::NeedKey(need) => {
                let answer = host.key(need.id());
                need.answer(answer)
            }
            Step::NeedKeys(need) => {
                let answer = host.keys(need.credential(), need.issuer(), need.reason());
                need.answer(answer)
            }
            Step::NeedVerify(need) => {
                let answer = host.verify(&need.check());
                need.answer(answer)
            }
        };
    }
}
