//! One decision under way.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use zeroize::Zeroize;

use super::principals::Principals;
use crate::decision::{Decision, Effect};
use crate::engine::{Answers, Gate, Verified};
use crate::host::{KeyAnswer, KeysAnswer, KeysReason, SignatureCheck, VerifyAnswer};
use crate::json::write::Writer;
use crate::jwt::Algorithm;
use crate::key::format::{ID_LEN, KeyId};
use crate::request::{HeaderSource, Request};
use crate::time::UnixSeconds;

const DONE: u32 = 0;
const NEED_KEY: u32 = 1;
const NEED_KEYS: u32 = 2;
const NEED_VERIFY: u32 = 3;
/// A call that was not due, or words that do not fit.
pub(super) const MISUSE: u32 = 4;

const WORDS: usize = 96;
const FLAG_HTTPS: u32 = 1;
const FLAG_TEXT: u32 = 2;
const MARK_TOUCH: u32 = 1;
const MARK_TEXT: u32 = 2;
const MOST_LINES: usize = 24;
const MOST_VERIFY_KEYS: usize = 256;

/// What the host says.
pub(super) enum Answer {
    Key(KeyAnswer),
    Keys(KeysAnswer),
    /// `None`: the module itself does the arithmetic.
    Verify(Option<VerifyAnswer>),
}

/// What the session waits for.
#[derive(Default)]
enum Wanted {
    #[default]
    Nothing,
    Key(KeyId),
    Keys(String),
    Verify(String),
}

/// Where the parts of the request are in the input.
#[derive(Default)]
struct Shape {
    flags: u32,
    method: Part,
    target: Part,
    address: Option<IpAddr>,
    lines: Vec<Line>,
}

/// A piece of the input.
#[derive(Clone, Copy, Default)]
struct Part {
    start: usize,
    len: usize,
}

impl Part {
    /// The next `len` bytes; `used` moves behind them.
    fn take(used: &mut usize, len: u32) -> Self {
        let start = *used;
        *used = start.saturating_add(len as usize);
        Self { start, len: len as usize }
    }

    fn of(self, input: &[u8]) -> &[u8] {
        input.get(self.start..self.start.saturating_add(self.len)).unwrap_or_default()
    }
}

#[derive(Clone, Copy)]
struct Line {
    header: usize,
    value: Part,
}

/// A decision under way: its input, its words, and the answers so far.
pub(super) struct Session {
    input: Vec<u8>,
    words: Box<[u32; WORDS]>,
    shape: Shape,
    now: UnixSeconds,
    wanted: Wanted,
    keys: Vec<(KeyId, KeyAnswer)>,
    key_sets: Vec<(String, KeysAnswer)>,
    signatures: Vec<(String, Option<VerifyAnswer>)>,
    pub(super) text: String,
    pub(super) response: String,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            input: Vec::new(),
            words: Box::new([0; WORDS]),
            shape: Shape::default(),
            now: UnixSeconds::EPOCH,
            wanted: Wanted::Nothing,
            keys: Vec::new(),
            key_sets: Vec::new(),
            signatures: Vec::new(),
            text: String::new(),
            response: String::new(),
        }
    }
}

/// An address in the module's memory, which is 32 bits wide.
fn address<T>(pointer: *const T) -> u32 {
    u32::try_from(pointer as usize).unwrap_or_default()
}

/// Where `part`, a piece of `whole`, begins in it.
fn offset(whole: &[u8], part: &[u8]) -> Option<usize> {
    let offset = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (offset.checked_add(part.len())? <= whole.len()).then_some(offset)
}

fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Session {
    pub(super) fn input(&mut self, bytes: usize) -> u32 {
        if self.input.len() < bytes {
            self.input.zeroize();
            self.input.resize(bytes, 0);
        }
        address(self.input.as_ptr())
    }

    pub(super) fn words(&mut self) -> u32 {
        address(self.words.as_ptr())
    }

    /// Overwrites the request and forgets what was answered.
    pub(super) fn erase(&mut self) {
        self.input.as_mut_slice().zeroize();
        self.forget();
    }

    /// Forgets everything but the input, which the JavaScript side overwrites when a decision was made.
    fn forget(&mut self) {
        self.shape.lines.clear();
        self.keys.clear();
        self.key_sets.clear();
        self.signatures.clear();
        self.wanted = Wanted::Nothing;
    }

    /// Reads the words; `false` when they do not fit the input.
    pub(super) fn start(&mut self, now: UnixSeconds) -> bool {
        self.forget();
        self.now = now;
        self.text.clear();
        self.response.clear();
        // A first header value that comes before everything else, then the parts in order.
        let [flags, first, method, target, address, count, _, _, rest @ ..] = &*self.words;
        let count = *count as usize;
        if count > MOST_LINES {
            return false;
        }
        let shape = &mut self.shape;
        let mut used = 0;
        let mut first = Some(Part::take(&mut used, *first)).filter(|part| part.len > 0);
        shape.flags = *flags;
        shape.method = Part::take(&mut used, *method);
        shape.target = Part::take(&mut used, *target);
        shape.address = core::str::from_utf8(Part::take(&mut used, *address).of(&self.input))
            .ok()
            .and_then(|text| text.parse::<IpAddr>().ok());
        for pair in rest.chunks_exact(2).take(count) {
            let [header, len] = pair else { return false };
            let value = first.take().unwrap_or_else(|| Part::take(&mut used, *len));
            shape.lines.push(Line { header: *header as usize, value });
        }
        used <= self.input.len()
    }

    /// Takes an answer; `false` when it was not asked for.
    pub(super) fn answer(&mut self, answer: Answer) -> bool {
        match (core::mem::take(&mut self.wanted), answer) {
            (Wanted::Key(id), Answer::Key(answer)) => self.keys.push((id, answer)),
            (Wanted::Keys(credential), Answer::Keys(answer)) => self.key_sets.push((credential, answer)),
            (Wanted::Verify(thumbprint), Answer::Verify(answer)) => self.signatures.push((thumbprint, answer)),
            _ => return false,
        }
        true
    }

    /// Begins the request, gives the answers there are, and says what is wanted next.
    pub(super) fn drive(
        &mut self,
        gate: &Gate,
        names: &[String],
        principals: &mut Principals,
        verify_keys: &mut VerifyKeys,
    ) -> u32 {
        let step = self.advance(gate, names, principals, verify_keys);
        if step == DONE {
            self.forget();
        }
        step
    }

    fn advance(
        &mut self,
        gate: &Gate,
        names: &[String],
        principals: &mut Principals,
        verify_keys: &mut VerifyKeys,
    ) -> u32 {
        let Self { input, words, shape, now, wanted, keys, key_sets, signatures, text, response } = self;
        let target = shape.target.of(input);
        let lines = Lines { names, input, lines: &shape.lines };
        let request = Request {
            method: core::str::from_utf8(shape.method.of(input)).unwrap_or_default(),
            target,
            headers: &lines,
            https: shape.flags & FLAG_HTTPS != 0,
            client_ip: shape.address,
        };
        let mut known =
            Known { gate, lines: &lines, keys, key_sets, signatures, verify_keys, words, wanted, step: MISUSE };
        match gate.replay(&request, *now, &mut known) {
            None => known.step,
            Some(decision) => {
                report(&decision, target, words, principals);
                let wordy = shape.flags & FLAG_TEXT != 0
                    || decision.effect() != Effect::Allow
                    || words.get(4).is_some_and(|marks| marks & MARK_TEXT != 0);
                if wordy {
                    *text = decision.to_json();
                    *response = refusal(&decision);
                }
                DONE
            }
        }
    }
}

/// The answers so far. What is asked besides them becomes what the session wants, and a step.
struct Known<'s> {
    gate: &'s Gate,
    lines: &'s Lines<'s>,
    keys: &'s [(KeyId, KeyAnswer)],
    key_sets: &'s [(String, KeysAnswer)],
    signatures: &'s [(String, Option<VerifyAnswer>)],
    verify_keys: &'s mut VerifyKeys,
    words: &'s mut [u32; WORDS],
    wanted: &'s mut Wanted,
    step: u32,
}

impl Answers for Known<'_> {
    fn key(&mut self, id: &KeyId) -> Option<KeyAnswer> {
        if let Some((_, answer)) = self.keys.iter().find(|(known, _)| known == id) {
            return Some(answer.clone());
        }
        *self.wanted = Wanted::Key(*id);
        self.step = point_at_key(id, self.lines, self.words);
        None
    }

    fn keys(&mut self, credential: &str, reason: KeysReason) -> Option<KeysAnswer> {
        if let Some((_, answer)) = self.key_sets.iter().find(|(known, _)| known == credential) {
            return Some(answer.clone());
        }
        let index = self.gate.policy().credential(credential).map_or(0, |(index, _)| index);
        let reason = match reason {
            KeysReason::Missing => 0,
            KeysReason::Stale => 1,
            KeysReason::UnknownKid => 2,
        };
        put(self.words, 0, &[word(index), reason]);
        *self.wanted = Wanted::Keys(credential.to_string());
        self.step = NEED_KEYS;
        None
    }

    /// A request has one bearer token, so the key alone names the signature.
    fn verify(&mut self, check: &SignatureCheck<'_>) -> Option<Verified> {
        if let Some((_, answer)) = self.signatures.iter().find(|(known, _)| known == check.thumbprint) {
            return Some(answer.map_or(Verified::Here, Verified::ByHost));
        }
        *self.wanted = Wanted::Verify(check.thumbprint.to_string());
        self.step = point_at_signature(check, self.lines, self.words, self.verify_keys);
        None
    }
}

