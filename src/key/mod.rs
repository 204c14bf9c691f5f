//! API keys: the text form, the stored hash, the record, and the life of a key.

mod checksum;
mod digest;
pub mod format;
pub mod hash;
pub mod ip;
pub(crate) mod json;
pub mod lifecycle;
mod mac;
pub mod record;
pub mod scanner;
