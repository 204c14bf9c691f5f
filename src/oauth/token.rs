//! The token endpoint: codes and refresh tokens become tokens, each once.

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::json;

use super::client::{Client, GrantType};
use super::client_auth::authenticate;
use super::config::Server;
use super::error::{bad, unavailable};
use super::flow::{Context, Halt};
use super::grant::{Grant, Presented, State, Why};
use super::http::{HttpRequest, HttpResponse};
use super::params::{Params, scopes};
use super::step::{EventKind, Need, StoredGrant, Swap};
use super::{access_token, code, crypto, id_token, refresh};

/// How often a lost race is decided anew.
const ATTEMPTS: usize = 4;

const KNOWN: [&str; 9] = [
    "grant_type",
    "code",
    "code_verifier",
    "redirect_uri",
    "client_id",
    "client_secret",
    "refresh_token",
    "scope",
    "resource",
];

/// The parameters of a form, none of `known` repeated.
pub(super) fn form(request: &HttpRequest, known: &[&str]) -> Result<Params, Halt> {
    if !request.is_form() {
        return Err(bad("invalid_request", "the body must be application/x-www-form-urlencoded").into());
    }
    if request.body.len() > super::MAX_BODY_BYTES {
        return Err(bad("invalid_request", "the body is too large").into());
    }
    let params = Params::parse(&request.body).map_err(|_| bad("invalid_request", "the form cannot be read"))?;
    if params.repeated(known).is_some() {
        return Err(bad("invalid_request", "a parameter is repeated").into());
    }
    Ok(params)
}

pub(super) fn run(context: &mut Context<'_>, request: &HttpRequest) -> Result<HttpResponse, Halt> {
    let params = form(request, &KNOWN)?;
    let grant_type = params.get("grant_type").ok_or_else(|| bad("invalid_request", "grant_type is missing"))?;
    let kind = match grant_type {
        "authorization_code" => GrantType::AuthorizationCode,
        "refresh_token" => GrantType::RefreshToken,
        _ => return Err(bad("unsupported_grant_type", "the grant type is not supported").into()),
    };
    let client = authenticate(context, request, &params)?;
    if !client.may(kind) {
        return Err(bad("unauthorized_client", "the client may not use this grant type").into());
    }
    match kind {
        GrantType::AuthorizationCode => redeem(context, &client, &params),
        GrantType::RefreshToken => rotate(context, &client, &params),
    }
}

fn invalid_grant() -> HttpResponse {
    bad("invalid_grant", "the grant is invalid, expired or revoked")
}

/// Reads a grant. A row that cannot be read is an outage.
pub(super) fn load(context: &mut Context<'_>, id: &str) -> Result<Option<(Grant, StoredGrant)>, Halt> {
    let Some(stored) = context.stored(|| Need::Grant { id: String::from(id) })? else { return Ok(None) };
    let grant = Grant::from_row(&stored).ok_or(Halt::Outage)?;
    Ok(Some((grant, stored)))
}

/// Inserts a grant; whether its id was free.
pub(super) fn insert(context: &mut Context<'_>, id: &str, grant: &Grant) -> Result<bool, Halt> {
    let row = grant.to_row().ok_or(Halt::Outage)?;
    let expires_at = grant.row_end(context.server.config.lifetimes.access_token);
    context.inserted(|| Need::InsertGrant { id: String::from(id), sub: grant.sub.clone(), row, expires_at })
}

/// Swaps a grant for its next state.
pub(super) fn swap(context: &mut Context<'_>, id: &str, stored: &StoredGrant, next: &Grant) -> Result<Swap, Halt> {
    let row = next.to_row().ok_or(Halt::Outage)?;
    let expires_at = next.row_end(context.server.config.lifetimes.access_token);
    context.swap(|| Need::SwapGrant { id: String::from(id), expect_version: stored.version, row, expires_at })
}

fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

/// Holds everything about a redemption against the grant, whatever the grant's state.
fn check_redemption(
    server: &Server,
    grant: &Grant,
    client: &Client,
    code: &str,
    params: &Params,
) -> Result<(), HttpResponse> {
    let known = crypto::same(grant.code.hash.as_bytes(), code::hash(code).as_bytes());
    if !known || grant.client_id != client.client_id {
        return Err(invalid_grant());
    }
    match (&grant.code.challenge, params.get("code_verifier")) {
        (Some(challenge), Some(verifier)) => {
            let derived = crypto::b64(&crypto::sha256(verifier.as_bytes()));
            if !is_verifier(verifier) || !crypto::same(derived.as_bytes(), challenge.as_bytes()) {
                return Err(invalid_grant());
            }
        }
        (Some(_), None) => return Err(bad("invalid_grant", "code_verifier is missing")),
        (None, Some(_)) => return Err(bad("invalid_request", "code_verifier without code_challenge")),
        (None, None) => {}
    }
    match params.get("redirect_uri") {
        Some(uri) if uri != grant.redirect_uri => return Err(invalid_grant()),
        None if grant.redirect_sent && grant.code.challenge.is_none() => return Err(invalid_grant()),
        _ => {}
    }
    check_resource(server, grant, params)
}

