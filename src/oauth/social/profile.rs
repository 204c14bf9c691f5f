//! Who it is: the claims of the ID token with those of userinfo, or the profile of a provider without ID tokens.

use alloc::format;
use alloc::string::String;

use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

use super::super::redirect::with_params;
use super::answer::{self, LIMITS, MAX_ANSWER_BYTES};
use super::exchange::{Tokens, secret_proof};
use super::flow::{Context, Stop};
use super::id_token::{is_subject, subject};
use super::outcome::{Fault, LoggedIn};
use super::provider::{EmailTrust, Endpoints, Provider};
use crate::jwt::claims::VerifiedClaims;
use crate::jwt::json::{JsonLimits, Object, Value};

/// Claims that are about the ID token, which userinfo does not say anew.
const TOKEN_CLAIMS: [&str; 9] = ["iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash"];

pub(super) fn openid(
    context: &mut Context<'_>,
    provider: &Provider,
    endpoints: &Endpoints,
    verified: &VerifiedClaims,
    tokens: &Tokens,
    user: Option<&str>,
) -> Result<LoggedIn, Stop> {
    let sub = subject(verified, &endpoints.issuer).ok_or(Fault::SubjectInvalid)?;
    let mut claims: Map<String, Json> = serde_json::from_str(&verified.json()).map_err(|_| Fault::AnswerInvalid)?;
    if let Some(url) = &endpoints.userinfo {
        let mut more = call(context, url, tokens)?;
        if more.get("sub").and_then(Json::as_str) != verified.subject() {
            return Err(Fault::SubjectMismatch.into());
        }
        // An address and whether it is verified come from one document.
        if more.contains_key("email") { &mut claims } else { &mut more }.remove("email_verified");
        claims.extend(more.into_iter().filter(|(name, _)| !TOKEN_CLAIMS.contains(&name.as_str())));
    }
    Ok(identity(provider, sub, Some(String::from(verified.issuer())), claims, user))
}

pub(super) fn oauth2(
    context: &mut Context<'_>,
    provider: &Provider,
    endpoints: &Endpoints,
    tokens: &Tokens,
) -> Result<LoggedIn, Stop> {
    let url = endpoints.userinfo.as_deref().unwrap_or_default();
    let proof = if provider.secret_proof { secret_proof(provider, &tokens.access) } else { None };
    let url = proof.map_or_else(|| String::from(url), |proof| with_params(url, &[("appsecret_proof", &proof)]));
    let claims = call(context, &url, tokens)?;
    let sub = match claims.get("id") {
        Some(Json::String(id)) => id.clone(),
        Some(Json::Number(id)) if id.is_u64() => format!("{id}"),
        _ => return Err(Fault::SubjectInvalid.into()),
    };
    if !is_subject(&sub) {
        return Err(Fault::SubjectInvalid.into());
    }
    let mut identity = identity(provider, sub, None, claims, None);
    if let Some(url) = &endpoints.emails {
        (identity.email, identity.email_verified) = primary(context, url, tokens)?;
    }
    Ok(identity)
}

/// A call of the provider's API.
fn call(context: &mut Context<'_>, url: &str, tokens: &Tokens) -> Result<Map<String, Json>, Stop> {
    let bearer = Zeroizing::new(format!("Bearer {}", *tokens.access));
    let need = || answer::get(url, MAX_ANSWER_BYTES, &[("authorization", bearer.as_str())]);
    let response = answer::ask(context, MAX_ANSWER_BYTES, need)?;
    Ok(answer::object(response)?.iter().map(|(name, value)| (String::from(name), value.to_owned())).collect())
}

/// The primary address of a list, and whether it is verified. An app that may not see the list knows no address.
fn primary(context: &mut Context<'_>, url: &str, tokens: &Tokens) -> Result<(Option<String>, bool), Stop> {
    let bearer = Zeroizing::new(format!("Bearer {}", *tokens.access));
    let need = || answer::get(url, MAX_ANSWER_BYTES, &[("authorization", bearer.as_str())]);
    let response = answer::ask(context, MAX_ANSWER_BYTES, need)?;
    if matches!(response.status, 403 | 404) {
        return Ok((None, false));
    }
    let Ok(Value::Array(list)) = Value::parse(answer::json(response)?, LIMITS) else {
        return Err(Fault::AnswerInvalid.into());
    };
    let primary = list.iter().find_map(|entry| match entry {
        Value::Object(entry) if entry.get("primary") == Some(&Value::Bool(true)) => Some(entry),
        _ => None,
    });
    let Some(entry) = primary else { return Ok((None, false)) };
    let email = entry.string("email").filter(|email| is_email(email)).map(String::from);
    let verified = email.is_some() && entry.get("verified") == Some(&Value::Bool(true));
    Ok((email, verified))
}

/// Not a proof of anything: one `@` inside, nothing that could break a header or a page.
fn is_email(text: &str) -> bool {
    let inside = text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    inside && text.len() <= 254 && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

fn is_name(text: &str) -> bool {
    (1..=256).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn identity(
    provider: &Provider,
    sub: String,
    issuer: Option<String>,
    claims: Map<String, Json>,
    user: Option<&str>,
) -> LoggedIn {
    let text = |name: &str| claims.get(name).and_then(Json::as_str);
    let email = text("email").filter(|email| is_email(email)).map(String::from);
    let verified = match (provider.email_trust, claims.get("email_verified")) {
        (EmailTrust::Claim | EmailTrust::ClaimOrText, Some(Json::Bool(verified))) => *verified,
        (EmailTrust::ClaimOrText, Some(Json::String(verified))) => verified == "true",
        _ => false,
    };
    let name = text("name").filter(|name| is_name(name)).map(String::from).or_else(|| user.and_then(form_name));
    LoggedIn {
        email_verified: verified && email.is_some(),
        email,
        issuer,
        name,
        claims,
        ..LoggedIn::new(provider, sub)
    }
}

/// The name in what Apple's form says at the first login. The browser brought it: it greets, nothing more.
fn form_name(user: &str) -> Option<String> {
    let limits = JsonLimits { depth: 4, members: 32 };
    let user = Object::parse(user.as_bytes(), limits).ok()?;
    let Some(Value::Object(name)) = user.get("name") else { return None };
    let part = |part: &str| name.string(part).unwrap_or("");
    let full = format!("{} {}", part("firstName"), part("lastName"));
    Some(String::from(full.trim())).filter(|name| is_name(name))
}
