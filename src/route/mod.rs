//! Routes: the path grammar and the table that finds the one route a request means.

mod build;
pub mod pattern;
pub mod table;
