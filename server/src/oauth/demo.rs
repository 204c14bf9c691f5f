//! The authorization server of a demonstration: a user and clients to try, with fresh secrets at each start.

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::oauth::{Client, ClientAuth, GrantType, Lifetimes, Pkce, SecretMethod, hash_secret};
use scopegate_stores::DocumentStore;
use zeroize::Zeroizing;

use super::users::{self, Added, User};
use super::{Clients, OPENID_SCOPES, Settings, hash_password};
use crate::demo::SUBJECT;
use crate::serve::ServeError;

/// The name of the demonstration's user.
pub(crate) const USERNAME: &str = "demo";
/// The client whose tokens may manage keys. It has no secret.
pub(crate) const FIRST_PARTY: &str = "dashboard";
/// A client that the user may sign in with, and nothing more. It has a secret.
pub(crate) const FOREIGN: &str = "reports";
/// Where both send the user back to; the port of a loopback address is free.
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1/callback";

/// What there is to try.
pub(crate) struct DemoOauth {
    pub(crate) password: Zeroizing<String>,
    pub(crate) secret: Zeroizing<String>,
}

impl DemoOauth {
    pub(crate) fn new() -> Result<Self, ServeError> {
        Ok(Self { password: random()?, secret: random()? })
    }

    /// An authorization server with the demonstration's clients; the API for public data is a resource of its own.
    pub(crate) fn settings(&self, issuer: &str, first_party: &str) -> Settings {
        let mut clients = Clients::default();
        clients.add(client(issuer, first_party, "Jobiflow dashboard", ClientAuth::None), true);
        let auth = ClientAuth::Hashed { method: SecretMethod::Basic, hashes: vec![hash_secret(&self.secret)] };
        clients.add(client(issuer, FOREIGN, "Quarterly reports", auth), false);
        Settings {
            issuer: issuer.to_owned(),
            clients,
            scopes: scopes(),
            resources: vec![public_api(issuer)],
            cors_origins: Vec::new(),
            lifetimes: Lifetimes::default(),
            session: 43_200,
        }
    }

    /// Stores the user, or gives the one that is there the password of this start.
    pub(crate) async fn user(&self, store: &impl DocumentStore) -> Result<(), ServeError> {
        let told = |error: scopegate_stores::StoreError| ServeError::new(format!("the demo user: {error}"));
        let password = self.password.clone();
        let hash = tokio::task::spawn_blocking(move || hash_password(&password)).await;
        let hash = hash.map_err(|_| ServeError::new("the demo user has no password"))??;
        let mut user = User::new(SUBJECT.into(), USERNAME.into(), Some(hash.clone()));
        user.display_name = Some("Demo User".into());
        user.email = Some("demo@jobiflow.example".into());
        user.email_verified = true;
        if users::add(store, &user).await.map_err(told)? == Added::Taken {
            users::change(store, SUBJECT, |user| user.password = Some(hash.clone())).await.map_err(told)?;
        }
        Ok(())
    }
}

fn scopes() -> Vec<String> {
    OPENID_SCOPES.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// What the demonstration's public API is called as a resource.
fn public_api(issuer: &str) -> String {
    format!("{issuer}/public/v1")
}

fn client(issuer: &str, id: &str, name: &str, auth: ClientAuth) -> Client {
    Client {
        client_id: id.to_owned(),
        name: name.to_owned(),
        auth,
        redirect_uris: vec![REDIRECT_URI.to_owned()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: scopes(),
        default_scopes: vec!["openid".to_owned()],
        resources: vec![public_api(issuer)],
        pkce: Pkce::Required,
        trusted: true,
        skip_consent: false,
    }
}

fn random() -> Result<Zeroizing<String>, ServeError> {
    let mut bytes = Zeroizing::new([0_u8; 24]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| ServeError::new(format!("no random bytes: {error}")))?;
    Ok(Zeroizing::new(Base64UrlUnpadded::encode_string(bytes.as_slice())))
}
