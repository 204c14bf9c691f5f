//! The life of keys and policy rehearsals, as JSON in and JSON out.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use serde_json::Value;
use zeroize::Zeroizing;

use super::error::Thrown;
use crate::engine::{Assumed, Gate};
use crate::json::Quoted;
use crate::json::members::{Place, members};
use crate::json::read::{Read, Reader, whole};
use crate::json::write::Writer;
use crate::key::format::{ENTROPY_BYTES, KeyFormat};
use crate::key::hash::Keyring;
use crate::key::ip::IpBlock;
use crate::key::json::{from_json, ip_block, read_instant, some_instant};
use crate::key::lifecycle::{self, IssueRequest, IssueRules, Issued};
use crate::key::record::KeyRecord;
use crate::policy::document::{Ordered, RequirementDocument};
use crate::policy::read::{ordered, requirements};
use crate::policy::{CredentialKind, Policy};
use crate::request::Request;
use crate::time::UnixSeconds;

#[derive(Default)]
struct IssueJson {
    credential: Option<String>,
    environment: Option<String>,
    label: String,
    scopes: Vec<String>,
    expires_at: Option<UnixSeconds>,
    owner: String,
    ip_allow: Vec<IpBlock>,
    ceiling: Option<Vec<String>>,
}

fn issue_request(reader: &mut Reader<'_>) -> Read<IssueJson> {
    let mut found = IssueJson::default();
    members!(reader, "a request", {
        "credential??" => Place::SomeText(&mut found.credential),
        "environment??" => Place::SomeText(&mut found.environment),
        "label" => Place::Text(&mut found.label),
        "scopes" => Place::Texts(&mut found.scopes),
        "expiresAt?" => Place::Other(&mut |reader| reader.put(&mut found.expires_at, some_instant)),
        "owner" => Place::Text(&mut found.owner),
        "ipAllow?" => Place::Other(&mut |reader| reader.put(&mut found.ip_allow, |reader| reader.list(ip_block))),
        "ceiling??" => Place::SomeTexts(&mut found.ceiling),
    })?;
    Ok(found)
}

/// Reads what the host asks for.
pub(super) fn wanted<'j, T>(text: &'j str, read: fn(&mut Reader<'j>) -> Read<T>) -> Result<T, Thrown> {
    whole(text, read).map_err(|fault| Thrown::new("request_invalid", fault.in_text(text)))
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

pub(super) fn record(json: &str) -> Result<KeyRecord, Thrown> {
    from_json(json).map_err(|error| Thrown::new("record_invalid", error))
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

fn text(record: &KeyRecord) -> String {
    Writer::object_text(|json| record.members(json))
}

fn made(issued: &Issued, json: &mut Writer) {
    json.name("record").object(|json| issued.record.members(json));
    json.name("rawKey").string(issued.raw_key.expose());
}

pub(super) fn issue(
    policy: &Policy,
    keyring: &Keyring,
    request: &str,
    entropy: &[u8],
    now: Option<UnixSeconds>,
) -> Result<String, Thrown> {
    let wanted = wanted(request, issue_request)?;
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
    Ok(Writer::object_text(|json| made(&issued, json)))
}

/// The overlap in seconds, and the credential.
fn rotate_request(reader: &mut Reader<'_>) -> Read<(i64, Option<String>)> {
    let (mut overlap, mut credential) = (0, None);
    members!(reader, "a request", {
        "overlap" => Place::Other(&mut |reader| reader.put(&mut overlap, Reader::signed)),
        "credential??" => Place::SomeText(&mut credential),
    })?;
    Ok((overlap, credential))
}

pub(super) fn rotate(
    policy: &Policy,
    keyring: &Keyring,
    old: &str,
    request: &str,
    entropy: &[u8],
    now: Option<UnixSeconds>,
) -> Result<String, Thrown> {
    let (overlap, credential) = wanted(request, rotate_request)?;
    let format = format_of(policy, credential.as_deref())?;
    let mut old = record(old)?;
    // A record that came as text has no members but those of version 1.
    let new = old.be_rotated(BTreeMap::new(), overlap, format, keyring, &*random(entropy)?, clock(now)?)?;
    Ok(Writer::object_text(|json| {
        made(&new, json);
        json.name("old").object(|json| old.members(json));
    }))
}

pub(super) fn revoke(old: &str, now: Option<UnixSeconds>) -> Result<String, Thrown> {
    let mut record = record(old)?;
    record.be_revoked(clock(now)?)?;
    Ok(text(&record))
}

pub(super) fn relabel(old: &str, change: &str) -> Result<String, Thrown> {
    let change = wanted(change, |reader| ordered(reader, Reader::value))?;
    lifecycle::check_change(change.0.iter().map(|(name, _)| name.as_str()))?;
    let label = change.get("label").and_then(Value::as_str).unwrap_or_default();
    let mut record = record(old)?;
    record.be_relabelled(label)?;
    Ok(text(&record))
}

struct RehearseJson {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    https: bool,
    client_ip: Option<IpAddr>,
    now: UnixSeconds,
    assumed: Ordered<RequirementDocument>,
}

fn address(reader: &mut Reader<'_>) -> Read<IpAddr> {
    reader.string()?.parse().map_err(|_| reader.fault("invalid IP address syntax"))
}

pub(super) fn header(reader: &mut Reader<'_>) -> Read<(String, String)> {
    match <[String; 2]>::try_from(reader.strings()?) {
        Ok([name, value]) => Ok((name, value)),
        Err(_) => Err(reader.fault("expected a name and a value")),
    }
}

fn rehearse_request(reader: &mut Reader<'_>) -> Read<RehearseJson> {
    let mut found = RehearseJson {
        method: String::new(),
        target: String::new(),
        headers: Vec::new(),
        https: false,
        client_ip: None,
        now: UnixSeconds::EPOCH,
        assumed: Ordered::default(),
    };
    members!(reader, "a request", {
        "method" => Place::Text(&mut found.method),
        "target" => Place::Text(&mut found.target),
        "headers?" => Place::Other(&mut |reader| reader.put(&mut found.headers, |reader| reader.list(header))),
        "https" => Place::Flag(&mut found.https),
        "clientIp?" => Place::Other(&mut |reader| reader.put(&mut found.client_ip, |reader| reader.nullable(address))),
        "now" => Place::Other(&mut |reader| reader.put(&mut found.now, read_instant)),
        "assumed" => Place::Other(&mut |reader| reader.put(&mut found.assumed, requirements)),
    })?;
    Ok(found)
}

pub(super) fn rehearse(gate: &Gate, request: &str) -> Result<String, Thrown> {
    let wanted = wanted(request, rehearse_request)?;
    let policy = gate.policy();
    let mut assumed = Vec::new();
    for (name, given) in wanted.assumed.0 {
        let Some((credential, _)) = policy.credential(&name) else {
            return Err(Thrown::new(
                "credential_unknown",
                format!("credential {name} is not declared", name = Quoted(&name)),
            ));
        };
        assumed.push(Assumed {
            credential,
            scopes: policy.scopes().grant(given.scopes.iter().map(String::as_str)),
            claims: given.claims.0.into_iter().map(|(name, value)| (name, value.0)).collect(),
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
