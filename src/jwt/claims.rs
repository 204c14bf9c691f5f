//! The claims of a token whose signature is verified: their types, times, issuer, audience and scopes.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use super::json::{JsonLimits, Object, Value};
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
    /// The exact `iss`.
    pub issuer: Box<str>,
    /// Any one must be in `aud`.
    pub audiences: Box<[Box<str>]>,
    /// Allowed `alg` values.
    pub algorithms: AlgorithmSet,
    /// Allowed `typ` values, lower case, without `application/`; empty turns the check off.
    pub types: Box<[Box<str>]>,
    /// Tolerated clock difference, in seconds.
    pub leeway: i64,
    /// Oldest accepted age since `iat`, in seconds.
    pub max_age: Option<i64>,
    /// Claims that must be there.
    pub required_claims: Box<[Box<str>]>,
    /// Claims that hold scopes.
    pub scope_claims: Box<[Box<str>]>,
    /// Size limits.
    pub limits: TokenLimits,
}

impl TokenRules {
    /// Rules with the documented defaults.
    #[must_use]
    pub fn new<'a>(issuer: &str, audiences: impl IntoIterator<Item = &'a str>, algorithms: AlgorithmSet) -> Self {
        let list = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
        Self {
            issuer: issuer.into(),
            audiences: audiences.into_iter().map(Box::from).collect(),
            algorithms,
            types: list(&["at+jwt"]),
            leeway: 60,
            max_age: None,
            required_claims: list(&["exp", "iat", "sub"]),
            scope_claims: list(&["scope", "scp"]),
            limits: TokenLimits::default(),
        }
    }

    /// Requires `client_id` and `jti` too (RFC 9068 section 2.2).
    pub fn require_rfc9068(&mut self) {
        let mut required = core::mem::take(&mut self.required_claims).into_vec();
        for name in ["client_id", "jti"] {
            if !required.iter().any(|known| **known == *name) {
                required.push(name.into());
            }
        }
        self.required_claims = required.into_boxed_slice();
    }
}

/// The times of a token, in seconds; fractions are kept (RFC 7519 section 2, NumericDate).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Times {
    expires: Option<f64>,
    not_before: Option<f64>,
    issued: Option<f64>,
}

/// Claims that were verified, signature and all. Made from an [`UnverifiedToken`](super::token::UnverifiedToken) only.
#[derive(Clone)]
pub struct VerifiedClaims {
    payload: Box<[u8]>,
    issuer: Box<str>,
    subject: Option<Box<str>>,
    client_id: Option<Box<str>>,
    /// Joined by single spaces.
    scopes: Box<str>,
    times: Times,
}

impl fmt::Debug for VerifiedClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedClaims").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl VerifiedClaims {
    /// Claims that were verified before at this instant, from their text: for a host that kept the text alone and shows who it was.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn again(payload: Vec<u8>, rules: &TokenRules, now: UnixSeconds) -> Option<Self> {
        verify_claims(payload, rules, now).ok()
    }

    /// `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// `client_id` (RFC 9068 section 2.2) or `azp` (OpenID Connect Core section 2).
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// The scopes, as the token has them.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Any claim, parsed anew at each call.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<serde_json::Value> {
        let limits = JsonLimits { depth: usize::MAX, members: usize::MAX };
        Object::parse(&self.payload, limits).ok()?.get(name).map(Value::to_owned)
    }

    /// Whether the claim `name` equals `wanted`, or is an array that has it.
    #[must_use]
    pub fn has(&self, name: &str, wanted: &serde_json::Value) -> bool {
        let limits = JsonLimits { depth: usize::MAX, members: usize::MAX };
        Object::parse(&self.payload, limits).is_ok_and(|claims| match claims.get(name) {
            Some(Value::Array(items)) => items.iter().any(|item| item.equals(wanted)),
            Some(single) => single.equals(wanted),
            None => false,
        })
    }

    /// The claims as JSON text, exactly as they were signed. They may hold personal data.
    #[must_use]
    pub fn json(&self) -> &str {
        core::str::from_utf8(&self.payload).unwrap_or_default()
    }

    /// A name for the subject that is safe to log: 16 bytes of SHA-256 over issuer and subject, base64url.
    #[must_use]
    pub fn subject_hash(&self) -> Option<String> {
        let subject = self.subject.as_deref()?;
        let mut digest = Sha256::new();
        for part in [b"sub/v1".as_slice(), b"\0", self.issuer.as_bytes(), b"\0", subject.as_bytes()] {
            digest.update(part);
        }
        digest.finalize().get(..16).map(Base64UrlUnpadded::encode_string)
    }

    /// Holds the times against another clock, as a cached token must be at every use.
    ///
    /// # Errors
    /// A refusal of the times.
    pub fn recheck_times(&self, rules: &TokenRules, now: UnixSeconds) -> Result<(), TokenRefusal> {
        self.times.check(rules, now)
    }

    /// Bytes that these claims keep, about.
    #[must_use]
    pub fn weight(&self) -> usize {
        let text = |text: Option<&str>| text.map_or(0, str::len);
        [self.payload.len(), self.issuer.len(), text(self.subject()), text(self.client_id()), self.scopes.len()]
            .into_iter()
            .fold(size_of::<Self>(), usize::saturating_add)
    }
}

