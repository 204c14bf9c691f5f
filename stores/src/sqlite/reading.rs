//! A connection that only reads, used on the thread that asks. The pool hands every query to a thread of its own and back, which costs more than
//! a decision; a key is found here in a few microseconds, and writers are not waited for (write-ahead log).
//!
//! It keeps the records that it read, and they hold for as long as the database has not changed at all. The index of the write-ahead log says so
//! ([`Index`]); where it cannot be read, `PRAGMA data_version` does. Either differs as soon as any connection, of this process or another, has
//! committed anything, and this one never writes. What is kept is never older than the state that it is kept for, since the state is asked before
//! the record is read.
//!
//! The pragma costs locks of the file, more than all the rest. So whoever has to ask it lets the others who are ready go first, and then one look
//! serves all who had asked before it began. A call that begins after a commit has returned therefore sees that commit. For the same reason there
//! is one connection: several would wait for each other's locks, and share fewer looks.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;

use super::index::{Header, Index};
use super::kept::Kept;

/// How often a call lets others go first while the connection is at work, before it waits for it.
const PATIENCE: usize = 32;

/// What the database was at: another one as soon as anything was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// By the index of the write-ahead log.
    Index(Header),
    /// By `PRAGMA data_version`.
    Version(i64),
}

/// The connection, who waits for it, and what it has read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Nothing is told from what is kept once this is closed.
    is_open: AtomicBool,
    index: Option<Index>,
    kept: Kept,
    /// How many looks at the version have begun.
    begun: AtomicU64,
    reader: Mutex<Option<Reader>>,
}

#[derive(Debug)]
struct Reader {
    connection: Connection,
    version: i64,
    /// The number of the last look at the version that succeeded.
    looked: u64,
}

impl Reading {
    /// Opens a connection to a database that is open for writing elsewhere. `None` when there can be none: the pool then answers everything.
    pub(super) fn open(url: &str, path: &Path) -> Option<Self> {
        // Other parameters change how a database is opened; the pool knows what they mean.
        if url.split_once('?').is_some_and(|(_, parameters)| !matches!(parameters, "mode=rwc" | "mode=rw")) {
            return None;
        }
        let begun = AtomicU64::new(0);
        let mut reader = Reader::open(path).ok()?;
        // From the first look on the connection has the index open.
        let index = reader.look(&begun).ok().and_then(|()| Index::open(path));
        let reader = Mutex::new(Some(reader));
        Some(Self { is_open: AtomicBool::new(true), index, kept: Kept::default(), begun, reader })
    }

    /// Closes the connection; nothing is found here afterwards.
    pub(super) fn close(&self) {
        self.is_open.store(false, Ordering::SeqCst);
        *self.lock() = None;
        self.kept.clear();
    }

    /// The record with an id, if the index tells what the database is at. `None` when this cannot be told here and now.
    pub(super) fn find_now(&self, id: &KeyId) -> Option<Option<Arc<KeyRecord>>> {
        let index = self.index.as_ref().filter(|_| self.is_open.load(Ordering::SeqCst))?;
        let state = State::Index(index.header()?);
        match self.kept.get(id, state) {
            Some(record) => Some(Some(record)),
            None => self.lock().as_ref()?.read(id, state, &self.kept).ok(),
        }
    }

    /// The record with an id. `None` when this cannot be told here and now: the database is locked, damaged or gone.
    pub(super) async fn find(&self, id: &KeyId) -> Option<Option<Arc<KeyRecord>>> {
        let asked = self.asked();
        for _ in 0..PATIENCE {
            tokio::task::yield_now().await;
            if let Ok(mut reader) = self.reader.try_lock() {
                return self.find_by(reader.as_mut()?, id, asked);
            }
        }
        self.find_by(self.lock().as_mut()?, id, asked)
    }

    /// The record with an id, for a call that asked when so many looks at the version had begun.
    fn find_by(&self, reader: &mut Reader, id: &KeyId, asked: u64) -> Option<Option<Arc<KeyRecord>>> {
        if reader.looked <= asked {
            reader.look(&self.begun).ok()?;
        }
        let state = State::Version(reader.version);
        match self.kept.get(id, state) {
            Some(record) => Some(Some(record)),
            None => reader.read(id, state, &self.kept).ok(),
        }
    }

