//! The walk that most paths take down the table: into the most specific branch at every node, without a choice to come back to.

use super::jump::Jumps;
use super::literal::Literal;
use super::segment::{Cut, SHORT};
use super::table::{FEW, NONE, RouteTable};
use crate::request::Slashes;
use crate::word::{WORD, is_same_by_words, word_of_name};

/// What is left of a path behind a slash, and a bit for each slash in it and for its end.
#[derive(Clone, Copy)]
struct Left<'p> {
    rest: &'p [u8],
    marks: u64,
}

impl Left<'_> {
    /// What is left behind the slash at `end`.
    #[inline(always)]
    fn past(self, end: usize) -> Option<Self> {
        let rest = self.rest.get(end.wrapping_add(1)..)?;
        Some(Self { rest, marks: self.marks.wrapping_shr(end as u32) >> 1 })
    }

    /// Whether it is one segment.
    #[inline(always)]
    const fn is_segment(self) -> bool {
        !self.rest.is_empty() && self.marks.trailing_zeros() as usize == self.rest.len()
    }

    /// Whether a segment ends there, which is within the path.
    #[inline(always)]
    const fn ends_at(self, end: usize) -> bool {
        self.marks.wrapping_shr(end as u32) & 1 != 0
    }
}

impl RouteTable {
    /// Finds out where walks may begin.
    pub(super) fn place_jumps(&mut self) {
        if !self.fold && self.base.is_empty() && cfg!(not(target_arch = "wasm32")) {
            self.jumps = Jumps::of(&self.nodes, &self.literals, &self.texts);
        }
    }

    /// The endpoint of a path shorter than a [`WINDOW`](crate::request::WINDOW), if that is where its most specific branches lead. Of any
    /// other path, and of those that take a closer look (with a slash at the end, past a typed or affixed parameter, of a table without
    /// regard to case), this says nothing: [`NONE`].
    #[inline(always)]
    pub(super) fn straight(&self, path: &[u8], slashes: Slashes) -> u32 {
        let whole = Left { rest: path, marks: slashes.marks() };
        let Some((id, end)) = self.jumps.find(path, whole.marks, &self.literals, &self.texts) else {
            return self.straight_from_root(whole);
        };
        let Some(left) = whole.past(end) else { return self.end_of(id) };
        match self.nodes.get(id as usize) {
            // A parameter at the end, as most paths have.
            Some(node) if node.literals.1 == 0 && node.params.1 == 0 && left.is_segment() => self.end_of(node.plain),
            _ => self.straight_from(id, left),
        }
    }

    #[inline(always)]
    fn end_of(&self, node: u32) -> u32 {
        self.nodes.get(node as usize).map_or(NONE, |node| node.end)
    }

    #[inline(never)]
    fn straight_from_root(&self, whole: Left<'_>) -> u32 {
        let left = match (self.fold, self.base.is_empty()) {
            (true, _) => None,
            (false, true) => whole.past(0),
            (false, false) => self.past_base(whole),
        };
        left.map_or(NONE, |left| self.straight_from(0, left))
    }

    /// The same of what is left of a path behind a node.
    #[inline(never)]
    fn straight_from(&self, mut id: u32, mut left: Left<'_>) -> u32 {
        loop {
            let Some(node) = self.nodes.get(id as usize) else { return NONE };
            let mut end = left.marks.trailing_zeros() as usize;
            if end == 0 {
                return NONE;
            }
            let mut next = node.plain;
            let (first, last) = node.literals;
            let literal = if last.wrapping_sub(first) > FEW {
                self.straight_of_many((first, last), left.rest, end)
            } else {
                self.straight_of_few((first, last), left)
            };
            if let Some((index, taken)) = literal {
                (next, end) = (index.wrapping_add(1), taken);
            } else if node.params.1 != 0 {
                return NONE;
            }
            match left.past(end) {
                Some(further) => (id, left) = (next, further),
                None => return self.end_of(next),
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn past_base<'p>(&self, left: Left<'p>) -> Option<Left<'p>> {
        let base = self.base.as_bytes();
        let head = left.rest.get(..base.len())?;
        let follows = left.rest.get(base.len()) == Some(&b'/') && is_same_by_words(head, base);
        if follows { left.past(base.len()) } else { None }
    }

    /// The literal, among few, that what is left of a path begins with, and how much of that it takes.
    #[inline(always)]
    fn straight_of_few(&self, (first, last): (u32, u32), left: Left<'_>) -> Option<(u32, usize)> {
        let mut index = first;
        while index < last {
            let literal = self.literals.get(index as usize)?;
            let end = usize::from(literal.reach);
            if let Some(text) = left.rest.get(..end)
                && left.ends_at(end)
                && literal.digest == Cut::of(text, false).digest
                && (end <= SHORT || self.is_same_between(literal, text))
            {
                return Some((index, end));
            }
            index = index.wrapping_add(1);
        }
        None
    }

    /// The same among many, by the hash of the segment up to `stop`.
    #[inline(never)]
    fn straight_of_many(&self, literals: (u32, u32), rest: &[u8], stop: usize) -> Option<(u32, usize)> {
        if stop > SHORT {
            return self.long_of_many(literals, rest, stop);
        }
        let cut = Cut::of(rest.get(..stop)?, false);
        self.hashed(literals, cut, |literal| {
            if literal.digest == cut.digest && usize::from(literal.reach) == stop {
                Some(stop)
            } else if usize::from(literal.reach) > stop {
                self.taken_further(literal, rest)
            } else {
                None
            }
        })
    }

    #[inline(never)]
    fn long_of_many(&self, literals: (u32, u32), rest: &[u8], stop: usize) -> Option<(u32, usize)> {
        let taken = |literal: &Literal| literal.taken(rest, &self.texts);
        self.hashed(literals, Cut::of(rest.get(..stop)?, false), taken)
    }

    #[inline(never)]
    fn taken_further(&self, literal: &Literal, rest: &[u8]) -> Option<usize> {
        literal.taken(rest, &self.texts)
    }

    #[inline(never)]
    fn is_same_between(&self, literal: &Literal, text: &[u8]) -> bool {
        crate::word::is_same_between(text, literal.text(&self.texts))
    }

    /// The route of an endpoint with a method of at most eight bytes.
    #[inline(always)]
    pub(super) fn straight_route(&self, endpoint: u32, method: &str) -> Option<u32> {
        if method.len() > WORD {
            return None;
        }
        let head = word_of_name(method.as_bytes());
        let mut at = endpoint as usize;
        loop {
            let row = self.rows.get(at)?;
            let known = self.methods.get(usize::from(row.method))?;
            if known.head == head && known.name.len() == method.len() {
                return Some(row.route);
            }
            if row.last {
                return None;
            }
            at = at.wrapping_add(1);
        }
    }
}
