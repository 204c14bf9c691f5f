//! The authorization server: the core's flows over HTTP, with the users, sessions, pages and signing keys that are a host's to have.
//!
//! Its paths are exact and go around the policy's gate; every other path is the gate's. What the gate guards with a bearer token accepts the
//! tokens that are signed here, by the keys in this process, and asks the grant once where keys are managed.

mod answer;
mod browser;
mod clients;
pub(crate) mod demo;
mod fetch;
mod host;
mod http;
mod identities;
mod keys;
mod offline;
mod pages;
mod password;
mod paths;
mod providers;
mod seal;
mod session;
mod setup;
mod signer;
mod social;
mod throttle;
pub mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use scopegate::oauth::{
    Config, HttpResponse, Lifetimes, Reply, Resource, Server, StoreCaps, StoredGrant, TokenSecret, drive_async,
};
use scopegate::policy::Policy;
use scopegate::time::UnixSeconds;
use scopegate_stores::{Capabilities, GrantStore, Store};
use scopegate_tower::Granted;

use self::answer::{Call, unavailable, with_cookie};
pub use self::clients::{Clients, Registered};
use self::host::Host;
use self::keys::Keys;
pub use self::offline::{Task, perform};
use self::password::Passwords;
pub use self::password::{PASSWORD_BYTES, hash as hash_password};
use self::paths::{path_of, paths};
pub use self::providers::{Providers, Rule, SecretKey};
pub(crate) use self::seal::Sealer;
use self::session::{Session, Sessions};
pub(crate) use self::setup::settings;
pub(crate) use self::signer::Signer;
use self::social::SocialLogin;
use self::throttle::Throttle;
use crate::metered::Metered;
use crate::peppers::Peppers;
use crate::serve::ServeError;
use crate::store::AnyStore;

/// What signing keys are sealed for.
pub(crate) const SEAL: &str = "oauth-signing-keys";
/// How long a key is published after it signed: the longest token it made, and the skew of clocks, in seconds.
const RETIRE_SKEW: i64 = 300;
/// Scopes of OpenID Connect, with what they mean where the policy does not say it.
pub const OPENID_SCOPES: [(&str, &str); 4] = [
    ("openid", "Sign you in"),
    ("profile", "Read your name"),
    ("email", "Read your e-mail address"),
    ("offline_access", "Keep access while you are away"),
];

/// What an authorization server is opened with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The issuer.
    pub issuer: String,
    /// The clients.
    pub clients: Clients,
    /// The scopes that may be asked for.
    pub scopes: Vec<String>,
    /// The APIs that tokens may be for; the issuer itself is one.
    pub resources: Vec<String>,
    /// Who may call from a browser of another origin.
    pub cors_origins: Vec<String>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How long a session lasts, in seconds.
    pub session: i64,
}

/// A running authorization server. It prints without what it holds.
pub struct Oauth {
    config: Config,
    caps: StoreCaps,
    clients: Clients,
    store: Arc<Metered<AnyStore>>,
    sealer: Sealer,
    passwords: Passwords,
    throttle: Throttle,
    sessions: Sessions,
    meanings: BTreeMap<String, String>,
    base: String,
    paths: BTreeSet<String>,
    social: Option<SocialLogin>,
    ready: RwLock<Arc<Ready>>,
}

impl std::fmt::Debug for Oauth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oauth").field("issuer", &self.config.issuer).finish_non_exhaustive()
    }
}

/// What hangs on the signing keys: changed as a whole when they change.
struct Ready {
    server: Server,
    keys: Keys,
    jwks: Arc<str>,
}