    /// How many looks have begun until now: only a later one is sure to see all that has been committed until now.
    fn asked(&self) -> u64 {
        fence(Ordering::SeqCst);
        self.begun.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Reader>> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        // Nobody waits here: the thread has other requests.
        connection.busy_timeout(Duration::ZERO)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(Self { connection, version: -1, looked: 0 })
    }

    /// Reads the record with an id, after the database was seen at a state.
    fn read(&self, id: &KeyId, state: State, kept: &Kept) -> rusqlite::Result<Option<Arc<KeyRecord>>> {
        self.connection
            .prepare_cached("SELECT record, last_used_at FROM api_keys WHERE id = ?")?
            .query_row([id.as_str()], |row| {
                kept.read(id, state, row.get_ref(0)?.as_str()?, row.get(1)?).map_err(|_| rusqlite::Error::InvalidQuery)
            })
            .optional()
    }

    /// Looks at the version.
    fn look(&mut self, begun: &AtomicU64) -> rusqlite::Result<()> {
        let number = begun.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        // Whoever asks from here on counts this look as begun, or else what they saw committed is seen here.
        fence(Ordering::SeqCst);
        self.version = self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        self.looked = number;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::path::PathBuf;

    use scopegate::key::lifecycle::relabel;

    use super::*;
    use crate::sqlite::SqliteStore;
    use crate::{KeyStore, Updated, kit};

    /// A file for a database, gone with its companions when dropped.
    struct File(PathBuf);

    impl File {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("scopegate-{name}-{}.db", std::process::id())))
        }

        fn url(&self) -> String {
            format!("sqlite:{}", self.0.display())
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{end}", self.0.display()));
            }
        }
    }

    #[tokio::test]
    async fn a_look_serves_those_who_asked_before_it_began_and_nobody_else() {
        let file = File::new("reading");
        let store = SqliteStore::open(&file.url()).await.unwrap();
        let first = kit::sample("looks", 1).unwrap();
        store.insert(&first).await.unwrap();
        let reading = Reading::open(&file.url(), &file.0).unwrap();
        let find = |asked| {
            let record = reading.find_by(reading.lock().as_mut().unwrap(), &first.id, asked).unwrap().unwrap();
            (record.version, reading.asked())
        };
        assert_eq!(reading.asked(), 1, "the first look");
        assert_eq!(find(0), (1, 1));
        let second = relabel(&first, "second").unwrap();
        assert_eq!(store.update(1, &second).await.unwrap(), Updated::Done);
        assert_eq!(find(0), (1, 1), "asked before the look, and so before the change");
        assert_eq!(find(1), (2, 2), "asked after the look began: a look of its own");
        let third = relabel(&second, "third").unwrap();
        assert_eq!(store.update(2, &third).await.unwrap(), Updated::Done);
        assert_eq!(find(reading.asked()), (3, 3));
        // A look that fails serves nobody.
        reading.begun.fetch_add(1, Ordering::SeqCst);
        assert_eq!(find(3), (3, 5));
        store.close().await;
        reading.close();
        assert!(reading.find(&first.id).await.is_none());
    }

    #[tokio::test]
    async fn those_who_ask_together_share_a_look() {
        let file = File::new("together");
        let store = SqliteStore::open(&file.url()).await.unwrap();
        let record = kit::sample("together", 1).unwrap();
        store.insert(&record).await.unwrap();
        let reading = Arc::new(Reading::open(&file.url(), &file.0).unwrap());
        let asking: Vec<_> = (0..50)
            .map(|_| {
                let (reading, id) = (Arc::clone(&reading), record.id);
                tokio::spawn(async move { reading.find(&id).await.flatten().is_some() })
            })
            .collect();
        for found in asking {
            assert!(found.await.unwrap());
        }
        assert_eq!(reading.asked(), 2, "one, after that of the start");
        store.close().await;
        reading.close();
    }
}
