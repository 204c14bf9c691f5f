//! The signing keys: made at the first start, kept sealed in the database, changed by a command. Instances over one database agree, since the
//! set is one document that is only ever inserted once or swapped.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use scopegate::jwt::Algorithm;
use scopegate::oauth::{KeyStatus, RotationPolicy, SigningKey, SigningKeys};
use scopegate::time::UnixSeconds;
use scopegate_stores::{DocumentStore, Inserted, StoreError, Updated};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::seal::Sealer;
use super::signer::Signer;
use crate::serve::ServeError;

const SPACE: &str = "signing-keys";
const ID: &str = "current";
/// How long caches keep the published set, and so how long a key is published before it signs, in seconds.
pub(crate) const PUBLISH_AHEAD: i64 = 300;
/// How often a lost race is decided anew.
const ATTEMPTS: usize = 4;

/// The keys as one reading of the database found them.
pub(crate) struct Keys {
    pub(crate) public: SigningKeys,
    signers: BTreeMap<String, Arc<Signer>>,
    /// The document's.
    pub(crate) version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest {
    v: u8,
    keys: Vec<RestingKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RestingKey {
    p: String,
    q: String,
    status: String,
    since: i64,
}

impl Drop for RestingKey {
    fn drop(&mut self) {
        self.p.zeroize();
        self.q.zeroize();
    }
}

const STATUS: [(&str, KeyStatus); 3] =
    [("next", KeyStatus::Next), ("active", KeyStatus::Active), ("retiring", KeyStatus::Retiring)];

/// The name of a status.
pub(crate) fn status_name(status: KeyStatus) -> &'static str {
    STATUS.iter().find(|(_, known)| *known == status).map_or("", |(name, _)| name)
}

fn told(error: StoreError) -> ServeError {
    ServeError::new(format!("signing keys: {error}"))
}

impl Keys {
    /// The key with this id.
    pub(crate) fn signer(&self, kid: &str) -> Option<&Arc<Signer>> {
        self.signers.get(kid)
    }

    /// The key that signs.
    pub(crate) fn active(&self) -> Option<&Arc<Signer>> {
        self.signer(&self.public.active()?.kid)
    }

    fn has_next(&self) -> bool {
        self.public.keys.iter().any(|key| key.status == KeyStatus::Next)
    }

    /// The keys of the database, made when there are none.
    pub(crate) async fn open(
        store: &impl DocumentStore,
        sealer: &Sealer,
        now: UnixSeconds,
    ) -> Result<Self, ServeError> {
        if let Some(keys) = Self::load(store, sealer).await? {
            return Ok(keys);
        }
        let signer = generate().await?;
        let active = SigningKey { status: KeyStatus::Active, ..public(&signer, now) };
        let keys = Self {
            public: SigningKeys { keys: vec![active] },
            signers: BTreeMap::from([(signer.kid().to_owned(), signer)]),
            version: 1,
        };
        let body = keys.sealed(sealer)?;
        match store.document_insert(SPACE, ID, &body).await.map_err(told)? {
            Inserted::Done => Ok(keys),
            // Another instance was faster: its keys are the keys.
            Inserted::Exists => {
                Self::load(store, sealer).await?.ok_or_else(|| ServeError::new("the signing keys came and went"))
            }
        }
    }

    /// The keys of the database; `None` when there are none yet.
    pub(crate) async fn load(store: &impl DocumentStore, sealer: &Sealer) -> Result<Option<Self>, ServeError> {
        let Some(document) = store.document_get(SPACE, ID).await.map_err(told)? else { return Ok(None) };
        let unreadable = || {
            ServeError::new(
                "the signing keys of the database cannot be read: is the pepper they were sealed under still in the pepper file?",
            )
        };
        let plain = sealer.open(SPACE, &document.body).ok_or_else(unreadable)?;
        let version = document.version;
        let read = tokio::task::spawn_blocking(move || read(&plain, version)).await;
        read.ok().flatten().map(Some).ok_or_else(unreadable)
    }

    /// The version of the document alone: whether there is something to load.
    pub(crate) async fn stored_version(store: &impl DocumentStore) -> Result<Option<u64>, StoreError> {
        Ok(store.document_get(SPACE, ID).await?.map(|document| document.version))
    }

