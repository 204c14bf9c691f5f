//! The table of routes: an immutable tree of segments.
//!
//! The most specific path decides first, then the method. Specificity is compared segment by segment from the left: a literal
//! before a typed or affixed parameter, that before a plain parameter, that before `{rest...}`. A lookup visits each node of the
//! tree at most once, allocates nothing, and on real tables walks one branch.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashMap;

pub use super::build::{RouteError, RouteSpec, TableOptions};
use super::pattern::{MAX_PARAMS, Param};
use crate::request::Target;

/// The literal children of a node: a list while they are few, a map beyond.
#[derive(Debug)]
pub(super) enum Literals {
    Few(Box<[(Box<[u8]>, u32)]>),
    Many(HashMap<Box<[u8]>, u32>),
}

impl Literals {
    fn find(&self, segment: &[u8]) -> Option<u32> {
        match self {
            Self::Few(list) => list.iter().find(|(text, _)| **text == *segment).map(|(_, node)| *node),
            Self::Many(map) => map.get(segment).copied(),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Few(list) if list.is_empty())
    }
}

/// One position in a path. Endpoints are the methods of a path that ends here.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) literals: Literals,
    /// Typed and affixed parameters; those that overlap lead to paths that do not.
    pub(super) params: Box<[(Param, u32)]>,
    pub(super) plain: Option<u32>,
    pub(super) rest: Option<NodeId>,
    pub(super) end: Option<NodeId>,
    pub(super) end_slash: Option<NodeId>,
}

/// The place of a path in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeId(pub(super) u32);

/// The routes of one path: index of the method, index of the route.
pub(super) type Endpoint = Box<[(u16, u32)]>;

/// The values of a path's parameters, as places in the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params {
    places: [(u16, u16); MAX_PARAMS],
    len: u8,
}

impl Params {
    fn push(&mut self, start: usize, end: usize) {
        if let Some(place) = self.places.get_mut(usize::from(self.len)) {
            *place = (u16::try_from(start).unwrap_or(u16::MAX), u16::try_from(end).unwrap_or(u16::MAX));
            self.len = self.len.saturating_add(1);
        }
    }

    /// The values, cut from the path that was matched.
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
    /// Nothing.
    NotFound,
}

/// What the table keeps of a route.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) names: Box<[Box<str>]>,
    /// Whether `%2F` may stand in a parameter.
    pub(super) opaque: bool,
}

/// The compiled routes.
#[derive(Debug)]
pub struct RouteTable {
    pub(super) base: Box<[u8]>,
    pub(super) nodes: Box<[Node]>,
    pub(super) endpoints: Box<[Endpoint]>,
    pub(super) methods: Box<[Box<str>]>,
    pub(super) routes: Box<[Entry]>,
    pub(super) trailing_slash_same: bool,
    pub(super) fold: bool,
}

/// Where a lookup stands, and the best it has found.
struct Walk<'t, 'p> {
    table: &'t RouteTable,
    path: &'p [u8],
    params: Params,
    best: Option<(u128, NodeId, Params)>,
}

/// The specificity of a segment, two bits each, leftmost first.
const LITERAL: u128 = 3;
const PARAM: u128 = 2;
const PLAIN: u128 = 1;
const REST: u128 = 0;

