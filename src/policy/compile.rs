//! From a document to a [`Policy`]: everything checked once, every mistake found and placed, immutable afterwards.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Arguments, Write};

use serde_json::Value;

use super::credential::{compile_credentials, number_headers};
use super::document::{
    Https, Ordered, PolicyDocument, RequirementDocument, RouteDocument, TestDocument, TrailingSlash,
};
use super::few::Few;
use super::ids::Ids;
use super::tests::check_tests;
use super::{Allow, Alternative, Credential, CredentialKind, Policy, Requirement, Route};
use crate::error::{PolicyError, PolicyErrors};
use crate::json::Quoted;
use crate::route::table::{RouteError, RouteSpec, RouteTable, TableOptions};
use crate::scope::{ScopeCatalogue, ScopeDeclaration, is_scope_name};

/// The version of the document format this crate reads.
pub const VERSION: u64 = 1;
/// The most credentials one route may name.
pub const MAX_ROUTE_CREDENTIALS: usize = 4;

/// The longest title of a scope, in characters.
const MAX_TITLE_CHARS: usize = 200;

/// So many different lists of alternatives are looked through for one that a route could share.
const MAX_SHARED: usize = 32;

/// Collects mistakes, so that one run tells all of them.
pub(super) struct Mistakes(Vec<PolicyError>);

impl Mistakes {
    pub(super) fn add(&mut self, code: &'static str, place: Arguments<'_>, message: Arguments<'_>) {
        self.under(code, place, "", message);
    }

    /// A mistake at a place below another one.
    #[inline(never)]
    pub(super) fn under(&mut self, code: &'static str, place: Arguments<'_>, below: &str, message: Arguments<'_>) {
        let place = format!("{place}{below}");
        self.0.push(PolicyError { code, place, other: None, message: message.to_string() });
    }
}

/// A member name as a JSON pointer token (RFC 6901 section 3).
pub(super) struct Pointer<'a>(pub(super) &'a str);

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '~' => f.write_str("~0"),
            '/' => f.write_str("~1"),
            plain => f.write_char(plain),
        })
    }
}

/// An alternative of a route, or a credential in it: written only when something is wrong there.
#[derive(Clone, Copy)]
struct Place<'a> {
    route: usize,
    alternative: usize,
    credential: &'a str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/routes/{}/allow/{}", self.route, self.alternative)?;
        if self.credential.is_empty() { Ok(()) } else { write!(f, "/{}", Pointer(self.credential)) }
    }
}

impl Policy {
    /// Reads and compiles a JSON document.
    ///
    /// # Errors
    /// One `syntax` error with line and column when the text is no document, or every mistake of the document.
    pub fn from_json(text: &str) -> Result<Self, PolicyErrors> {
        let mut document = PolicyDocument::from_json(text).map_err(|message| {
            PolicyErrors(alloc::vec![PolicyError { code: "syntax", place: String::new(), other: None, message }])
        })?;
        let tests = core::mem::take(&mut document.tests);
        Self::with_tests(&document, tests)
    }

    /// Compiles a document.
    ///
    /// # Errors
    /// Every mistake of the document, each with its place as a JSON pointer.
    pub fn compile(document: &PolicyDocument) -> Result<Self, PolicyErrors> {
        Self::with_tests(document, document.tests.clone())
    }

    #[inline(never)]
    fn with_tests(document: &PolicyDocument, tests: Vec<TestDocument>) -> Result<Self, PolicyErrors> {
        let mut mistakes = Mistakes(Vec::new());
        if document.version != VERSION {
            mistakes.add(
                "version",
                format_args!("/version"),
                format_args!("version {} is not known; expected {VERSION}", document.version),
            );
        }
        if document.name.is_empty()
            || document.name.len() > 100
            || !document.name.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\')
        {
            mistakes.add(
                "name",
                format_args!("/name"),
                format_args!("expected 1 to 100 printable ASCII characters without '\"' and '\\' (it becomes the realm of challenges)"),
            );
        }
        let scopes = compile_scopes(document, &mut mistakes);
        let mut credentials = compile_credentials(&document.credentials, &mut mistakes);
        let key_headers = number_headers(&mut credentials, &mut mistakes);
        let routes = compile_routes(document, &scopes, &credentials, &mut mistakes);
        check_tests(&tests, &credentials, &mut mistakes);
        let table = compile_table(document, &mut mistakes);
        match table {
            Some(table) if mistakes.0.is_empty() => Ok(Self {
                name: document.name.as_str().into(),
                https_required: document.https == Https::Required,
                method_override: document.method_override,
                hide: document.hide,
                router: document.router,
                scopes,
                credentials,
                key_headers,
                routes,
                table,
                tests: tests.into_boxed_slice(),
            }),
            _ => Err(PolicyErrors(mistakes.0)),
        }
    }
}