impl Oauth {
    /// Opens it: makes the signing keys when there are none, and checks everything that the settings and the store must promise.
    ///
    /// # Errors
    /// [`ServeError`] with what is wrong.
    pub async fn open(
        settings: Settings,
        policy: &Policy,
        peppers: &Peppers,
        store: Arc<Metered<AnyStore>>,
        now: UnixSeconds,
    ) -> Result<Self, ServeError> {
        let has = store.capabilities();
        has.require(Capabilities::FOR_GRANTS).map_err(|lacks| ServeError::new(format!("oauth: {lacks}")))?;
        let caps = StoreCaps { cas: has.cas, read_your_writes: has.read_your_writes, put_once: has.put_once };
        let Settings { issuer, clients, scopes, resources, cors_origins, lifetimes, session } = settings;
        let base = path_of(&issuer).to_owned();
        let paths = paths(&base, &issuer, &resources);
        no_route_at(policy, &paths)?;
        let catalogue = policy.scopes();
        let meaning = |name: &String| {
            let own =
                catalogue.index_of(name).and_then(|index| catalogue.title(index)).filter(|title| !title.is_empty());
            let usual = OPENID_SCOPES.iter().find(|(known, _)| known == name).map(|(_, meaning)| *meaning);
            (name.clone(), own.or(usual).unwrap_or(name).to_owned())
        };
        // What an API does not ask for: it is between the client and this server.
        let of_apis: Vec<String> = scopes.iter().filter(|scope| *scope != "offline_access").cloned().collect();
        let resource = |uri: String| Resource { scopes: of_apis.clone(), uri };
        let mut uris = vec![issuer.clone()];
        uris.extend(resources.into_iter().filter(|uri| *uri != issuer));
        let config = Config {
            secrets: secrets(peppers),
            issuer,
            resources: uris.into_iter().map(resource).collect(),
            cors_origins,
            lifetimes,
            offline_access_required: false,
            scopes: scopes.clone(),
        };
        let sealer = Sealer::of(peppers, SEAL)?;
        let keys = Keys::open(&*store, &sealer, now).await?;
        let ready = ready(&config, caps, keys)?;
        Ok(Self {
            sessions: Sessions::new(peppers, config.issuer.starts_with("https://"), session),
            meanings: scopes.iter().map(meaning).collect(),
            passwords: Passwords::new()?,
            throttle: Throttle::new(),
            ready: RwLock::new(Arc::new(ready)),
            config,
            caps,
            clients,
            store,
            sealer,
            base,
            paths,
            social: None,
        })
    }

    /// This server with providers to sign in with.
    ///
    /// # Errors
    /// [`ServeError`] with the provider that will not do, or the route of the policy that is in the way.
    pub fn with_providers(mut self, providers: Providers, policy: &Policy) -> Result<Self, ServeError> {
        let social = SocialLogin::new(&self.ready().server, providers)?;
        let paths: BTreeSet<String> = social.paths(&self.base).into_iter().collect();
        no_route_at(policy, &paths)?;
        self.paths.extend(paths);
        self.social = Some(social);
        Ok(self)
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// The public keys, a JWK Set as text.
    pub(crate) fn jwks(&self) -> Arc<str> {
        Arc::clone(&self.ready().jwks)
    }

    /// The key that signs.
    pub(crate) fn active_signer(&self) -> Option<Arc<Signer>> {
        self.ready().keys.active().cloned()
    }

    fn ready(&self) -> Arc<Ready> {
        Arc::clone(&self.ready.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What flows ask, over these keys, for who is signed in.
    fn host<'h>(&'h self, ready: &'h Ready, session: Option<&'h Session>) -> Host<'h, Metered<AnyStore>> {
        Host { store: &*self.store, clients: &self.clients, keys: &ready.keys, metrics: self.store.metrics(), session }
    }

    fn retire_for(&self) -> i64 {
        let lifetimes = &self.config.lifetimes;
        lifetimes.access_token.max(lifetimes.id_token).saturating_add(RETIRE_SKEW)
    }

    /// Takes over keys that another instance or the command has changed, and makes the next key where there is none.
    ///
    /// # Errors
    /// [`ServeError`]: the keys in use stay.
    pub async fn reload(&self, now: UnixSeconds) -> Result<(), ServeError> {
        let stored = Keys::stored_version(&*self.store).await.map_err(|error| ServeError::new(error.to_string()))?;
        let in_use = self.ready();
        let settled = in_use.keys.public.keys.len() > 1;
        if settled && stored == Some(in_use.keys.version) {
            return Ok(());
        }
        let keys = Keys::open(&*self.store, &self.sealer, now).await?;
        let keys = keys.prepare(&*self.store, &self.sealer, now, self.retire_for()).await?;
        self.take_over(keys)
    }

    /// Goes one step with the signing keys: a next key that was published for five minutes signs from now on, and another one is published.
    /// The other instances follow by themselves.
    ///
    /// # Errors
    /// [`ServeError`]: the keys in use stay.
    pub async fn rotate(&self, now: UnixSeconds) -> Result<(), ServeError> {
        self.take_over(Keys::advance(&*self.store, &self.sealer, now, self.retire_for(), true).await?)
    }

    fn take_over(&self, keys: Keys) -> Result<(), ServeError> {
        let ready = ready(&self.config, self.caps, keys)?;
        *self.ready.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ready);
        tracing::info!("signing keys loaded");
        Ok(())
    }

