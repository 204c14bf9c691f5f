//! ID tokens as a client takes them (OpenID Connect Core section 3.1.3.7), on the machinery that verifies tokens everywhere else.

use alloc::string::String;
use alloc::vec;

use super::super::crypto;
use super::answer::{self, LIMITS, MAX_KEYS_BYTES};
use super::check::is_tenant;
use super::discovery::Resolved;
use super::exchange::Tokens;
use super::flow::{Context, Stop};
use super::outcome::Fault;
use super::provider::{Issuer, Provider};
use super::transaction::Transaction;
use crate::jwt::TokenRefusal;
use crate::jwt::claims::{TokenLimits, TokenRules, VerifiedClaims};
use crate::jwt::json::{Object, Value};
use crate::jwt::jwk::KeySet;
use crate::jwt::token::UnverifiedToken;
use crate::jwt::verify;

/// The longest ID token, in bytes.
const MAX_ID_TOKEN_BYTES: usize = 16 * 1024;

/// Whether a provider's `iss`, of an answer or a token, is one it may have.
pub(super) fn issuer_fits(issuer: &Issuer, iss: &str) -> bool {
    match issuer {
        Issuer::Exact(known) => known.iter().any(|known| known == iss),
        Issuer::Tenant { .. } => tenant_of(issuer, iss).is_some(),
    }
}

/// The tenant in an issuer that fits the pattern and is let in.
pub(super) fn tenant_of<'i>(issuer: &Issuer, iss: &'i str) -> Option<&'i str> {
    let Issuer::Tenant { pattern, except } = issuer else { return None };
    let (before, after) = pattern.split_once("{tenantid}")?;
    let tenant = iss.strip_prefix(before)?.strip_suffix(after)?;
    (is_tenant(tenant) && !except.iter().any(|known| known == tenant)).then_some(tenant)
}

pub(super) fn verify(
    context: &mut Context<'_>,
    provider: &Provider,
    resolved: &Resolved,
    transaction: &Transaction<'_>,
    tokens: &Tokens,
) -> Result<VerifiedClaims, Stop> {
    let text = tokens.id.as_ref().ok_or(Fault::IdTokenMissing)?;
    let mut rules = TokenRules::new("", [provider.client_id.as_str()], resolved.algorithms);
    rules.types = vec![].into();
    rules.scope_claims = vec![].into();
    rules.limits = TokenLimits { token_bytes: MAX_ID_TOKEN_BYTES, ..TokenLimits::default() };
    let token = UnverifiedToken::parse(text.as_bytes(), &rules).map_err(Fault::IdToken)?;
    // Of several issuers the token names its own; that it is one of them, and signed by their keys, is held against it below.
    let issuer = token.unverified_issuer(&rules).map_err(Fault::IdToken)?.unwrap_or_default();
    if !issuer_fits(&resolved.endpoints.issuer, &issuer) {
        return Err(Fault::IdToken(TokenRefusal::IssuerMismatch).into());
    }
    let proof = check_signature(context, resolved, &token, &issuer)?;
    rules.issuer = issuer.into();
    let algorithm = token.algorithm();
    let claims = token.into_verified(proof, &rules, context.now).map_err(Fault::IdToken)?;
    check_audience(&claims, &provider.client_id)?;
    if let Some(tenant) = tenant_of(&resolved.endpoints.issuer, claims.issuer())
        && claims.claim("tid").as_ref().and_then(serde_json::Value::as_str) != Some(tenant)
    {
        return Err(Fault::IdToken(TokenRefusal::IssuerMismatch).into());
    }
    let nonce = claims.claim("nonce");
    let nonce = nonce.as_ref().and_then(serde_json::Value::as_str).unwrap_or("");
    if !crypto::same(nonce.as_bytes(), transaction.nonce().as_bytes()) {
        return Err(Fault::NonceMismatch.into());
    }
    if let Some(hash) = claims.claim("at_hash") {
        let digest = algorithm.hash().digest(&[tokens.access.as_bytes()]);
        let half = digest.as_slice().len().div_euclid(2);
        let own = crypto::b64(digest.as_slice().get(..half).unwrap_or_default());
        if hash.as_str() != Some(own.as_str()) {
            return Err(Fault::AccessTokenHash.into());
        }
    }
    Ok(claims)
}

