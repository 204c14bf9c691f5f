//! Whether a database has changed, read from the index of its write-ahead log (sqlite.org/walformat.html): a file beside the database that
//! SQLite maps into every process that has it open.
//!
//! A commit writes the header of the index anew before it returns, first the second copy, then the first, and with a number that it counts up. By
//! these bytes and nothing else SQLite itself knows whether what it has in its cache still holds. So a header that is the same as before, read
//! after a commit has returned, was not changed by that commit. To read it takes one call to the system and no lock, where SQLite takes a lock of
//! the file and gives it back.
//!
//! This holds while a connection of this process has the database open: nobody else can then leave the write-ahead log or begin another index.
//!
//! A file may not be closed while SQLite has it open in the same process, for with any descriptor of it every lock goes that the process has on it
//! (fcntl(2)). So what was opened here is kept, for all stores of the process, until SQLite has let go of it and it is deleted.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The bytes of a copy of the header; two are at the start of the file.
const HEADER: usize = 48;
/// The version of the format, the first member of the header.
const VERSION: u32 = 3_007_000;
/// The place of the byte that says whether the header was written.
const IS_WRITTEN: usize = 12;

/// Every index that this process has opened, and may not close yet.
static OPENED: Mutex<Vec<Arc<File>>> = Mutex::new(Vec::new());

/// What a commit changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header([u8; HEADER]);

/// The index of a database.
#[derive(Debug)]
pub(super) struct Index(Arc<File>);

/// What tells files apart.
fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// How many descriptors of a file this process has; `None` where that cannot be told.
fn descriptors(of: (u64, u64)) -> Option<usize> {
    let mut found = 0_usize;
    for entry in fs::read_dir("/proc/self/fd").ok()? {
        // The one of this list itself is gone when it is looked at.
        let same = fs::metadata(entry.ok()?.path()).is_ok_and(|file| identity(&file) == of);
        found = found.saturating_add(usize::from(same));
    }
    Some(found)
}

/// Whether nobody can miss the locks of a file: it is deleted, and nobody in this process has it but this descriptor.
fn is_abandoned(file: &File) -> bool {
    file.metadata().is_ok_and(|file| file.nlink() == 0 && descriptors(identity(&file)) == Some(1))
}

