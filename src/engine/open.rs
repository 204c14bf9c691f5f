//! The first half of a decision: target, headers, transport, route. It needs no host.

use super::Assumed;
use super::evaluate::{Pause, Pending, Verdict};
use crate::decision::{Denial, TraceStep};
use crate::policy::document::MethodOverride;
use crate::principal::Principal;
use crate::request::{Target, TargetFault, gate_target};
use crate::route::table::RouteMatch;

impl<'a> Pending<'a> {
    /// From the request to the first pause. `assumed` stands for the credentials that the host vouches for.
    pub(super) fn open(&mut self, assumed: Option<&[Assumed]>) -> Pause<'a> {
        let (gate, request) = (self.gate, self.request);
        let target = match gate_target(request.target) {
            Ok(target) => target,
            Err(fault) => return self.refuse_target(Denial::NoncanonicalTarget(fault)),
        };
        self.path = target.path_bytes();
        self.presented.scan(request.headers, &gate.policy().key_headers);
        if let Some(claims) = self.known.and_then(Principal::claims) {
            self.presented.lend(claims.token());
        }
        match gate.policy().method_override() {
            MethodOverride::Deny if self.presented.has_method_override() => {
                return self.refuse_target(Denial::MethodOverride);
            }
            MethodOverride::Apply if self.presented.has_method_override() && request.method == "POST" => {
                match self.presented.method_override() {
                    Some(method) => self.method = method,
                    None => return self.refuse_target(Denial::MethodOverride),
                }
            }
            MethodOverride::Deny | MethodOverride::Ignore | MethodOverride::Apply => {}
        }
        if gate.policy().https_required() && !request.https {
            return self.refuse_target(Denial::InsecureTransport);
        }
        self.note(|| TraceStep::Target { outcome: "canonical" });
        match self.find_route(&target) {
            Ok(Some(route)) => self.routed(route, assumed),
            Ok(None) => self.done(Verdict::Preflight),
            Err(denial) => self.refuse_route(denial),
        }
    }

    /// The route of a canonical target; `None` for a preflight of a path that exists.
    fn find_route(&mut self, target: &Target<'_>) -> Result<Option<usize>, Denial> {
        let found = self.gate.policy().table().find(target, self.method);
        let preflight = self.method == "OPTIONS" && self.presented.is_preflight();
        match found {
            RouteMatch::Found { .. } | RouteMatch::MethodNotAllowed { .. } if preflight => Ok(None),
            RouteMatch::Found { route } => {
                self.route = Some(route);
                Ok(Some(route))
            }
            RouteMatch::MethodNotAllowed { node } => Err(Denial::MethodNotAllowed(node)),
            RouteMatch::EncodedSlash => Err(Denial::NoncanonicalTarget(TargetFault::EncodedSlash)),
            RouteMatch::NotFound => Err(Denial::NoRoute),
        }
    }

    fn routed(&mut self, route: usize, assumed: Option<&[Assumed]>) -> Pause<'a> {
        let gate = self.gate;
        let Some(found) = gate.policy().routes().get(route) else {
            return self.refuse_route(Denial::NoRoute);
        };
        self.note(|| TraceStep::Route { outcome: "matched", route_id: Some(found.id().into()) });
        if found.is_public() {
            return self.done(Verdict::Allow(None));
        }
        if let Some(assumed) = assumed {
            self.assume(found, assumed);
        } else if found.credentials().iter().any(|credential| self.is_sent_twice(*credential)) {
            return self.done(Verdict::Deny(Denial::AmbiguousCredentials, None));
        }
        self.advance()
    }

    fn refuse_target(&mut self, denial: Denial) -> Pause<'a> {
        let outcome = denial.code();
        self.note(|| TraceStep::Target { outcome });
        self.done(Verdict::Deny(denial, None))
    }

    pub(super) fn refuse_route(&mut self, denial: Denial) -> Pause<'a> {
        let outcome = denial.code();
        self.note(|| TraceStep::Route { outcome, route_id: None });
        self.done(Verdict::Deny(denial, None))
    }
}
