//! The policy: the document people write and the checked form the engine runs.

pub mod compile;
mod credential;
pub mod document;
mod few;
mod ids;
pub(crate) mod read;
mod tests;

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde_json::Value;

use self::compile::MAX_ROUTE_CREDENTIALS;
use self::document::{MethodOverride, RouterProfile, TestDocument};
use self::few::Few;
use crate::jwt::claims::TokenRules;
use crate::jwt::jwk::KeySet;
use crate::key::foreign::ForeignKeys;
use crate::key::format::KeyFormat;
use crate::route::table::RouteTable;
use crate::scope::{ScopeCatalogue, ScopeSet};

/// A checked policy: immutable, shareable, ready to decide with.
///
/// Made by [`Policy::from_json`] or [`Policy::compile`] only, so that one exists only if everything in it holds.
#[derive(Debug)]
pub struct Policy {
    pub(crate) name: Box<str>,
    pub(crate) https_required: bool,
    pub(crate) method_override: MethodOverride,
    pub(crate) hide: bool,
    pub(crate) router: Option<RouterProfile>,
    pub(crate) scopes: ScopeCatalogue,
    pub(crate) credentials: Box<[Credential]>,
    /// The distinct API-key headers: a credential's `header_index` is an index into this list.
    pub(crate) key_headers: Box<[Box<str>]>,
    pub(crate) routes: Box<[Route]>,
    pub(crate) table: RouteTable,
    pub(crate) tests: Box<[TestDocument]>,
}

impl Policy {
    /// The name; also the `realm` of challenges.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The declared scopes.
    #[must_use]
    pub fn scopes(&self) -> &ScopeCatalogue {
        &self.scopes
    }

    /// The declared credentials.
    #[must_use]
    pub fn credentials(&self) -> &[Credential] {
        &self.credentials
    }

    /// The credential with this name and its index.
    #[must_use]
    pub fn credential(&self, name: &str) -> Option<(usize, &Credential)> {
        self.credentials.iter().enumerate().find(|(_, credential)| &*credential.name == name)
    }

    /// The routes, in the order of the document.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The route with this id.
    #[must_use]
    pub fn route(&self, id: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.id() == id)
    }

    /// The tests that travel with the policy.
    #[must_use]
    pub fn tests(&self) -> &[TestDocument] {
        &self.tests
    }

    /// Whether plain HTTP is refused.
    #[must_use]
    pub fn https_required(&self) -> bool {
        self.https_required
    }

    /// What a method-override header means.
    #[must_use]
    pub fn method_override(&self) -> MethodOverride {
        self.method_override
    }

    /// The framework whose folding the linter assumes.
    #[must_use]
    pub fn router(&self) -> Option<RouterProfile> {
        self.router
    }

    /// The table of routes.
    #[must_use]
    pub fn table(&self) -> &RouteTable {
        &self.table
    }
}

/// A declared credential, checked.
#[derive(Debug)]
pub struct Credential {
    pub(crate) name: Box<str>,
    pub(crate) kind: CredentialKind,
}

impl Credential {
    /// The name that `allow` uses.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &CredentialKind {
        &self.kind
    }
}

/// The kinds of credential.
#[derive(Debug)]
pub enum CredentialKind {
    /// An API key in a header.
    ApiKey(ApiKeyCredential),
    /// A JWT in `Authorization: Bearer`.
    Bearer(BearerCredential),
}

/// An API key credential, checked.
#[derive(Debug)]
pub struct ApiKeyCredential {
    pub(crate) header: Box<str>,
    pub(crate) header_index: usize,
    /// Whether another product's keys come in the same header.
    pub(crate) shares_header: bool,
    pub(crate) format: KeyFormat,
    pub(crate) accept: Box<[Box<str>]>,
    pub(crate) imported: Box<[ForeignKeys]>,
}

impl ApiKeyCredential {
    /// The name of the header, as the policy spells it.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }

    /// The text form of the keys.
    #[must_use]
    pub fn format(&self) -> &KeyFormat {
        &self.format
    }

    /// The environments accepted.
    #[must_use]
    pub fn accept(&self) -> &[Box<str>] {
        &self.accept
    }

    /// The keys of other systems that are taken too.
    #[must_use]
    pub fn imported(&self) -> &[ForeignKeys] {
        &self.imported
    }
}

/// A bearer credential, checked.
#[derive(Debug)]
pub struct BearerCredential {
    pub(crate) rules: TokenRules,
    pub(crate) clients: Option<Box<[Box<str>]>>,
    pub(crate) jwks: Option<Arc<KeySet>>,
    pub(crate) resource_metadata: Option<Box<str>>,
}

impl BearerCredential {
    /// The rules a token must follow.
    #[must_use]
    pub fn rules(&self) -> &TokenRules {
        &self.rules
    }

    /// The allowed clients; `None` allows any.
    #[must_use]
    pub fn clients(&self) -> Option<&[Box<str>]> {
        self.clients.as_deref()
    }

