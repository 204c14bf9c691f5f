//! *Does this credential, with these scopes, satisfy this route?* One decision engine, without I/O.
//!
//! ```text
//! request ─► target ─► route ─► credential ─┬─► key ─► NeedKey ─► record ─► live key ─┐
//!                                           └─► jwt ─► NeedKeys ─► JWKS ──► claims ───┴─► principal ─► alternatives ─► decision
//! ```
//!
//! A [`Policy`] is compiled from a small document. A [`Gate`] is a policy with what the host gave for it: peppers, secrets, caches. A
//! decision starts with a [`Request`] and an instant, asks the host for what it needs, and ends as a [`Decision`] that carries the answer
//! to send and the effects to store. There is no clock, no random source, no socket and no file in here: they are arguments.
//!
//! ```
//! use std::sync::Arc;
//! use scopegate::{Gate, Host, KeyAnswer, KeysAnswer, KeysReason, Policy, Request, UnixSeconds, key::format::KeyId};
//!
//! struct NoKeys; // your store
//! impl Host for NoKeys {
//!     fn key(&self, _id: &KeyId) -> KeyAnswer { KeyAnswer::Missing }
//!     fn keys(&self, _credential: &str, _issuer: &str, _why: KeysReason) -> KeysAnswer { KeysAnswer::Unavailable }
//! }
//!
//! let policy = Policy::from_json(r#"{
//!   "version": 1, "name": "demo", "scopes": { "jobs:read": "Read jobs" },
//!   "credentials": { "apiKey": { "type": "apiKey", "header": "X-API-Key", "prefix": "jbf" } },
//!   "routes": [{ "id": "listJobs", "match": "GET /jobs", "allow": [{ "apiKey": ["jobs:read"] }] }]
//! }"#)?;
//! let gate = Gate::builder(Arc::new(policy)).build()?;
//! let headers = [("X-API-Key", "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg")];
//! let request = Request { method: "GET", target: b"/jobs?limit=3", headers: &headers, https: true, client_ip: None };
//! let decision = gate.decide(&request, UnixSeconds::clamped(1_780_000_000), &NoKeys);
//! assert_eq!((decision.status(), decision.code()), (401, "invalid_credential"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! | to | read |
//! | --- | --- |
//! | write a policy | [`policy::document`] |
//! | decide | [`engine`], [`host`], [`decision`], [`response`] |
//! | issue, rotate and revoke keys | [`key::lifecycle`], [`key::hash`] |
//! | know what a key or a token is | [`key::format`], [`jwt`] |
//! | know what is refused before all else | [`request::TargetFault`] |
//!
//! # Features
//!
//! `rsa`, `p256` and `ed25519` (all on) are the signature algorithms; HMAC is always there. `aws-lc-rs` or `ring` replace the arithmetic of
//! RSA and ECDSA natively, `aws-lc-rs` that of Ed25519 too. `oauth` (off) adds the authorization server. No feature changes a decision.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    all(target_arch = "wasm32", feature = "oauth"),
    allow(
        dead_code,
        unused_imports,
        reason = "the module of the authorization server has its own surface, not the gate's"
    )
)]

extern crate alloc;

pub mod credential;
pub mod decision;
pub mod engine;
pub mod error;
pub mod host;
mod json;
pub mod jwt;
pub mod key;
#[cfg(feature = "oauth")]
pub mod oauth;
pub mod policy;
pub mod principal;
pub mod request;
pub mod response;
pub mod route;
pub mod scope;
pub mod time;
#[cfg(all(target_arch = "wasm32", not(feature = "oauth")))]
mod wasm;
#[cfg(all(target_arch = "wasm32", feature = "oauth"))]
mod wasm_oauth;
mod word;

pub use self::decision::{Decision, Denial, Effect};
pub use self::engine::{Gate, GateBuilder, Step};
pub use self::host::{AsyncHost, Host, KeyAnswer, KeysAnswer, KeysReason, NullHost, VerifyAnswer};
pub use self::policy::Policy;
pub use self::request::{HeaderSource, Request};
pub use self::time::UnixSeconds;

/// The examples of the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
