//! The WebAssembly surface: convert, call, convert. `js/core` is the only caller.
//!
//! A decision under way is a *session*: an input buffer, 96 words and a future that waits for the host's answers, which are the calls
//! that come next. On the hot path only numbers cross.

mod documents;
mod error;
mod held;
mod keys;
mod options;
mod principals;
mod records;
mod session;
mod shape;

use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::RefCell;

use wasm_bindgen::prelude::*;

use self::error::Thrown;
use self::held::Held;
use self::principals::Proofs;
use self::session::{Answer, MISUSE, Session, Shared};
use crate::engine::Verified;
use crate::host::{KeyAnswer, KeysAnswer, VerifyAnswer};
use crate::json::read::Reader;
use crate::policy::{CredentialKind, Policy};
use crate::time::UnixSeconds;

/// What a request's headers are named, besides the API-key headers of the policy.
const HEADERS: [&str; 6] = [
    "authorization",
    "origin",
    "access-control-request-method",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// The version of the core.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    String::from(env!("CARGO_PKG_VERSION"))
}

/// What is wrong with a document of the command, with line and column; nothing when it has its shape. 0 is a case file, 1 are key records, 2 secrets
/// by name, all else is any JSON. The message may repeat a text that was found.
#[wasm_bindgen]
#[must_use]
pub fn document_fault(kind: u32, text: &str) -> Option<String> {
    documents::fault(kind, text)
}

/// An instant from a number of JavaScript; `None` for what is none.
fn instant(seconds: f64) -> Option<UnixSeconds> {
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
    let whole = seconds as i64;
    #[expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "whether it is whole")]
    let exact = whole as f64 == seconds;
    if exact { UnixSeconds::new(whole) } else { None }
}

/// A gate and everything that decisions on it need in this instance of the module.
#[wasm_bindgen]
pub struct RawGate {
    policy: Arc<Policy>,
    keyring: crate::key::hash::Keyring,
    shared: Rc<Shared>,
    sessions: Vec<Option<Session>>,
}

#[wasm_bindgen]
impl RawGate {
    /// A gate of a policy and of what the host gave for it, both as JSON text.
    ///
    /// # Errors
    /// JSON text with `code`, `message` and, for a policy, `errors`.
    #[wasm_bindgen(constructor)]
    pub fn new(policy: &str, options: &str) -> Result<Self, JsValue> {
        let policy = Arc::new(Policy::from_json(policy).map_err(Thrown::policy)?);
        let (gate, keyring) = options::build(&policy, options)?;
        let mut headers: Vec<String> = Vec::new();
        for credential in policy.credentials() {
            if let CredentialKind::ApiKey(key) = credential.kind() {
                let name = key.header().to_ascii_lowercase();
                if !headers.contains(&name) {
                    headers.push(name);
                }
            }
        }
        for name in HEADERS {
            if !headers.iter().any(|known| known == name) {
                headers.push(name.into());
            }
        }
        let shared = Shared {
            gate,
            headers,
            principals: Rc::default(),
            verify_keys: RefCell::default(),
            records: RefCell::default(),
        };
        Ok(Self { policy, keyring, shared: Rc::new(shared), sessions: Vec::new() })
    }

    /// What the JavaScript side needs to know of the policy, as JSON.
    #[must_use]
    pub fn describe(&self) -> String {
        options::describe(&self.policy, &self.shared.headers)
    }

