//! The reference server: the decision as a layer before an API, and the management of its keys. Its default is the job platform Jobiflow.

pub mod admin;
pub mod app;
pub mod audit;
pub mod config;
pub mod connection;
mod demo;
mod guard;
mod keys_api;
mod listen;
pub mod log;
pub mod metered;
pub mod metrics;
mod problem;
pub mod proxy;
pub mod redact;
mod resources;
pub mod store;
pub mod tls;

pub use self::demo::Demo;
pub use self::listen::{ServeError, ServeOptions, run};

/// The policy of the server.
pub const POLICY: &str = include_str!("../../examples/jobiflow/policy.json");
