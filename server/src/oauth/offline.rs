//! What an operator does from the command line, over the same database as the running servers: users and signing keys.

use scopegate::oauth::KeyStatus;
use scopegate_stores::StoreError;
use scopegate_tower::system_time;
use zeroize::Zeroizing;

use super::keys::{Keys, status_name};
use super::users::{self, Added, User};
use super::{Oauth, hash_password};
use crate::config::{Config, Database};
use crate::open::open_oauth;
use crate::serve::ServeError;

/// What there is to do.
#[derive(Debug)]
pub enum Task {
    /// Adds a user.
    AddUser {
        /// What it signs in with.
        name: String,
        /// Its subject; a random one when absent.
        sub: Option<String>,
        /// What people call it.
        display_name: Option<String>,
        /// Its address for mail, which counts as verified: the operator vouches for it.
        email: Option<String>,
        /// Its password.
        password: Zeroizing<String>,
    },
    /// Gives a user another password, and ends its sessions and grants.
    SetPassword {
        /// What it signs in with.
        name: String,
        /// Its new password.
        password: Zeroizing<String>,
    },
    /// Removes a user, and ends its grants.
    RemoveUser {
        /// What it signs in with.
        name: String,
    },
    /// Lists the signing keys.
    ListKeys,
    /// Changes the signing keys.
    RotateKeys,
}

/// Does it, and says in a few lines what was done.
///
/// # Errors
/// [`ServeError`] when the configuration has no authorization server or a database that forgets, and when it cannot be done.
pub fn perform(config: &Config, task: Task) -> Result<Vec<String>, ServeError> {
    if matches!(config.db, Database::Memory)
        || matches!(config.db, Database::Sqlite(_)) && config.db.sqlite_file().is_none()
    {
        return Err(ServeError::new(
            "db: expected a database that outlives this command: sqlite:PATH, postgres:URL or redis:URL",
        ));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| ServeError::new(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        let oauth = open_oauth(config).await?;
        let done = oauth.perform(task).await;
        oauth.store.inner().close().await;
        done
    })
}

fn told(error: StoreError) -> ServeError {
    ServeError::new(format!("db: {error}"))
}

impl Oauth {
    async fn perform(&self, task: Task) -> Result<Vec<String>, ServeError> {
        match task {
            Task::AddUser { name, sub, display_name, email, password } => {
                let name = users::canonical_name(&name).ok_or_else(|| {
                    ServeError::new("the name: expected 1 to 128 of A-Z, a-z, 0-9, '.', '_', '@', '+' and '-'")
                })?;
                let sub = match sub {
                    Some(sub) => sub,
                    None => users::fresh_subject().map_err(told)?,
                };
                if !(1..=255).contains(&sub.len()) || !sub.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(ServeError::new("--sub: expected 1 to 255 printable ASCII characters without spaces"));
                }
                let mut user = User::new(sub, name, Some(hash_password(&password)?));
                user.display_name = display_name;
                user.email_verified = email.is_some();
                user.email = email;
                match users::add(&*self.store, &user).await.map_err(told)? {
                    Added::Done => Ok(vec![format!("added {}, subject {}", user.name, user.sub)]),
                    Added::Taken => Err(ServeError::new("this name or this subject is taken")),
                }
            }
            Task::SetPassword { name, password } => {
                let user = self.named(&name).await?.user;
                let hash = hash_password(&password)?;
                let changed = users::change(&*self.store, &user.sub, |user| user.password = Some(hash.clone()));
                changed.await.map_err(told)?.ok_or_else(|| ServeError::new("there is no such user"))?;
                let ended = self.revoke_grants(&user.sub, system_time()).await?;
                Ok(vec![format!("changed the password of {}; its sessions and {ended} grants have ended", user.name)])
            }
            Task::RemoveUser { name } => {
                let stored = self.named(&name).await?;
                users::remove(&*self.store, &stored).await.map_err(told)?;
                let ended = self.revoke_grants(&stored.user.sub, system_time()).await?;
                Ok(vec![format!("removed {}; its sessions and {ended} grants have ended", stored.user.name)])
            }
            Task::ListKeys => Ok(lines(&self.ready().keys)),
            Task::RotateKeys => {
                let before = self.active_signer();
                self.rotate(system_time()).await?;
                let same = before.zip(self.active_signer()).is_some_and(|(before, now)| before.kid() == now.kid());
                let mut told = lines(&self.ready().keys);
                if same {
                    told.push(
                        "The next key is published now; it takes over with this command once that was 5 minutes ago."
                            .into(),
                    );
                }
                Ok(told)
            }
        }
    }

    async fn named(&self, name: &str) -> Result<users::Stored, ServeError> {
        let missing = || ServeError::new("there is no such user");
        let name = users::canonical_name(name).ok_or_else(missing)?;
        users::by_name(&*self.store, &name).await.map_err(told)?.ok_or_else(missing)
    }
}

/// A line for each key: the one that signs first.
fn lines(keys: &Keys) -> Vec<String> {
    let mut sorted: Vec<_> = keys.public.keys.iter().collect();
    sorted.sort_by_key(|key| match key.status {
        KeyStatus::Active => 0,
        KeyStatus::Next => 1,
        KeyStatus::Retiring => 2,
    });
    let since = |seconds| jiff::Timestamp::from_second(seconds).map(|at| at.to_string()).unwrap_or_default();
    sorted
        .into_iter()
        .map(|key| format!("{}  {:8}  since {}", key.kid, status_name(key.status), since(key.since.get())))
        .collect()
}
