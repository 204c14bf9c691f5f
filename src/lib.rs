//! Scopegate: one decision engine.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

pub mod credential;
pub mod decision;
pub mod engine;
pub mod error;
pub mod host;
pub mod jwt;
pub mod key;
pub mod policy;
pub mod principal;
pub mod request;
pub mod response;
pub mod route;
pub mod scope;
pub mod time;
#[cfg(target_arch = "wasm32")]
mod wasm;
