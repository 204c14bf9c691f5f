//! Reads a policy document from JSON text, member by member: the model of [`super::document`] without its visitors.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::document::{
    ApiKeyDocument, BearerDocument, CredentialDocument, EncodedSlash, Https, LimitsDocument, MethodOverride, Ordered,
    PolicyDocument, RequirementDocument, RouteDocument, RouterProfile, ScopeDocument, StrictValue, TestDocument,
    TokenProfile, TrailingSlash,
};
use crate::json::read::{Read, Reader};

impl PolicyDocument {
    /// Reads a document; the error has line and column.
    pub(super) fn from_json(text: &str) -> Result<Self, String> {
        crate::json::read::whole(text, document).map_err(|fault| fault.in_text(text))
    }
}

/// An object of free names, each of them once.
pub(crate) fn ordered<'j, T>(reader: &mut Reader<'j>, read: fn(&mut Reader<'j>) -> Read<T>) -> Read<Ordered<T>> {
    let mut members: Vec<(String, T)> = Vec::new();
    let mut ends: Vec<usize> = Vec::new();
    reader.object("an object", &mut |reader, name| {
        ends.push(reader.name_end());
        members.push((name.to_owned(), read(reader)?));
        Ok(())
    })?;
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    match first_repeated(&names) {
        None => Ok(Ordered(members)),
        Some(at) => {
            let (name, end) = (names.get(at).copied().unwrap_or_default(), ends.get(at).copied().unwrap_or_default());
            Err(reader.repeated(end, name))
        }
    }
}

/// The first name that an earlier one equals.
fn first_repeated(names: &[&str]) -> Option<usize> {
    let mut sorted: Vec<(&str, usize)> = names.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    let neighbours = sorted.iter().zip(sorted.iter().skip(1));
    neighbours.filter(|((one, _), (other, _))| one == other).map(|(_, (_, at))| *at).min()
}

/// One of the words of a member, as its value.
fn word<T: Copy>(reader: &mut Reader<'_>, words: &[&str], values: &[T], default: T) -> Read<T> {
    reader.choice(words).map(|index| values.get(index).copied().unwrap_or(default))
}

fn value(reader: &mut Reader<'_>) -> Read<StrictValue> {
    reader.value().map(StrictValue)
}

fn document(reader: &mut Reader<'_>) -> Read<PolicyDocument> {
    const MEMBERS: [&str; 13] = [
        "version",
        "name",
        "base",
        "https",
        "trailingSlash",
        "caseInsensitive",
        "methodOverride",
        "hide",
        "router",
        "scopes",
        "credentials",
        "routes",
        "tests",
    ];
    let (mut version, mut name, mut base, mut https, mut slash) = (None, None, None, None, None);
    let (mut case, mut overriding, mut hide, mut router) = (None, None, None, None);
    let (mut scopes, mut credentials, mut routes, mut tests) = (None, None, None, None);
    reader.object("struct PolicyDocument", &mut |reader, member| match member {
        "version" => reader.once(&mut version, member, Reader::whole),
        "name" => reader.once(&mut name, member, Reader::string),
        "base" => reader.once(&mut base, member, Reader::string),
        "https" => reader.once(&mut https, member, |reader| {
            word(reader, &["required", "optional"], &[Https::Required, Https::Optional], Https::Required)
        }),
        "trailingSlash" => reader.once(&mut slash, member, |reader| {
            let values = [TrailingSlash::Strict, TrailingSlash::Same];
            word(reader, &["strict", "same"], &values, TrailingSlash::Strict)
        }),
        "caseInsensitive" => reader.once(&mut case, member, Reader::boolean),
        "methodOverride" => reader.once(&mut overriding, member, |reader| {
            let values = [MethodOverride::Deny, MethodOverride::Ignore, MethodOverride::Apply];
            word(reader, &["deny", "ignore", "apply"], &values, MethodOverride::Deny)
        }),
        "hide" => reader.once(&mut hide, member, Reader::boolean),
        "router" => reader.once(&mut router, member, |reader| reader.nullable(profile)),
        "scopes" => reader.once(&mut scopes, member, |reader| ordered(reader, scope)),
        "credentials" => reader.once(&mut credentials, member, |reader| ordered(reader, credential)),
        "routes" => reader.once(&mut routes, member, |reader| reader.list(route)),
        "tests" => reader.once(&mut tests, member, |reader| reader.list(test)),
        _ => Err(reader.unknown_member(member, &MEMBERS)),
    })?;
    Ok(PolicyDocument {
        version: reader.need("version", version)?,
        name: reader.need("name", name)?,
        base: base.unwrap_or_default(),
        https: https.unwrap_or_default(),
        trailing_slash: slash.unwrap_or_default(),
        case_insensitive: case.unwrap_or_default(),
        method_override: overriding.unwrap_or_default(),
        hide: hide.unwrap_or_default(),
        router: router.flatten(),
        scopes: reader.need("scopes", scopes)?,
        credentials: reader.need("credentials", credentials)?,
        routes: reader.need("routes", routes)?,
        tests: tests.unwrap_or_default(),
    })
}

