//! A decision as a future that is polled by hand: for a host that is asked between two calls. What the compiler keeps of a future that
//! waits is the decision in its place, so the next call goes on where the last one stopped.

use super::Gate;
use super::evaluate::{Pause, Pending};
use crate::decision::Decision;
use crate::host::{KeyAnswer, KeysAnswer, KeysReason, SignatureCheck, VerifyAnswer};
use crate::key::format::KeyId;
use crate::request::Request;
use crate::time::UnixSeconds;

/// The host behind the calls. Each answer is ready when the call comes that brings it.
pub(crate) trait Desk {
    /// The record of a key.
    async fn key(&self, id: &KeyId) -> KeyAnswer;
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
    /// Decides with a host behind a desk: the twin of [`Gate::decide_async`], within one thread.
    pub(crate) async fn decide_at<'a>(
        &'a self,
        request: &'a Request<'a>,
        now: UnixSeconds,
        desk: &impl Desk,
    ) -> Decision<'a> {
        let mut pending = Pending::new(self, request, now);
        let mut pause = pending.open(None);
        loop {
            pause = match pause {
                Pause::Done => return pending.finish(),
                Pause::Key => {
                    let Some(id) = pending.awaited() else { return pending.finish() };
                    let answer = desk.key(id).await;
                    pending.answer_key(answer)
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
