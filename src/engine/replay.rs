//! A decision with the answers that are there: for a host that is asked between two calls, and begins again with what it learnt.

use super::Gate;
use super::evaluate::{Pause, Pending};
use crate::decision::Decision;
use crate::host::{KeyAnswer, KeysAnswer, KeysReason, SignatureCheck, VerifyAnswer};
use crate::key::format::KeyId;
use crate::request::Request;
use crate::time::UnixSeconds;

/// What a host answered so far. Whoever answers `None` remembers what was asked.
pub(crate) trait Answers {
    /// The record of a key.
    fn key(&mut self, id: &KeyId) -> Option<KeyAnswer>;
    /// A key set.
    fn keys(&mut self, credential: &str, reason: KeysReason) -> Option<KeysAnswer>;
    /// A signature.
    fn verify(&mut self, check: &SignatureCheck<'_>) -> Option<Verified>;
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
    /// Decides as far as the answers go; `None` when one is not there. The decision stays where it is, as in [`Gate::decide`].
    pub(crate) fn replay<'a>(
        &'a self,
        request: &'a Request<'a>,
        now: UnixSeconds,
        answers: &mut impl Answers,
    ) -> Option<Decision<'a>> {
        let mut pending = Pending::new(self, request, now);
        let mut pause = pending.open(None);
        loop {
            pause = match pause {
                Pause::Done(verdict) => return Some(pending.finish(verdict)),
                Pause::Key(wait) => {
                    let answer = answers.key(wait.id())?;
                    pending.answer_key(wait, answer)
                }
                Pause::Keys(wait) => {
                    let answer = answers.keys(wait.credential(), wait.reason())?;
                    pending.answer_keys(*wait, answer)
                }
                Pause::Verify(wait) => match answers.verify(&wait.check())? {
                    Verified::ByHost(answer) => pending.answer_verify(*wait, answer),
                    Verified::Here => pending.verify_here(*wait),
                },
            };
        }
    }
}