impl Index {
    /// The index of a database that a connection of this process has read from. `None` where it is not certain that SQLite has this very file.
    pub(super) fn open(database: &Path) -> Option<Self> {
        // SQLite follows links first.
        let mut name = fs::canonicalize(database).ok()?.into_os_string();
        name.push("-shm");
        let file = fs::metadata(&name).ok()?;
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|file| Arc::strong_count(file) > 1 || !is_abandoned(file));
        let same = |known: &Arc<File>| known.metadata().is_ok_and(|known| identity(&known) == identity(&file));
        // Beside what was opened here there is SQLite's own.
        let known = opened.iter().find(|known| same(known)).cloned();
        if descriptors(identity(&file))? <= usize::from(known.is_some()) {
            return None;
        }
        let index = match known {
            Some(known) => known,
            None => {
                let fresh = Arc::new(File::open(&name).ok()?);
                opened.push(Arc::clone(&fresh));
                if !same(&fresh) {
                    return None;
                }
                fresh
            }
        };
        Some(Self(index))
    }

    /// The header as it is now. `None` while it is being written, or when it is none.
    pub(super) fn header(&self) -> Option<Header> {
        let mut copies = [0; 2 * HEADER];
        self.0.read_exact_at(&mut copies, 0).ok()?;
        let (first, second) = copies.split_first_chunk::<HEADER>()?;
        let is_whole = first.as_slice() == second
            && first.first_chunk().copied().map(u32::from_ne_bytes) == Some(VERSION)
            && first.get(IS_WRITTEN) == Some(&1);
        is_whole.then_some(Header(*first))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::path::PathBuf;

    use rusqlite::Connection;

    use super::*;

    /// A database in a folder of its own.
    struct Database(PathBuf);

    impl Database {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("scopegate-index-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn path(&self) -> PathBuf {
            self.0.join("keys.db")
        }

        fn index(&self) -> PathBuf {
            self.0.join("keys.db-shm")
        }

        fn connect(&self) -> Connection {
            let connection = Connection::open(self.path()).unwrap();
            connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (n INTEGER)").unwrap();
            connection
        }

        /// How many locks this process has on the index, as each of its descriptors tells.
        fn locks(&self) -> usize {
            let index = identity(&fs::metadata(self.index()).unwrap());
            let descriptors = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap());
            let told = descriptors
                .filter(|entry| fs::metadata(entry.path()).is_ok_and(|file| identity(&file) == index))
                .map(|entry| fs::read_to_string(Path::new("/proc/self/fdinfo").join(entry.file_name())).unwrap())
                .map(|told| told.lines().filter(|line| line.starts_with("lock:")).count());
            told.max().unwrap_or(0)
        }
    }

    impl Drop for Database {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn every_commit_changes_the_header_and_nothing_else_does() {
        let database = Database::new("commits");
        let (one, other) = (database.connect(), database.connect());
        let index = Index::open(&database.path()).unwrap();
        let mut last = index.header().unwrap();
        let write = |connection: &Connection, statement: &str| connection.execute_batch(statement).unwrap();
        for (changes, connection, statement) in [
            (true, &one, "INSERT INTO t VALUES (1)"),
            (true, &other, "UPDATE t SET n = 2"),
            (false, &other, "UPDATE t SET n = 3 WHERE n = 7"),
            (false, &one, "SELECT count(*) FROM t"),
            (false, &one, "BEGIN IMMEDIATE; UPDATE t SET n = 4"),
            (true, &one, "COMMIT"),
            (false, &one, "BEGIN IMMEDIATE; DELETE FROM t; ROLLBACK"),
            (false, &other, "PRAGMA wal_checkpoint(PASSIVE)"),
            (true, &one, "INSERT INTO t VALUES (5)"),
        ] {
            write(connection, statement);
            let now = index.header().unwrap();
            assert_eq!(now != last, changes, "{statement}");
            last = now;
        }
        // The log begins anew: what was seen does not come again.
        let mut seen = vec![last];
        for _ in 0..20 {
            for statement in ["PRAGMA wal_checkpoint(TRUNCATE)", "UPDATE t SET n = 1", "UPDATE t SET n = 2"] {
                write(&one, statement);
                if statement.starts_with("UPDATE") {
                    let now = index.header().unwrap();
                    assert!(!seen.contains(&now));
                    seen.push(now);
                }
            }
        }
    }

    #[test]
    fn an_index_is_believed_where_this_process_has_it_open() {
        let database = Database::new("open");
        fs::write(database.index(), [0; 32_768]).unwrap();
        assert!(Index::open(&database.path()).is_none(), "no database");
        fs::write(database.path(), []).unwrap();
        assert!(Index::open(&database.path()).is_none(), "SQLite has not opened it");
        let connection = database.connect();
        let index = Index::open(&database.path()).unwrap();
        assert!(index.header().is_some());
        // Somebody deletes it: what SQLite has open still counts, and what is put in its place does not.
        let before = index.header();
        fs::remove_file(database.index()).unwrap();
        assert!(Index::open(&database.path()).is_none());
        fs::write(database.index(), [0; 32_768]).unwrap();
        assert!(Index::open(&database.path()).is_none());
        connection.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        assert!(index.header().is_some() && index.header() != before);
    }

    #[test]
    fn a_header_that_is_none_says_nothing() {
        let database = Database::new("torn");
        let connection = database.connect();
        connection.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        let index = Index::open(&database.path()).unwrap();
        let bytes = fs::read(database.index()).unwrap();
        let copy = |bytes: &[u8]| {
            let path = database.0.join("copy");
            fs::write(&path, bytes).unwrap();
            Index(Arc::new(File::open(path).unwrap())).header()
        };
        assert_eq!(copy(&bytes), index.header());
        assert_eq!(copy(bytes.get(..95).unwrap()), None, "too short");
        // Each byte of either copy, and both of what says that there is none.
        for places in (0..96).map(|place| vec![place]).chain([vec![0, 48], vec![12, 60]]) {
            let mut torn = bytes.clone();
            for place in &places {
                *torn.get_mut(*place).unwrap() ^= 1;
            }
            assert_eq!(copy(&torn), None, "{places:?}");
        }
    }

    #[test]
    fn the_locks_of_sqlite_outlive_an_index() {
        let database = Database::new("locks");
        let connection = database.connect();
        let before = database.locks();
        assert!(before > 0);
        for _ in 0..3 {
            drop(Index::open(&database.path()).unwrap());
            assert_eq!(database.locks(), before);
        }
        let path = database.index();
        let identity = identity(&fs::metadata(&path).unwrap());
        let kept = || OPENED.lock().unwrap().iter().any(|file| super::identity(&file.metadata().unwrap()) == identity);
        assert!(kept());
        drop(connection);
        assert!(!path.exists(), "the last connection takes it with it");
        // The next index that is opened closes it.
        let next = Database::new("next");
        let _connection = next.connect();
        let _index = Index::open(&next.path()).unwrap();
        assert!(!kept());
    }
}
