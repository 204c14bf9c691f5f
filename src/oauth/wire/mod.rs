//! Flows as JSON text, for hosts in other languages: one call a step, and no state between calls.
//!
//! [`step`] is a function of its arguments alone, so that a request with its instant, its entropy and its answers is a test
//! vector, and every runtime must give the same outputs (`tests/vectors/oauth/flows.json`). Bytes are base64url without
//! padding, instants Unix seconds, members in camel case.

mod client;
mod options;
mod out;
mod social;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

pub use self::social::{providers, social, social_step};

use self::client::ClientJson;
use super::config::{ConfigError, Server};
use super::crypto;
use super::http::{HttpRequest, HttpResponse};
use super::interact::{ConsentOutcome, Login, LoginOutcome};
use super::step::{Answer, StoredGrant, Swap};
use crate::time::UnixSeconds;

/// Why a text cannot be used. No message quotes it: it may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    code: &'static str,
    place: String,
}

impl WireError {
    fn new(code: &'static str, place: impl Into<String>) -> Self {
        Self { code, place: place.into() }
    }

    /// The stable code: one of [`ConfigError::code`], `options_invalid`, `key_invalid`, `client_invalid`, `input_invalid` or
    /// `answer_invalid`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() { f.write_str(self.code) } else { write!(f, "{}: {}", self.code, self.place) }
    }
}

impl core::error::Error for WireError {}

impl From<ConfigError> for WireError {
    fn from(error: ConfigError) -> Self {
        Self::new(error.code(), "")
    }
}

/// Reads a text; a fault is told by its place alone.
fn read<'t, T: Deserialize<'t>>(text: &'t str, code: &'static str) -> Result<T, WireError> {
    serde_json::from_str(text)
        .map_err(|error| WireError::new(code, alloc::format!("at line {}, column {}", error.line(), error.column())))
}

/// A server of options as JSON: `issuer`, `secrets` (`id`, `key` of 32 bytes), `scopes`, `keys` (`kid`, `alg`, `public`,
/// `status`, `since`), `capabilities`, and by choice `resources`, `corsOrigins`, `lifetimes` and `offlineAccessRequired`.
///
/// # Errors
/// `options_invalid` and `key_invalid` for the shape, else the code of the [`ConfigError`].
pub fn server(options: &str) -> Result<Server, WireError> {
    options::server(options)
}

