//! The server as a process: killed, stopped, watched and lied to. Linux and its `kill` command are expected.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]
#![cfg(unix)]

mod canary;
mod crash;
mod imported;
mod outage;
mod process;
mod settings;
mod stop;
mod twins;
