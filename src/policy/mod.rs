//! The policy: the document people write and the checked form the engine runs.

pub mod compile;
pub mod document;
