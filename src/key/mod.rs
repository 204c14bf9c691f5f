//! API keys: the text form, the stored hash, the record, and the life of a key.

pub mod format;
pub mod hash;
pub mod ip;
pub mod lifecycle;
pub mod record;