fn profile(reader: &mut Reader<'_>) -> Read<RouterProfile> {
    let values = [
        RouterProfile::Express,
        RouterProfile::Koa,
        RouterProfile::Fastify,
        RouterProfile::Hono,
        RouterProfile::H3,
        RouterProfile::Edge,
    ];
    word(reader, &["express", "koa", "fastify", "hono", "h3", "edge"], &values, RouterProfile::Express)
}

fn scope(reader: &mut Reader<'_>) -> Read<ScopeDocument> {
    let expected = "a title, or an object with `title` and `implies`";
    if reader.token() != Some(b'{') {
        return Ok(ScopeDocument { title: reader.string_or(expected)?, implies: Vec::new() });
    }
    let (mut title, mut implies) = (None, None);
    reader.object(expected, &mut |reader, member| match member {
        "title" => reader.once(&mut title, member, Reader::string),
        "implies" => reader.once(&mut implies, member, Reader::strings),
        _ => Err(reader.unknown_member(member, &["title", "implies"])),
    })?;
    Ok(ScopeDocument { title: reader.need("title", title)?, implies: implies.unwrap_or_default() })
}

fn credential(reader: &mut Reader<'_>) -> Read<CredentialDocument> {
    let kind = reader.again(|reader| {
        let mut kind = None;
        reader.object("internally tagged enum CredentialDocument", &mut |reader, member| match member {
            "type" => reader.once(&mut kind, member, |reader| reader.choice(&["apiKey", "bearer"])),
            _ => reader.skip(),
        })?;
        reader.need("type", kind)
    })?;
    match kind {
        0 => api_key(reader).map(CredentialDocument::ApiKey),
        _ => bearer(reader).map(|bearer| CredentialDocument::Bearer(Box::new(bearer))),
    }
}

fn api_key(reader: &mut Reader<'_>) -> Read<ApiKeyDocument> {
    const MEMBERS: [&str; 4] = ["header", "prefix", "environments", "accept"];
    let (mut header, mut prefix, mut environments, mut accept) = (None, None, None, None);
    reader.object("struct ApiKeyDocument", &mut |reader, member| match member {
        "type" => reader.skip(),
        "header" => reader.once(&mut header, member, Reader::string),
        "prefix" => reader.once(&mut prefix, member, Reader::string),
        "environments" => reader.once(&mut environments, member, some_strings),
        "accept" => reader.once(&mut accept, member, some_strings),
        _ => Err(reader.unknown_member(member, &MEMBERS)),
    })?;
    Ok(ApiKeyDocument {
        header: reader.need("header", header)?,
        prefix: reader.need("prefix", prefix)?,
        environments: environments.flatten(),
        accept: accept.flatten(),
    })
}

fn some_strings(reader: &mut Reader<'_>) -> Read<Option<Vec<String>>> {
    reader.nullable(Reader::strings)
}

fn some_string(reader: &mut Reader<'_>) -> Read<Option<String>> {
    reader.nullable(Reader::string)
}

fn some_whole(reader: &mut Reader<'_>) -> Read<Option<u64>> {
    reader.nullable(Reader::whole)
}

fn bearer(reader: &mut Reader<'_>) -> Read<BearerDocument> {
    const MEMBERS: [&str; 13] = [
        "issuer",
        "audiences",
        "algorithms",
        "types",
        "leeway",
        "maxAge",
        "requiredClaims",
        "profile",
        "scopeClaims",
        "clients",
        "jwks",
        "limits",
        "resourceMetadata",
    ];
    let (mut issuer, mut audiences, mut algorithms, mut types, mut leeway) = (None, None, None, None, None);
    let (mut max_age, mut required, mut profile, mut scope_claims) = (None, None, None, None);
    let (mut clients, mut jwks, mut limits, mut metadata) = (None, None, None, None);
    reader.object("struct BearerDocument", &mut |reader, member| match member {
        "type" => reader.skip(),
        "issuer" => reader.once(&mut issuer, member, Reader::string),
        "audiences" => reader.once(&mut audiences, member, Reader::strings),
        "algorithms" => reader.once(&mut algorithms, member, Reader::strings),
        "types" => reader.once(&mut types, member, some_strings),
        "leeway" => reader.once(&mut leeway, member, some_whole),
        "maxAge" => reader.once(&mut max_age, member, some_whole),
        "requiredClaims" => reader.once(&mut required, member, some_strings),
        "profile" => reader.once(&mut profile, member, |reader| {
            reader.nullable(|reader| reader.choice(&["rfc9068"]).map(|_| TokenProfile::Rfc9068))
        }),
        "scopeClaims" => reader.once(&mut scope_claims, member, some_strings),
        "clients" => reader.once(&mut clients, member, some_strings),
        "jwks" => reader.once(&mut jwks, member, |reader| reader.nullable(value)),
        "limits" => reader.once(&mut limits, member, |reader| reader.nullable(self::limits)),
        "resourceMetadata" => reader.once(&mut metadata, member, some_string),
        _ => Err(reader.unknown_member(member, &MEMBERS)),
    })?;
    Ok(BearerDocument {
        issuer: reader.need("issuer", issuer)?,
        audiences: reader.need("audiences", audiences)?,
        algorithms: reader.need("algorithms", algorithms)?,
        types: types.flatten(),
        leeway: leeway.flatten(),
        max_age: max_age.flatten(),
        required_claims: required.flatten(),
        profile: profile.flatten(),
        scope_claims: scope_claims.flatten(),
        clients: clients.flatten(),
        jwks: jwks.flatten(),
        limits: limits.flatten(),
        resource_metadata: metadata.flatten(),
    })
}

