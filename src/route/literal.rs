//! The literal children of a node, and the search among them.

use super::segment::{Cut, SHORT, is_same};
use super::table::{Node, RouteTable, bytes_of};
use crate::word::WORD;

/// A literal child.
#[derive(Debug)]
pub(super) struct Literal {
    /// Of the text, as [`Cut`] has it.
    pub(super) digest: (u64, u64),
    /// The first eight bytes of the run.
    pub(super) run_word: u64,
    /// Where the text starts in [`RouteTable::texts`].
    pub(super) start: u32,
    pub(super) parent: u32,
    pub(super) child: u32,
    pub(super) len: u16,
    /// Whether its node has no other way on than literals.
    pub(super) is_only_way: bool,
    /// How much of the kept text after it must follow, slash first, before the next branch: a run of literals without a choice. With
    /// it the literal is shorter than [`WINDOW`](crate::request::WINDOW).
    pub(super) run: u8,
}

impl Literal {
    /// Whether a segment is this literal.
    #[inline(always)]
    pub(super) fn is(&self, cut: Cut<'_>, texts: &str) -> bool {
        self.digest.0 == cut.digest.0
            && usize::from(self.len) == cut.text.len()
            && self.digest.1 == cut.digest.1
            && (cut.text.len() <= SHORT || is_same(cut.text, bytes_of(texts, (self.start, self.len)), cut.fold))
    }

    /// What [`Cut::hash`] gives for it.
    pub(super) fn hash(&self, node: u32, texts: &str, fold: bool) -> u64 {
        Cut::of(bytes_of(texts, (self.start, self.len)), fold).hash(node)
    }

    /// Where what a matched literal takes of the path ends: behind its run, if that follows.
    #[inline(always)]
    pub(super) fn run_end(&self, rest: &[u8], stop: usize, texts: &str, fold: bool) -> Option<usize> {
        let run = usize::from(self.run);
        if run == 0 {
            return Some(stop);
        }
        let end = stop.wrapping_add(run);
        let follows = match rest.get(stop..).and_then(<[u8]>::first_chunk) {
            Some(bytes) if run <= WORD && !fold => {
                // What stands beyond the run is shifted away.
                let unused = (WORD.wrapping_sub(run) as u32).wrapping_mul(8);
                (u64::from_le_bytes(*bytes) ^ self.run_word).wrapping_shl(unused) == 0
            }
            _ => rest.get(stop..end).is_some_and(|text| is_same(text, self.run_text(texts), fold)),
        };
        (follows && matches!(rest.get(end), None | Some(b'/'))).then_some(end)
    }

    /// The kept text of the run.
    pub(super) fn run_text<'t>(&self, texts: &'t str) -> &'t [u8] {
        bytes_of(texts, (self.start.saturating_add(u32::from(self.len)), self.run.into()))
    }
}

impl RouteTable {
    /// The literal child of a node for a segment, and its index.
    #[inline(always)]
    pub(super) fn literal(&self, node: &Node, text: &[u8], fold: bool) -> Option<(u32, &Literal)> {
        if fold || text.len() > SHORT || cfg!(target_arch = "wasm32") {
            return self.any_literal(node, text);
        }
        if node.has_many() { self.short_of_many(node, text) } else { self.of_few(node, Cut::of(text, false)) }
    }

    /// The same of a segment of any length, folded or not.
    #[inline(never)]
    fn any_literal(&self, node: &Node, text: &[u8]) -> Option<(u32, &Literal)> {
        let cut = Cut::of(text, self.fold);
        if node.has_many() { self.of_many(node, cut) } else { self.of_few(node, cut) }
    }

    /// The same of a short segment as it is: nothing here calls anything.
    #[inline(never)]
    fn short_of_many(&self, node: &Node, text: &[u8]) -> Option<(u32, &Literal)> {
        if text.len() > SHORT { None } else { self.of_many(node, Cut::of(text, false)) }
    }

    #[inline(always)]
    fn of_few(&self, node: &Node, cut: Cut<'_>) -> Option<(u32, &Literal)> {
        let (mut at, end) = node.literals;
        while at < end {
            let literal = self.literals.get(at as usize)?;
            if literal.is(cut, &self.texts) {
                return Some((at, literal));
            }
            at = at.wrapping_add(1);
        }
        None
    }

    #[inline(always)]
    fn of_many(&self, node: &Node, cut: Cut<'_>) -> Option<(u32, &Literal)> {
        let (first, end) = node.literals;
        let mut place = first_place(cut.hash(first), self.index_shift);
        loop {
            let at = *self.index.get(place)?;
            let literal = self.literals.get(at as usize)?;
            // Among the children of this node: that lies between the first and the last of them.
            if at.wrapping_sub(first) < end.wrapping_sub(first) && literal.is(cut, &self.texts) {
                return Some((at, literal));
            }
            place = next_place(place, self.index.len());
        }
    }
}

/// What is left of a hash among so many places, a power of two, when its lower bits are shifted away.
pub(super) const fn shift_of(places: usize) -> u32 {
    u64::BITS.wrapping_sub(places.trailing_zeros())
}

/// Where the search for a hash begins.
#[inline(always)]
pub(super) const fn first_place(hash: u64, shift: u32) -> usize {
    hash.wrapping_shr(shift) as usize
}

#[inline(always)]
pub(super) const fn next_place(place: usize, places: usize) -> usize {
    place.wrapping_add(1) & places.wrapping_sub(1)
}
