//! The `credentials` member: from the document to checked credentials.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Arguments;

use super::compile::{Mistakes, Pointer};
use super::document::{ApiKeyDocument, BearerDocument, CredentialDocument, LimitsDocument, Ordered, TokenProfile};
use super::{ApiKeyCredential, BearerCredential, Credential, CredentialKind};
use crate::credential::MAX_KEY_HEADERS;
use crate::json::Quoted;
use crate::json::write::Writer;
use crate::jwt::claims::TokenRules;
use crate::jwt::jwk::KeySet;
use crate::jwt::{Algorithm, AlgorithmSet};
use crate::key::foreign::{ForeignIssuer, ForeignKeys};
use crate::key::format::KeyFormat;

/// The most credentials a policy may declare.
const MAX_CREDENTIALS: usize = 16;
/// The most systems whose keys one credential takes.
const MAX_IMPORTED: usize = 8;
/// The longest tolerated clock difference, in seconds.
const MAX_LEEWAY: u64 = 300;

#[inline(never)]
pub(super) fn compile_credentials(
    declared: &Ordered<CredentialDocument>,
    mistakes: &mut Mistakes,
) -> Box<[Credential]> {
    if declared.0.len() > MAX_CREDENTIALS {
        mistakes.add(
            "too_many_credentials",
            format_args!("/credentials"),
            format_args!("{} credentials are declared; at most {MAX_CREDENTIALS} are supported", declared.0.len()),
        );
    }
    let mut compiled: Vec<Credential> = Vec::with_capacity(declared.0.len());
    for (name, credential) in &declared.0 {
        let pointer = Pointer(name);
        let place = format_args!("/credentials/{pointer}");
        if name.is_empty()
            || name.len() > 64
            || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        {
            mistakes.add("credential_name", place, format_args!("expected 1 to 64 letters, digits, '_' or '-'"));
        }
        let kind = match credential {
            CredentialDocument::ApiKey(key) => api_key(key, place, mistakes),
            CredentialDocument::Bearer(bearer) => self::bearer(bearer, place, mistakes),
        };
        if let Some(kind) = kind {
            if let Some(earlier) = compiled.iter().find(|earlier| collide(&earlier.kind, &kind)) {
                mistakes.add(
                    "credentials_collide",
                    place,
                    format_args!(
                        "{name} and {} could not be told apart in a request",
                        Quoted(&earlier.name),
                        name = Quoted(name)
                    ),
                );
            }
            compiled.push(Credential { name: name.as_str().into(), kind });
        }
    }
    compiled.into_boxed_slice()
}

/// The distinct key headers, with each key credential told which one is its own and whether it shares it.
#[inline(never)]
pub(super) fn number_headers(credentials: &mut [Credential], mistakes: &mut Mistakes) -> Box<[Box<str>]> {
    let mut headers: Vec<Box<str>> = Vec::new();
    let mut uses = [0_usize; MAX_CREDENTIALS];
    for credential in credentials.iter_mut() {
        let CredentialKind::ApiKey(key) = &mut credential.kind else { continue };
        let known = headers.iter().position(|header| header.eq_ignore_ascii_case(&key.header));
        key.header_index = known.unwrap_or_else(|| {
            headers.push(key.header.clone());
            headers.len().saturating_sub(1)
        });
        if let Some(count) = uses.get_mut(key.header_index) {
            *count = count.saturating_add(1);
        }
    }
    for credential in credentials {
        if let CredentialKind::ApiKey(key) = &mut credential.kind {
            key.shares_header = uses.get(key.header_index).is_some_and(|count| *count > 1);
        }
    }
    if headers.len() > MAX_KEY_HEADERS {
        mistakes.add(
            "too_many_headers",
            format_args!("/credentials"),
            format_args!("the API keys use {} headers; at most {MAX_KEY_HEADERS} are supported", headers.len()),
        );
    }
    headers.into_boxed_slice()
}

