//! From the growing tree to the table: what belongs together is put side by side.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::build::{Builder, EMPTY, RouteError, Step, id};
use super::jump::Jumps;
use super::literal::{Literal, first_place, next_place, shift_of};
use super::segment::Cut;
use super::table::{NONE, Node, RouteTable, Row};
use crate::request::WINDOW;

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
        let index = self.index(fold);
        let contested = self.nodes.iter().any(|node| node.params.1.wrapping_sub(node.params.0) > 1);
        let (starts, rows) = rows_in_order(&self.endpoints, &self.rows);
        let start = |endpoint: u32| starts.get(endpoint as usize).copied().unwrap_or(NONE);
        for node in &mut self.nodes {
            for endpoint in [&mut node.rest, &mut node.end, &mut node.end_slash] {
                *endpoint = start(*endpoint);
            }
        }
        let mut ranks = alloc::vec![0; if contested { rows.len() } else { 0 }];
        for (rank, start) in self.ranks.iter().zip(&starts) {
            if let Some(place) = ranks.get_mut(*start as usize) {
                *place = *rank;
            }
        }
        let table = RouteTable {
            base: self.options.base.into(),
            nodes: self.nodes.into_boxed_slice(),
            literals: self.literals.into_boxed_slice(),
            index_shift: shift_of(index.len()),
            jumps: Jumps::default(),
            index,
            typed: self.typed.into_boxed_slice(),
            rows,
            ranks: ranks.into_boxed_slice(),
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

    /// The places of the literals that are found by their hash.
    fn index(&self, fold: bool) -> Box<[u32]> {
        let is_one_of_many = |literal: &Literal| {
            let node = self.nodes.get(literal.parent as usize);
            node.is_some_and(Node::has_many)
        };
        let many = self.literals.iter().filter(|literal| is_one_of_many(literal)).count();
        if many == 0 {
            return Box::default();
        }
        let mut index = alloc::vec![NONE; many.saturating_mul(2).next_power_of_two()].into_boxed_slice();
        for (at, literal) in self.literals.iter().enumerate().filter(|(_, literal)| is_one_of_many(literal)) {
            let first = self.nodes.get(literal.parent as usize).map_or(0, |node| node.literals.0);
            let hash = literal.hash(first, &self.texts, fold);
            let mut place = first_place(hash, shift_of(index.len()));
            while index.get(place).is_some_and(|taken| *taken != NONE) {
                place = next_place(place, index.len());
            }
            if let Some(free) = index.get_mut(place) {
                *free = id(at);
            }
        }
        index
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

/// Where the rows of each endpoint start, and the rows of each side by side, in the order of the routes.
fn rows_in_order(last: &[u32], rows: &[(u16, u32, u32)]) -> (Vec<u32>, Box<[Row]>) {
    let mut starts = Vec::with_capacity(last.len());
    let mut ordered: Vec<Row> = Vec::with_capacity(rows.len());
    for last in last {
        let start = ordered.len();
        starts.push(id(start));
        let mut row = *last;
        while let Some((method, route, before)) = rows.get(row as usize) {
            ordered.push(Row { route: *route, method: *method, last: row == *last });
            row = *before;
        }
        ordered.get_mut(start..).unwrap_or_default().reverse();
    }
    (starts, ordered.into_boxed_slice())
}

impl RouteTable {
    /// Joins literals between which there is no choice, so that a lookup takes them in one step. Where a literal is the only way on
    /// from a node, the route that made the node made that literal too, so their texts are kept side by side.
    pub(super) fn join_runs(&mut self) {
        // Children come after their parents, so from the end on each run is already joined below.
        for at in (0..self.literals.len()).rev() {
            let Some(literal) = self.literals.get(at) else { continue };
            let next = self.only_way_on(literal.child).and_then(|index| self.literals.get(index as usize));
            let Some(next) = next else { continue };
            let (child, reach) = (next.child, literal.reach.saturating_add(1).saturating_add(next.reach));
            let fold = self.fold;
            if usize::from(reach) < WINDOW
                && let Some(literal) = self.literals.get_mut(at)
            {
                (literal.child, literal.reach) = (child, reach);
                literal.digest = Cut::of(literal.text(&self.texts), fold).digest;
            }
        }
    }

    /// Puts the node behind each literal at the literal's own place, one further for the root, so that a lookup need not read where it
    /// is. The nodes behind parameters follow; those within runs are gone.
    pub(super) fn place_nodes(&mut self) {
        let mut places = alloc::vec![NONE; self.nodes.len()];
        let mut order = Vec::with_capacity(self.nodes.len());
        order.push(0);
        order.extend(self.literals.iter().map(|literal| literal.child));
        // The first of those that lead to a node is the one whose run was joined; the others are within it.
        for (at, child) in order.iter().enumerate().rev() {
            if let Some(place) = places.get_mut(*child as usize) {
                *place = id(at);
            }
        }
        let params = self.nodes.iter().map(|node| node.plain).chain(self.typed.iter().map(|typed| typed.child));
        for child in params {
            if let Some(place) = places.get_mut(child as usize) {
                *place = id(order.len());
                order.push(child);
            }
        }
        let place = |child: u32| places.get(child as usize).copied().unwrap_or(NONE);
        for typed in &mut self.typed {
            typed.child = place(typed.child);
        }
        let moved = |from: &u32| {
            let mut node = self.nodes.get(*from as usize).cloned().unwrap_or(EMPTY);
            node.plain = place(node.plain);
            node
        };
        self.nodes = order.iter().map(moved).collect();
    }

    /// The literal that is the only way on from a node at which no path ends.
    fn only_way_on(&self, node: u32) -> Option<u32> {
        let node = self.nodes.get(node as usize)?;
        let one = node.has_only_literals() && node.literals.1.wrapping_sub(node.literals.0) == 1;
        (one && node.end == NONE && node.end_slash == NONE).then_some(node.literals.0)
    }
}
