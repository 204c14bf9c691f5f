//! Finding the route of a request: the walk down the tree.

use super::pattern::MAX_PARAMS;
use super::segment::Cut;
use super::spelling::respell;
use super::table::{NONE, NodeId, RouteTable, part};
use crate::request::{MAX_TARGET_BYTES, Target};

/// The values of a path's parameters, as places in the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params {
    places: [(u16, u16); MAX_PARAMS],
    len: u8,
}

impl Params {
    fn push(&mut self, start: usize, end: usize) {
        if let Some(place) = self.places.get_mut(usize::from(self.len)) {
            // A target that passed the gate is shorter than 2^16.
            #[expect(clippy::cast_possible_truncation, reason = "places in a path of at most 8 KiB")]
            {
                *place = (start as u16, end as u16);
            }
            self.len = self.len.wrapping_add(1);
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values, cut from the path that was matched, in the order of the pattern; escapes as sent.
    pub fn values<'p>(&self, path: &'p str) -> impl Iterator<Item = &'p str> + use<'p> {
        let (places, len) = (self.places, usize::from(self.len));
        (0..len).filter_map(move |at| {
            let (start, end) = *places.get(at)?;
            path.get(usize::from(start)..usize::from(end))
        })
    }
}

/// What a lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteMatch {
    /// A route.
    Found {
        /// Its index.
        route: usize,
        /// The values of its parameters.
        params: Params,
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

/// The specificity of a segment.
const LITERAL: u128 = 3;
const TYPED: u128 = 2;
const PLAIN: u128 = 1;

/// The specificity of the segments so far, two bits each, the leftmost highest: they compare as the paths do.
const fn ranked(rank: u128, class: u128, depth: u32) -> u128 {
    rank | class << (126_u32.saturating_sub(depth.saturating_mul(2)))
}

/// Where a lookup stands, and the best it has found.
struct Walk<'t, 'p> {
    table: &'t RouteTable,
    path: &'p [u8],
    params: Params,
    found: u32,
    /// The rank of what was found, and its parameters, while equals are still being tried.
    rank: u128,
    kept: Params,
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
        let path = target.path().as_bytes();
        let found = self.find_path(path);
        let spelled = !self.spellings || !target.has_escape() || self.is_found_in_any_spelling(path, &found);
        let Some((endpoint, params)) = found.filter(|_| spelled) else {
            return if target.has_encoded_slash() { RouteMatch::EncodedSlash } else { RouteMatch::NotFound };
        };
        let rows = self.rows_of(endpoint);
        let of = |name: &str| {
            let method = self.method(name)?;
            rows.iter().find(|(known, _)| *known == method).map(|(_, route)| *route as usize)
        };
        let route = of(method).or_else(|| if method == "HEAD" { of("GET") } else { None });
        if target.has_encoded_slash() {
            let opted = |route: usize| self.routes.get(route).is_some_and(|entry| entry.opaque);
            let accepted = match route {
                Some(route) => opted(route),
                None => rows.iter().any(|(_, route)| opted(*route as usize)),
            };
            if !accepted {
                return RouteMatch::EncodedSlash;
            }
        }
        match route {
            Some(route) => RouteMatch::Found { route, params },
            None => RouteMatch::MethodNotAllowed { node: NodeId(endpoint) },
        }
    }

    #[cold]
    fn is_found_in_any_spelling(&self, path: &[u8], found: &Option<(u32, Params)>) -> bool {
        let mut space = [0; MAX_TARGET_BYTES];
        match respell(path, &mut space) {
            None => true,
            Some(canonical) => {
                self.find_path(canonical).map(|(endpoint, _)| endpoint) == found.map(|(endpoint, _)| endpoint)
            }
        }
    }

    fn find_path(&self, path: &[u8]) -> Option<(u32, Params)> {
        let base = self.base.as_bytes();
        let mut at = 1;
        if !base.is_empty() {
            let (head, rest) = path.split_at_checked(base.len())?;
            if head != base && !(self.fold && head.eq_ignore_ascii_case(base)) {
                return None;
            }
            match rest.first() {
                Some(b'/') => {}
                None if self.trailing_slash_same => {}
                _ => return None,
            }
            at = base.len().saturating_add(1);
        }
        let mut walk =
            Walk { table: self, path, params: Params::default(), found: NONE, rank: 0, kept: Params::default() };
        walk.down(0, at, 0, 0);
        (walk.found != NONE).then_some((walk.found, walk.kept))
    }
}

impl Walk<'_, '_> {
    /// Follows the branches that the path from `at` on matches, the most specific first. `rank` holds the specificity so far.
    /// Returns whether a branch matched: a less specific one cannot be better, so it is not tried.
    fn down(&mut self, mut id: u32, mut at: usize, mut rank: u128, mut depth: u32) -> bool {
        let table = self.table;
        loop {
            let Some(node) = table.nodes.get(id as usize) else { return false };
            if at >= self.path.len() {
                // The path ended, with a slash unless this is the root.
                let whole = depth == 0 || table.trailing_slash_same;
                return self.end(if whole { node.end } else { node.end_slash }, rank);
            }
            let cut = Cut::new(self.path, at, table.fold);
            let stop = at.wrapping_add(cut.text.len());
            let literal = if node.literals.1 > 0 { table.literal(id, node, &cut) } else { None };
            let mut last = None;
            if let Some(child) = literal {
                let next = ranked(rank, LITERAL, depth);
                if node.params.1 == 0 && node.plain == NONE && node.rest == NONE {
                    last = Some((child, next));
                } else {
                    let saved = self.params.len;
                    if self.child(child, stop, next, depth) {
                        return true;
                    }
                    self.params.len = saved;
                }
            }
            if node.params.1 > 0 && self.typed(node.params, &cut, at, rank, depth) {
                return true;
            }
            if node.plain != NONE {
                let next = ranked(rank, PLAIN, depth);
                if node.rest == NONE {
                    self.params.push(at, stop);
                    last = Some((node.plain, next));
                } else {
                    let saved = self.params.len;
                    self.params.push(at, stop);
                    if self.child(node.plain, stop, next, depth) {
                        return true;
                    }
                    self.params.len = saved;
                }
            }
            // The last branch to try needs no way back.
            let Some((child, next)) = last else { return node.rest != NONE && self.rest(node.rest, at, rank) };
            if stop >= self.path.len() {
                return self.end(table.nodes.get(child as usize).map_or(NONE, |node| node.end), next);
            }
            (id, at, rank, depth) = (child, stop.wrapping_add(1), next, depth.saturating_add(1));
        }
    }

