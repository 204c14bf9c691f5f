//! The audit event of a decision: what a log may keep.

use alloc::string::String;

use serde::Serialize;

use super::{Decision, Denial, Outcome};
use crate::time::UnixSeconds;

/// One line for the audit log. It tells apart what the answer does not (unknown key, wrong secret, wrong environment),
/// and holds no secret: keys by their public id, users by a hash of issuer and subject, routes by their id instead of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent<'a> {
    /// Always `decision`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// When, in Unix seconds.
    pub at: UnixSeconds,
    /// `allow`, `deny` or `preflight`.
    pub effect: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The code of the answer.
    pub code: &'static str,
    /// The reason behind the code, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_id: Option<&'a str>,
    /// The public id of the key that was presented; proven only when the effect is `allow` or the code says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// A hash of issuer and subject of a verified token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The client a verified token was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<&'a str>,
}

impl<'a> AuditEvent<'a> {
    pub(super) fn of(decision: &'a Decision<'_>) -> Self {
        let token = decision.principals().find(|principal| principal.claims().is_some());
        Self {
            kind: "decision",
            at: decision.now,
            effect: decision.effect().name(),
            status: decision.denial().map_or(decision.status(), Denial::status),
            code: decision.denial().map_or(decision.code(), Denial::code),
            reason: match &decision.outcome {
                Outcome::Deny(Denial::InvalidCredential(refusal)) => Some(refusal.code()),
                Outcome::Deny(denial) => denial.detail(),
                Outcome::Allow(_) | Outcome::Preflight => None,
            },
            route_id: decision.route().map(|route| route.id()),
            key_id: decision.presented_key.map(|id| String::from(id.as_str())),
            subject: token.and_then(|principal| principal.log_id()),
            client_id: token.and_then(|principal| principal.client_id()),
        }
    }
}
