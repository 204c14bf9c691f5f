//! From a presented credential to a principal or a refusal, with the needs on the way.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::evaluate::{Pause, Pending, Slot};
use super::token::Bearing;
use super::{Gate, Step};
use crate::credential::Sent;
use crate::decision::{Denial, Malformed, Trace, TraceStep, Upgrade};
use crate::host::KeyAnswer;
use crate::key::format::{KeyFault, KeyId, ParsedKey};
use crate::key::record::{KeyRecord, KeyRefusal, LiveKey};
use crate::policy::{ApiKeyCredential, CredentialKind};
use crate::principal::Principal;
use crate::scope::ScopeSet;

/// What came of looking at a credential.
pub(super) enum Look<'a> {
    /// What its slot is to hold.
    Settled(Slot),
    /// The host is needed first.
    Waiting(Pause<'a>),
}

/// An API key whose record is awaited.
pub(super) struct KeyWait<'a> {
    parsed: ParsedKey<'a>,
    credential: usize,
    slot: usize,
}

/// The record of an API key is needed. Answering consumes this.
#[must_use = "an unanswered need decides nothing"]
pub struct NeedKey<'a> {
    pub(super) pending: Pending<'a>,
    pub(super) id: KeyId,
}

impl<'a> NeedKey<'a> {
    /// The id to look up: public, chosen by whoever sent the request, of a well-formed key.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Goes on with the host's answer.
    pub fn answer(self, answer: KeyAnswer) -> Step<'a> {
        let Self { mut pending, .. } = self;
        let pause = pending.answer_key(answer);
        pending.step(pause)
    }
}

impl<'a> Pending<'a> {
    /// The id of the key whose record is awaited.
    pub(super) fn awaited(&self) -> Option<&KeyId> {
        self.wait.as_ref().map(|wait| wait.parsed.id())
    }

    /// The credential of that key.
    #[cfg(target_arch = "wasm32")]
    pub(super) fn awaited_credential(&self) -> usize {
        self.wait.as_ref().map_or(usize::MAX, |wait| wait.credential)
    }