/// Two keys with one prefix in one header, or two bearer credentials of one issuer: a request could mean either.
fn collide(a: &CredentialKind, b: &CredentialKind) -> bool {
    match (a, b) {
        (CredentialKind::ApiKey(a), CredentialKind::ApiKey(b)) => {
            a.header.eq_ignore_ascii_case(&b.header) && a.format.product() == b.format.product()
        }
        (CredentialKind::Bearer(a), CredentialKind::Bearer(b)) => a.rules.issuer == b.rules.issuer,
        _ => false,
    }
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Headers that mean something else to a server or to the engine itself.
const RESERVED_HEADERS: [&str; 10] = [
    "authorization",
    "cookie",
    "host",
    "origin",
    "content-length",
    "transfer-encoding",
    "access-control-request-method",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

#[inline(never)]
fn api_key(key: &ApiKeyDocument, place: Arguments<'_>, mistakes: &mut Mistakes) -> Option<CredentialKind> {
    if !is_header_name(&key.header) {
        mistakes.under("header_name", place, "/header", format_args!("{} is not a header name", Quoted(&key.header)));
    } else if RESERVED_HEADERS.iter().any(|reserved| key.header.eq_ignore_ascii_case(reserved)) {
        mistakes.under(
            "header_name",
            place,
            "/header",
            format_args!("the header {} has another meaning", Quoted(&key.header)),
        );
    }
    let environments: Vec<&str> = match &key.environments {
        Some(environments) => environments.iter().map(String::as_str).collect(),
        None => alloc::vec!["live", "test"],
    };
    let format = match KeyFormat::new(&key.prefix, &environments) {
        Ok(format) => format,
        Err(error) => {
            mistakes.add("key_format", place, format_args!("{error}"));
            // A stand-in, so that routes that name this credential are not called wrong as well.
            KeyFormat::new("standin", &["live", "test"]).ok()?
        }
    };
    let accept: Vec<&str> = match &key.accept {
        Some(accept) => accept.iter().map(String::as_str).collect(),
        None => environments.clone(),
    };
    if accept.is_empty() {
        mistakes.under(
            "accept",
            place,
            "/accept",
            format_args!("an empty list accepts no key; name at least one environment"),
        );
    }
    for (at, environment) in accept.iter().enumerate() {
        if !environments.contains(environment) {
            mistakes.add(
                "accept",
                format_args!("{place}/accept/{at}"),
                format_args!(
                    "environment {environment} is not one of {}",
                    environments.join(", "),
                    environment = Quoted(environment)
                ),
            );
        }
    }
    Some(CredentialKind::ApiKey(ApiKeyCredential {
        header: key.header.as_str().into(),
        header_index: 0,
        shares_header: false,
        format,
        imported: imported(key, &environments, &accept, place, mistakes),
        accept: accept.into_iter().map(Box::from).collect(),
    }))
}

/// The keys of other systems.
#[inline(never)]
fn imported(
    key: &ApiKeyDocument,
    environments: &[&str],
    accept: &[&str],
    place: Arguments<'_>,
    mistakes: &mut Mistakes,
) -> Box<[ForeignKeys]> {
    if key.imported.len() > MAX_IMPORTED {
        mistakes.under(
            "imported",
            place,
            "/imported",
            format_args!("{} systems are named; at most {MAX_IMPORTED} are supported", key.imported.len()),
        );
    }
    let mut all: Vec<ForeignKeys> = Vec::new();
    for (at, entry) in key.imported.iter().enumerate() {
        let place = format_args!("{place}/imported/{at}");
        let Some(issuer) = ForeignIssuer::from_name(&entry.from) else {
            let known = ForeignIssuer::ALL.map(ForeignIssuer::name).join(", ");
            mistakes.under(
                "imported",
                place,
                "/from",
                format_args!("{} is not known; expected one of {known}", Quoted(&entry.from)),
            );
            continue;
        };
        let environment = entry.environment.as_deref().or(accept.first().copied()).unwrap_or("live");
        if !environments.contains(&environment) {
            mistakes.under(
                "imported",
                place,
                "/environment",
                format_args!("environment {} is not one of {}", Quoted(environment), environments.join(", ")),
            );
            continue;
        }
        let length = entry.length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        match ForeignKeys::new(issuer, &entry.prefix, environment, length) {
            Ok(keys) if all.iter().any(|earlier| earlier.is_alike(&keys)) => mistakes.add(
                "imported",
                place,
                format_args!("these keys could not be told from those of an entry before it"),
            ),
            Ok(keys) => all.push(keys.upgraded_only(entry.upgraded_only)),
            Err(error) => mistakes.add("imported", place, format_args!("{error}")),
        }
    }
    all.into_boxed_slice()
}

#[inline(never)]
fn bearer(bearer: &BearerDocument, place: Arguments<'_>, mistakes: &mut Mistakes) -> Option<CredentialKind> {
    if bearer.issuer.is_empty() {
        mistakes.under("issuer", place, "/issuer", format_args!("expected the exact `iss` of the tokens"));
    }
    if !are_names(&bearer.audiences) {
        mistakes.under(
            "audiences",
            place,
            "/audiences",
            format_args!("expected at least one audience, none of them empty"),
        );
    }
    let algorithms = algorithms(bearer, place, mistakes);
    let mut rules = TokenRules::new(&bearer.issuer, bearer.audiences.iter().map(String::as_str), algorithms);
    if let Some(types) = &bearer.types {
        if types.iter().any(String::is_empty) {
            mistakes.add(
                "types",
                format_args!("{place}/types"),
                format_args!("expected media types like at+jwt, none of them empty; an empty list turns the check off"),
            );
        }
        rules.types = types.iter().map(|name| media_type(name)).collect();
    }
    if let Some(leeway) = bearer.leeway {
        if leeway > MAX_LEEWAY {
            mistakes.under(
                "leeway",
                place,
                "/leeway",
                format_args!("{leeway} seconds is too much; at most {MAX_LEEWAY} are tolerated"),
            );
        }
        rules.leeway = i64::try_from(leeway.min(MAX_LEEWAY)).unwrap_or(0);
    }
    if let Some(max_age) = bearer.max_age {
        if max_age == 0 {
            mistakes.add(
                "max_age",
                format_args!("{place}/maxAge"),
                format_args!("expected 1 second or more; leave it out for any age"),
            );
        }
        rules.max_age = Some(i64::try_from(max_age).unwrap_or(i64::MAX));
    }
    if let Some(required) = &bearer.required_claims {
        if !are_names(required) {
            mistakes.add(
                "required_claims",
                format_args!("{place}/requiredClaims"),
                format_args!("expected at least one claim, none of them empty; leave it out for exp, iat and sub"),
            );
        }
        rules.required_claims = owned(required);
    }
    if bearer.profile == Some(TokenProfile::Rfc9068) {
        rules.require_rfc9068();
    }
    if let Some(claims) = &bearer.scope_claims {
        if !are_names(claims) {
            mistakes.add(
                "scope_claims",
                format_args!("{place}/scopeClaims"),
                format_args!("expected at least one claim, none of them empty; leave it out for scope and scp"),
            );
        }
        rules.scope_claims = owned(claims);
    }
    if let Some(limits) = &bearer.limits {
        apply_limits(limits, &mut rules, place, mistakes);
    }
    if bearer.clients.as_ref().is_some_and(|clients| !are_names(clients)) {
        mistakes.under(
            "clients",
            place,
            "/clients",
            format_args!("expected at least one client, none of them empty; leave it out for any"),
        );
    }
    if bearer.resource_metadata.as_ref().is_some_and(|url| !is_quotable_url(url)) {
        mistakes.under("resource_metadata", place, "/resourceMetadata", format_args!("expected an https URL"));
    }
    let jwks = match bearer.jwks.as_ref().map(|value| KeySet::parse(&Writer::text(|writer| writer.value(&value.0)))) {
        None => None,
        Some(Ok(set)) => Some(Arc::new(set)),
        Some(Err(error)) => {
            mistakes.under("jwks", place, "/jwks", format_args!("{error}"));
            None
        }
    };
    Some(CredentialKind::Bearer(BearerCredential {
        rules,
        clients: bearer.clients.as_ref().map(|list| list.iter().map(|client| client.as_str().into()).collect()),
        jwks,
        resource_metadata: bearer.resource_metadata.as_deref().map(Box::from),
    }))
}

#[inline(never)]
fn algorithms(bearer: &BearerDocument, place: Arguments<'_>, mistakes: &mut Mistakes) -> AlgorithmSet {
    let mut set = AlgorithmSet::default();
    for (at, name) in bearer.algorithms.iter().enumerate() {
        match Algorithm::from_name(name) {
            Some(algorithm) => set = set.with(algorithm),
            None => {
                let known: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
                mistakes.add(
                    "algorithm",
                    format_args!("{place}/algorithms/{at}"),
                    format_args!(
                        "{name} is not a supported algorithm; expected one of {}",
                        known.join(", "),
                        name = Quoted(name)
                    ),
                );
            }
        }
    }
    if bearer.algorithms.is_empty() {
        mistakes.under("algorithm", place, "/algorithms", format_args!("expected at least one algorithm"));
    }
    set
}

/// At least one name, and none that is empty.
fn are_names(names: &[String]) -> bool {
    !names.is_empty() && names.iter().all(|name| !name.is_empty())
}

fn owned(names: &[String]) -> Box<[Cow<'static, str>]> {
    names.iter().map(|name| Cow::Owned(name.clone())).collect()
}

/// A `typ` as it is compared: lower case, without `application/` (RFC 7515 section 4.1.9).
fn media_type(name: &str) -> Cow<'static, str> {
    let mut lower = name.to_ascii_lowercase();
    if lower.starts_with("application/") {
        lower.drain(.."application/".len());
    }
    Cow::Owned(lower)
}

fn is_quotable_url(url: &str) -> bool {
    url.starts_with("https://") && url.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

fn apply_limits(limits: &LimitsDocument, rules: &mut TokenRules, place: Arguments<'_>, mistakes: &mut Mistakes) {
    let members = [
        ("tokenBytes", limits.token_bytes, &mut rules.limits.token_bytes, 64 * 1024),
        ("headerBytes", limits.header_bytes, &mut rules.limits.header_bytes, 16 * 1024),
        ("depth", limits.depth, &mut rules.limits.depth, 64),
        ("members", limits.members, &mut rules.limits.members, 16 * 1024),
    ];
    for (name, wanted, limit, most) in members {
        let Some(wanted) = wanted else { continue };
        match usize::try_from(wanted) {
            Ok(value) if (1..=most).contains(&value) => *limit = value,
            _ => mistakes.add(
                "limits",
                format_args!("{place}/limits/{name}"),
                format_args!("expected 1 to {most}, found {wanted}"),
            ),
        }
    }
}
