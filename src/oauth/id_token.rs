//! ID tokens (OpenID Connect Core section 2).

use alloc::string::String;

use serde_json::{Map, Value, json};

use super::access_token::sign;
use super::crypto;
use super::flow::{Context, Halt};
use super::grant::Grant;
use super::step::{ClaimsTarget, Need};
use crate::jwt::verify::Hash;

/// Claims a host may not set: the server says them.
const RESERVED: [&str; 12] =
    ["iss", "sub", "aud", "azp", "exp", "iat", "nbf", "auth_time", "nonce", "at_hash", "acr", "amr"];

/// The host's claims about a user, without those that are the server's to say.
pub(super) fn user_claims(
    context: &mut Context<'_>,
    sub: &str,
    scopes: &[String],
    target: ClaimsTarget,
) -> Result<Map<String, Value>, Halt> {
    let text = context.claims(|| Need::Claims { sub: String::from(sub), scopes: scopes.to_vec(), target })?;
    let Ok(Value::Object(mut claims)) = serde_json::from_str(&text) else { return Err(Halt::Outage) };
    for name in RESERVED {
        claims.remove(name);
    }
    Ok(claims)
}

/// The ID token that goes with an access token.
pub(super) fn mint(context: &mut Context<'_>, grant: &Grant, access_token: &str) -> Result<String, Halt> {
    let (server, now) = (context.server, context.now);
    let hash = server.keys.active().map_or(Hash::Sha256, |key| key.alg.hash());
    let digest = hash.digest(&[access_token.as_bytes()]);
    let half = digest.as_slice().len().checked_div(2).unwrap_or(0);
    let mut claims = user_claims(context, &grant.sub, &grant.scopes, ClaimsTarget::IdToken)?;
    for (name, value) in [
        ("iss", json!(server.issuer())),
        ("sub", json!(grant.sub)),
        ("aud", json!(grant.client_id)),
        ("azp", json!(grant.client_id)),
        ("iat", json!(now)),
        ("exp", json!(now.saturating_add(server.config.lifetimes.id_token))),
        ("auth_time", json!(grant.auth_time)),
        ("at_hash", json!(crypto::b64(digest.as_slice().get(..half).unwrap_or_default()))),
    ] {
        claims.insert(String::from(name), value);
    }
    if let Some(nonce) = &grant.nonce {
        claims.insert(String::from("nonce"), json!(nonce));
    }
    if let Some(acr) = &grant.acr {
        claims.insert(String::from("acr"), json!(acr));
    }
    if !grant.amr.is_empty() {
        claims.insert(String::from("amr"), json!(grant.amr));
    }
    sign(context, "JWT", &Value::Object(claims))
}
