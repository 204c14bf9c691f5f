//! The management API for keys. The owner comes from the verified token alone: no request can name another one.

mod body;
mod ceilings;
mod change;
mod create;
mod cursor;
mod idempotency;
mod list;
mod refusal;
mod rotate;
mod tags;
mod turns;
mod view;

use std::collections::BTreeMap;
use std::error::Error;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body_util::LengthLimitError;
use scopegate::key::format::{KeyFormat, KeyId};
use scopegate::key::lifecycle::LifecycleError;
use scopegate::key::record::KeyRecord;
use scopegate::policy::{CredentialKind, Policy, Route};
use scopegate::principal::PrincipalKind;
use scopegate::time::UnixSeconds;
use scopegate_stores::KeyStore;
use scopegate_tower::Granted;

pub use self::ceilings::{Ceilings, CeilingsError, OwnerCeilings};
use self::idempotency::InFlight;
pub(crate) use self::refusal::refusal;
use self::turns::Turns;
use crate::app::App;
use crate::budget::Table;
use crate::connection::TooSlow;
use crate::peppers::{Peppers, Secret};
use crate::problem::{self, Place, Problem};

/// The path of the collection, as `Location` shows it.
pub const COLLECTION: &str = "/settings/api-keys";
/// The longest body of a request, in bytes.
const MAX_BODY: usize = 65_536;

/// What the API can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    List,
    Show,
    Relabel,
    Revoke,
    Rotate,
}

impl Operation {
    /// The operation of a route, its parameters unnamed.
    fn of(method: &str, path: &str) -> Option<Self> {
        let rest = path.strip_prefix(COLLECTION)?;
        match (method, rest) {
            ("POST", "") => Some(Self::Create),
            ("GET", "") => Some(Self::List),
            ("GET", "/{}") => Some(Self::Show),
            ("PATCH", "/{}") => Some(Self::Relabel),
            ("DELETE", "/{}") => Some(Self::Revoke),
            ("POST", "/{}/rotate") => Some(Self::Rotate),
            _ => None,
        }
    }
}

/// The management API: what it knows of the policy, what owners may have, and its secrets.
pub struct Manage {
    format: KeyFormat,
    environments: Vec<String>,
    /// The scopes that keys may have at all.
    grantable: Vec<String>,
    ceilings: OwnerCeilings,
    cursor_secrets: Vec<Secret>,
    idempotency_secrets: Vec<Secret>,
    operations: BTreeMap<String, Operation>,
    in_flight: InFlight,
    turns: Turns,
    changes: Table,
}

impl std::fmt::Debug for Manage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manage").field("operations", &self.operations).finish_non_exhaustive()
    }
}

/// A request to the API: whose it is, what it names, what it says.
struct Call<'r> {
    app: &'r App,
    manage: &'r Manage,
    owner: &'r str,
    /// What logs call the owner.
    actor: Option<String>,
    id: Option<&'r str>,
    /// What stands before [`COLLECTION`] in its path: the base of the policy.
    base: &'r str,
    query: &'r str,
    headers: &'r HeaderMap,
    now: UnixSeconds,
}

type Answer = Result<Response<Body>, Problem>;

impl Manage {
    /// The API for the keys of a policy; `None` when it has no API-key credential. The routes are those of the policy under
    /// [`COLLECTION`], whatever they are called.
    #[must_use]
    pub fn new(policy: &Policy, peppers: &Peppers, ceilings: OwnerCeilings) -> Option<Self> {
        let mut credentials = policy.credentials().iter().enumerate();
        let (index, key) = credentials.find_map(|(index, credential)| match credential.kind() {
            CredentialKind::ApiKey(key) => Some((index, key)),
            CredentialKind::Bearer(_) => None,
        })?;
        let operations = policy
            .routes()
            .iter()
            .filter_map(|route| Some((route.id().to_owned(), Operation::of(route.method(), &unnamed(route.path()))?)));
        Some(Self {
            format: key.format().clone(),
            environments: key.accept().iter().map(ToString::to_string).collect(),
            grantable: grantable(policy, index),
            ceilings,
            cursor_secrets: peppers.secrets("cursor"),
            idempotency_secrets: peppers.secrets("idempotency"),
            operations: operations.collect(),
            in_flight: InFlight::default(),
            turns: Turns::default(),
            changes: Table::new(),
        })
    }

    /// What an allowed request asks of this API; `None` when its route is none of it.
    pub(crate) fn operation(&self, granted: &Granted) -> Option<Operation> {
        self.operations.get(granted.route_id()).copied()
    }
}

