//! `scopegate decide`: one request against a policy, key records and key sets; for people and for programs.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scopegate::decision::{Decision, Effect, TraceStep};
use scopegate::engine::Gate;
use scopegate::error::GateError;
use scopegate::jwt::TokenRefusal;
use scopegate::jwt::jwk::KeySet;
use scopegate::policy::document::{Ordered, StrictValue};
use scopegate::policy::{CredentialKind, Policy};
use scopegate::request::Request;
use scopegate::time::UnixSeconds;
use zeroize::Zeroizing;

use crate::DEFAULT_POLICY;
use crate::error::Misuse;
use crate::input::{self, Records, SecretFault};

/// What to decide on, and with what.
#[derive(Debug, Default)]
pub struct DecideOptions {
    /// The policy file; the seed policy when absent.
    pub policy: Option<PathBuf>,
    /// Key records.
    pub keys: Option<PathBuf>,
    /// Key sets, by credential name.
    pub jwks: Vec<(String, PathBuf)>,
    /// Peppers: name to base64url; `current` may name one of them.
    pub peppers: Option<PathBuf>,
    /// HMAC secrets: credential name to base64url.
    pub secrets: Option<PathBuf>,
    /// The method.
    pub method: String,
    /// The request target.
    pub target: String,
    /// Header lines, none of them a credential.
    pub headers: Vec<(String, String)>,
    /// A file with an API key.
    pub key_file: Option<PathBuf>,
    /// A file with a bearer token.
    pub bearer_file: Option<PathBuf>,
    /// Whether the request came over plain HTTP.
    pub http: bool,
    /// The client's address.
    pub client_ip: Option<IpAddr>,
    /// The time; now when absent.
    pub now: Option<UnixSeconds>,
    /// Whether to say how the decision came about.
    pub explain: bool,
    /// Whether to print the decision's JSON.
    pub json: bool,
}

/// Decides and returns what to print and the exit code: 0 for allow, 10 otherwise.
///
/// # Errors
/// [`Misuse`] for unusable options or files.
pub fn run(options: &DecideOptions) -> Result<(String, u8), Misuse> {
    let files =
        [&options.policy, &options.keys, &options.peppers, &options.secrets, &options.key_file, &options.bearer_file];
    input::standard_input_once(files.into_iter().flatten().chain(options.jwks.iter().map(|(_, path)| path)))?;
    let policy = match &options.policy {
        Some(path) => input::read_policy(path)?,
        None => Policy::from_json(DEFAULT_POLICY).map_err(|errors| Misuse::argument(errors.to_string()))?,
    };
    let policy = Arc::new(policy);
    let mut headers: Vec<(String, Zeroizing<String>)> = Vec::new();
    for (name, value) in &options.headers {
        if is_credential_header(&policy, name) {
            return Err(Misuse::argument(format!(
                "a credential on the command line stays in the shell's history; give {name} by --key-file or --bearer-file (- reads standard input)"
            )));
        }
        headers.push((name.clone(), Zeroizing::new(value.clone())));
    }
    if let Some(path) = &options.key_file {
        headers.push((key_header(&policy)?, input::read_secret(path)?));
    }
    if let Some(path) = &options.bearer_file {
        let token = input::read_secret(path)?;
        headers.push(("Authorization".into(), Zeroizing::new(format!("Bearer {}", *token))));
    }
    let lines: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let gate = build_gate(options, &policy)?;
    let records = match &options.keys {
        Some(path) => input::read_records(path)?,
        None => Records::default(),
    };
    let request = Request {
        method: &options.method,
        target: options.target.as_bytes(),
        headers: &lines,
        https: !options.http,
        client_ip: options.client_ip,
    };
    let decision = gate.decide(&request, options.now.unwrap_or_else(input::clock), &records);
    let text = if options.json { decision.to_json() } else { readable(&decision) };
    Ok((text, if decision.is_allowed() { 0 } else { 10 }))
}

fn is_credential_header(policy: &Policy, name: &str) -> bool {
    ["authorization", "proxy-authorization", "x-api-key"].iter().any(|known| name.eq_ignore_ascii_case(known))
        || policy.credentials().iter().any(|credential| match credential.kind() {
            CredentialKind::ApiKey(key) => key.header().eq_ignore_ascii_case(name),
            CredentialKind::Bearer(_) => false,
        })
}

fn key_header(policy: &Policy) -> Result<String, Misuse> {
    let mut headers = policy.credentials().iter().filter_map(|credential| match credential.kind() {
        CredentialKind::ApiKey(key) => Some(key.header().to_owned()),
        CredentialKind::Bearer(_) => None,
    });
    headers.next().ok_or_else(|| Misuse::argument("--key-file: the policy has no API key credential"))
}

