//! Access tokens (RFC 9068): minted by the host's signature, verified by the public keys.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Value, json};

use super::config::Server;
use super::crypto;
use super::flow::{Context, Halt};
use super::grant::Grant;
use super::http::object;
use super::step::Need;
use crate::jwt::claims::{TokenRules, VerifiedClaims};
use crate::jwt::token::UnverifiedToken;
use crate::jwt::verify::verify;
use crate::jwt::{Algorithm, AlgorithmSet, TokenRefusal};
use crate::time::UnixSeconds;

/// Has the host sign claims; the compact JWS.
pub(super) fn sign(context: &mut Context<'_>, typ: &str, claims: &Value) -> Result<String, Halt> {
    let server = context.server;
    let key = server.keys.active().ok_or(Halt::Outage)?;
    let header = json!({ "alg": key.alg.name(), "kid": key.kid, "typ": typ });
    let input =
        format!("{}.{}", crypto::b64(header.to_string().as_bytes()), crypto::b64(claims.to_string().as_bytes()));
    let signature = context.signature(|| Need::Sign {
        kid: key.kid.clone(),
        alg: key.alg,
        signing_input: input.clone().into_bytes(),
    })?;
    Ok(format!("{input}.{}", crypto::b64(&signature)))
}

/// An access token of a grant for these scopes.
pub(super) fn mint(
    context: &mut Context<'_>,
    grant_id: &str,
    grant: &Grant,
    scopes: &[String],
) -> Result<String, Halt> {
    let (server, now) = (context.server, context.now);
    let jti = crypto::mac(context.entropy, &[b"jti"]);
    let claims = object(&mut [
        ("iss", server.issuer().into()),
        ("sub", grant.sub.as_str().into()),
        ("aud", grant.resource.as_deref().unwrap_or_else(|| server.issuer()).into()),
        ("client_id", grant.client_id.as_str().into()),
        ("scope", scopes.join(" ").into()),
        ("iat", now.get().into()),
        ("exp", now.saturating_add(server.config.lifetimes.access_token).get().into()),
        ("jti", crypto::b64(jti.get(..16).unwrap_or_default()).into()),
        ("gid", grant_id.into()),
        ("auth_time", grant.auth_time.get().into()),
    ]);
    sign(context, "at+jwt", &claims)
}

/// The algorithms this server's own tokens may be signed with.
fn algorithms(server: &Server) -> AlgorithmSet {
    server.keys.keys.iter().fold(AlgorithmSet::default(), |set, key| set.with(key.alg))
}

fn check(server: &Server, token: &str, rules: &TokenRules, now: UnixSeconds) -> Result<VerifiedClaims, TokenRefusal> {
    let parsed = UnverifiedToken::parse(token.as_bytes(), rules)?;
    let key = server.verify.select(parsed.algorithm(), parsed.kid())?;
    let proof = verify(parsed.algorithm(), key.key(), parsed.signing_input(), parsed.signature())?;
    parsed.into_verified(proof, rules, now)
}

/// An access token of this server for one of these audiences.
pub(super) fn verify_access(
    server: &Server,
    token: &str,
    audiences: &[&str],
    now: UnixSeconds,
) -> Result<VerifiedClaims, TokenRefusal> {
    let mut rules = TokenRules::new(server.issuer(), audiences.iter().copied(), algorithms(server));
    rules.require_rfc9068();
    rules.leeway = 0;
    check(server, token, &rules, now)
}

/// The subject of an ID token of this server for a client, expired or not: a hint proves who, not when.
pub(super) fn hinted_subject(server: &Server, token: &str, client_id: &str, now: UnixSeconds) -> Option<String> {
    let mut rules = TokenRules::new(server.issuer(), [client_id], algorithms(server));
    rules.types = alloc::vec!["jwt".into()].into_boxed_slice();
    rules.leeway = 10_000_000_000;
    check(server, token, &rules, now).ok()?.subject().map(ToString::to_string)
}

/// Every audience this server makes tokens for.
pub(super) fn all_audiences(server: &Server) -> Vec<&str> {
    core::iter::once(server.issuer())
        .chain(server.config.resources.iter().map(|resource| resource.uri.as_str()))
        .collect()
}

/// Whether this server can sign with an algorithm: asymmetric ones alone, since the keys are published.
pub(super) const fn is_signing(alg: Algorithm) -> bool {
    !alg.is_hmac()
}
