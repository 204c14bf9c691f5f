//! The claims of a token whose signature is verified: their types, times, issuer, audience and scopes.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::json::{JsonLimits, Object, Value};
use super::verified::Parts;
pub use super::verified::VerifiedClaims;
use super::{AlgorithmSet, TokenRefusal};
use crate::json::float;
use crate::time::{MAX_UNIX_SECONDS, UnixSeconds};

/// Size limits of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLimits {
    /// Longest token, in bytes.
    pub token_bytes: usize,
    /// Longest decoded header, in bytes.
    pub header_bytes: usize,
    /// Deepest nesting of header and claims.
    pub depth: usize,
    /// Most members and elements of header and claims, each.
    pub members: usize,
}

impl Default for TokenLimits {
    fn default() -> Self {
        Self { token_bytes: 8 * 1024, header_bytes: 2 * 1024, depth: 16, members: 1_024 }
    }
}

impl TokenLimits {
    pub(super) const fn json(&self) -> JsonLimits {
        JsonLimits { depth: self.depth, members: self.members }
    }
}

/// What a token must be: a bearer credential of a policy, compiled.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// The exact `iss`; verified claims share it.
    pub issuer: Arc<str>,
    /// Any one must be in `aud`.
    pub audiences: Box<[Box<str>]>,
    /// Allowed `alg` values.
    pub algorithms: AlgorithmSet,
    /// Allowed `typ` values, lower case, without `application/`; empty turns the check off.
    pub types: Box<[Cow<'static, str>]>,
    /// Tolerated clock difference, in seconds.
    pub leeway: i64,
    /// Oldest accepted age since `iat`, in seconds.
    pub max_age: Option<i64>,
    /// Claims that must be there.
    pub required_claims: Box<[Cow<'static, str>]>,
    /// Claims that hold scopes.
    pub scope_claims: Box<[Cow<'static, str>]>,
    /// Size limits.
    pub limits: TokenLimits,
}

impl TokenRules {
    /// Rules with the documented defaults.
    #[must_use]
    pub fn new<'a>(issuer: &str, audiences: impl IntoIterator<Item = &'a str>, algorithms: AlgorithmSet) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: audiences.into_iter().map(Box::from).collect(),
            algorithms,
            types: Box::new([Cow::Borrowed("at+jwt")]),
            leeway: 60,
            max_age: None,
            required_claims: Box::new(["exp", "iat", "sub"].map(Cow::Borrowed)),
            scope_claims: Box::new(["scope", "scp"].map(Cow::Borrowed)),
            limits: TokenLimits::default(),
        }
    }

    /// Requires `client_id` and `jti` too (RFC 9068 section 2.2).
    pub fn require_rfc9068(&mut self) {
        let mut required = core::mem::take(&mut self.required_claims).into_vec();
        for name in ["client_id", "jti"] {
            if !required.iter().any(|known| known == name) {
                required.push(name.into());
            }
        }
        self.required_claims = required.into_boxed_slice();
    }
}

/// The times of a token, in seconds; fractions are kept (RFC 7519 section 2, NumericDate). One that is not there is not a number, which
/// no comparison holds for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Times {
    expires: f64,
    not_before: f64,
    issued: f64,
}

impl Times {
    #[expect(clippy::cast_precision_loss, reason = "all are below 2^53")]
    pub(super) fn check(&self, rules: &TokenRules, now: UnixSeconds) -> Result<(), TokenRefusal> {
        let (now, leeway) = (now.get() as f64, rules.leeway as f64);
        if now >= self.expires + leeway {
            return Err(TokenRefusal::Expired);
        }
        if now + leeway < self.not_before {
            return Err(TokenRefusal::NotYetValid);
        }
        if now + leeway < self.issued {
            return Err(TokenRefusal::IssuedInFuture);
        }
        match rules.max_age {
            // An age that cannot be told is no young one.
            Some(_) if self.issued.is_nan() => Err(TokenRefusal::ClaimMissing),
            Some(most) if now - self.issued > most as f64 + leeway => Err(TokenRefusal::TokenTooOld),
            _ => Ok(()),
        }
    }
}

/// The claims that have a meaning here, found in one pass.
#[derive(Default)]
struct Known<'c> {
    expires: Option<&'c Value<'c>>,
    not_before: Option<&'c Value<'c>>,
    issued: Option<&'c Value<'c>>,
    issuer: Option<&'c Value<'c>>,
    audience: Option<&'c Value<'c>>,
    subject: Option<&'c Value<'c>>,
    client: Option<&'c Value<'c>>,
    party: Option<&'c Value<'c>>,
    id: Option<&'c Value<'c>>,
}

impl<'c> Known<'c> {
    fn of(claims: &'c Object<'c>) -> Self {
        let mut known = Self::default();
        for (name, value) in claims.iter() {
            let place = match name {
                "exp" => &mut known.expires,
                "nbf" => &mut known.not_before,
                "iat" => &mut known.issued,
                "iss" => &mut known.issuer,
                "aud" => &mut known.audience,
                "sub" => &mut known.subject,
                "client_id" => &mut known.client,
                "azp" => &mut known.party,
                "jti" => &mut known.id,
                _ => continue,
            };
            *place = Some(value);
        }
        known
    }
}

