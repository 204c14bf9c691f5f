//! Routes: the path grammar and the table that finds the one route a request means.

mod build;
mod conflict;
mod error;
mod find;
mod jump;
mod literal;
mod overlap;
pub mod pattern;
mod segment;
mod settle;
mod spelling;
mod straight;
pub mod table;
mod values;