/// Checks a client record: its shape, and that its redirect URIs may be registered.
///
/// # Errors
/// `client_invalid`.
pub fn check_client(client: &str) -> Result<(), WireError> {
    read::<ClientJson>(client, "client_invalid")?.into_client().map(|_| ())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageJson {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    method: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LoginJson {
    sub: String,
    auth_time: UnixSeconds,
    #[serde(default)]
    acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum LoginOutcomeJson {
    LoggedIn(LoginJson),
    NotLoggedIn,
    Denied,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum ConsentOutcomeJson {
    Approve(Vec<String>),
    Deny,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RevokeAllJson {
    sub: String,
    #[serde(default)]
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum InputJson {
    Http(MessageJson),
    RevokeAll(RevokeAllJson),
    #[serde(untagged)]
    Login {
        request: MessageJson,
        ticket: String,
        login: LoginOutcomeJson,
    },
    #[serde(untagged)]
    Consent {
        request: MessageJson,
        ticket: String,
        present: Option<String>,
        consent: ConsentOutcomeJson,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredGrantJson {
    row: String,
    version: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum SwapJson {
    Swapped,
    Conflict,
    Missing,
}

/// One answer, named after its kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum AnswerJson {
    Client(Option<alloc::boxed::Box<RawValue>>),
    Grant(Option<StoredGrantJson>),
    Inserted(bool),
    Grants(Vec<String>),
    Swap(SwapJson),
    Consent(Option<Vec<String>>),
    Claims(alloc::boxed::Box<RawValue>),
    Signature(String),
    Put(bool),
    Verified(bool),
    Http(MessageJson),
    Done,
    Unavailable,
}

fn bytes(text: &str, code: &'static str) -> Result<Vec<u8>, WireError> {
    crypto::unb64(text).ok_or_else(|| WireError::new(code, "bytes are base64url without padding"))
}

impl MessageJson {
    fn request(self) -> Result<HttpRequest, WireError> {
        let Self { method, path, query, headers, body, .. } = self;
        Ok(HttpRequest { method, path, query, headers, body: bytes(&body, "input_invalid")? })
    }
}

impl AnswerJson {
    fn answer(self) -> Result<Answer, WireError> {
        let invalid = "answer_invalid";
        Ok(match self {
            Self::Client(None) => Answer::Client(None),
            Self::Client(Some(text)) => {
                Answer::Client(Some(read::<ClientJson>(text.get(), "client_invalid")?.into_client()?))
            }
            Self::Grant(None) => Answer::Grant(None),
            Self::Grant(Some(StoredGrantJson { row, version })) => {
                Answer::Grant(Some(StoredGrant { row: bytes(&row, invalid)?, version }))
            }
            Self::Inserted(absent) => Answer::Inserted(absent),
            Self::Grants(ids) => Answer::Grants(ids),
            Self::Swap(swap) => Answer::Swap(match swap {
                SwapJson::Swapped => Swap::Swapped,
                SwapJson::Conflict => Swap::Conflict,
                SwapJson::Missing => Swap::Missing,
            }),
            Self::Consent(scopes) => Answer::Consent(scopes),
            Self::Claims(text) => Answer::Claims(text.get().into()),
            Self::Signature(text) => Answer::Signature(bytes(&text, invalid)?),
            Self::Put(fresh) => Answer::Put(fresh),
            Self::Verified(genuine) => Answer::Verified(genuine),
            Self::Http(MessageJson { status, headers, body, .. }) => {
                Answer::Http(HttpResponse { status, headers, body: bytes(&body, invalid)? })
            }
            Self::Done => Answer::Done,
            Self::Unavailable => Answer::Unavailable,
        })
    }
}

/// What comes after the answers so far, as JSON: `{"need": {"op", …}}`, `{"respond": {"status", "headers", "body"}}` or
/// `{"interact": {"ask", "ticket", "client", "headers"}}`.
///
/// `input` is `{"http": request}`, or `{"request", "ticket", "login"}` with `{"loggedIn": {"sub", "authTime", "acr", "amr"}}`,
/// `"notLoggedIn"` or `"denied"`, or `{"request", "ticket", "present", "consent"}` with the subject who is signed in and `{"approve": scopes}` or `"deny"`, or
/// `{"revokeAll": {"sub", "clientId"}}`, whose answers are all read again at each step: let it see a few grants at a time. A request has
/// `method`, `path`, `query`, `headers` (pairs) and `body`. `answers` is an array, each named after its kind.
///
/// # Errors
/// `input_invalid`, `answer_invalid` or `client_invalid`. The host treats a fault of an answer as an outage.
pub fn step(
    server: &Server,
    input: &str,
    now: UnixSeconds,
    entropy: [u8; 64],
    answers: &str,
) -> Result<String, WireError> {
    // A revocation of all forgets the answers it has used, so each must be given when it is asked for.
    let mut stepwise = false;
    let mut flow = match read::<InputJson>(input, "input_invalid")? {
        InputJson::Http(request) => server.handle(request.request()?, now, entropy),
        InputJson::Login { request, ticket, login } => {
            let outcome = match login {
                LoginOutcomeJson::LoggedIn(LoginJson { sub, auth_time, acr, amr }) => {
                    LoginOutcome::LoggedIn(Login { sub, auth_time, acr, amr })
                }
                LoginOutcomeJson::NotLoggedIn => LoginOutcome::NotLoggedIn,
                LoginOutcomeJson::Denied => LoginOutcome::Denied,
            };
            server.resume_login(request.request()?, ticket, outcome, now, entropy)
        }
        InputJson::Consent { request, ticket, present, consent } => {
            let outcome = match consent {
                ConsentOutcomeJson::Approve(scopes) => ConsentOutcome::Approve { scopes },
                ConsentOutcomeJson::Deny => ConsentOutcome::Deny,
            };
            server.resume_consent(request.request()?, ticket, present, outcome, now, entropy)
        }
        InputJson::RevokeAll(RevokeAllJson { sub, client_id }) => {
            stepwise = true;
            server.revoke_all(sub, client_id, now)
        }
    };
    for answer in read::<Vec<AnswerJson>>(answers, "answer_invalid")? {
        if stepwise {
            flow.step();
        }
        flow.answer(answer.answer()?);
    }
    Ok(out::step(flow.step()))
}