/// The header lines of the request, in the session's input.
struct Lines<'a> {
    names: &'a [String],
    input: &'a [u8],
    lines: &'a [Line],
}

impl<'a> Lines<'a> {
    fn values(&self) -> impl Iterator<Item = (usize, &'a [u8])> + use<'_, 'a> {
        let input = self.input;
        self.lines.iter().map(move |line| (line.header, line.value.of(input)))
    }
}

impl HeaderSource for Lines<'_> {
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for (header, value) in self.values() {
            if let Some(name) = self.names.get(header) {
                visit(name, value);
            }
        }
    }
}

fn put(words: &mut [u32; WORDS], at: usize, values: &[u32]) {
    for (place, value) in words.iter_mut().skip(at).zip(values) {
        *place = *value;
    }
}

/// The id is what stands before the last underscore of a key.
fn point_at_key(id: &KeyId, lines: &Lines<'_>, words: &mut [u32; WORDS]) -> u32 {
    let id = id.as_str().as_bytes();
    let found = lines.values().enumerate().find_map(|(line, (_, value))| {
        let end = value.iter().rposition(|byte| *byte == b'_')?;
        let start = end.checked_sub(ID_LEN)?;
        (value.get(start..end)? == id).then_some((line, start))
    });
    match found {
        Some((line, start)) => {
            put(words, 0, &[word(line), word(start), word(ID_LEN)]);
            NEED_KEY
        }
        None => MISUSE,
    }
}

fn point_at_signature(
    check: &SignatureCheck<'_>,
    lines: &Lines<'_>,
    words: &mut [u32; WORDS],
    verify_keys: &mut VerifyKeys,
) -> u32 {
    let found = lines.values().enumerate().find_map(|(line, (_, value))| {
        let start = offset(value, check.signing_input)?;
        let signature = start.checked_add(check.signing_input.len())?.checked_add(1)?;
        Some((line, start, signature, value.len().checked_sub(signature)?))
    });
    let Some((line, start, signature, len)) = found else { return MISUSE };
    let algorithm = Algorithm::ALL.iter().position(|algorithm| *algorithm == check.algorithm).unwrap_or_default();
    let key = verify_keys.handle(check.thumbprint, check.public_jwk);
    let input = word(check.signing_input.len());
    put(words, 0, &[word(line), word(start), input, word(signature), word(len), word(algorithm), key]);
    NEED_VERIFY
}

/// Writes a decision into the words.
fn report(decision: &Decision<'_>, target: &[u8], words: &mut [u32; WORDS], principals: &mut Principals) {
    let effect = match decision.effect() {
        Effect::Deny => 0,
        Effect::Allow => 1,
        Effect::Preflight => 2,
    };
    let route = decision.route_index().map_or(0, |index| word(index).saturating_add(1));
    let alternative = decision.alternative().map_or(0, |index| word(index).saturating_add(1));
    let mut count = 0_u32;
    for (place, principal) in words.chunks_exact_mut(2).skip(3).zip(decision.principals()) {
        if let [slot, generation] = place {
            (*slot, *generation) = principals.place(principal);
            count = count.saturating_add(1);
        }
    }
    let mut marks = if decision.touch().is_some() { MARK_TOUCH } else { 0 };
    // The text can be made later from one principal alone.
    let proven = decision.principal().and_then(|principal| principal.key()).map(|key| key.record().id);
    if decision.upgrade().is_some() || decision.presented_key != proven || count > 1 {
        marks |= MARK_TEXT;
    }
    let status = decision.problem().map_or_else(|| decision.status(), |problem| problem.status);
    put(words, 0, &[effect, u32::from(status), route, alternative, marks, count]);
    let mut params = 0_u32;
    for (place, (_, value)) in words.iter_mut().skip(15).zip(decision.params()) {
        let start = offset(target, value.as_bytes()).unwrap_or_default();
        *place = word(start) | (word(start.saturating_add(value.len())) << 16);
        params = params.saturating_add(1);
    }
    put(words, 14, &[params]);
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
