//! Sign-in with accounts elsewhere: the authorization server as the client of Google, GitHub and other providers.
//!
//! As everywhere in here nothing is sent, stored or signed: a [`Flow`] names what it needs ([`Need::Http`](super::Need::Http),
//! [`Need::PutOnce`](super::Need::PutOnce), [`Need::Sign`](super::Need::Sign)), takes the answer and ends with an [`Outcome`].
//! A transaction lives in a cookie and in `state`, both under a MAC; nonce and PKCE verifier are derived from it, so that
//! nothing has to be kept between the two requests but the mark that a transaction was used.
//!
//! | request | what happens |
//! | --- | --- |
//! | `GET /oauth2/authorization/{provider}?ticket=…` | redirect to the provider, with the cookie of the transaction |
//! | `GET` or `POST /login/oauth2/code/{provider}` | code, token, identity: [`Outcome::LoggedIn`] or [`Outcome::Failed`] |
//!
//! Who the identity is at the host, the host says: [`link`] tells what may be linked.

mod answer;
mod callback;
mod check;
mod discovery;
mod exchange;
mod flow;
mod id_token;
mod link;
mod outcome;
mod presets;
mod profile;
mod provider;
mod start;
mod transaction;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub use self::check::{ConfigError, ConfigFault};
pub use self::flow::{Flow, drive, drive_async};
pub use self::link::{LinkPolicy, Linking, LocalAccount, link};
pub use self::outcome::{Failed, Fault, LoggedIn, Outcome};
pub use self::presets::FACEBOOK_GRAPH_VERSION;
pub use self::provider::{
    ClientCredential, ClientSecret, EmailTrust, Endpoints, Issuer, Protocol, Provider, ResponseMode, Source,
};

use self::flow::Input;
use super::config::{self, Server, TokenSecret};
use super::http::HttpRequest;
use crate::time::UnixSeconds;

/// The path below which a provider's redirects start.
const START: &str = "/oauth2/authorization/";
/// The path below which providers send the browser back.
const CALLBACK: &str = "/login/oauth2/code/";

/// The providers of a server: checked, and bound to its URL and secrets.
#[derive(Debug)]
pub struct Social {
    base: String,
    base_path: String,
    secrets: Vec<TokenSecret>,
    lifetime: i64,
    providers: Vec<Provider>,
}

impl Social {
    /// The providers of `server`, whose issuer, secrets and lifetime of tickets they share.
    ///
    /// # Errors
    /// [`ConfigError`], which names the provider.
    pub fn new(server: &Server, providers: Vec<Provider>) -> Result<Self, ConfigError> {
        check::all(&providers, server.is_secure())?;
        Ok(Self {
            base: String::from(server.issuer()),
            base_path: String::from(server.issuer_path()),
            secrets: server.config.secrets.clone(),
            lifetime: server.config.lifetimes.ticket,
            providers,
        })
    }

    /// The providers of a program that is no authorization server itself: `issuer` is where it is.
    pub(super) fn alone(
        issuer: String,
        secrets: Vec<TokenSecret>,
        lifetime: Option<i64>,
        providers: Vec<Provider>,
    ) -> Result<Result<Self, ConfigError>, config::ConfigError> {
        let lifetime = lifetime.unwrap_or_else(|| config::Lifetimes::default().ticket);
        config::check_issuer(&issuer)?;
        config::check_secrets(&secrets)?;
        if !config::is_lifetime(lifetime) {
            return Err(config::ConfigError::LifetimeInvalid);
        }
        let checked = check::all(&providers, issuer.starts_with("https://"));
        let base_path = String::from(config::path_of(&issuer));
        Ok(checked.map(|()| Self { base: issuer, base_path, secrets, lifetime, providers }))
    }

    /// The providers, in the order in which they were given.
    #[must_use]
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// The path of the link to a provider; the host appends the ticket, which needs no escapes.
    #[must_use]
    pub fn start_path(&self, provider: &str) -> String {
        format!("{}{START}{provider}", self.base_path)
    }

    /// The redirect URI to register with a provider.
    #[must_use]
    pub fn redirect_uri(&self, provider: &str) -> String {
        format!("{}{CALLBACK}{provider}", self.base)
    }

    /// Whether the path is one that [`Self::handle`] answers.
    #[must_use]
    pub fn is_path(&self, path: &str) -> bool {
        let path = path.strip_prefix(self.base_path.as_str()).unwrap_or("");
        path.starts_with(START) || path.starts_with(CALLBACK)
    }

    /// The flow of a request to either endpoint. `entropy` is 64 fresh random bytes for this request alone.
    #[must_use]
    pub const fn handle(&self, request: HttpRequest, now: UnixSeconds, entropy: [u8; 64]) -> Flow<'_> {
        Flow::new(self, Input::Request(request), now, entropy)
    }

    /// Sends the browser to a provider. `ticket` is the interaction to go on with afterwards; it comes back in [`LoggedIn`]
    /// and is the only thing that leads on: no URL is taken.
    #[must_use]
    pub const fn start(
        &self,
        provider: String,
        ticket: Option<String>,
        now: UnixSeconds,
        entropy: [u8; 64],
    ) -> Flow<'_> {
        Flow::new(self, Input::Start { provider, ticket }, now, entropy)
    }

    /// Takes a provider's answer, which the browser brings.
    #[must_use]
    pub const fn callback(&self, request: HttpRequest, now: UnixSeconds, entropy: [u8; 64]) -> Flow<'_> {
        Flow::new(self, Input::Callback(request), now, entropy)
    }

    fn provider(&self, id: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.id == id)
    }

    fn is_secure(&self) -> bool {
        self.base.starts_with("https://")
    }
}
