//! The way of a bearer token: cache, header, key set, signature, claims.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::evaluate::{Pause, Pending, Slot};
use super::gate::{BearerState, KeySource};
use super::prove::Look;
use super::{Gate, Step};
use crate::decision::{Denial, Malformed};
use crate::host::{KeysAnswer, KeysReason, SignatureCheck, VerifyAnswer};
use crate::jwt::TokenRefusal;
use crate::jwt::cache::{Plan, Refresh};
use crate::jwt::claims::VerifiedClaims;
use crate::jwt::jwk::{Jwk, KeySet};
use crate::jwt::token::UnverifiedToken;
use crate::jwt::verify::{self, SignatureVerified, VerifyKey};
use crate::policy::BearerCredential;
use crate::principal::Principal;
use crate::time::UnixSeconds;

/// The generation of keys that never change.
const FIXED: u64 = 0;

/// A token under way, and where it stands in the decision.
#[derive(Clone, Copy)]
pub(super) struct Bearing<'a> {
    pub(super) gate: &'a Gate,
    pub(super) now: UnixSeconds,
    pub(super) token: &'a [u8],
    pub(super) bearer: &'a BearerCredential,
    pub(super) credential: usize,
    pub(super) slot: usize,
    /// Whom the token proved before, when it is known by that.
    pub(super) known: Option<&'a Principal>,
    /// Whether the decision is given up where a key set has to be fetched.
    pub(super) at_once: bool,
}

/// A token whose key set is awaited.
pub(super) struct KeysWait<'a> {
    bearing: Bearing<'a>,
    parsed: UnverifiedToken<'a>,
    reason: KeysReason,
}

impl<'a> KeysWait<'a> {
    pub(super) fn credential(&self) -> &'a str {
        self.bearing.gate.policy().credentials().get(self.bearing.credential).map_or("", |found| found.name())
    }

    pub(super) fn issuer(&self) -> &'a str {
        &self.bearing.bearer.rules().issuer
    }

    pub(super) const fn reason(&self) -> KeysReason {
        self.reason
    }
}

/// A token whose signature the host is to check.
pub(super) struct VerifyWait<'a> {
    bearing: Bearing<'a>,
    parsed: UnverifiedToken<'a>,
    key: Arc<Jwk>,
    generation: u64,
}

impl VerifyWait<'_> {
    pub(super) fn check(&self) -> SignatureCheck<'_> {
        SignatureCheck {
            algorithm: self.parsed.algorithm(),
            thumbprint: self.key.thumbprint(),
            public_jwk: self.key.public_jwk(),
            signing_input: self.parsed.signing_input(),
            signature: self.parsed.signature(),
        }
    }
}

/// A key set is needed. Answering consumes this.
#[must_use = "an unanswered need decides nothing"]
pub struct NeedKeys<'a> {
    pub(super) pending: Pending<'a>,
    pub(super) wait: Box<KeysWait<'a>>,
}

/// A signature is to be checked by the host. Answering consumes this, so an answer serves this token and no other.
#[must_use = "an unanswered need decides nothing"]
pub struct NeedVerify<'a> {
    pub(super) pending: Pending<'a>,
    pub(super) wait: Box<VerifyWait<'a>>,
}

impl<'a> NeedKeys<'a> {
    /// The name of the credential in the policy.
    #[must_use]
    pub fn credential(&self) -> &str {
        self.wait.credential()
    }

    /// The issuer whose keys are needed.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.wait.issuer()
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> KeysReason {
        self.wait.reason()
    }

    /// Goes on with the host's answer. A text that is no key set counts as unavailable.
    pub fn answer(self, answer: KeysAnswer) -> Step<'a> {
        let Self { mut pending, wait } = self;
        let pause = pending.answer_keys(*wait, answer);
        pending.step(pause)
    }
}

impl<'a> NeedVerify<'a> {
    /// What to check.
    #[must_use]
    pub fn check(&self) -> SignatureCheck<'_> {
        self.wait.check()
    }

    /// Does the arithmetic here after all: for hosts that lack the algorithm, or that would have to wait. Without the arithmetic of this
    /// algorithm in the build the keys are unavailable.
    pub fn verify_here(self) -> Step<'a> {
        let Self { mut pending, wait } = self;
        let pause = pending.verify_here(*wait);
        pending.step(pause)
    }

    /// Goes on with the host's answer.
    pub fn answer(self, answer: VerifyAnswer) -> Step<'a> {
        let Self { mut pending, wait } = self;
        let pause = pending.answer_verify(*wait, answer);
        pending.step(pause)
    }
}

