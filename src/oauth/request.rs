//! What an authorization request says, read and checked before anybody is asked.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::client::{Client, GrantType, Pkce};
use super::error::local_page;
use super::flow::{Context, Halt};
use super::http::HttpRequest;
use super::params::{Params, scopes};
use super::redirect::{check_redirect_uri, redirect_matches};
use super::step::Need;

const KNOWN: [&str; 17] = [
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "ui_locales",
    "claims_locales",
    "display",
    "acr_values",
    "response_mode",
    "client_id",
    "redirect_uri",
];

/// Where the answer goes: trusted once client and redirect URI are checked.
pub(super) struct Target {
    pub client: Client,
    pub redirect_uri: String,
    pub redirect_sent: bool,
    pub state: Option<String>,
    pub post: bool,
}

/// A request without fault.
pub(super) struct Asked {
    pub scopes: Vec<String>,
    pub challenge: Option<String>,
    pub resource: Option<String>,
    pub prompts: Vec<String>,
    pub max_age: Option<i64>,
}

/// An error that is redirected.
pub(super) struct Fault(pub &'static str, pub &'static str);

/// Client and redirect URI. What is wrong here is shown and never redirected.
pub(super) fn target(context: &mut Context<'_>, request: &HttpRequest, params: &Params) -> Result<Target, Halt> {
    let page = |text: &str| Halt::from(local_page("invalid_request", text));
    if params.repeated(&["client_id", "redirect_uri"]).is_some() {
        return Err(page("client_id or redirect_uri is repeated"));
    }
    let id = params.get("client_id").ok_or_else(|| page("client_id is missing"))?;
    let client = context.client(|| Need::Client { client_id: String::from(id) })?;
    let client = client.filter(|client| client.client_id == id).ok_or_else(|| page("the client is unknown"))?;
    // What may not be registered is not sent to, whoever wrote the record.
    let mut known = client.redirect_uris.iter().filter(|uri| check_redirect_uri(uri).is_ok());
    let sent = params.get("redirect_uri");
    let redirect_uri = match sent {
        Some(uri) if known.any(|known| redirect_matches(known, uri)) => uri.to_string(),
        Some(_) => return Err(page("redirect_uri is not registered")),
        None => match (known.next(), known.next()) {
            (Some(only), None) if !is_openid(&client, params) => only.clone(),
            _ => return Err(page("redirect_uri is missing")),
        },
    };
    let state = if params.count("state") == 1 { params.get("state").map(ToString::to_string) } else { None };
    Ok(Target { client, redirect_uri, redirect_sent: sent.is_some(), state, post: request.method == "POST" })
}

/// The scopes that are asked for, or the client's own when none are (OAuth 2.1 section 1.4.1).
fn wanted(client: &Client, params: &Params) -> Option<Vec<String>> {
    match params.get("scope") {
        Some(text) => scopes(text),
        None => Some(client.default_scopes.clone()).filter(|scopes| !scopes.is_empty()),
    }
}

/// Whether this is an OpenID request, which must name its redirect URI (OpenID Connect Core section 3.1.2.1).
fn is_openid(client: &Client, params: &Params) -> bool {
    wanted(client, params).is_some_and(|scopes| scopes.iter().any(|scope| scope == "openid"))
}

/// Everything else a request says.
pub(super) fn asked(context: &Context<'_>, client: &Client, params: &Params) -> Result<Asked, Fault> {
    for (name, code) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        if params.get(name).is_some() {
            return Err(Fault(code, "the parameter is not supported"));
        }
    }
    if params.repeated(&KNOWN).is_some() {
        return Err(Fault("invalid_request", "a parameter is repeated"));
    }
    match params.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(Fault("unsupported_response_type", "the response type must be code")),
        None => return Err(Fault("invalid_request", "response_type is missing")),
    }
    if params.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(Fault("invalid_request", "the response mode must be query"));
    }
    if !client.may(GrantType::AuthorizationCode) {
        return Err(Fault("unauthorized_client", "the client may not use this grant type"));
    }
    let known = &context.server.config.scopes;
    let scopes = wanted(client, params)
        .filter(|scopes| scopes.iter().all(|scope| client.scopes.contains(scope) && known.contains(scope)))
        .ok_or(Fault("invalid_scope", "the scope is invalid or not the client's"))?;
    let resource = resource(context, client, params)?;
    let challenge = challenge(client, params, scopes.iter().any(|scope| scope == "openid"))?;
    let prompts = prompts(params);
    if !prompts.iter().all(|prompt| ["none", "login", "consent", "select_account"].contains(&prompt.as_str()))
        || prompts.len() > 1 && prompts.iter().any(|prompt| prompt == "none")
    {
        return Err(Fault("invalid_request", "prompt is invalid"));
    }
    let max_age = match params.get("max_age") {
        Some(text) if text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        Some(_) => return Err(Fault("invalid_request", "max_age is no number of seconds")),
        None => None,
    };
    Ok(Asked { scopes, challenge, resource, prompts, max_age })
}

/// The values of `prompt`, whatever they are.
pub(super) fn prompts(params: &Params) -> Vec<String> {
    params.get("prompt").map(|text| text.split(' ').map(ToString::to_string).collect()).unwrap_or_default()
}

fn resource(context: &Context<'_>, client: &Client, params: &Params) -> Result<Option<String>, Fault> {
    let Some(uri) = params.get("resource") else { return Ok(None) };
    // What tokens are for without one; the metadata of RFC 9728 names it to clients.
    if uri == context.server.issuer() && params.count("resource") == 1 {
        return Ok(None);
    }
    let known = context.server.config.resources.iter().any(|resource| resource.uri == uri);
    let once = params.count("resource") == 1;
    if once && known && client.resources.iter().any(|own| own == uri) {
        Ok(Some(uri.to_string()))
    } else {
        Err(Fault("invalid_target", "the resource is unknown or not the client's"))
    }
}

/// PKCE (RFC 7636), S256 alone.
fn challenge(client: &Client, params: &Params, openid: bool) -> Result<Option<String>, Fault> {
    let method = params.get("code_challenge_method");
    let Some(challenge) = params.get("code_challenge") else {
        let excused = !client.is_public()
            && client.pkce == Pkce::NonceOk
            && openid
            && params.get("nonce").is_some()
            && method.is_none();
        return if excused { Ok(None) } else { Err(Fault("invalid_request", "code_challenge is missing")) };
    };
    let shaped = (43..=128).contains(&challenge.len())
        && challenge.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'));
    if method == Some("S256") && shaped {
        Ok(Some(challenge.to_string()))
    } else {
        Err(Fault("invalid_request", "code_challenge must be S256"))
    }
}