    /// A new session.
    pub fn open(&mut self) -> u32 {
        let free = self.sessions.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            self.sessions.push(None);
            self.sessions.len().saturating_sub(1)
        });
        if let Some(place) = self.sessions.get_mut(at) {
            *place = Some(Session::default());
        }
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// Frees a session.
    pub fn close(&mut self, session: u32) {
        if let Some(place) = self.sessions.get_mut(session as usize) {
            *place = None;
        }
    }

    fn session(&mut self, session: u32) -> Option<&mut Session> {
        self.sessions.get_mut(session as usize)?.as_mut()
    }

    /// The address of the session's input buffer, at least `bytes` long.
    pub fn input(&mut self, session: u32, bytes: u32) -> u32 {
        self.session(session).map_or(0, |session| session.input(bytes as usize))
    }

    /// The address of the session's 96 words.
    pub fn words(&mut self, session: u32) -> u32 {
        self.session(session).map_or(0, |session| session.words())
    }

    /// Begins the decision that the words and the input describe.
    pub fn begin(&mut self, session: u32, now: f64) -> u32 {
        let Self { sessions, shared, .. } = self;
        match (instant(now), sessions.get_mut(session as usize)) {
            (Some(now), Some(Some(found))) => found.begin(shared, now),
            _ => MISUSE,
        }
    }

    /// Answers a need for a key record: its handle, 0 for a missing one, [`u32::MAX`] for an outage.
    pub fn answer_key(&mut self, session: u32, record: u32) -> u32 {
        let answer = match record {
            0 => KeyAnswer::Missing,
            u32::MAX => KeyAnswer::Unavailable,
            handle => self.shared.records.borrow().get(handle).map_or(KeyAnswer::Unavailable, KeyAnswer::Found),
        };
        self.answer(session, Answer::Key(answer))
    }

    /// Answers a need for a key set: its text and when it was fetched, or nothing for an outage.
    pub fn answer_keys(&mut self, session: u32, jwks: Option<String>, fetched_at: f64) -> u32 {
        let answer = match (jwks, instant(fetched_at)) {
            (Some(jwks), Some(fetched_at)) => KeysAnswer::Found { jwks: jwks.into(), fetched_at },
            _ => KeysAnswer::Unavailable,
        };
        self.answer(session, Answer::Keys(answer))
    }

    /// Answers a need for signature arithmetic: 0 invalid, 1 valid, 3 do it here; anything else is an outage.
    pub fn answer_verify(&mut self, session: u32, kind: u32) -> u32 {
        let answer = match kind {
            0 => Verified::ByHost(VerifyAnswer::Invalid),
            1 => Verified::ByHost(VerifyAnswer::Valid),
            3 => Verified::Here,
            _ => Verified::ByHost(VerifyAnswer::Unavailable),
        };
        self.answer(session, Answer::Verify(answer))
    }

    fn answer(&mut self, session: u32, answer: Answer) -> u32 {
        self.session(session).map_or(MISUSE, |found| found.answer(answer))
    }

    /// The decision's JSON, when it was made: unless allowed, or when the words asked for it.
    pub fn text(&mut self, session: u32) -> String {
        self.session(session).map(|session| session.text()).unwrap_or_default()
    }

    /// The HTTP answer of a refusal or a preflight as JSON: `status`, `headers`, `body`.
    pub fn response(&mut self, session: u32) -> String {
        self.session(session).map(|session| session.response()).unwrap_or_default()
    }

    /// Overwrites what the session holds of a request.
    pub fn erase(&mut self, session: u32) {
        if let Some(found) = self.session(session) {
            found.erase();
        }
    }

    /// Reads a key record strictly; returns a handle.
    ///
    /// # Errors
    /// `record_invalid`.
    pub fn record(&mut self, json: &str) -> Result<u32, JsValue> {
        let record = keys::record(json)?;
        let handle = self.shared.records.borrow_mut().enter(Arc::new(record));
        Ok(handle.ok_or_else(|| Thrown::new("engine_misuse", "too many records are held"))?)
    }

    /// Forgets a record.
    pub fn drop_record(&mut self, handle: u32) {
        self.shared.records.borrow_mut().remove(handle);
    }

    /// These scopes, a list in JSON, as held by this credential; scopes that the policy does not declare count for nothing.
    ///
    /// # Errors
    /// `credential_unknown`, `request_invalid`.
    pub fn hold(&self, credential: &str, scopes: &str) -> Result<Held, JsValue> {
        let found = self.policy.credential(credential).map(|(index, _)| index);
        let credential =
            found.ok_or_else(|| Thrown::new("credential_unknown", "the policy has no credential of this name"))?;
        let scopes = keys::wanted(scopes, Reader::strings)?;
        let scopes = self.policy.scopes().grant(scopes.iter().map(String::as_str));
        Ok(Held::new(&self.shared, credential, scopes))
    }

    /// What keeps proven principals for decisions that are read later; lives on when the gate is freed.
    #[must_use]
    pub fn proofs(&self) -> Proofs {
        Proofs::new(&self.policy, &self.shared.principals)
    }

    /// The key of a need for signature arithmetic as JSON: `thumbprint` and `jwk`.
    #[must_use]
    pub fn verify_key(&self, handle: u32) -> String {
        self.shared.verify_keys.borrow().describe(handle)
    }

    /// How much this gate holds, as JSON.
    #[must_use]
    pub fn counts(&self) -> String {
        let (hits, misses) = self.shared.gate.token_cache_counts().unwrap_or_default();
        format!(
            r#"{{"cacheHits":{hits},"cacheMisses":{misses},"sessions":{},"records":{}}}"#,
            self.sessions.iter().flatten().count(),
            self.shared.records.borrow().count()
        )
    }

    /// Issues a key; takes and returns JSON.
    ///
    /// # Errors
    /// The code of what is wrong with the request.
    pub fn issue(&self, request: &str, entropy: &[u8], now: f64) -> Result<String, JsValue> {
        Ok(keys::issue(&self.policy, &self.keyring, request, entropy, instant(now))?)
    }

    /// Replaces a key; takes and returns JSON.
    ///
    /// # Errors
    /// The code of what is wrong with the request.
    pub fn rotate(&self, record: &str, request: &str, entropy: &[u8], now: f64) -> Result<String, JsValue> {
        Ok(keys::rotate(&self.policy, &self.keyring, record, request, entropy, instant(now))?)
    }

    /// Revokes a key; takes and returns JSON.
    ///
    /// # Errors
    /// The code of what is wrong with the request.
    pub fn revoke(&self, record: &str, now: f64) -> Result<String, JsValue> {
        Ok(keys::revoke(record, instant(now))?)
    }

    /// Gives a key another label; takes and returns JSON.
    ///
    /// # Errors
    /// The code of what is wrong with the request.
    pub fn relabel(&self, record: &str, change: &str) -> Result<String, JsValue> {
        Ok(keys::relabel(record, change)?)
    }

    /// Decides about credentials that are not proven, for tests of a policy; takes JSON, returns the decision's.
    ///
    /// # Errors
    /// `request_invalid`.
    pub fn rehearse(&self, request: &str) -> Result<String, JsValue> {
        Ok(keys::rehearse(&self.shared.gate, request)?)
    }
}
