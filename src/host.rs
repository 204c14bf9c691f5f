//! What the engine asks of its host: API-key records, key sets and, by choice, signature arithmetic.
//!
//! The engine itself never waits. A [`Step`](crate::engine::Step) names a need; the host answers it when it can. The
//! traits here are the same contract for callers who would rather be called: [`Host`] for synchronous code,
//! [`AsyncHost`] for code that awaits, [`NullHost`] for policies that need neither keys nor key sets.
//!
//! # The adversary
//! Every request comes from somebody who may choose each byte of it: key ids, key ids of other tenants, tokens that name
//! any `kid`. They measure time, repeat requests in parallel, and profit from every outage that reads as an answer.
//! Each method says what a wrong answer costs.

use alloc::sync::Arc;
use core::fmt;
use core::future::Future;

use crate::jwt::Algorithm;
use crate::key::format::KeyId;
use crate::key::record::KeyRecord;
use crate::time::UnixSeconds;

/// The host's answer to a need for a key record.
#[derive(Clone, Debug)]
pub enum KeyAnswer {
    /// The record with the id that was asked for.
    Found(Arc<KeyRecord>),
    /// The store is well and has no such record.
    Missing,
    /// The store could not be asked, or answered with rubbish. An outage never reads as "no such key".
    Unavailable,
}

/// Why the engine asks for a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysReason {
    /// It has none yet.
    Missing,
    /// The one it has is older than its refresh age.
    Stale,
    /// A token names a `kid` that the set it has lacks.
    UnknownKid,
}

/// The host's answer to a need for a key set.
#[derive(Clone, Debug)]
pub enum KeysAnswer {
    /// The text of a JWK Set (RFC 7517 section 5) and when it was fetched.
    Found {
        /// The JSON text.
        jwks: Arc<str>,
        /// When it left the issuer.
        fetched_at: UnixSeconds,
    },
    /// It could not be fetched.
    Unavailable,
}

/// The host's answer to a need for signature arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyAnswer {
    /// The signature is this key's signature of the signing input.
    Valid,
    /// It is not.
    Invalid,
    /// The host cannot do the arithmetic now.
    Unavailable,
}

/// A signature for the host to check. Single use: it is bound to the request it came from.
#[derive(Clone)]
pub struct SignatureCheck<'a> {
    /// The algorithm, already held against the policy and the key.
    pub algorithm: Algorithm,
    /// The RFC 7638 thumbprint of the key: a name under which an imported key may be kept.
    pub thumbprint: &'a str,
    /// The public key as a JWK.
    pub public_jwk: &'a str,
    /// The bytes that were signed (RFC 7515 section 5.2).
    pub signing_input: &'a [u8],
    /// The decoded signature.
    pub signature: &'a [u8],
}

impl fmt::Debug for SignatureCheck<'_> {
    /// Without the signed bytes and the signature: together they are the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureCheck")
            .field("algorithm", &self.algorithm)
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

/// The host, for callers whose store answers at once.
pub trait Host {
    /// The record with this id.
    ///
    /// Ids are public and chosen by the adversary. A record answered for another id is caught; a stale record after a
    /// revocation is not, and keeps a stolen key alive; `Missing` during an outage turns it into a wave of 401.
    fn key(&self, id: &KeyId) -> KeyAnswer;

    /// The key set of the bearer credential with this name and issuer.
    ///
    /// Whoever can change what is answered here can sign in as anybody: fetch it from the issuer's own URL, over TLS,
    /// following no redirect, never from a URL that a token names. Join callers that ask at the same time.
    fn keys(&self, credential: &str, issuer: &str, reason: KeysReason) -> KeysAnswer;

    /// Whether a signature is right; asked only of a gate built with host verification.
    ///
    /// A wrong `Valid` accepts a forged token. Answer from a vetted library alone, and `Unavailable` when in doubt.
    fn verify(&self, check: &SignatureCheck<'_>) -> VerifyAnswer {
        let _ = check;
        VerifyAnswer::Unavailable
    }
}

/// The host, for callers who await. Each method is the twin of [`Host`]'s, with the same adversary.
pub trait AsyncHost: Sync {
    /// See [`Host::key`].
    fn key(&self, id: &KeyId) -> impl Future<Output = KeyAnswer> + Send;

    /// The same, by a host that can tell at once; `None` is to be asked again the other way. What is answered here is final.
    fn key_now(&self, id: &KeyId) -> Option<KeyAnswer> {
        let _ = id;
        None
    }

    /// See [`Host::keys`].
    fn keys(&self, credential: &str, issuer: &str, reason: KeysReason) -> impl Future<Output = KeysAnswer> + Send;

    /// See [`Host::verify`].
    fn verify(&self, check: &SignatureCheck<'_>) -> impl Future<Output = VerifyAnswer> + Send {
        let _ = check;
        core::future::ready(VerifyAnswer::Unavailable)
    }
}

/// A host that has nothing: every key is missing, every key set unavailable. For policies with inline key sets.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullHost;

impl Host for NullHost {
    fn key(&self, _id: &KeyId) -> KeyAnswer {
        KeyAnswer::Missing
    }

    fn keys(&self, _credential: &str, _issuer: &str, _reason: KeysReason) -> KeysAnswer {
        KeysAnswer::Unavailable
    }
}
