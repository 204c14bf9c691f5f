//! Reads a policy document from JSON text, member by member: the model of [`super::document`] without its visitors.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::document::{
    ApiKeyDocument, BearerDocument, CredentialDocument, EncodedSlash, Https, ImportedDocument, LimitsDocument,
    MethodOverride, Ordered, PolicyDocument, RequirementDocument, RouteDocument, RouterProfile, ScopeDocument,
    StrictValue, TestDocument, TokenProfile, TrailingSlash,
};
use crate::json::members::{Place, may, must};
use crate::json::read::{Read, Reader};

impl PolicyDocument {
    /// Reads a document from JSON text, as [`Policy::from_json`](super::Policy::from_json) does before it compiles.
    ///
    /// # Errors
    /// What is wrong and what was expected, ending in ` at line L column C` (from 1, in bytes).
    pub fn from_json(text: &str) -> Result<Self, String> {
        crate::json::read::whole(text, document).map_err(|fault| fault.in_text(text))
    }
}

/// An object of free names, each of them once.
pub(crate) fn ordered<'j, T>(reader: &mut Reader<'j>, read: fn(&mut Reader<'j>) -> Read<T>) -> Read<Ordered<T>> {
    let mut members: Vec<(String, T)> = Vec::new();
    // The first member repeats none.
    let mut ends: Vec<usize> = Vec::new();
    reader.object("an object", &mut |reader, name| {
        if !members.is_empty() {
            ends.push(reader.name_end());
        }
        members.push((name.to_owned(), read(reader)?));
        Ok(())
    })?;
    if ends.is_empty() {
        return Ok(Ordered(members));
    }
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    match first_repeated(&names).and_then(|at| Some((ends.get(at.checked_sub(1)?)?, names.get(at)?))) {
        Some((end, name)) => Err(reader.repeated(*end, name)),
        None => Ok(Ordered(members)),
    }
}

/// The first name that an earlier one equals.
fn first_repeated(names: &[&str]) -> Option<usize> {
    let mut sorted: Vec<(&str, usize)> = names.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    let neighbours = sorted.iter().zip(sorted.iter().skip(1));
    neighbours.filter(|((one, _), (other, _))| one == other).map(|(_, (_, at))| *at).min()
}

pub(crate) fn value(reader: &mut Reader<'_>) -> Read<StrictValue> {
    reader.value().map(StrictValue)
}

pub(crate) fn document(reader: &mut Reader<'_>) -> Read<PolicyDocument> {
    let mut found = PolicyDocument {
        version: 0,
        name: String::new(),
        base: String::new(),
        https: Https::default(),
        trailing_slash: TrailingSlash::default(),
        case_insensitive: false,
        method_override: MethodOverride::default(),
        hide: false,
        router: None,
        scopes: Ordered::default(),
        credentials: Ordered::default(),
        routes: Vec::new(),
        tests: Vec::new(),
    };
    reader.members(
        "struct PolicyDocument",
        &mut [
            must("version", Place::Whole(&mut found.version)),
            must("name", Place::Text(&mut found.name)),
            may("base", Place::Text(&mut found.base)),
            may(
                "https",
                Place::Other(&mut |reader| {
                    let index = reader.choice(&["required", "optional"])?;
                    found.https = if index == 0 { Https::Required } else { Https::Optional };
                    Ok(())
                }),
            ),
            may(
                "trailingSlash",
                Place::Other(&mut |reader| {
                    let index = reader.choice(&["strict", "same"])?;
                    found.trailing_slash = if index == 0 { TrailingSlash::Strict } else { TrailingSlash::Same };
                    Ok(())
                }),
            ),
            may("caseInsensitive", Place::Flag(&mut found.case_insensitive)),
            may(
                "methodOverride",
                Place::Other(&mut |reader| {
                    found.method_override = match reader.choice(&["deny", "ignore", "apply"])? {
                        0 => MethodOverride::Deny,
                        1 => MethodOverride::Ignore,
                        _ => MethodOverride::Apply,
                    };
                    Ok(())
                }),
            ),
            may("hide", Place::Flag(&mut found.hide)),
            may(
                "router",
                Place::Other(&mut |reader| reader.put(&mut found.router, |reader| profile(reader).map(Some))),
            ),
            must("scopes", Place::Other(&mut |reader| reader.put(&mut found.scopes, |reader| ordered(reader, scope)))),
            must(
                "credentials",
                Place::Other(&mut |reader| reader.put(&mut found.credentials, |reader| ordered(reader, credential))),
            ),
            must("routes", Place::Other(&mut |reader| reader.put(&mut found.routes, |reader| reader.list(route)))),
            may("tests", Place::Other(&mut |reader| reader.put(&mut found.tests, |reader| reader.list(test)))),
        ],
    )?;
    Ok(found)
}

