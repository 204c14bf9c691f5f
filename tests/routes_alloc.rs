//! Gating a target and finding its route allocates nothing, whatever comes of it; a table stays small.
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
use scopegate::request::gate_target;
use scopegate::route::table::TableOptions;

#[test]
fn a_lookup_allocates_nothing() {
    let routes = [
        "GET /jobs/{id}/publish opaque",
        "GET /jobs/{id}:publish",
        "GET /jobs/{n:int}/archive",
        "GET /jobs/{h}/{rest...}",
        "GET /a-literal-that-is-longer-than-sixteen/x",
        "PUT /caf%C3%A9",
    ];
    let requests = [
        ("GET", "/jobs/42/publish?a=1"),
        ("GET", "/jobs/42%3apublish"),
        ("HEAD", "/JOBS/42/ARCHIVE/"),
        ("GET", "/jobs/a%2Fb/publish"),
        ("GET", "/jobs/a%2Fb/c"),
        ("GET", "/A-Literal-That-Is-Longer-Than-Sixteen/X"),
        ("GET", "/caf%c3%a9"),
        ("GET", "/nothing/here"),
        ("GET", "/jobs/../x"),
    ];
    for options in [STRICT, TableOptions { base: "", trailing_slash_same: true, case_insensitive: true }] {
        let table = table(&routes, &options);
        for (method, raw) in requests {
            let counted = allocation_counter::measure(|| {
                if let Ok(target) = gate_target(raw.as_bytes()) {
                    std::hint::black_box(table.find(&target, method));
                }
            });
            assert_eq!(counted.count_total, 0, "{method} {raw}");
        }
    }
}

#[test]
fn a_route_takes_at_most_two_hundred_bytes() {
    let routes: Vec<String> = (0..2_000)
        .flat_map(|n| {
            ["GET", "POST /{id}/publish", "GET /{id}", "DELETE /{id}", "GET /{id}/items"].map(|route| {
                let (method, tail) = route.split_once(' ').unwrap_or((route, ""));
                format!("{method} /public/v1/resource-{n}{tail}")
            })
        })
        .collect();
    let list: Vec<&str> = routes.iter().map(String::as_str).collect();
    assert_eq!(specs(&list).len(), 10_000);
    let mut kept = None;
    let counted = allocation_counter::measure(|| kept = Some(table(&list, &STRICT)));
    let table = kept.unwrap();
    assert_eq!(answer(&table, "GET /public/v1/resource-1999/7/items"), "GET /public/v1/resource-1999/{id}/items 7");
    assert!(counted.bytes_current / 10_000 <= 200, "{} bytes for 10,000 routes", counted.bytes_current);
}