    /// Goes on with the record of the key that is awaited.
    pub(super) fn answer_key(&mut self, answer: KeyAnswer) -> Pause<'a> {
        self.answer_key_with(answer, None)
    }

    /// The same, when it is known what the record lets its key do.
    #[inline]
    pub(super) fn answer_key_with(&mut self, answer: KeyAnswer, scopes: Option<ScopeSet>) -> Pause<'a> {
        // Where there is none, nothing becomes of it: its slot stays unseen.
        let Some(KeyWait { credential, slot, .. }) = self.wait else { return self.advance() };
        let found = match answer {
            KeyAnswer::Found(record) => Some(record),
            KeyAnswer::Missing => None,
            KeyAnswer::Unavailable => {
                self.settle(credential, slot, Slot::Refused(Denial::StoreUnavailable));
                return self.advance();
            }
        };
        let outcome = self.prove_key(found, scopes);
        self.wait = None;
        self.settle(credential, slot, outcome);
        self.advance()
    }

    /// Looks at a credential of the route for the first time.
    pub(super) fn look(&mut self, credential: usize, slot: usize) -> Look<'a> {
        let gate = self.gate;
        Look::Settled(match gate.policy().credentials().get(credential).map(|found| found.kind()) {
            None => Slot::Absent,
            Some(CredentialKind::ApiKey(key)) => match self.presented.key(key.header_index) {
                Sent::Nothing => Slot::Absent,
                Sent::Twice | Sent::Malformed => Slot::Refused(Denial::AmbiguousCredentials),
                Sent::Once(value) => match key.format().parse_here(value) {
                    Some(parsed) => return self.await_key(parsed, credential, slot),
                    None => return self.look_closer(key, value, credential, slot),
                },
            },
            Some(CredentialKind::Bearer(bearer)) => match self.presented.bearer() {
                Sent::Nothing => Slot::Absent,
                Sent::Twice => Slot::Refused(Denial::AmbiguousCredentials),
                Sent::Malformed => Slot::Refused(Denial::MalformedCredential(Malformed::Empty)),
                Sent::Once(token) => {
                    let (now, known, at_once) = (self.now, self.known, self.at_once);
                    return Bearing { gate, now, token, bearer, credential, slot, known, at_once }.start();
                }
            },
        })
    }

    /// Fills a slot.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(super) fn settle(&mut self, credential: usize, slot: usize, outcome: Slot) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = outcome;
        }
        // From where it stays, so that it needs no other place.
        let (gate, slots) = (self.gate, &self.slots);
        if let Some(trace) = &mut self.trace {
            note_settled(trace, gate, slots.get(slot), credential);
        }
    }

    /// Pauses for the record of a key. The key is written where it stays.
    #[inline(always)]
    fn await_key(&mut self, parsed: ParsedKey<'a>, credential: usize, slot: usize) -> Look<'a> {
        self.presented_key = Some(*parsed.id());
        self.wait = Some(KeyWait { parsed, credential, slot });
        Look::Waiting(Pause::Key)
    }

    /// Looks at a value that is no key of this product. A header shared with other products is theirs when the value starts with
    /// their name.
    #[cold]
    #[inline(never)]
    fn look_closer(&mut self, key: &'a ApiKeyCredential, value: &'a [u8], credential: usize, slot: usize) -> Look<'a> {
        match key.format().parse(value) {
            Ok(parsed) => self.await_key(parsed, credential, slot),
            Err(_) if key.shares_header && self.is_of_another(value, key) => Look::Settled(Slot::Absent),
            Err(fault) => match imported(key, value, fault) {
                Some(parsed) => self.await_key(parsed, credential, slot),
                None => Look::Settled(Slot::Refused(Denial::MalformedCredential(Malformed::Key(fault)))),
            },
        }
    }

    fn is_of_another(&self, value: &[u8], key: &ApiKeyCredential) -> bool {
        self.gate.policy().credentials().iter().any(|credential| match credential.kind() {
            CredentialKind::ApiKey(other) => {
                other.header_index == key.header_index
                    && other.format().product() != key.format().product()
                    && (other.format().is_prefix_of(value) || other.imported().iter().any(|keys| keys.fits(value)))
            }
            CredentialKind::Bearer(_) => false,
        })
    }

    /// Whether a credential came twice: two lines, two values in one, or an API key both in its header and as a bearer token.
    pub(super) fn is_sent_twice(&self, credential: usize) -> bool {
        match self.gate.policy().credentials().get(credential).map(|found| found.kind()) {
            None => false,
            Some(CredentialKind::ApiKey(key)) => match self.presented.key(key.header_index) {
                Sent::Twice => true,
                Sent::Nothing | Sent::Malformed => false,
                Sent::Once(_) => match self.presented.bearer() {
                    Sent::Once(token) => key.format().is_prefix_of(token),
                    Sent::Nothing | Sent::Twice | Sent::Malformed => false,
                },
            },
            Some(CredentialKind::Bearer(_)) => matches!(self.presented.bearer(), Sent::Twice),
        }
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn prove_key(&mut self, found: Option<Arc<KeyRecord>>, scopes: Option<ScopeSet>) -> Slot {
        let gate = self.gate;
        let Some(KeyWait { parsed, credential, .. }) = &self.wait else { return Slot::Absent };
        let Some(CredentialKind::ApiKey(key)) = gate.policy().credentials().get(*credential).map(|found| found.kind())
        else {
            return Slot::Absent;
        };
        match LiveKey::prove(parsed, found, gate.keyring(), key.accept(), self.now, self.request.client_ip) {
            Ok(live) => {
                if live.upgrade() {
                    self.upgrade = gate.keyring().upgraded(parsed, live.record()).map(|hash| {
                        Box::new(Upgrade { id: *parsed.id(), expected_version: live.record().version, hash })
                    });
                }
                Slot::Proven(Principal::from_key(*credential, live, gate.policy().scopes(), scopes))
            }
            Err(refusal) => Slot::Refused(match refusal {
                KeyRefusal::Revoked => Denial::KeyRevoked,
                KeyRefusal::Expired => Denial::KeyExpired,
                KeyRefusal::IpNotAllowed => Denial::IpNotAllowed,
                KeyRefusal::KeyringUnavailable => Denial::KeyringUnavailable,
                other => Denial::InvalidCredential(other),
            }),
        }
    }
}

#[cold]
#[inline(never)]
fn note_settled(trace: &mut Trace, gate: &Gate, outcome: Option<&Slot>, credential: usize) {
    trace.steps.push(TraceStep::Credential {
        credential: gate.policy().credentials().get(credential).map_or("", |found| found.name()).into(),
        outcome: match outcome {
            None | Some(Slot::Unseen | Slot::Absent) => "absent",
            Some(Slot::Proven(_)) => "proven",
            Some(Slot::Refused(denial)) => denial.code(),
        },
    });
}

/// A key that another system issued. What starts like a key of our own, product and environment, is none.
fn imported<'a>(key: &'a ApiKeyCredential, value: &'a [u8], fault: KeyFault) -> Option<ParsedKey<'a>> {
    if fault != KeyFault::WrongPrefix {
        return None;
    }
    key.imported().iter().find_map(|keys| keys.parse(value))
}
