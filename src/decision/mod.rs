//! The decision: allow, preflight or deny, with every reason in one enum and everything a host needs to act on it.

mod audit;
mod trace;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

pub use self::audit::AuditEvent;
pub use self::trace::{Trace, TraceStep};
use crate::host::KeysReason;
use crate::jwt::TokenRefusal;
use crate::key::format::{KeyFault, KeyId};
use crate::key::record::{KeyHash, KeyRefusal};
use crate::policy::{Policy, Route};
use crate::principal::Principal;
use crate::request::{TargetFault, ascii_text};
use crate::route::table::NodeId;
use crate::scope::ScopeSet;
use crate::time::UnixSeconds;

/// What a decision comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The request may pass.
    Allow,
    /// The request must not pass.
    Deny,
    /// A CORS preflight: answer it as such; it never reaches the resource.
    Preflight,
}

impl Effect {
    /// The name in decision JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Preflight => "preflight",
        }
    }
}

/// Why a credential had the wrong shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Not the text form of a key.
    Key(KeyFault),
    /// Not a compact JWS.
    Token(TokenRefusal),
    /// `Bearer` without a token.
    Empty,
}

impl Malformed {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Key(fault) => fault.code(),
            Self::Token(refusal) => refusal.code(),
            Self::Empty => "empty",
        }
    }
}

/// Why a request is denied: every reason there is.
///
/// Rich here, poor outside: [`response`](crate::response) turns each into a status and a body that tell a stranger no
/// more than the design allows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the code of the same name; docs/decisions.md is the table")]
pub enum Denial {
    NoncanonicalTarget(TargetFault),
    MethodOverride,
    AmbiguousCredentials,
    MissingCredential,
    MalformedCredential(Malformed),
    InvalidCredential(KeyRefusal),
    KeyRevoked,
    KeyExpired,
    InvalidToken(TokenRefusal),
    InsufficientScope(ScopeSet),
    InsecureTransport,
    IpNotAllowed,
    CredentialNotAccepted,
    ClaimMismatch,
    NoRoute,
    MethodNotAllowed(NodeId),
    StoreUnavailable,
    KeyringUnavailable,
    KeysUnavailable(KeysReason),
    /// The host could not check a signature: `keys_unavailable` too, since what is missing is the use of a key.
    VerifierUnavailable,
}

/// How near a denial is to an allow: the nearest of several is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nearness {
    /// Nothing was sent.
    Missing,
    /// What was sent failed.
    Failed,
    /// What was sent is proven, and does not suffice.
    Proven,
    /// What was sent may well suffice, but that could not be found out.
    Unknown,
}

impl Denial {
    /// The stable code of policy.md's table.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoncanonicalTarget(_) => "noncanonical_target",
            Self::MethodOverride => "method_override",
            Self::AmbiguousCredentials => "ambiguous_credentials",
            Self::MissingCredential => "missing_credential",
            Self::MalformedCredential(_) => "malformed_credential",
            Self::InvalidCredential(_) => "invalid_credential",
            Self::KeyRevoked => "key_revoked",
            Self::KeyExpired => "key_expired",
            Self::InvalidToken(_) => "invalid_token",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::InsecureTransport => "insecure_transport",
            Self::IpNotAllowed => "ip_not_allowed",
            Self::CredentialNotAccepted => "credential_not_accepted",
            Self::ClaimMismatch => "claim_mismatch",
            Self::NoRoute => "no_route",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::StoreUnavailable => "store_unavailable",
            Self::KeyringUnavailable => "keyring_unavailable",
            Self::KeysUnavailable(_) | Self::VerifierUnavailable => "keys_unavailable",
        }
    }

    /// The HTTP status of policy.md's table.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NoncanonicalTarget(_) | Self::MethodOverride | Self::AmbiguousCredentials => 400,
            Self::MissingCredential
            | Self::MalformedCredential(_)
            | Self::InvalidCredential(_)
            | Self::KeyRevoked
            | Self::KeyExpired
            | Self::InvalidToken(_) => 401,
            Self::InsufficientScope(_)
            | Self::InsecureTransport
            | Self::IpNotAllowed
            | Self::CredentialNotAccepted
            | Self::ClaimMismatch => 403,
            Self::NoRoute => 404,
            Self::MethodNotAllowed(_) => 405,
            Self::StoreUnavailable
            | Self::KeyringUnavailable
            | Self::KeysUnavailable(_)
            | Self::VerifierUnavailable => 503,
        }
    }

    /// The sub-reason the host may know: of a target, a shape or a token. The reasons of `invalid_credential` are for the
    /// audit event alone.
    #[must_use]
    pub const fn detail(&self) -> Option<&'static str> {
        match self {
            Self::NoncanonicalTarget(fault) => Some(fault.code()),
            Self::MalformedCredential(reason) => Some(reason.code()),
            Self::InvalidToken(refusal) => Some(refusal.code()),
            _ => None,
        }
    }

    pub(crate) const fn nearness(&self) -> Nearness {
        match self {
            Self::StoreUnavailable
            | Self::KeyringUnavailable
            | Self::KeysUnavailable(_)
            | Self::VerifierUnavailable => Nearness::Unknown,
            Self::InsufficientScope(_) | Self::IpNotAllowed | Self::CredentialNotAccepted | Self::ClaimMismatch => {
                Nearness::Proven
            }
            Self::MissingCredential => Nearness::Missing,
            Self::NoncanonicalTarget(_)
            | Self::MethodOverride
            | Self::AmbiguousCredentials
            | Self::MalformedCredential(_)
            | Self::InvalidCredential(_)
            | Self::KeyRevoked
            | Self::KeyExpired
            | Self::InvalidToken(_)
            | Self::InsecureTransport
            | Self::NoRoute
            | Self::MethodNotAllowed(_) => Nearness::Failed,
        }
    }
}

