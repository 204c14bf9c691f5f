//! What the tests of the stores share.
#![allow(dead_code, reason = "each test uses a part")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// The file of a database, removed at the end.
pub struct File(PathBuf);

impl File {
    pub fn new(test: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("scopegate-{test}-{}-{number}.db", std::process::id())))
    }

    pub fn url(&self) -> String {
        format!("sqlite:{}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.0.display()));
        }
    }
}