impl Times {
    #[expect(clippy::cast_precision_loss, reason = "all are below 2^53")]
    fn check(&self, rules: &TokenRules, now: UnixSeconds) -> Result<(), TokenRefusal> {
        let (now, leeway) = (now.get() as f64, rules.leeway as f64);
        if self.expires.is_some_and(|expires| now >= expires + leeway) {
            return Err(TokenRefusal::Expired);
        }
        if self.not_before.is_some_and(|not_before| now + leeway < not_before) {
            return Err(TokenRefusal::NotYetValid);
        }
        let Some(issued) = self.issued else {
            // An age that cannot be told is no young one.
            return if rules.max_age.is_some() { Err(TokenRefusal::ClaimMissing) } else { Ok(()) };
        };
        if now + leeway < issued {
            return Err(TokenRefusal::IssuedInFuture);
        }
        match rules.max_age {
            Some(most) if now - issued > most as f64 + leeway => Err(TokenRefusal::TokenTooOld),
            _ => Ok(()),
        }
    }
}

/// Checks the payload of a token whose signature is verified.
pub(super) fn verify_claims(
    payload: Vec<u8>,
    rules: &TokenRules,
    now: UnixSeconds,
) -> Result<VerifiedClaims, TokenRefusal> {
    let claims = Object::parse(&payload, rules.limits.json()).map_err(TokenRefusal::of_claims)?;
    for name in &rules.required_claims {
        match claims.get(name) {
            None | Some(Value::Null) => return Err(TokenRefusal::ClaimMissing),
            Some(_) => {}
        }
    }
    let times =
        Times { expires: date(&claims, "exp")?, not_before: date(&claims, "nbf")?, issued: date(&claims, "iat")? };
    let issuer = text(&claims, "iss")?.ok_or(TokenRefusal::IssuerMismatch)?;
    if *issuer != *rules.issuer {
        return Err(TokenRefusal::IssuerMismatch);
    }
    check_audience(&claims, rules)?;
    times.check(rules, now)?;
    let subject = text(&claims, "sub")?.map(Box::from);
    let client_id = client(&claims)?.map(Box::from);
    text(&claims, "jti")?;
    let scopes = scopes(&claims, rules)?.into_boxed_str();
    let issuer = issuer.into();
    drop(claims);
    Ok(VerifiedClaims { payload: payload.into_boxed_slice(), issuer, subject, client_id, scopes, times })
}

fn text<'c>(claims: &'c Object<'_>, name: &str) -> Result<Option<&'c str>, TokenRefusal> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenRefusal::ClaimType),
    }
}

/// A NumericDate: finite and within the years that [`UnixSeconds`] knows, on either side.
fn date(claims: &Object<'_>, name: &str) -> Result<Option<f64>, TokenRefusal> {
    let number = match claims.get(name) {
        None => return Ok(None),
        Some(Value::Number(number)) => number,
        Some(_) => return Err(TokenRefusal::ClaimType),
    };
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let most = MAX_UNIX_SECONDS as f64;
    match float(number) {
        Some(seconds) if (-most..=most).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(TokenRefusal::ClaimType),
    }
}

fn check_audience(claims: &Object<'_>, rules: &TokenRules) -> Result<(), TokenRefusal> {
    let wanted = |audience: &str| rules.audiences.iter().any(|allowed| **allowed == *audience);
    let met = match claims.get("aud") {
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
fn client<'c>(claims: &'c Object<'_>) -> Result<Option<&'c str>, TokenRefusal> {
    match (text(claims, "client_id")?, text(claims, "azp")?) {
        (Some(client), Some(party)) if client != party => Err(TokenRefusal::ClaimType),
        (client, party) => Ok(client.or(party)),
    }
}

/// A scope-token (RFC 6749 section 3.3): printable ASCII but for space, `"` and `\`.
fn is_scope_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// The scopes, joined by spaces. Absent, null and empty are none; every claim that has some must have the same.
fn scopes(claims: &Object<'_>, rules: &TokenRules) -> Result<String, TokenRefusal> {
    let mut found: Option<Vec<&str>> = None;
    for name in &rules.scope_claims {
        let mut listed: Vec<&str> = match claims.get(name) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) if text.is_empty() => Vec::new(),
            Some(Value::String(text)) => text.split(' ').collect(),
            Some(Value::Array(items)) => {
                let texts = items.iter().map(|item| match item {
                    Value::String(text) => Ok(&**text),
                    _ => Err(TokenRefusal::ClaimType),
                });
                texts.collect::<Result<_, _>>()?
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
    Ok(found.map(|scopes| scopes.join(" ")).unwrap_or_default())
}