/// Why a request may pass.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Who is behind the request, in the order of the alternative; empty on a public route.
    pub(crate) principal: Option<Principal>,
    /// The rest of them, when the alternative asks for several credentials at once.
    pub(crate) others: Vec<Principal>,
    /// The index of the satisfied alternative; `None` on a public route.
    pub(crate) alternative: Option<usize>,
}

impl Grant {
    pub(crate) fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.principal.iter().chain(&self.others)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Allow(Grant),
    Preflight,
    Deny(Denial),
}

/// A record to mark as used: what the host should store after it has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The key.
    pub id: KeyId,
    /// When; forward only.
    pub at: UnixSeconds,
}

/// A hash to replace: the key was proven by an old pepper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The key.
    pub id: KeyId,
    /// The version of the record this was computed from; compare and swap.
    pub expected_version: u64,
    /// The hash under the current pepper.
    pub hash: KeyHash,
}

/// The answer to one request, with what the host should do about it.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) outcome: Outcome,
    pub(crate) now: UnixSeconds,
    /// The path that was matched, empty when the target was refused.
    pub(crate) path: &'a [u8],
    pub(crate) route: Option<usize>,
    /// The index of the credential that the denial is about, when it was presented.
    pub(crate) faulty: Option<usize>,
    pub(crate) touch: Option<Touch>,
    pub(crate) upgrade: Option<Box<Upgrade>>,
    /// The public id of the key that was presented, proven or not.
    pub(crate) presented_key: Option<KeyId>,
    pub(crate) trace: Option<Box<Trace>>,
}