impl RouteTable {
    /// Builds a table.
    ///
    /// # Errors
    /// Every [`RouteError`]: a pattern that is none, or two routes that can match one path with equal specificity.
    pub fn build(specs: &[RouteSpec<'_>], options: &TableOptions<'_>) -> Result<Self, Vec<RouteError>> {
        super::build::build(specs, options)
    }

    /// Finds the route of a canonical target. HEAD takes GET's route unless the path has its own.
    #[must_use]
    pub fn find(&self, target: &Target<'_>, method: &str) -> RouteMatch {
        let Some((node, params)) = self.find_path(target.path().as_bytes()) else {
            return if target.has_encoded_slash() { RouteMatch::EncodedSlash } else { RouteMatch::NotFound };
        };
        let endpoint = self.endpoints.get(node.0 as usize).map(|endpoint| &**endpoint).unwrap_or_default();
        let route = self.route_of(endpoint, method).or_else(|| match method {
            "HEAD" => self.route_of(endpoint, "GET"),
            _ => None,
        });
        if target.has_encoded_slash() {
            let opted = |route: u32| self.routes.get(route as usize).is_some_and(|entry| entry.opaque);
            let accepted = match route {
                Some(route) => opted(route),
                None => endpoint.iter().any(|(_, route)| opted(*route)),
            };
            if !accepted {
                return RouteMatch::EncodedSlash;
            }
        }
        match route {
            Some(route) => RouteMatch::Found { route: route as usize, params },
            None => RouteMatch::MethodNotAllowed { node },
        }
    }

    /// The methods of a path, in the order of the policy; HEAD is there when GET is.
    pub fn allowed(&self, node: NodeId) -> impl Iterator<Item = &str> {
        let endpoint = self.endpoints.get(node.0 as usize).map(|endpoint| &**endpoint).unwrap_or_default();
        let has = |wanted: &str| self.route_of(endpoint, wanted).is_some();
        let head = (has("GET") && !has("HEAD")).then_some("HEAD");
        endpoint.iter().filter_map(|(method, _)| self.methods.get(usize::from(*method)).map(|name| &**name)).chain(head)
    }

    /// The names of a route's parameters, in order.
    #[must_use]
    pub fn param_names(&self, route: usize) -> &[Box<str>] {
        self.routes.get(route).map(|entry| &*entry.names).unwrap_or_default()
    }

    fn route_of(&self, endpoint: &[(u16, u32)], method: &str) -> Option<u32> {
        endpoint
            .iter()
            .find(|(index, _)| self.methods.get(usize::from(*index)).is_some_and(|name| **name == *method))
            .map(|(_, route)| *route)
    }

    fn find_path(&self, path: &[u8]) -> Option<(NodeId, Params)> {
        let (head, rest) = path.split_at_checked(self.base.len())?;
        let base_matches = head == &*self.base || (self.fold && head.eq_ignore_ascii_case(&self.base));
        // After the base comes a slash; the base itself is the root of the routes, `/` of the policy, only without a base.
        if !base_matches || rest.first() != Some(&b'/') {
            return None;
        }
        let mut walk = Walk { table: self, path, params: Params::default(), best: None };
        walk.from(0, self.base.len().saturating_add(1), 0, 0);
        walk.best.map(|(_, node, params)| (node, params))
    }
}

impl Walk<'_, '_> {
    /// Follows every branch that the rest of the path from `at` matches, the most specific first. `rank` holds the specificity so
    /// far. Returns whether a branch matched: a less specific one cannot be better, so it is not tried.
    fn from(&mut self, node: u32, at: usize, rank: u128, depth: u32) -> bool {
        let table = self.table;
        let Some(node) = table.nodes.get(node as usize) else { return false };
        let Some(rest) = self.path.get(at..) else { return false };
        if rest.is_empty() {
            // The path ended, with a slash unless this is the root.
            let end = if depth == 0 || table.trailing_slash_same { node.end } else { node.end_slash };
            return self.ends(end, rank, depth);
        }
        let slash = rest.iter().position(|byte| *byte == b'/');
        let segment = match slash {
            Some(len) => rest.get(..len).unwrap_or_default(),
            None => rest,
        };
        let stop = at.saturating_add(segment.len());
        let saved = self.params;
        if !node.literals.is_empty()
            && let Some(child) = table.literal(node, segment)
            && self.into(child, slash.is_some(), stop, rank << 2 | LITERAL, depth)
        {
            return true;
        }
        let mut matched = false;
        for (param, child) in &node.params {
            if let Some((start, end)) = param.value(segment, table.fold) {
                self.params = saved;
                self.params.push(at.saturating_add(start), at.saturating_add(end));
                matched |= self.into(*child, slash.is_some(), stop, rank << 2 | PARAM, depth);
            }
        }
        if matched {
            return true;
        }
        if let Some(child) = node.plain {
            self.params = saved;
            self.params.push(at, stop);
            if self.into(child, slash.is_some(), stop, rank << 2 | PLAIN, depth) {
                return true;
            }
        }
        if let Some(rest_end) = node.rest {
            let whole = self.path.len();
            let end = match self.path.last() {
                Some(b'/') if table.trailing_slash_same => whole.saturating_sub(1),
                Some(b'/') => return false,
                _ => whole,
            };
            self.params = saved;
            self.params.push(at, end);
            return self.ends(Some(rest_end), rank << 2 | REST, depth.saturating_add(1));
        }
        false
    }

    fn into(&mut self, child: u32, more: bool, stop: usize, rank: u128, depth: u32) -> bool {
        let depth = depth.saturating_add(1);
        if more {
            return self.from(child, stop.saturating_add(1), rank, depth);
        }
        let end = self.table.nodes.get(child as usize).and_then(|node| node.end);
        self.ends(end, rank, depth)
    }

    /// Keeps a match if it is the most specific so far. Ranks are aligned to the left, so that they compare by segment.
    fn ends(&mut self, end: Option<NodeId>, rank: u128, depth: u32) -> bool {
        let Some(end) = end else { return false };
        let aligned = rank.checked_shl(128_u32.saturating_sub(depth.saturating_mul(2))).unwrap_or(0);
        if self.best.as_ref().is_none_or(|(best, ..)| aligned > *best) {
            self.best = Some((aligned, end, self.params));
        }
        true
    }
}

impl RouteTable {
    fn literal(&self, node: &Node, segment: &[u8]) -> Option<u32> {
        if self.fold && segment.iter().any(u8::is_ascii_uppercase) {
            return node.literals.find(&segment.to_ascii_lowercase());
        }
        node.literals.find(segment)
    }
}
