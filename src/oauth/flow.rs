//! A flow: one request with its instant and entropy, and the answers so far.
//!
//! Everything a flow decides is a function of these, so a step runs the decision from its beginning over the answers it
//! has, and stops where one is missing. That keeps each endpoint a straight text that reads like its RFC.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::client::Client;
use super::config::Server;
use super::http::{HttpRequest, HttpResponse};
use super::interact::{self, Resume};
use super::revoke_all::{self, RevokeAll};
use super::step::{Answer, EventKind, Need, Reply, Step, StoredGrant, Swap};
use super::{endpoint, error};
use crate::time::UnixSeconds;

/// Why a decision stopped.
pub(super) enum Halt {
    /// An answer is missing.
    Need(Box<Need>),
    /// The host could not, or answered something else.
    Outage,
    /// It is decided.
    Reply(Box<Reply>),
}

impl From<HttpResponse> for Halt {
    fn from(response: HttpResponse) -> Self {
        Self::Reply(Box::new(Reply::Respond(response)))
    }
}

/// What a flow starts from.
pub(super) enum Input {
    Http(HttpRequest),
    Resume { request: HttpRequest, resume: Resume },
    RevokeAll(RevokeAll),
}

/// One request on its way to a reply.
pub struct Flow<'s> {
    server: &'s Server,
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
    pub(super) const fn new(server: &'s Server, input: Input, now: UnixSeconds, entropy: [u8; 64]) -> Self {
        Self { server, input, now, entropy, answers: Vec::new() }
    }

    /// What is needed next, or the reply. The same until [`Self::answer`] is called.
    pub fn step(&mut self) -> Step {
        let mut context =
            Context { server: self.server, now: self.now, entropy: &self.entropy, answers: self.answers.iter() };
        let decided = match &mut self.input {
            Input::Http(request) => endpoint::run(&mut context, request),
            Input::Resume { request, resume } => endpoint::page(interact::resume(&mut context, request, resume)),
            Input::RevokeAll(progress) => match revoke_all::advance(&mut context, progress) {
                // What is done is not decided again: a user may have many grants.
                Ok(None) => {
                    self.answers.clear();
                    return self.step();
                }
                Ok(Some(response)) => Ok(Reply::Respond(response)),
                Err(halt) => Err(halt),
            },
        };
        match decided {
            Ok(reply) => Step::Done(reply),
            Err(Halt::Need(need)) => Step::Need(*need),
            Err(Halt::Reply(reply)) => Step::Done(*reply),
            Err(Halt::Outage) => Step::Done(Reply::Respond(error::unavailable())),
        }
    }

    /// The host's answer to the need that [`Self::step`] named.
    pub fn answer(&mut self, answer: Answer) {
        self.answers.push(answer);
    }
}

/// What a decision may look at.
pub(super) struct Context<'f> {
    pub server: &'f Server,
    pub now: UnixSeconds,
    pub entropy: &'f [u8; 64],
    answers: core::slice::Iter<'f, Answer>,
}

macro_rules! asks {
    ($($(#[$doc:meta])* $name:ident: $variant:ident => $type:ty;)*) => {
        $($(#[$doc])* pub fn $name(&mut self, need: impl FnOnce() -> Need) -> Result<$type, Halt> {
            match self.ask(need)? {
                Answer::$variant(value) => Ok(value.clone()),
                _ => Err(Halt::Outage),
            }
        })*
    };
}

impl<'f> Context<'f> {
    fn ask(&mut self, need: impl FnOnce() -> Need) -> Result<&'f Answer, Halt> {
        match self.answers.next() {
            Some(Answer::Unavailable) => Err(Halt::Outage),
            Some(answer) => Ok(answer),
            None => Err(Halt::Need(Box::new(need()))),
        }
    }

    asks! {
        client: Client => Option<Client>;
        stored: Grant => Option<StoredGrant>;
        inserted: Inserted => bool;
        grants: Grants => Vec<String>;
        swap: Swap => Swap;
        consent: Consent => Option<Vec<String>>;
        claims: Claims => String;
        signature: Signature => Vec<u8>;
        put_once: Put => bool;
        verified: Verified => bool;
    }

    /// Tells the operator. What happened has happened: an operator who does not hear changes no reply.
    pub fn tell(&mut self, kind: EventKind, grant_id: &str) -> Result<(), Halt> {
        match self.ask(|| Need::Event { kind, grant_id: String::from(grant_id) }) {
            Err(need @ Halt::Need(_)) => Err(need),
            _ => Ok(()),
        }
    }

    /// Asks for something that is only done.
    pub fn perform(&mut self, need: impl FnOnce() -> Need) -> Result<(), Halt> {
        self.ask(need).map(|_| ())
    }
}
