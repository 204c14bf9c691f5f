//! The userinfo endpoint (OpenID Connect Core section 5.3).

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Value, json};

use super::access_token::verify_access;
use super::flow::{Context, Halt};
use super::http::{HttpRequest, HttpResponse};
use super::id_token::user_claims;
use super::resource::{BearerFault, BearerToken};
use super::step::ClaimsTarget;
use super::token;

pub(super) fn run(context: &mut Context<'_>, request: &HttpRequest) -> Result<HttpResponse, Halt> {
    let bearer = BearerToken::of(request).map_err(|fault| fault.response())?;
    let server = context.server;
    let invalid = || BearerFault::Invalid.response();
    let claims = verify_access(server, &bearer.0, &[server.issuer()], context.now).map_err(|_| invalid())?;
    let gid = claims.claim("gid");
    let gid = gid.as_ref().and_then(Value::as_str).ok_or_else(invalid)?;
    let (grant, _) = token::load(context, gid)?.ok_or_else(invalid)?;
    let sub = claims.subject().ok_or_else(invalid)?;
    if !grant.is_alive() || grant.sub != sub {
        return Err(invalid().into());
    }
    let scopes: Vec<String> = claims.scopes().map(ToString::to_string).collect();
    if !scopes.iter().any(|scope| scope == "openid") {
        return Err(BearerFault::Insufficient(String::from("openid")).response().into());
    }
    let mut body = user_claims(context, sub, &scopes, ClaimsTarget::UserInfo)?;
    body.insert(String::from("sub"), json!(sub));
    Ok(HttpResponse::json(200, &Value::Object(body)))
}
