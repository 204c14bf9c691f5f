//! Building the table: patterns into a tree.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use hashbrown::HashTable;

use super::conflict;
pub use super::error::RouteError;
use super::literal::Literal;
use super::pattern::{Kind, Param, Pattern, PatternError, Segment};
use super::segment::Cut;
use super::spelling::has_spellings;
use super::table::{Entry, Method, NONE, Node, RouteTable, Typed};
use crate::json::Quoted;
use crate::request::{MAX_SEGMENTS, MAX_TARGET_BYTES};
use crate::word::word_of_name;

/// The longest method, in bytes.
pub const MAX_METHOD_BYTES: usize = 32;
/// So many ambiguities are told at once.
pub const MAX_AMBIGUITIES: usize = 64;

/// A route as the table needs it.
#[derive(Clone, Copy, Debug)]
pub struct RouteSpec<'a> {
    /// The method: upper-case letters and hyphens, a letter first.
    pub method: &'a str,
    /// The path pattern.
    pub path: &'a str,
    /// Whether `%2F` may stand inside a parameter.
    pub encoded_slash: bool,
}

/// What holds for every route of a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableOptions<'a> {
    /// A path prefix, `""` or literal segments like `/api/v1`. It is prepended as it is: under `/api`, the path `/` means `/api/`.
    pub base: &'a str,
    /// Whether `/a/` means `/a`.
    pub trailing_slash_same: bool,
    /// Whether literals match without regard to ASCII case. Parameters keep their spelling.
    pub case_insensitive: bool,
}

/// How a node is reached from its parent: by the literal or the typed parameter with this index, or by the plain parameter.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Literal(u32),
    Typed(u32),
    Plain,
}

pub(super) struct Builder<'s> {
    pub(super) nodes: Vec<Node>,
    /// By node but the root: the parent, and the step from there.
    pub(super) steps: Vec<(u32, Step)>,
    pub(super) literals: Vec<Literal>,
    pub(super) typed: Vec<Typed>,
    pub(super) literal_index: HashTable<u32>,
    pub(super) typed_index: HashTable<u32>,
    /// By endpoint: the last of its rows.
    pub(super) endpoints: Vec<u32>,
    /// By endpoint: its specificity.
    pub(super) ranks: Vec<u128>,
    /// Method, route, and the row before it of the same endpoint.
    pub(super) rows: Vec<(u16, u32, u32)>,
    pub(super) methods: Vec<Method>,
    pub(super) routes: Vec<Entry>,
    /// The lists of names of parameters, each once.
    pub(super) names: Vec<Box<[Box<str>]>>,
    pub(super) names_index: HashTable<u32>,
    pub(super) texts: String,
    pub(super) spellings: bool,
    pub(super) errors: Vec<RouteError>,
    pub(super) options: TableOptions<'s>,
}

/// An index as it is kept. A list of 2^32 members does not fit in the memory that such indices are for.
pub(super) fn id(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}

pub(super) const EMPTY: Node =
    Node { literals: (0, 0), params: (0, 0), plain: NONE, rest: NONE, end: NONE, end_slash: NONE };

