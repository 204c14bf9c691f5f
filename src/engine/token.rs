//! The way of a bearer token: cache, header, key set, signature, claims.

use alloc::sync::Arc;

use super::Step;
use super::evaluate::{Pending, Slot};
use super::gate::{BearerState, KeySource};
use super::prove::Proof;
use crate::decision::{Denial, Malformed};
use crate::host::{KeysAnswer, KeysReason, SignatureCheck, VerifyAnswer};
use crate::jwt::TokenRefusal;
use crate::jwt::cache::{Plan, Refresh};
use crate::jwt::claims::VerifiedClaims;
use crate::jwt::jwk::{Jwk, KeySet};
use crate::jwt::token::UnverifiedToken;
use crate::jwt::verify::{self, SignatureVerified};
use crate::policy::BearerCredential;
use crate::principal::Principal;

/// The generation of keys that never change.
const FIXED: u64 = 0;

/// A token under way.
pub(super) struct TokenNeed<'a> {
    pub(super) pending: Pending<'a>,
    pub(super) token: &'a [u8],
    pub(super) bearer: &'a BearerCredential,
    pub(super) credential: usize,
    pub(super) slot: usize,
}

/// A key set is needed. Answering consumes this.
#[must_use = "an unanswered need decides nothing"]
pub struct NeedKeys<'a> {
    need: TokenNeed<'a>,
    parsed: UnverifiedToken<'a>,
    reason: KeysReason,
}

/// A signature is to be checked by the host. Answering consumes this, so an answer serves this token and no other.
#[must_use = "an unanswered need decides nothing"]
pub struct NeedVerify<'a> {
    need: TokenNeed<'a>,
    parsed: UnverifiedToken<'a>,
    key: Arc<Jwk>,
    generation: u64,
}

impl<'a> NeedKeys<'a> {
    /// The name of the credential in the policy.
    #[must_use]
    pub fn credential(&self) -> &str {
        self.need.pending.gate.policy().credentials().get(self.need.credential).map_or("", |found| found.name())
    }

    /// The issuer whose keys are needed.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.need.bearer.rules().issuer
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> KeysReason {
        self.reason
    }

    /// Goes on with the host's answer. A text that is no key set counts as unavailable.
    pub fn answer(self, answer: KeysAnswer) -> Step<'a> {
        let Self { need, parsed, reason } = self;
        let gate = need.pending.gate;
        let now = need.pending.now;
        if let Some(BearerState { source: KeySource::Host(state), .. }) = gate.bearer_state(need.credential) {
            let mut state = state.lock();
            let changed = match answer {
                KeysAnswer::Found { jwks, fetched_at } => state.fetched(&jwks, fetched_at, now).unwrap_or(false),
                KeysAnswer::Unavailable => {
                    state.failed(now);
                    false
                }
            };
            drop(state);
            if changed && let Some(cache) = &gate.cache {
                cache.lock().evict(need.credential);
            }
        }
        match need.plan(parsed.kid()) {
            Plan::Use(set, generation) => need.with_keys(parsed, &set, generation).step(),
            Plan::Ask(_) | Plan::Unavailable => need.settle(Slot::Refused(Denial::KeysUnavailable(reason))).step(),
        }
    }
}

impl<'a> NeedVerify<'a> {
    /// What to check.
    #[must_use]
    pub fn check(&self) -> SignatureCheck<'_> {
        SignatureCheck {
            algorithm: self.parsed.algorithm(),
            thumbprint: self.key.thumbprint(),
            public_jwk: self.key.public_jwk(),
            signing_input: self.parsed.signing_input(),
            signature: self.parsed.signature(),
        }
    }

    /// Does the arithmetic here after all: for hosts that lack the algorithm, or that would have to wait.
    pub fn verify_here(self) -> Step<'a> {
        let Self { need, parsed, key, generation } = self;
        match verify::verify(parsed.algorithm(), key.key(), parsed.signing_input(), parsed.signature()) {
            Ok(proof) => need.with_signature(parsed, proof, generation),
            Err(refusal) => need.refuse(refusal),
        }
        .step()
    }

    /// Goes on with the host's answer.
    pub fn answer(self, answer: VerifyAnswer) -> Step<'a> {
        let Self { need, parsed, generation, .. } = self;
        match answer {
            VerifyAnswer::Valid => need.with_signature(parsed, SignatureVerified::by_host(), generation),
            VerifyAnswer::Invalid => need.refuse(TokenRefusal::SignatureInvalid),
            VerifyAnswer::Unavailable => need.settle(Slot::Refused(Denial::KeysUnavailable(KeysReason::Missing))),
        }
        .step()
    }
}

impl<'a> Proof<'a> {
    fn step(self) -> Step<'a> {
        match self {
            Self::Settled(pending) => pending.advance(),
            Self::Waiting(step) => step,
        }
    }
}

