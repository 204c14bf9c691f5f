//! The strict front end: from the text of a compact JWS to its parts and a checked header. Nothing is believed yet.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::cache::is_same;
use super::claims::{TokenRules, VerifiedClaims, verify_claims};
use super::json::{JsonFault, Object, Value};
use super::verify::SignatureVerified;
use super::{Algorithm, TokenRefusal, base64url};
use crate::time::UnixSeconds;

/// The longest `kid`, in bytes.
pub const MAX_KID_BYTES: usize = 256;

/// A token whose shape and header are right. Its claims are not looked at before its signature is verified, which is why they
/// have no accessor: see [`UnverifiedToken::into_verified`].
pub struct UnverifiedToken<'t> {
    algorithm: Algorithm,
    kid: Option<Arc<str>>,
    signing_input: &'t [u8],
    payload: &'t [u8],
    signature: Signature,
}

/// A decoded signature: most take no memory of their own.
enum Signature {
    Short([u8; 64], usize),
    Long(Vec<u8>),
}

impl Signature {
    fn decode(text: &[u8]) -> Result<Self, TokenRefusal> {
        let mut bytes = [0; 64];
        match base64url::decode(text, &mut bytes).map(<[u8]>::len) {
            Some(len) => Ok(Self::Short(bytes, len)),
            None => base64url::decode_vec(text).map(Self::Long),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(bytes, len) => bytes.get(..*len).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}

/// Payloads of up to so many bytes are decoded on the stack.
const SHORT_PAYLOAD: usize = 1_024;

/// The last header that was right under one set of rules, as it was sent and what it says. An issuer writes the same one into every
/// token, so it need not be read again.
#[derive(Default)]
pub(crate) struct SeenHeader {
    text: Box<[u8]>,
    read: Option<(Algorithm, Option<Arc<str>>)>,
}

impl<'t> UnverifiedToken<'t> {
    /// Splits and checks a compact JWS (RFC 7515 section 7.1): size and dots before anything is allocated, then the header.
    ///
    /// # Errors
    /// [`TokenRefusal::TokenMalformed`] when it is no compact JWS at all, another refusal for what its header says.
    pub fn parse(text: &'t [u8], rules: &TokenRules) -> Result<Self, TokenRefusal> {
        Self::parse_with(text, rules, None)
    }

    /// The same beside the header that was seen last under these rules.
    pub(crate) fn parse_with(
        text: &'t [u8],
        rules: &TokenRules,
        seen: Option<&mut SeenHeader>,
    ) -> Result<Self, TokenRefusal> {
        if text.len() > rules.limits.token_bytes {
            return Err(TokenRefusal::TokenTooLarge);
        }
        let (header, payload, signature) = split(text).ok_or(TokenRefusal::TokenMalformed)?;
        let most = rules.limits.header_bytes.saturating_mul(4).div_ceil(3);
        if header.len() > most {
            return Err(TokenRefusal::HeaderInvalid);
        }
        let signing_len = header.len().saturating_add(payload.len()).saturating_add(1);
        let known = seen.as_ref().filter(|seen| is_same(&seen.text, header)).and_then(|seen| seen.read.clone());
        let (algorithm, kid) = match known {
            Some(read) => read,
            None => {
                let read = check_header(&base64url::decode_vec(header)?, rules)?;
                if let Some(seen) = seen {
                    *seen = SeenHeader { text: header.into(), read: Some(read.clone()) };
                }
                read
            }
        };
        Ok(Self {
            algorithm,
            kid,
            signing_input: text.get(..signing_len).ok_or(TokenRefusal::TokenMalformed)?,
            payload,
            signature: Signature::decode(signature)?,
        })
    }

    /// The algorithm, already on the allow-list.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that the header names. It selects among the keys of one issuer, nothing else.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The bytes that were signed.
    #[must_use]
    pub const fn signing_input(&self) -> &'t [u8] {
        self.signing_input
    }

    /// The decoded signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        self.signature.bytes()
    }

