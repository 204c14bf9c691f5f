//! What the tests of the command share: running it, files of their own, and the example's cases as a source of credentials.

#![allow(clippy::indexing_slicing, reason = "a test may stop where it finds a fault")]
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// A fixed key (pepper: bytes 0 to 31) and its hash.
pub const KEY: &str = "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg";
pub const HASH: &str = "e285f31396a7aea8f921343d8e8f75c3f27fbef878a7c1bbd41fef34059d9b3f";
/// The secret part of [`KEY`], with its checksum.
pub const SECRET: &str = "00000000000000000000000000000000000000000001O3Seg";
pub const PEPPER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// What a run of the command said.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Holds the run to an exit code and to texts that its output must have.
    #[track_caller]
    pub fn says(&self, code: i32, texts: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:#?}");
        for text in texts {
            assert!(self.out.contains(text) || self.err.contains(text), "{text:?} is missing: {self:#?}");
        }
        assert!(!self.err.contains("panicked"), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn hides(&self, secrets: &[&str]) -> &Self {
        for secret in secrets {
            assert!(!self.out.contains(secret) && !self.err.contains(secret), "{secret:?} is shown: {self:#?}");
        }
        self
    }
}

/// Runs the command with a text as its standard input.
pub fn scopegate<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>, stdin: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scopegate"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that never reads its input closes the pipe: no failure.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A directory of the test's own, gone when it ends.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("cli-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The path of a file of the repository.
pub fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).to_str().unwrap().to_owned()
}

/// The example's cases: peppers, keys, key sets and credentials for the embedded policy.
pub struct Example {
    document: Value,
    pub keys: String,
    pub peppers: String,
    pub jwks: String,
}

impl Example {
    pub fn new(dir: &Dir) -> Self {
        let text = std::fs::read_to_string(repository("examples/jobiflow/cases.json")).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        Self {
            keys: dir.file("keys.json", &document["keys"].to_string()),
            peppers: dir.file("peppers.json", &document["peppers"].to_string()),
            jwks: dir.file("jwks.json", &document["jwks"]["user"].to_string()),
            document,
        }
    }

    /// The value of a header of a case.
    pub fn header(&self, case: &str, name: &str) -> &str {
        let case = self.document["cases"].as_array().unwrap().iter().find(|one| one["name"] == case);
        let Some(case) = case else { panic!("no such case") };
        let headers = case["request"]["headers"].as_array().unwrap();
        headers.iter().find(|pair| pair[0] == name).unwrap()[1].as_str().unwrap()
    }

    /// `decide` with everything of the example at the time of its cases.
    pub fn decide(&self, more: &[&str], stdin: &str) -> Run {
        let jwks = format!("user={}", self.jwks);
        let given =
            ["decide", "--keys", &self.keys, "--peppers", &self.peppers, "--jwks", &jwks, "--now", "1780000000"];
        scopegate(given.iter().chain(more), stdin)
    }
}
