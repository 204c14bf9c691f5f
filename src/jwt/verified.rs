//! Verified claims as they are kept: one text and where its parts end.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use super::claims::{Times, TokenRules};
use super::json::{JsonLimits, Object, Value};
use super::token::split;
use super::{TokenRefusal, base64url};
use crate::time::UnixSeconds;

const NO_LIMITS: JsonLimits = JsonLimits { depth: usize::MAX, members: usize::MAX };

/// Claims that were verified, signature and all. Made from an [`UnverifiedToken`](super::token::UnverifiedToken) only.
#[derive(Clone)]
pub struct VerifiedClaims {
    /// The payload, or the token that it is the payload of; then subject, client and scopes, these joined by single spaces.
    text: Box<str>,
    issuer: Arc<str>,
    times: Times,
    /// Where the payload or token, the subject and the client end; the scopes are the rest.
    ends: [u32; 3],
    has_subject: bool,
    has_client: bool,
    is_token: bool,
}

/// What is kept apart from the payload: it is asked for at every use.
pub(super) struct Parts<'c> {
    pub(super) subject: Option<&'c str>,
    pub(super) client: Option<&'c str>,
    pub(super) scopes: &'c [&'c str],
    pub(super) times: Times,
}

impl fmt::Debug for VerifiedClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedClaims").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl VerifiedClaims {
    /// `None` when the text is longer than 4 GiB.
    pub(super) fn new(payload: &str, issuer: &Arc<str>, parts: &Parts<'_>) -> Option<Self> {
        let (subject, client) = (parts.subject.unwrap_or_default(), parts.client.unwrap_or_default());
        let spaces = parts.scopes.len().saturating_sub(1);
        let before = [payload, subject, client];
        let lengths = before.iter().chain(parts.scopes).map(|part| part.len());
        let mut text = String::with_capacity(lengths.fold(spaces, usize::saturating_add));
        let mut ends = [0; 3];
        for (end, part) in ends.iter_mut().zip(before) {
            text.push_str(part);
            *end = u32::try_from(text.len()).ok()?;
        }
        for (at, scope) in parts.scopes.iter().enumerate() {
            text.push_str(if at == 0 { "" } else { " " });
            text.push_str(scope);
        }
        Some(Self {
            text: text.into_boxed_str(),
            issuer: Arc::clone(issuer),
            times: parts.times,
            ends,
            has_subject: parts.subject.is_some(),
            has_client: parts.client.is_some(),
            is_token: false,
        })
    }

    /// Claims that were verified before at this instant, from their text: for a host that kept the text alone and shows who it was.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn again(payload: &[u8], rules: &TokenRules, now: UnixSeconds) -> Option<Self> {
        super::claims::verify_claims(payload, rules, now).ok()
    }

    /// The same claims with the token that they are of instead of its payload, which is decoded when it is asked for.
    pub(super) fn within(&self, token: &[u8]) -> Option<Self> {
        let token = core::str::from_utf8(token).ok()?;
        let [payload, subject, client] = self.ends;
        let length = u32::try_from(token.len()).ok()?;
        let moved = |end: u32| length.checked_add(end.checked_sub(payload)?);
        let ends = [length, moved(subject)?, moved(client)?];
        let rest = self.text.get(payload as usize..)?;
        let mut text = String::with_capacity(token.len().saturating_add(rest.len()));
        text.push_str(token);
        text.push_str(rest);
        Some(Self { text: text.into_boxed_str(), issuer: Arc::clone(&self.issuer), ends, is_token: true, ..*self })
    }

    fn part(&self, from: u32, to: u32) -> &str {
        self.text.get(from as usize..to as usize).unwrap_or_default()
    }

    /// The token, where it is kept.
    pub(crate) fn token(&self) -> &[u8] {
        let [token, ..] = self.ends;
        if self.is_token { self.part(0, token).as_bytes() } else { &[] }
    }

    /// `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        let [payload, subject, _] = self.ends;
        self.has_subject.then(|| self.part(payload, subject))
    }

    /// `client_id` (RFC 9068 section 2.2) or `azp` (OpenID Connect Core section 2).
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        let [_, subject, client] = self.ends;
        self.has_client.then(|| self.part(subject, client))
    }

    /// The scopes, spelled as the token has them, each once and sorted.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let [.., client] = self.ends;
        self.text.get(client as usize..).unwrap_or_default().split(' ').filter(|scope| !scope.is_empty())
    }

    /// Any claim, parsed anew at each call.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<serde_json::Value> {
        let mut found = None;
        self.find(name, &mut |value| found = Some(value.to_owned()));
        found
    }

    /// Whether the claim `name` equals `wanted`, or is an array that has it.
    #[must_use]
    pub fn has(&self, name: &str, wanted: &serde_json::Value) -> bool {
        let mut has = false;
        self.find(name, &mut |value| {
            has = match value {
                Value::Array(items) => items.iter().any(|item| item.equals(wanted)),
                single => single.equals(wanted),
            };
        });
        has
    }

    fn find(&self, name: &str, found: &mut dyn FnMut(&Value<'_>)) {
        let json = self.json();
        if let Ok(claims) = Object::read(&json, NO_LIMITS)
            && let Some(value) = claims.get(name)
        {
            found(value);
        }
    }

    /// The claims as JSON text, exactly as they were signed; of a token that was seen before they are decoded at each call. They may
    /// hold personal data.
    #[must_use]
    pub fn json(&self) -> Cow<'_, str> {
        let [body, ..] = self.ends;
        let body = self.part(0, body);
        if !self.is_token {
            return Cow::Borrowed(body);
        }
        let payload = split(body.as_bytes()).and_then(|(_, payload, _)| base64url::decode_vec(payload).ok());
        Cow::Owned(payload.and_then(|payload| String::from_utf8(payload).ok()).unwrap_or_default())
    }

    /// The same where it takes no decoding.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn payload(&self) -> Option<&str> {
        let [body, ..] = self.ends;
        (!self.is_token).then(|| self.part(0, body))
    }

    /// A name for the subject that is safe to log: 16 bytes of SHA-256 over issuer and subject, base64url.
    #[must_use]
    pub fn subject_hash(&self) -> Option<String> {
        let subject = self.subject()?;
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

    /// Bytes that these claims keep, about; the text of the issuer is the policy's.
    #[must_use]
    pub fn weight(&self) -> usize {
        // In an `Arc`, which has two counts.
        self.text.len().saturating_add(size_of::<Self>()).saturating_add(size_of::<[usize; 2]>())
    }

    /// What they weigh with a token of this length instead of the payload.
    pub(super) fn weight_within(&self, token: usize) -> usize {
        let [body, ..] = self.ends;
        self.weight().saturating_sub(body as usize).saturating_add(token)
    }
}
