//! Tables and answers as text, for the tests of routes.

use scopegate::request::gate_target;
use scopegate::route::table::{RouteMatch, RouteSpec, RouteTable, TableOptions};

/// No base, and nothing folded.
pub const STRICT: TableOptions<'_> = TableOptions { base: "", trailing_slash_same: false, case_insensitive: false };

/// Routes from `METHOD /path`, with ` opaque` after it for `%2F`.
pub fn specs<'a>(routes: &[&'a str]) -> Vec<RouteSpec<'a>> {
    let spec = |route: &&'a str| {
        let (method, path) = route.split_once(' ').unwrap();
        let (path, encoded_slash) = path.strip_suffix(" opaque").map_or((path, false), |path| (path, true));
        RouteSpec { method, path, encoded_slash }
    };
    routes.iter().map(spec).collect()
}

/// A table that must build.
pub fn table(routes: &[&str], options: &TableOptions<'_>) -> RouteTable {
    RouteTable::build(&specs(routes), options).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The answer in words: the pattern and its values, the allowed methods, or a word.
pub fn answer(table: &RouteTable, request: &str) -> String {
    let (method, raw) = request.split_once(' ').unwrap();
    let Ok(target) = gate_target(raw.as_bytes()) else { return "refused".into() };
    match table.find(&target, method) {
        RouteMatch::Found { route } => {
            let (method, path) = table.routes().nth(route).unwrap();
            let (names, values): (Vec<_>, Vec<_>) = table.params(route, target.path()).unzip();
            assert!(table.param_names(route).iter().map(|name| &**name).eq(names));
            [&[method, path], &values[..]].concat().join(" ")
        }
        RouteMatch::MethodNotAllowed { node } => format!("405 {}", table.allowed(node).collect::<Vec<_>>().join(",")),
        RouteMatch::EncodedSlash => "encoded slash".into(),
        RouteMatch::NotFound => "404".into(),
    }
}
