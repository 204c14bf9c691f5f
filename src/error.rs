//! Errors of building: a policy that is none, a gate without what its policy needs. Refusals at run time are
//! [`Denial`](crate::decision::Denial)s, never errors.

use crate::json::Quoted;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// One thing that is wrong with a policy document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// A stable code in snake case, like `ambiguous_routes`.
    pub code: &'static str,
    /// Where it is, as a JSON pointer (RFC 6901) into the document; empty for the whole document.
    pub place: String,
    /// The second place of an error that is about two, like the other of two ambiguous routes.
    pub other: Option<String>,
    /// What is wrong and what was expected, for a person.
    pub message: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.place, self.message) }
    }
}

impl core::error::Error for PolicyError {}

/// Everything that is wrong with a policy, at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyErrors(pub Vec<PolicyError>);

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl core::error::Error for PolicyErrors {}

/// Why a gate cannot be built from a policy and what the host gave with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateError {
    /// The name is not that of a bearer credential of the policy.
    UnknownCredential(String),
    /// The credential allows an HMAC algorithm, and the host gave no secret for it.
    SecretMissing(String),
    /// The secret of this credential is shorter than the hash of an algorithm it allows (RFC 7518 section 3.2).
    SecretTooShort(String),
    /// The credential allows this algorithm, and this build of the crate lacks the feature for it.
    AlgorithmUnsupported(String, &'static str),
    /// The key set given for this credential is not one; the text says why.
    KeySet(String, String),
}

impl GateError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownCredential(_) => "unknown_credential",
            Self::SecretMissing(_) => "secret_missing",
            Self::SecretTooShort(_) => "secret_too_short",
            Self::AlgorithmUnsupported(..) => "algorithm_unsupported",
            Self::KeySet(..) => "key_set_invalid",
        }
    }
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCredential(name) => {
                write!(f, "the policy has no bearer credential {name}", name = Quoted(name))
            }
            Self::SecretMissing(name) => {
                write!(
                    f,
                    "credential {name} allows an HMAC algorithm, so the host must give its secret",
                    name = Quoted(name)
                )
            }
            Self::SecretTooShort(name) => {
                write!(
                    f,
                    "the secret of credential {name} is shorter than the hash of an algorithm it allows",
                    name = Quoted(name)
                )
            }
            Self::AlgorithmUnsupported(name, algorithm) => {
                write!(
                    f,
                    "credential {name} allows {algorithm}, which this build lacks: enable the crate's feature for it",
                    name = Quoted(name)
                )
            }
            Self::KeySet(name, why) => {
                write!(f, "the key set of credential {name} cannot be used: {why}", name = Quoted(name))
            }
        }
    }
}

impl core::error::Error for GateError {}
