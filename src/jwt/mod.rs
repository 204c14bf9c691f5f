//! JSON Web Tokens: the strict front end, key sets, signatures, claims and the verified-token cache.

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod backend;
pub mod cache;
pub mod claims;
#[cfg(any(test, not(all(feature = "rsa", feature = "p256", feature = "ed25519"))))]
#[cfg_attr(
    any(feature = "rsa", feature = "p256", feature = "ed25519"),
    allow(dead_code, reason = "a build has only keys of the algorithms that it lacks")
)]
mod elsewhere;
pub mod json;
pub mod jwk;
mod roca;
#[cfg(feature = "rsa")]
pub mod rsa;
mod shape;
pub mod token;
mod verified;
pub mod verify;

/// A JWS signature algorithm this crate can verify (RFC 7518 section 3.1, RFC 8037 section 3.1). `none` cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the registered JOSE names")]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
    Hs256,
    Hs384,
    Hs512,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 12] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// The registered name, as it stands in a header's `alg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The algorithm with exactly this name; names are case-sensitive (RFC 7515 section 4.1.1).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether this is HMAC, which needs a secret and never a key of a key set.
    #[must_use]
    pub const fn is_hmac(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}

/// A set of algorithms: the allow-list of a bearer credential (RFC 8725 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlgorithmSet(u16);

impl AlgorithmSet {
    /// This set with `algorithm` added.
    #[must_use]
    pub const fn with(self, algorithm: Algorithm) -> Self {
        Self(self.0 | 1 << algorithm as u16)
    }

    /// Whether `algorithm` is allowed.
    #[must_use]
    pub const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & (1 << algorithm as u16) != 0
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Why a token was refused: the `detail` of an `invalid_token` answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is its code; docs/tokens.md says which rule each belongs to")]
pub enum TokenRefusal {
    TokenMalformed,
    TokenTooLarge,
    Base64Invalid,
    HeaderInvalid,
    HeaderDuplicateMember,
    AlgMissing,
    AlgNotAllowed,
    AlgKeyMismatch,
    CritInvalid,
    CritUnsupported,
    B64Unsupported,
    TypMismatch,
    NestedUnsupported,
    KeyNotFound,
    KeyAmbiguous,
    KeyUseMismatch,
    KeyInvalid,
    KeyWeak,
    JwksInvalid,
    JwksPrivateKey,
    SignatureInvalid,
    ClaimsInvalid,
    ClaimsDuplicateMember,
    ClaimMissing,
    ClaimType,
    IssuerMismatch,
    AudienceMismatch,
    Expired,
    NotYetValid,
    IssuedInFuture,
    TokenTooOld,
}

impl TokenRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TokenMalformed => "token_malformed",
            Self::TokenTooLarge => "token_too_large",
            Self::Base64Invalid => "base64_invalid",
            Self::HeaderInvalid => "header_invalid",
            Self::HeaderDuplicateMember => "header_duplicate_member",
            Self::AlgMissing => "alg_missing",
            Self::AlgNotAllowed => "alg_not_allowed",
            Self::AlgKeyMismatch => "alg_key_mismatch",
            Self::CritInvalid => "crit_invalid",
            Self::CritUnsupported => "crit_unsupported",
            Self::B64Unsupported => "b64_unsupported",
            Self::TypMismatch => "typ_mismatch",
            Self::NestedUnsupported => "nested_unsupported",
            Self::KeyNotFound => "key_not_found",
            Self::KeyAmbiguous => "key_ambiguous",
            Self::KeyUseMismatch => "key_use_mismatch",
            Self::KeyInvalid => "key_invalid",
            Self::KeyWeak => "key_weak",
            Self::JwksInvalid => "jwks_invalid",
            Self::JwksPrivateKey => "jwks_private_key",
            Self::SignatureInvalid => "signature_invalid",
            Self::ClaimsInvalid => "claims_invalid",
            Self::ClaimsDuplicateMember => "claims_duplicate_member",
            Self::ClaimMissing => "claim_missing",
            Self::ClaimType => "claim_type",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::AudienceMismatch => "audience_mismatch",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::TokenTooOld => "token_too_old",
        }
    }
}