pub(super) fn build(specs: &[RouteSpec<'_>], options: &TableOptions<'_>) -> Result<RouteTable, Vec<RouteError>> {
    // About what most tables take: a node and a literal a route.
    let many = specs.len();
    let mut builder = Builder {
        nodes: Vec::with_capacity(many),
        steps: Vec::with_capacity(many),
        literals: Vec::with_capacity(many),
        typed: Vec::new(),
        literal_index: HashTable::with_capacity(many),
        typed_index: HashTable::new(),
        endpoints: Vec::with_capacity(many),
        ranks: Vec::with_capacity(many),
        rows: Vec::with_capacity(many),
        methods: Vec::new(),
        routes: Vec::with_capacity(many),
        names: Vec::new(),
        names_index: HashTable::new(),
        texts: String::with_capacity(specs.iter().fold(0, |sum, spec| spec.path.len().saturating_add(sum))),
        spellings: has_spellings(options.base.as_bytes()),
        errors: Vec::new(),
        options: *options,
    };
    builder.nodes.push(EMPTY);
    builder.steps.push((NONE, Step::Plain));
    let base_segments = builder.base().unwrap_or_else(|why| {
        builder.errors.push(RouteError::Base(why));
        0
    });
    let mut pattern = Pattern::default();
    for (route, spec) in specs.iter().enumerate() {
        if let Err(error) = builder.route(id(route), spec, base_segments, &mut pattern) {
            builder.errors.push(error);
        }
    }
    let (mut errors, mut table, steps) = builder.finish();
    errors.extend(conflict::ambiguities(&table, &steps));
    if !errors.is_empty() {
        return Err(errors);
    }
    table.join_runs();
    table.place_nodes();
    table.place_jumps();
    Ok(table)
}

impl<'s> Builder<'s> {
    /// Checks the base; the number of its segments.
    fn base(&self) -> Result<usize, String> {
        let base = self.options.base;
        if base.is_empty() {
            return Ok(0);
        }
        match Pattern::parse(base) {
            Ok(pattern) if pattern.names.is_empty() && !pattern.trailing_slash && !pattern.segments.is_empty() => {
                Ok(pattern.segments.len())
            }
            Ok(_) => Err(format!("found {base}", base = Quoted(base))),
            Err(why) => Err(why.to_string()),
        }
    }

    /// Adds a route; `pattern` is space for its path.
    fn route(
        &mut self,
        route: u32,
        spec: &RouteSpec<'s>,
        base_segments: usize,
        pattern: &mut Pattern<'s>,
    ) -> Result<(), RouteError> {
        let at = route as usize;
        let valid = spec.method.starts_with(|c: char| c.is_ascii_uppercase())
            && spec.method.len() <= MAX_METHOD_BYTES
            && spec.method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        if !valid {
            return Err(RouteError::Method(at));
        }
        pattern.read(spec.path).map_err(|why: PatternError| RouteError::Path(at, why.to_string()))?;
        let too_long = pattern.segments.len().saturating_add(base_segments) > MAX_SEGMENTS
            || spec.path.len().saturating_add(self.options.base.len()) > MAX_TARGET_BYTES;
        if too_long {
            let most = format!("at most {MAX_SEGMENTS} segments and {MAX_TARGET_BYTES} bytes, base included");
            return Err(RouteError::Path(at, PatternError { at: 0, expected: most }.to_string()));
        }
        let path = self.keep(spec.path);
        let endpoint = self.endpoint(pattern, path);
        let method = self.method(spec.method);
        let last = self.endpoints.get(endpoint as usize).copied().unwrap_or(NONE);
        let mut row = last;
        while let Some((known, other, before)) = self.rows.get(row as usize) {
            if *known == method {
                let witness = format!("{}{}", self.options.base, pattern.sample());
                return Err(RouteError::Ambiguous { route: at, other: *other as usize, witness });
            }
            row = *before;
        }
        if let Some(place) = self.endpoints.get_mut(endpoint as usize) {
            *place = id(self.rows.len());
        }
        self.rows.push((method, route, last));
        let names = self.names(&pattern.names);
        self.routes.push(Entry { path, names, method, opaque: spec.encoded_slash });
        Ok(())
    }

    /// Which list of names this is, a new one where it is not there.
    fn names(&mut self, names: &[&str]) -> u32 {
        let hash = names_hash(names.iter().copied());
        let lists = &self.names;
        let is =
            |index: &u32| lists.get(*index as usize).is_some_and(|known| texts_of(known).eq(names.iter().copied()));
        if let Some(known) = self.names_index.find(hash, is) {
            return *known;
        }
        let fresh = id(self.names.len());
        self.names.push(names.iter().map(|name| Box::from(*name)).collect());
        let lists = &self.names;
        self.names_index.insert_unique(hash, fresh, |index| {
            lists.get(*index as usize).map_or(0, |known| names_hash(texts_of(known)))
        });
        fresh
    }

    /// Keeps a text of at most 8 KiB; where it is.
    fn keep(&mut self, text: &str) -> (u32, u16) {
        let start = id(self.texts.len());
        self.texts.push_str(text);
        (start, u16::try_from(text.len()).unwrap_or(0))
    }

    /// The endpoint of a pattern, its nodes made where they are not there. `path` is where the pattern's text is kept.
    fn endpoint(&mut self, pattern: &Pattern<'s>, (start, _): (u32, u16)) -> u32 {
        let mut node = 0;
        let mut rest = false;
        let mut at = start.saturating_add(1);
        for segment in &pattern.segments {
            match segment {
                Segment::Literal(text) => {
                    node = self.literal(node, text, at);
                    at = at.saturating_add(id(text.len())).saturating_add(1);
                }
                Segment::Param(param) => {
                    node = if param.is_plain() { self.plain(node) } else { self.typed(node, param) };
                    // Past the parameter, the name of which is as long as what stands up to the next slash.
                    at = self.next_segment(at);
                }
                Segment::Rest => rest = true,
            }
        }
        let fresh = id(self.endpoints.len());
        let Some(found) = self.nodes.get_mut(node as usize) else { return NONE };
        let place = match (rest, pattern.trailing_slash && !self.options.trailing_slash_same) {
            (true, _) => &mut found.rest,
            (false, true) => &mut found.end_slash,
            (false, false) => &mut found.end,
        };
        if *place == NONE {
            *place = fresh;
            self.endpoints.push(NONE);
            self.ranks.push(pattern.rank());
        }
        *place
    }

    fn next_segment(&self, at: u32) -> u32 {
        let rest = self.texts.get(at as usize..).unwrap_or_default();
        at.saturating_add(id(rest.find('/').unwrap_or(rest.len()))).saturating_add(1)
    }

    fn method(&mut self, name: &str) -> u16 {
        let head = word_of_name(name.as_bytes());
        let at = self.methods.iter().position(|known| known.is(head, name)).unwrap_or(self.methods.len());
        if at == self.methods.len() {
            self.methods.push(Method { head, name: name.into() });
        }
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    /// A new node behind `parent`.
    fn node(&mut self, parent: u32, step: Step) -> u32 {
        self.nodes.push(EMPTY);
        self.steps.push((parent, step));
        id(self.nodes.len().saturating_sub(1))
    }

    fn literal(&mut self, parent: u32, text: &str, at: u32) -> u32 {
        let fold = self.options.case_insensitive;
        let cut = Cut::of(text.as_bytes(), fold);
        let (literals, texts) = (&self.literals, &self.texts);
        let found = self.literal_index.find(cut.hash(parent), |index| {
            literals.get(*index as usize).is_some_and(|known| known.parent == parent && known.is(cut, texts))
        });
        if let Some(known) = found.and_then(|index| literals.get(*index as usize)) {
            return known.child;
        }
        let fresh = id(self.literals.len());
        let child = self.node(parent, Step::Literal(fresh));
        let len = u16::try_from(text.len()).unwrap_or(0);
        self.literals.push(Literal { digest: cut.digest, start: at, parent, child, len, reach: len });
        self.spellings |= has_spellings(text.as_bytes());
        let (literals, texts) = (&self.literals, &self.texts);
        self.literal_index.insert_unique(cut.hash(parent), fresh, |index| {
            literals.get(*index as usize).map_or(0, |known| known.hash(known.parent, texts, fold))
        });
        child
    }

    fn plain(&mut self, parent: u32) -> u32 {
        let known = self.nodes.get(parent as usize).map_or(NONE, |node| node.plain);
        if known != NONE {
            return known;
        }
        let child = self.node(parent, Step::Plain);
        if let Some(node) = self.nodes.get_mut(parent as usize) {
            node.plain = child;
        }
        child
    }

    fn typed(&mut self, parent: u32, param: &Param<'_>) -> u32 {
        let case =
            |text: &str| if self.options.case_insensitive { text.to_ascii_lowercase() } else { text.to_string() };
        let (prefix, suffix) = (case(param.prefix).into_boxed_str(), case(param.suffix).into_boxed_str());
        let param = Param { prefix: &prefix, kind: param.kind, suffix: &suffix };
        let typed = &self.typed;
        let found = self.typed_index.find(typed_hash(parent, &param), |index| {
            typed.get(*index as usize).is_some_and(|known| known.parent == parent && known.param() == param)
        });
        if let Some(known) = found.and_then(|index| typed.get(*index as usize)) {
            return known.child;
        }
        let hash = typed_hash(parent, &param);
        let kind = param.kind;
        self.spellings |= has_spellings(prefix.as_bytes()) || has_spellings(suffix.as_bytes());
        let fresh = id(self.typed.len());
        let child = self.node(parent, Step::Typed(fresh));
        self.typed.push(Typed { prefix, kind, suffix, parent, child });
        let typed = &self.typed;
        self.typed_index.insert_unique(hash, fresh, |index| {
            typed.get(*index as usize).map_or(0, |known| typed_hash(known.parent, &known.param()))
        });
        child
    }
}

fn texts_of(names: &[Box<str>]) -> impl Iterator<Item = &str> {
    names.iter().map(|name| &**name)
}

fn names_hash<'n>(names: impl Iterator<Item = &'n str>) -> u64 {
    names.fold(0, |hash: u64, name| hash.rotate_left(9) ^ Cut::of(name.as_bytes(), false).hash(0))
}

fn typed_hash(parent: u32, param: &Param<'_>) -> u64 {
    let kind = match param.kind {
        Kind::Any => 0,
        Kind::Int => 1,
        Kind::Uuid => 2,
        Kind::Slug => 3,
        Kind::Hex => 4,
    };
    Cut::of(param.prefix.as_bytes(), false).hash(parent)
        ^ Cut::of(param.suffix.as_bytes(), false).hash(kind).rotate_left(7)
}
