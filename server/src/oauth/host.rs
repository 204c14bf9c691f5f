//! What the flows need, answered by the store, the signing keys and the users.

use scopegate::oauth::{Answer, AsyncHost, Need, StoredGrant, Swap};
use scopegate_stores::{DocumentStore, GrantStore, Inserted, Put, StoreError, Updated};

use super::Clients;
use super::keys::Keys;
use super::users;
use crate::metrics::Metrics;

/// The host of one request: it sees one set of keys from its beginning to its end.
pub(crate) struct Host<'h, S> {
    pub(crate) store: &'h S,
    pub(crate) clients: &'h Clients,
    pub(crate) keys: &'h Keys,
    pub(crate) metrics: &'h Metrics,
}

impl<S: GrantStore + DocumentStore> AsyncHost for Host<'_, S> {
    async fn answer(&self, need: &Need) -> Answer {
        // The store has told the log what failed.
        self.answer_or_fail(need).await.unwrap_or(Answer::Unavailable)
    }
}

impl<S: GrantStore + DocumentStore> Host<'_, S> {
    async fn answer_or_fail(&self, need: &Need) -> Result<Answer, StoreError> {
        Ok(match need {
            Need::Client { client_id } => Answer::Client(self.clients.client(client_id).cloned()),
            Need::Grant { id } => {
                let found = self.store.grant_get(id).await?;
                Answer::Grant(found.map(|found| StoredGrant { row: found.row, version: found.version }))
            }
            Need::InsertGrant { id, sub, row, expires_at } => {
                Answer::Inserted(self.store.grant_insert(id, sub, row, *expires_at).await? == Inserted::Done)
            }
            Need::GrantsOf { sub, after, limit } => {
                Answer::Grants(self.store.grants_of(sub, after.as_deref(), *limit).await?)
            }
            Need::SwapGrant { id, expect_version, row, expires_at } => {
                Answer::Swap(match self.store.grant_swap(id, *expect_version, row, *expires_at).await? {
                    Updated::Done => Swap::Swapped,
                    Updated::Conflict => Swap::Conflict,
                    Updated::Missing => Swap::Missing,
                })
            }
            Need::Consent { sub, client_id } => {
                let scopes = self.store.consent_get(sub, client_id).await?;
                Answer::Consent((!scopes.is_empty()).then_some(scopes))
            }
            Need::SaveConsent { sub, client_id, scopes } => {
                self.add_consent(sub, client_id, scopes).await?;
                Answer::Done
            }
            Need::Claims { sub, scopes, .. } => match users::by_subject(self.store, sub).await? {
                Some(stored) => Answer::Claims(stored.user.claims(scopes).to_string()),
                // Removed a moment ago: its grants end with it, and nothing is said of it meanwhile.
                None => Answer::Unavailable,
            },
            Need::Sign { kid, signing_input, .. } => self.sign(kid, signing_input).await,
            Need::PutOnce { space, key_hash, expires_at } => {
                Answer::Put(self.store.put_once(space, key_hash.as_bytes(), *expires_at).await? == Put::Fresh)
            }
            Need::Event { kind, grant_id } => {
                self.metrics.grant_event(kind.code());
                tracing::warn!(event = kind.code(), grant = %grant_id, "a grant was used in a way that no honest client does");
                Answer::Done
            }
            // No client of the configuration has such a secret, and nothing here signs in elsewhere.
            Need::VerifySecret { .. } | Need::Http { .. } => Answer::Unavailable,
        })
    }

    /// Adds to what the user has approved before. Of two approvals at once one may be asked for again.
    async fn add_consent(&self, sub: &str, client_id: &str, scopes: &[String]) -> Result<(), StoreError> {
        let mut all = self.store.consent_get(sub, client_id).await?;
        for scope in scopes {
            if !all.contains(scope) {
                all.push(scope.clone());
            }
        }
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        self.store.consent_save(sub, client_id, &all).await
    }

    async fn sign(&self, kid: &str, input: &[u8]) -> Answer {
        let Some(signer) = self.keys.signer(kid).cloned() else { return Answer::Unavailable };
        let input = input.to_vec();
        match tokio::task::spawn_blocking(move || signer.sign(&input)).await {
            Ok(Ok(signature)) => Answer::Signature(signature),
            Ok(Err(error)) => {
                tracing::error!(error = %error, "a token could not be signed");
                Answer::Unavailable
            }
            Err(_) => Answer::Unavailable,
        }
    }
}
