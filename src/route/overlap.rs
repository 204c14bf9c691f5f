//! What two patterns have in common: exact, with a path as the witness.
//!
//! The values of a parameter are a regular language, so two segments with parameters are held against each other as two small
//! automata stepped together, breadth first. A step is a symbol: a byte, or a whole escape, so that no witness is cut inside one.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::pattern::{Kind, Param, Pattern, Segment};

/// Where an automaton stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    Prefix(usize),
    /// How far the value is: the count for `int` and `uuid`; 0 none, 1 whole, 2 after a hyphen for the others.
    Value(u8),
    Suffix(usize),
}

struct Automaton<'a> {
    prefix: Vec<&'a str>,
    kind: Kind,
    suffix: Vec<&'a str>,
}

/// The symbols of literal text.
fn symbols(mut text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    while !text.is_empty() {
        let len = if text.starts_with('%') { 3 } else { 1 };
        let Some((symbol, rest)) = text.split_at_checked(len) else { break };
        found.push(symbol);
        text = rest;
    }
    found
}

impl<'a> Automaton<'a> {
    fn new(prefix: &'a str, kind: Kind, suffix: &'a str) -> Self {
        Self { prefix: symbols(prefix), kind, suffix: symbols(suffix) }
    }

    const fn start(&self) -> Stand {
        if self.prefix.is_empty() { Stand::Value(0) } else { Stand::Prefix(0) }
    }

    const fn value_is_whole(&self, so_far: u8) -> bool {
        match self.kind {
            Kind::Int => so_far > 0,
            Kind::Uuid => so_far == 36,
            Kind::Any | Kind::Slug | Kind::Hex => so_far == 1,
        }
    }

    fn value_step(&self, so_far: u8, symbol: &str) -> Option<u8> {
        let byte = match symbol.as_bytes() {
            [byte] => *byte,
            _ => b'%',
        };
        match self.kind {
            Kind::Any => Some(1),
            Kind::Int => (byte.is_ascii_digit() && so_far < 20).then(|| so_far.saturating_add(1)),
            Kind::Hex => byte.is_ascii_hexdigit().then_some(1),
            Kind::Slug if byte == b'-' => (so_far == 1).then_some(2),
            Kind::Slug => (byte.is_ascii_lowercase() || byte.is_ascii_digit()).then_some(1),
            Kind::Uuid => match so_far {
                8 | 13 | 18 | 23 => byte == b'-',
                0..36 => byte.is_ascii_hexdigit(),
                _ => false,
            }
            .then(|| so_far.saturating_add(1)),
        }
    }

    /// Where a symbol leads: the value may end before it or go on.
    fn step(&self, stand: Stand, symbol: &str) -> impl Iterator<Item = Stand> {
        let is = |text: &[&str], at: usize| text.get(at) == Some(&symbol);
        let (one, two) = match stand {
            Stand::Prefix(at) if is(&self.prefix, at) => {
                let next = at.saturating_add(1);
                (Some(if next == self.prefix.len() { Stand::Value(0) } else { Stand::Prefix(next) }), None)
            }
            Stand::Value(so_far) => (
                self.value_step(so_far, symbol).map(Stand::Value),
                (self.value_is_whole(so_far) && is(&self.suffix, 0)).then_some(Stand::Suffix(1)),
            ),
            Stand::Suffix(at) if is(&self.suffix, at) => (Some(Stand::Suffix(at.saturating_add(1))), None),
            Stand::Prefix(_) | Stand::Suffix(_) => (None, None),
        };
        one.into_iter().chain(two)
    }

    const fn is_end(&self, stand: Stand) -> bool {
        match stand {
            Stand::Prefix(_) => false,
            Stand::Value(so_far) => self.suffix.is_empty() && self.value_is_whole(so_far),
            Stand::Suffix(at) => at == self.suffix.len(),
        }
    }
}

/// A joint state, and how it was reached.
struct Reached<'a> {
    state: (Stand, Stand, u8),
    from: usize,
    symbol: &'a str,
}

/// The joint states that were reached: where each is in the queue, found by its number; no more than half of the places are taken.
struct Seen(Vec<usize>);

impl Seen {
    fn place(&self, queue: &[Reached<'_>], state: (Stand, Stand, u8)) -> usize {
        let number = |stand| match stand {
            Stand::Prefix(at) => at.wrapping_mul(3),
            Stand::Value(so_far) => usize::from(so_far).wrapping_mul(3).wrapping_add(1),
            Stand::Suffix(at) => at.wrapping_mul(3).wrapping_add(2),
        };
        let (one, two, dot) = state;
        let last = self.0.len().saturating_sub(1);
        let mixed = number(one).wrapping_mul(0x9e37_79b1) ^ number(two).wrapping_mul(0x85eb_ca77) ^ usize::from(dot);
        let mut place = (mixed ^ mixed >> 15) & last;
        while self.0.get(place).and_then(|at| queue.get(*at)).is_some_and(|other| other.state != state) {
            place = place.wrapping_add(1) & last;
        }
        place
    }

    /// Puts a state into the queue, once.
    fn enter<'a>(&mut self, queue: &mut Vec<Reached<'a>>, reached: Reached<'a>) {
        if queue.len() >= self.0.len() / 2 {
            self.0 = alloc::vec![usize::MAX; self.0.len().saturating_mul(2).max(16)];
            for (at, Reached { state, .. }) in queue.iter().enumerate() {
                let place = self.place(queue, *state);
                self.0.get_mut(place).into_iter().for_each(|free| *free = at);
            }
        }
        let place = self.place(queue, reached.state);
        if let Some(free) = self.0.get_mut(place).filter(|at| **at == usize::MAX) {
            *free = queue.len();
            queue.push(reached);
        }
    }
}

