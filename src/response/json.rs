//! The decision as JSON: the same bytes natively and in every runtime.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::Problem;
use crate::decision::{AuditEvent, Decision, Touch, Trace, Upgrade};
use crate::key::record::KeyHash;
use crate::principal::Principal;
use crate::time::UnixSeconds;

/// JSON text of a value that cannot fail to serialise: maps have string keys, and nothing else here can.
pub(super) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Name and value pairs, in order, as an object.
struct Pairs<'a>(Vec<(&'a str, &'a str)>);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PrincipalJson<'a> {
    credential: &'a str,
    kind: &'static str,
    subject: Option<&'a str>,
    key_id: Option<&'a str>,
    client_id: Option<&'a str>,
    scopes: Vec<&'a str>,
}

impl<'a> PrincipalJson<'a> {
    fn of(principal: &'a Principal, decision: &'a Decision<'_>) -> Self {
        let policy = decision.policy();
        Self {
            credential: policy.credentials().get(principal.credential()).map_or("", |credential| credential.name()),
            kind: principal.kind().name(),
            subject: principal.subject(),
            key_id: principal.key().map(|key| key.record().id.as_str()),
            client_id: principal.client_id(),
            scopes: policy.scopes().names(principal.scopes()).collect(),
        }
    }
}

#[derive(Serialize)]
struct TouchJson<'a> {
    id: &'a str,
    at: UnixSeconds,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpgradeJson<'a> {
    id: &'a str,
    expected_version: u64,
    hash: &'a KeyHash,
}

#[derive(Serialize)]
struct EffectsJson<'a> {
    touch: Option<TouchJson<'a>>,
    upgrade: Option<UpgradeJson<'a>>,
    audit: AuditEvent<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DecisionJson<'a> {
    effect: &'static str,
    status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
    route_id: Option<&'a str>,
    params: Pairs<'a>,
    principal: Option<PrincipalJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<PrincipalJson<'a>>,
    alternative: Option<usize>,
    missing: Vec<&'a str>,
    challenges: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allow: Vec<String>,
    problem: Option<Problem>,
    effects: EffectsJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a Trace>,
}

impl Decision<'_> {
    /// The decision as JSON text: the members of policy.md, in a fixed order.
    #[must_use]
    pub fn to_json(&self) -> String {
        text(&self.json())
    }

    fn json(&self) -> DecisionJson<'_> {
        let mut principals = self.principals().map(|principal| PrincipalJson::of(principal, self));
        // A hidden 405 is a 404 for everyone but the audit log.
        let shown = self.problem();
        DecisionJson {
            effect: self.effect().name(),
            status: shown.as_ref().map_or_else(|| self.status(), |problem| problem.status),
            code: shown.as_ref().map_or_else(|| self.code(), |problem| problem.code),
            detail: self.denial().and_then(|denial| denial.detail()),
            route_id: self.route().map(|route| route.id()),
            params: Pairs(self.params().collect()),
            principal: principals.next(),
            others: principals.collect(),
            alternative: self.alternative(),
            missing: self.missing().collect(),
            challenges: self.challenges(),
            allow: self.allowed_methods(),
            problem: shown,
            effects: EffectsJson {
                touch: self.touch().map(|Touch { id, at }| TouchJson { id: id.as_str(), at: *at }),
                upgrade: self.upgrade().map(|Upgrade { id, expected_version, hash }| UpgradeJson {
                    id: id.as_str(),
                    expected_version: *expected_version,
                    hash,
                }),
                audit: self.audit(),
            },
            trace: self.trace(),
        }
    }
}
