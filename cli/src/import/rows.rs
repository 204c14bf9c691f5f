//! The rows of a file: a JSON list of objects, JSON lines, or CSV with a head. Each knows its line.

use std::path::Path;

use scopegate::policy::document::{Ordered, StrictValue};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::members::{Wrong, wrong};
use crate::error::Misuse;

/// A row, or why it is none.
pub struct Row {
    pub line: usize,
    pub members: Result<Map<String, Value>, Wrong>,
}

/// Reads the rows, by the first character: `[` is a JSON list, `{` JSON lines, anything else CSV.
pub fn rows(path: &Path, text: &str) -> Result<Vec<Row>, Misuse> {
    let text = text.trim_start_matches('\u{feff}');
    match text.trim_start().chars().next() {
        None => Err(Misuse::file(path, "expected rows: a JSON list of objects, JSON lines, or CSV with a head")),
        Some('[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| Misuse::json(path, &error))?;
            Ok(items.into_iter().map(|item| json(line_of(text, item.get()), item.get())).collect())
        }
        Some('{') => Ok((1..)
            .zip(text.lines())
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(number, line)| json(number, line))
            .collect()),
        Some(_) => csv(path, text),
    }
}

/// The line on which a part of a text begins.
fn line_of(text: &str, part: &str) -> usize {
    let at = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    text.get(..at).unwrap_or_default().matches('\n').count().saturating_add(1)
}

fn json(line: usize, text: &str) -> Row {
    let members = match serde_json::from_str::<Ordered<StrictValue>>(text) {
        Ok(members) => Ok(members.0.into_iter().map(|(name, value)| (name, value.0)).collect()),
        // The text of the error may repeat what was found.
        Err(_) => Err(wrong("row", "a JSON object, each member once")),
    };
    Row { line, members }
}

fn csv(path: &Path, text: &str) -> Result<Vec<Row>, Misuse> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let place = |error: &csv::Error| {
        let line = error.position().map_or(1, |at| usize::try_from(at.line()).unwrap_or(usize::MAX));
        Misuse { file: Some(path.into()), place: Some((line, 1)), message: "expected CSV".to_owned() }
    };
    let head = reader.headers().map_err(|error| place(&error))?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| place(&error))?;
        let line = record.position().map_or(1, |at| usize::try_from(at.line()).unwrap_or(usize::MAX));
        let members = if record.len() == head.len() {
            Ok(head.iter().zip(&record).map(|(name, cell)| (name.trim().to_owned(), cell_value(cell))).collect())
        } else {
            Err(wrong("row", format!("{} cells as in the head, found {}", head.len(), record.len())))
        };
        rows.push(Row { line, members });
    }
    Ok(rows)
}

/// An empty cell is nothing, and so is what databases write for it.
fn cell_value(cell: &str) -> Value {
    if cell.is_empty() || cell == "NULL" || cell == "\\N" { Value::Null } else { Value::String(cell.to_owned()) }
}
