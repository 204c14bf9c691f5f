//! Identities at providers, and whose they are: documents of the store under provider and subject.

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::oauth::social::{Linking, LocalAccount, LoggedIn, link};
use scopegate_stores::{DocumentStore, Inserted, StoreError, StoreErrorKind, Updated};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::providers::Rule;
use super::users::{self, Added, Stored, User};

const IDENTITIES: &str = "identity";
const ATTEMPTS: usize = 4;
/// The longest part of an account's name that is the provider's own, in bytes.
const MAX_NAME: usize = 96;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    v: u8,
    provider: String,
    provider_sub: String,
    sub: String,
}

/// Who an identity is here.
#[derive(Debug)]
pub(crate) enum Resolved {
    /// This user.
    User(Box<User>),
    /// Nobody, and accounts are not made for those who come from this provider.
    Unknown,
    /// Nobody, and an account has the address: its owner signs in there.
    EmailTaken,
}

/// The id of an identity's document: providers write subjects of any length and characters.
fn id_of(login: &LoggedIn) -> String {
    let mut digest = Sha256::new();
    for part in [login.provider.as_bytes(), b"\0", login.provider_sub.as_bytes()] {
        digest.update(part);
    }
    Base64UrlUnpadded::encode_string(&digest.finalize())
}

/// The user of an identity, made or linked as far as the rule allows it.
///
/// # Errors
/// [`StoreError`]: an outage is never "nobody".
pub(crate) async fn resolve(store: &impl DocumentStore, login: &LoggedIn, rule: &Rule) -> Result<Resolved, StoreError> {
    let id = id_of(login);
    for _ in 0..ATTEMPTS {
        let found = store.document_get(IDENTITIES, &id).await?;
        let known = match &found {
            // Whom it was may have been removed since.
            Some(document) => users::by_subject(store, &subject(&document.body, login)?).await?,
            None => None,
        };
        if let Some(Stored { user, .. }) = known {
            return Ok(Resolved::User(Box::new(user)));
        }
        let namesake = namesake(store, login).await?;
        let account = namesake.as_ref().map(|user| LocalAccount {
            sub: user.sub.clone(),
            email_verified: user.email_verified && same_address(user.email.as_deref(), login),
        });
        let user = match link(rule.link, login, None, account.as_ref()) {
            Linking::EmailTaken => return Ok(Resolved::EmailTaken),
            Linking::Create if !rule.sign_up => return Ok(Resolved::Unknown),
            Linking::Create => create(store, login, &id).await?,
            Linking::Link(_) | Linking::SignIn(_) => match namesake {
                Some(user) => user,
                None => continue,
            },
        };
        let identity = Identity {
            v: 1,
            provider: login.provider.clone(),
            provider_sub: login.provider_sub.clone(),
            sub: user.sub.clone(),
        };
        let unsuitable = |_| StoreError::of(StoreErrorKind::Unsuitable, "an identity cannot be written");
        let body = serde_json::to_vec(&identity).map_err(unsuitable)?;
        let stored = match found {
            None => store.document_insert(IDENTITIES, &id, &body).await? == Inserted::Done,
            Some(document) => store.document_swap(IDENTITIES, &id, document.version, &body).await? == Updated::Done,
        };
        if stored {
            return Ok(Resolved::User(Box::new(user)));
        }
    }
    Err(StoreError::new("an identity is changed by others all the time"))
}

fn subject(body: &[u8], login: &LoggedIn) -> Result<String, StoreError> {
    let identity: Option<Identity> = serde_json::from_slice(body).ok();
    let own = |identity: &Identity| {
        identity.v == 1 && identity.provider == login.provider && identity.provider_sub == login.provider_sub
    };
    let identity = identity.filter(own);
    identity
        .map(|identity| identity.sub)
        .ok_or_else(|| StoreError::of(StoreErrorKind::Corrupt, "a stored identity cannot be read"))
}

fn same_address(email: Option<&str>, login: &LoggedIn) -> bool {
    email.zip(login.email.as_deref()).is_some_and(|(own, theirs)| own.eq_ignore_ascii_case(theirs))
}

/// The user whose name is the address of the login.
async fn namesake(store: &impl DocumentStore, login: &LoggedIn) -> Result<Option<User>, StoreError> {
    let Some(name) = login.email.as_deref().and_then(users::canonical_name) else { return Ok(None) };
    Ok(users::by_name(store, &name).await?.map(|stored| stored.user))
}

/// A new user without a password. Its name has a colon, which nobody can sign in with, and is this identity's alone: a crash or a second
/// request in between finds the same user again.
async fn create(store: &impl DocumentStore, login: &LoggedIn, id: &str) -> Result<User, StoreError> {
    let sub = &login.provider_sub;
    let plain =
        sub.len() <= MAX_NAME && sub.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@+-:".contains(&byte));
    let name = format!("{}:{}", login.provider, if plain { sub } else { id });
    let mut user = User::new(users::fresh_subject()?, name, None);
    user.display_name.clone_from(&login.name);
    user.email.clone_from(&login.email);
    user.email_verified = login.email_verified;
    match users::add(store, &user).await? {
        Added::Done => Ok(user),
        Added::Taken => {
            let there = users::by_name(store, &user.name).await?;
            there.map(|stored| stored.user).ok_or_else(|| StoreError::new("a user is made and removed at once"))
        }
    }
}
