//! `examples/axum.rs` as people run it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::zombie_processes, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example beside this test: cargo builds it with the tests of its package.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples/axum");
    assert!(path.is_file(), "{} is not built: run the tests of the whole package", path.display());
    path
}

#[test]
fn the_example_serves_who_may_and_nobody_else() {
    let mut child = Running(
        Command::new(example()).arg("127.0.0.1:0").stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap(),
    );
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let (key, url) = (lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap());
    let address = url.strip_prefix("http://").unwrap();
    let ask = |target: &str, key: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    for (target, key, status) in [
        ("/jobs/42", "", "401"),
        ("/jobs/42", "jbf_live_000000000000_00000000000000000000000000000000000000000001O3Seg", "401"),
        ("/jobs/../jobs/42", key.as_str(), "400"),
        ("/other", &key, "404"),
    ] {
        let answer = ask(target, key);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {answer}");
    }
    let answer = ask("/jobs/42", &key);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("job 42 for company-1\n"), "{answer}");
}
