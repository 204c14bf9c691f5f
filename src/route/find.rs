//! Finding the route of a request: the walk down the tree.

use super::segment::is_same;
use super::spelling::respell;
use super::table::{NONE, Node, NodeId, RouteTable, Typed, part};
use crate::request::{MAX_TARGET_BYTES, Slashes, Target, WINDOW};

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

/// What is left of a path, and where its slashes are.
#[derive(Clone, Copy)]
struct Way<'p> {
    rest: &'p [u8],
    slashes: Slashes,
}

impl Way<'_> {
    /// What is left past a slash; `None` when the path ends there.
    #[inline(always)]
    fn past(self, stop: usize) -> Option<Self> {
        let rest = self.rest.get(stop.wrapping_add(1)..)?;
        Some(Self { rest, slashes: self.slashes.past(stop) })
    }
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
        let endpoint = self.endpoint(Way { rest: target.path_bytes(), slashes: target.slashes() });
        if !target.has_escape()
            && let Some(route) = self.route_at(endpoint, method)
        {
            return RouteMatch::Found { route: route as usize };
        }
        self.look_closer(target, endpoint, method)
    }

    /// The route of a raw target, if it is an ordinary path, its most specific branches lead to an endpoint, and the method has a route
    /// of its own there. Of any other target this says nothing.
    #[inline(always)]
    pub(crate) fn find_ordinary(&self, raw: &[u8], method: &str) -> Option<usize> {
        let slashes = Slashes::of_ordinary(raw)?;
        self.straight_route(self.straight(raw, slashes), method).map(|route| route as usize)
    }

    /// What is found at an endpoint when the path has escapes, or the method no route of its own.
    #[inline(never)]
    fn look_closer(&self, target: &Target<'_>, endpoint: u32, method: &str) -> RouteMatch {
        let other_spelling =
            self.spellings && target.has_escape() && self.has_other_spelling(target.path_bytes(), endpoint);
        if endpoint == NONE || other_spelling {
            return if target.has_encoded_slash() { RouteMatch::EncodedSlash } else { RouteMatch::NotFound };
        }
        let of = |method: &str| self.route_at(endpoint, method);
        let mut route = of(method);
        if route.is_none() && method == "HEAD" {
            route = of("GET");
        }
        if target.has_encoded_slash() {
            let opted = |route: u32| self.routes.get(route as usize).is_some_and(|entry| entry.opaque);
            let accepted = match route {
                Some(route) => opted(route),
                None => self.rows_of(endpoint).iter().any(|row| opted(row.route)),
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

    /// Whether the canonical spelling of a path leads to another endpoint.
    #[cold]
    fn has_other_spelling(&self, path: &[u8], endpoint: u32) -> bool {
        let mut space = [0; MAX_TARGET_BYTES];
        respell(path, &mut space)
            .is_some_and(|path| self.endpoint(Way { rest: path, slashes: Slashes::of(path) }) != endpoint)
    }

    /// The endpoint of a path.
    #[inline(always)]
    fn endpoint(&self, way: Way<'_>) -> u32 {
        let near = way.rest.len() < WINDOW && cfg!(not(target_arch = "wasm32"));
        let straight = if near { self.straight(way.rest, way.slashes) } else { NONE };
        if straight == NONE { self.endpoint_by_choice(way) } else { straight }
    }

    /// The same where the most specific branches may not be the way.
    #[inline(never)]
    fn endpoint_by_choice(&self, way: Way<'_>) -> u32 {
        let after = if self.base.is_empty() { Some(way.past(0)) } else { self.after_base(way) };
        match after {
            None => NONE,
            Some(None) => self.end_at(0),
            Some(Some(way)) => self.walk(0, way.rest, way.slashes),
        }
    }

    /// What is left past the base, if the path begins with it.
    #[inline(never)]
    fn after_base<'p>(&self, way: Way<'p>) -> Option<Option<Way<'p>>> {
        let base = self.base.as_bytes();
        let (head, rest) = way.rest.split_at_checked(base.len())?;
        let follows = matches!(rest.first(), Some(b'/')) || (rest.is_empty() && self.trailing_slash_same);
        if !follows || !is_same(head, base, self.fold) {
            return None;
        }
        Some(rest.get(1..).map(|rest| Way { rest, slashes: Slashes::of(rest) }))
    }

    /// Follows the branches of a node that the rest of the path matches, the most specific first. Once one matches, a less specific
    /// one cannot be better, so it is not tried.
    #[inline(never)]
    fn walk(&self, mut id: u32, rest: &[u8], slashes: Slashes) -> u32 {
        let mut way = Way { rest, slashes };
        loop {
            let Some(node) = self.nodes.get(id as usize) else { return NONE };
            if way.rest.is_empty() {
                // The path ended, with a slash unless this is the root.
                return if id == 0 || self.trailing_slash_same { node.end } else { node.end_slash };
            }
            let stop = way.slashes.stop(way.rest);
            let mut next = node.plain;
            let mut end = stop;
            if node.literals.1 != 0
                && let Some((index, taken)) = self.literal(node, way.rest, stop)
            {
                if !node.has_only_literals() {
                    return self.branch(node, &way, stop, index.wrapping_add(1), taken);
                }
                (next, end) = (index.wrapping_add(1), taken);
            } else if node.params.1 != 0 || node.rest != NONE {
                return self.branch(node, &way, stop, NONE, stop);
            }
            match way.past(end) {
                Some(rest) => (id, way) = (next, rest),
                None => return self.end_at(next),
            }
        }
    }

    /// The same of a node where the way parts: behind the literal that matched, then the parameters, then the rest.
    #[inline(never)]
    fn branch(&self, node: &Node, way: &Way<'_>, stop: usize, literal: u32, end: usize) -> u32 {
        let mut found = if literal == NONE { NONE } else { self.enter(literal, way, end) };
        if found == NONE && node.params.1 != 0 {
            found = self.typed(part(&self.typed, node.params), way, stop);
        }
        if found == NONE && node.plain != NONE {
            found = self.enter(node.plain, way, stop);
        }
        let slash = way.rest.last() == Some(&b'/') && !self.trailing_slash_same;
        if found == NONE && !slash { node.rest } else { found }
    }

    /// Goes on behind a segment.
    #[inline(never)]
    fn enter(&self, child: u32, way: &Way<'_>, stop: usize) -> u32 {
        way.past(stop).map_or_else(|| self.end_at(child), |way| self.walk(child, way.rest, way.slashes))
    }

    /// Tries every typed and affixed parameter of a node, since which path is most specific may be decided further right.
    fn typed(&self, siblings: &[Typed], way: &Way<'_>, stop: usize) -> u32 {
        let text = way.rest.get(..stop).unwrap_or_default();
        let rank = |endpoint: u32| self.ranks.get(endpoint as usize).copied().unwrap_or(0);
        let mut best = NONE;
        for typed in siblings {
            if typed.param().value(text, self.fold).is_some() {
                let found = self.enter(typed.child, way, stop);
                if best == NONE || (found != NONE && rank(found) > rank(best)) {
                    best = found;
                }
            }
        }
        best
    }

    #[inline(always)]
    fn end_at(&self, node: u32) -> u32 {
        self.nodes.get(node as usize).map_or(NONE, |node| node.end)
    }
}