/// Whether a credential of a policy opens some of this API, by itself or beside others.
pub(crate) fn is_opened_by(policy: &Policy, credential: usize) -> bool {
    let managed = |route: &&Route| Operation::of(route.method(), &unnamed(route.path())).is_some();
    policy.routes().iter().filter(managed).any(|route| {
        let mut parts = route.alternatives().iter().flat_map(|alternative| alternative.parts());
        parts.any(|part| part.credential() == credential)
    })
}

/// Refuses a policy whose keys are managed with tokens of several issuers: what owns a key is the subject of a token, and two issuers may
/// give the same subject to different people.
///
/// # Errors
/// What is wrong, with both issuers.
pub(crate) fn check_issuers(policy: &Policy) -> Result<(), String> {
    let bearers = policy.credentials().iter().enumerate().filter_map(|(index, credential)| match credential.kind() {
        CredentialKind::Bearer(bearer) => is_opened_by(policy, index).then(|| &*bearer.rules().issuer),
        CredentialKind::ApiKey(_) => None,
    });
    let mut issuers: Vec<&str> = bearers.collect();
    issuers.dedup();
    match issuers.as_slice() {
        [one, other, ..] => Err(format!(
            "{COLLECTION} is opened by tokens of {one} and of {other}: expected one issuer, for the subject of a token alone says whose a key is"
        )),
        _ => Ok(()),
    }
}

/// A path whose parameters have no names.
fn unnamed(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect();
    parts.join("/")
}

/// The scopes that some route takes from an API key, and those that imply one of them: a key has no use for others.
fn grantable(policy: &Policy, credential: usize) -> Vec<String> {
    let catalogue = policy.scopes();
    let mut asked = catalogue.empty_set();
    let parts =
        policy.routes().iter().flat_map(|route| route.alternatives()).flat_map(|alternative| alternative.parts());
    for part in parts.filter(|part| part.credential() == credential) {
        asked.union_with(part.scopes());
    }
    (0..catalogue.len())
        .filter_map(|index| catalogue.name(index))
        .filter(|name| catalogue.grant([*name]).iter().any(|implied| asked.contains(implied)))
        .map(str::to_owned)
        .collect()
}

/// The answer to a request that the gate has allowed.
pub(crate) async fn answer(
    app: &App,
    manage: &Manage,
    operation: Operation,
    granted: &Granted,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let answer = async {
        let (owner, actor) = owner(granted)?;
        alive(app, granted).await?;
        let call = Call {
            app,
            manage,
            owner,
            actor,
            id: granted.params().next().map(|(_, value)| value),
            base: parts.uri.path().rsplit_once(COLLECTION).map_or("", |(base, _)| base),
            query: parts.uri.query().unwrap_or_default(),
            headers: &parts.headers,
            now: app.now(),
        };
        if matches!(operation, Operation::Create | Operation::Rotate | Operation::Relabel) {
            call.take_change()?;
        }
        match operation {
            Operation::Create => create::create(&call, &read(&parts.headers, body, JSON).await?).await,
            Operation::List => list::list(&call).await,
            Operation::Show => change::show(&call).await,
            Operation::Relabel => change::relabel(&call, &read(&parts.headers, body, MERGE_PATCH).await?).await,
            Operation::Revoke => change::revoke(&call).await,
            Operation::Rotate => rotate::rotate(&call, &read(&parts.headers, body, JSON).await?).await,
        }
    };
    let mut response = answer.await.unwrap_or_else(|problem| problem.response(parts.uri.path()));
    if response.status() == axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE {
        let (name, types) =
            if parts.method == Method::PATCH { ("accept-patch", MERGE_PATCH) } else { ("accept-post", JSON) };
        if let Ok(types) = HeaderValue::try_from(types.join(", ")) {
            response.headers_mut().insert(name, types);
        }
    }
    response
}

/// Whose keys: the subject of a verified token, and what logs call it. A key manages no keys, whatever the policy says.
fn owner(granted: &Granted) -> Result<(&str, Option<String>), Problem> {
    let refused = || Problem::new(problem::FORBIDDEN, "API keys are managed with a user's token.");
    let of_token = |kind| matches!(kind, PrincipalKind::Bearer);
    let principal = granted.principals().iter().find(|principal| of_token(principal.kind())).ok_or_else(refused)?;
    Ok((principal.subject().ok_or_else(refused)?, principal.log_id()))
}

