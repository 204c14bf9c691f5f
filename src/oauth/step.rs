//! What a flow asks of its host, what the host answers, and the drivers for hosts that would rather be called.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;

use super::client::Client;
use super::flow::Flow;
use super::http::HttpResponse;
use crate::jwt::Algorithm;
use crate::time::UnixSeconds;

/// Where a flow stands. `R` is how it ends.
#[derive(Debug)]
pub enum Step<R = Reply> {
    /// The host does this and hands the answer to [`Flow::answer`].
    Need(Need),
    /// The flow is over.
    Done(R),
}

/// How a flow ends.
#[derive(Debug)]
pub enum Reply {
    /// Send this.
    Respond(HttpResponse),
    /// Show the user a page, then resume with the ticket.
    Interact(Interaction),
}

/// What the host's page must do before the authorization goes on.
#[derive(Clone)]
pub struct Interaction {
    /// What to ask of the user.
    pub ask: Ask,
    /// Sealed state: hand it back to `resume_login` or `resume_consent` of the same browser.
    pub ticket: String,
    /// The client that asks.
    pub client_id: String,
    /// The name of the client, for people.
    pub client_name: String,
    /// Whether the client was registered by the operator and not by itself.
    pub trusted: bool,
    /// Headers that the page must be sent with: no framing, no storing, and the cookie that binds the ticket.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for Interaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interaction")
            .field("ask", &self.ask)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// What to ask of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Sign in. `resume_login` follows.
    Login {
        /// Whether no page may be shown (`prompt=none`): answer from the session at once.
        silent: bool,
        /// Whether a session that exists is not enough (`prompt=login`, `max_age`).
        reauthenticate: bool,
        /// Whether the user must be let choose an account.
        select_account: bool,
        /// `login_hint`, not to be trusted.
        login_hint: Option<String>,
        /// `ui_locales`.
        ui_locales: Option<String>,
        /// `acr_values`.
        acr_values: Option<String>,
        /// `display`.
        display: Option<String>,
    },
    /// Approve the scopes, as the user of the login before. `resume_consent` follows.
    Consent {
        /// What the client asks for.
        scopes: Vec<String>,
        /// The host the user will be sent to.
        redirect_host: String,
    },
}

/// What claims are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimsTarget {
    /// An ID token.
    IdToken,
    /// The userinfo endpoint.
    UserInfo,
}

/// Something that happened and that an operator watches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A code was redeemed a second time, validly: the grant is revoked.
    CodeReplay,
    /// An old refresh token was used: the grant is revoked.
    RefreshReuse,
    /// A refresh token of a future generation: the store went back in time.
    StoreRolledBack,
}

impl EventKind {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CodeReplay => "code_replay",
            Self::RefreshReuse => "refresh_reuse",
            Self::StoreRolledBack => "store_rolled_back",
        }
    }
}

/// What a flow needs of the host. Its `Debug` names the operation alone: rows, secrets and signing inputs stay out of logs.
#[derive(Clone, PartialEq, Eq)]
pub enum Need {
    /// The client with this id; may be cached. Answer: [`Answer::Client`].
    Client {
        /// Its id.
        client_id: String,
    },
    /// The grant with this id, reading what the last swap wrote. Answer: [`Answer::Grant`].
    Grant {
        /// Its id.
        id: String,
    },
    /// Insert if absent. Answer: [`Answer::Inserted`].
    InsertGrant {
        /// Its id.
        id: String,
        /// Whose it is: what [`Need::GrantsOf`] finds it by. It never changes.
        sub: String,
        /// Opaque bytes.
        row: Vec<u8>,
        /// When the store may forget it.
        expires_at: UnixSeconds,
    },
    /// The ids of a user's grants in ascending order of their bytes, revoked ones too. Answer: [`Answer::Grants`], empty at the end.
    GrantsOf {
        /// The user.
        sub: String,
        /// The id that the page follows; `None` is the first page.
        after: Option<String>,
        /// The most ids to answer with.
        limit: usize,
    },
    /// Compare and swap, linearizable per id. Answer: [`Answer::Swap`].
    SwapGrant {
        /// Its id.
        id: String,
        /// The version that was read.
        expect_version: u64,
        /// Opaque bytes.
        row: Vec<u8>,
        /// When the store may forget it.
        expires_at: UnixSeconds,
    },
    /// The scopes a user has approved for a client. Answer: [`Answer::Consent`].
    Consent {
        /// The user.
        sub: String,
        /// The client.
        client_id: String,
    },
    /// Add scopes to a user's approval. Answer: [`Answer::Done`].
    SaveConsent {
        /// The user.
        sub: String,
        /// The client.
        client_id: String,
        /// What was approved now.
        scopes: Vec<String>,
    },
    /// Claims about a user, of these scopes only, as a JSON object. Answer: [`Answer::Claims`].
    Claims {
        /// The user.
        sub: String,
        /// Granted scopes.
        scopes: Vec<String>,
        /// What they are for.
        target: ClaimsTarget,
    },
    /// A signature (RFC 7515 section 5.1). Answer: [`Answer::Signature`].
    Sign {
        /// The key's id.
        kid: String,
        /// Its algorithm.
        alg: Algorithm,
        /// What to sign.
        signing_input: Vec<u8>,
    },
    /// Insert if absent, for things that may be used once. Answer: [`Answer::Put`].
    PutOnce {
        /// What kind of thing; part of the key.
        space: &'static str,
        /// SHA-256 of the thing, base64url.
        key_hash: String,
        /// When the store may forget it.
        expires_at: UnixSeconds,
    },
    /// Hold a secret against a client whose secret only the host can verify. Answer: [`Answer::Verified`].
    VerifySecret {
        /// The client.
        client_id: String,
        /// What it presented.
        secret: String,
    },
    /// Tell the operator. Answer: [`Answer::Done`].
    Event {
        /// What happened.
        kind: EventKind,
        /// The grant it happened to.
        grant_id: String,
    },
    /// An outgoing request (social login only). Follow no redirect. A `GET` without `authorization` may be answered from a cache,
    /// unless its headers say `cache-control: no-cache`. Answer: [`Answer::Http`].
    Http {
        /// The method.
        method: &'static str,
        /// The absolute URL.
        url: String,
        /// Headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
        /// The largest answer to read, in bytes.
        max_bytes: usize,
        /// How long to wait, in milliseconds.
        timeout_ms: u32,
    },
}

