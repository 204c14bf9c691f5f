//! What the tests of the stores share.
#![allow(dead_code, reason = "each test uses a part")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

#[cfg(any(feature = "postgres", feature = "redis"))]
use scopegate_stores::ServiceOptions;

/// The URL of a service. Without one the test is skipped and says so; under `scripts/with-services` it must be there.
pub fn service(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        assert!(std::env::var_os("SCOPEGATE_SERVICES").is_none(), "{variable} is not set, and SCOPEGATE_SERVICES is");
        eprintln!("skipped: {variable} is not set; scripts/with-services sets it");
    }
    url
}

/// Options with a namespace of this test and run. The limits are far off, so that a busy machine fails no test.
#[cfg(any(feature = "postgres", feature = "redis"))]
pub fn options(test: &str) -> ServiceOptions<'static> {
    let namespace = format!("t{}_{test}", std::process::id()).leak();
    let limit = std::time::Duration::from_secs(60);
    ServiceOptions { namespace, connect_timeout: limit, query_timeout: limit, ..ServiceOptions::default() }
}

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

    /// A file beside it.
    pub fn companion(&self, suffix: &str) -> PathBuf {
        format!("{}{suffix}", self.0.display()).into()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.0.display()));
        }
    }
}
