//! The search for paths that two routes could claim with equal right.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::build::{MAX_AMBIGUITIES, RouteError, Step};
use super::overlap::common_segment;
use super::pattern::Param;
use super::table::{NONE, RouteTable, Typed, part};

/// Two paths of equal specificity that are not the same path part ways at two parameters of one node that overlap: only there need
/// the subtrees be held against each other.
pub(super) fn ambiguities(table: &RouteTable, steps: &[(u32, Step)]) -> Vec<RouteError> {
    let mut search = Search { table, found: Vec::new(), path: Vec::new() };
    for (at, node) in table.nodes.iter().enumerate().filter(|(_, node)| part(&table.typed, node.params).len() > 1) {
        let mut siblings: Vec<&Typed> = part(&table.typed, node.params).iter().collect();
        // Sorted so, the prefixes that begin with a prefix follow it directly.
        siblings.sort_by(|a, b| a.prefix.cmp(&b.prefix));
        for (number, one) in siblings.iter().enumerate() {
            let after = siblings.iter().skip(number.saturating_add(1));
            for two in after.take_while(|two| two.prefix.starts_with(&*one.prefix)) {
                if let Some(segment) = common_segment(&one.param(), &two.param(), table.fold) {
                    search.path = table.path_to(steps, at);
                    search.path.push(segment);
                    search.compare(one.child, two.child);
                }
                if search.found.len() >= MAX_AMBIGUITIES {
                    break;
                }
            }
        }
    }
    search.found.sort_by_key(|error| (error.route(), error.other()));
    search.found.truncate(MAX_AMBIGUITIES);
    search.found
}

struct Search<'t> {
    table: &'t RouteTable,
    found: Vec<RouteError>,
    /// The segments that lead to the two nodes under comparison.
    path: Vec<String>,
}

impl Search<'_> {
    /// Reports every path of equal specificity below two nodes that the same path leads to.
    fn compare(&mut self, a: u32, b: u32) {
        let table = self.table;
        let (Some(left), Some(right)) = (table.nodes.get(a as usize), table.nodes.get(b as usize)) else { return };
        self.ends(left.end, right.end, "");
        self.ends(left.end_slash, right.end_slash, "/");
        self.ends(left.rest, right.rest, "/0");
        for literal in part(&table.literals, left.literals) {
            let text = table.text((literal.start, literal.len));
            let other = table.literal(right, text.as_bytes(), text.len());
            if let Some(other) = other.and_then(|(index, _)| table.literals.get(index as usize)) {
                self.below(literal.child, other.child, String::from(text));
            }
        }
        for one in part(&table.typed, left.params) {
            for two in part(&table.typed, right.params) {
                if let Some(segment) = common_segment(&one.param(), &two.param(), table.fold) {
                    self.below(one.child, two.child, segment);
                }
            }
        }
        if left.plain != NONE && right.plain != NONE {
            self.below(left.plain, right.plain, String::from("0"));
        }
    }

    fn below(&mut self, a: u32, b: u32, segment: String) {
        if self.found.len() >= MAX_AMBIGUITIES {
            return;
        }
        self.path.push(segment);
        self.compare(a, b);
        self.path.pop();
    }

    fn ends(&mut self, one: u32, two: u32, ending: &str) {
        let first = |endpoint: u32| self.table.rows_of(endpoint).first().map(|row| row.route as usize);
        if let (Some(one), Some(two)) = (first(one), first(two)) {
            let witness = format!("{}/{}{ending}", self.table.base, self.path.join("/"));
            self.found.push(RouteError::Ambiguous { route: one.max(two), other: one.min(two), witness });
        }
    }
}

impl RouteTable {
    /// The segments of a path that leads to a node.
    fn path_to(&self, steps: &[(u32, Step)], node: usize) -> Vec<String> {
        let mut path = Vec::new();
        let mut at = node;
        while let Some((parent, step)) = steps.get(at).filter(|_| at > 0) {
            path.push(match step {
                Step::Literal(at) => self
                    .literals
                    .get(*at as usize)
                    .map(|literal| self.text((literal.start, literal.len)))
                    .unwrap_or_default()
                    .into(),
                Step::Typed(at) => {
                    let param = self.typed.get(*at as usize).map_or(Param::PLAIN, Typed::param);
                    common_segment(&param, &param, self.fold).unwrap_or_default()
                }
                Step::Plain => String::from("0"),
            });
            at = *parent as usize;
        }
        path.reverse();
        path
    }
}
