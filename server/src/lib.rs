//! The reference server: the decision as a layer before an API, and the management of its keys. Its default is the job platform Jobiflow.

pub mod app;
mod demo;
mod guard;
mod keys_api;
mod listen;
mod problem;
mod resources;
pub mod store;

pub use self::demo::Demo;
pub use self::listen::{ServeError, ServeOptions, run};

/// The policy of the server.
pub const POLICY: &str = include_str!("../../examples/jobiflow/policy.json");