    /// Ends every grant of a user: after a new password, a logout, and when the user is removed (OAuth 2.1 section 4.3.3). Returns how many.
    ///
    /// # Errors
    /// [`ServeError`] when the store fails: those that have ended stay so.
    pub(crate) async fn revoke_grants(&self, sub: &str, now: UnixSeconds) -> Result<u64, ServeError> {
        let ready = self.ready();
        let host = self.host(&ready, None);
        let reply = drive_async(ready.server.revoke_all(sub.to_owned(), None, now), &host).await;
        match reply {
            Reply::Respond(HttpResponse { status: 200, body, .. }) => {
                let told = serde_json::from_slice::<serde_json::Value>(&body).ok();
                Ok(told.and_then(|told| told.get("revoked")?.as_u64()).unwrap_or(0))
            }
            Reply::Respond(_) | Reply::Interact(_) => Err(ServeError::new("not every grant could be ended: try again")),
        }
    }

    /// Whether the grant behind a bearer token of this server is alive; tokens that name none are other people's.
    ///
    /// # Errors
    /// [`ServeError`] when the store cannot tell.
    pub(crate) async fn is_alive(&self, granted: &Granted) -> Result<bool, ServeError> {
        let claims = granted.principals().iter().filter_map(|principal| principal.claims());
        for claims in claims.filter(|claims| claims.issuer() == self.config.issuer) {
            let gid = claims.claim("gid");
            let Some(gid) = gid.as_ref().and_then(|gid| gid.as_str()) else { continue };
            let found = self.store.grant_get(gid).await.map_err(|error| ServeError::new(error.to_string()))?;
            let alive = found.map(|found| StoredGrant { row: found.row, version: found.version }.is_alive());
            match alive {
                Some(Some(true)) => {}
                Some(None) => return Err(ServeError::new("a stored grant cannot be read")),
                Some(Some(false)) | None => return Ok(false),
            }
        }
        Ok(true)
    }
}

fn ready(config: &Config, caps: StoreCaps, keys: Keys) -> Result<Ready, ServeError> {
    let server = Server::new(config.clone(), keys.public.clone(), caps)
        .map_err(|error| ServeError::new(format!("oauth: {error}")))?;
    Ok(Ready { jwks: keys.public.jwks().into(), server, keys })
}

fn no_route_at(policy: &Policy, paths: &BTreeSet<String>) -> Result<(), ServeError> {
    let Some(route) = policy.routes().iter().find(|route| paths.contains(route.path())) else { return Ok(()) };
    Err(ServeError::new(format!("the policy's route {} is at a path of the authorization server", route.id())))
}

/// The keys of tickets and refresh tokens, one of each pepper. Its id is made of the pepper too, so that it stays the same beside others.
fn secrets(peppers: &Peppers) -> Vec<TokenSecret> {
    let ids = peppers.secrets("oauth-token-id");
    let keys = peppers.secrets("oauth-token");
    ids.iter()
        .zip(&keys)
        .map(|(id, key)| {
            let id = id.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
            TokenSecret::new(id, **key)
        })
        .collect()
}
