//! The authorization server (OAuth 2.1, OpenID Connect Core) as flows of needs and answers.
//!
//! A [`Server`] is what an operator configures. Each request becomes a [`Flow`]: it names what it needs of the host
//! ([`Need`]), takes the [`Answer`], and ends with a [`Reply`]. There is no clock, random source, store or private key in
//! here. Tokens are signed before the grant is swapped and released only when the swap wins, so one code or one refresh
//! token is redeemed once however many requests race, and a failing signer burns nothing.
//!
//! Parameters, errors, the states of a grant and what the host must guarantee are in `docs/oauth.md`.

mod access_token;
mod authorize;
mod client;
mod client_auth;
mod code;
mod config;
mod crypto;
mod endpoint;
mod error;
mod flow;
mod grant;
mod http;
mod id_token;
mod interact;
mod introspect;
mod keys;
mod metadata;
mod params;
mod redirect;
mod refresh;
mod request;
mod resource;
mod revoke;
mod revoke_all;
pub mod social;
mod step;
mod ticket;
mod token;
mod userinfo;
pub mod wire;

pub use self::client::{Client, ClientAuth, GrantType, Pkce, SecretMethod, hash_secret};
pub use self::config::{Config, ConfigError, Lifetimes, Resource, Server, StoreCaps, TokenSecret};
pub use self::flow::Flow;
pub use self::http::{HttpRequest, HttpResponse, MAX_BODY_BYTES};
pub use self::interact::{ConsentOutcome, Login, LoginOutcome};
pub use self::keys::{KeyStatus, RotationPolicy, SigningKey, SigningKeys};
pub use self::params::{FormFault, Params};
pub use self::redirect::{RedirectFault, check_redirect_uri, redirect_matches};
pub use self::resource::{BearerFault, BearerToken};
pub use self::step::{
    Answer, Ask, AsyncHost, ClaimsTarget, EventKind, Host, Interaction, Need, Reply, Step, StoredGrant, Swap, drive,
    drive_async,
};
