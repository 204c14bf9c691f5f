//! The WebAssembly surface of the authorization server, a module of its own. `js/oauth` is the only caller.
//!
//! It keeps nothing between calls but the server's configuration: text in, text out.

use alloc::string::{String, ToString};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::json;
use wasm_bindgen::prelude::*;

use crate::oauth::social::Social;
use crate::oauth::wire::{self, WireError};
use crate::oauth::{Server, hash_secret as hash};
use crate::time::UnixSeconds;

/// What crosses when something is wrong: JSON text with `code` and `message`.
fn thrown(error: &WireError) -> JsValue {
    fault(error.code(), &error.to_string())
}

fn fault(code: &str, message: &str) -> JsValue {
    JsValue::from_str(&json!({ "code": code, "message": message }).to_string())
}

/// The version of the core.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    String::from(env!("CARGO_PKG_VERSION"))
}

/// The hash of a client secret, base64url.
#[wasm_bindgen]
#[must_use]
pub fn hash_secret(secret: &str) -> String {
    Base64UrlUnpadded::encode_string(&hash(secret))
}

/// Checks a client record.
///
/// # Errors
/// `client_invalid`.
#[wasm_bindgen]
pub fn check_client(client: &str) -> Result<(), JsValue> {
    wire::check_client(client).map_err(|error| thrown(&error))
}

/// The instant and the random bytes of a request.
fn moment(now: f64, entropy: &[u8]) -> Result<(UnixSeconds, [u8; 64]), JsValue> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a number that is no instant becomes another one, and is compared"
    )]
    let whole = now as i64;
    #[expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "whether it is whole")]
    let exact = whole as f64 == now;
    let now = UnixSeconds::new(whole).filter(|_| exact);
    let now = now.ok_or_else(|| fault("clock_invalid", "the clock does not tell whole Unix seconds"))?;
    let entropy = entropy.try_into().map_err(|_| fault("entropy", "expected 64 bytes"))?;
    Ok((now, entropy))
}

/// A server in this instance of the module.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawServer(Server);

#[wasm_bindgen]
impl RawServer {
    /// A server of options as JSON text.
    ///
    /// # Errors
    /// See [`wire::server`].
    #[wasm_bindgen(constructor)]
    pub fn new(options: &str) -> Result<Self, JsValue> {
        wire::server(options).map(Self).map_err(|error| thrown(&error))
    }

    /// What comes after the answers so far. `now` is in Unix seconds, `entropy` 64 random bytes for this request alone.
    ///
    /// # Errors
    /// See [`wire::step`]; `clock_invalid` and `entropy` for the other two.
    pub fn step(&self, input: &str, now: f64, entropy: &[u8], answers: &str) -> Result<String, JsValue> {
        let (now, entropy) = moment(now, entropy)?;
        wire::step(&self.0, input, now, entropy, answers).map_err(|error| thrown(&error))
    }
}

/// Sign-in with providers in this instance of the module.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawSocial(Social);

#[wasm_bindgen]
impl RawSocial {
    /// Providers of options as JSON text.
    ///
    /// # Errors
    /// See [`wire::social`].
    #[wasm_bindgen(constructor)]
    pub fn new(options: &str) -> Result<Self, JsValue> {
        wire::social(options).map(Self).map_err(|error| thrown(&error))
    }

    /// The providers as JSON text.
    #[must_use]
    pub fn providers(&self) -> String {
        wire::providers(&self.0)
    }

    /// As [`RawServer::step`].
    ///
    /// # Errors
    /// See [`wire::social_step`]; `clock_invalid` and `entropy` for the other two.
    pub fn step(&self, input: &str, now: f64, entropy: &[u8], answers: &str) -> Result<String, JsValue> {
        let (now, entropy) = moment(now, entropy)?;
        wire::social_step(&self.0, input, now, entropy, answers).map_err(|error| thrown(&error))
    }
}
