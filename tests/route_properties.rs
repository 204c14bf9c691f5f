//! The table of routes against a naive matcher, on random tables and paths.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::select;
use scopegate::request::gate_target;
use scopegate::route::pattern::Pattern;
use scopegate::route::table::{RouteError, RouteMatch, RouteSpec, RouteTable, TableOptions};

/// One segment of a pattern: literal text, or a prefix, a kind and a suffix, or the rest.
#[derive(Clone, Debug)]
enum Seg {
    Lit(&'static str),
    Param(&'static str, &'static str, &'static str),
    Rest,
}

#[derive(Clone, Debug)]
struct Route {
    method: &'static str,
    segs: Vec<Seg>,
    slash: bool,
}

impl Route {
    fn path(&self) -> String {
        let mut path = String::new();
        for (at, seg) in self.segs.iter().enumerate() {
            path += &match seg {
                Seg::Lit(text) => format!("/{text}"),
                Seg::Param(pre, "", suf) => format!("/{pre}{{p{at}}}{suf}"),
                Seg::Param(pre, kind, suf) => format!("/{pre}{{p{at}:{kind}}}{suf}"),
                Seg::Rest => format!("/{{p{at}...}}"),
            };
        }
        if self.ends_in_slash() { path + "/" } else { path }
    }

    fn ends_in_slash(&self) -> bool {
        self.segs.is_empty() || (self.slash && !matches!(self.segs.last(), Some(Seg::Rest)))
    }
}

fn lower(text: &str, fold: bool) -> String {
    if fold { text.to_ascii_lowercase() } else { text.to_owned() }
}

fn is_kind(kind: &str, value: &str) -> bool {
    let hex = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit());
    match kind {
        "int" => (1..=20).contains(&value.len()) && value.chars().all(|c| c.is_ascii_digit()),
        "hex" => hex(value),
        "slug" => value
            .split('-')
            .all(|run| !run.is_empty() && run.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())),
        "uuid" => value.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && value.split('-').all(hex),
        _ => !value.is_empty(),
    }
}

/// The rank and the values when the route matches: one number a segment, the greater the more specific.
fn naive<'p>(route: &Route, path: &'p str, fold: bool, same: bool) -> Option<(Vec<u8>, Vec<&'p str>)> {
    let (body, slash) = path[1..].strip_suffix('/').map_or((&path[1..], false), |body| (body, true));
    let (mut rank, mut values) = (Vec::new(), Vec::new());
    let mut parts = if body.is_empty() { Vec::new() } else { body.split('/').collect() }.into_iter();
    for seg in &route.segs {
        match seg {
            Seg::Rest => {
                let rest: Vec<_> = parts.by_ref().collect();
                let len = rest.join("/").len();
                if rest.is_empty() || (slash && !same) {
                    return None;
                }
                values.push(&body[body.len() - len..]);
                rank.push(0);
            }
            Seg::Lit(text) => {
                (lower(text, fold) == lower(parts.next()?, fold)).then_some(())?;
                rank.push(3);
            }
            Seg::Param(pre, kind, suf) => {
                let part = parts.next()?;
                let inner = part.len().checked_sub(suf.len()).filter(|end| *end >= pre.len())?;
                let edges = [(&part[..pre.len()], *pre), (&part[inner..], *suf)];
                edges.iter().all(|(a, b)| lower(a, fold) == lower(b, fold)).then_some(())?;
                let value = &part[pre.len()..inner];
                is_kind(kind, value).then_some(())?;
                values.push(value);
                rank.push(if pre.len() + kind.len() + suf.len() == 0 { 1 } else { 2 });
            }
        }
    }
    let rest = matches!(route.segs.last(), Some(Seg::Rest));
    let slashes = same || rest || path == "/" || route.segs.is_empty() || slash == route.ends_in_slash();
    (parts.next().is_none() && slashes).then_some((rank, values))
}

/// What the table must answer: the route and values, or the methods, or nothing.
#[derive(Debug, PartialEq)]
enum Answer<'p> {
    Route(usize, Vec<&'p str>),
    Methods(Vec<&'p str>),
    Nothing,
}

fn expected<'p>(routes: &[Route], path: &'p str, method: &str, fold: bool, same: bool) -> Answer<'p> {
    let matches: Vec<_> = routes.iter().map(|route| naive(route, path, fold, same)).collect();
    let Some(best) = matches.iter().flatten().map(|(rank, _)| rank.clone()).max() else { return Answer::Nothing };
    let here: Vec<_> = (0..routes.len()).filter(|at| matches[*at].as_ref().is_some_and(|m| m.0 == best)).collect();
    let of = |wanted: &str| here.iter().copied().find(|at| routes[*at].method == wanted);
    match of(method).or_else(|| if method == "HEAD" { of("GET") } else { None }) {
        Some(route) => Answer::Route(route, matches[route].clone().unwrap().1),
        None => {
            let mut methods: Vec<_> = here.iter().map(|at| routes[*at].method).collect();
            if of("GET").is_some() && of("HEAD").is_none() {
                methods.push("HEAD");
            }
            Answer::Methods(methods)
        }
    }
}

