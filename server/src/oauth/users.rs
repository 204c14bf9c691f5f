//! Users, as documents of the store: one under its subject, and one under its name that says which subject has it.

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate_stores::{DocumentStore, Inserted, StoreError, StoreErrorKind, Updated};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const USERS: &str = "user";
const NAMES: &str = "user-name";
const ATTEMPTS: usize = 4;

/// A user. It prints without its hash.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    v: u8,
    /// The subject of its tokens and the owner of its keys.
    pub sub: String,
    /// What it signs in with.
    pub name: String,
    /// The PHC string of its password; none for who signs in elsewhere.
    pub password: Option<String>,
    /// Sessions are of an epoch and end with it.
    pub epoch: u64,
    /// What people call it.
    pub display_name: Option<String>,
    /// Its address for mail.
    pub email: Option<String>,
    /// Whether somebody has made sure of the address.
    pub email_verified: bool,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// A user as stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The user.
    pub user: User,
    version: u64,
}

/// What came of adding a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is stored.
    Done,
    /// The name or the subject is taken.
    Taken,
}

/// The one spelling of a name: lower case. `None` for what is no name: `[A-Za-z0-9._@+-]{1,128}`. A colon is for names of other sources.
#[must_use]
pub fn canonical_name(name: &str) -> Option<String> {
    let fits = (1..=128).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte));
    fits.then(|| name.to_ascii_lowercase())
}

/// A random subject: 16 bytes, base64url.
///
/// # Errors
/// [`StoreError`] when there are no random bytes.
pub fn fresh_subject() -> Result<String, StoreError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(StoreError::new)?;
    Ok(Base64UrlUnpadded::encode_string(&bytes))
}

impl User {
    /// A user who has not signed in yet.
    #[must_use]
    pub const fn new(sub: String, name: String, password: Option<String>) -> Self {
        Self { v: 1, sub, name, password, epoch: 1, display_name: None, email: None, email_verified: false }
    }

    /// The claims that these scopes open (OpenID Connect Core section 5.4).
    #[must_use]
    pub fn claims(&self, scopes: &[String]) -> Value {
        let has = |scope: &str| scopes.iter().any(|known| known == scope);
        let mut claims = Map::new();
        if has("profile") {
            claims.insert("preferred_username".into(), self.name.as_str().into());
            claims.insert("name".into(), self.display_name.as_deref().unwrap_or(&self.name).into());
        }
        if has("email")
            && let Some(email) = &self.email
        {
            claims.insert("email".into(), email.as_str().into());
            claims.insert("email_verified".into(), self.email_verified.into());
        }
        Value::Object(claims)
    }

    fn body(&self) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec(self).map_err(|_| StoreError::of(StoreErrorKind::Unsuitable, "a user cannot be written"))
    }
}

/// The user with this subject.
///
/// # Errors
/// [`StoreError`]: an outage is never "no such user".
pub async fn by_subject(store: &impl DocumentStore, sub: &str) -> Result<Option<Stored>, StoreError> {
    let Some(document) = store.document_get(USERS, sub).await? else { return Ok(None) };
    let user: Option<User> = serde_json::from_slice(&document.body).ok().filter(|user: &User| user.v == 1);
    let user = user.ok_or_else(|| StoreError::of(StoreErrorKind::Corrupt, "a stored user cannot be read"))?;
    Ok(Some(Stored { user, version: document.version }))
}

/// The user with this name, in any spelling.
///
/// # Errors
/// As [`by_subject`].
pub async fn by_name(store: &impl DocumentStore, name: &str) -> Result<Option<Stored>, StoreError> {
    // A name of nobody costs as many questions as any other.
    let sub = subject_of(store, name).await?.unwrap_or_else(|| "-".to_owned());
    // Who is stored under the name may be gone, or have another one by now.
    Ok(by_subject(store, &sub).await?.filter(|stored| stored.user.name == name))
}

async fn subject_of(store: &impl DocumentStore, name: &str) -> Result<Option<String>, StoreError> {
    let Some(document) = store.document_get(NAMES, name).await? else { return Ok(None) };
    let sub = String::from_utf8(document.body);
    sub.map(Some).map_err(|_| StoreError::of(StoreErrorKind::Corrupt, "a stored name cannot be read"))
}

/// Stores a new user. The name comes first: what a crash leaves behind is a name of nobody, which is taken over here.
///
/// # Errors
/// [`StoreError`].
pub async fn add(store: &impl DocumentStore, user: &User) -> Result<Added, StoreError> {
    if store.document_insert(NAMES, &user.name, user.sub.as_bytes()).await? == Inserted::Exists {
        let Some(document) = store.document_get(NAMES, &user.name).await? else { return Ok(Added::Taken) };
        let holder = String::from_utf8_lossy(&document.body).into_owned();
        if by_subject(store, &holder).await?.is_some() {
            return Ok(Added::Taken);
        }
        let taken = store.document_swap(NAMES, &user.name, document.version, user.sub.as_bytes()).await?;
        if taken != Updated::Done {
            return Ok(Added::Taken);
        }
    }
    match store.document_insert(USERS, &user.sub, &user.body()?).await? {
        Inserted::Done => Ok(Added::Done),
        Inserted::Exists => {
            let other = by_subject(store, &user.sub).await?.is_some_and(|stored| stored.user.name != user.name);
            if other {
                store.document_remove(NAMES, &user.name).await?;
            }
            Ok(Added::Taken)
        }
    }
}

/// Changes a user, and ends its sessions; `None` when there is none.
///
/// # Errors
/// [`StoreError`], also when others change it all the time.
pub async fn change(
    store: &impl DocumentStore,
    sub: &str,
    change: impl Fn(&mut User) + Send + Sync,
) -> Result<Option<User>, StoreError> {
    for _ in 0..ATTEMPTS {
        let Some(Stored { mut user, version }) = by_subject(store, sub).await? else { return Ok(None) };
        change(&mut user);
        user.epoch = user.epoch.saturating_add(1);
        match store.document_swap(USERS, sub, version, &user.body()?).await? {
            Updated::Done => return Ok(Some(user)),
            Updated::Missing => return Ok(None),
            Updated::Conflict => {}
        }
    }
    Err(StoreError::new("a user is changed by others all the time"))
}

/// Removes a user; whether there was one.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(store: &impl DocumentStore, stored: &Stored) -> Result<bool, StoreError> {
    let gone = store.document_remove(USERS, &stored.user.sub).await?;
    store.document_remove(NAMES, &stored.user.name).await?;
    Ok(gone)
}