    /// The key set written into the policy.
    #[must_use]
    pub fn jwks(&self) -> Option<&Arc<KeySet>> {
        self.jwks.as_ref()
    }

    /// The URL of the protected-resource metadata (RFC 9728).
    #[must_use]
    pub fn resource_metadata(&self) -> Option<&str> {
        self.resource_metadata.as_deref()
    }
}

/// A route with its alternatives.
#[derive(Debug)]
pub struct Route {
    /// The ids of all routes and what they match.
    pub(crate) texts: Arc<str>,
    /// Where its own part starts: the id, and `METHOD /path` as the document has it.
    pub(crate) start: u32,
    pub(crate) id_len: u16,
    pub(crate) method_len: u16,
    pub(crate) match_len: u16,
    pub(crate) public: bool,
    pub(crate) allow: Arc<Allow>,
}

/// Who may pass. Routes of which the document says the same share one.
#[derive(Debug, Default)]
pub(crate) struct Allow {
    /// The first alternative, when it asks for one credential and scopes that fit a word.
    lone: Option<(usize, u64)>,
    alternatives: Few<Alternative>,
    credentials: Slots,
}

impl Allow {
    pub(crate) fn new(alternatives: Few<Alternative>, credentials: &[usize]) -> Self {
        let lone = match alternatives.first().map(Alternative::parts) {
            Some([part]) if part.claims.is_empty() => part.scopes.word().map(|scopes| (part.credential, scopes)),
            _ => None,
        };
        Self { lone, alternatives, credentials: Slots::of(credentials) }
    }
}

/// The distinct credentials that alternatives name: a requirement's `slot` is an index into them.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    list: [usize; MAX_ROUTE_CREDENTIALS],
    len: usize,
}

impl Slots {
    /// The first of these, as many as there may be.
    pub(crate) fn of(used: &[usize]) -> Self {
        let mut slots = Self::default();
        for (place, credential) in slots.list.iter_mut().zip(used) {
            *place = *credential;
            slots.len = slots.len.saturating_add(1);
        }
        slots
    }

    fn kept(&self) -> &[usize] {
        self.list.get(..self.len).unwrap_or_default()
    }
}

impl Route {
    /// A part of its text: where it starts behind the id, and how long it is.
    fn part(&self, from: usize, len: usize) -> &str {
        let start = (self.start as usize).saturating_add(from);
        self.texts.get(start..start.saturating_add(len)).unwrap_or_default()
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.part(0, self.id_len.into())
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.part(self.id_len.into(), self.method_len.into())
    }

    /// The path pattern, without the base.
    #[must_use]
    pub fn path(&self) -> &str {
        let before = usize::from(self.method_len).saturating_add(1);
        self.part(usize::from(self.id_len).saturating_add(before), usize::from(self.match_len).saturating_sub(before))
    }

    /// Whether everybody may pass.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// The alternatives: any of them lets a request pass.
    #[must_use]
    pub fn alternatives(&self) -> &[Alternative] {
        &self.allow.alternatives
    }

    pub(crate) fn credentials(&self) -> &[usize] {
        self.allow.credentials.kept()
    }

    /// Whether a credential with these scopes, and nothing besides, lets a request pass.
    pub(crate) fn is_covered_by(&self, credential: usize, scopes: &ScopeSet) -> bool {
        let covered = |alternative: &Alternative| {
            alternative.parts.iter().all(|part| {
                part.credential == credential && part.claims.is_empty() && scopes.contains_all(&part.scopes)
            })
        };
        self.public || self.allow.alternatives.iter().any(covered)
    }

    /// Whether it does by the first alternative, where that can be told at a glance; if not, [`Route::is_covered_by`] may say otherwise.
    #[inline(always)]
    pub(crate) fn is_covered_at_once(&self, credential: usize, scopes: &ScopeSet) -> bool {
        match (self.allow.lone, scopes.word()) {
            (Some((wanted, needed)), Some(given)) => wanted == credential && needed & !given == 0,
            _ => false,
        }
    }
}

/// One alternative: all of its requirements.
#[derive(Debug)]
pub struct Alternative {
    pub(crate) parts: Few<Requirement>,
}

impl Alternative {
    /// The requirements.
    #[must_use]
    pub fn parts(&self) -> &[Requirement] {
        &self.parts
    }
}

/// What an alternative asks of one credential.
#[derive(Debug)]
pub struct Requirement {
    pub(crate) credential: usize,
    pub(crate) slot: usize,
    pub(crate) scopes: ScopeSet,
    pub(crate) claims: Box<[(Box<str>, Value)]>,
}

impl Requirement {
    /// The index of the credential in [`Policy::credentials`].
    #[must_use]
    pub fn credential(&self) -> usize {
        self.credential
    }

    /// The scopes, all of them needed.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// The claims, all of them needed: equal to the value, or an array that has it.
    #[must_use]
    pub fn claims(&self) -> &[(Box<str>, Value)] {
        &self.claims
    }
}