impl<'a> Pending<'a> {
    /// Goes on with a key set.
    pub(super) fn answer_keys(&mut self, wait: KeysWait<'a>, answer: KeysAnswer) -> Pause<'a> {
        let KeysWait { bearing, parsed, reason } = wait;
        bearing.take_keys(answer);
        let look = match bearing.plan(parsed.kid()) {
            Plan::Use(set, generation) => bearing.with_keys(parsed, &set, generation),
            Plan::Ask(_) | Plan::Unavailable => Look::Settled(Slot::Refused(Denial::KeysUnavailable(reason))),
        };
        self.go_on(bearing, look)
    }

    /// Does the arithmetic of a signature here.
    pub(super) fn verify_here(&mut self, wait: VerifyWait<'a>) -> Pause<'a> {
        if !verify::is_supported(wait.parsed.algorithm()) {
            return self.answer_verify(wait, VerifyAnswer::Unavailable);
        }
        let VerifyWait { bearing, parsed, key, generation } = wait;
        let look = bearing.verify(parsed, key.key(), generation);
        self.go_on(bearing, look)
    }

    /// Goes on with what the host found of a signature.
    pub(super) fn answer_verify(&mut self, wait: VerifyWait<'a>, answer: VerifyAnswer) -> Pause<'a> {
        let VerifyWait { bearing, parsed, generation, .. } = wait;
        let look = match answer {
            VerifyAnswer::Valid => bearing.with_signature(parsed, SignatureVerified::by_host(), generation),
            VerifyAnswer::Invalid => refuse(TokenRefusal::SignatureInvalid),
            VerifyAnswer::Unavailable => Look::Settled(Slot::Refused(Denial::VerifierUnavailable)),
        };
        self.go_on(bearing, look)
    }

    fn go_on(&mut self, bearing: Bearing<'a>, look: Look<'a>) -> Pause<'a> {
        match look {
            Look::Settled(outcome) => {
                self.settle(bearing.credential, bearing.slot, outcome);
                self.advance()
            }
            Look::Waiting(pause) => pause,
        }
    }
}

fn refuse<'a>(refusal: TokenRefusal) -> Look<'a> {
    Look::Settled(Slot::Refused(Denial::InvalidToken(refusal)))
}

impl<'a> Bearing<'a> {
    /// From the raw token to what its slot is to hold, or to a need.
    pub(super) fn start(self) -> Look<'a> {
        if let Some(claims) = self.cached() {
            return self.with_claims(claims);
        }
        let Some(state) = self.gate.bearer_state(self.credential) else {
            return Look::Settled(Slot::Absent);
        };
        let parsed =
            UnverifiedToken::parse_with(self.token, self.bearer.rules(), state.header.try_lock().as_deref_mut());
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(TokenRefusal::TokenMalformed) => {
                let denial = Denial::MalformedCredential(Malformed::Token(TokenRefusal::TokenMalformed));
                return Look::Settled(Slot::Refused(denial));
            }
            Err(refusal) => return refuse(refusal),
        };
        if self.gate.has_several_bearers() {
            match parsed.unverified_issuer(self.bearer.rules()) {
                Ok(Some(issuer)) if *issuer == *self.bearer.rules().issuer => {}
                Ok(_) => return refuse(TokenRefusal::IssuerMismatch),
                Err(refusal) => return refuse(refusal),
            }
        }
        if parsed.algorithm().is_hmac() {
            let Some(secret) = &state.secret else { return refuse(TokenRefusal::AlgNotAllowed) };
            return self.verify(parsed, secret, FIXED);
        }
        match self.plan(parsed.kid()) {
            Plan::Use(set, generation) => self.with_keys(parsed, &set, generation),
            Plan::Unavailable => Look::Settled(Slot::Refused(Denial::KeysUnavailable(KeysReason::Missing))),
            Plan::Ask(refresh) => {
                let reason = match refresh {
                    Refresh::Missing => KeysReason::Missing,
                    Refresh::Stale => KeysReason::Stale,
                    Refresh::UnknownKid => KeysReason::UnknownKid,
                };
                Look::Waiting(Pause::Keys(Box::new(KeysWait { bearing: self, parsed, reason })))
            }
        }
    }