fn check_resource(server: &Server, grant: &Grant, params: &Params) -> Result<(), HttpResponse> {
    match params.get("resource") {
        Some(resource) if grant.resource.as_deref().unwrap_or_else(|| server.issuer()) != resource => {
            Err(bad("invalid_target", "the resource was not granted"))
        }
        _ => Ok(()),
    }
}

fn redeem(context: &mut Context<'_>, client: &Client, params: &Params) -> Result<HttpResponse, Halt> {
    let code = params.get("code").ok_or_else(|| bad("invalid_request", "code is missing"))?;
    let id = code::grant_id(code).ok_or_else(invalid_grant)?;
    for _ in 0..ATTEMPTS {
        let (grant, stored) = load(context, id)?.ok_or_else(invalid_grant)?;
        check_redemption(context.server, &grant, client, code, params)?;
        let outcome = match grant.state {
            State::Revoked(_) => return Err(invalid_grant().into()),
            State::Active => match swap(context, id, &stored, &grant.revoked(Why::CodeReplay))? {
                Swap::Conflict => continue,
                Swap::Swapped | Swap::Missing => {
                    context.tell(EventKind::CodeReplay, id)?;
                    return Err(invalid_grant().into());
                }
            },
            State::Issued if context.now >= grant.code.expires_at => return Err(invalid_grant().into()),
            State::Issued => {
                let next = grant.redeemed(context.now);
                let response = tokens(context, id, client, &next, &next.scopes, true)?;
                (swap(context, id, &stored, &next)?, response)
            }
        };
        match outcome {
            (Swap::Swapped, response) => return Ok(response),
            (Swap::Missing, _) => return Err(invalid_grant().into()),
            (Swap::Conflict, _) => {}
        }
    }
    Err(unavailable().into())
}

fn rotate(context: &mut Context<'_>, client: &Client, params: &Params) -> Result<HttpResponse, Halt> {
    let token = params.get("refresh_token").ok_or_else(|| bad("invalid_request", "refresh_token is missing"))?;
    let parsed = refresh::parse(token).ok_or_else(invalid_grant)?;
    let id = parsed.grant_id;
    let leeway = context.server.config.lifetimes.refresh_leeway;
    for _ in 0..ATTEMPTS {
        let (grant, stored) = load(context, id)?.ok_or_else(invalid_grant)?;
        if !refresh::is_genuine(context.server, &parsed, &grant) || grant.client_id != client.client_id {
            return Err(invalid_grant().into());
        }
        let presented = grant.weigh(parsed.generation, context.now, leeway);
        let asked = asked_scopes(&grant, params);
        match presented {
            Presented::Dead => return Err(invalid_grant().into()),
            Presented::Future => {
                context.tell(EventKind::StoreRolledBack, id)?;
                return Err(invalid_grant().into());
            }
            Presented::Reuse => {
                if swap(context, id, &stored, &grant.revoked(Why::Reuse))? == Swap::Conflict {
                    continue;
                }
                context.tell(EventKind::RefreshReuse, id)?;
                return Err(invalid_grant().into());
            }
            Presented::ParentInLeeway => {
                check_resource(context.server, &grant, params)?;
                return tokens(context, id, client, &grant, &asked?, false);
            }
            Presented::Current => {
                check_resource(context.server, &grant, params)?;
                let next = grant.rotated(context.now, leeway);
                let response = tokens(context, id, client, &next, &asked?, false)?;
                match swap(context, id, &stored, &next)? {
                    Swap::Swapped => return Ok(response),
                    Swap::Missing => return Err(invalid_grant().into()),
                    Swap::Conflict => {}
                }
            }
        }
    }
    Err(unavailable().into())
}

/// The scopes of the access token: all, or fewer when asked (RFC 6749 section 6).
fn asked_scopes(grant: &Grant, params: &Params) -> Result<Vec<String>, HttpResponse> {
    let Some(text) = params.get("scope") else { return Ok(grant.scopes.clone()) };
    let asked = scopes(text).filter(|asked| asked.iter().all(|scope| grant.has(scope)));
    asked.ok_or_else(|| bad("invalid_scope", "the scope was not granted"))
}

/// Whether a grant has refresh tokens.
fn is_refreshable(context: &Context<'_>, client: &Client, grant: &Grant) -> bool {
    let offline = !context.server.config.offline_access_required || !grant.has("openid") || grant.has("offline_access");
    client.may(GrantType::RefreshToken) && offline
}

fn tokens(
    context: &mut Context<'_>,
    id: &str,
    client: &Client,
    grant: &Grant,
    scopes: &[String],
    first: bool,
) -> Result<HttpResponse, Halt> {
    let access = access_token::mint(context, id, grant, scopes)?;
    let mut body = json!({
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": context.server.config.lifetimes.access_token,
        "scope": scopes.join(" "),
    });
    let fields = body.as_object_mut().ok_or(Halt::Outage)?;
    if is_refreshable(context, client, grant) {
        let token = refresh::write(context.server, id, grant).ok_or(Halt::Outage)?;
        fields.insert(String::from("refresh_token"), json!(token));
    }
    if first && grant.has("openid") {
        let token = id_token::mint(context, grant, &access)?;
        fields.insert(String::from("id_token"), json!(token));
    }
    Ok(HttpResponse::json(200, &body).with("pragma", "no-cache"))
}
