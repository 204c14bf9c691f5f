//! What JavaScript lays on a board: words that say where the parts of a request are in the input, and the words of an answer.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::request::{HeaderSource, ascii_text};

pub(super) const WORDS: usize = 96;
pub(super) const FLAG_HTTPS: u32 = 1;
pub(super) const FLAG_TEXT: u32 = 2;
/// Where it stands what a request has instead of the line of a token: from 1, the slot of whom the token proved before, the slot's
/// generation, the place of the token in the cache, and the number of the line.
const KNOWN_AT: usize = 60;
const MOST_LINES: usize = 24;
/// Where the address of the client is in the input; the method comes before it.
pub(super) const ADDRESS_AT: usize = 32;
/// Where the header values begin, unless the target does not fit before them: then they follow it.
const VALUES_AT: usize = 352;

pub(super) type Words = [u32; WORDS];

/// A piece of the input.
#[derive(Clone, Copy)]
pub(super) struct Part {
    start: usize,
    len: usize,
}

impl Part {
    /// The next `len` bytes; `used` moves behind them.
    fn take(used: &mut usize, len: u32) -> Self {
        let start = *used;
        *used = start.saturating_add(len as usize);
        Self { start, len: len as usize }
    }

    pub(super) fn of(self, input: &[u8]) -> &[u8] {
        input.get(self.start..self.start.saturating_add(self.len)).unwrap_or_default()
    }
}

#[derive(Clone, Copy)]
pub(super) struct Line {
    header: usize,
    value: Part,
}

/// The parts of a request, and what the host wants to have of its decision.
pub(super) struct Shape {
    pub(super) flags: u32,
    pub(super) method: Part,
    pub(super) target: Part,
    pub(super) address: Option<IpAddr>,
    /// What stands for a line that was not handed over.
    pub(super) known: Option<Known>,
    /// Where all of it ends.
    pub(super) end: usize,
}

/// A token that was seen before.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) slot: u32,
    pub(super) generation: u32,
    pub(super) place: u32,
    line: usize,
}

impl Shape {
    /// Reads the words; `None` when they do not fit the input.
    pub(super) fn read(words: &Words, input: &[u8], lines: &mut Vec<Line>) -> Option<Self> {
        let [flags, method, target_at, target, address, count, _, _, rest @ ..] = words;
        let count = *count as usize;
        if count > MOST_LINES {
            return None;
        }
        let known = known(words);
        let method = Part { start: 0, len: *method as usize };
        let address = Part { start: ADDRESS_AT, len: *address as usize }.of(input);
        let mut used = *target_at as usize;
        let target = Part::take(&mut used, *target);
        used = used.max(VALUES_AT);
        lines.clear();
        for pair in rest.as_chunks().0.iter().take(count) {
            let [header, len] = pair;
            lines.push(Line { header: *header as usize, value: Part::take(&mut used, *len) });
        }
        (used <= input.len()).then(|| Self {
            flags: *flags,
            method,
            target,
            address: if address.is_empty() { None } else { ascii_text(address).parse().ok() },
            known,
            end: used,
        })
    }
}

fn known(words: &Words) -> Option<Known> {
    match words.get(KNOWN_AT..)? {
        [slot, generation, place, line, ..] => {
            let slot = slot.checked_sub(1)?;
            Some(Known { slot, generation: *generation, place: *place, line: *line as usize })
        }
        _ => None,
    }
}

/// Tells the host where the token of this request is kept from now on.
pub(super) fn tell_place(words: &mut Words, place: Option<u32>) {
    put(words, KNOWN_AT, &[place.map_or(0, |place| place.saturating_add(1))]);
}

/// The header lines of the request, in the session's input.
pub(super) struct Lines<'a> {
    pub(super) names: &'a [String],
    pub(super) input: &'a [u8],
    pub(super) lines: &'a [Line],
    /// The line that was not handed over.
    pub(super) known: Option<Known>,
}

impl<'a> Lines<'a> {
    fn values(&self) -> impl Iterator<Item = (usize, &'a [u8])> + use<'_, 'a> {
        let input = self.input;
        self.lines.iter().map(move |line| (line.header, line.value.of(input)))
    }
}

impl HeaderSource for Lines<'_> {
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        let known = self.known.map(|known| known.line);
        for (at, (header, value)) in self.values().enumerate() {
            match self.names.get(header) {
                Some(name) if known != Some(at) => visit(name, value),
                _ => {}
            }
        }
    }
}

#[inline(always)]
pub(super) fn put<const COUNT: usize>(words: &mut Words, at: usize, values: &[u32; COUNT]) {
    if let Some(place) = words.get_mut(at..).and_then(|words| words.first_chunk_mut()) {
        *place = *values;
    }
}

/// A method as text: the usual ones need no closer look.
pub(super) fn method_of(bytes: &[u8]) -> &str {
    match bytes {
        b"GET" => "GET",
        b"POST" => "POST",
        b"PUT" => "PUT",
        b"PATCH" => "PATCH",
        b"DELETE" => "DELETE",
        other => core::str::from_utf8(other).unwrap_or_default(),
    }
}
