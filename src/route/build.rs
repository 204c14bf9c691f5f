//! Building the table: patterns into a tree, and the search for paths that two routes could claim.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use hashbrown::HashMap;

use super::pattern::{Param, Pattern, Segment};
use super::table::{Entry, Literals, Node, NodeId, RouteTable};

/// A route as the table needs it.
#[derive(Clone, Copy, Debug)]
pub struct RouteSpec<'a> {
    /// The method: upper-case letters and hyphens.
    pub method: &'a str,
    /// The path pattern.
    pub path: &'a str,
    /// Whether `%2F` may stand inside a parameter.
    pub encoded_slash: bool,
}

/// What holds for every route of a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableOptions<'a> {
    /// A path prefix, `""` or literal segments like `/api/v1`.
    pub base: &'a str,
    /// Whether `/a/` means `/a`.
    pub trailing_slash_same: bool,
    /// Whether literals match without regard to ASCII case.
    pub case_insensitive: bool,
}

/// Why a table cannot be built. Routes are named by their index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// The base is no path prefix.
    Base(String),
    /// The method is no upper-case token.
    Method(usize),
    /// The path is no pattern; the text has the place and what was expected.
    Path(usize, String),
    /// Two routes match one path with equal specificity.
    Ambiguous {
        /// The later route.
        route: usize,
        /// The earlier route.
        other: usize,
        /// A path that both match.
        witness: String,
    },
}

impl RouteError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Base(_) => "base",
            Self::Method(_) => "route_method",
            Self::Path(..) => "route_path",
            Self::Ambiguous { .. } => "ambiguous_routes",
        }
    }

    /// The route that is wrong.
    #[must_use]
    pub const fn route(&self) -> Option<usize> {
        match self {
            Self::Base(_) => None,
            Self::Method(route) | Self::Path(route, _) | Self::Ambiguous { route, .. } => Some(*route),
        }
    }

    /// The route it collides with.
    #[must_use]
    pub const fn other(&self) -> Option<usize> {
        match self {
            Self::Ambiguous { other, .. } => Some(*other),
            Self::Base(_) | Self::Method(_) | Self::Path(..) => None,
        }
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base(why) => write!(f, "the base must be \"\" or a literal path without a trailing slash: {why}"),
            Self::Method(_) => {
                f.write_str("expected a method in upper-case letters, then one space and a path, as in \"GET /jobs\"")
            }
            Self::Path(_, why) => write!(f, "path pattern, {why}"),
            Self::Ambiguous { witness, .. } => {
                write!(f, "both match {witness} with equal specificity; make one path more specific or merge them")
            }
        }
    }
}

impl core::error::Error for RouteError {}

/// A node while the tree grows.
#[derive(Default)]
struct Growing {
    literals: Vec<(String, usize)>,
    index: HashMap<String, usize>,
    params: Vec<(Param, usize)>,
    plain: Option<usize>,
    rest: Option<usize>,
    end: Option<usize>,
    end_slash: Option<usize>,
}

#[derive(Default)]
struct Builder {
    nodes: Vec<Growing>,
    /// By endpoint: method index, route index.
    endpoints: Vec<Vec<(u16, u32)>>,
    methods: Vec<Box<str>>,
    fold: bool,
    errors: Vec<RouteError>,
}