    /// The issuer that the claims name, unproven: to choose between the key sets of several issuers, and for nothing else.
    ///
    /// # Errors
    /// A refusal of the payload's form.
    pub fn unverified_issuer(&self, rules: &TokenRules) -> Result<Option<String>, TokenRefusal> {
        let payload = base64url::decode_vec(self.payload)?;
        let claims = Object::parse(&payload, rules.limits.json()).map_err(TokenRefusal::of_claims)?;
        Ok(claims.string("iss").map(String::from))
    }

    /// Checks the claims, now that the signature is verified.
    ///
    /// # Errors
    /// A refusal of the claims.
    pub fn into_verified(
        self,
        _proof: SignatureVerified,
        rules: &TokenRules,
        now: UnixSeconds,
    ) -> Result<VerifiedClaims, TokenRefusal> {
        let more;
        let mut space = [0; SHORT_PAYLOAD];
        let payload = match base64url::decode(self.payload, &mut space) {
            Some(payload) => payload,
            None => {
                more = base64url::decode_vec(self.payload)?;
                &more
            }
        };
        verify_claims(payload, rules, now)
    }
}

/// Three parts, none empty, and no fourth.
pub(super) fn split(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut dots = memchr::memchr_iter(b'.', text);
    let (first, second) = (dots.next()?, dots.next()?);
    let (signed, signature) = (text.get(..second)?, text.get(second.checked_add(1)?..)?);
    let (header, payload) = (signed.get(..first)?, signed.get(first.checked_add(1)?..)?);
    let whole = dots.next().is_none() && !header.is_empty() && !payload.is_empty() && !signature.is_empty();
    whole.then_some((header, payload, signature))
}

impl TokenRefusal {
    pub(super) const fn of_claims(fault: JsonFault) -> Self {
        match fault {
            JsonFault::Duplicate => Self::ClaimsDuplicateMember,
            JsonFault::Invalid | JsonFault::TooDeep | JsonFault::TooMany => Self::ClaimsInvalid,
        }
    }

    const fn of_header(fault: JsonFault) -> Self {
        match fault {
            JsonFault::Duplicate => Self::HeaderDuplicateMember,
            JsonFault::Invalid | JsonFault::TooDeep | JsonFault::TooMany => Self::HeaderInvalid,
        }
    }
}

/// What the header may say. `jku`, `x5u`, `x5c`, `jwk` and `x5t` are passed over: a token never brings its own key.
fn check_header(bytes: &[u8], rules: &TokenRules) -> Result<(Algorithm, Option<Arc<str>>), TokenRefusal> {
    if bytes.len() > rules.limits.header_bytes {
        return Err(TokenRefusal::HeaderInvalid);
    }
    let header = Object::parse(bytes, rules.limits.json()).map_err(TokenRefusal::of_header)?;
    let algorithm = match header.get("alg") {
        Some(Value::String(name)) => {
            Algorithm::from_name(name).filter(|algorithm| rules.algorithms.contains(*algorithm))
        }
        _ => return Err(TokenRefusal::AlgMissing),
    };
    let algorithm = algorithm.ok_or(TokenRefusal::AlgNotAllowed)?;
    let kid = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) if kid.len() <= MAX_KID_BYTES => Some(Arc::from(&**kid)),
        Some(_) => return Err(TokenRefusal::HeaderInvalid),
    };
    if header.get("b64").is_some_and(|value| *value != Value::Bool(true)) {
        return Err(TokenRefusal::B64Unsupported);
    }
    if let Some(critical) = header.get("crit") {
        check_critical(critical, &header)?;
    }
    check_type(&header, rules)?;
    match header.get("cty") {
        None => {}
        Some(Value::String(content)) if media_type(content) == "jwt" => return Err(TokenRefusal::NestedUnsupported),
        Some(Value::String(_)) => {}
        Some(_) => return Err(TokenRefusal::HeaderInvalid),
    }
    Ok((algorithm, kid))
}

/// `crit` (RFC 7515 section 4.1.11): a non-empty list of distinct names that the header has. None is understood here.
fn check_critical(critical: &Value<'_>, header: &Object<'_>) -> Result<(), TokenRefusal> {
    let Value::Array(names) = critical else { return Err(TokenRefusal::CritInvalid) };
    if names.is_empty() {
        return Err(TokenRefusal::CritInvalid);
    }
    for (at, name) in names.iter().enumerate() {
        let Value::String(text) = name else { return Err(TokenRefusal::CritInvalid) };
        if header.get(text).is_none() || names.iter().take(at).any(|earlier| earlier == name) {
            return Err(TokenRefusal::CritInvalid);
        }
    }
    Err(TokenRefusal::CritUnsupported)
}

