//! The reference server: the decision as a layer before an API, and the management of its keys. Its default is the job platform Jobiflow.

pub mod admin;
pub mod app;
pub mod audit;
mod budget;
pub mod config;
pub mod connection;
mod demo;
mod durations;
mod guard;
pub mod log;
pub mod manage;
pub mod metered;
pub mod metrics;
pub mod oauth;
mod open;
#[cfg(feature = "otel")]
pub mod otel;
pub mod peppers;
mod problem;
pub mod proxy;
pub mod redact;
mod resources;
mod serve;
mod signals;
pub mod store;
mod telemetry;
pub mod tls;
pub mod trace;
pub mod uses;
mod watch;
mod welcome;

pub use self::demo::Demo;
pub use self::problem::PROBLEM_TYPES;
pub use self::serve::{ServeError, run};

/// The policy of the server.
pub const POLICY: &str = include_str!("../../examples/jobiflow/policy.json");