const UUID: &str = "0190a0a0-0000-7000-8000-00000000000f";

fn routes() -> impl Strategy<Value = Vec<Route>> {
    let kind = select(vec!["", "", "", "int", "hex", "slug", "uuid"]);
    let seg = prop_oneof![
        4 => select(vec!["a", "b", "B", "longer-than-eight", "longer-than-EIGHT2", "1", "a1", "a-b"]).prop_map(Seg::Lit),
        2 => Just(Seg::Param("", "", "")),
        3 => (select(vec!["", "", "a", "a-", "A", "1", "0190a0a0-"]), kind, select(vec!["", "", "b", "-b", "B", "1", ".x"]))
            .prop_map(|(pre, kind, suf)| Seg::Param(pre, kind, suf)),
    ];
    let route = (select(vec!["GET", "PUT", "HEAD"]), prop::collection::vec(seg, 0..4), 0..5_u8, 0..6_u8).prop_map(
        |(method, mut segs, rest, slash)| {
            if rest == 0 {
                segs.push(Seg::Rest);
            }
            Route { method, segs, slash: slash == 0 }
        },
    );
    prop::collection::vec(route, 1..14)
}

fn paths() -> impl Strategy<Value = String> {
    let known = select(vec![
        "a",
        "b",
        "B",
        "A",
        "longer-than-eight",
        "longer-than-eight2",
        "1",
        "a1",
        "a-b",
        "a-b-b",
        "11",
        "a1b",
        "ab",
        "aB",
        "1.x",
        "a-1.x",
        "aab",
        UUID,
        "0190A0A0-0000-7000-8000-00000000000F",
        "0190a0a0-1",
        "x",
        "a--b",
        "111",
    ]);
    let part = prop_oneof![9 => known.prop_map(str::to_owned), 1 => "[abAB1.x-]{1,6}"];
    (prop::collection::vec(part, 0..5), 0..4_u8).prop_map(|(parts, slash)| {
        let path = parts.iter().fold(String::new(), |path, part| path + "/" + part);
        if path.is_empty() || slash == 0 { path + "/" } else { path }
    })
}

/// Names of every length up to 40 that are hard to tell apart: they share their first and their last eight bytes, or differ in one.
static ALIKE: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut names: Vec<String> = (1..=40_usize).map(|len| "abcdefgh".repeat(5)[..len].to_owned()).collect();
    for len in [1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 25, 33, 39] {
        for at in [0, len / 2, len - 1] {
            let mut name = "abcdefgh".repeat(5)[..len].to_owned();
            name.replace_range(at..=at, "X");
            names.push(name);
        }
    }
    names.into_iter().map(|name| &*name.leak()).collect()
});

/// A table of many literals at one place, and paths of the same names.
fn alike() -> impl Strategy<Value = (Vec<Route>, Vec<String>)> {
    let name = || (0..ALIKE.len()).prop_map(|at| ALIKE[at]);
    let seg = prop_oneof![9 => name().prop_map(Seg::Lit), 1 => Just(Seg::Param("", "", ""))];
    let method = select(vec!["GET", "PUT", "PROPFIND", "VERSION-CONTROL"]);
    let route =
        (method, prop::collection::vec(seg, 1..4)).prop_map(|(method, segs)| Route { method, segs, slash: false });
    let routes = prop::collection::vec(route, 1..60);
    (routes, prop::collection::vec(prop::collection::vec(name(), 1..4), 12)).prop_map(|(routes, paths)| {
        // Those of the routes too, or hardly any path would be found.
        let known = routes.iter().map(|route| route.path().replace(['{', '}'], ""));
        let paths = paths.iter().map(|parts| format!("/{}", parts.join("/")));
        let paths = known.chain(paths).flat_map(|path| [format!("{path}/"), path.to_ascii_uppercase(), path]).collect();
        (routes, paths)
    })
}

fn build(routes: &[Route], fold: bool, same: bool) -> Result<RouteTable, Vec<RouteError>> {
    build_under("", routes, fold, same)
}

fn build_under(base: &str, routes: &[Route], fold: bool, same: bool) -> Result<RouteTable, Vec<RouteError>> {
    let paths: Vec<String> = routes.iter().map(Route::path).collect();
    let specs: Vec<_> = routes
        .iter()
        .zip(&paths)
        .map(|(route, path)| RouteSpec { method: route.method, path, encoded_slash: false })
        .collect();
    RouteTable::build(&specs, &TableOptions { base, trailing_slash_same: same, case_insensitive: fold })
}

