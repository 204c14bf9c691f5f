//! `/settings/api-keys`: create, list, show, relabel, rotate and revoke one's own keys.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use scopegate::key::format::{ENTROPY_BYTES, KeyId, RawKey};
use scopegate::key::lifecycle::{self, IssueRequest, IssueRules};
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;
use scopegate_stores::{Cursor, Inserted, KeyStore, MAX_PAGE, Updated};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::app::App;
use crate::audit::ChangeEvent;
use crate::guard::Caller;
use crate::problem::Problem;

/// The environment that keys are issued in.
const ENVIRONMENT: &str = "live";
/// How often a taken id or a lost race is tried again.
const ATTEMPTS: usize = 4;

type Answer = Result<Response<Body>, Problem>;

/// A key as its owner sees it: never the hash, and the key itself once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyView<'a> {
    id: &'a str,
    key_prefix: String,
    label: &'a str,
    scopes: &'a [Box<str>],
    created_at: Option<String>,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotated_from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_key: Option<&'a str>,
}

fn rfc3339(at: UnixSeconds) -> Option<String> {
    jiff::Timestamp::from_second(at.get()).ok().map(|time| time.to_string())
}

impl<'a> KeyView<'a> {
    fn of(record: &'a KeyRecord, app: &App, raw_key: Option<&'a RawKey>) -> Self {
        Self {
            id: record.id.as_str(),
            key_prefix: app
                .key_credential()
                .map(|key| key.format().key_prefix(&record.env, &record.id))
                .unwrap_or_default(),
            label: &record.label,
            scopes: &record.scopes,
            created_at: rfc3339(record.created_at),
            expires_at: record.ends_at().and_then(rfc3339),
            last_used_at: record.last_used_at.and_then(rfc3339),
            active: record.is_active(app.now()),
            rotated_from: record.rotated_from.as_ref().map(KeyId::as_str),
            raw_key: raw_key.map(RawKey::expose),
        }
    }
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, serde_json::to_string(value).unwrap_or_default()).into_response()
}

fn owner(caller: &Caller) -> Result<&str, Problem> {
    caller.subject.as_deref().ok_or_else(Problem::not_found)
}