/// Dots so far while there was nothing else, up to two; 3 for anything else.
fn dots(so_far: u8, symbol: &str) -> u8 {
    match (so_far, symbol) {
        (0 | 1, ".") => so_far.saturating_add(1),
        _ => 3,
    }
}

/// The shortest canonical segment that both parameters match, if there is one.
pub(super) fn common_segment(a: &Param<'_>, b: &Param<'_>, fold: bool) -> Option<String> {
    let case = |text| if fold { Cow::Owned(str::to_ascii_lowercase(text)) } else { Cow::Borrowed(text) };
    let texts = [case(a.prefix), case(a.suffix), case(b.prefix), case(b.suffix)];
    let [a_prefix, a_suffix, b_prefix, b_suffix] = &texts;
    let prefixes = a_prefix.starts_with(&**b_prefix) || b_prefix.starts_with(&**a_prefix);
    let suffixes = a_suffix.ends_with(&**b_suffix) || b_suffix.ends_with(&**a_suffix);
    if !prefixes || !suffixes {
        return None;
    }
    let left = Automaton::new(a_prefix, a.kind, a_suffix);
    let right = Automaton::new(b_prefix, b.kind, b_suffix);
    // Every kind that accepts a byte accepts "0" or "-" in its place, so no further symbol can be needed.
    let mut alphabet = alloc::vec!["0", "-"];
    for symbol in [&left.prefix, &left.suffix, &right.prefix, &right.suffix].into_iter().flatten() {
        if !alphabet.contains(symbol) {
            alphabet.push(symbol);
        }
    }
    let start = (left.start(), right.start(), 0);
    let (mut seen, mut queue) = (Seen(Vec::new()), Vec::new());
    seen.enter(&mut queue, Reached { state: start, from: 0, symbol: "" });
    let mut at = 0_usize;
    while let Some(Reached { state: (one, two, dot), .. }) = queue.get(at) {
        let (one, two, dot) = (*one, *two, *dot);
        if left.is_end(one) && right.is_end(two) && dot == 3 {
            return Some(spell(&queue, at));
        }
        for symbol in &alphabet {
            for next in left.step(one, symbol) {
                for other in right.step(two, symbol) {
                    let state = (next, other, dots(dot, symbol));
                    seen.enter(&mut queue, Reached { state, from: at, symbol });
                }
            }
        }
        at = at.saturating_add(1);
    }
    None
}

fn spell(queue: &[Reached<'_>], end: usize) -> String {
    let mut symbols = Vec::new();
    let mut at = end;
    while let Some(Reached { from, symbol, .. }) = queue.get(at).filter(|_| at > 0) {
        symbols.push(*symbol);
        at = *from;
    }
    symbols.into_iter().rev().collect()
}

/// A segment that both match. `Rest` counts as any one segment.
fn common(a: &Segment<'_>, b: &Segment<'_>, fold: bool) -> Option<String> {
    match (a, b) {
        (Segment::Literal(one), Segment::Literal(two)) => {
            (one == two || (fold && one.eq_ignore_ascii_case(two))).then(|| String::from(*one))
        }
        (Segment::Literal(text), Segment::Param(param)) | (Segment::Param(param), Segment::Literal(text)) => {
            // A slug takes no capital, so with folding the lower-case spelling is the one to try.
            let text = if fold { text.to_ascii_lowercase() } else { String::from(*text) };
            param.value(text.as_bytes(), fold).map(|_| text)
        }
        (Segment::Param(one), Segment::Param(two)) => common_segment(one, two, fold),
        (Segment::Rest, Segment::Rest) => Some(String::from("0")),
        (Segment::Rest, other) | (other, Segment::Rest) => common(other, other, false),
    }
}

impl Pattern<'_> {
    /// A path that both patterns match, whatever else matches it; `None` when there is none. `fold` and `slash_same` are
    /// `case_insensitive` and `trailing_slash_same` of the table's options.
    ///
    /// ```
    /// use scopegate::route::pattern::Pattern;
    /// let (one, two) = (Pattern::parse("/a/{x}/{rest...}").unwrap(), Pattern::parse("/{y}/v{n:int}/c").unwrap());
    /// assert_eq!(one.overlaps(&two, false, false).as_deref(), Some("/a/v0/c"));
    /// assert_eq!(one.overlaps(&Pattern::parse("/b/c/d").unwrap(), false, false), None);
    /// ```
    #[must_use]
    pub fn overlaps(&self, other: &Self, fold: bool, slash_same: bool) -> Option<String> {
        if !slash_same && self.trailing_slash != other.trailing_slash {
            return None;
        }
        let mut path = String::new();
        let mut put = |segment: String| {
            path.push('/');
            path.push_str(&segment);
        };
        let (mut ours, mut theirs) = (self.segments.iter(), other.segments.iter());
        loop {
            let (one, two) = match (ours.next(), theirs.next()) {
                (None, None) => break,
                (Some(one), Some(two)) => (one, two),
                _ => return None,
            };
            put(common(one, two, fold)?);
            // The other side of a rest goes on as it likes.
            let goes_on = match (one, two) {
                (Segment::Rest, _) => &mut theirs,
                (_, Segment::Rest) => &mut ours,
                _ => continue,
            };
            for segment in goes_on {
                put(common(segment, segment, fold)?);
            }
            break;
        }
        if path.is_empty() || (self.trailing_slash && other.trailing_slash) {
            path.push('/');
        }
        Some(path)
    }

    /// A path that this pattern matches.
    #[must_use]
    pub fn sample(&self) -> String {
        self.overlaps(self, false, false).unwrap_or_default()
    }
}
