//! What an authorization server asks of the store.

use scopegate::time::UnixSeconds;
use scopegate_stores::{Document, DocumentStore, GrantRow, GrantStore, Inserted, KeyStore, Put, StoreError, Updated};

use super::Metered;

impl<S: GrantStore + KeyStore> GrantStore for Metered<S> {
    async fn grant_insert(
        &self,
        id: &str,
        sub: &str,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Inserted, StoreError> {
        self.call("grant_insert", self.store.grant_insert(id, sub, row, expires_at)).await
    }

    async fn grants_of(&self, sub: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        self.call("grants_of", self.store.grants_of(sub, after, limit)).await
    }

    async fn grant_get(&self, id: &str) -> Result<Option<GrantRow>, StoreError> {
        self.call("grant_get", self.store.grant_get(id)).await
    }

    async fn grant_swap(
        &self,
        id: &str,
        expect_version: u64,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Updated, StoreError> {
        self.call("grant_swap", self.store.grant_swap(id, expect_version, row, expires_at)).await
    }

    async fn put_once(&self, space: &str, key_hash: &[u8], expires_at: UnixSeconds) -> Result<Put, StoreError> {
        self.call("put_once", self.store.put_once(space, key_hash, expires_at)).await
    }

    async fn consent_get(&self, sub: &str, client_id: &str) -> Result<Vec<String>, StoreError> {
        self.call("consent_get", self.store.consent_get(sub, client_id)).await
    }

    async fn consent_save(&self, sub: &str, client_id: &str, scopes: &[&str]) -> Result<(), StoreError> {
        self.call("consent_save", self.store.consent_save(sub, client_id, scopes)).await
    }

    async fn purge(&self, before: UnixSeconds) -> Result<u64, StoreError> {
        self.call("purge", self.store.purge(before)).await
    }
}

impl<S: DocumentStore + KeyStore> DocumentStore for Metered<S> {
    async fn document_insert(&self, space: &str, id: &str, body: &[u8]) -> Result<Inserted, StoreError> {
        self.call("document_insert", self.store.document_insert(space, id, body)).await
    }

    async fn document_get(&self, space: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.call("document_get", self.store.document_get(space, id)).await
    }

    async fn document_swap(
        &self,
        space: &str,
        id: &str,
        expect_version: u64,
        body: &[u8],
    ) -> Result<Updated, StoreError> {
        self.call("document_swap", self.store.document_swap(space, id, expect_version, body)).await
    }

    async fn document_remove(&self, space: &str, id: &str) -> Result<bool, StoreError> {
        self.call("document_remove", self.store.document_remove(space, id)).await
    }
}