fn entropy() -> Result<Zeroizing<[u8; ENTROPY_BYTES]>, Problem> {
    let mut bytes = Zeroizing::new([0_u8; ENTROPY_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| Problem::unavailable())?;
    Ok(bytes)
}

/// A body that is one JSON object, each member once.
fn object(body: &Bytes) -> Result<Map<String, Value>, Problem> {
    let document: scopegate::policy::document::StrictValue = serde_json::from_slice(body).map_err(|error| {
        // The parser's own words may repeat what was sent.
        let place = format!("line {}, column {}", error.line(), error.column());
        Problem::malformed(format!("expected a JSON object with each member once; it breaks at {place}"))
    })?;
    match document.0 {
        Value::Object(members) => Ok(members),
        _ => Err(Problem::malformed("expected a JSON object")),
    }
}

/// The key with this id, if it is the caller's. An unknown id and somebody else's answer alike.
async fn own(app: &App, caller: &Caller, id: &str) -> Result<KeyRecord, Problem> {
    let id = KeyId::parse(id).ok_or_else(Problem::not_found)?;
    let record = app.store.find(&id).await?.ok_or_else(Problem::not_found)?;
    if *record.owner == *owner(caller)? { Ok(record) } else { Err(Problem::not_found()) }
}

/// Changes the caller's key by compare-and-swap, deciding again when somebody else was faster.
async fn change(
    app: &App,
    caller: &Caller,
    id: &str,
    decide: impl Fn(&KeyRecord) -> Result<KeyRecord, lifecycle::LifecycleError>,
) -> Result<KeyRecord, Problem> {
    for _ in 0..ATTEMPTS {
        let record = own(app, caller, id).await?;
        let changed = decide(&record)?;
        if changed.version == record.version {
            return Ok(record);
        }
        match app.store.update(record.version, &changed).await? {
            Updated::Done => return Ok(KeyRecord { last_used_at: record.last_used_at, ..changed }),
            Updated::Missing => return Err(Problem::not_found()),
            Updated::Conflict => {}
        }
    }
    Err(Problem::conflict("The key is being changed by others; try again."))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CreateBody {
    label: String,
    scopes: Vec<String>,
    expires_at: String,
}

pub(crate) async fn create(State(app): State<Arc<App>>, Extension(caller): Extension<Caller>, body: Bytes) -> Answer {
    let wanted: CreateBody = serde_json::from_value(Value::Object(object(&body)?)).map_err(|_| {
        Problem::malformed("expected label (text), scopes (list of texts) and expiresAt (text), and nothing else")
    })?;
    let expires_at = wanted
        .expires_at
        .parse::<jiff::Timestamp>()
        .ok()
        .and_then(|time| UnixSeconds::new(time.as_second()))
        .ok_or_else(|| Problem::field("expiresAt", "expiresAt: expected a time like 2027-01-31T00:00:00Z"))?;
    let key = app.key_credential().ok_or_else(Problem::unavailable)?;
    // Scopes that the API's routes ask of keys: those of the sign-in protocol are none of theirs.
    let declared = grantable(&app);
    let scopes: Vec<&str> = wanted.scopes.iter().map(String::as_str).collect();
    let request = IssueRequest {
        label: &wanted.label,
        scopes: &scopes,
        environment: ENVIRONMENT,
        owner: owner(&caller)?,
        expires_at: Some(expires_at),
        ip_allow: &[],
    };
    let rules = IssueRules { declared: &declared, expiry_required: true, ..IssueRules::default() };
    for _ in 0..ATTEMPTS {
        let issued = lifecycle::issue(&request, &rules, key.format(), app.gate.keyring(), &*entropy()?, app.now())?;
        if app.store.insert(&issued.record).await? == Inserted::Done {
            app.changed(&ChangeEvent::created(&issued.record, caller.log_id.as_deref(), app.now()));
            return Ok(created(&app, &issued));
        }
    }
    Err(Problem::unavailable())
}

/// The scopes that some route asks of an API key.
fn grantable(app: &App) -> Vec<&str> {
    let policy = app.policy();
    let mut asked = policy.scopes().grant([]);
    for part in
        policy.routes().iter().flat_map(|route| route.alternatives()).flat_map(|alternative| alternative.parts())
    {
        let of_key = policy
            .credentials()
            .get(part.credential())
            .is_some_and(|credential| matches!(credential.kind(), scopegate::policy::CredentialKind::ApiKey(_)));
        if of_key {
            asked.union_with(part.scopes());
        }
    }
    (0..policy.scopes().len())
        .filter(|index| asked.contains(*index))
        .filter_map(|index| policy.scopes().name(index))
        .collect()
}

fn created(app: &App, issued: &lifecycle::Issued) -> Response<Body> {
    let view = KeyView::of(&issued.record, app, Some(&issued.raw_key));
    let mut response = json(StatusCode::CREATED, &view);
    if let Ok(location) = format!("/settings/api-keys/{}", issued.record.id).parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

#[derive(Serialize)]
struct Page<'a> {
    items: Vec<KeyView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Answer {
    let (mut limit, mut after) = (MAX_PAGE, None);
    for (name, value) in query.as_deref().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "limit" => {
                let wanted = value.parse::<usize>().ok().filter(|limit| *limit > 0);
                limit =
                    wanted.ok_or_else(|| Problem::malformed("limit: expected a number from 1 to 100"))?.min(MAX_PAGE);
            }
            "cursor" => after = Some(parse_cursor(value).ok_or_else(|| Problem::malformed("cursor: not one of ours"))?),
            _ => {}
        }
    }
    let records = app.store.list(owner(&caller)?, after, limit).await?;
    let last = records.last().filter(|_| records.len() == limit);
    let next = last.map(|record| format!("{}-{}", record.created_at, record.id));
    let items = records.iter().map(|record| KeyView::of(record, &app, None)).collect();
    Ok(json(StatusCode::OK, &Page { items, next }))
}

fn parse_cursor(text: &str) -> Option<Cursor> {
    let (seconds, id) = text.split_once('-')?;
    Some(Cursor { created_at: UnixSeconds::new(seconds.parse().ok()?)?, id: KeyId::parse(id)? })
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    let record = own(&app, &caller, &id).await?;
    Ok(json(StatusCode::OK, &KeyView::of(&record, &app, None)))
}

pub(crate) async fn relabel(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let members = object(&body)?;
    if let Some(name) = members.keys().find(|name| *name != "label") {
        return Err(Problem::immutable(name));
    }
    let Some(Value::String(label)) = members.get("label") else {
        return Err(Problem::field("label", "label: expected a text"));
    };
    let record = change(&app, &caller, &id, |record| lifecycle::relabel(record, label)).await?;
    app.changed(&ChangeEvent::relabelled(&record, caller.log_id.as_deref(), app.now()));
    Ok(json(StatusCode::OK, &KeyView::of(&record, &app, None)))
}

pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    let now = app.now();
    let record = change(&app, &caller, &id, |record| lifecycle::revoke(record, now)).await?;
    app.changed(&ChangeEvent::revoked(&record, caller.log_id.as_deref(), now));
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn rotate(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let members = if body.is_empty() { Map::new() } else { object(&body)? };
    if let Some(name) = members.keys().find(|name| *name != "overlapSeconds") {
        return Err(Problem::field(name, format!("{name}: expected overlapSeconds and nothing else")));
    }
    let overlap = match members.get("overlapSeconds") {
        None => 0,
        Some(value) => {
            value.as_i64().ok_or_else(|| Problem::field("overlapSeconds", "overlapSeconds: expected whole seconds"))?
        }
    };
    let key = app.key_credential().ok_or_else(Problem::unavailable)?;
    let record = own(&app, &caller, &id).await?;
    let rotated = lifecycle::rotate(&record, overlap, key.format(), app.gate.keyring(), &*entropy()?, app.now())?;
    // The new key first: if the second write fails, its holder still has the old one.
    if app.store.insert(&rotated.new.record).await? == Inserted::Exists {
        return Err(Problem::unavailable());
    }
    match app.store.update(record.version, &rotated.old).await {
        Ok(Updated::Done) => {
            app.changed(&ChangeEvent::rotated(&rotated.new.record, caller.log_id.as_deref(), app.now()));
            Ok(created(&app, &rotated.new))
        }
        outcome => {
            // Nobody has seen the new key: it must not outlive the failure.
            let dead = lifecycle::revoke(&rotated.new.record, app.now())?;
            app.store.update(rotated.new.record.version, &dead).await?;
            outcome?;
            Err(Problem::conflict("The key was changed meanwhile; try again."))
        }
    }
}