fn profile(reader: &mut Reader<'_>) -> Read<RouterProfile> {
    Ok(match reader.choice(&["express", "koa", "fastify", "hono", "h3", "edge"])? {
        0 => RouterProfile::Express,
        1 => RouterProfile::Koa,
        2 => RouterProfile::Fastify,
        3 => RouterProfile::Hono,
        4 => RouterProfile::H3,
        _ => RouterProfile::Edge,
    })
}

fn scope(reader: &mut Reader<'_>) -> Read<ScopeDocument> {
    let expected = "a title, or an object with `title` and `implies`";
    let mut found = ScopeDocument { title: String::new(), implies: Vec::new() };
    if reader.token() == Some(b'{') {
        let title = must("title", Place::Text(&mut found.title));
        reader.members(expected, &mut [title, may("implies", Place::Texts(&mut found.implies))])?;
    } else {
        found.title = reader.string_or(expected)?;
    }
    Ok(found)
}

fn credential(reader: &mut Reader<'_>) -> Read<CredentialDocument> {
    let kind = reader.again(|reader| {
        let mut kind = None;
        reader.object("internally tagged enum CredentialDocument", &mut |reader, member| match (member, kind) {
            ("type", None) => {
                kind = Some(reader.choice(&["apiKey", "bearer"])?);
                Ok(())
            }
            _ => reader.skip(),
        })?;
        kind.ok_or_else(|| reader.fault("missing field `type`"))
    })?;
    match kind {
        0 => api_key(reader).map(CredentialDocument::ApiKey),
        _ => bearer(reader).map(|bearer| CredentialDocument::Bearer(Box::new(bearer))),
    }
}

fn api_key(reader: &mut Reader<'_>) -> Read<ApiKeyDocument> {
    let mut found = ApiKeyDocument {
        header: String::new(),
        prefix: String::new(),
        environments: None,
        accept: None,
        imported: Vec::new(),
    };
    reader.members(
        "struct ApiKeyDocument",
        &mut [
            may("type", Place::Passed),
            must("header", Place::Text(&mut found.header)),
            must("prefix", Place::Text(&mut found.prefix)),
            may("environments", Place::SomeTexts(&mut found.environments)),
            may("accept", Place::SomeTexts(&mut found.accept)),
            may(
                "imported",
                Place::Other(&mut |reader| reader.put(&mut found.imported, |reader| reader.list(imported))),
            ),
        ],
    )?;
    Ok(found)
}

fn imported(reader: &mut Reader<'_>) -> Read<ImportedDocument> {
    let mut found = ImportedDocument::default();
    reader.members(
        "struct ImportedDocument",
        &mut [
            must("from", Place::Text(&mut found.from)),
            may("prefix", Place::Text(&mut found.prefix)),
            may("environment", Place::SomeText(&mut found.environment)),
            may("length", Place::Other(&mut |reader| reader.put(&mut found.length, |reader| reader.whole().map(Some)))),
            may("upgradedOnly", Place::Flag(&mut found.upgraded_only)),
        ],
    )?;
    Ok(found)
}

