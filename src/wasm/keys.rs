//! The life of keys and policy rehearsals, as JSON in and JSON out.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::error::Thrown;
use crate::engine::{Assumed, Gate};
use crate::key::format::{ENTROPY_BYTES, KeyFormat};
use crate::key::hash::Keyring;
use crate::key::ip::IpBlock;
use crate::key::lifecycle::{self, IssueRequest, IssueRules};
use crate::key::record::KeyRecord;
use crate::policy::document::RequirementDocument;
use crate::policy::{CredentialKind, Policy};
use crate::request::Request;
use crate::time::UnixSeconds;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct IssueJson {
    #[serde(default)]
    credential: Option<String>,
    #[serde(default)]
    environment: Option<String>,
    label: String,
    scopes: Vec<String>,
    expires_at: Option<UnixSeconds>,
    owner: String,
    #[serde(default)]
    ip_allow: Vec<IpBlock>,
    #[serde(default)]
    ceiling: Option<Vec<String>>,
}

fn wrong(error: &serde_json::Error) -> Thrown {
    Thrown::new("request_invalid", error.to_string())
}

fn clock(now: Option<UnixSeconds>) -> Result<UnixSeconds, Thrown> {
    now.ok_or_else(|| Thrown::new("clock_invalid", "the clock does not tell whole Unix seconds"))
}

fn random(entropy: &[u8]) -> Result<Zeroizing<[u8; ENTROPY_BYTES]>, Thrown> {
    entropy
        .try_into()
        .map(Zeroizing::new)
        .map_err(|_| Thrown::new("entropy", format!("expected {ENTROPY_BYTES} bytes")))
}

fn record(json: &str) -> Result<KeyRecord, Thrown> {
    serde_json::from_str(json).map_err(|error| Thrown::new("record_invalid", error.to_string()))
}

/// The format of the API-key credential with this name, or of the only one.
fn format_of<'p>(policy: &'p Policy, name: Option<&str>) -> Result<&'p KeyFormat, Thrown> {
    let mut found = policy.credentials().iter().filter_map(|credential| match credential.kind() {
        CredentialKind::ApiKey(key) if name.is_none_or(|name| name == credential.name()) => Some(key.format()),
        _ => None,
    });
    match (found.next(), found.next()) {
        (Some(format), None) => Ok(format),
        (None, _) => Err(Thrown::new("credential_unknown", "the policy has no such API-key credential")),
        (Some(_), Some(_)) => {
            Err(Thrown::new("credential_unknown", "the policy has several API-key credentials: name one"))
        }
    }
}

fn text(value: &impl Serialize) -> Result<String, Thrown> {
    serde_json::to_string(value).map_err(|error| wrong(&error))
}

pub(super) fn issue(
    policy: &Policy,
    keyring: &Keyring,
    request: &str,
    entropy: &[u8],
    now: Option<UnixSeconds>,
) -> Result<String, Thrown> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Made<'a> {
        record: &'a KeyRecord,
        raw_key: &'a str,
    }
    let wanted: IssueJson = serde_json::from_str(request).map_err(|error| wrong(&error))?;
    let format = format_of(policy, wanted.credential.as_deref())?;
    let scopes: Vec<&str> = wanted.scopes.iter().map(String::as_str).collect();
    let ceiling: Option<Vec<&str>> = wanted.ceiling.as_ref().map(|list| list.iter().map(String::as_str).collect());
    let declared: Vec<&str> = (0..policy.scopes().len()).filter_map(|at| policy.scopes().name(at)).collect();
    let environment = match &wanted.environment {
        Some(name) => name.as_str(),
        None => format.environments().first().map_or("", |name| name),
    };
    let request = IssueRequest {
        label: &wanted.label,
        scopes: &scopes,
        environment,
        owner: &wanted.owner,
        expires_at: wanted.expires_at,
        ip_allow: &wanted.ip_allow,
    };
    let rules = IssueRules { declared: &declared, ceiling: ceiling.as_deref(), ..IssueRules::default() };
    let issued = lifecycle::issue(&request, &rules, format, keyring, &*random(entropy)?, clock(now)?)?;
    text(&Made { record: &issued.record, raw_key: issued.raw_key.expose() })
}

pub(super) fn rotate(
    policy: &Policy,
    keyring: &Keyring,
    old: &str,
    request: &str,
    entropy: &[u8],
    now: Option<UnixSeconds>,
) -> Result<String, Thrown> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct RotateJson {
        overlap: i64,
        #[serde(default)]
        credential: Option<String>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Made<'a> {
        record: &'a KeyRecord,
        raw_key: &'a str,
        old: &'a KeyRecord,
    }
    let wanted: RotateJson = serde_json::from_str(request).map_err(|error| wrong(&error))?;
    let format = format_of(policy, wanted.credential.as_deref())?;
    let made = lifecycle::rotate(&record(old)?, wanted.overlap, format, keyring, &*random(entropy)?, clock(now)?)?;
    text(&Made { record: &made.new.record, raw_key: made.new.raw_key.expose(), old: &made.old })
}

pub(super) fn revoke(old: &str, now: Option<UnixSeconds>) -> Result<String, Thrown> {
    text(&lifecycle::revoke(&record(old)?, clock(now)?)?)
}

pub(super) fn relabel(old: &str, change: &str) -> Result<String, Thrown> {
    let change: BTreeMap<String, Value> = serde_json::from_str(change).map_err(|error| wrong(&error))?;
    lifecycle::check_change(change.keys().map(String::as_str))?;
    let label = change.get("label").and_then(Value::as_str).unwrap_or_default().to_owned();
    text(&lifecycle::relabel(&record(old)?, &label)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RehearseJson {
    method: String,
    target: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    https: bool,
    #[serde(default)]
    client_ip: Option<IpAddr>,
    now: UnixSeconds,
    assumed: crate::policy::document::Ordered<RequirementDocument>,
}

pub(super) fn rehearse(gate: &Gate, request: &str) -> Result<String, Thrown> {
    let wanted: RehearseJson = serde_json::from_str(request).map_err(|error| wrong(&error))?;
    let policy = gate.policy();
    let mut assumed = Vec::new();
    for (name, given) in &wanted.assumed.0 {
        let Some((credential, _)) = policy.credential(name) else {
            return Err(Thrown::new("credential_unknown", format!("credential {name:?} is not declared")));
        };
        assumed.push(Assumed {
            credential,
            scopes: policy.scopes().grant(given.scopes.iter().map(String::as_str)),
            claims: given.claims.0.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect(),
        });
    }
    let request = Request {
        method: &wanted.method,
        target: wanted.target.as_bytes(),
        headers: &wanted.headers,
        https: wanted.https,
        client_ip: wanted.client_ip,
    };
    Ok(gate.rehearse(&request, wanted.now, &assumed).to_json())
}
