//! Which account an identity belongs to: a pure function, so that the rule stands in one place.

use alloc::string::String;

use super::outcome::LoggedIn;

/// Whether an address may lead to an account that has never been used with the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkPolicy {
    /// Never.
    #[default]
    ByIdentity,
    /// When both sides have verified it: the provider says so, and so does the account here.
    ByVerifiedEmail,
}

/// An account of the host that has the address of the identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalAccount {
    /// Its subject.
    pub sub: String,
    /// Whether the host has verified that its owner has the address.
    pub email_verified: bool,
}

/// What to do with an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linking {
    /// It is known: sign in as this subject.
    SignIn(String),
    /// Remember it for this subject, and sign in.
    Link(String),
    /// Nobody has it: a new account, where the host makes them.
    Create,
    /// An account has the address and may not be linked by it: its owner signs in there and links the identity.
    EmailTaken,
}

/// What to do with the identity of a login. `known` is the subject that `(provider, provider_sub)` is stored for, `same_email` the
/// account with the login's address.
///
/// An address that either side has not verified never links: whoever may write any address at a provider would take the account
/// over, and whoever registered the address here first would share it.
///
/// ```
/// use scopegate::oauth::social::{LinkPolicy, Linking, LocalAccount, LoggedIn, link};
/// let login = LoggedIn {
///     provider: "google".into(),
///     provider_sub: "1".into(),
///     issuer: None,
///     claims: Default::default(),
///     email: Some("ada@example.com".into()),
///     email_verified: true,
///     name: None,
///     ticket: None,
///     headers: vec![],
/// };
/// let ada = LocalAccount { sub: "u1".into(), email_verified: true };
/// assert_eq!(link(LinkPolicy::ByIdentity, &login, Some("u7"), None), Linking::SignIn("u7".into()));
/// assert_eq!(link(LinkPolicy::ByIdentity, &login, None, Some(&ada)), Linking::EmailTaken);
/// assert_eq!(link(LinkPolicy::ByVerifiedEmail, &login, None, Some(&ada)), Linking::Link("u1".into()));
/// ```
#[must_use]
pub fn link(policy: LinkPolicy, login: &LoggedIn, known: Option<&str>, same_email: Option<&LocalAccount>) -> Linking {
    if let Some(sub) = known {
        return Linking::SignIn(String::from(sub));
    }
    let verified = login.email.is_some() && login.email_verified;
    match same_email {
        None => Linking::Create,
        Some(account) if policy == LinkPolicy::ByVerifiedEmail && verified && account.email_verified => {
            Linking::Link(account.sub.clone())
        }
        Some(_) => Linking::EmailTaken,
    }
}
