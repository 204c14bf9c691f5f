//! What the host's pages found out, and how an authorization goes on from there.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::authorize::{self, Progress};
use super::flow::{Context, Halt};
use super::http::HttpRequest;
use super::params::Params;
use super::step::Reply;
use super::ticket::{self, Refused, Stage};
use crate::time::UnixSeconds;

/// A user who signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The subject: never chosen by a client.
    pub sub: String,
    /// When the user last proved who they are.
    pub auth_time: UnixSeconds,
    /// Authentication context class.
    pub acr: Option<String>,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
}

/// How a login ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// The user is signed in.
    LoggedIn(Login),
    /// There is no session, and the request allows no page.
    NotLoggedIn,
    /// The user turned away.
    Denied,
}

/// How a consent ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsentOutcome {
    /// The user approves these scopes, some of those asked.
    Approve {
        /// The scopes.
        scopes: Vec<String>,
    },
    /// The user refuses.
    Deny,
}

/// A ticket on its way back. Its `Debug` keeps the ticket out.
pub(super) enum Resume {
    Login { ticket: String, outcome: LoginOutcome },
    Consent { ticket: String, present: Option<String>, outcome: ConsentOutcome },
}

impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Login { .. } => "Login",
            Self::Consent { .. } => "Consent",
        })
    }
}

/// Goes on with an authorization.
pub(super) fn resume(context: &mut Context<'_>, request: &HttpRequest, resume: &Resume) -> Result<Reply, Halt> {
    let (text, stage, present) = match resume {
        Resume::Login { ticket, .. } => (ticket, Stage::Login, None),
        Resume::Consent { ticket, present, .. } => (ticket, Stage::Consent, present.as_deref()),
    };
    let ticket = ticket::open(context, request, text, stage, present)?;
    let params = Params::parse(ticket.query.as_bytes()).map_err(|_| Refused::Invalid)?;
    let progress = match resume {
        Resume::Login { outcome, .. } => Progress::Login(outcome.clone()),
        Resume::Consent { outcome, .. } => Progress::Consent(ticket.login.ok_or(Refused::Invalid)?, outcome.clone()),
    };
    authorize::go_on(context, request, &params, ticket.started_at, &progress)
}