    fn child(&mut self, child: u32, stop: usize, rank: u128, depth: u32) -> bool {
        if stop < self.path.len() {
            return self.down(child, stop.wrapping_add(1), rank, depth.saturating_add(1));
        }
        self.end(self.table.nodes.get(child as usize).map_or(NONE, |node| node.end), rank)
    }

    /// Tries every typed and affixed parameter of a node, since which path is most specific may be decided further right.
    fn typed(&mut self, params: (u32, u32), cut: &Cut<'_>, at: usize, rank: u128, depth: u32) -> bool {
        let table = self.table;
        let saved = self.params.len;
        let mut matched = false;
        for typed in part(&table.typed, params) {
            if let Some((start, end)) = typed.param().value(cut.text, table.fold) {
                self.params.push(at.wrapping_add(start), at.wrapping_add(end));
                let stop = at.wrapping_add(cut.text.len());
                matched |= self.child(typed.child, stop, ranked(rank, TYPED, depth), depth);
                self.params.len = saved;
            }
        }
        matched
    }

    fn rest(&mut self, endpoint: u32, at: usize, rank: u128) -> bool {
        let whole = self.path.len();
        let end = match self.path.last() {
            Some(b'/') if self.table.trailing_slash_same => whole.saturating_sub(1),
            Some(b'/') => return false,
            _ => whole,
        };
        self.params.push(at, end);
        self.end(endpoint, rank)
    }

    /// Keeps a match if it is the most specific so far.
    fn end(&mut self, endpoint: u32, rank: u128) -> bool {
        if endpoint == NONE {
            return false;
        }
        if self.found == NONE || rank > self.rank {
            (self.found, self.rank, self.kept) = (endpoint, rank, self.params);
        }
        true
    }
}
