//! Who calls the token endpoint (RFC 6749 section 2.3).

use alloc::string::String;

use base64ct::{Base64, Encoding};

use super::client::{Client, ClientAuth, SecretMethod};
use super::crypto;
use super::error::{bad, oauth_error};
use super::flow::{Context, Halt};
use super::http::{HttpRequest, HttpResponse};
use super::params::{Params, decode};
use super::step::Need;

fn failed(basic: bool) -> HttpResponse {
    let response = oauth_error(401, "invalid_client", "client authentication failed");
    if basic { response.with("www-authenticate", "Basic realm=\"oauth\"") } else { response }
}

/// Client id and secret of an `Authorization: Basic` header; its parts are form-encoded (RFC 6749 section 2.3.1).
fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, rest) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = Base64::decode_vec(rest.trim()).ok()?;
    let at = text.iter().position(|&b| b == b':')?;
    let (id, secret) = (text.get(..at)?, text.get(at.checked_add(1)?..)?);
    let (id, secret) = (decode(id).ok()?, decode(secret).ok()?);
    (!id.is_empty()).then_some((id, secret))
}

/// The client that the request proves to come from, or the refusal.
pub(super) fn authenticate(context: &mut Context<'_>, request: &HttpRequest, params: &Params) -> Result<Client, Halt> {
    let headers = request.header_values("authorization").count();
    let header = request.header("authorization");
    if headers > 1 {
        return Err(bad("invalid_request", "more than one Authorization header").into());
    }
    let (method, id, secret) = match (header, params.get("client_secret")) {
        (Some(_), Some(_)) => return Err(bad("invalid_request", "more than one client authentication").into()),
        (Some(value), None) => {
            let (id, secret) = basic(value).ok_or_else(|| failed(true))?;
            if params.get("client_id").is_some_and(|other| other != id) {
                return Err(bad("invalid_request", "client_id differs from the authenticated client").into());
            }
            (Some(SecretMethod::Basic), id, secret)
        }
        (None, secret) => {
            let id = params.get("client_id").ok_or_else(|| failed(false))?;
            (secret.map(|_| SecretMethod::Post), String::from(id), String::from(secret.unwrap_or_default()))
        }
    };
    let refusal = || failed(method == Some(SecretMethod::Basic));
    let client = context.client(|| Need::Client { client_id: id.clone() })?.filter(|client| client.client_id == id);
    let client = client.ok_or_else(refusal)?;
    let proven = match &client.auth {
        ClientAuth::None => method.is_none(),
        ClientAuth::Hashed { method: registered, hashes } => {
            let hash = crypto::sha256(secret.as_bytes());
            let known = hashes.iter().fold(false, |known, stored| crypto::same(stored, &hash) | known);
            method == Some(*registered) && known
        }
        ClientAuth::Host { method: registered } => {
            method == Some(*registered)
                && context.verified(|| Need::VerifySecret { client_id: id.clone(), secret: secret.clone() })?
        }
    };
    if proven { Ok(client) } else { Err(refusal().into()) }
}