/// Reads an object of texts, such as secrets by name, and what `use_them` makes of it.
fn read_pairs<T>(
    path: &Path,
    use_them: impl FnOnce(input::Secrets, Option<&str>) -> Result<T, SecretFault>,
) -> Result<T, Misuse> {
    pairs_of(path, &Zeroizing::new(input::read(path)?), use_them)
}

/// The same of a text that was read from there.
pub(crate) fn pairs_of<T>(
    path: &Path,
    text: &str,
    use_them: impl FnOnce(input::Secrets, Option<&str>) -> Result<T, SecretFault>,
) -> Result<T, Misuse> {
    let document: Ordered<String> = serde_json::from_str(text).map_err(|error| Misuse::json(path, &error))?;
    let current = document.get("current").map(String::as_str);
    let pairs =
        document.0.iter().filter(|(name, _)| name != "current").map(|(name, text)| (name.as_str(), text.as_str()));
    input::decode_secrets(pairs).and_then(|secrets| use_them(secrets, current)).map_err(|(name, error)| {
        Misuse::at(path, text, &format!("/{}", name.replace('~', "~0").replace('/', "~1")), error)
    })
}

fn build_gate(options: &DecideOptions, policy: &Arc<Policy>) -> Result<Gate, Misuse> {
    let mut builder = Gate::builder(Arc::clone(policy)).trace(options.explain);
    if let Some(path) = &options.peppers {
        builder = builder.keyring(read_pairs(path, input::keyring)?);
    }
    if let Some(path) = &options.secrets {
        for (name, secret) in read_pairs(path, |secrets, _| Ok(secrets))? {
            builder = builder.secret(name, &secret);
        }
    }
    let mut sets = Vec::new();
    for (name, path) in &options.jwks {
        let text = input::read(path)?;
        serde_json::from_str::<StrictValue>(&text).map_err(|error| Misuse::json(path, &error))?;
        sets.push((name, path, text.clone()));
        builder = builder.key_set(name.as_str(), text);
    }
    builder.build().map_err(|error| match &error {
        GateError::KeySet(name, _) => match sets.iter().find(|(known, ..)| *known == name) {
            Some((_, path, text)) => Misuse::at(path, text, &faulty_key(text), error.to_string()),
            None => Misuse::argument(error.to_string()),
        },
        _ => Misuse::argument(error.to_string()),
    })
}

/// Where a key set is wrong, as a JSON pointer: the first key that none may hold, or the list.
fn faulty_key(text: &str) -> String {
    let set: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let keys = set.get("keys").and_then(serde_json::Value::as_array);
    let alone = |key| serde_json::json!({ "keys": [key] }).to_string();
    let at = keys.and_then(|keys| keys.iter().position(|key| KeySet::parse(&alone(key)).is_err()));
    at.map_or_else(|| "/keys".to_owned(), |at| format!("/keys/{at}"))
}

/// The decision for a person: what, why, and what would do.
fn readable(decision: &Decision<'_>) -> String {
    let mut text = String::new();
    let _ = write_readable(&mut text, decision);
    text
}

fn write_readable(text: &mut String, decision: &Decision<'_>) -> std::fmt::Result {
    let word = match decision.effect() {
        Effect::Allow => "ALLOW",
        Effect::Deny => "DENY",
        Effect::Preflight => "PREFLIGHT",
    };
    writeln!(text, "{word} {} {}", decision.status(), decision.code())?;
    match decision.problem() {
        Some(problem) => writeln!(text, "{}", problem.detail)?,
        None if decision.effect() == Effect::Preflight => {
            writeln!(text, "A CORS preflight: answer it, and pass nothing on.")?
        }
        None => writeln!(text, "The request may pass.")?,
    }
    if let Some(reason) = reason(decision) {
        writeln!(text, "  reason      {reason}")?;
    }
    if let Some(route) = decision.route() {
        writeln!(text, "  route       {} ({} {})", route.id(), route.method(), route.path())?;
    }
    for (name, value) in decision.params() {
        writeln!(text, "  parameter   {name} = {value}")?;
    }
    for principal in decision.principals() {
        let scopes: Vec<&str> = decision.policy().scopes().names(principal.scopes()).collect();
        // A terminal would obey what an issuer put into a subject.
        let who = principal.subject().unwrap_or("-").replace(char::is_control, "\u{fffd}");
        let id = principal.key().map_or_else(String::new, |key| format!(" {}", key.record().id));
        writeln!(text, "  principal   {who} by {}{id}, scopes: {}", principal.kind().name(), scopes.join(" "))?;
    }
    let missing: Vec<&str> = decision.missing().collect();
    if !missing.is_empty() {
        writeln!(text, "  missing     {}", missing.join(" "))?;
    }
    let allowed = decision.allowed_methods();
    if !allowed.is_empty() {
        writeln!(text, "  allowed     {}", allowed.join(", "))?;
    }
    for challenge in decision.challenges() {
        writeln!(text, "  challenge   {challenge}")?;
    }
    if let Some(trace) = decision.trace() {
        writeln!(text, "How it came about:")?;
        for (number, step) in trace.steps.iter().enumerate() {
            writeln!(text, "  {}. {}", number.saturating_add(1), sentence(step))?;
        }
    }
    Ok(())
}

