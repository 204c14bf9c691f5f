//! Decisions, one after the other: a board on which the host lays a request and its answers, and a future behind it that decides. The
//! future waits where it is while the host is asked, so that the next call goes on from there.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use zeroize::Zeroize;

use super::principals::Principals;
use super::records::Records;
use super::shape::{ADDRESS_AT, FLAG_HTTPS, FLAG_TEXT, Line, Lines, Shape, WORDS, Words, method_of, put, tell_place};
use crate::decision::{Decision, Effect, Outcome};
use crate::engine::{Desk, Gate, Verified};
use crate::host::{KeyAnswer, KeysAnswer, KeysReason, SignatureCheck, VerifyAnswer};
use crate::json::write::Writer;
use crate::jwt::Algorithm;
use crate::key::format::KeyId;
use crate::key::record::KeyRecord;
use crate::request::Request;
use crate::scope::ScopeSet;
use crate::time::UnixSeconds;

const DONE: u32 = 0;
const NEED_KEY: u32 = 1;
const NEED_KEYS: u32 = 2;
const NEED_VERIFY: u32 = 3;
/// A call that was not due, or words that do not fit.
pub(super) const MISUSE: u32 = 4;
/// The token that was not handed over is kept no more.
const GONE: u32 = 5;

/// The word of the first principal's slot; each has two.
const FIRST_SLOT: usize = 6;
/// Where the claims of the first principal are, until the next call: address, bytes, credential. No bytes when they are to be asked for.
const CLAIMS_AT: usize = 64;
const MARK_TOUCH: u32 = 1;
const MARK_TEXT: u32 = 2;
const MOST_VERIFY_KEYS: usize = 256;

/// What every session of a gate uses.
pub(super) struct Shared {
    pub(super) gate: Gate,
    pub(super) headers: Vec<String>,
    pub(super) principals: Rc<RefCell<Principals>>,
    pub(super) verify_keys: RefCell<VerifyKeys>,
    pub(super) records: RefCell<Records>,
}

/// What the host says.
pub(super) enum Answer {
    Key(KeyAnswer),
    Keys(KeysAnswer),
    Verify(Verified),
}

/// What the host sees of a session: its input and its words, which it reads and writes as memory, and where the decision stands.
struct Board {
    input: RefCell<Vec<u8>>,
    words: RefCell<Words>,
    begun: Cell<Option<UnixSeconds>>,
    answer: Cell<Option<Answer>>,
    step: Cell<u32>,
    text: RefCell<String>,
    response: RefCell<String>,
}

/// A board and who decides behind it; nobody before the first request, and after one that was given up.
pub(super) struct Session {
    board: Rc<Board>,
    decider: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Default for Session {
    fn default() -> Self {
        let board = Board {
            input: RefCell::default(),
            words: RefCell::new([0; WORDS]),
            begun: Cell::new(None),
            answer: Cell::new(None),
            step: Cell::new(DONE),
            text: RefCell::default(),
            response: RefCell::default(),
        };
        Self { board: Rc::new(board), decider: None }
    }
}

/// An address in the module's memory, which is 32 bits wide.
pub(super) fn address<T>(pointer: *const T) -> u32 {
    u32::try_from(pointer as usize).unwrap_or_default()
}

fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Session {
    /// The address of the input, at least so long. A decision under way holds its input: that stays as long as it is.
    pub(super) fn input(&self, bytes: usize) -> u32 {
        if let Ok(mut input) = self.board.input.try_borrow_mut()
            && input.len() < bytes
        {
            input.zeroize();
            input.resize(bytes, 0);
        }
        self.board.input.try_borrow().map_or(0, |input| address(input.as_ptr()))
    }

    pub(super) fn words(&self) -> u32 {
        address(self.board.words.as_ptr())
    }

    /// Overwrites the request and gives up its decision.
    pub(super) fn erase(&mut self) {
        self.give_up();
        if let Ok(mut input) = self.board.input.try_borrow_mut() {
            input.as_mut_slice().zeroize();
        }
    }

    fn give_up(&mut self) {
        if self.board.step.replace(DONE) != DONE {
            self.decider = None;
            self.board.answer.set(None);
            self.board.begun.set(None);
        }
    }

    /// Begins the request that is on the board; the step that it comes to.
    pub(super) fn begin(&mut self, shared: &Rc<Shared>, now: UnixSeconds) -> u32 {
        self.give_up();
        self.board.begun.set(Some(now));
        if self.decider.is_none() {
            self.decider = Some(Box::pin(decide_all(Rc::clone(shared), Rc::clone(&self.board))));
        }
        self.go_on()
    }

    /// Takes an answer, when it was asked for; the step that it leads to.
    pub(super) fn answer(&mut self, answer: Answer) -> u32 {
        let due = match answer {
            Answer::Key(_) => NEED_KEY,
            Answer::Keys(_) => NEED_KEYS,
            Answer::Verify(_) => NEED_VERIFY,
        };
        if self.board.step.get() != due {
            return MISUSE;
        }
        self.board.answer.set(Some(answer));
        self.go_on()
    }

    fn go_on(&mut self) -> u32 {
        match &mut self.decider {
            // It waits for what is on the board now, and ends never.
            Some(decider) => match decider.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => self.board.step.get(),
                Poll::Ready(()) => MISUSE,
            },
            None => MISUSE,
        }
    }