#[inline(never)]
fn compile_scopes(document: &PolicyDocument, mistakes: &mut Mistakes) -> ScopeCatalogue {
    for (name, scope) in &document.scopes.0 {
        if scope.title.is_empty() || scope.title.chars().count() > MAX_TITLE_CHARS {
            mistakes.add(
                "scope_title",
                format_args!("/scopes/{}", Pointer(name)),
                format_args!("expected a title of 1 to {MAX_TITLE_CHARS} characters: people read it when they consent"),
            );
        }
    }
    let declared: Vec<ScopeDeclaration<'_>> = document
        .scopes
        .0
        .iter()
        .map(|(name, scope)| ScopeDeclaration { name, title: &scope.title, implies: &scope.implies })
        .collect();
    ScopeCatalogue::build(&declared).unwrap_or_else(|error| {
        mistakes.add(error.code(), format_args!("/scopes"), format_args!("{error}"));
        // The good names still count, so that routes that use them are not called wrong as well.
        let mut names: Vec<ScopeDeclaration<'_>> = Vec::new();
        for scope in &declared {
            if is_scope_name(scope.name) && names.iter().all(|known| known.name != scope.name) {
                names.push(ScopeDeclaration { implies: &[], ..*scope });
            }
        }
        ScopeCatalogue::build(&names).unwrap_or_default()
    })
}

#[inline(never)]
fn compile_routes(
    document: &PolicyDocument,
    scopes: &ScopeCatalogue,
    credentials: &[Credential],
    mistakes: &mut Mistakes,
) -> Box<[Route]> {
    let count = document.routes.len();
    if count == 0 {
        mistakes.add("routes_empty", format_args!("/routes"), format_args!("expected at least one route"));
    }
    let mut routes = Vec::with_capacity(count);
    let mut ids = Ids::of(&document.routes);
    let texts = texts_of(&document.routes);
    let mut start = 0_u32;
    let nobody = Arc::<Allow>::default();
    let mut shared: Vec<(&Vec<_>, Arc<Allow>)> = Vec::with_capacity(MAX_SHARED.min(count));
    let mut used = Vec::new();
    for (at, route) in document.routes.iter().enumerate() {
        let place = format_args!("/routes/{at}");
        if route.id.is_empty() || route.id.len() > 100 || !route.id.bytes().all(|b| b.is_ascii_graphic()) {
            mistakes.under("route_id", place, "/id", format_args!("expected 1 to 100 printable ASCII characters"));
        }
        if let Some(earlier) = ids.enter(at, &route.id) {
            mistakes.0.push(PolicyError {
                code: "duplicate_route_id",
                place: format!("/routes/{at}/id"),
                other: Some(format!("/routes/{earlier}/id")),
                message: format!("route id {} is used twice", Quoted(&route.id)),
            });
        }
        let (method, _) = split_match(&route.matches);
        // What is longer is no id, or no path of the table.
        let [id_len, method_len, match_len] =
            [&*route.id, method, &*route.matches].map(|text| u16::try_from(text.len()).unwrap_or(0));
        let mut compiled = Route {
            texts: Arc::clone(&texts),
            start,
            id_len,
            method_len,
            match_len,
            public: route.public == Some(true),
            allow: Arc::clone(&nobody),
        };
        start = start.saturating_add(id_len.into()).saturating_add(match_len.into());
        match (&route.allow, route.public) {
            (Some(_), Some(_)) => mistakes.add(
                "public_and_allow",
                place,
                format_args!("route {} has both \"allow\" and \"public\"; expected one of them", Quoted(& route.id)),
            ),
            (None, Some(true)) => {}
            (None, Some(false)) => mistakes.under(
                "public_false",
                place,
                "/public",
                format_args!("\"public\" can only be true; say with \"allow\" who may pass"),
            ),
            (None, None) => mistakes.add(
                "route_undecided",
                place,
                format_args!(
                    "route {} says neither \"allow\" nor \"public\": true; everything is denied by default, so a route must say one", Quoted(&
                    route.id)),
            ),
            (Some(allow), None) => {
                // The latest first: routes that belong together stand together.
                let alike = shared.iter().rev().find(|(known, _)| *known == allow);
                let alike = alike.map(|(_, shared)| Arc::clone(shared));
                compiled.allow = alike.unwrap_or_else(|| {
                    let before = mistakes.0.len();
                    let made = Arc::new(compile_alternatives(allow, at, scopes, credentials, &mut used, mistakes));
                    // What is wrong is told of every route.
                    if mistakes.0.len() == before && shared.len() < MAX_SHARED {
                        shared.push((allow, Arc::clone(&made)));
                    }
                    made
                });
            }
        }
        routes.push(compiled);
    }
    routes.into_boxed_slice()
}

