//! The table of routes: an immutable tree of segments.
//!
//! The most specific path decides first, then the method. Specificity is compared segment by segment from the left: a literal
//! before a typed or affixed parameter, that before a plain parameter, that before `{rest...}`.
//!
//! A lookup allocates nothing and visits each node of the tree at most once; on tables without paths that part ways and meet again
//! it walks one branch, at the cost of one hash or a few words compared per segment, whatever the number of routes. Only the typed
//! and affixed parameters at one place of the tree are tried one by one.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub use super::build::{RouteError, RouteSpec, TableOptions};
pub use super::find::RouteMatch;
use super::jump::Jumps;
use super::literal::Literal;
use super::pattern::{Kind, Param, Pattern};
use super::segment::is_same;
use crate::word::{WORD, word_of_name};

/// No node, or no endpoint.
pub(super) const NONE: u32 = u32::MAX;
/// Up to so many literal children are compared one by one; more are found by their hash.
pub(super) const FEW: u32 = 6;

/// One position in a path. The fields are places in the table's lists, of endpoints the first of their rows; [`NONE`] where there is
/// nothing.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The literal children: the first, and the one after the last.
    pub(super) literals: (u32, u32),
    /// The typed and affixed parameters, likewise.
    pub(super) params: (u32, u32),
    pub(super) plain: u32,
    /// The endpoint of a path with `{rest...}` here.
    pub(super) rest: u32,
    /// The endpoint of a path that ends here.
    pub(super) end: u32,
    /// The endpoint of a path that ends here with a slash.
    pub(super) end_slash: u32,
}

impl Node {
    /// Whether its literal children are found by their hash.
    #[inline(always)]
    pub(super) const fn has_many(&self) -> bool {
        self.literals.1.wrapping_sub(self.literals.0) > FEW
    }

    /// Whether no branch but a literal can match here.
    pub(super) const fn has_only_literals(&self) -> bool {
        self.params.1 == 0 && self.plain == NONE && self.rest == NONE
    }
}

/// A part of the kept texts.
pub(super) fn bytes_of(texts: &str, (start, len): (u32, u16)) -> &[u8] {
    let start = start as usize;
    texts.as_bytes().get(start..start.saturating_add(usize::from(len))).unwrap_or_default()
}

/// A child behind a typed or affixed parameter.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) prefix: Box<str>,
    pub(super) kind: Kind,
    pub(super) suffix: Box<str>,
    pub(super) parent: u32,
    pub(super) child: u32,
}

impl Typed {
    pub(super) fn param(&self) -> Param<'_> {
        Param { prefix: &self.prefix, kind: self.kind, suffix: &self.suffix }
    }
}

/// What the table keeps of a route.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where the pattern is in [`RouteTable::texts`].
    pub(super) path: (u32, u16),
    /// Which list of names it has.
    pub(super) names: u32,
    pub(super) method: u16,
    /// Whether `%2F` may stand in a parameter.
    pub(super) opaque: bool,
}

/// A method that some route has.
#[derive(Debug)]
pub(super) struct Method {
    /// Its first eight bytes.
    pub(super) head: u64,
    pub(super) name: Box<str>,
}

/// A method of a path, and the route that has it. The rows of a path stand together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) route: u32,
    pub(super) method: u16,
    /// Whether no other row of the same path follows.
    pub(super) last: bool,
}

/// The place of a path in the table: the methods of its routes are [`RouteTable::allowed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeId(pub(super) u32);

/// The compiled routes.
#[derive(Debug)]
pub struct RouteTable {
    pub(super) base: Box<str>,
    /// The root, then the node behind each literal, then those behind parameters.
    pub(super) nodes: Box<[Node]>,
    /// By parent.
    pub(super) literals: Box<[Literal]>,
    /// The literal children of nodes that have more than [`FEW`], each at the place that its hash begins with or after it, where the
    /// first is free. At most half of the places are taken, and there are a power of two.
    pub(super) index: Box<[u32]>,
    /// What of a hash is shifted away for that place.
    pub(super) index_shift: u32,
    pub(super) jumps: Jumps,
    /// By parent.
    pub(super) typed: Box<[Typed]>,
    /// By endpoint, in the order of the routes.
    pub(super) rows: Box<[Row]>,
    /// The specificity of the endpoint that starts at a row: two bits a segment, the leftmost highest. Empty when no lookup has to
    /// compare any.
    pub(super) ranks: Box<[u128]>,
    pub(super) methods: Box<[Method]>,
    pub(super) routes: Box<[Entry]>,
    pub(super) names: Box<[Box<[Box<str>]>]>,
    pub(super) texts: Box<str>,
    pub(super) trailing_slash_same: bool,
    pub(super) fold: bool,
    /// Whether literal text somewhere can be spelled in more than one way.
    pub(super) spellings: bool,
}

