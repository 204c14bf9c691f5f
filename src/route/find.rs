//! Finding the route of a request: the walk down the tree.

use super::segment::Cut;
use super::spelling::respell;
use super::table::{NONE, NodeId, RouteTable, Typed, part};
use crate::request::{MAX_TARGET_BYTES, Target};

/// What a lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteMatch {
    /// A route.
    Found {
        /// Its index. What its parameters are is told by [`RouteTable::params`].
        route: usize,
    },
    /// The path, for other methods; [`RouteTable::allowed`] lists them.
    MethodNotAllowed {
        /// The place of the path.
        node: NodeId,
    },
    /// A path with `%2F` that no route opted in for.
    EncodedSlash,
    /// No path, or one that means another path of the table in its canonical spelling.
    NotFound,
}

/// Where a lookup stands.
struct Walk<'t, 'p> {
    table: &'t RouteTable,
    path: &'p [u8],
    found: u32,
}

impl RouteTable {
    /// Finds the route of a canonical target, without allocating. HEAD takes GET's route unless the path has its own; a method in
    /// another case is another method.
    ///
    /// A path that has a `%2F` is matched only by routes that opted in; there it lies within a parameter, since literal text has
    /// none. A path that leads elsewhere when its reserved characters are spelled raw, or its escapes in upper case, is not found:
    /// the server behind may decode it, and run a handler whose rule was not asked.
    #[must_use]
    pub fn find(&self, target: &Target<'_>, method: &str) -> RouteMatch {
        let path = target.path_bytes();
        let mut walk = Walk { table: self, path, found: NONE };
        walk.start();
        let endpoint = walk.found;
        let other_spelling = self.spellings && target.has_escape() && self.has_other_spelling(path, endpoint);
        if endpoint == NONE || other_spelling {
            return if target.has_encoded_slash() { RouteMatch::EncodedSlash } else { RouteMatch::NotFound };
        }
        let rows = self.rows_of(endpoint);
        let of = |method: Option<u16>| rows.iter().find(|(known, _)| Some(*known) == method).map(|(_, route)| *route);
        let mut route = of(self.method(method));
        if route.is_none() && method == "HEAD" {
            route = of(self.method("GET"));
        }
        if target.has_encoded_slash() {
            let opted = |route: u32| self.routes.get(route as usize).is_some_and(|entry| entry.opaque);
            let accepted = match route {
                Some(route) => opted(route),
                None => rows.iter().any(|(_, route)| opted(*route)),
            };
            if !accepted {
                return RouteMatch::EncodedSlash;
            }
        }
        match route {
            Some(route) => RouteMatch::Found { route: route as usize },
            None => RouteMatch::MethodNotAllowed { node: NodeId(endpoint) },
        }
    }

    /// The specificity of an endpoint.
    fn rank(&self, endpoint: u32) -> u128 {
        self.ranks.get(endpoint as usize).copied().unwrap_or(0)
    }

    /// Whether the canonical spelling of a path leads to another endpoint.
    #[cold]
    fn has_other_spelling(&self, path: &[u8], endpoint: u32) -> bool {
        let mut space = [0; MAX_TARGET_BYTES];
        respell(path, &mut space).is_some_and(|path| {
            let mut walk = Walk { table: self, path, found: NONE };
            walk.start();
            walk.found != endpoint
        })
    }

    /// Where the segments start after the base; `None` when the path does not begin with it.
    fn after_base(&self, path: &[u8]) -> Option<usize> {
        let base = self.base.as_bytes();
        let (head, rest) = path.split_at_checked(base.len())?;
        if head != base && !(self.fold && head.eq_ignore_ascii_case(base)) {
            return None;
        }
        match rest.first() {
            Some(b'/') => {}
            None if self.trailing_slash_same => {}
            _ => return None,
        }
        Some(base.len().saturating_add(1))
    }
}

impl Walk<'_, '_> {
    #[inline(always)]
    fn start(&mut self) {
        let at = if self.table.base.is_empty() { Some(1) } else { self.table.after_base(self.path) };
        if let Some(at) = at {
            let _ = if self.table.fold { self.down::<true>(0, at) } else { self.down::<false>(0, at) };
        }
    }

    /// Follows the branches of a node that the path from `at` on matches, the most specific first. Returns whether one matched: a
    /// less specific one cannot be better, so it is not tried.
    fn down<const FOLD: bool>(&mut self, mut id: u32, mut at: usize) -> bool {
        let (table, path) = (self.table, self.path);
        loop {
            let Some(node) = table.nodes.get(id as usize) else { return false };
            if at >= path.len() {
                // The path ended, with a slash unless this is the root.
                let whole = id == 0 || table.trailing_slash_same;
                return self.end(if whole { node.end } else { node.end_slash });
            }
            let cut = Cut::new(path, at, FOLD);
            let mut stop = cut.stop;
            // The last branch to try needs no way back.
            let mut last = NONE;
            if let Some(literal) = table.literal(id, node, cut) {
                last = literal.child;
                if literal.run != 0 {
                    match literal.run_end(path, stop, &table.texts, FOLD) {
                        Some(end) => stop = end,
                        None => last = NONE,
                    }
                }
            }
            if !node.has_only_literals() {
                if last != NONE && self.enter::<FOLD>(last, stop) {
                    return true;
                }
                stop = cut.stop;
                if node.params.1 != 0 && self.typed::<FOLD>(part(&table.typed, node.params), cut) {
                    return true;
                }
                last = node.plain;
                if node.rest != NONE {
                    return (last != NONE && self.enter::<FOLD>(last, stop)) || self.rest(node.rest);
                }
            }
            if stop >= path.len() {
                return self.end_at(last);
            }
            (id, at) = (last, stop.wrapping_add(1));
        }
    }

    /// Goes on behind a segment.
    fn enter<const FOLD: bool>(&mut self, child: u32, stop: usize) -> bool {
        if stop < self.path.len() { self.down::<FOLD>(child, stop.wrapping_add(1)) } else { self.end_at(child) }
    }

    /// Tries every typed and affixed parameter of a node, since which path is most specific may be decided further right.
    fn typed<const FOLD: bool>(&mut self, siblings: &[Typed], cut: Cut<'_>) -> bool {
        let text = cut.text();
        let mut best = NONE;
        for (number, typed) in siblings.iter().enumerate() {
            if typed.param().value(text, FOLD).is_none() || !self.enter::<FOLD>(typed.child, cut.stop) {
                continue;
            }
            if best == NONE && number.wrapping_add(1) == siblings.len() {
                return true;
            }
            if best == NONE || self.table.rank(self.found) > self.table.rank(best) {
                best = self.found;
            }
        }
        self.end(best)
    }

    fn rest(&mut self, endpoint: u32) -> bool {
        let slash = self.path.last() == Some(&b'/') && !self.table.trailing_slash_same;
        !slash && self.end(endpoint)
    }

    fn end_at(&mut self, node: u32) -> bool {
        self.end(self.table.nodes.get(node as usize).map_or(NONE, |node| node.end))
    }

    fn end(&mut self, endpoint: u32) -> bool {
        self.found = endpoint;
        endpoint != NONE
    }
}