/// The ids of the routes and what they match, one after the other.
fn texts_of(routes: &[RouteDocument]) -> Arc<str> {
    let lengths = routes.iter().map(|route| route.id.len().saturating_add(route.matches.len()));
    let mut texts = String::with_capacity(lengths.fold(0, usize::saturating_add));
    for route in routes {
        texts.push_str(&route.id);
        texts.push_str(&route.matches);
    }
    texts.into()
}

#[inline(never)]
fn compile_alternatives(
    allow: &[Ordered<RequirementDocument>],
    at: usize,
    scopes: &ScopeCatalogue,
    credentials: &[Credential],
    used: &mut Vec<usize>,
    mistakes: &mut Mistakes,
) -> Allow {
    if allow.is_empty() {
        mistakes.add(
            "allow_empty",
            format_args!("/routes/{at}/allow"),
            format_args!("an empty list lets nobody in; name at least one alternative"),
        );
    }
    used.clear();
    let mut alternatives = Few::default();
    for (number, alternative) in allow.iter().enumerate() {
        let place = Place { route: at, alternative: number, credential: "" };
        if alternative.0.is_empty() {
            mistakes.add(
                "alternative_empty",
                format_args!("{place}"),
                format_args!(
                    "an alternative without credentials would let everybody in; public needs the words \"public\": true"
                ),
            );
        }
        let mut parts = Few::default();
        for (name, requirement) in &alternative.0 {
            let place = Place { credential: name, ..place };
            let Some(credential) = credentials.iter().position(|credential| &*credential.name == name.as_str()) else {
                mistakes.add(
                    "undeclared_credential",
                    format_args!("{place}"),
                    format_args!(
                        "credential {name} is not declared; declared are: {}",
                        names(credentials),
                        name = Quoted(name)
                    ),
                );
                continue;
            };
            let slot = used.iter().position(|known| *known == credential).unwrap_or_else(|| {
                used.push(credential);
                used.len().saturating_sub(1)
            });
            if let Some(part) = compile_requirement(requirement, credential, slot, scopes, credentials, place, mistakes)
            {
                parts.push(part);
            }
        }
        alternatives.push(Alternative { parts });
    }
    if used.len() > MAX_ROUTE_CREDENTIALS {
        mistakes.add(
            "too_many_credentials",
            format_args!("/routes/{at}/allow"),
            format_args!(
                "the alternatives name {} credentials; at most {MAX_ROUTE_CREDENTIALS} are supported",
                used.len()
            ),
        );
    }
    Allow::new(alternatives, used)
}