fn limits(reader: &mut Reader<'_>) -> Read<LimitsDocument> {
    const MEMBERS: [&str; 4] = ["tokenBytes", "headerBytes", "depth", "members"];
    let mut found = [None; 4];
    reader.object("struct LimitsDocument", &mut |reader, member| match MEMBERS
        .iter()
        .zip(&mut found)
        .find(|(name, _)| **name == member)
    {
        Some((_, place)) => reader.once(place, member, some_whole),
        None => Err(reader.unknown_member(member, &MEMBERS)),
    })?;
    let [token_bytes, header_bytes, depth, members] = found.map(Option::flatten);
    Ok(LimitsDocument { token_bytes, header_bytes, depth, members })
}

fn route(reader: &mut Reader<'_>) -> Read<RouteDocument> {
    const MEMBERS: [&str; 5] = ["id", "match", "allow", "public", "encodedSlash"];
    let (mut id, mut matches, mut allow, mut public, mut encoded_slash) = (None, None, None, None, None);
    reader.object("struct RouteDocument", &mut |reader, member| match member {
        "id" => reader.once(&mut id, member, Reader::string),
        "match" => reader.once(&mut matches, member, Reader::string),
        "allow" => reader.once(&mut allow, member, |reader| reader.nullable(|reader| reader.list(requirements))),
        "public" => reader.once(&mut public, member, |reader| reader.nullable(Reader::boolean)),
        "encodedSlash" => reader.once(&mut encoded_slash, member, |reader| {
            reader.nullable(|reader| reader.choice(&["opaque"]).map(|_| EncodedSlash::Opaque))
        }),
        _ => Err(reader.unknown_member(member, &MEMBERS)),
    })?;
    Ok(RouteDocument {
        id: reader.need("id", id)?,
        matches: reader.need("match", matches)?,
        allow: allow.flatten(),
        public: public.flatten(),
        encoded_slash: encoded_slash.flatten(),
    })
}

/// Credentials by name, and what is asked of them or taken as proven.
pub(crate) fn requirements(reader: &mut Reader<'_>) -> Read<Ordered<RequirementDocument>> {
    ordered(reader, requirement)
}

fn requirement(reader: &mut Reader<'_>) -> Read<RequirementDocument> {
    if reader.token() == Some(b'[') {
        return Ok(RequirementDocument { scopes: reader.strings()?, claims: Ordered::default() });
    }
    let (mut scopes, mut claims) = (None, None);
    let expected = "a list of scopes, or an object with `scopes` and `claims`";
    reader.object(expected, &mut |reader, member| match member {
        "scopes" => reader.once(&mut scopes, member, Reader::strings),
        "claims" => reader.once(&mut claims, member, |reader| ordered(reader, value)),
        _ => Err(reader.unknown_member(member, &["scopes", "claims"])),
    })?;
    Ok(RequirementDocument { scopes: scopes.unwrap_or_default(), claims: claims.unwrap_or_default() })
}

fn test(reader: &mut Reader<'_>) -> Read<TestDocument> {
    const MEMBERS: [&str; 5] = ["name", "request", "with", "https", "expect"];
    let (mut name, mut request, mut with, mut https, mut expect) = (None, None, None, None, None);
    reader.object("struct TestDocument", &mut |reader, member| match member {
        "name" => reader.once(&mut name, member, some_string),
        "request" => reader.once(&mut request, member, Reader::string),
        "with" => reader.once(&mut with, member, requirements),
        "https" => reader.once(&mut https, member, Reader::boolean),
        "expect" => reader.once(&mut expect, member, value),
        _ => Err(reader.unknown_member(member, &MEMBERS)),
    })?;
    Ok(TestDocument {
        name: name.flatten(),
        request: reader.need("request", request)?,
        with: with.unwrap_or_default(),
        https: https.unwrap_or(true),
        expect: reader.need("expect", expect)?,
    })
}
