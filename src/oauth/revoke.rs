//! Revocation (RFC 7009): a token of the client ends its grant; any other token is 200 without effect.

use super::access_token::{all_audiences, verify_access};
use super::client_auth::authenticate;
use super::error::{bad, unavailable};
use super::flow::{Context, Halt};
use super::grant::{State, Why};
use super::http::{HttpRequest, HttpResponse};
use super::step::Swap;
use super::{refresh, token};
use alloc::string::String;

/// The grant that a token of this server names. Nothing is proven for a refresh token yet.
pub(super) fn grant_of(context: &Context<'_>, text: &str) -> Option<String> {
    if let Some(parsed) = refresh::parse(text) {
        return Some(String::from(parsed.grant_id));
    }
    let claims = verify_access(context.server, text, &all_audiences(context.server), context.now).ok()?;
    claims.claim("gid").and_then(|gid| gid.as_str().map(String::from))
}

pub(super) fn run(context: &mut Context<'_>, request: &HttpRequest) -> Result<HttpResponse, Halt> {
    let params = token::form(request, &["token", "token_type_hint", "client_id", "client_secret"])?;
    let client = authenticate(context, request, &params)?;
    let text = params.get("token").ok_or_else(|| bad("invalid_request", "token is missing"))?;
    let done = || HttpResponse::new(200).with("cache-control", "no-store");
    let Some(id) = grant_of(context, text) else { return Ok(done()) };
    for _ in 0..4 {
        let Some((grant, stored)) = token::load(context, &id)? else { return Ok(done()) };
        let genuine = refresh::parse(text).is_none_or(|parsed| refresh::is_genuine(context.server, &parsed, &grant));
        if !genuine || grant.client_id != client.client_id || matches!(grant.state, State::Revoked(_)) {
            return Ok(done());
        }
        if token::swap(context, &id, &stored, &grant.revoked(Why::Requested))? != Swap::Conflict {
            return Ok(done());
        }
    }
    Err(unavailable().into())
}
