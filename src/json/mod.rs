//! JSON documents of this crate, read and written by hand: a module that travels has no room for a visitor per type.

mod float;
pub(crate) mod members;
pub(crate) mod object;
mod quoted;
pub(crate) mod read;
mod text;
mod values;
pub(crate) mod write;

pub(crate) use self::float::float;
pub(crate) use self::quoted::Quoted;
pub(crate) use self::values::to_number;
