//! Grants in Redis: a hash for each grant, a sorted set of each subject's ids, one of all ends, and one of what was put once, whose score is
//! its end.

use redis::cmd;
use scopegate::time::UnixSeconds;

use super::{RedisStore, script};
use crate::grants::{check_hash, check_names, check_row};
use crate::row::{scopes, scopes_text};
use crate::{GrantRow, GrantStore, Inserted, MAX_PAGE, Put, StoreError, StoreErrorKind, Updated};

/// How many grants one script forgets: it keeps everybody else waiting.
const BATCH: usize = 500;

impl RedisStore {
    fn grant(&self, id: &str) -> String {
        self.name("grant", id)
    }

    fn grants_of_subject(&self, sub: &str) -> String {
        self.name("grants_of", sub)
    }

    fn grant_ends(&self) -> String {
        self.name("grants", "ends")
    }

    fn once(&self) -> String {
        self.name("grants", "once")
    }
}

impl GrantStore for RedisStore {
    async fn grant_insert(
        &self,
        id: &str,
        sub: &str,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Inserted, StoreError> {
        check_names([id, sub])?;
        check_row(row)?;
        let mut call = script!("grant_insert.lua").prepare_invoke();
        call.key(self.grant(id)).key(self.grant_ends()).key(self.grants_of_subject(sub));
        call.arg(row).arg(expires_at.get()).arg(id);
        let done: u8 = self.run(call).await?;
        Ok(if done == 1 { Inserted::Done } else { Inserted::Exists })
    }

    async fn grant_get(&self, id: &str) -> Result<Option<GrantRow>, StoreError> {
        let mut get = cmd("HMGET");
        get.arg(self.grant(id)).arg("row").arg("version");
        let (row, version): (Option<Vec<u8>>, Option<u64>) = self.command(get).await?;
        match (row, version) {
            (None, None) => Ok(None),
            (Some(row), Some(version)) => Ok(Some(GrantRow { row, version })),
            _ => Err(StoreError::of(StoreErrorKind::Corrupt, "a stored grant cannot be read")),
        }
    }

    async fn grant_swap(
        &self,
        id: &str,
        expect_version: u64,
        row: &[u8],
        expires_at: UnixSeconds,
    ) -> Result<Updated, StoreError> {
        check_row(row)?;
        let mut call = script!("grant_swap.lua").prepare_invoke();
        call.key(self.grant(id)).key(self.grant_ends()).arg(row).arg(expires_at.get()).arg(id);
        call.arg(expect_version.to_string());
        Ok(match self.run::<u8>(call).await? {
            1 => Updated::Done,
            2 => Updated::Missing,
            _ => Updated::Conflict,
        })
    }

    async fn grants_of(&self, sub: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        let mut list = cmd("ZRANGEBYLEX");
        list.arg(self.grants_of_subject(sub)).arg(after.map_or_else(|| "-".to_owned(), |after| format!("({after}")));
        list.arg("+").arg("LIMIT").arg(0).arg(limit.min(MAX_PAGE));
        self.command(list).await
    }

    async fn put_once(&self, space: &str, key_hash: &[u8], expires_at: UnixSeconds) -> Result<Put, StoreError> {
        check_names([space])?;
        check_hash(key_hash)?;
        // A space has no NUL, so no two of them run together with their hashes.
        let member = [space.as_bytes(), b"\0", key_hash].concat();
        let mut put = cmd("ZADD");
        put.arg(self.once()).arg("NX").arg(expires_at.get()).arg(member);
        let added: u64 = self.command(put).await?;
        Ok(if added == 1 { Put::Fresh } else { Put::Seen })
    }

    async fn consent_get(&self, sub: &str, client_id: &str) -> Result<Vec<String>, StoreError> {
        let mut get = cmd("HGET");
        get.arg(self.name("consents", sub)).arg(client_id);
        let text: Option<String> = self.command(get).await?;
        text.map_or_else(|| Ok(Vec::new()), |text| scopes(&text))
    }

    async fn consent_save(&self, sub: &str, client_id: &str, scopes: &[&str]) -> Result<(), StoreError> {
        check_names([sub, client_id])?;
        let mut save = cmd(if scopes.is_empty() { "HDEL" } else { "HSET" });
        save.arg(self.name("consents", sub)).arg(client_id);
        if !scopes.is_empty() {
            save.arg(scopes_text(scopes)?);
        }
        let _: u64 = self.command(save).await?;
        Ok(())
    }

    async fn purge(&self, before: UnixSeconds) -> Result<u64, StoreError> {
        let mut spent = cmd("ZREMRANGEBYSCORE");
        spent.arg(self.once()).arg("-inf").arg(before.get());
        let mut gone: u64 = self.command(spent).await?;
        loop {
            let mut call = script!("purge.lua").prepare_invoke();
            call.key(self.grant_ends()).arg(before.get()).arg(BATCH).arg(self.grant(""));
            let some: u64 = self.run(call).await?;
            gone = gone.saturating_add(some);
            if some == 0 {
                return Ok(gone);
            }
        }
    }
}