/// The signature by a key of the provider. A key that the set does not have is asked for once more, past every cache.
fn check_signature(
    context: &mut Context<'_>,
    resolved: &Resolved,
    token: &UnverifiedToken<'_>,
    issuer: &str,
) -> Result<verify::SignatureVerified, Stop> {
    let url = resolved.endpoints.jwks.as_deref().unwrap_or_default();
    let (mut set, mut text) = keys(context, url, &[])?;
    if set.select(token.algorithm(), token.kid()).is_err_and(|refusal| refusal == TokenRefusal::KeyNotFound) {
        (set, text) = keys(context, url, &[("cache-control", "no-cache")])?;
    }
    let key = set.select(token.algorithm(), token.kid()).map_err(Fault::IdToken)?;
    if let Some(tenant) = tenant_of(&resolved.endpoints.issuer, issuer)
        && !key_serves(text, key.kid(), issuer, tenant)
    {
        return Err(Fault::IdToken(TokenRefusal::KeyNotFound).into());
    }
    let verified = verify::verify(token.algorithm(), key.key(), token.signing_input(), token.signature());
    Ok(verified.map_err(Fault::IdToken)?)
}

/// Whether a key of many tenants' set is for this one: Microsoft's keys say whose they are in a member `issuer`.
fn key_serves(set: &str, kid: Option<&str>, issuer: &str, tenant: &str) -> bool {
    let Ok(set) = Object::parse(set.as_bytes(), LIMITS) else { return false };
    let Some(Value::Array(entries)) = set.get("keys") else { return false };
    entries.iter().all(|entry| match entry {
        Value::Object(entry) if entry.string("kid") == kid => match entry.get("issuer") {
            None => true,
            Some(Value::String(own)) => match own.split_once("{tenantid}") {
                None => own == issuer,
                Some((before, after)) => {
                    issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) == Some(tenant)
                }
            },
            Some(_) => false,
        },
        _ => true,
    })
}

fn keys<'f>(context: &mut Context<'f>, url: &str, more: &[(&str, &str)]) -> Result<(KeySet, &'f str), Stop> {
    let response = answer::ask(context, MAX_KEYS_BYTES, || answer::get(url, MAX_KEYS_BYTES, more))?;
    let text = core::str::from_utf8(answer::json(response)?).map_err(|_| Fault::KeysInvalid)?;
    Ok((KeySet::parse(text).map_err(|_| Fault::KeysInvalid)?, text))
}

/// For this server alone, and by it: no further audience is trusted, and `azp` is this client where it is there.
fn check_audience(claims: &VerifiedClaims, client_id: &str) -> Result<(), Fault> {
    let alone = match claims.claim("aud") {
        Some(serde_json::Value::Array(audiences)) => {
            audiences.iter().all(|audience| audience.as_str() == Some(client_id))
        }
        _ => true,
    };
    let party = claims.claim("azp").is_none_or(|party| party.as_str() == Some(client_id));
    if alone && party { Ok(()) } else { Err(Fault::AudienceForeign) }
}

/// The subject as the key of an identity: with its tenant in front where several share the issuer's pattern.
pub(super) fn subject(claims: &VerifiedClaims, issuer: &Issuer) -> Option<String> {
    let sub = claims.subject().filter(|sub| is_subject(sub))?;
    Some(match tenant_of(issuer, claims.issuer()) {
        Some(tenant) => alloc::format!("{tenant}:{sub}"),
        None => String::from(sub),
    })
}

/// At most 255 bytes (OpenID Connect Core section 2), none of them a control character.
pub(super) fn is_subject(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.chars().any(char::is_control)
}
