//! The engine: the whole way from a request to a decision, as a list of steps. It holds no algorithm of its own.
//!
//! ```text
//! request ─► target ─► route ─► credential ─┬─► key ─► NeedKey ─► live key ──┐
//!                                           └─► jwt ─► NeedKeys ─► claims ───┴─► principal ─► alternatives ─► decision
//! ```
//!
//! [`Gate::begin`] returns a [`Step`]: done, or a need. Answering a need consumes it and returns the next step, so an
//! answer cannot be used twice. [`Gate::decide`] is the loop over a [`Host`], [`Gate::decide_async`] its twin.

mod covers;
mod evaluate;
mod gate;
mod open;
#[cfg(target_arch = "wasm32")]
mod paused;
mod prove;
mod rehearse;
mod token;

use self::evaluate::{Pause, Pending};
pub use self::gate::{Gate, GateBuilder};
#[cfg(target_arch = "wasm32")]
pub(crate) use self::paused::{Desk, Verified};
pub use self::prove::NeedKey;
pub use self::rehearse::Assumed;
pub use self::token::{NeedKeys, NeedVerify};
use crate::decision::Decision;
use crate::host::{AsyncHost, Host};
use crate::request::Request;
use crate::time::UnixSeconds;

/// Where a decision stands: finished, or waiting for the host.
#[must_use = "a step that is not driven to `Done` decides nothing"]
pub enum Step<'a> {
    /// The decision.
    Done(Decision<'a>),
    /// The record of an API key is needed.
    NeedKey(NeedKey<'a>),
    /// A key set is needed.
    NeedKeys(NeedKeys<'a>),
    /// A signature is to be checked by the host; only from a gate built with host verification.
    NeedVerify(NeedVerify<'a>),
}

impl Gate {
    /// Starts a decision on a request at an instant.
    pub fn begin<'a>(&'a self, request: &'a Request<'a>, now: UnixSeconds) -> Step<'a> {
        let mut pending = Pending::new(self, request, now);
        let pause = pending.open(None);
        pending.step(pause)
    }

    /// Decides with a host that answers at once.
    #[must_use]
    pub fn decide<'a>(&'a self, request: &'a Request<'a>, now: UnixSeconds, host: &impl Host) -> Decision<'a> {
        self.drive(request, now, None, host)
    }

    /// The loop over a host. The decision stays where it is while it pauses: a [`Step`] is made only for callers who keep one.
    fn drive<'a>(
        &'a self,
        request: &'a Request<'a>,
        now: UnixSeconds,
        assumed: Option<&[Assumed]>,
        host: &impl Host,
    ) -> Decision<'a> {
        let mut pending = Pending::new(self, request, now);
        let mut pause = pending.open(assumed);
        loop {
            pause = match pause {
                Pause::Done => return pending.finish(),
                Pause::Key => {
                    let Some(id) = pending.awaited() else { return pending.finish() };
                    let answer = host.key(id);
                    pending.answer_key(answer)
                }
                Pause::Keys(wait) => {
                    let answer = host.keys(wait.credential(), wait.issuer(), wait.reason());
                    pending.answer_keys(*wait, answer)
                }
                Pause::Verify(wait) => {
                    let answer = host.verify(&wait.check());
                    pending.answer_verify(*wait, answer)
                }
            };
        }
    }

    /// Decides as [`Gate::decide_async`] does, when nothing has to be waited for: the host has the record at hand ([`AsyncHost::key_now`]), and no
    /// key set is to be fetched. `None` otherwise: the decision is then made from its start, and no fetch counts as tried.
    pub fn decide_now<'a>(
        &'a self,
        request: &'a Request<'a>,
        now: UnixSeconds,
        host: &impl AsyncHost,
    ) -> Option<Decision<'a>> {
        if self.verifies_on_host() {
            return None;
        }
        let mut pending = Pending::new(self, request, now);
        pending.at_once = true;
        let mut pause = pending.open(None);
        loop {
            pause = match pause {
                Pause::Done => return Some(pending.finish()),
                Pause::Key => {
                    let Some(id) = pending.awaited() else { return Some(pending.finish()) };
                    let answer = host.key_now(id)?;
                    pending.answer_key(answer)
                }
                Pause::Keys(_) | Pause::Verify(_) => return None,
            };
        }
    }

    /// Decides with a host that awaits: the twin of [`Gate::decide`].
    pub async fn decide_async<'a>(
        &'a self,
        request: &'a Request<'a>,
        now: UnixSeconds,
        host: &impl AsyncHost,
    ) -> Decision<'a> {
        let mut pending = Pending::new(self, request, now);
        let mut pause = pending.open(None);
        loop {
            pause = match pause {
                Pause::Done => return pending.finish(),
                Pause::Key => {
                    let Some(id) = pending.awaited() else { return pending.finish() };
                    let answer = host.key(id).await;
                    pending.answer_key(answer)
                }
                Pause::Keys(wait) => {
                    let answer = host.keys(wait.credential(), wait.issuer(), wait.reason()).await;
                    pending.answer_keys(*wait, answer)
                }
                Pause::Verify(wait) => {
                    let answer = host.verify(&wait.check()).await;
                    pending.answer_verify(*wait, answer)
                }
            };
        }
    }
}

impl<'a> Pending<'a> {
    /// The step to hand to a caller.
    fn step(mut self, pause: Pause<'a>) -> Step<'a> {
        match pause {
            Pause::Done => Step::Done(self.finish()),
            Pause::Key => match self.awaited() {
                Some(id) => Step::NeedKey(NeedKey { id: *id, pending: self }),
                None => Step::Done(self.finish()),
            },
            Pause::Keys(wait) => Step::NeedKeys(NeedKeys { pending: self, wait }),
            Pause::Verify(wait) => Step::NeedVerify(NeedVerify { pending: self, wait }),
        }
    }
}