fn sentence(step: &TraceStep) -> String {
    match step {
        TraceStep::Target { outcome } => format!("target: {outcome}"),
        TraceStep::Route { outcome, route_id: Some(id) } => format!("route: {outcome} {id}"),
        TraceStep::Route { outcome, route_id: None } => format!("route: {outcome}"),
        TraceStep::Credential { credential, outcome } => format!("credential {credential}: {outcome}"),
        TraceStep::Alternative { index, outcome, missing } if missing.is_empty() => {
            format!("alternative {index}: {outcome}")
        }
        TraceStep::Alternative { index, outcome, missing } => {
            format!("alternative {index}: {outcome}, lacks {}", missing.join(" "))
        }
    }
}

/// The reason behind the code, in words. This goes to whoever runs the command, not to a stranger.
fn reason(decision: &Decision<'_>) -> Option<String> {
    use scopegate::decision::{Denial, Malformed};
    match decision.denial()? {
        Denial::NoncanonicalTarget(fault) => Some(fault.to_string()),
        Denial::MalformedCredential(Malformed::Key(fault)) => Some(fault.to_string()),
        Denial::MalformedCredential(Malformed::Token(_)) => {
            Some("the bearer value is not three parts joined by dots".into())
        }
        Denial::MalformedCredential(Malformed::Empty) => Some("\"Bearer\" stands without a token".into()),
        Denial::InvalidCredential(refusal) => Some(refusal.code().replace('_', " ")),
        Denial::InvalidToken(refusal) => Some(format!("{}: {}", refusal.code(), token_words(*refusal))),
        _ => None,
    }
}

const fn token_words(refusal: TokenRefusal) -> &'static str {
    match refusal {
        TokenRefusal::TokenMalformed => "not three parts joined by dots",
        TokenRefusal::TokenTooLarge => "the token is too large",
        TokenRefusal::Base64Invalid => "a part is not strict base64url",
        TokenRefusal::HeaderInvalid => "the header is not what a header may be",
        TokenRefusal::HeaderDuplicateMember => "the header has a member twice",
        TokenRefusal::AlgMissing => "the header names no algorithm",
        TokenRefusal::AlgNotAllowed => "the policy does not allow the algorithm",
        TokenRefusal::AlgKeyMismatch => "the key is not for this algorithm",
        TokenRefusal::CritInvalid => "\"crit\" is not what it may be",
        TokenRefusal::CritUnsupported => "the header demands an extension that is not supported",
        TokenRefusal::B64Unsupported => "an unencoded payload is not supported",
        TokenRefusal::TypMismatch => "the token is of another type",
        TokenRefusal::NestedUnsupported => "a token inside a token is not supported",
        TokenRefusal::KeyNotFound => "the issuer has no such key",
        TokenRefusal::KeyAmbiguous => "several keys of the issuer could be meant",
        TokenRefusal::KeyUseMismatch => "the key is not for verifying signatures",
        TokenRefusal::KeyInvalid => "the key is broken",
        TokenRefusal::KeyWeak => "the key is too weak",
        TokenRefusal::JwksInvalid => "the key set is none",
        TokenRefusal::JwksPrivateKey => "the key set holds a private key",
        TokenRefusal::SignatureInvalid => "the signature is wrong",
        TokenRefusal::ClaimsInvalid => "the claims are not a JSON object",
        TokenRefusal::ClaimsDuplicateMember => "the claims have a member twice",
        TokenRefusal::ClaimMissing => "a required claim is missing",
        TokenRefusal::ClaimType => "a claim is of the wrong type",
        TokenRefusal::IssuerMismatch => "it is from another issuer",
        TokenRefusal::AudienceMismatch => "it is for another audience",
        TokenRefusal::Expired => "it has expired",
        TokenRefusal::NotYetValid => "it is not valid yet",
        TokenRefusal::IssuedInFuture => "it was issued in the future",
        TokenRefusal::TokenTooOld => "it is too old",
    }
}
