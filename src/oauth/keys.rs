//! Signing keys: their public halves, and rotation as a pure function.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value, json};

use super::access_token::is_signing;
use super::crypto;
use crate::jwt::Algorithm;
use crate::jwt::jwk::KeySet;
use crate::time::UnixSeconds;

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// Published, not yet used.
    Next,
    /// Signs.
    Active,
    /// Published until the last token it signed is dead.
    Retiring,
}

/// One signing key. The private half stays with the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// Its id.
    pub kid: String,
    /// Its algorithm.
    pub alg: Algorithm,
    /// The public JWK (RFC 7517) as text. Of its members only public ones are ever published.
    pub public: String,
    /// Where it stands.
    pub status: KeyStatus,
    /// Since when.
    pub since: UnixSeconds,
}

/// The keys of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SigningKeys {
    /// In any order.
    pub keys: Vec<SigningKey>,
}

/// When keys change, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct RotationPolicy {
    /// How long a key signs.
    pub active_for: i64,
    /// How long a key is published before it signs: at least the 300 seconds that caches keep the set.
    pub publish_ahead: i64,
    /// How long a key is published after it signed: the longest token and the skew of clocks.
    pub retire_for: i64,
}

const PUBLIC_MEMBERS: [&str; 6] = ["kty", "n", "e", "crv", "x", "y"];

impl SigningKeys {
    /// The key that signs.
    #[must_use]
    pub fn active(&self) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.status == KeyStatus::Active)
    }

    /// The JWK Set to publish: public members alone.
    #[must_use]
    pub fn jwks(&self) -> String {
        let keys: Vec<Value> = self.keys.iter().filter_map(public_jwk).collect();
        json!({ "keys": keys }).to_string()
    }

    /// The entity tag of [`Self::jwks`].
    #[must_use]
    pub fn etag(&self) -> String {
        alloc::format!("\"{}\"", crypto::b64(&crypto::sha256(self.jwks().as_bytes())))
    }

    /// The set read for verification; `None` unless exactly one key is active and all can be read.
    pub(super) fn verification_keys(&self) -> Option<KeySet> {
        let active = self.keys.iter().filter(|key| key.status == KeyStatus::Active).count();
        let set = KeySet::parse(&self.jwks()).ok()?;
        let sound = active == 1 && self.keys.iter().all(|key| is_signing(key.alg) && set.has_kid(&key.kid));
        (sound && set.keys().len() == self.keys.len()).then_some(set)
    }

    /// The keys as they are at `now`: a published next key takes over when the active one has served, and a retired one goes
    /// when nothing it signed is alive. `fresh` is the public half of a new key, taken when there is no next one.
    #[must_use]
    pub fn rotate(&self, now: UnixSeconds, policy: &RotationPolicy, fresh: Option<SigningKey>) -> Self {
        let mut keys = self.keys.clone();
        keys.retain(|key| key.status != KeyStatus::Retiring || now.since(key.since) < policy.retire_for);
        let served = self.active().is_none_or(|key| now.since(key.since) >= policy.active_for);
        let ready =
            |key: &SigningKey| key.status == KeyStatus::Next && now.since(key.since) >= policy.publish_ahead.max(300);
        if served && let Some(at) = keys.iter().position(ready) {
            for (index, key) in keys.iter_mut().enumerate() {
                if key.status == KeyStatus::Active {
                    (key.status, key.since) = (KeyStatus::Retiring, now);
                } else if index == at {
                    (key.status, key.since) = (KeyStatus::Active, now);
                }
            }
        }
        if let Some(fresh) = fresh
            && !keys.iter().any(|key| key.status == KeyStatus::Next || key.kid == fresh.kid)
        {
            keys.push(SigningKey { status: KeyStatus::Next, since: now, ..fresh });
        }
        Self { keys }
    }
}

fn public_jwk(key: &SigningKey) -> Option<Value> {
    let Ok(Value::Object(jwk)) = serde_json::from_str::<Value>(&key.public) else { return None };
    let mut public: Map<String, Value> =
        jwk.into_iter().filter(|(name, _)| PUBLIC_MEMBERS.contains(&name.as_str())).collect();
    for (name, value) in [("kid", key.kid.as_str()), ("alg", key.alg.name()), ("use", "sig")] {
        public.insert(name.to_string(), json!(value));
    }
    Some(Value::Object(public))
}