pub(super) fn build(specs: &[RouteSpec<'_>], options: &TableOptions<'_>) -> Result<RouteTable, Vec<RouteError>> {
    let mut builder =
        Builder { nodes: alloc::vec![Growing::default()], fold: options.case_insensitive, ..Builder::default() };
    builder.check_base(options.base);
    let mut routes = Vec::with_capacity(specs.len());
    for (at, spec) in specs.iter().enumerate() {
        let names = builder.add(at, spec, options);
        routes.push(Entry { names: names.into_boxed_slice(), opaque: spec.encoded_slash });
    }
    builder.find_overlaps(options.base);
    if !builder.errors.is_empty() {
        return Err(builder.errors);
    }
    Ok(RouteTable {
        base: options.base.as_bytes().into(),
        nodes: builder.nodes.into_iter().map(Growing::settle).collect(),
        endpoints: builder.endpoints.into_iter().map(Vec::into_boxed_slice).collect(),
        methods: builder.methods.into_boxed_slice(),
        routes: routes.into_boxed_slice(),
        trailing_slash_same: options.trailing_slash_same,
        fold: options.case_insensitive,
    })
}

/// Beyond this many literal children, a map is faster than a list.
const FEW: usize = 8;

impl Growing {
    fn settle(self) -> Node {
        let id = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let place = |at: Option<usize>| at.map(|at| NodeId(id(at)));
        let literals = self.literals.into_iter().map(|(text, node)| (Box::from(text.as_bytes()), id(node)));
        Node {
            literals: if literals.len() <= FEW {
                Literals::Few(literals.collect())
            } else {
                Literals::Many(literals.collect())
            },
            params: self.params.into_iter().map(|(param, node)| (param, id(node))).collect(),
            plain: self.plain.map(id),
            rest: place(self.rest),
            end: place(self.end),
            end_slash: place(self.end_slash),
        }
    }
}

impl Builder {
    fn check_base(&mut self, base: &str) {
        if base.is_empty() {
            return;
        }
        match Pattern::parse(base) {
            Ok(pattern) if pattern.names.is_empty() && !pattern.trailing_slash && !pattern.segments.is_empty() => {}
            Ok(_) => self.errors.push(RouteError::Base(format!("found {base:?}"))),
            Err(why) => self.errors.push(RouteError::Base(why.to_string())),
        }
    }

    fn add(&mut self, route: usize, spec: &RouteSpec<'_>, options: &TableOptions<'_>) -> Vec<Box<str>> {
        let method_valid = spec.method.starts_with(|c: char| c.is_ascii_uppercase())
            && spec.method.len() <= 32
            && spec.method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        if !method_valid {
            self.errors.push(RouteError::Method(route));
            return Vec::new();
        }
        let pattern = match Pattern::parse(spec.path) {
            Ok(pattern) => pattern,
            Err(why) => {
                self.errors.push(RouteError::Path(route, why.to_string()));
                return Vec::new();
            }
        };
        let mut node = 0;
        let mut rest = false;
        for segment in &pattern.segments {
            match segment {
                Segment::Rest => rest = true,
                other => node = self.child(node, other),
            }
        }
        let slash = pattern.trailing_slash && !options.trailing_slash_same;
        let fresh = self.endpoints.len();
        let Some(found) = self.nodes.get_mut(node) else { return Vec::new() };
        let place = match (rest, slash) {
            (true, _) => &mut found.rest,
            (false, true) => &mut found.end_slash,
            (false, false) => &mut found.end,
        };
        let endpoint = *place.get_or_insert(fresh);
        if endpoint == fresh {
            self.endpoints.push(Vec::new());
        }
        let method = self.method(spec.method);
        let Some(methods) = self.endpoints.get_mut(endpoint) else { return Vec::new() };
        match methods.iter().find(|(known, _)| *known == method) {
            Some((_, other)) => self.errors.push(RouteError::Ambiguous {
                route,
                other: *other as usize,
                witness: format!("{}{}", options.base, pattern.sample()),
            }),
            None => methods.push((method, u32::try_from(route).unwrap_or(u32::MAX))),
        }
        pattern.names
    }

    fn method(&mut self, name: &str) -> u16 {
        let at = self.methods.iter().position(|known| **known == *name).unwrap_or_else(|| {
            self.methods.push(name.into());
            self.methods.len().saturating_sub(1)
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    /// The child of a node for a segment, made when it is not there.
    fn child(&mut self, node: usize, segment: &Segment) -> usize {
        let fresh = self.nodes.len();
        let fold = self.fold;
        let Some(parent) = self.nodes.get_mut(node) else { return node };
        let child = match segment {
            Segment::Literal(text) => {
                let text = if fold { text.to_ascii_lowercase() } else { text.to_string() };
                match parent.index.get(&text) {
                    Some(child) => *child,
                    None => {
                        parent.index.insert(text.clone(), fresh);
                        parent.literals.push((text, fresh));
                        fresh
                    }
                }
            }
            Segment::Param(param) if param.is_plain() => *parent.plain.get_or_insert(fresh),
            Segment::Param(param) => {
                let mut param = param.clone();
                if fold {
                    param.prefix = param.prefix.to_ascii_lowercase().into();
                    param.suffix = param.suffix.to_ascii_lowercase().into();
                }
                match parent.params.iter().find(|(known, _)| *known == param) {
                    Some((_, child)) => *child,
                    None => {
                        parent.params.push((param, fresh));
                        fresh
                    }
                }
            }
            Segment::Rest => node,
        };
        if child == fresh {
            self.nodes.push(Growing::default());
        }
        child
    }

    /// Two paths of equal specificity that are not the same path part ways at two parameters of one node that overlap: only there
    /// need the subtrees be held against each other.
    fn find_overlaps(&mut self, base: &str) {
        let mut found = Vec::new();
        let mut stack: Vec<(usize, String)> = alloc::vec![(0, base.to_string())];
        while let Some((at, path)) = stack.pop() {
            let Some(node) = self.nodes.get(at) else { continue };
            for (number, (param, child)) in node.params.iter().enumerate() {
                for (other, other_child) in node.params.iter().take(number) {
                    if let Some(segment) = param.witness(other, self.fold) {
                        self.compare(*child, *other_child, &format!("{path}/{segment}"), &mut found);
                    }
                }
                stack.push((*child, format!("{path}/{}", param.sample())));
            }
            stack.extend(node.literals.iter().map(|(text, child)| (*child, format!("{path}/{text}"))));
            stack.extend(node.plain.map(|child| (child, format!("{path}/0"))));
        }
        self.errors.extend(found);
    }

    /// Reports every path of equal specificity below two nodes that the same path leads to.
    fn compare(&self, a: usize, b: usize, path: &str, found: &mut Vec<RouteError>) {
        let (Some(left), Some(right)) = (self.nodes.get(a), self.nodes.get(b)) else { return };
        let ends = [
            (left.end, right.end, path.to_string()),
            (left.end_slash, right.end_slash, format!("{path}/")),
            (left.rest, right.rest, format!("{path}/0")),
        ];
        for (one, two, witness) in ends {
            let first = |endpoint: Option<usize>| {
                endpoint
                    .and_then(|at| self.endpoints.get(at))
                    .and_then(|methods| methods.first())
                    .map(|(_, route)| *route as usize)
            };
            if let (Some(one), Some(two)) = (first(one), first(two)) {
                found.push(RouteError::Ambiguous { route: one.max(two), other: one.min(two), witness });
            }
        }
        for (text, child) in &left.literals {
            if let Some(other) = right.index.get(text) {
                self.compare(*child, *other, &format!("{path}/{text}"), found);
            }
        }
        for (param, child) in &left.params {
            for (other, other_child) in &right.params {
                if let Some(segment) = param.witness(other, self.fold) {
                    self.compare(*child, *other_child, &format!("{path}/{segment}"), found);
                }
            }
        }
        if let (Some(child), Some(other)) = (left.plain, right.plain) {
            self.compare(child, other, &format!("{path}/0"), found);
        }
    }
}
