//! Keys in Redis: a hash for each record, and three kinds of sorted sets: what an owner has, oldest first; what of it is not revoked, by its
//! end; and the ends of all keys.

use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

use super::{RedisStore, script};
use crate::row::{record, text};
use crate::{Cursor, ExpiryCursor, Inserted, KeyStore, MAX_PAGE, StoreError, StoreErrorKind, Updated};

/// How many uses one script notes: it keeps everybody else waiting.
const TOUCHES: usize = 500;

/// A place in a set that is sorted by its text: twelve digits hold any instant, and ids have one length.
fn place(at: UnixSeconds, id: &str) -> String {
    format!("{:012}{id}", at.get())
}

/// What an optional number is to a script.
fn number(at: Option<UnixSeconds>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

impl RedisStore {
    fn key(&self, id: &str) -> String {
        self.name("key", id)
    }

    fn ends(&self) -> String {
        self.name("keys", "ends")
    }

    fn owned(&self, owner: &str) -> String {
        self.name("owner", owner)
    }

    fn active(&self, owner: &str) -> String {
        self.name("active", owner)
    }

    /// The scripts that write a record take it in the same way, but for the fourth argument.
    async fn write(&self, script: &redis::Script, record: &KeyRecord, fourth: &str) -> Result<u8, StoreError> {
        let end = record.ends_at();
        let mut call = script.prepare_invoke();
        call.key(self.key(record.id.as_str()))
            .key(self.owned(&record.owner))
            .key(self.active(&record.owner))
            .key(self.ends())
            .arg(text(record)?)
            .arg(record.version.to_string())
            .arg(u8::from(record.revoked_at.is_some()))
            .arg(fourth)
            .arg(place(record.created_at, record.id.as_str()))
            .arg(number(end))
            .arg(end.map(|end| place(end, record.id.as_str())).unwrap_or_default())
            .arg(record.id.as_str());
        self.run(call).await
    }

    /// The records of a part of a sorted set, in its order.
    async fn page(&self, set: String, start: String, end: String, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        let mut call = script!("page.lua").prepare_invoke();
        call.key(set).arg(start).arg(end).arg(limit.min(MAX_PAGE)).arg(self.key(""));
        let rows: Vec<(Option<String>, Option<i64>)> = self.run(call).await?;
        let gone = || StoreError::of(StoreErrorKind::Corrupt, "a record that is listed is gone");
        rows.into_iter().map(|row| read(row)?.ok_or_else(gone)).collect()
    }
}

fn read((text, used): (Option<String>, Option<i64>)) -> Result<Option<KeyRecord>, StoreError> {
    text.map(|text| record(&text, used)).transpose()
}

impl KeyStore for RedisStore {
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let mut find = redis::cmd("HMGET");
        find.arg(self.key(id.as_str())).arg("record").arg("used");
        read(self.command(find).await?)
    }

    async fn insert(&self, record: &KeyRecord) -> Result<Inserted, StoreError> {
        let done = self.write(script!("insert.lua"), record, &number(record.last_used_at)).await?;
        Ok(if done == 1 { Inserted::Done } else { Inserted::Exists })
    }

    async fn update(&self, expected: u64, record: &KeyRecord) -> Result<Updated, StoreError> {
        // Numbers are floating point in a script, which holds no large version: whether it grows is compared here.
        let expected = if record.version > expected { expected.to_string() } else { String::new() };
        Ok(match self.write(script!("update.lua"), record, &expected).await? {
            1 => Updated::Done,
            2 => Updated::Missing,
            _ => Updated::Conflict,
        })
    }

    async fn list(&self, owner: &str, after: Option<Cursor>, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        let start = after.map_or_else(|| "-".to_owned(), |at| format!("({}", place(at.created_at, at.id.as_str())));
        self.page(self.owned(owner), start, "+".to_owned(), limit).await
    }

    async fn touch(&self, uses: &[(KeyId, UnixSeconds)]) -> Result<(), StoreError> {
        for uses in uses.chunks(TOUCHES) {
            let mut call = script!("touch.lua").prepare_invoke();
            for (id, at) in uses {
                call.key(self.key(id.as_str())).arg(at.get());
            }
            let _: u8 = self.run(call).await?;
        }
        Ok(())
    }

    async fn expiring(
        &self,
        before: UnixSeconds,
        after: ExpiryCursor,
        limit: usize,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        // A tilde comes after every character of an id.
        let start = format!("({}", place(after.ends_at, after.id.as_ref().map_or("~", KeyId::as_str)));
        self.page(self.ends(), start, format!("[{}", place(before, "~")), limit).await
    }

    async fn count(&self, owner: &str, active_at: Option<UnixSeconds>) -> Result<u64, StoreError> {
        let mut count;
        match active_at {
            None => {
                count = redis::cmd("ZCARD");
                count.arg(self.owned(owner));
            }
            Some(at) => {
                count = redis::cmd("ZCOUNT");
                count.arg(self.active(owner)).arg(format!("({}", at.get())).arg("+inf");
            }
        }
        self.command(count).await
    }
}
