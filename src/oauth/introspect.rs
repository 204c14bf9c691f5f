//! Introspection (RFC 7662): for a confidential client of its own tokens, for a resource server of the tokens it is sent.

use serde_json::Value;

use super::access_token::{all_audiences, verify_access};
use super::client::Client;
use super::client_auth::authenticate;
use super::error::{bad, oauth_error};
use super::flow::{Context, Halt};
use super::grant::Presented;
use super::http::{HttpRequest, HttpResponse, object};
use super::{refresh, token};

pub(super) fn run(context: &mut Context<'_>, request: &HttpRequest) -> Result<HttpResponse, Halt> {
    let params = token::form(request, &["token", "token_type_hint", "client_id", "client_secret"])?;
    let client = authenticate(context, request, &params)?;
    if client.is_public() {
        return Err(oauth_error(401, "invalid_client", "a public client may not introspect").into());
    }
    let text = params.get("token").ok_or_else(|| bad("invalid_request", "token is missing"))?;
    let found = describe(context, &client, text)?;
    Ok(HttpResponse::json(200, &found.unwrap_or_else(|| object(&mut [("active", false.into())]))))
}

/// What is said of a live token that is the client's, or meant for a resource server that is asking.
fn describe(context: &mut Context<'_>, client: &Client, text: &str) -> Result<Option<Value>, Halt> {
    let server = context.server;
    if let Some(parsed) = refresh::parse(text) {
        let Some((grant, _)) = token::load(context, parsed.grant_id)? else { return Ok(None) };
        let own = refresh::is_genuine(server, &parsed, &grant) && grant.client_id == client.client_id;
        let leeway = server.config.lifetimes.refresh_leeway;
        if !own || grant.weigh(parsed.generation, context.now, leeway) != Presented::Current {
            return Ok(None);
        }
        return Ok(Some(object(&mut [
            ("active", true.into()),
            ("client_id", grant.client_id.as_str().into()),
            ("sub", grant.sub.as_str().into()),
            ("scope", grant.scopes.join(" ").into()),
            ("exp", grant.refresh_end().get().into()),
            ("iat", grant.advanced_at.get().into()),
            ("iss", server.issuer().into()),
        ])));
    }
    let Ok(claims) = verify_access(server, text, &all_audiences(server), context.now) else { return Ok(None) };
    let aud = claims.claim("aud");
    let audience = aud.as_ref().and_then(Value::as_str).unwrap_or_default();
    let served = client.grant_types.is_empty() && client.resources.iter().any(|own| own == audience);
    if !served && claims.client_id() != Some(client.client_id.as_str()) {
        return Ok(None);
    }
    let gid = claims.claim("gid");
    let Some(gid) = gid.as_ref().and_then(Value::as_str) else { return Ok(None) };
    if !token::load(context, gid)?.is_some_and(|(grant, _)| grant.is_alive()) {
        return Ok(None);
    }
    let mut found = object(&mut [("active", true.into()), ("token_type", "Bearer".into())]);
    for name in ["scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti"] {
        if let (Some(value), Some(fields)) = (claims.claim(name), found.as_object_mut()) {
            fields.insert(name.into(), value);
        }
    }
    Ok(Some(found))
}
