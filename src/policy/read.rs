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
use crate::json::members::{Place, members};
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
    if !ends.is_empty() {
        unique(reader, &ends, &mut members.iter().map(|(name, _)| name.as_str()))?;
    }
    Ok(Ordered(members))
}

/// Refuses a name that an earlier one equals; `ends` is where each but the first ends.
fn unique(reader: &mut Reader<'_>, ends: &[usize], names: &mut dyn Iterator<Item = &str>) -> Read<()> {
    let mut all = Vec::with_capacity(ends.len().saturating_add(1));
    all.extend(names);
    match first_repeated(&all).and_then(|at| Some((ends.get(at.checked_sub(1)?)?, all.get(at)?))) {
        Some((end, name)) => Err(reader.repeated(*end, name)),
        None => Ok(()),
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
    let (mut https, mut slash, mut method, mut router) = (0, 0, 0, None);
    members!(reader, "struct PolicyDocument", {
        "version" => Place::Whole(&mut found.version),
        "name" => Place::Text(&mut found.name),
        "base?" => Place::Text(&mut found.base),
        "https?" => Place::Choice(&mut https, &["required", "optional"]),
        "trailingSlash?" => Place::Choice(&mut slash, &["strict", "same"]),
        "caseInsensitive?" => Place::Flag(&mut found.case_insensitive),
        "methodOverride?" => Place::Choice(&mut method, &["deny", "ignore", "apply"]),
        "hide?" => Place::Flag(&mut found.hide),
        "router?" => Place::SomeChoice(&mut router, &["express", "koa", "fastify", "hono", "h3", "edge"]),
        "scopes" => Place::Other(&mut |reader| reader.put(&mut found.scopes, |reader| ordered(reader, scope))),
        "credentials" => Place::Other(&mut |reader| {
            reader.put(&mut found.credentials, |reader| ordered(reader, credential))
        }),
        "routes" => Place::Other(&mut |reader| reader.put(&mut found.routes, |reader| reader.list(route))),
        "tests?" => Place::Other(&mut |reader| reader.put(&mut found.tests, |reader| reader.list(test))),
    })?;
    found.https = if https == 0 { Https::Required } else { Https::Optional };
    found.trailing_slash = if slash == 0 { TrailingSlash::Strict } else { TrailingSlash::Same };
    found.method_override = match method {
        0 => MethodOverride::Deny,
        1 => MethodOverride::Ignore,
        _ => MethodOverride::Apply,
    };
    found.router = router.map(|router| match router {
        0 => RouterProfile::Express,
        1 => RouterProfile::Koa,
        2 => RouterProfile::Fastify,
        3 => RouterProfile::Hono,
        4 => RouterProfile::H3,
        _ => RouterProfile::Edge,
    });
    Ok(found)
}

fn scope(reader: &mut Reader<'_>) -> Read<ScopeDocument> {
    let expected = "a title, or an object with `title` and `implies`";
    let mut found = ScopeDocument { title: String::new(), implies: Vec::new() };
    if reader.token() == Some(b'{') {
        members!(reader, expected, {
            "title" => Place::Text(&mut found.title),
            "implies?" => Place::Texts(&mut found.implies),
        })?;
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
    members!(reader, "struct ApiKeyDocument", {
        "type?" => Place::Passed,
        "header" => Place::Text(&mut found.header),
        "prefix" => Place::Text(&mut found.prefix),
        "environments?" => Place::SomeTexts(&mut found.environments),
        "accept?" => Place::SomeTexts(&mut found.accept),
        "imported?" => Place::Other(&mut |reader| reader.put(&mut found.imported, |reader| reader.list(imported))),
    })?;
    Ok(found)
}

fn imported(reader: &mut Reader<'_>) -> Read<ImportedDocument> {
    let mut found = ImportedDocument::default();
    members!(reader, "struct ImportedDocument", {
        "from" => Place::Text(&mut found.from),
        "prefix?" => Place::Text(&mut found.prefix),
        "environment?" => Place::SomeText(&mut found.environment),
        "length?" => Place::Other(&mut |reader| reader.put(&mut found.length, |reader| reader.whole().map(Some))),
        "upgradedOnly?" => Place::Flag(&mut found.upgraded_only),
    })?;
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
    let mut profile = None;
    members!(reader, "struct BearerDocument", {
        "type?" => Place::Passed,
        "issuer" => Place::Text(&mut found.issuer),
        "audiences" => Place::Texts(&mut found.audiences),
        "algorithms" => Place::Texts(&mut found.algorithms),
        "types?" => Place::SomeTexts(&mut found.types),
        "leeway?" => Place::SomeWhole(&mut found.leeway),
        "maxAge?" => Place::SomeWhole(&mut found.max_age),
        "requiredClaims?" => Place::SomeTexts(&mut found.required_claims),
        "profile?" => Place::SomeChoice(&mut profile, &["rfc9068"]),
        "scopeClaims?" => Place::SomeTexts(&mut found.scope_claims),
        "clients?" => Place::SomeTexts(&mut found.clients),
        "jwks?" => Place::Other(&mut |reader| reader.put(&mut found.jwks, |reader| value(reader).map(Some))),
        "limits?" => Place::Other(&mut |reader| reader.put(&mut found.limits, |reader| limits(reader).map(Some))),
        "resourceMetadata?" => Place::SomeText(&mut found.resource_metadata),
    })?;
    found.profile = profile.map(|_| TokenProfile::Rfc9068);
    Ok(found)
}

fn limits(reader: &mut Reader<'_>) -> Read<LimitsDocument> {
    let mut found = LimitsDocument::default();
    members!(reader, "struct LimitsDocument", {
        "tokenBytes?" => Place::SomeWhole(&mut found.token_bytes),
        "headerBytes?" => Place::SomeWhole(&mut found.header_bytes),
        "depth?" => Place::SomeWhole(&mut found.depth),
        "members?" => Place::SomeWhole(&mut found.members),
    })?;
    Ok(found)
}

fn route(reader: &mut Reader<'_>) -> Read<RouteDocument> {
    let mut found =
        RouteDocument { id: String::new(), matches: String::new(), allow: None, public: None, encoded_slash: None };
    let mut slash = None;
    members!(reader, "struct RouteDocument", {
        "id" => Place::Text(&mut found.id),
        "match" => Place::Text(&mut found.matches),
        "allow?" => Place::Other(&mut |reader| {
            reader.put(&mut found.allow, |reader| reader.list(requirements).map(Some))
        }),
        "public?" => Place::SomeFlag(&mut found.public),
        "encodedSlash?" => Place::SomeChoice(&mut slash, &["opaque"]),
    })?;
    found.encoded_slash = slash.map(|_| EncodedSlash::Opaque);
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
    members!(reader, "a list of scopes, or an object with `scopes` and `claims`", {
        "scopes?" => Place::Texts(&mut found.scopes),
        "claims?" => Place::Other(&mut |reader| reader.put(&mut found.claims, |reader| ordered(reader, value))),
    })?;
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
    members!(reader, "struct TestDocument", {
        "name?" => Place::SomeText(&mut found.name),
        "request" => Place::Text(&mut found.request),
        "with?" => Place::Other(&mut |reader| reader.put(&mut found.with, requirements)),
        "https?" => Place::Flag(&mut found.https),
        "expect" => Place::Other(&mut |reader| reader.put(&mut found.expect, value)),
    })?;
    Ok(found)
}
