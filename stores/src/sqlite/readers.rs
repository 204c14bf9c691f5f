//! Connections that only read, used on the thread that asks. The pool hands every query to a thread of its own and back, which costs more than a
//! decision; a key is found here in a few microseconds, and writers are not waited for (write-ahead log).
//!
//! Each connection keeps the records that it read for as long as the database has not changed at all. `PRAGMA data_version` says so: it differs
//! as soon as any other connection, of this process or another, has committed anything, and these connections never write. It is asked before
//! every answer, and before the record is read: so what is kept is never older than the version that it is kept under, and a call that
//! begins after a commit has returned sees that commit.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;

use crate::row::record;

/// The most connections.
const MOST: usize = 4;
/// The most records that a connection keeps: some megabytes.
const MOST_RECORDS: usize = 16_384;

/// The connections.
#[derive(Debug)]
pub(super) struct Readers(Box<[Mutex<Option<Reader>>]>);

#[derive(Debug)]
struct Reader {
    connection: Connection,
    version: i64,
    records: HashMap<KeyId, Arc<KeyRecord>>,
}

fn lock(place: &Mutex<Option<Reader>>) -> MutexGuard<'_, Option<Reader>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Readers {
    /// Opens connections to a database that is open for writing elsewhere. `None` when there can be none: the pool then answers everything.
    pub(super) fn open(url: &str, path: &Path) -> Option<Self> {
        // Other parameters change how a database is opened; the pool knows what they mean.
        if url.split_once('?').is_some_and(|(_, parameters)| !matches!(parameters, "mode=rwc" | "mode=rw")) {
            return None;
        }
        let count = std::thread::available_parallelism().map_or(1, |threads| threads.get().min(MOST));
        let readers: Option<Box<[_]>> =
            (0..count).map(|_| Reader::open(path).ok().map(|reader| Mutex::new(Some(reader)))).collect();
        readers.map(Self)
    }

    /// Closes the connections; nothing is found here afterwards.
    pub(super) fn close(&self) {
        for place in &*self.0 {
            *lock(place) = None;
        }
    }

    /// The record with an id. `None` when this cannot be told here and now: the database is locked, damaged or gone.
    pub(super) fn find(&self, id: &KeyId) -> Option<Option<Arc<KeyRecord>>> {
        // The first that is free: so one does most of the work as long as it can, and has most of the records.
        let free = self.0.iter().find_map(|place| place.try_lock().ok());
        let mut place = match free {
            Some(place) => place,
            None => lock(self.0.first()?),
        };
        place.as_mut()?.find(id).ok()
    }
}

impl Reader {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        // Nobody waits here: the thread has other requests.
        connection.busy_timeout(Duration::ZERO)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(Self { connection, version: -1, records: HashMap::new() })
    }

    fn find(&mut self, id: &KeyId) -> rusqlite::Result<Option<Arc<KeyRecord>>> {
        let version = self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if version != self.version {
            self.records.clear();
            self.version = version;
        }
        if let Some(kept) = self.records.get(id) {
            return Ok(Some(Arc::clone(kept)));
        }
        let read = self
            .connection
            .prepare_cached("SELECT record, last_used_at FROM api_keys WHERE id = ?")?
            .query_row([id.as_str()], |row| {
                record(row.get_ref(0)?.as_str()?, row.get(1)?).map_err(|_| rusqlite::Error::InvalidQuery)
            })
            .optional()?;
        let Some(read) = read.map(Arc::new) else { return Ok(None) };
        if self.records.len() >= MOST_RECORDS {
            self.records.clear();
        }
        self.records.insert(*id, Arc::clone(&read));
        Ok(Some(read))
    }
}
