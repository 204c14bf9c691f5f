//! A decision as a future that is polled by hand: for a host that is asked between two calls. What the compiler keeps of a future that
//! waits is the decision in its place, so the next call goes on where the last one stopped.

use alloc::sync::Arc;

use super::Gate;
use super::evaluate::{Pause, Pending};
use crate::decision::Decision;
use crate::host::{KeyAnswer, KeysAnswer, KeysReason, SignatureCheck, VerifyAnswer};
use crate::jwt::claims::VerifiedClaims;
use crate::key::format::KeyId;
use crate::key::record::KeyRecord;
use crate::principal::Principal;
use crate::request::Request;
use crate::scope::ScopeSet;
use crate::time::UnixSeconds;

/// The host behind the calls. Each answer is ready when the call comes that brings it.
pub(crate) trait Desk {
    /// The record of a key.
    async fn key(&self, id: &KeyId) -> KeyAnswer;
    /// What this credential may do by a record that proved somebody before.
    fn scopes_of(&self, credential: usize, record: &Arc<KeyRecord>) -> Option<ScopeSet>;
    /// A key set.
    async fn keys(&self, credential: &str, reason: KeysReason) -> KeysAnswer;
    /// A signature.
    async fn verify(&self, check: &SignatureCheck<'_>) -> Verified;
}

/// What comes of a signature.
#[derive(Clone, Copy)]
pub(crate) enum Verified {
    /// The host's word.
    ByHost(VerifyAnswer),
    /// The engine does the arithmetic itself.
    Here,
}

impl Gate {
    /// Where the token of these claims is kept, when it was used last.
    pub(crate) fn place_of(&self, claims: &Arc<VerifiedClaims>) -> Option<u32> {
        self.cache.as_ref()?.try_lock()?.newest_of(claims)
    }

    /// Decides with a host behind a desk: the twin of [`Gate::decide_async`], within one thread. `known` stands for the bearer token of
    /// a request that does not bring it again: whom it proved before, and its place in the cache. All that is asked of a token that
    /// was seen before is asked of this one. The decision is told where it is made: it is large, and would be copied.
    pub(crate) async fn decide_at<'a>(
        &'a self,
        request: &'a Request<'a>,
        now: UnixSeconds,
        known: Option<(&'a Principal, u32)>,
        desk: &impl Desk,
        tell: impl FnOnce(&Decision<'a>),
    ) {
        let mut pending = Pending::new(self, request, now);
        if let Some((principal, place)) = known {
            pending.known = Some(principal);
            if let Some(mut cache) = self.cache.as_ref().and_then(|cache| cache.try_lock()) {
                cache.expect(place);
            }
        }
        let mut pause = pending.open(None);
        loop {
            pause = match pause {
                Pause::Done => return tell(&pending.finish()),
                Pause::Key => {
                    let Some(id) = pending.awaited() else { return tell(&pending.finish()) };
                    let answer = desk.key(id).await;
                    let scopes = match &answer {
                        KeyAnswer::Found(record) => desk.scopes_of(pending.awaited_credential(), record),
                        _ => None,
                    };
                    pending.answer_key_with(answer, scopes)
                }
                Pause::Keys(wait) => {
                    let answer = desk.keys(wait.credential(), wait.reason()).await;
                    pending.answer_keys(*wait, answer)
                }
                Pause::Verify(wait) => match desk.verify(&wait.check()).await {
                    Verified::ByHost(answer) => pending.answer_verify(*wait, answer),
                    Verified::Here => pending.verify_here(*wait),
                },
            };
        }
    }
}