#[inline(never)]
fn compile_requirement(
    requirement: &RequirementDocument,
    credential: usize,
    slot: usize,
    scopes: &ScopeCatalogue,
    credentials: &[Credential],
    place: Place<'_>,
    mistakes: &mut Mistakes,
) -> Option<Requirement> {
    let required = match scopes.require(requirement.scopes.iter().map(String::as_str)) {
        Ok(set) => set,
        Err(name) => {
            let hint = closest(name, scopes)
                .map(|near| format!("; did you mean {near}?", near = Quoted(near)))
                .unwrap_or_default();
            mistakes.add(
                "undeclared_scope",
                format_args!("{place}"),
                format_args!("scope {name} is not declared{hint}", name = Quoted(name)),
            );
            return None;
        }
    };
    let is_key = credentials.get(credential).is_some_and(|c| matches!(c.kind, CredentialKind::ApiKey(_)));
    if is_key && !requirement.claims.0.is_empty() {
        mistakes.add(
            "claims_on_key",
            format_args!("{place}"),
            format_args!("an API key has no claims; only bearer credentials can ask for them"),
        );
    }
    let mut claims: Vec<(Box<str>, Value)> = Vec::with_capacity(requirement.claims.0.len());
    for (name, value) in &requirement.claims.0 {
        // What is no such value is a mistake, and there will be no policy.
        let kept = match &value.0 {
            Value::String(text) => Value::String(text.clone()),
            Value::Number(number) => Value::Number(number.clone()),
            Value::Bool(flag) => Value::Bool(*flag),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                mistakes.add(
                    "claim_value",
                    format_args!("{place}/claims/{}", Pointer(name)),
                    format_args!(
                        "claim {name} must be compared with a string, a number or a boolean",
                        name = Quoted(name)
                    ),
                );
                Value::Null
            }
        };
        claims.push((name.as_str().into(), kept));
    }
    Some(Requirement { credential, slot, scopes: required, claims: claims.into_boxed_slice() })
}

#[inline(never)]
fn compile_table(document: &PolicyDocument, mistakes: &mut Mistakes) -> Option<RouteTable> {
    let specs: Vec<RouteSpec<'_>> = document
        .routes
        .iter()
        .map(|route| {
            let (method, path) = split_match(&route.matches);
            RouteSpec { method, path, encoded_slash: route.encoded_slash.is_some() }
        })
        .collect();
    let options = TableOptions {
        base: &document.base,
        trailing_slash_same: document.trailing_slash == TrailingSlash::Same,
        case_insensitive: document.case_insensitive,
    };
    match RouteTable::build(&specs, &options) {
        Ok(table) => Some(table),
        Err(errors) => {
            mistakes.0.extend(errors.iter().map(|error| route_mistake(error, document)));
            None
        }
    }
}

fn route_mistake(error: &RouteError, document: &PolicyDocument) -> PolicyError {
    let place = |route: Option<usize>| route.map(|at| format!("/routes/{at}/match"));
    let named = |route: Option<usize>| {
        route
            .and_then(|at| document.routes.get(at))
            .map(|route| format!("{} ({})", Quoted(&route.id), route.matches))
            .unwrap_or_default()
    };
    let message = match (error.route(), error.other()) {
        (Some(_), Some(_)) => format!("routes {} and {}: {error}", named(error.other()), named(error.route())),
        (Some(_), None) => format!("route {}: {error}", named(error.route())),
        _ => error.to_string(),
    };
    PolicyError {
        code: error.code(),
        place: place(error.route()).unwrap_or_else(|| "/base".into()),
        other: place(error.other()),
        message,
    }
}

/// `METHOD /path` in two; without a space the path is empty, which the table refuses.
fn split_match(matches: &str) -> (&str, &str) {
    // It is near: what searches long texts fast takes longer.
    let split = matches.bytes().position(|byte| byte == b' ').and_then(|at| matches.split_at_checked(at));
    split.map_or((matches, ""), |(method, rest)| (method, rest.strip_prefix(' ').unwrap_or(rest)))
}

fn names(credentials: &[Credential]) -> String {
    credentials.iter().map(|credential| &*credential.name).collect::<Vec<_>>().join(", ")
}

/// The declared scope that differs least from a misspelt one, if any is near: by two letters at most, and by less than half of its length.
fn closest<'s>(name: &str, scopes: &'s ScopeCatalogue) -> Option<&'s str> {
    (0..scopes.len())
        .filter_map(|index| scopes.name(index))
        .map(|declared| (distance(name, declared), declared))
        .filter(|(edits, _)| *edits <= 2 && edits.saturating_mul(2) < name.len())
        .min()
        .map(|(_, declared)| declared)
}

/// Levenshtein distance over bytes, one row at a time.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(b.bytes()) {
            let above = *cell;
            let replace = diagonal.saturating_add(usize::from(from != to));
            left = replace.min(above.saturating_add(1)).min(left.saturating_add(1));
            *cell = left;
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or(0)
}
