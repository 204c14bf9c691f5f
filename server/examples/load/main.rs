//! The load test's three parts: a client that counts, a server without a key check to compare with, and a database of many keys.
//! `scripts/load` puts them together.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a tool may stop where it finds a fault"
)]

mod bare;
mod drive;
mod fill;

const USAGE: &str = "usage:
  load bare READY_FILE
  load fill DATABASE PEPPER_FILE KEYS SAMPLE_FILE
  load drive ADDRESS KEYS_FILE REQUESTS CONNECTIONS [PID]";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["bare", ready] => bare::serve_until_killed(ready),
        ["fill", database, pepper, keys, sample] => fill::fill(database, pepper, keys.parse().unwrap(), sample),
        ["drive", address, keys, requests, connections] => {
            drive::drive(address, keys, requests.parse().unwrap(), connections.parse().unwrap(), None);
        }
        ["drive", address, keys, requests, connections, pid] => {
            drive::drive(address, keys, requests.parse().unwrap(), connections.parse().unwrap(), Some(pid));
        }
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(2);
        }
    }
}
