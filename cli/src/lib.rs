//! The command `scopegate`, as a library: the case runner is of use to other programs and to the tests of this project.

pub mod cases;
pub mod check;
pub mod decide;
pub mod error;
pub mod import;
pub mod input;
pub mod keys;
pub mod place;
pub mod secrecy;

/// The policy that is used when none is named: the job platform Jobiflow.
pub const DEFAULT_POLICY: &str = include_str!("../../examples/jobiflow/policy.json");
