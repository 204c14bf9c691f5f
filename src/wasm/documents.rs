//! The documents that the command of the package is given, held against their shapes. What is wrong is told in the words that the native
//! command has from serde.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::keys::header;
use crate::json::members::Place;
use crate::json::read::{Read, Reader, whole};
use crate::key::json::{checked, read_record};
use crate::policy::read::{document, ordered, value};
use crate::time::UnixSeconds;

const INSTANT: &str = "whole Unix seconds from 0 to 253402300799";

type Look = fn(&mut Reader<'_>) -> Read<()>;

/// A member: its name as the macro `members` has it, and how it is looked at.
type Field = (&'static str, Look);

const SET: [Field; 8] = [
    ("name?", some_text),
    ("policy", policy),
    ("peppers?", texts),
    ("secrets?", texts),
    ("jwks?", object),
    ("now", instant),
    ("keys?", records),
    ("cases", |reader| reader.array(&mut case)),
];
const CASE: [Field; 5] = [
    ("name", text),
    ("request", |reader| fields(reader, "struct RequestDocument", &REQUEST)),
    ("now?", |reader| some(reader, instant)),
    ("store?", |reader| some(reader, |reader| reader.choice(&["fail"]).map(drop))),
    ("expect", object),
];
const REQUEST: [Field; 5] = [
    ("method", text),
    ("target", text),
    ("headers?", |reader| reader.array(&mut |reader| header(reader).map(drop))),
    ("https?", |reader| reader.boolean().map(drop)),
    ("clientIp?", |reader| some(reader, address)),
];

/// What is wrong with a text: 0 a case file, 1 key records, 2 secrets by name, else any JSON. Nothing when it is what it should be.
pub(super) fn fault(kind: u32, text: &str) -> Option<String> {
    let look: Look = match kind {
        0 => cases,
        1 => wrapped,
        2 => texts,
        _ => |reader| reader.value().map(drop),
    };
    whole(text, look).err().map(|fault| fault.in_text(text))
}

fn fields(reader: &mut Reader<'_>, expected: &str, table: &[Field]) -> Read<()> {
    let (names, mut places): (Vec<&str>, Vec<Place<'_, '_>>) =
        table.iter().map(|(name, look)| (*name, Place::Looked(*look))).unzip();
    reader.members(Some(expected), &names, &[], &mut places)
}

fn some(reader: &mut Reader<'_>, look: Look) -> Read<()> {
    reader.nullable(look).map(drop)
}

fn text(reader: &mut Reader<'_>) -> Read<()> {
    reader.string().map(drop)
}

fn some_text(reader: &mut Reader<'_>) -> Read<()> {
    some(reader, text)
}

fn texts(reader: &mut Reader<'_>) -> Read<()> {
    ordered(reader, Reader::string).map(drop)
}

fn object(reader: &mut Reader<'_>) -> Read<()> {
    ordered(reader, value).map(drop)
}

fn instant(reader: &mut Reader<'_>) -> Read<()> {
    let seconds = reader.whole_or(INSTANT)?;
    match i64::try_from(seconds).ok().and_then(UnixSeconds::new) {
        Some(_) => Ok(()),
        None => Err(reader.fault(format!("invalid value: integer `{seconds}`, expected {INSTANT}"))),
    }
}

fn address(reader: &mut Reader<'_>) -> Read<()> {
    match reader.string_or("IP address")?.parse::<IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(reader.fault("invalid IP address syntax")),
    }
}

fn case(reader: &mut Reader<'_>) -> Read<()> {
    fields(reader, "struct CaseDocument", &CASE)
}

/// The path of a policy, or a policy.
fn policy(reader: &mut Reader<'_>) -> Read<()> {
    match reader.token() {
        Some(b'{') => document(reader).map(drop),
        _ => reader.string_or("the path of a policy, or a policy").map(drop),
    }
}

fn record(reader: &mut Reader<'_>) -> Read<()> {
    if reader.token() != Some(b'{') {
        return Err(reader.wrong("a key record"));
    }
    match checked(read_record(reader)?) {
        Ok(_) => Ok(()),
        Err(message) => Err(reader.passed(message)),
    }
}

fn records(reader: &mut Reader<'_>) -> Read<()> {
    reader.array(&mut record)
}

/// A list of key records, or an object with one; a whole case file will do.
fn wrapped(reader: &mut Reader<'_>) -> Read<()> {
    match reader.token() {
        Some(b'{') => reader.members(None, &["keys"], &[], &mut [Place::Looked(records)]),
        _ => records(reader),
    }
}

fn set(reader: &mut Reader<'_>) -> Read<()> {
    fields(reader, "struct SetDocument", &SET)
}

/// A set of cases, or a list of sets.
fn cases(reader: &mut Reader<'_>) -> Read<()> {
    match reader.token() {
        Some(b'[') => reader.array(&mut set),
        _ => set(reader),
    }
}
