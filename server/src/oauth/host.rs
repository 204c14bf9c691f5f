//! What the flows need, answered by the store, the signing keys and the users.

use scopegate::oauth::{Answer, AsyncHost, Need, StoredGrant, Swap};
use scopegate_stores::{DocumentStore, GrantStore, Inserted, Put, StoreError, Updated};

use super::Clients;
use super::keys::Keys;
use super::session::Session;
use super::users;
use crate::metrics::Metrics;

/// The host of one request: it sees one set of keys from its beginning to its end.
pub(crate) struct Host<'h, S> {
    pub(crate) store: &'h S,
    pub(crate) clients: &'h Clients,
    pub(crate) keys: &'h Keys,
    pub(crate) metrics: &'h Metrics,
    /// Who is signed in.
    pub(crate) session: Option<&'h Session>,
}

/// Whether a session is this user's, and of the present epoch. Asked once a grant is stored and before its code is told to anybody: who ends
/// the epoch lists the grants afterwards. Whichever comes first, either the list has this grant or the code leaves for nobody.
async fn is_signed_in(store: &impl DocumentStore, session: Option<&Session>, sub: &str) -> Result<bool, StoreError> {
    let Some(session) = session.filter(|session| session.sub == sub) else { return Ok(false) };
    let stored = users::by_subject(store, sub).await?;
    Ok(stored.is_some_and(|stored| stored.user.epoch == session.epoch))
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
                let inserted = self.store.grant_insert(id, sub, row, *expires_at).await? == Inserted::Done;
                if is_signed_in(self.store, self.session, sub).await? {
                    Answer::Inserted(inserted)
                } else {
                    Answer::Unavailable
                }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use scopegate::time::UnixSeconds;
    use scopegate_stores::MemoryStore;

    use super::super::users::{self, User};
    use super::*;

    /// A logout ends the epoch and then lists the grants; an authorization stores its grant and then looks at the epoch. Run in every order.
    #[tokio::test]
    async fn a_grant_is_listed_by_the_logout_or_its_code_is_kept() {
        let mut seen = std::collections::BTreeSet::new();
        for order in ["ABab", "AaBb", "AabB", "aABb", "aAbB", "abAB"] {
            let store = MemoryStore::default();
            users::add(&store, &User::new("u1".into(), "ada".into(), None)).await.unwrap();
            let session = Session {
                id: "s".into(),
                sub: "u1".into(),
                epoch: 1,
                auth_time: UnixSeconds::EPOCH,
                amr: vec![],
                expires_at: UnixSeconds::clamped(9_999_999_999),
            };
            let (mut listed, mut released) = (false, false);
            for step in order.chars() {
                match step {
                    'A' => drop(users::change(&store, "u1", |_| {}).await.unwrap()),
                    'B' => listed = !store.grants_of("u1", None, 9).await.unwrap().is_empty(),
                    'a' => {
                        let end = UnixSeconds::clamped(9_999_999_999);
                        store.grant_insert("g1", "u1", b"row", end).await.unwrap();
                    }
                    _ => released = is_signed_in(&store, Some(&session), "u1").await.unwrap(),
                }
            }
            assert!(listed || !released, "{order}: a code of a grant that nobody revokes");
            seen.insert((listed, released));
            assert!(!is_signed_in(&store, Some(&session), "u2").await.unwrap());
            assert!(!is_signed_in(&store, None, "u1").await.unwrap());
        }
        assert_eq!(seen.len(), 3, "each end that may be was reached");
    }
}
