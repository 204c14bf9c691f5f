//! The authorization server over real sockets: a browser with cookies, clients, and whoever tries to get around them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

mod browser;
mod clients;
mod flow;
mod keys;
mod pages;
mod providers;
mod races;
mod refusals;
mod site;
mod social;