impl<'a> Decision<'a> {
    /// Allow, deny or preflight.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        match self.outcome {
            Outcome::Allow(_) => Effect::Allow,
            Outcome::Preflight => Effect::Preflight,
            Outcome::Deny(_) => Effect::Deny,
        }
    }

    /// Whether the request may pass.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self.outcome, Outcome::Allow(_))
    }

    /// The stable code: `ok`, `preflight`, or that of the denial. As everybody may know it: with `hide` a wrong method is `no_route`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match &self.outcome {
            Outcome::Allow(_) => "ok",
            Outcome::Preflight => "preflight",
            Outcome::Deny(denial) => self.shown(denial).code(),
        }
    }

    /// The HTTP status: 200, 204 for a preflight, or that of the denial. As everybody may know it: with `hide` a wrong method is 404.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match &self.outcome {
            Outcome::Allow(_) => 200,
            Outcome::Preflight => 204,
            Outcome::Deny(denial) => self.shown(denial).status(),
        }
    }

    /// A denial as strangers hear it: with `hide`, a wrong method sounds like an unknown path.
    pub(crate) const fn shown<'d>(&self, denial: &'d Denial) -> &'d Denial {
        match denial {
            Denial::MethodNotAllowed(_) if self.policy.hide => &Denial::NoRoute,
            other => other,
        }
    }

    /// Why it was denied, in full: with `hide` a wrong method is told apart from an unknown path here and in [`Decision::audit`].
    #[must_use]
    pub const fn denial(&self) -> Option<&Denial> {
        match &self.outcome {
            Outcome::Deny(denial) => Some(denial),
            Outcome::Allow(_) | Outcome::Preflight => None,
        }
    }

    /// The route the request means, when it means one.
    #[must_use]
    pub fn route(&self) -> Option<&'a Route> {
        self.route.and_then(|index| self.policy.routes().get(index))
    }

    /// The index of that route in the policy.
    #[must_use]
    pub const fn route_index(&self) -> Option<usize> {
        self.route
    }

    /// The parameters of the path, name and value, as sent: percent-escapes are not decoded.
    pub fn params(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        let path = ascii_text(self.path);
        let table = self.policy.table();
        table.params(self.route.unwrap_or(usize::MAX), path)
    }

    /// Who is behind an allowed request: the principal of the first credential of the satisfied alternative.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.principals().next()
    }

    /// Everyone behind an allowed request, in the order of the satisfied alternative.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        let (principal, others) = match &self.outcome {
            Outcome::Allow(grant) => (grant.principal.as_ref(), grant.others.as_slice()),
            Outcome::Preflight | Outcome::Deny(_) => (None, [].as_slice()),
        };
        principal.into_iter().chain(others)
    }

    /// The index of the satisfied alternative.
    #[must_use]
    pub const fn alternative(&self) -> Option<usize> {
        match &self.outcome {
            Outcome::Allow(grant) => grant.alternative,
            Outcome::Preflight | Outcome::Deny(_) => None,
        }
    }

    /// The scopes that the nearest alternative still lacks; empty unless the code is `insufficient_scope`.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        let set = match &self.outcome {
            Outcome::Deny(Denial::InsufficientScope(missing)) => missing,
            _ => ScopeSet::NONE,
        };
        self.policy.scopes().names(set)
    }

    /// The use to record, on an allow whose key was last used an interval ago or longer.
    #[must_use]
    pub const fn touch(&self) -> Option<&Touch> {
        self.touch.as_ref()
    }

    /// The hash to replace.
    #[must_use]
    pub fn upgrade(&self) -> Option<&Upgrade> {
        self.upgrade.as_deref()
    }

    /// How the evaluator came to this, when the gate was built to say.
    #[must_use]
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_deref()
    }

    /// The policy that decided.
    #[must_use]
    pub const fn policy(&self) -> &'a Policy {
        self.policy
    }

    /// The instant of the decision.
    #[must_use]
    pub const fn now(&self) -> UnixSeconds {
        self.now
    }

    /// The audit event: redacted, with the reasons that the answer keeps back.
    #[must_use]
    pub fn audit(&self) -> AuditEvent<'_> {
        AuditEvent::of(self)
    }

    /// The methods of the path, when it exists for others than the one asked for.
    #[must_use]
    pub fn allowed_methods(&self) -> Vec<String> {
        match &self.outcome {
            Outcome::Deny(Denial::MethodNotAllowed(node)) if !self.policy.hide => {
                self.policy.table().allowed(*node).map(String::from).collect()
            }
            _ => Vec::new(),
        }
    }

    /// An allow as it was, from what is left of it once request and credential are gone: for a host that kept the proven
    /// principal and asks for the decision's text later. `None` when the target does not lead to the route.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn allowed_again(
        policy: &'a Policy,
        target: &'a str,
        route: usize,
        alternative: Option<usize>,
        principal: Option<Principal>,
        touch: bool,
        now: UnixSeconds,
    ) -> Option<Self> {
        use crate::request::gate_target;
        use crate::route::table::RouteMatch;
        let target = gate_target(target.as_bytes()).ok()?;
        let found = policy.table().find(&target, policy.routes().get(route)?.method());
        let id = principal.as_ref().and_then(Principal::key).map(|key| key.record().id);
        (found == RouteMatch::Found { route }).then(|| Self {
            policy,
            outcome: Outcome::Allow(Grant { principal, others: Vec::new(), alternative }),
            now,
            path: target.path_bytes(),
            route: Some(route),
            faulty: None,
            touch: id.filter(|_| touch).map(|id| Touch { id, at: now }),
            upgrade: None,
            presented_key: id,
            trace: None,
        })
    }
}