impl Need {
    /// The operation's name, which a host written in JavaScript dispatches on.
    #[must_use]
    pub const fn op(&self) -> &'static str {
        match self {
            Self::Client { .. } => "client_get",
            Self::Grant { .. } => "grant_get",
            Self::InsertGrant { .. } => "grant_insert",
            Self::GrantsOf { .. } => "grants_of",
            Self::SwapGrant { .. } => "grant_swap",
            Self::Consent { .. } => "consent_get",
            Self::SaveConsent { .. } => "consent_save",
            Self::Claims { .. } => "claims",
            Self::Sign { .. } => "sign",
            Self::PutOnce { .. } => "put_once",
            Self::VerifySecret { .. } => "verify_secret",
            Self::Event { .. } => "event",
            Self::Http { .. } => "http",
        }
    }
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.op())
    }
}

/// How a compare-and-swap went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The row is written.
    Swapped,
    /// Another version is there.
    Conflict,
    /// No such row.
    Missing,
}

/// A grant as the store holds it. Its `Debug` shows the version alone.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredGrant {
    /// Opaque bytes.
    pub row: Vec<u8>,
    /// The store's version.
    pub version: u64,
}

/// The host's answer. Its `Debug` names the kind alone.
#[derive(Clone)]
pub enum Answer {
    /// To [`Need::Client`].
    Client(Option<Client>),
    /// To [`Need::Grant`].
    Grant(Option<StoredGrant>),
    /// To [`Need::InsertGrant`]: whether it was absent.
    Inserted(bool),
    /// To [`Need::GrantsOf`].
    Grants(Vec<String>),
    /// To [`Need::SwapGrant`].
    Swap(Swap),
    /// To [`Need::Consent`]: approved scopes, or `None` when the user never approved the client.
    Consent(Option<Vec<String>>),
    /// To [`Need::Claims`]: a JSON object as text.
    Claims(String),
    /// To [`Need::Sign`].
    Signature(Vec<u8>),
    /// To [`Need::PutOnce`]: whether it was fresh.
    Put(bool),
    /// To [`Need::VerifySecret`].
    Verified(bool),
    /// To [`Need::Http`].
    Http(HttpResponse),
    /// To needs that only do.
    Done,
    /// The host could not. Never reads as "no such thing": the reply is `temporarily_unavailable`.
    Unavailable,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "Client",
            Self::Grant(_) => "Grant",
            Self::Inserted(_) => "Inserted",
            Self::Grants(_) => "Grants",
            Self::Swap(_) => "Swap",
            Self::Consent(_) => "Consent",
            Self::Claims(_) => "Claims",
            Self::Signature(_) => "Signature",
            Self::Put(_) => "Put",
            Self::Verified(_) => "Verified",
            Self::Http(_) => "Http",
            Self::Done => "Done",
            Self::Unavailable => "Unavailable",
        })
    }
}

/// The host, for callers whose store answers at once.
pub trait Host {
    /// Does what is needed. Whoever can change an answer here can issue tokens to anybody.
    fn answer(&self, need: &Need) -> Answer;
}

/// The host, for callers who await.
pub trait AsyncHost: Sync {
    /// See [`Host::answer`].
    fn answer(&self, need: &Need) -> impl Future<Output = Answer> + Send;
}

/// Drives a flow to its end with a host that answers at once.
pub fn drive(mut flow: Flow<'_>, host: &impl Host) -> Reply {
    loop {
        match flow.step() {
            Step::Need(need) => flow.answer(host.answer(&need)),
            Step::Done(reply) => return reply,
        }
    }
}

/// Drives a flow to its end with a host that is awaited.
pub async fn drive_async(mut flow: Flow<'_>, host: &impl AsyncHost) -> Reply {
    loop {
        match flow.step() {
            Step::Need(need) => {
                let answer = host.answer(&need).await;
                flow.answer(answer);
            }
            Step::Done(reply) => return reply,
        }
    }
}