    /// Keeps the key set that the host answered, and drops what the cache proved under another.
    fn take_keys(&self, answer: KeysAnswer) {
        let (gate, now) = (self.gate, self.now);
        let Some(BearerState { source: KeySource::Host(state), .. }) = gate.bearer_state(self.credential) else {
            return;
        };
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
            cache.lock().evict(self.credential);
        }
    }

    fn plan(&self, kid: Option<&str>) -> Plan {
        match self.gate.bearer_state(self.credential).map(|state| &state.source) {
            None => Plan::Unavailable,
            Some(KeySource::Fixed(set)) => Plan::Use(Arc::clone(set), FIXED),
            Some(KeySource::Host(state)) if self.at_once => state.lock().peek(self.now, kid),
            Some(KeySource::Host(state)) => state.lock().plan(self.now, kid),
        }
    }

    fn with_keys(self, parsed: UnverifiedToken<'a>, set: &KeySet, generation: u64) -> Look<'a> {
        let key = match set.select(parsed.algorithm(), parsed.kid()) {
            Ok(key) => key,
            Err(refusal) => return refuse(refusal),
        };
        if self.gate.verifies_on_host() {
            if let Err(refusal) = verify::check_shape(parsed.algorithm(), key.key(), parsed.signature()) {
                return refuse(refusal);
            }
            let key = Arc::clone(key);
            return Look::Waiting(Pause::Verify(Box::new(VerifyWait { bearing: self, parsed, key, generation })));
        }
        self.verify(parsed, key.key(), generation)
    }

    fn verify(self, parsed: UnverifiedToken<'a>, key: &VerifyKey, generation: u64) -> Look<'a> {
        match verify::verify(parsed.algorithm(), key, parsed.signing_input(), parsed.signature()) {
            Ok(proof) => self.with_signature(parsed, proof, generation),
            Err(refusal) => refuse(refusal),
        }
    }

    /// Checks the claims of a token whose signature was verified under this generation of the keys.
    fn with_signature(self, parsed: UnverifiedToken<'a>, proof: SignatureVerified, generation: u64) -> Look<'a> {
        match parsed.into_verified(proof, self.bearer.rules(), self.now) {
            Ok(claims) => {
                if let Some(mut cache) = self.gate.cache.as_ref().and_then(|cache| cache.try_lock()) {
                    cache.insert(self.token, self.credential, generation, &claims);
                }
                self.with_claims(Arc::new(claims))
            }
            Err(refusal) => refuse(refusal),
        }
    }

    fn with_claims(self, claims: Arc<VerifiedClaims>) -> Look<'a> {
        // Whom these very claims proved before: all that is left to ask of them is the same for every request.
        if let Some(known) = self.known.filter(|known| known.is_of(self.credential, &claims)) {
            return Look::Settled(Slot::Proven(known.clone()));
        }
        let client_allowed = self.bearer.clients().is_none_or(|clients| {
            claims.client_id().is_some_and(|client| clients.iter().any(|allowed| **allowed == *client))
        });
        Look::Settled(if client_allowed {
            Slot::Proven(Principal::from_claims(self.credential, claims, self.gate.policy().scopes()))
        } else {
            Slot::Refused(Denial::CredentialNotAccepted)
        })
    }

    /// The generation of the keys in force, when no fresh set is due: only then may a cached token stand.
    fn generation(&self) -> Option<u64> {
        match &self.gate.bearer_state(self.credential)?.source {
            KeySource::Fixed(_) => Some(FIXED),
            KeySource::Host(state) => state.lock().settled_generation(self.now),
        }
    }

    fn cached(&self) -> Option<Arc<VerifiedClaims>> {
        let cache = self.gate.cache.as_ref()?;
        let generation = self.generation()?;
        cache.try_lock()?.get(self.token, self.credential, generation, self.bearer.rules(), self.now)
    }
}