/// Leaves out what makes the table ambiguous, after holding each witness against both routes.
fn settled(mut routes: Vec<Route>, fold: bool, same: bool) -> (Vec<Route>, RouteTable) {
    loop {
        let errors = match build(&routes, fold, same) {
            Ok(table) => return (routes, table),
            Err(errors) => errors,
        };
        let mut out = Vec::new();
        for error in errors {
            let RouteError::Ambiguous { route, other, witness } = &error else { panic!("{error:?}") };
            assert_eq!(gate_target(witness.as_bytes()).unwrap().path(), witness);
            let ranks = [*route, *other].map(|at| naive(&routes[at], witness, fold, same).map(|(rank, _)| rank));
            assert!(ranks[0].is_some() && ranks[0] == ranks[1] && route > other, "{error:?}: {ranks:?}");
            out.push(*route);
        }
        let mut at = 0..;
        routes.retain(|_| !out.contains(&at.next().unwrap()));
    }
}

/// What a table answers; `None` of a path that the gate refuses.
fn answer<'a>(table: &'a RouteTable, path: &'a str, method: &str) -> Option<Answer<'a>> {
    let target = gate_target(path.as_bytes()).ok()?;
    Some(match table.find(&target, method) {
        RouteMatch::Found { route } => {
            Answer::Route(route, table.params(route, path).map(|(_, value)| value).collect())
        }
        RouteMatch::MethodNotAllowed { node } => Answer::Methods(table.allowed(node).collect()),
        RouteMatch::NotFound | RouteMatch::EncodedSlash => Answer::Nothing,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_table_agrees_with_a_naive_matcher(
        routes in routes(),
        paths in prop::collection::vec(paths(), 24),
        method in select(vec!["GET", "PUT", "HEAD", "get"]),
        fold in any::<bool>(),
        same in any::<bool>(),
    ) {
        let (routes, table) = settled(routes, fold, same);
        for path in &paths {
            let Some(found) = answer(&table, path, method) else { continue };
            prop_assert_eq!(found, expected(&routes, path, method, fold, same), "{}", path);
            // No two different paths of the settled table match with equal specificity.
            let mut ranks: Vec<_> = routes.iter().filter_map(|route| Some((naive(route, path, fold, same)?.0, route))).collect();
            ranks.sort_by(|a, b| a.0.cmp(&b.0));
            for pair in ranks.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                prop_assert_ne!(pair[0].1.method, pair[1].1.method, "{}", path);
            }
        }
    }

    #[test]
    fn literals_that_are_hard_to_tell_apart_are_told_apart(
        (routes, paths) in alike(),
        method in select(vec!["GET", "PUT", "PROPFIND", "VERSION-CONTROL", "GET\0"]),
        base in select(vec!["", "/a", "/abcdefgh", "/api/v1/abcdefghabcdefgh"]),
        fold in any::<bool>(),
        same in any::<bool>(),
    ) {
        let (routes, _) = settled(routes, fold, same);
        let table = build_under(base, &routes, fold, same).unwrap();
        for path in &paths {
            let whole = format!("{base}{path}");
            let found = answer(&table, &whole, method).unwrap();
            prop_assert_eq!(found, expected(&routes, path, method, fold, same), "{}", whole);
            if !base.is_empty() {
                let outside = format!("/x{path}");
                prop_assert_eq!(answer(&table, &outside, method).unwrap(), Answer::Nothing, "{}", path);
            }
        }
    }

    #[test]
    fn an_overlap_has_a_witness_and_no_overlap_has_none(
        routes in routes(),
        paths in prop::collection::vec(paths(), 24),
        fold in any::<bool>(),
        same in any::<bool>(),
    ) {
        for pair in routes.windows(2) {
            let texts = [pair[0].path(), pair[1].path()];
            let [one, two] = texts.each_ref().map(|text| Pattern::parse(text).unwrap());
            match one.overlaps(&two, fold, same) {
                Some(witness) => {
                    prop_assert!(gate_target(witness.as_bytes()).is_ok(), "{}", witness);
                    for route in pair {
                        prop_assert!(naive(route, &witness, fold, same).is_some(), "{:?} {}", texts, witness);
                    }
                }
                None => for path in &paths {
                    let both = pair.iter().all(|route| naive(route, path, fold, same).is_some());
                    prop_assert!(!both, "{:?} both match {}", texts, path);
                },
            }
            let sample = one.sample();
            prop_assert!(naive(&pair[0], &sample, false, false).is_some(), "{} {}", texts[0], sample);
        }
    }

    #[test]
    fn no_text_makes_a_pattern_panic(text in "[/a{}:.%0-9int?;é]{0,24}") {
        if let Ok(pattern) = Pattern::parse(&text) {
            let sample = pattern.sample();
            prop_assert!(gate_target(sample.as_bytes()).is_ok(), "{} {}", text, sample);
        }
    }
}
