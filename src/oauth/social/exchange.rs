//! The code for tokens (RFC 6749 section 4.1.3), and the secrets that go with it.

use alloc::format;
use alloc::string::String;

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::super::client::SecretMethod;
use super::super::crypto;
use super::super::http::object;
use super::super::params::encode_into;
use super::super::step::Need;
use super::answer::{self, MAX_ANSWER_BYTES};
use super::discovery::Resolved;
use super::flow::{Context, Stop};
use super::outcome::Fault;
use super::provider::{ClientCredential, Provider};
use super::transaction::Transaction;
use crate::jwt::Algorithm;

/// How long a signed secret is good, in seconds: one request.
const SIGNED_SECONDS: i64 = 300;

/// What the token endpoint gave. Never kept, never handed out.
pub(super) struct Tokens {
    pub access: Zeroizing<String>,
    pub id: Option<Zeroizing<String>>,
}

pub(super) fn run(
    context: &mut Context<'_>,
    provider: &Provider,
    resolved: &Resolved,
    transaction: &Transaction<'_>,
    code: &str,
) -> Result<Tokens, Stop> {
    let mut form = String::new();
    let mut add = |name: &str, value: &str| {
        if !form.is_empty() {
            form.push('&');
        }
        encode_into(&mut form, name);
        form.push('=');
        encode_into(&mut form, value);
    };
    add("grant_type", "authorization_code");
    add("code", code);
    add("redirect_uri", &context.social.redirect_uri(&provider.id));
    add("code_verifier", &transaction.verifier());
    let mut authorization = None;
    match &provider.credential {
        ClientCredential::Public => add("client_id", &provider.client_id),
        ClientCredential::Secret { secret, .. } if resolved.method == SecretMethod::Basic => {
            authorization = Some(basic(&provider.client_id, secret.reveal()));
        }
        ClientCredential::Secret { secret, .. } => {
            add("client_id", &provider.client_id);
            add("client_secret", secret.reveal());
        }
        ClientCredential::Signed { kid, team, audience } => {
            add("client_id", &provider.client_id);
            add("client_secret", &signed(context, &provider.client_id, kid, team, audience)?);
        }
    }
    let header = authorization.as_ref().map(|value| ("authorization", value.as_str()));
    let response =
        answer::ask(context, MAX_ANSWER_BYTES, || answer::post(&resolved.endpoints.token, form, header.as_slice()))?;
    if matches!(response.status, 400 | 401) {
        return Err(Fault::TokenRefused.into());
    }
    let body = answer::object(response)?;
    // GitHub refuses with 200.
    if body.get("error").is_some() {
        return Err(Fault::TokenRefused.into());
    }
    let bearer = body.string("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    let access = body.string("access_token").filter(|token| is_token(token)).filter(|_| bearer);
    Ok(Tokens {
        access: Zeroizing::new(String::from(access.ok_or(Fault::AnswerInvalid)?)),
        id: body.string("id_token").map(|token| Zeroizing::new(String::from(token))),
    })
}

/// What may stand in a header behind `Bearer`.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// RFC 6749 section 2.3.1: both parts as form values, then Basic.
fn basic(client_id: &str, secret: &str) -> Zeroizing<String> {
    let mut pair = Zeroizing::new(String::new());
    encode_into(&mut pair, client_id);
    pair.push(':');
    encode_into(&mut pair, secret);
    Zeroizing::new(format!("Basic {}", Base64::encode_string(pair.as_bytes())))
}

/// A secret that is a JWT: `iss` the team, `sub` the client, ES256.
fn signed(
    context: &mut Context<'_>,
    client_id: &str,
    kid: &str,
    team: &str,
    audience: &str,
) -> Result<Zeroizing<String>, Stop> {
    let header = object(&mut [("alg", "ES256".into()), ("kid", kid.into())]);
    let claims = object(&mut [
        ("iss", team.into()),
        ("iat", context.now.get().into()),
        ("exp", context.now.saturating_add(SIGNED_SECONDS).get().into()),
        ("aud", audience.into()),
        ("sub", client_id.into()),
    ]);
    let part = |value: &serde_json::Value| crypto::b64(format!("{value}").as_bytes());
    let input = format!("{}.{}", part(&header), part(&claims));
    let signature = context.signature(|| Need::Sign {
        kid: String::from(kid),
        alg: Algorithm::Es256,
        signing_input: input.clone().into_bytes(),
    })?;
    if signature.len() != 64 {
        return Err(Stop::Outage);
    }
    Ok(Zeroizing::new(format!("{input}.{}", crypto::b64(signature))))
}

/// `appsecret_proof`: HMAC-SHA256 of the access token under the secret, in hexadecimal digits.
pub(super) fn secret_proof(provider: &Provider, access_token: &str) -> Option<String> {
    let ClientCredential::Secret { secret, .. } = &provider.credential else { return None };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).ok()?;
    mac.update(access_token.as_bytes());
    let digits = mac.finalize().into_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Some(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect())
}
