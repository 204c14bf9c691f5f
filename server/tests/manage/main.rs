//! The management API over real sockets. Every answer is held against `openapi.yaml` as it comes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

mod change;
mod create;
mod idempotency;
mod list;
mod openapi;
mod rotate;
#[path = "../support/mod.rs"]
mod support;
