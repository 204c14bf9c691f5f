//! A flow: one request with its instant and entropy, and the answers so far. As in the flows of the server's own endpoints a step
//! runs the decision from its beginning over the answers it has.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::super::error::unavailable;
use super::super::http::{HttpRequest, HttpResponse};
use super::super::step::{Answer, AsyncHost, Host, Need, Step};
use super::outcome::{Fault, Outcome};
use super::{CALLBACK, START, Social, callback, start};
use crate::time::UnixSeconds;

/// What a flow starts from.
pub(super) enum Input {
    Request(HttpRequest),
    Start { provider: String, ticket: Option<String> },
    Callback(HttpRequest),
}

/// Why a decision stopped.
pub(super) enum Stop {
    /// An answer is missing.
    Need(Box<Need>),
    /// The host could not, or answered something else.
    Outage,
    /// The login failed.
    Fault(Fault),
    /// It is decided.
    Outcome(Box<Outcome>),
}

impl From<HttpResponse> for Stop {
    fn from(response: HttpResponse) -> Self {
        Self::Outcome(Box::new(Outcome::Respond(response)))
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// One request on its way to an outcome.
pub struct Flow<'s> {
    social: &'s Social,
    input: Input,
    now: UnixSeconds,
    entropy: [u8; 64],
    answers: Vec<Answer>,
}

impl fmt::Debug for Flow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").field("answers", &self.answers.len()).finish_non_exhaustive()
    }
}

impl<'s> Flow<'s> {
    pub(super) const fn new(social: &'s Social, input: Input, now: UnixSeconds, entropy: [u8; 64]) -> Self {
        Self { social, input, now, entropy, answers: Vec::new() }
    }

    /// What is needed next, or the outcome. The same until [`Self::answer`] is called.
    pub fn step(&mut self) -> Step<Outcome> {
        let mut context =
            Context { social: self.social, now: self.now, entropy: &self.entropy, answers: self.answers.iter() };
        match run(&mut context, &self.input) {
            Ok(outcome) => Step::Done(outcome),
            Err(Stop::Need(need)) => Step::Need(*need),
            Err(Stop::Outcome(outcome)) => Step::Done(*outcome),
            // Faults of a transaction are outcomes already.
            Err(Stop::Outage | Stop::Fault(_)) => Step::Done(Outcome::Respond(unavailable())),
        }
    }

    /// The host's answer to the need that [`Self::step`] named.
    pub fn answer(&mut self, answer: Answer) {
        self.answers.push(answer);
    }
}

fn run(context: &mut Context<'_>, input: &Input) -> Result<Outcome, Stop> {
    match input {
        Input::Start { provider, ticket } => start::run(context, provider, ticket.as_deref()),
        Input::Callback(request) => callback::run(context, request),
        Input::Request(request) => {
            let path = request.path.strip_prefix(context.social.base_path.as_str()).unwrap_or("");
            if path.starts_with(START) {
                start::request(context, request)
            } else if path.starts_with(CALLBACK) {
                callback::run(context, request)
            } else {
                Ok(HttpResponse::new(404).with("cache-control", "no-store").into())
            }
        }
    }
}

/// What a decision may look at.
pub(super) struct Context<'f> {
    pub social: &'f Social,
    pub now: UnixSeconds,
    pub entropy: &'f [u8; 64],
    answers: core::slice::Iter<'f, Answer>,
}

impl<'f> Context<'f> {
    fn ask(&mut self, need: impl FnOnce() -> Need) -> Result<&'f Answer, Stop> {
        self.answers.next().ok_or_else(|| Stop::Need(Box::new(need())))
    }

    pub fn put_once(&mut self, need: impl FnOnce() -> Need) -> Result<bool, Stop> {
        match self.ask(need)? {
            Answer::Put(fresh) => Ok(*fresh),
            _ => Err(Stop::Outage),
        }
    }

    pub fn signature(&mut self, need: impl FnOnce() -> Need) -> Result<&'f [u8], Stop> {
        match self.ask(need)? {
            Answer::Signature(signature) => Ok(signature),
            _ => Err(Stop::Outage),
        }
    }

    pub fn http(&mut self, need: impl FnOnce() -> Need) -> Result<&'f HttpResponse, Stop> {
        match self.ask(need)? {
            Answer::Http(response) => Ok(response),
            Answer::Unavailable => Err(Stop::Fault(Fault::Unavailable)),
            _ => Err(Stop::Outage),
        }
    }
}

/// Drives a flow to its end with a host that answers at once.
pub fn drive(mut flow: Flow<'_>, host: &impl Host) -> Outcome {
    loop {
        match flow.step() {
            Step::Need(need) => flow.answer(host.answer(&need)),
            Step::Done(outcome) => return outcome,
        }
    }
}

/// Drives a flow to its end with a host that is awaited.
pub async fn drive_async(mut flow: Flow<'_>, host: &impl AsyncHost) -> Outcome {
    loop {
        match flow.step() {
            Step::Need(need) => {
                let answer = host.answer(&need).await;
                flow.answer(answer);
            }
            Step::Done(outcome) => return outcome,
        }
    }
}