fn check_type(header: &Object<'_>, rules: &TokenRules) -> Result<(), TokenRefusal> {
    match header.get("typ") {
        Some(Value::String(kind)) => {
            let kind = media_type(kind);
            let known = rules.types.is_empty() || rules.types.iter().any(|allowed| **allowed == *kind);
            if known { Ok(()) } else { Err(TokenRefusal::TypMismatch) }
        }
        None if rules.types.is_empty() => Ok(()),
        None => Err(TokenRefusal::TypMismatch),
        Some(_) => Err(TokenRefusal::HeaderInvalid),
    }
}

/// A media type as it is compared: lower case, without `application/` (RFC 7515 section 4.1.9).
fn media_type(name: &str) -> Cow<'_, str> {
    let lower = if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    match lower {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix("application/").unwrap_or(text)),
        Cow::Owned(text) => Cow::Owned(text.strip_prefix("application/").map_or_else(|| text.clone(), String::from)),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::jwt::AlgorithmSet;

    fn token(header: &str) -> String {
        alloc::format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn a_header_seen_before_says_what_it_says_and_a_wrong_one_is_not_kept() {
        let rules = TokenRules::new("i", ["a"], AlgorithmSet::default().with(Algorithm::Rs256));
        let mut seen = SeenHeader::default();
        let mut read = |header: &str| {
            let text = token(header);
            let alone = UnverifiedToken::parse(text.as_bytes(), &rules).map(|token| token.kid().map(String::from));
            let beside = UnverifiedToken::parse_with(text.as_bytes(), &rules, Some(&mut seen));
            assert_eq!(beside.map(|token| token.kid().map(String::from)), alone, "{header}");
            alone
        };
        let good = r#"{"alg":"RS256","typ":"at+jwt","kid":"k1"}"#;
        let other = r#"{"alg":"RS256","typ":"at+jwt"}"#;
        for header in [good, good, r#"{"alg":"none","typ":"at+jwt","kid":"k1"}"#, good, other, other, good, "{}", good]
        {
            let _ = read(header);
        }
        assert_eq!((read(good), read(other)), (Ok(Some("k1".into())), Ok(None)));
        assert_eq!(read(r#"{"alg":"HS256","typ":"at+jwt","kid":"k1"}"#), Err(TokenRefusal::AlgNotAllowed));
    }

    #[test]
    fn payloads_and_signatures_of_any_length_are_decoded() {
        let rules = TokenRules::new("i", ["a"], AlgorithmSet::default().with(Algorithm::Rs256));
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"at+jwt"}"#);
        let now = UnixSeconds::clamped(1_000);
        for length in (0..70).chain(950..980) {
            let signature = alloc::vec![7; length.clamp(1, 600)];
            let note = "x".repeat(length);
            let claims = alloc::format!(r#"{{"iss":"i","aud":"a","sub":"s","iat":1,"exp":2000,"note":"{note}"}}"#);
            let [payload, encoded] = [claims.as_bytes(), &signature].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
            let text = alloc::format!("{header}.{payload}.{encoded}");
            let token = UnverifiedToken::parse(text.as_bytes(), &rules).unwrap();
            assert_eq!(token.signature(), signature, "{length}");
            let verified = token.into_verified(SignatureVerified::by_host(), &rules, now).unwrap();
            assert_eq!(verified.json(), claims, "{length}");
            for (bad, at) in
                [(alloc::format!("{header}.{payload}.{encoded}!"), 0), (alloc::format!("{header}.{payload}!.AA"), 1)]
            {
                let read = UnverifiedToken::parse(bad.as_bytes(), &rules);
                let refusal = match read {
                    Err(refusal) if at == 0 => refusal,
                    Ok(token) if at == 1 => token.into_verified(SignatureVerified::by_host(), &rules, now).unwrap_err(),
                    _ => panic!("{length} {at}"),
                };
                assert_eq!(refusal, TokenRefusal::Base64Invalid, "{length} {at}");
            }
        }
    }
}
