//! Decision cases: tests as data. A file holds one set of cases, or a list of sets; a policy's own tests are cases too.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scopegate::decision::Decision;
use scopegate::engine::{Assumed, Gate};
use scopegate::error::PolicyErrors;
use scopegate::key::record::KeyRecord;
use scopegate::policy::Policy;
use scopegate::policy::document::{Ordered, PolicyDocument, StrictValue, object, objects};
use scopegate::request::Request;
use scopegate::time::UnixSeconds;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::error::Misuse;
use crate::input::{Records, decode_secrets, keyring, parse_policy, read, read_policy, standard_input_once};
use crate::place::explain;
use crate::secrecy::redact;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SetDocument {
    #[serde(default)]
    name: Option<String>,
    policy: PolicyReference,
    #[serde(default)]
    peppers: Ordered<String>,
    #[serde(default)]
    secrets: Ordered<String>,
    #[serde(default)]
    jwks: Ordered<StrictValue>,
    now: UnixSeconds,
    #[serde(default)]
    keys: Vec<KeyRecord>,
    #[serde(deserialize_with = "objects")]
    cases: Vec<CaseDocument>,
}

/// A path relative to the file, or the document itself.
enum PolicyReference {
    Path(String),
    Document(Box<PolicyDocument>),
}

impl<'de> Deserialize<'de> for PolicyReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = PolicyReference;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the path of a policy, or a policy")
            }
            fn visit_str<E>(self, path: &str) -> Result<PolicyReference, E> {
                Ok(PolicyReference::Path(path.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PolicyReference, A::Error> {
                let document = PolicyDocument::deserialize(MapAccessDeserializer::new(map))?;
                Ok(PolicyReference::Document(Box::new(document)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CaseDocument {
    name: String,
    #[serde(deserialize_with = "object")]
    request: RequestDocument,
    #[serde(default)]
    now: Option<UnixSeconds>,
    #[serde(default)]
    store: Option<StoreMode>,
    #[serde(deserialize_with = "members")]
    expect: Value,
}

/// An object, as members that the decision must have.
fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let members = Ordered::<StrictValue>::deserialize(deserializer)?;
    Ok(Value::Object(members.0.into_iter().map(|(name, value)| (name, value.0)).collect()))
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoreMode {
    Fail,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RequestDocument {
    method: String,
    target: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default = "yes")]
    https: bool,
    #[serde(default)]
    client_ip: Option<IpAddr>,
}

const fn yes() -> bool {
    true
}

/// What came of one case.
#[derive(Debug)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// The whole decision as JSON text.
    pub decision: String,
    /// What differs from what was expected, one line each; empty when it passed.
    pub differences: Vec<String>,
}

/// Runs every case of a file: a case file, or a policy with tests of its own.
///
/// # Errors
/// [`Misuse`] when the file or the policy it names cannot be used.
pub fn run_file(path: &Path) -> Result<Vec<CaseResult>, Misuse> {
    run_text(path, &read(path)?)
}

/// Runs every case of a text. The path says where a policy is that a set names, and what messages call the text.
///
/// # Errors
/// As [`run_file`].
pub fn run_text(path: &Path, text: &str) -> Result<Vec<CaseResult>, Misuse> {
    let is_policy = path.extension().is_some_and(|extension| extension == "toml") || looks_like_policy(text);
    if is_policy {
        let document = parse_policy(path, text)?;
        let policy = compile(path, text, &document)?;
        return run_policy_tests(path, text, policy);
    }
    let mut results = Vec::new();
    for (set, place) in parse(text).map_err(|error| Misuse::json(path, &error))? {
        run_set(&Source { path, text, place }, set, &mut results)?;
    }
    Ok(results)
}

/// The sets of a file, each with its place as a JSON pointer.
fn parse(text: &str) -> Result<Vec<(SetDocument, String)>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let sets = if text.trim_start().starts_with('[') {
        let sets: Vec<SetDocument> = objects(&mut reader)?;
        sets.into_iter().enumerate().map(|(at, set)| (set, format!("/{at}"))).collect()
    } else {
        vec![(object(&mut reader)?, String::new())]
    };
    reader.end()?;
    Ok(sets)
}

/// Where a set was read from.
struct Source<'s> {
    path: &'s Path,
    text: &'s str,
    place: String,
}

impl Source<'_> {
    /// A mistake in what a JSON pointer into the set names.
    fn wrong(&self, pointer: &str, message: impl Into<String>) -> Misuse {
        Misuse::at(self.path, self.text, &format!("{}{pointer}", self.place), message)
    }

    /// The mistakes of a policy that is written into the set.
    fn policy(&self, mut errors: PolicyErrors) -> Misuse {
        for error in &mut errors.0 {
            for place in [&mut error.place].into_iter().chain(&mut error.other) {
                place.insert_str(0, "/policy");
                place.insert_str(0, &self.place);
            }
        }
        Misuse { file: None, place: None, message: explain(self.path, self.text, &errors.0) }
    }
}

fn looks_like_policy(text: &str) -> bool {
    serde_json::from_str::<Value>(text)
        .is_ok_and(|value| value.get("version").is_some() && value.get("cases").is_none())
}

fn compile(path: &Path, text: &str, document: &PolicyDocument) -> Result<Policy, Misuse> {
    Policy::compile(document).map_err(|errors| Misuse {
        file: None,
        place: None,
        message: explain(path, text, &errors.0),
    })
}

fn run_set(source: &Source<'_>, set: SetDocument, results: &mut Vec<CaseResult>) -> Result<(), Misuse> {
    let policy = match &set.policy {
        PolicyReference::Path(relative) => {
            let base = source.path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
            read_policy(&base.join(relative))?
        }
        PolicyReference::Document(document) => Policy::compile(document).map_err(|errors| source.policy(errors))?,
    };
    let pairs = |pointer: &str, list: &Ordered<String>| {
        decode_secrets(list.0.iter().map(|(name, text)| (name.as_str(), text.as_str())))
            .map_err(|(name, error)| source.wrong(&format!("{pointer}/{name}"), error))
    };
    let keyring = keyring(pairs("/peppers", &set.peppers)?, None)
        .map_err(|(name, error)| source.wrong(&format!("/peppers/{name}"), error))?;
    let policy = Arc::new(policy);
    let secrets = pairs("/secrets", &set.secrets)?;
    if let Some((name, _)) = set.jwks.0.iter().find(|(name, _)| policy.credential(name).is_none()) {
        return Err(source.wrong(&format!("/jwks/{name}"), format!("credential {name:?} is not declared")));
    }
    let mut host = Records::new(set.keys).map_err(|(at, error)| source.wrong(&format!("/keys/{at}/id"), error))?;
    for case in set.cases {
        // A gate of its own, so that no case hangs on what an earlier one fetched or failed to fetch.
        let mut builder = Gate::builder(Arc::clone(&policy)).keyring(keyring.clone());
        for (name, secret) in &secrets {
            builder = builder.secret(name.as_str(), secret);
        }
        let gate = builder.build().map_err(|error| source.wrong("/secrets", error.to_string()))?;
        let now = case.now.unwrap_or(set.now);
        host.fails = case.store.is_some();
        host.key_sets = set.jwks.0.iter().map(|(name, jwks)| (name.clone(), jwks.0.to_string().into(), now)).collect();
        let request = Request {
            method: &case.request.method,
            target: case.request.target.as_bytes(),
            headers: &case.request.headers,
            https: case.request.https,
            client_ip: case.request.client_ip,
        };
        let decision = gate.decide(&request, now, &host);
        let name = match &set.name {
            Some(set) => format!("{set}: {}", case.name),
            None => case.name,
        };
        results.push(judge(name, &decision, &case.expect));
    }
    Ok(())
}

fn run_policy_tests(path: &Path, text: &str, policy: Policy) -> Result<Vec<CaseResult>, Misuse> {
    let policy = Arc::new(policy);
    let mut builder = Gate::builder(Arc::clone(&policy));
    for credential in policy.credentials() {
        // No token is verified in these tests: a key set that stands for none, a secret long enough for any algorithm.
        if let scopegate::policy::CredentialKind::Bearer(bearer) = credential.kind() {
            builder = builder.key_set(credential.name(), r#"{"keys":[]}"#);
            if scopegate::jwt::Algorithm::ALL.iter().any(|a| a.is_hmac() && bearer.rules().algorithms.contains(*a)) {
                builder = builder.secret(credential.name(), &[0; 64]);
            }
        }
    }
    let gate = builder.build().map_err(|error| Misuse::file(path, error.to_string()))?;
    let mut results = Vec::new();
    for (number, test) in policy.tests().iter().enumerate() {
        let name = test.name.clone().unwrap_or_else(|| test.request.clone());
        let Some((method, target)) = test.request.split_once(' ') else {
            let place = format!("/tests/{number}/request");
            return Err(Misuse::at(path, text, &place, "expected a method, a space and a target"));
        };
        let mut assumed = Vec::new();
        for (credential, given) in &test.with.0 {
            let place = format!("/tests/{number}/with/{credential}");
            let Some((index, _)) = policy.credential(credential) else {
                let message = format!("credential {credential:?} is not declared");
                return Err(Misuse::at(path, text, &place, message));
            };
            assumed.push(Assumed {
                credential: index,
                scopes: policy.scopes().grant(given.scopes.iter().map(String::as_str)),
                claims: given.claims.0.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect(),
            });
        }
        let request = Request { method, target: target.as_bytes(), headers: &(), https: test.https, client_ip: None };
        let decision = gate.rehearse(&request, UnixSeconds::EPOCH, &assumed);
        results.push(judge(name, &decision, &test.expect.0));
    }
    Ok(results)
}

fn judge(name: String, decision: &Decision<'_>, expect: &Value) -> CaseResult {
    let text = decision.to_json();
    let mut differences = Vec::new();
    match serde_json::from_str(&text) {
        Ok(found) => compare("", expect, &found, &mut differences),
        Err(error) => differences.push(format!("the decision is no JSON: {error}")),
    }
    CaseResult { name, decision: text, differences }
}

/// Objects match when each expected member does; null matches what is absent; everything else must be equal.
fn compare(place: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(members), Value::Object(_)) => {
            for (name, value) in members {
                let found = found.get(name).unwrap_or(&Value::Null);
                compare(&format!("{place}/{name}"), value, found, differences);
            }
        }
        _ if expected == found => {}
        _ => differences
            .push(format!("{}: expected {expected}, found {found}", if place.is_empty() { "/" } else { place })),
    }
}

/// Runs files and reports: a line for each failing case, then the totals. Returns whether all passed.
///
/// # Errors
/// [`Misuse`] for the first file that cannot be used.
pub fn run(files: &[PathBuf], mut report: impl FnMut(&str)) -> Result<bool, Misuse> {
    standard_input_once(files)?;
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for file in files {
        for result in run_file(file)? {
            if result.differences.is_empty() {
                passed = passed.saturating_add(1);
            } else {
                failed = failed.saturating_add(1);
                let line = format!("FAILED {}: {}: {}", file.display(), result.name, result.differences.join("; "));
                report(&redact(&line));
            }
        }
    }
    report(&format!("{passed} passed, {failed} failed"));
    Ok(failed == 0)
}