    /// The decision's JSON, once.
    pub(super) fn text(&self) -> String {
        self.board.text.take()
    }

    /// The answer to a request that must not pass, once.
    pub(super) fn response(&self) -> String {
        self.board.response.take()
    }
}

/// What is in a cell, as soon as there is something.
async fn taken<T>(cell: &Cell<Option<T>>) -> T {
    poll_fn(|_| cell.take().map_or(Poll::Pending, Poll::Ready)).await
}

/// Decides whatever is laid on the board.
async fn decide_all(shared: Rc<Shared>, board: Rc<Board>) {
    let mut lines = Vec::new();
    loop {
        let now = taken(&board.begun).await;
        let end = board.decide(&shared, now, &mut lines).await;
        board.forget(end);
    }
}

impl Board {
    /// Decides the request that was laid here, and leaves the decision in its place; where the request ends.
    #[expect(clippy::await_holding_refcell_ref, reason = "nobody writes the input of a decision under way")]
    async fn decide(&self, shared: &Shared, now: UnixSeconds, lines: &mut Vec<Line>) -> usize {
        let input = self.input.borrow();
        let shape = Shape::read(&self.words.borrow(), &input, lines);
        let Some(shape) = shape else {
            self.step.set(MISUSE);
            return 0;
        };
        let known = match shape.known {
            Some(known) => match shared.principals.borrow().proven(known.slot, known.generation) {
                Some(principal) => Some((principal, known.place)),
                None => {
                    self.step.set(GONE);
                    return 0;
                }
            },
            None => None,
        };
        let lines = Lines { names: &shared.headers, input: &input, lines, known: shape.known };
        let request = Request {
            method: method_of(shape.method.of(&input)),
            target: shape.target.of(&input),
            headers: &lines,
            https: shape.flags & FLAG_HTTPS != 0,
            client_ip: shape.address,
        };
        let desk = Asked { board: self, shared };
        let known_as = known.as_ref().map(|(principal, place)| (principal, *place));
        let tell = |decision: &Decision<'_>| self.tell(shared, decision, shape.flags & FLAG_TEXT != 0);
        shared.gate.decide_at(&request, now, known_as, &desk, tell).await;
        self.step.set(DONE);
        shape.end
    }

    /// Overwrites a request that is decided. The input stays, so that no compiler takes this for needless.
    fn forget(&self, end: usize) {
        if let Ok(mut input) = self.input.try_borrow_mut()
            && let Some(used) = input.get_mut(ADDRESS_AT..end)
        {
            used.fill(0);
        }
    }

    /// Leaves a decision for the host.
    fn tell(&self, shared: &Shared, decision: &Decision<'_>, wants_text: bool) {
        let mut words = self.words.borrow_mut();
        let can_wait = report(decision, &mut words, shared);
        if wants_text || !can_wait {
            *self.text.borrow_mut() = decision.to_json();
            *self.response.borrow_mut() = refusal(decision);
        }
    }

    async fn answered(&self, step: u32) -> Answer {
        self.step.set(step);
        taken(&self.answer).await
    }
}

/// The host, asked by way of the board.
struct Asked<'s> {
    board: &'s Board,
    shared: &'s Shared,
}

impl Desk for Asked<'_> {
    async fn key(&self, id: &KeyId) -> KeyAnswer {
        let [a, b, c] = id.words();
        put(&mut self.board.words.borrow_mut(), 0, &[self.shared.records.borrow().of(id), a, b, c]);
        match self.board.answered(NEED_KEY).await {
            Answer::Key(answer) => answer,
            Answer::Keys(_) | Answer::Verify(_) => KeyAnswer::Unavailable,
        }
    }

    fn scopes_of(&self, credential: usize, record: &Arc<KeyRecord>) -> Option<ScopeSet> {
        self.shared.principals.borrow().scopes_of(credential, record)
    }

    async fn keys(&self, credential: &str, reason: KeysReason) -> KeysAnswer {
        let index = self.shared.gate.policy().credential(credential).map_or(0, |(index, _)| index);
        let reason = match reason {
            KeysReason::Missing => 0,
            KeysReason::Stale => 1,
            KeysReason::UnknownKid => 2,
        };
        put(&mut self.board.words.borrow_mut(), 0, &[word(index), reason]);
        match self.board.answered(NEED_KEYS).await {
            Answer::Keys(answer) => answer,
            Answer::Key(_) | Answer::Verify(_) => KeysAnswer::Unavailable,
        }
    }

    async fn verify(&self, check: &SignatureCheck<'_>) -> Verified {
        let keys = &self.shared.verify_keys;
        point_at_signature(check, &mut self.board.words.borrow_mut(), &mut keys.borrow_mut());
        match self.board.answered(NEED_VERIFY).await {
            Answer::Verify(answer) => answer,
            Answer::Key(_) | Answer::Keys(_) => Verified::ByHost(VerifyAnswer::Unavailable),
        }
    }
}

