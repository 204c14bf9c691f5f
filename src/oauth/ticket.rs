//! Interaction tickets: the authorization request sealed with a MAC, bound to a browser, good once. Pending authorizations
//! need no storage.

use alloc::format;
use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};

use super::config::Server;
use super::crypto;
use super::error::local_page;
use super::flow::{Context, Halt};
use super::http::HttpRequest;
use super::interact::Login;
use super::step::Need;
use crate::time::UnixSeconds;

/// What the ticket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    Login,
    Consent,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ticket {
    pub id: String,
    pub stage: Stage,
    pub query: String,
    pub started_at: UnixSeconds,
    pub expires_at: UnixSeconds,
    pub browser: String,
    pub login: Option<Login>,
}

/// The name of the cookie that binds tickets to a browser.
fn cookie_name(server: &Server) -> &'static str {
    if server.is_secure() { "__Host-sg_txn" } else { "sg_txn" }
}

/// The browser's cookie, when it is there once and well-formed.
fn cookie<'r>(server: &Server, request: &'r HttpRequest) -> Option<&'r str> {
    let name = cookie_name(server);
    let mut values = request
        .header_values("cookie")
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) if crypto::unb64(value).is_some_and(|bytes| bytes.len() == 32) => Some(value),
        _ => None,
    }
}

fn browser_hash(cookie: &str) -> String {
    crypto::b64(&crypto::sha256(cookie.as_bytes()))
}

/// The hash of the browser's cookie, and the cookie to set.
pub(super) fn bind(context: &Context<'_>, request: &HttpRequest) -> (String, String) {
    let server = context.server;
    let value = cookie(server, request)
        .map_or_else(|| crypto::b64(&crypto::mac(context.entropy, &[b"browser"])), ToString::to_string);
    let secure = if server.is_secure() { "; Secure" } else { "" };
    (browser_hash(&value), format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}", cookie_name(server)))
}

pub(super) fn seal(server: &Server, ticket: &Ticket) -> Option<String> {
    let (id, key) = server.secret()?;
    let payload = crypto::b64(&serde_json::to_vec(ticket).ok()?);
    let mac = crypto::mac(key, &[b"tk1", id.as_bytes(), payload.as_bytes()]);
    Some(format!("tk1.{id}.{payload}.{}", crypto::b64(&mac)))
}

fn unseal(server: &Server, text: &str) -> Option<Ticket> {
    let mut parts = text.strip_prefix("tk1.")?.split('.');
    let (id, payload, mac) = (parts.next()?, parts.next()?, parts.next()?);
    let expected = crypto::mac(server.secret_of(id)?, &[b"tk1", id.as_bytes(), payload.as_bytes()]);
    if parts.next().is_some() || !crypto::same(&expected, &crypto::unb64(mac)?) {
        return None;
    }
    serde_json::from_slice(&crypto::unb64(payload)?).ok()
}

/// Why a ticket does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is none, expired, another browser's, of another stage, or was used.
    Invalid,
    /// It stands for a user who is not the one signed in at its browser now. It is not used up.
    OfAnotherUser,
}

impl From<Refused> for Halt {
    fn from(refused: Refused) -> Self {
        let (code, told) = match refused {
            Refused::Invalid => ("ticket_invalid", "this page is out of date; start again"),
            Refused::OfAnotherUser => ("ticket_of_another_user", "this page was shown to somebody else; start again"),
        };
        local_page(code, told).into()
    }
}

/// Opens a ticket of this browser and uses it up. One that stands for a user is good for nobody but `present`, the user who is signed in now.
pub(super) fn open(
    context: &mut Context<'_>,
    request: &HttpRequest,
    text: &str,
    stage: Stage,
    present: Option<&str>,
) -> Result<Ticket, Halt> {
    let server = context.server;
    let ticket = unseal(server, text).ok_or(Refused::Invalid)?;
    let browser = cookie(server, request).map(browser_hash);
    let same = browser.is_some_and(|browser| crypto::same(browser.as_bytes(), ticket.browser.as_bytes()));
    if !same || ticket.stage != stage || context.now >= ticket.expires_at {
        return Err(Refused::Invalid.into());
    }
    if ticket.login.as_ref().is_some_and(|login| Some(login.sub.as_str()) != present) {
        return Err(Refused::OfAnotherUser.into());
    }
    let fresh = context.put_once(|| Need::PutOnce {
        space: "ticket",
        key_hash: crypto::b64(&crypto::sha256(ticket.id.as_bytes())),
        expires_at: ticket.expires_at,
    })?;
    if fresh { Ok(ticket) } else { Err(Refused::Invalid.into()) }
}