/// A token of this server whose grant was revoked manages no keys, however long it would still be good for.
async fn alive(app: &App, granted: &Granted) -> Result<(), Problem> {
    let Some(oauth) = &app.oauth else { return Ok(()) };
    match oauth.is_alive(granted).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::new(problem::UNAUTHENTICATED, "The access that this token stands for was revoked.")),
        Err(_) => Err(Problem::unavailable()),
    }
}

const JSON: &[&str] = &["application/json"];
const MERGE_PATCH: &[&str] = &["application/merge-patch+json", "application/json"];

/// The bytes of a body of one of these media types; one that is not named is taken for JSON.
async fn read(headers: &HeaderMap, body: Body, types: &[&str]) -> Result<Vec<u8>, Problem> {
    let told = |detail| Err(Problem::at(problem::MEDIA_TYPE, Place::Header("Content-Type"), detail));
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    if let Some(line) = lines.next() {
        let essence = line.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if lines.next().is_some() || !types.iter().any(|known| known.eq_ignore_ascii_case(essence)) {
            return told(format!("Expected {}.", types.join(" or ")));
        }
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        let expected = "Expected a body that is not encoded.";
        return Err(Problem::at(problem::MEDIA_TYPE, Place::Header("Content-Encoding"), expected));
    }
    let too_large = || Problem::new(problem::TOO_LARGE, "Expected a body of at most 64 KiB.");
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    match to_bytes(body, MAX_BODY).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(error) if error.source().is_some_and(|source| source.is::<LengthLimitError>()) => Err(too_large()),
        Err(error) if TooSlow::caused(&error) => {
            Err(Problem::new(problem::TIMEOUT, "The body of the request did not come in time."))
        }
        Err(_) => Err(Problem::new(problem::MALFORMED, "The body of the request broke off.")),
    }
}

impl Call<'_> {
    /// The record the call names. A foreign id and an unknown one answer alike.
    async fn own(&self) -> Result<KeyRecord, Problem> {
        let missing = || Problem::new(problem::NOT_FOUND, "There is no such API key.");
        let id = self.id.and_then(KeyId::parse).ok_or_else(missing)?;
        let found = self.app.store.find(&id).await?;
        found.filter(|record| *record.owner == *self.owner).ok_or_else(missing)
    }

    fn ceilings(&self) -> &Ceilings {
        self.manage.ceilings.of(self.owner)
    }

    /// Takes a change from what the owner may have in a minute, on this instance of the server.
    fn take_change(&self) -> Result<(), Problem> {
        let Some(budget) = self.ceilings().changes() else { return Ok(()) };
        let changes = &self.manage.changes;
        let now = self.now.get().saturating_mul(1_000);
        changes.take(changes.place(self.owner), budget, now).map_err(Problem::rate_limited)
    }
}

/// What the core refuses, as a problem.
fn refused(error: &LifecycleError) -> Problem {
    let at =
        |expected: String| Problem::at(problem::INVALID, Place::member(error.field().unwrap_or_default()), expected);
    match error {
        LifecycleError::Label => at("Expected 1 to 100 characters without control characters.".into()),
        LifecycleError::ScopesEmpty => at("Expected at least one scope.".into()),
        LifecycleError::ScopeUnknown(_) | LifecycleError::ScopeNotHeld(_) => {
            at("Expected scopes that a key may have here.".into())
        }
        LifecycleError::Environment(_) => at("Expected an environment whose keys are accepted here.".into()),
        LifecycleError::ExpiryRequired => at("Every key must expire here.".into()),
        LifecycleError::ExpiryPast => at("Expected an instant in the future.".into()),
        LifecycleError::ExpiryTooFar(last) => at(format!("Expected an instant up to {}.", view::rfc3339(*last))),
        LifecycleError::Overlap => at(body::OVERLAP.into()),
        LifecycleError::NotActive => Problem::new(problem::CONFLICT, "The key is revoked or expired."),
        LifecycleError::Version => Problem::new(problem::CONFLICT, "The key has changed too often."),
        LifecycleError::Entropy | LifecycleError::Owner => Problem::unavailable(),
        LifecycleError::Immutable(member) => {
            let told = "This cannot change once the key is issued; only its label can. Issue another key instead.";
            Problem::at(problem::IMMUTABLE_FIELD, Place::member(member), told)
        }
        LifecycleError::UnknownMember => {
            Problem::at(problem::IMMUTABLE_FIELD, Place::member(""), "Expected label and nothing else.")
        }
    }
}
