//! The decision as JSON: the same bytes natively and in every runtime.

use alloc::string::String;

use super::Problem;
use crate::decision::{AuditEvent, Decision, Touch, TraceStep, Upgrade};
use crate::json::write::Writer;
use crate::policy::Policy;
use crate::principal::Principal;

impl Problem {
    /// The body as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        Writer::object_text(|json| self.members(json))
    }

    fn members(&self, json: &mut Writer) {
        json.name("type").string(&self.kind);
        json.name("title").string(self.title);
        json.name("status").whole(self.status.into());
        json.name("detail").string(self.detail);
        json.name("code").string(self.code);
        if !self.required_scopes.is_empty() {
            json.name("requiredScopes").strings(self.required_scopes.iter().map(String::as_str));
        }
    }
}

impl Decision<'_> {
    /// The decision as JSON text: the members of policy.md, in a fixed order.
    #[must_use]
    pub fn to_json(&self) -> String {
        Writer::object_text(|json| self.members(json))
    }

    fn members(&self, json: &mut Writer) {
        json.name("effect").string(self.effect().name());
        json.name("status").whole(self.status().into());
        json.name("code").string(self.code());
        if let Some(detail) = self.denial().and_then(|denial| denial.detail()) {
            json.name("detail").string(detail);
        }
        json.name("routeId").nullable(self.route().map(|route| route.id()));
        json.name("params").object(|json| {
            for (name, value) in self.params() {
                json.name(name).string(value);
            }
        });
        let mut principals = self.principals();
        json.name("principal");
        match principals.next() {
            Some(principal) => self.principal_json(principal, json),
            None => json.null(),
        }
        let mut others = principals.peekable();
        if others.peek().is_some() {
            json.name("others").array(|json| others.for_each(|principal| self.principal_json(principal, json)));
        }
        json.name("alternative");
        match self.alternative() {
            Some(index) => json.count(index),
            None => json.null(),
        }
        json.name("missing").strings(self.missing());
        json.name("challenges").strings(self.challenges().iter().map(String::as_str));
        let allow = self.allowed_methods();
        if !allow.is_empty() {
            json.name("allow").strings(allow.iter().map(String::as_str));
        }
        json.name("problem");
        match self.problem() {
            Some(problem) => json.object(|json| problem.members(json)),
            None => json.null(),
        }
        json.name("effects").object(|json| self.effects_json(json));
        if let Some(trace) = self.trace() {
            json.name("trace").array(|json| {
                for step in &trace.steps {
                    json.object(|json| step_json(step, json));
                }
            });
        }
    }

    fn principal_json(&self, principal: &Principal, json: &mut Writer) {
        let policy = self.policy();
        json.object(|json| principal_members(principal, policy, json));
    }

    fn effects_json(&self, json: &mut Writer) {
        json.name("touch");
        match self.touch() {
            Some(Touch { id, at }) => json.object(|json| {
                json.name("id").string(id.as_str());
                json.name("at").signed(at.get());
            }),
            None => json.null(),
        }
        json.name("upgrade");
        match self.upgrade() {
            Some(Upgrade { id, expected_version, hash }) => json.object(|json| {
                json.name("id").string(id.as_str());
                json.name("expectedVersion").whole(*expected_version);
                json.name("hash").object(|json| hash.members(json));
            }),
            None => json.null(),
        }
        json.name("audit").object(|json| audit_members(&self.audit(), json));
    }
}

/// What decisions show of a principal.
pub(crate) fn principal_members(principal: &Principal, policy: &Policy, json: &mut Writer) {
    let credential = policy.credentials().get(principal.credential());
    json.name("credential").string(credential.map_or("", |credential| credential.name()));
    json.name("kind").string(principal.kind().name());
    json.name("subject").nullable(principal.subject());
    json.name("keyId").nullable(principal.key().map(|key| key.record().id.as_str()));
    json.name("clientId").nullable(principal.client_id());
    json.name("scopes").strings(policy.scopes().names(principal.scopes()));
}

fn audit_members(event: &AuditEvent<'_>, json: &mut Writer) {
    json.name("type").string(event.kind);
    json.name("at").signed(event.at.get());
    json.name("effect").string(event.effect);
    json.name("status").whole(event.status.into());
    json.name("code").string(event.code);
    let optional = [
        ("reason", event.reason),
        ("routeId", event.route_id),
        ("keyId", event.key_id.as_deref()),
        ("subject", event.subject.as_deref()),
        ("clientId", event.client_id),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            json.name(name).string(value);
        }
    }
}

fn step_json(step: &TraceStep, json: &mut Writer) {
    let (name, outcome) = match step {
        TraceStep::Target { outcome } => ("target", outcome),
        TraceStep::Route { outcome, .. } => ("route", outcome),
        TraceStep::Credential { outcome, .. } => ("credential", outcome),
        TraceStep::Alternative { outcome, .. } => ("alternative", outcome),
    };
    json.name("step").string(name);
    match step {
        TraceStep::Credential { credential, .. } => json.name("credential").string(credential),
        TraceStep::Alternative { index, .. } => json.name("index").count(*index),
        TraceStep::Target { .. } | TraceStep::Route { .. } => {}
    }
    json.name("outcome").string(outcome);
    match step {
        TraceStep::Route { route_id: Some(id), .. } => json.name("routeId").string(id),
        TraceStep::Alternative { missing, .. } => {
            json.name("missing").strings(missing.iter().map(String::as_str));
        }
        _ => {}
    }
}