/// Where the bytes are that were signed, and their signature: both stay there while the decision waits.
fn point_at_signature(check: &SignatureCheck<'_>, words: &mut Words, verify_keys: &mut VerifyKeys) {
    let algorithm = Algorithm::ALL.iter().position(|algorithm| *algorithm == check.algorithm).unwrap_or_default();
    let key = verify_keys.handle(check.thumbprint, check.public_jwk);
    let [input, signature] =
        [check.signing_input, check.signature].map(|bytes| (address(bytes.as_ptr()), word(bytes.len())));
    put(words, 0, &[input.0, input.1, signature.0, signature.1, word(algorithm), key]);
}

/// Writes a decision into the words. Whether its text can be made later, from an allow of one principal alone.
fn report(decision: &Decision<'_>, words: &mut Words, shared: &Shared) -> bool {
    let route = decision.route_index().map_or(0, |index| word(index).saturating_add(1));
    let Outcome::Allow(grant) = &decision.outcome else {
        let status = decision.problem().map_or_else(|| decision.status(), |problem| problem.status);
        let effect = u32::from(decision.effect() == Effect::Preflight) << 1;
        put(words, 0, &[effect, u32::from(status), route, 0, 0, 0]);
        return false;
    };
    let mut principals = shared.principals.borrow_mut();
    let (mut count, mut kept, mut proven) = (0_u32, None, None);
    if let Some(principal) = &grant.principal {
        let (slot, generation) = principals.place(principal);
        put(words, FIRST_SLOT, &[slot, generation]);
        count = 1;
        proven = principal.key().map(|key| &key.record().id);
        if let Some(claims) = principal.claims() {
            kept = shared.gate.place_of(claims);
            let text = claims.payload().unwrap_or_default();
            put(words, CLAIMS_AT, &[address(text.as_ptr()), word(text.len()), word(principal.credential())]);
        } else {
            put(words, CLAIMS_AT, &[0; 3]);
        }
    }
    for (place, principal) in words.chunks_exact_mut(2).skip(FIRST_SLOT / 2 + 1).zip(&grant.others) {
        if let [slot, generation] = place {
            (*slot, *generation) = principals.place(principal);
            count = count.saturating_add(1);
        }
    }
    let can_wait = decision.upgrade.is_none() && decision.presented_key.as_ref() == proven && grant.others.is_empty();
    let marks = if decision.touch.is_some() { MARK_TOUCH } else { 0 } | if can_wait { 0 } else { MARK_TEXT };
    let alternative = grant.alternative.map_or(0, |index| word(index).saturating_add(1));
    put(words, 0, &[1, u32::from(decision.status()), route, alternative, marks, count]);
    tell_place(words, kept);
    can_wait
}

/// The answer to a request that must not pass, as JSON; empty on allow.
fn refusal(decision: &Decision<'_>) -> String {
    let Some(response) = decision.response() else { return String::new() };
    Writer::object_text(|json| {
        json.name("status").whole(response.status.into());
        json.name("headers").array(|json| {
            for (name, value) in &response.headers {
                json.strings([*name, value]);
            }
        });
        json.name("body").string(&response.body);
    })
}

/// Keys that the host was asked to verify with: same thumbprint, same handle.
#[derive(Default)]
pub(super) struct VerifyKeys {
    keys: Vec<(u32, String, String)>,
    last: u32,
}

impl VerifyKeys {
    fn handle(&mut self, thumbprint: &str, jwk: &str) -> u32 {
        if let Some((handle, ..)) = self.keys.iter().find(|(_, known, _)| known == thumbprint) {
            return *handle;
        }
        if self.keys.len() >= MOST_VERIFY_KEYS {
            self.keys.clear();
        }
        self.last = self.last.wrapping_add(1);
        self.keys.push((self.last, thumbprint.to_string(), jwk.to_string()));
        self.last
    }

    pub(super) fn describe(&self, handle: u32) -> String {
        self.keys.iter().find(|(known, ..)| *known == handle).map_or_else(
            || String::from("null"),
            |(_, thumbprint, jwk)| alloc::format!(r#"{{"thumbprint":"{thumbprint}","jwk":{jwk}}}"#),
        )
    }
}
