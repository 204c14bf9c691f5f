//! From the growing tree to the table: what belongs together is put side by side.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashTable;

use super::build::{Builder, RouteError, Step, id, literal_hash};
use super::table::{FEW, NONE, Node, RouteTable, Row};
use crate::word::{lower, word_at};

impl Builder<'_> {
    /// The table, with the children of a node side by side, and how each of its nodes is reached.
    pub(super) fn finish(mut self) -> (Vec<RouteError>, RouteTable, Vec<(u32, Step)>) {
        let fold = self.options.case_insensitive;
        self.literals.sort_by_key(|literal| literal.parent);
        self.typed.sort_by_key(|typed| typed.parent);
        for (at, literal) in self.literals.iter().enumerate() {
            group(&mut self.nodes, &mut self.steps, (literal.parent, literal.child), Step::Literal(id(at)));
        }
        for (at, typed) in self.typed.iter().enumerate() {
            group(&mut self.nodes, &mut self.steps, (typed.parent, typed.child), Step::Typed(id(at)));
        }
        let mut index = HashTable::new();
        for (at, literal) in self.literals.iter().enumerate() {
            if self
                .nodes
                .get(literal.parent as usize)
                .is_some_and(|node| node.literals.1.wrapping_sub(node.literals.0) > FEW)
            {
                let hash = literal_hash(&self.literals, &self.texts, id(at), fold);
                index.insert_unique(hash, id(at), |at| literal_hash(&self.literals, &self.texts, *at, fold));
            }
        }
        let contested = self.nodes.iter().any(|node| node.params.1.wrapping_sub(node.params.0) > 1);
        let (endpoints, rows) = rows_in_order(&self.endpoints, &self.rows);
        let table = RouteTable {
            base: self.options.base.into(),
            nodes: self.nodes.into_boxed_slice(),
            literals: self.literals.into_boxed_slice(),
            index,
            typed: self.typed.into_boxed_slice(),
            endpoints,
            rows,
            ranks: if contested { self.ranks.into_boxed_slice() } else { Box::default() },
            methods: self.methods.into_boxed_slice(),
            routes: self.routes.into_boxed_slice(),
            names: self.names.into_boxed_slice(),
            texts: self.texts.into_boxed_str(),
            trailing_slash_same: self.options.trailing_slash_same,
            fold,
            spellings: self.spellings,
        };
        (self.errors, table, self.steps)
    }
}

/// Counts a child among its parent's, now that they stand side by side.
fn group(nodes: &mut [Node], steps: &mut [(u32, Step)], (parent, child): (u32, u32), step: Step) {
    let (Step::Literal(at) | Step::Typed(at)) = step else { return };
    if let Some(node) = nodes.get_mut(parent as usize) {
        let part = if matches!(step, Step::Literal(_)) { &mut node.literals } else { &mut node.params };
        if part.1 == 0 {
            part.0 = at;
        }
        part.1 = at.saturating_add(1);
    }
    if let Some(place) = steps.get_mut(child as usize) {
        place.1 = step;
    }
}

/// The rows of each endpoint side by side, in the order of the routes, and where those of each start.
fn rows_in_order(last: &[u32], rows: &[(u16, u32, u32)]) -> (Box<[u32]>, Box<[Row]>) {
    let mut starts = Vec::with_capacity(last.len().saturating_add(1));
    let mut ordered = Vec::with_capacity(rows.len());
    for last in last {
        let start = ordered.len();
        starts.push(id(start));
        let mut row = *last;
        while let Some((method, route, before)) = rows.get(row as usize) {
            ordered.push((*method, *route));
            row = *before;
        }
        ordered.get_mut(start..).unwrap_or_default().reverse();
    }
    starts.push(id(ordered.len()));
    (starts.into_boxed_slice(), ordered.into_boxed_slice())
}

impl RouteTable {
    /// Joins literals between which there is no choice, so that a lookup takes them in one step. Where a literal is the only way on
    /// from a node, the route that made the node made that literal too, so their texts are kept side by side.
    pub(super) fn join_runs(&mut self) {
        // Children come after their parents, so from the end on each run is already joined below.
        for at in (0..self.literals.len()).rev() {
            let next = self.literals.get(at).and_then(|literal| self.only_way_on(literal.child));
            let next = next.and_then(|index| self.literals.get(index as usize));
            let Some((child, run)) = next.map(|next| (next.child, next.len.saturating_add(next.run).saturating_add(1)))
            else {
                continue;
            };
            if let Some(literal) = self.literals.get_mut(at) {
                (literal.child, literal.run) = (child, run);
                let word = word_at(literal.run_text(&self.texts), 0);
                literal.run_word = if self.fold { lower(word) } else { word };
            }
        }
    }

    /// The literal that is the only way on from a node at which no path ends.
    fn only_way_on(&self, node: u32) -> Option<u32> {
        let node = self.nodes.get(node as usize)?;
        let one = node.has_only_literals() && node.literals.1.wrapping_sub(node.literals.0) == 1;
        (one && node.end == NONE && node.end_slash == NONE).then_some(node.literals.0)
    }
}