/// The part of a list between two indices.
#[inline]
pub(super) fn part<T>(list: &[T], (first, end): (u32, u32)) -> &[T] {
    list.get(first as usize..end as usize).unwrap_or_default()
}

impl RouteTable {
    /// Builds a table, in time linear in the routes but for parameters at one place that have to be held against each other.
    ///
    /// # Errors
    /// Every [`RouteError`] (of ambiguities at most 64): a pattern that is none, or
    /// two routes that can match one path with equal specificity.
    ///
    /// ```
    /// use scopegate::request::gate_target;
    /// use scopegate::route::table::{RouteMatch, RouteSpec, RouteTable, TableOptions};
    /// let specs = [RouteSpec { method: "GET", path: "/jobs/{id}", encoded_slash: false }];
    /// let table = RouteTable::build(&specs, &TableOptions::default()).unwrap();
    /// let target = gate_target(b"/jobs/42?full=1").unwrap();
    /// assert_eq!(table.find(&target, "HEAD"), RouteMatch::Found { route: 0 });
    /// assert!(table.params(0, target.path()).eq([("id", "42")]));
    /// let RouteMatch::MethodNotAllowed { node } = table.find(&target, "PUT") else { panic!() };
    /// assert!(table.allowed(node).eq(["GET", "HEAD"]));
    /// ```
    pub fn build(specs: &[RouteSpec<'_>], options: &TableOptions<'_>) -> Result<Self, Vec<RouteError>> {
        super::build::build(specs, options)
    }

    /// How many routes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there is no route.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The methods of a path, in the order of the policy; HEAD is there when GET is.
    pub fn allowed(&self, node: NodeId) -> impl Iterator<Item = &str> {
        let rows = self.rows_of(node.0);
        let has = |wanted: &str| rows.iter().any(|row| self.method_name(row.method) == wanted);
        let head = (has("GET") && !has("HEAD")).then_some("HEAD");
        rows.iter().map(|row| self.method_name(row.method)).chain(head)
    }

    /// The names of a route's parameters, in order.
    #[must_use]
    pub fn param_names(&self, route: usize) -> &[Box<str>] {
        self.routes
            .get(route)
            .and_then(|entry| self.names.get(entry.names as usize))
            .map(|names| &**names)
            .unwrap_or_default()
    }

    /// The method and the path pattern of every route, in order; patterns are without the base.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.routes.iter().map(|entry| (self.method_name(entry.method), self.text(entry.path)))
    }

    /// The path prefix of all routes; may be empty.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A path, base included, that the patterns of both routes match, whatever their methods and whichever of them it is decided
    /// by; `None` when there is none or an index is no route.
    #[must_use]
    pub fn overlaps(&self, a: usize, b: usize) -> Option<String> {
        let pattern = |route: usize| Pattern::parse(self.text(self.routes.get(route)?.path)).ok();
        let path = pattern(a)?.overlaps(&pattern(b)?, self.fold, self.trailing_slash_same)?;
        Some(format!("{}{path}", self.base))
    }

    pub(super) fn text(&self, place: (u32, u16)) -> &str {
        core::str::from_utf8(bytes_of(&self.texts, place)).unwrap_or_default()
    }

    fn method_name(&self, method: u16) -> &str {
        self.methods.get(usize::from(method)).map(|method| &*method.name).unwrap_or_default()
    }

    /// The rows of an endpoint.
    pub(super) fn rows_of(&self, endpoint: u32) -> &[Row] {
        let rows = self.rows.get(endpoint as usize..).unwrap_or_default();
        let last = rows.iter().position(|row| row.last);
        last.and_then(|last| rows.get(..=last)).unwrap_or_default()
    }

    /// The route of an endpoint with a method.
    #[inline(always)]
    pub(super) fn route_at(&self, endpoint: u32, method: &str) -> Option<u32> {
        let head = word_of_name(method.as_bytes());
        let mut at = endpoint as usize;
        loop {
            let row = self.rows.get(at)?;
            if self.methods.get(usize::from(row.method))?.is(head, method) {
                return Some(row.route);
            }
            if row.last {
                return None;
            }
            at = at.wrapping_add(1);
        }
    }
}

impl Method {
    /// Whether it has this name, of which `head` is the first word.
    #[inline(always)]
    pub(super) fn is(&self, head: u64, name: &str) -> bool {
        self.head == head
            && self.name.len() == name.len()
            && (name.len() <= WORD || is_same(self.name.as_bytes(), name.as_bytes(), false))
    }
}
