//! What a demonstration starts with: a signing key, a key to use and a token to manage keys with. All of it is fresh at each
//! start and kept nowhere but in memory.

use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::key::format::{ENTROPY_BYTES, RawKey};
use scopegate::key::hash::Keyring;
use scopegate::key::lifecycle::{IssueRequest, IssueRules, issue};
use scopegate::policy::{ApiKeyCredential, BearerCredential, CredentialKind, Policy};
use scopegate::time::UnixSeconds;
use scopegate_stores::{Inserted, KeyStore};
use serde_json::json;
use zeroize::Zeroizing;

use crate::oauth::Signer;
use crate::oauth::demo::FIRST_PARTY;
use crate::serve::ServeError;

/// The subject of the demonstration: its company user, who owns the demonstration's keys.
pub const SUBJECT: &str = "company-1";
/// What the demonstration's key may do.
const SCOPE: &str = "jobs:read";
/// How long the demonstration's token lives, in seconds.
const TOKEN_LIFE: i64 = 3_600;
/// How long the demonstration's key lives, in seconds.
const KEY_LIFE: i64 = 30 * 86_400;

/// Signs the demonstration's tokens.
pub struct Demo {
    signer: Arc<Signer>,
}

fn random<const LEN: usize>() -> Result<Zeroizing<[u8; LEN]>, ServeError> {
    let mut bytes = Zeroizing::new([0_u8; LEN]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| ServeError::new(format!("no random bytes: {error}")))?;
    Ok(bytes)
}

impl Demo {
    /// Makes the signing key.
    ///
    /// # Errors
    /// [`ServeError`] when there are no random bytes.
    pub fn new() -> Result<Self, ServeError> {
        Ok(Self::of(Arc::new(Signer::generate()?)))
    }

    /// Signs with a key that is there.
    pub(crate) const fn of(signer: Arc<Signer>) -> Self {
        Self { signer }
    }

    /// The public key as a JWK Set.
    #[must_use]
    pub fn jwks(&self) -> String {
        format!("{{\"keys\":[{}]}}", self.signer.public_jwk())
    }

    /// A token for the demonstration's user, as the policy's credential wants it.
    ///
    /// # Errors
    /// [`ServeError`] when it cannot be signed.
    pub fn token(&self, bearer: &BearerCredential, now: UnixSeconds) -> Result<String, ServeError> {
        let id = random::<16>()?;
        let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": self.signer.kid() });
        let claims = json!({
            "iss": &*bearer.rules().issuer,
            "aud": bearer.rules().audiences.first(),
            "sub": SUBJECT,
            "client_id": bearer.clients().and_then(|clients| clients.first()).map_or(FIRST_PARTY, |client| client),
            "scope": "openid profile email",
            "iat": now.get(),
            "exp": now.saturating_add(TOKEN_LIFE).get(),
            "jti": Base64UrlUnpadded::encode_string(id.as_slice()),
        });
        let part = |value: &serde_json::Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        let input = format!("{}.{}", part(&header), part(&claims));
        let signature = self.signer.sign(input.as_bytes())?;
        Ok(format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature)))
    }

    /// Issues and stores the demonstration's key: it may read job listings and nothing else; of another policy, what the first route with a
    /// scope asks of a key. It is of the first environment whose keys `credential` accepts.
    ///
    /// # Errors
    /// [`ServeError`] when it cannot be stored.
    pub async fn key(
        policy: &Policy,
        credential: &ApiKeyCredential,
        keyring: &Keyring,
        store: &impl KeyStore,
        now: UnixSeconds,
    ) -> Result<RawKey, ServeError> {
        let declared: Vec<&str> = (0..policy.scopes().len()).filter_map(|index| policy.scopes().name(index)).collect();
        let scopes = scopes(policy);
        let request = IssueRequest {
            label: "Demo key",
            scopes: &scopes,
            environment: credential.accept().first().map_or("live", |environment| environment),
            owner: SUBJECT,
            expires_at: Some(now.saturating_add(KEY_LIFE)),
            ip_allow: &[],
        };
        let rules = IssueRules { declared: &declared, expiry_required: true, ..IssueRules::default() };
        let entropy = random::<ENTROPY_BYTES>()?;
        let issued = issue(&request, &rules, credential.format(), keyring, &entropy, now)
            .map_err(|error| ServeError::new(error.to_string()))?;
        match store.insert(&issued.record).await {
            Ok(Inserted::Done) => Ok(issued.raw_key),
            Ok(Inserted::Exists) => Err(ServeError::new("the id of the demo key is taken; start again")),
            Err(error) => Err(ServeError::new(error.to_string())),
        }
    }
}

/// The scopes of the demonstration's key. A key needs one, if only one that no route asks for.
fn scopes(policy: &Policy) -> Vec<&str> {
    let catalogue = policy.scopes();
    if catalogue.index_of(SCOPE).is_some() {
        return vec![SCOPE];
    }
    let is_key = |index: usize| {
        let credential = policy.credentials().get(index);
        credential.is_some_and(|credential| matches!(credential.kind(), CredentialKind::ApiKey(_)))
    };
    let mut parts =
        policy.routes().iter().flat_map(|route| route.alternatives()).flat_map(|alternative| alternative.parts());
    let asked = parts.find(|part| is_key(part.credential()) && catalogue.names(part.scopes()).next().is_some());
    match asked {
        Some(part) => catalogue.names(part.scopes()).collect(),
        None => catalogue.name(0).into_iter().collect(),
    }
}

impl std::fmt::Debug for Demo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Demo").finish_non_exhaustive()
    }
}
