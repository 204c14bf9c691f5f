//! The client: blocking threads, a connection each, one request after the other, so that it takes as little as can be from what it measures.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

const TARGET: &str = "/public/v1/job-listings";

/// Sends a number of requests with the keys of a file in turn, and prints a line of JSON.
pub fn drive(address: &str, keys: &str, requests: usize, connections: usize, pid: Option<&str>) {
    let text = std::fs::read_to_string(keys).unwrap();
    let heads: Vec<Vec<u8>> = text
        .split_whitespace()
        .map(|key| format!("GET {TARGET} HTTP/1.1\r\nHost: api.jobiflow.com\r\nX-API-Key: {key}\r\n\r\n").into_bytes())
        .collect();
    let next = AtomicUsize::new(0);
    let (begun, before) = (Instant::now(), memory(pid));
    let mut memories = vec![before];
    let mut times: Vec<u32> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..connections).map(|_| scope.spawn(|| one_connection(address, &heads, &next, requests))).collect();
        // Ten looks at the memory of the server on the way.
        for tenth in 1..=10 {
            while next.load(Ordering::Relaxed) < requests * tenth / 10 {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            memories.push(memory(pid));
        }
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let took = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!(
        "{}",
        serde_json::json!({
            "requests": times.len(), "seconds": took, "perSecond": (times.len() as f64 / took).round(),
            "p50Micros": at(0.5), "p99Micros": at(0.99), "p999Micros": at(0.999), "memoryKiB": memories,
        })
    );
}

/// Sends requests until all are sent; how long each took, in microseconds.
fn one_connection(address: &str, heads: &[Vec<u8>], next: &AtomicUsize, requests: usize) -> Vec<u32> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut times = Vec::with_capacity(requests / 4);
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= requests {
            return times;
        }
        let begun = Instant::now();
        stream.write_all(&heads[number % heads.len()]).unwrap();
        read_answer(&mut stream, &mut bytes);
        times.push(u32::try_from(begun.elapsed().as_micros()).unwrap());
    }
}

/// Reads one answer to its end; anything but 200 ends the test.
fn read_answer(stream: &mut TcpStream, bytes: &mut [u8]) {
    let mut len = 0;
    loop {
        let read = stream.read(&mut bytes[len..]).unwrap();
        assert!(read > 0, "the connection was closed");
        len += read;
        let Some(head) = bytes[..len].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&bytes[..head]).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        let mut lengths = text.lines().filter_map(|line| line.split_once(": "));
        let length = lengths.find(|(name, _)| name.eq_ignore_ascii_case("content-length")).unwrap().1;
        if len >= head + 4 + length.parse::<usize>().unwrap() {
            return;
        }
    }
}

/// The resident memory of a process, in KiB.
fn memory(pid: Option<&str>) -> u64 {
    let Some(pid) = pid else { return 0 };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}