impl<'a> TokenNeed<'a> {
    /// From the raw token to a settled slot, or to a need.
    pub(super) fn start(self) -> Proof<'a> {
        if let Some(claims) = self.cached() {
            return self.with_claims(claims);
        }
        let parsed = match UnverifiedToken::parse(self.token, self.bearer.rules()) {
            Ok(parsed) => parsed,
            Err(TokenRefusal::TokenMalformed) => {
                let denial = Denial::MalformedCredential(Malformed::Token(TokenRefusal::TokenMalformed));
                return self.settle(Slot::Refused(denial));
            }
            Err(refusal) => return self.refuse(refusal),
        };
        if self.pending.gate.has_several_bearers() {
            match parsed.unverified_issuer(self.bearer.rules()) {
                Ok(Some(issuer)) if *issuer == *self.bearer.rules().issuer => {}
                Ok(_) => return self.refuse(TokenRefusal::IssuerMismatch),
                Err(refusal) => return self.refuse(refusal),
            }
        }
        let Some(state) = self.pending.gate.bearer_state(self.credential) else {
            return self.settle(Slot::Absent);
        };
        if parsed.algorithm().is_hmac() {
            let Some(secret) = &state.secret else { return self.refuse(TokenRefusal::AlgNotAllowed) };
            return match verify::verify(parsed.algorithm(), secret, parsed.signing_input(), parsed.signature()) {
                Ok(proof) => self.with_signature(parsed, proof, FIXED),
                Err(refusal) => self.refuse(refusal),
            };
        }
        match self.plan(parsed.kid()) {
            Plan::Use(set, generation) => self.with_keys(parsed, &set, generation),
            Plan::Unavailable => self.settle(Slot::Refused(Denial::KeysUnavailable(KeysReason::Missing))),
            Plan::Ask(refresh) => {
                let reason = match refresh {
                    Refresh::Missing => KeysReason::Missing,
                    Refresh::Stale => KeysReason::Stale,
                    Refresh::UnknownKid => KeysReason::UnknownKid,
                };
                Proof::Waiting(Step::NeedKeys(NeedKeys { need: self, parsed, reason }))
            }
        }
    }

    fn plan(&self, kid: Option<&str>) -> Plan {
        match self.pending.gate.bearer_state(self.credential).map(|state| &state.source) {
            None => Plan::Unavailable,
            Some(KeySource::Fixed(set)) => Plan::Use(Arc::clone(set), FIXED),
            Some(KeySource::Host(state)) => state.lock().plan(self.pending.now, kid),
        }
    }

    fn with_keys(self, parsed: UnverifiedToken<'a>, set: &KeySet, generation: u64) -> Proof<'a> {
        let key = match set.select(parsed.algorithm(), parsed.kid()) {
            Ok(key) => key,
            Err(refusal) => return self.refuse(refusal),
        };
        if self.pending.gate.verifies_on_host() {
            if let Err(refusal) = verify::check_shape(parsed.algorithm(), key.key(), parsed.signature()) {
                return self.refuse(refusal);
            }
            let key = Arc::clone(key);
            return Proof::Waiting(Step::NeedVerify(NeedVerify { need: self, parsed, key, generation }));
        }
        match verify::verify(parsed.algorithm(), key.key(), parsed.signing_input(), parsed.signature()) {
            Ok(proof) => self.with_signature(parsed, proof, generation),
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Checks the claims of a token whose signature was verified under this generation of the keys.
    fn with_signature(self, parsed: UnverifiedToken<'a>, proof: SignatureVerified, generation: u64) -> Proof<'a> {
        match parsed.into_verified(proof, self.bearer.rules(), self.pending.now) {
            Ok(claims) => {
                let claims = Arc::new(claims);
                if let Some(mut cache) = self.pending.gate.cache.as_ref().and_then(|cache| cache.try_lock()) {
                    cache.insert(self.token, self.credential, generation, Arc::clone(&claims));
                }
                self.with_claims(claims)
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn with_claims(self, claims: Arc<VerifiedClaims>) -> Proof<'a> {
        let client_allowed = self.bearer.clients().is_none_or(|clients| {
            claims.client_id().is_some_and(|client| clients.iter().any(|allowed| **allowed == *client))
        });
        let slot = if client_allowed {
            let scopes = self.pending.gate.policy().scopes();
            Slot::Proven(Principal::from_claims(self.credential, claims, scopes))
        } else {
            Slot::Refused(Denial::CredentialNotAccepted)
        };
        self.settle(slot)
    }

    /// The generation of the keys in force, when no fresh set is due: only then may a cached token stand.
    fn generation(&self) -> Option<u64> {
        match &self.pending.gate.bearer_state(self.credential)?.source {
            KeySource::Fixed(_) => Some(FIXED),
            KeySource::Host(state) => state.lock().settled_generation(self.pending.now),
        }
    }

    fn cached(&self) -> Option<Arc<VerifiedClaims>> {
        let cache = self.pending.gate.cache.as_ref()?;
        let generation = self.generation()?;
        cache.try_lock()?.get(self.token, self.credential, generation, self.bearer.rules(), self.pending.now)
    }

    fn refuse(self, refusal: TokenRefusal) -> Proof<'a> {
        self.settle(Slot::Refused(Denial::InvalidToken(refusal)))
    }

    fn settle(self, outcome: Slot) -> Proof<'a> {
        let Self { mut pending, credential, slot, .. } = self;
        pending.settle(credential, slot, outcome);
        Proof::Settled(pending)
    }
}