    /// Goes one step: a next key that was published for long enough takes over, and one is made when there is none.
    ///
    /// `take_over` says whether the active key has served; without it only a missing next key is made.
    pub(crate) async fn advance(
        store: &impl DocumentStore,
        sealer: &Sealer,
        now: UnixSeconds,
        retire_for: i64,
        take_over: bool,
    ) -> Result<Self, ServeError> {
        let policy = RotationPolicy {
            active_for: if take_over { 0 } else { i64::MAX },
            publish_ahead: PUBLISH_AHEAD,
            retire_for,
        };
        let mut fresh: Option<Arc<Signer>> = None;
        for _ in 0..ATTEMPTS {
            let held = Self::load(store, sealer).await?;
            let held = held.ok_or_else(|| ServeError::new("there are no signing keys yet: start the server first"))?;
            let mut next = held.public.rotate(now, &policy, None);
            let mut signers = held.signers.clone();
            if !next.keys.iter().any(|key| key.status == KeyStatus::Next) {
                let signer = match &fresh {
                    Some(signer) => Arc::clone(signer),
                    None => Arc::clone(fresh.insert(generate().await?)),
                };
                next = next.rotate(now, &policy, Some(public(&signer, now)));
                signers.insert(signer.kid().to_owned(), signer);
            }
            if next == held.public {
                return Ok(held);
            }
            signers.retain(|kid, _| next.keys.iter().any(|key| key.kid == *kid));
            let changed = Self { public: next, signers, version: held.version.saturating_add(1) };
            let body = changed.sealed(sealer)?;
            match store.document_swap(SPACE, ID, held.version, &body).await.map_err(told)? {
                Updated::Done => return Ok(changed),
                Updated::Conflict | Updated::Missing => {}
            }
        }
        Err(ServeError::new("the signing keys are changed by others all the time: try again"))
    }

    /// Makes the next key where there is none, so that a change of keys finds one that is published.
    pub(crate) async fn prepare(
        self,
        store: &impl DocumentStore,
        sealer: &Sealer,
        now: UnixSeconds,
        retire_for: i64,
    ) -> Result<Self, ServeError> {
        if self.has_next() { Ok(self) } else { Self::advance(store, sealer, now, retire_for, false).await }
    }

    fn sealed(&self, sealer: &Sealer) -> Result<Vec<u8>, ServeError> {
        let unwritable = || ServeError::new("the signing keys cannot be written");
        let keys: Option<Vec<RestingKey>> = self
            .public
            .keys
            .iter()
            .map(|key| {
                let [p, q] = self.signer(&key.kid)?.primes()?;
                Some(RestingKey {
                    p: Base64UrlUnpadded::encode_string(&p),
                    q: Base64UrlUnpadded::encode_string(&q),
                    status: status_name(key.status).to_owned(),
                    since: key.since.get(),
                })
            })
            .collect();
        let rest = Rest { v: 1, keys: keys.ok_or_else(unwritable)? };
        let plain = Zeroizing::new(serde_json::to_vec(&rest).map_err(|_| unwritable())?);
        sealer.seal(SPACE, &plain)
    }
}

/// The public half of a key, not yet used.
fn public(signer: &Signer, since: UnixSeconds) -> SigningKey {
    SigningKey {
        kid: signer.kid().to_owned(),
        alg: Algorithm::Rs256,
        public: signer.public_jwk(),
        status: KeyStatus::Next,
        since,
    }
}

async fn generate() -> Result<Arc<Signer>, ServeError> {
    let made = tokio::task::spawn_blocking(Signer::generate).await;
    made.map_err(|_| ServeError::new("no signing key could be made"))?.map(Arc::new)
}

fn read(plain: &[u8], version: u64) -> Option<Keys> {
    let rest: Rest = serde_json::from_slice(plain).ok().filter(|rest: &Rest| rest.v == 1)?;
    let mut keys = Keys { public: SigningKeys::default(), signers: BTreeMap::new(), version };
    for resting in &rest.keys {
        let prime = |text: &str| Base64UrlUnpadded::decode_vec(text).ok().map(Zeroizing::new);
        let signer = Arc::new(Signer::from_primes(&prime(&resting.p)?, &prime(&resting.q)?)?);
        let status = STATUS.iter().find(|(name, _)| *name == resting.status)?.1;
        let since = UnixSeconds::new(resting.since)?;
        keys.public.keys.push(SigningKey { status, ..public(&signer, since) });
        keys.signers.insert(signer.kid().to_owned(), signer);
    }
    Some(keys)
}
