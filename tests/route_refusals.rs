//! What a pattern may say, which tables are refused, and what two patterns have in common.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod route_support;

use route_support::{STRICT, answer, specs, table};
use scopegate::route::pattern::Pattern;
use scopegate::route::table::{RouteError, RouteSpec, RouteTable, TableOptions};

#[test]
fn every_broken_route_is_told_at_once() {
    let routes = ["get /a", "GET a", "GET /{x}", " /a", "GET /{y}", "GE7 /a", "-GET /a", "GET /ok"];
    let errors = RouteTable::build(&specs(&routes), &STRICT).unwrap_err();
    let told: Vec<_> = errors.iter().map(|error| (error.code(), error.route(), error.other())).collect();
    let expected = [
        ("route_method", Some(0), None),
        ("route_path", Some(1), None),
        ("route_method", Some(3), None),
        ("ambiguous_routes", Some(4), Some(2)),
        ("route_method", Some(5), None),
        ("route_method", Some(6), None),
    ];
    assert_eq!(told, expected);
    assert!(errors.iter().all(|error| error.to_string().contains("path")), "each says what was expected");
    assert!(matches!(&errors[3], RouteError::Ambiguous { witness, .. } if witness == "/0"));
}

#[test]
fn what_is_no_pattern_is_told_with_its_place() {
    let long_path = format!("/{}", "a".repeat(8_192));
    let segments = "/a".repeat(65);
    let params: String = (0..17).map(|n| format!("/{{p{n}}}")).collect();
    let long_name = format!("/{{{}}}", "a".repeat(65));
    let table: &[(&str, usize, &str)] = &[
        ("", 0, "starts with \"/\""),
        ("a", 0, "starts with \"/\""),
        ("//", 1, "a segment"),
        ("/a//b", 3, "a segment"),
        ("/.", 1, "canonical"),
        ("/a/../b", 3, "canonical"),
        ("/a b", 1, "canonical"),
        ("/a;b", 1, "canonical"),
        ("/%61", 1, "canonical"),
        ("/%2F", 1, "canonical"),
        ("/a%2fb", 1, "canonical"),
        ("/%00", 1, "canonical"),
        ("/é", 1, "canonical"),
        ("/%C3", 1, "canonical"),
        ("/%C3{x}%A9", 1, "canonical"),
        ("/%4", 1, "canonical"),
        ("/a*\\", 1, "canonical"),
        ("/a?b", 1, "without a query"),
        ("/%40", 1, "as themselves"),
        ("/caf%c3%a9", 1, "upper-case"),
        ("/{x}%3A", 4, "as themselves"),
        ("/{", 2, "a name and"),
        ("/a/{x", 4, "a name and"),
        ("/}", 1, "\"{\" before \"}\""),
        ("/a}{x}", 1, "\"{\" before \"}\""),
        ("/{}", 2, "a parameter name"),
        ("/{1}", 2, "a parameter name"),
        ("/{a-b}", 2, "a parameter name"),
        ("/{a b}", 2, "a parameter name"),
        ("/{é}", 2, "a parameter name"),
        ("/{:int}", 2, "a parameter name"),
        ("/{*x}", 2, "a parameter name"),
        (&long_name, 2, "a parameter name"),
        ("/{x}/{x}", 6, "another name"),
        ("/{x:}", 4, "one of int"),
        ("/{x:INT}", 4, "one of int"),
        ("/{x:[0-9]+}", 4, "one of int"),
        ("/{x}{y}", 4, "one parameter"),
        ("/a{x}-{y}b", 5, "one parameter"),
        ("/{x}}", 4, "one parameter"),
        ("/{{x}}", 5, "one parameter"),
        ("/{x...}/a", 1, "last segment"),
        ("/{x...}/", 1, "last segment"),
        ("/a{x...}", 1, "alone"),
        ("/{x...}b", 1, "alone"),
        ("/{...}", 2, "a parameter name"),
        ("/{x:int...}", 2, "a parameter name"),
        (&long_path, 8_192, "bytes"),
        (&segments, 129, "64 segments"),
        (&params, 88, "16 parameters"),
    ];
    for (text, at, expected) in table {
        let error = Pattern::parse(text).expect_err(text);
        assert_eq!(error.at, *at, "{text}: {error}");
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
    let good = ["/", "/a/", "/.well-known/x", "/{a}", "/.{x}", "/{x}.", "/..{x}", "/{_a1:uuid}", "/a:b@c/%20"];
    for text in good {
        assert!(Pattern::parse(text).is_ok(), "{text}");
    }
    let long = ["/b".repeat(63), "/c".repeat(64)];
    let base = TableOptions { base: "/base", ..STRICT };
    let build = |path: &str| RouteTable::build(&[RouteSpec { method: "GET", path, encoded_slash: false }], &base);
    assert!(build(&long[0]).is_ok());
    assert!(build(&long[1]).unwrap_err()[0].to_string().contains("64 segments"));
}

/// Pairs of paths that can match one path with equal specificity, or cannot.
const PAIRS: &[(&str, &str, bool)] = &[
    ("/a/{x}", "/a/{y}", true),
    ("/a/{x...}", "/a/{y...}", true),
    ("/{x:int}", "/{y:hex}", true),
    ("/{x:int}", "/{y:slug}", true),
    ("/{x:hex}", "/{y:slug}", true),
    ("/{x:uuid}", "/{y:slug}", true),
    ("/{x:uuid}", "/{y:hex}", false),
    ("/{x:uuid}", "/{y:int}", false),
    ("/{x:int}", "/{y}", false),
    ("/{x:int}", "/5", false),
    ("/{x:int}", "/{y...}", false),
    ("/pre{x}", "/{y}suf", true),
    ("/pre{x}", "/pro{y}", false),
    ("/{x}.json", "/{y}.xml", false),
    ("/{x}.json", "/{y}json", true),
    ("/ab{x}", "/a{y}c", true),
    ("/v{x:int}", "/{y:slug}", true),
    ("/v{x:int}", "/{y:int}", false),
    ("/V{x:int}", "/{y:slug}", false),
    ("/1{x}2", "/{y:int}", true),
    ("/a{x}-", "/{y:slug}", false),
    ("/a-{x}", "/{y:slug}", true),
    ("/1234567890123456789{x}", "/{y:int}", true),
    ("/12345678901234567890{x}", "/{y:int}", false),
    ("/1234567890{x}1234567890", "/{y:int}", false),
    ("/u-{x:uuid}", "/u-0{y}", true),
    ("/u-{x:uuid}", "/u-00000000-{y:slug}", true),
    ("/u-{x:uuid}", "/u-000000000{y}", false),
    ("/{x:uuid}", "/{y}-000000000000", true),
    ("/{x:uuid}", "/{y}-00000000000", false),
    ("/{x:uuid}end", "/00000000-0000-0000-0000-000000000000e{y}", true),
    ("/{x:uuid}", "/ab{y:uuid}", false),
    ("/{x:hex}z", "/{y:int}z", true),
    ("/{x}.", "/.{y}", true),
    ("/..{x}", "/{y}..", true),
    ("/{x}A9", "/{y}%C3%A9", false),
    ("/{x}%C3%A9", "/caf{y}", true),
    ("/{x:int}/{y}/c", "/{x:hex}/{y}/c", true),
    ("/{x:int}/{y}/c", "/{x:hex}/b/c", false),
    ("/{x:int}/b/c", "/{x:hex}/b/c", true),
    ("/{x:int}/b/c", "/{x:hex}/b/d", false),
    ("/{x:int}/b/{y:int}", "/{x:hex}/b/{z:slug}", true),
    ("/{x:int}/b/{y...}", "/{x:hex}/b/{z...}", true),
    ("/{x:int}/b/", "/{x:hex}/b/", true),
    ("/{x:int}/b/", "/{x:hex}/b", false),
    ("/a/{x}/c", "/{y}/b/c", false),
];

#[test]
fn two_paths_of_equal_right_are_refused_with_a_path_that_both_match() {
    for (one, two, ambiguous) in PAIRS {
        for (first, second) in [(one, two), (two, one)] {
            for base in ["", "/base/v1"] {
                let path = |path| RouteSpec { method: "GET", path, encoded_slash: false };
                let pair = [path("/unrelated/{z}"), path(first), path(second)];
                let options = TableOptions { base, ..STRICT };
                let errors = match RouteTable::build(&pair, &options) {
                    Ok(_) if !ambiguous => continue,
                    Ok(_) => panic!("{first} and {second} are ambiguous"),
                    Err(errors) => errors,
                };
                assert!(ambiguous, "{first} and {second}: {errors:?}");
                let [RouteError::Ambiguous { route: 2, other: 1, witness }] = &errors[..] else { panic!("{errors:?}") };
                assert!(errors[0].to_string().contains(&**witness));
                for only in [first, second] {
                    let table = RouteTable::build(&[path(only)], &options).unwrap();
                    assert!(answer(&table, &format!("GET {witness}")).starts_with("GET "), "{only} matches {witness}");
                }
            }
        }
    }
}

#[test]
fn methods_do_not_excuse_since_the_path_is_decided_first() {
    assert!(RouteTable::build(&specs(&["GET /{x:int}", "PUT /{x:hex}"]), &STRICT).is_err());
    assert!(RouteTable::build(&specs(&["GET /{x:int}", "PUT /{y:int}"]), &STRICT).is_ok());
}

#[test]
fn options_make_paths_collide() {
    let both = TableOptions { trailing_slash_same: true, case_insensitive: true, ..STRICT };
    for pair in [["GET /a", "GET /A"], ["GET /a", "GET /a/"], ["GET /V{x}", "GET /{x:slug}"]] {
        assert!(RouteTable::build(&specs(&pair), &STRICT).is_ok(), "{pair:?}");
        let errors = RouteTable::build(&specs(&pair), &both).unwrap_err();
        let [RouteError::Ambiguous { witness, .. }] = &errors[..] else { panic!("{errors:?}") };
        for route in pair {
            assert!(
                answer(&table(&[route], &both), &format!("GET {witness}")).starts_with("GET "),
                "{route} {witness}"
            );
        }
    }
}

#[test]
fn overlaps_are_answered_whatever_the_specificity() {
    let routes = ["GET /a/{x}", "PUT /a/5", "GET /{r...}", "GET /b/{n:int}/c", "GET /b/{h}/{c:hex}", "GET /d/"];
    let table = table(&routes, &TableOptions { base: "/v1", ..STRICT });
    let expected = [
        (0, 1, Some("/v1/a/5")),
        (0, 2, Some("/v1/a/0")),
        (1, 2, Some("/v1/a/5")),
        (2, 3, Some("/v1/b/0/c")),
        (3, 4, Some("/v1/b/0/c")),
        (0, 3, None),
        (2, 5, None),
        (2, 2, Some("/v1/0")),
        (5, 5, Some("/v1/d/")),
        (0, 99, None),
    ];
    for (a, b, witness) in expected {
        assert_eq!(table.overlaps(a, b).as_deref(), witness, "{a} {b}");
        assert_eq!(table.overlaps(b, a).as_deref(), witness, "{b} {a}");
    }
    assert!(table.routes().map(|(method, path)| format!("{method} {path}")).eq(routes));
}