/// Checks the payload of a token whose signature is verified.
pub(super) fn verify_claims(
    payload: &[u8],
    rules: &TokenRules,
    now: UnixSeconds,
) -> Result<VerifiedClaims, TokenRefusal> {
    let payload = core::str::from_utf8(payload).map_err(|_| TokenRefusal::ClaimsInvalid)?;
    let claims = Object::read(payload, rules.limits.json()).map_err(TokenRefusal::of_claims)?;
    for name in &rules.required_claims {
        match claims.get(name) {
            None | Some(Value::Null) => return Err(TokenRefusal::ClaimMissing),
            Some(_) => {}
        }
    }
    let known = Known::of(&claims);
    let times =
        Times { expires: date(known.expires)?, not_before: date(known.not_before)?, issued: date(known.issued)? };
    let issuer = text(known.issuer)?.ok_or(TokenRefusal::IssuerMismatch)?;
    if *issuer != *rules.issuer {
        return Err(TokenRefusal::IssuerMismatch);
    }
    check_audience(known.audience, rules)?;
    times.check(rules, now)?;
    let subject = text(known.subject)?;
    let client = client(known.client, known.party)?;
    text(known.id)?;
    let scopes = scopes(&claims, rules)?;
    let parts = Parts { subject, client, scopes: &scopes, times };
    VerifiedClaims::new(payload, &rules.issuer, &parts).ok_or(TokenRefusal::TokenTooLarge)
}

fn text<'c>(claim: Option<&'c Value<'_>>) -> Result<Option<&'c str>, TokenRefusal> {
    match claim {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenRefusal::ClaimType),
    }
}

/// A NumericDate: finite and within the years that [`UnixSeconds`] knows, on either side; not a number when it is not there.
fn date(claim: Option<&Value<'_>>) -> Result<f64, TokenRefusal> {
    let number = match claim {
        None => return Ok(f64::NAN),
        Some(Value::Number(number)) => number,
        Some(_) => return Err(TokenRefusal::ClaimType),
    };
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let most = MAX_UNIX_SECONDS as f64;
    match float(number) {
        Some(seconds) if (-most..=most).contains(&seconds) => Ok(seconds),
        _ => Err(TokenRefusal::ClaimType),
    }
}

fn check_audience(claim: Option<&Value<'_>>, rules: &TokenRules) -> Result<(), TokenRefusal> {
    let wanted = |audience: &str| rules.audiences.iter().any(|allowed| **allowed == *audience);
    let met = match claim {
        None => false,
        Some(Value::String(audience)) => wanted(audience),
        Some(Value::Array(audiences)) => {
            let mut met = false;
            for audience in audiences {
                match audience {
                    Value::String(audience) => met |= wanted(audience),
                    _ => return Err(TokenRefusal::ClaimType),
                }
            }
            met
        }
        Some(_) => return Err(TokenRefusal::ClaimType),
    };
    if met { Ok(()) } else { Err(TokenRefusal::AudienceMismatch) }
}

/// `client_id` and `azp`; when both are there they agree.
fn client<'c>(client: Option<&'c Value<'_>>, party: Option<&'c Value<'_>>) -> Result<Option<&'c str>, TokenRefusal> {
    match (text(client)?, text(party)?) {
        (Some(client), Some(party)) if client != party => Err(TokenRefusal::ClaimType),
        (client, party) => Ok(client.or(party)),
    }
}

/// A scope-token (RFC 6749 section 3.3): printable ASCII but for space, `"` and `\`.
fn is_scope_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// The scopes, sorted, each once. Absent, null and empty are none; every claim that has some must have the same.
fn scopes<'c>(claims: &'c Object<'_>, rules: &TokenRules) -> Result<Vec<&'c str>, TokenRefusal> {
    let mut found: Option<Vec<&str>> = None;
    for name in &rules.scope_claims {
        let mut listed: Vec<&str> = match claims.get(name) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) if text.is_empty() => Vec::new(),
            Some(Value::String(text)) => text.split(' ').collect(),
            Some(Value::Array(items)) => {
                let mut texts: Vec<&str> = Vec::with_capacity(items.len());
                for item in items {
                    match item {
                        Value::String(text) => texts.push(text),
                        _ => return Err(TokenRefusal::ClaimType),
                    }
                }
                texts
            }
            Some(_) => return Err(TokenRefusal::ClaimType),
        };
        if !listed.iter().all(|token| is_scope_token(token)) {
            return Err(TokenRefusal::ClaimType);
        }
        listed.sort_unstable();
        listed.dedup();
        match &found {
            Some(earlier) if *earlier != listed => return Err(TokenRefusal::ClaimType),
            _ => found = Some(listed),
        }
    }
    Ok(found.unwrap_or_default())
}