fn bearer(reader: &mut Reader<'_>) -> Read<BearerDocument> {
    let mut found = BearerDocument {
        issuer: String::new(),
        audiences: Vec::new(),
        algorithms: Vec::new(),
        types: None,
        leeway: None,
        max_age: None,
        required_claims: None,
        profile: None,
        scope_claims: None,
        clients: None,
        jwks: None,
        limits: None,
        resource_metadata: None,
    };
    reader.members(
        "struct BearerDocument",
        &mut [
            may("type", Place::Passed),
            must("issuer", Place::Text(&mut found.issuer)),
            must("audiences", Place::Texts(&mut found.audiences)),
            must("algorithms", Place::Texts(&mut found.algorithms)),
            may("types", Place::SomeTexts(&mut found.types)),
            may("leeway", Place::SomeWhole(&mut found.leeway)),
            may("maxAge", Place::SomeWhole(&mut found.max_age)),
            may("requiredClaims", Place::SomeTexts(&mut found.required_claims)),
            may(
                "profile",
                Place::Other(&mut |reader| {
                    reader.choice(&["rfc9068"])?;
                    found.profile = Some(TokenProfile::Rfc9068);
                    Ok(())
                }),
            ),
            may("scopeClaims", Place::SomeTexts(&mut found.scope_claims)),
            may("clients", Place::SomeTexts(&mut found.clients)),
            may("jwks", Place::Other(&mut |reader| reader.put(&mut found.jwks, |reader| value(reader).map(Some)))),
            may("limits", Place::Other(&mut |reader| reader.put(&mut found.limits, |reader| limits(reader).map(Some)))),
            may("resourceMetadata", Place::SomeText(&mut found.resource_metadata)),
        ],
    )?;
    Ok(found)
}

fn limits(reader: &mut Reader<'_>) -> Read<LimitsDocument> {
    let mut found = LimitsDocument::default();
    reader.members(
        "struct LimitsDocument",
        &mut [
            may("tokenBytes", Place::SomeWhole(&mut found.token_bytes)),
            may("headerBytes", Place::SomeWhole(&mut found.header_bytes)),
            may("depth", Place::SomeWhole(&mut found.depth)),
            may("members", Place::SomeWhole(&mut found.members)),
        ],
    )?;
    Ok(found)
}

fn route(reader: &mut Reader<'_>) -> Read<RouteDocument> {
    let mut found =
        RouteDocument { id: String::new(), matches: String::new(), allow: None, public: None, encoded_slash: None };
    reader.members(
        "struct RouteDocument",
        &mut [
            must("id", Place::Text(&mut found.id)),
            must("match", Place::Text(&mut found.matches)),
            may(
                "allow",
                Place::Other(&mut |reader| reader.put(&mut found.allow, |reader| reader.list(requirements).map(Some))),
            ),
            may(
                "public",
                Place::Other(&mut |reader| reader.put(&mut found.public, |reader| reader.boolean().map(Some))),
            ),
            may(
                "encodedSlash",
                Place::Other(&mut |reader| {
                    reader.choice(&["opaque"])?;
                    found.encoded_slash = Some(EncodedSlash::Opaque);
                    Ok(())
                }),
            ),
        ],
    )?;
    Ok(found)
}

/// Credentials by name, and what is asked of them or taken as proven.
pub(crate) fn requirements(reader: &mut Reader<'_>) -> Read<Ordered<RequirementDocument>> {
    ordered(reader, requirement)
}

fn requirement(reader: &mut Reader<'_>) -> Read<RequirementDocument> {
    let mut found = RequirementDocument::default();
    if reader.token() == Some(b'[') {
        found.scopes = reader.strings()?;
        return Ok(found);
    }
    reader.members(
        "a list of scopes, or an object with `scopes` and `claims`",
        &mut [
            may("scopes", Place::Texts(&mut found.scopes)),
            may("claims", Place::Other(&mut |reader| reader.put(&mut found.claims, |reader| ordered(reader, value)))),
        ],
    )?;
    Ok(found)
}

fn test(reader: &mut Reader<'_>) -> Read<TestDocument> {
    let mut found = TestDocument {
        name: None,
        request: String::new(),
        with: Ordered::default(),
        https: true,
        expect: StrictValue(serde_json::Value::Null),
    };
    reader.members(
        "struct TestDocument",
        &mut [
            may("name", Place::SomeText(&mut found.name)),
            must("request", Place::Text(&mut found.request)),
            may("with", Place::Other(&mut |reader| reader.put(&mut found.with, requirements))),
            may("https", Place::Flag(&mut found.https)),
            must("expect", Place::Other(&mut |reader| reader.put(&mut found.expect, value))),
        ],
    )?;
    Ok(found)
}
