//! The literal children of a node, and the search among them.

use super::segment::{Cut, SHORT, is_same};
use super::table::{Node, RouteTable, bytes_of, part};
use crate::word::{digest_of, is_same_between};

/// A literal child.
#[derive(Debug)]
pub(super) struct Literal {
    /// Of the text and its run, as [`Cut`] has it.
    pub(super) digest: (u64, u64),
    /// Where the text starts in [`RouteTable::texts`].
    pub(super) start: u32,
    pub(super) parent: u32,
    pub(super) child: u32,
    pub(super) len: u16,
    /// How much of the kept text must be in a path: the text and the literals after it, slashes between, up to the next branch: a run
    /// without a choice. One that has a run is shorter than [`WINDOW`](crate::request::WINDOW) with it.
    pub(super) reach: u16,
}

impl Literal {
    /// Whether a segment is this literal, which has no run yet.
    pub(super) fn is(&self, cut: Cut<'_>, texts: &str) -> bool {
        self.digest == cut.digest
            && usize::from(self.len) == cut.text.len()
            && (cut.text.len() <= SHORT || is_same(cut.text, self.text(texts), cut.fold))
    }

    /// What [`Cut::hash`] gives for it.
    pub(super) fn hash(&self, node: u32, texts: &str, fold: bool) -> u64 {
        Cut::of(bytes_of(texts, (self.start, self.len)), fold).hash(node)
    }

    /// How much it takes of what is left of a path, if that begins with it and its run.
    #[inline(always)]
    pub(super) fn taken(&self, rest: &[u8], texts: &str) -> Option<usize> {
        let end = usize::from(self.reach);
        let (text, after) = rest.split_at_checked(end)?;
        let is = matches!(after.first(), None | Some(b'/'))
            && digest_of(text) == self.digest
            && (end <= SHORT || is_same_between(text, self.text(texts)));
        is.then_some(end)
    }

    /// The same, with or without regard to case.
    #[inline(always)]
    fn taken_as(&self, rest: &[u8], texts: &str, fold: bool) -> Option<usize> {
        if !fold {
            return self.taken(rest, texts);
        }
        let end = usize::from(self.reach);
        let (text, after) = rest.split_at_checked(end)?;
        let is = matches!(after.first(), None | Some(b'/'))
            && Cut::of(text, true).digest == self.digest
            && (end <= SHORT || is_same(text, self.text(texts), true));
        is.then_some(end)
    }

    /// The kept text, run included.
    pub(super) fn text<'t>(&self, texts: &'t str) -> &'t [u8] {
        bytes_of(texts, (self.start, self.reach))
    }
}

impl RouteTable {
    /// The literal child of a node that what is left of a path begins with, its first segment up to `stop`: its index, and how much it
    /// takes.
    #[inline(never)]
    pub(super) fn literal(&self, node: &Node, rest: &[u8], stop: usize) -> Option<(u32, usize)> {
        let taken = |literal: &Literal| literal.taken_as(rest, &self.texts, self.fold);
        if node.has_many() {
            return self.hashed(node.literals, Cut::of(rest.get(..stop)?, self.fold), taken);
        }
        let mut children = (node.literals.0..).zip(part(&self.literals, node.literals));
        children.find_map(|(index, literal)| taken(literal).map(|taken| (index, taken)))
    }

    /// The one of many literals that a segment's hash leads to: its index, and what is taken of the path.
    #[inline(always)]
    pub(super) fn hashed(
        &self,
        (first, end): (u32, u32),
        cut: Cut<'_>,
        taken: impl Fn(&Literal) -> Option<usize>,
    ) -> Option<(u32, usize)> {
        let mut place = first_place(cut.high_hash(first), self.index_shift);
        loop {
            let at = *self.index.get(place)?;
            let literal = self.literals.get(at as usize)?;
            // Among the children of this node: that lies between the first and the last of them.
            if at.wrapping_sub(first) < end.wrapping_sub(first)
                && let Some(taken) = taken(literal)
            {
                return Some((at, taken));
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

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;
    use crate::request::gate_target;
    use crate::route::table::{RouteMatch, RouteSpec, TableOptions};

    #[test]
    fn literals_of_one_place_of_the_index_are_told_apart() {
        const COUNT: usize = 40;
        let places = (COUNT * 2).next_power_of_two();
        // The last place, so that the search goes on at the first.
        let colliding = |name: &String| {
            first_place(Cut::of(name.as_bytes(), false).hash(0), shift_of(places)) == places.wrapping_sub(1)
        };
        for width in [4, 9, 17, 30] {
            let names = (0_u32..).map(|number| alloc::format!("{number:0width$}")).filter(colliding);
            let paths: Vec<String> = names.take(COUNT + 1).map(|name| alloc::format!("/{name}")).collect();
            let specs: Vec<RouteSpec<'_>> =
                paths.iter().take(COUNT).map(|path| RouteSpec { method: "GET", path, encoded_slash: false }).collect();
            let table = RouteTable::build(&specs, &TableOptions::default()).unwrap();
            assert_eq!(table.index.len(), places);
            for (route, path) in paths.iter().enumerate() {
                let found = if route < COUNT { RouteMatch::Found { route } } else { RouteMatch::NotFound };
                assert_eq!(table.find(&gate_target(path.as_bytes()).unwrap(), "GET"), found, "{path}");
                let ordinary = table.find_ordinary(path.as_bytes(), "GET");
                assert_eq!(ordinary, (route < COUNT).then_some(route), "{path}");
            }
        }
    }
}
