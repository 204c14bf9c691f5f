//! API keys: the text form, the stored hash, the record, the life of a key, and the keys of other systems.

mod checksum;
mod digest;
pub mod foreign;
pub mod format;
pub mod hash;
pub mod ip;
pub(crate) mod json;
pub mod lifecycle;
mod mac;
pub mod record;
pub mod scanner;
