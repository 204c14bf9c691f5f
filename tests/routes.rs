//! Which route a request means.
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
use scopegate::route::table::{RouteTable, TableOptions};

/// Every request with the answer it must have.
fn hold(routes: &[&str], options: &TableOptions<'_>, cases: &[(&str, &str)]) {
    let table = table(routes, options);
    for (request, expected) in cases {
        assert_eq!(answer(&table, request), *expected, "{request}");
    }
}

#[test]
fn the_most_specific_path_decides_segment_by_segment_from_the_left() {
    let routes = [
        "GET /",
        "GET /a/b/c",
        "GET /a/{x}/c",
        "GET /{y}/b/d",
        "GET /{y}/{z}/e",
        "GET /f/{n:int}",
        "GET /f/v{n}",
        "GET /f/{n}",
        "GET /f/{n...}",
        "GET /f/0",
        "GET /g/{u:uuid}/x",
        "GET /g/{u}/y",
        "GET /g/{rest...}",
        "GET /h/{s:slug}.json",
        "GET /h/{x}",
        "GET /i/{a}",
        "GET /j/{x:hex}/{y}/z",
        "GET /j/{x}/k/z",
    ];
    let cases = [
        ("GET /", "GET /"),
        ("GET /a/b/c", "GET /a/b/c"),
        ("GET /a/x/c", "GET /a/{x}/c x"),
        ("GET /a/b/d", "GET /{y}/b/d a"),
        ("GET /a/b/e", "GET /{y}/{z}/e a b"),
        ("GET /a/b/f", "404"),
        ("GET /a/b", "404"),
        ("GET /f/0", "GET /f/0"),
        ("GET /f/00", "GET /f/{n:int} 00"),
        ("GET /f/12345678901234567890", "GET /f/{n:int} 12345678901234567890"),
        ("GET /f/123456789012345678901", "GET /f/{n} 123456789012345678901"),
        ("GET /f/v1", "GET /f/v{n} 1"),
        ("GET /f/v", "GET /f/{n} v"),
        ("GET /f/-1", "GET /f/{n} -1"),
        ("GET /f/1/2", "GET /f/{n...} 1/2"),
        ("GET /f/0/2/3", "GET /f/{n...} 0/2/3"),
        ("GET /f/", "404"),
        ("GET /f", "404"),
        ("GET /f/1/", "404"),
        ("GET /g/0190A0a0-0000-7000-8000-00000000000f/x", "GET /g/{u:uuid}/x 0190A0a0-0000-7000-8000-00000000000f"),
        ("GET /g/0190a0a0-0000-7000-8000-00000000000f/y", "GET /g/{u}/y 0190a0a0-0000-7000-8000-00000000000f"),
        ("GET /g/0190a0a0-0000-7000-8000-00000000000g/x", "GET /g/{rest...} 0190a0a0-0000-7000-8000-00000000000g/x"),
        ("GET /g/0190a0a000007000800000000000000f/x", "GET /g/{rest...} 0190a0a000007000800000000000000f/x"),
        ("GET /h/a-b1.json", "GET /h/{s:slug}.json a-b1"),
        ("GET /h/a--b.json", "GET /h/{x} a--b.json"),
        ("GET /h/-a.json", "GET /h/{x} -a.json"),
        ("GET /h/A.json", "GET /h/{x} A.json"),
        ("GET /h/.json", "GET /h/{x} .json"),
        ("GET /i/a%20b", "GET /i/{a} a%20b"),
        ("GET /j/aF/k/z", "GET /j/{x:hex}/{y}/z aF k"),
        ("GET /j/g/k/z", "GET /j/{x}/k/z g"),
        ("GET /j/g/l/z", "404"),
    ];
    hold(&routes, &STRICT, &cases);
}

#[test]
fn then_the_method_and_a_path_of_other_methods_is_405_never_a_wildcard() {
    let routes = [
        "POST /files/import",
        "GET /files/{name}",
        "PUT /files/{name}",
        "DELETE /files/{rest...}",
        "HEAD /own",
        "GET /own",
        "M-SEARCH /own",
        "VERSION-CONTROL /long",
        "VERSION-COPY /long",
    ];
    let cases = [
        ("GET /files/import", "405 POST"),
        ("DELETE /files/import", "405 POST"),
        ("DELETE /files/x", "405 GET,PUT,HEAD"),
        ("DELETE /files/x/y", "DELETE /files/{rest...} x/y"),
        ("HEAD /files/x", "GET /files/{name} x"),
        ("HEAD /files/x/y", "405 DELETE"),
        ("HEAD /own", "HEAD /own"),
        ("PUT /own", "405 HEAD,GET,M-SEARCH"),
        ("M-SEARCH /own", "M-SEARCH /own"),
        ("VERSION-CONTROL /long", "VERSION-CONTROL /long"),
        ("VERSION-COPY /long", "VERSION-COPY /long"),
        ("VERSION-CONTROLX /long", "405 VERSION-CONTROL,VERSION-COPY"),
        ("VERSION- /long", "405 VERSION-CONTROL,VERSION-COPY"),
        ("get /files/x", "405 GET,PUT,HEAD"),
        ("Get /files/x", "405 GET,PUT,HEAD"),
        ("head /files/x", "405 GET,PUT,HEAD"),
        ("GET\0 /files/x", "405 GET,PUT,HEAD"),
        ("GETX /files/x", "405 GET,PUT,HEAD"),
        ("GE /files/x", "405 GET,PUT,HEAD"),
        (" /files/x", "405 GET,PUT,HEAD"),
        ("GET /nothing", "404"),
    ];
    hold(&routes, &STRICT, &cases);
}

#[test]
fn a_neighbour_in_spelling_is_no_neighbour() {
    let routes = ["GET /api/x", "GET /api/{id}/y", "GET /__proto__", "GET /constructor/{rest...}"];
    let cases = [
        ("GET /api../x", "404"),
        ("GET /apiadmin", "404"),
        ("GET /apiadmin/x", "404"),
        ("GET /ap/x", "404"),
        ("GET /API/x", "404"),
        ("GET /api", "404"),
        ("GET /__proto__", "GET /__proto__"),
        ("GET /__proto__/x", "404"),
        ("GET /api/__proto__/y", "GET /api/{id}/y __proto__"),
        ("GET /constructor/toString", "GET /constructor/{rest...} toString"),
        ("GET /api/x?/../admin", "GET /api/x"),
        ("GET /toString", "404"),
    ];
    hold(&routes, &STRICT, &cases);
}

#[test]
fn a_trailing_slash_makes_another_path_unless_it_is_the_same() {
    let routes = ["GET /a", "GET /b/", "GET /c/{x}", "GET /d/{rest...}", "GET /e/{rest...}", "GET /e"];
    let cases = [
        ("GET /a", "GET /a", "GET /a"),
        ("GET /a/", "404", "GET /a"),
        ("GET /b", "404", "GET /b/"),
        ("GET /b/", "GET /b/", "GET /b/"),
        ("GET /c/1/", "404", "GET /c/{x} 1"),
        ("GET /c/", "404", "404"),
        ("GET /d", "404", "404"),
        ("GET /d/", "404", "404"),
        ("GET /d/x/", "404", "GET /d/{rest...} x"),
        ("GET /d/x/y/?z/", "404", "GET /d/{rest...} x/y"),
        ("GET /e/", "404", "GET /e"),
    ];
    let same = TableOptions { trailing_slash_same: true, ..STRICT };
    let of = |same: bool| cases.map(|case| (case.0, if same { case.2 } else { case.1 }));
    hold(&routes, &STRICT, &of(false));
    hold(&routes, &same, &of(true));
    hold(&["GET /a", "PUT /a/"], &STRICT, &[("GET /a/", "405 PUT"), ("PUT /a", "405 GET,HEAD")]);
    hold(&["GET /a", "PUT /a/"], &same, &[("GET /a/", "GET /a"), ("PUT /a", "PUT /a/")]);
}

#[test]
fn literals_without_a_choice_between_them_are_all_held() {
    let routes =
        ["GET /r/one/longer-than-eight/x", "GET /s/", "GET /s/t/u", "GET /v", "GET /v/w/{x}", "PUT /y/{z}/Z/z"];
    let cases = [
        ("GET /r/one/longer-than-eight/x", "GET /r/one/longer-than-eight/x"),
        ("GET /r/one/longer-than-eight/x/", "404"),
        ("GET /r/one/longer-than-eight/y", "404"),
        ("GET /r/one/longer-than-eight/xy", "404"),
        ("GET /r/one/longer-than-eight", "404"),
        ("GET /r/one/longer-than-EIGHT/x", "404"),
        ("GET /r/one", "404"),
        ("GET /r/on", "404"),
        ("GET /r/onelonger-than-eight/x", "404"),
        ("GET /r", "404"),
        ("GET /r/", "404"),
        ("GET /s", "404"),
        ("GET /s/", "GET /s/"),
        ("GET /s/t", "404"),
        ("GET /s/t/", "404"),
        ("GET /s/t/u", "GET /s/t/u"),
        ("GET /v", "GET /v"),
        ("GET /v/w", "404"),
        ("GET /v/w/1", "GET /v/w/{x} 1"),
        ("PUT /y/1/Z/z", "PUT /y/{z}/Z/z 1"),
        ("PUT /y/1/z/z", "404"),
        ("PUT /y/1/Z", "404"),
    ];
    hold(&routes, &STRICT, &cases);
    let loose = TableOptions { trailing_slash_same: true, case_insensitive: true, ..STRICT };
    let cases = [
        ("GET /R/oNe/LONGER-THAN-EIGHT/X/", "GET /r/one/longer-than-eight/x"),
        ("GET /r/one/longer-than-nine0/x", "404"),
        ("GET /S", "GET /s/"),
        ("GET /s/T/U/", "GET /s/t/u"),
        ("PUT /y/1/z/Z/", "PUT /y/{z}/Z/z 1"),
    ];
    hold(&routes, &loose, &cases);
}

#[test]
fn case_is_folded_on_both_sides_for_literals_only() {
    let routes = [
        "GET /Admin/{Id}",
        "GET /longer-than-EIGHT/x",
        "GET /v{n:int}.JSON/x",
        "GET /s/{x:slug}",
        "GET /s/Literal",
        "GET /a[",
    ];
    let fold = TableOptions { case_insensitive: true, ..STRICT };
    let cases = [
        ("GET /aDMIN/Q", "GET /Admin/{Id} Q"),
        ("GET /ADMIN/q", "GET /Admin/{Id} q"),
        ("GET /LONGER-THAN-eight/X", "GET /longer-than-EIGHT/x"),
        ("GET /LONGER-THAN-nine0/X", "404"),
        ("GET /V7.json/X", "GET /v{n:int}.JSON/x 7"),
        ("GET /s/Abc", "404"),
        ("GET /S/abc", "GET /s/{x:slug} abc"),
        ("GET /s/LITERAL", "GET /s/Literal"),
        ("get /s/LITERAL", "405 GET,HEAD"),
    ];
    hold(&routes[..5], &fold, &cases);
    hold(
        &routes[..5],
        &STRICT,
        &[("GET /admin/x", "404"), ("GET /Admin/x", "GET /Admin/{Id} x"), ("GET /s/LITERAL", "404")],
    );
    assert!(RouteTable::build(&specs(&routes), &fold).is_err(), "[ may stand in no path");
}

#[test]
fn the_base_stands_before_every_path() {
    let routes = ["GET /", "GET /x"];
    let options = TableOptions { base: "/api/V1", ..STRICT };
    let cases = [
        ("GET /api/V1/x", "GET /x"),
        ("GET /api/V1/", "GET /"),
        ("GET /api/V1", "404"),
        ("GET /api/v1/x", "404"),
        ("GET /x", "404"),
        ("GET /", "404"),
        ("GET /api/V1x/x", "404"),
        ("GET /api/V1x", "404"),
    ];
    hold(&routes, &options, &cases);
    let loose = TableOptions { trailing_slash_same: true, case_insensitive: true, ..options };
    hold(&routes, &loose, &[("GET /API/v1", "GET /"), ("GET /API/v1/", "GET /"), ("GET /api/v1x", "404")]);
    for base in ["api", "/", "/api/", "/{x}", "/api//v1", "/a/..", "/a?b", "/%61", "/a/{x...}"] {
        let errors = RouteTable::build(&specs(&routes), &TableOptions { base, ..STRICT }).unwrap_err();
        assert_eq!(
            errors.iter().map(|error| (error.code(), error.route())).collect::<Vec<_>>(),
            [("base", None)],
            "{base}"
        );
        assert!(errors[0].to_string().contains("the base must be"));
    }
}

#[test]
fn an_encoded_slash_needs_a_route_that_opted_in() {
    let routes = [
        "GET /o/{x} opaque",
        "PUT /o/{x}",
        "GET /p/{x}",
        "GET /q/{rest...} opaque",
        "GET /o/lit",
        "GET /o/v{n:int} opaque",
    ];
    let cases = [
        ("GET /o/a%2Fb", "GET /o/{x} a%2Fb"),
        ("GET /o/a%2fb", "GET /o/{x} a%2fb"),
        ("HEAD /o/%2F", "GET /o/{x} %2F"),
        ("PUT /o/a%2Fb", "encoded slash"),
        ("POST /o/a%2Fb", "405 GET,PUT,HEAD"),
        ("GET /p/a%2Fb", "encoded slash"),
        ("POST /p/a%2Fb", "encoded slash"),
        ("GET /q/a%2Fb/c", "GET /q/{rest...} a%2Fb/c"),
        ("GET /o/v1%2F2", "GET /o/{x} v1%2F2"),
        ("GET /o%2Flit", "encoded slash"),
        ("GET /nothing%2F", "encoded slash"),
        ("GET /o/..%2F..%2Fetc", "refused"),
        ("GET /o/a%2F%2e%2e%2Fetc", "refused"),
    ];
    hold(&routes, &STRICT, &cases);
}

#[test]
fn another_spelling_of_a_path_never_reaches_a_weaker_route() {
    let routes = [
        "POST /jobs/{id}:publish",
        "POST /jobs/{id}",
        "GET /@me",
        "GET /caf%C3%A9",
        "GET /{any}",
        "GET /x/{rest...}",
        "GET /x/a+b",
        "GET /n/{x}A9",
        "GET /n/{x}",
    ];
    let cases = [
        ("POST /jobs/7:publish", "POST /jobs/{id}:publish 7"),
        ("POST /jobs/7%3Apublish", "404"),
        ("POST /jobs/7%3apublish", "404"),
        ("POST /jobs/7%40x", "POST /jobs/{id} 7%40x"),
        ("POST /jobs/%3Apublish", "POST /jobs/{id} %3Apublish"),
        ("POST /jobs/a%40b:publish", "POST /jobs/{id}:publish a%40b"),
        ("GET /@me", "GET /@me"),
        ("GET /%40me", "404"),
        ("GET /%40you", "GET /{any} %40you"),
        ("GET /caf%C3%A9", "GET /caf%C3%A9"),
        ("GET /caf%c3%a9", "404"),
        ("GET /caf%c3%A9", "404"),
        ("GET /caf%c3%a8", "GET /{any} caf%c3%a8"),
        ("GET /x/a%2bb", "404"),
        ("GET /x/a%2Bc", "GET /x/{rest...} a%2Bc"),
        ("GET /n/caf%C3%A9", "GET /n/{x} caf%C3%A9"),
        ("GET /n/%C3%A9A9", "GET /n/{x}A9 %C3%A9"),
        ("GET /n/1A9", "GET /n/{x}A9 1"),
    ];
    hold(&routes, &STRICT, &cases);
    let fold = TableOptions { case_insensitive: true, ..STRICT };
    hold(
        &["GET /Caf%C3%A9:X", "GET /{any}"],
        &fold,
        &[("GET /cAF%c3%a9:x", "GET /Caf%C3%A9:X"), ("GET /caf%c3%a9%3AX", "404")],
    );
}

#[test]
fn many_siblings_are_told_apart() {
    let names: Vec<String> = (0..500).map(|n| format!("GET /list/resource-number-{n}/{{id}}/x")).collect();
    let list: Vec<&str> = names.iter().map(String::as_str).collect();
    for options in [STRICT, TableOptions { case_insensitive: true, ..STRICT }] {
        let table = table(&list, &options);
        assert_eq!((table.len(), table.is_empty(), table.base()), (500, false, ""));
        for (n, name) in names.iter().enumerate() {
            let request = name.replace("{id}", "7");
            assert_eq!(answer(&table, &request), format!("{name} 7"), "{n}");
        }
        assert_eq!(answer(&table, "GET /list/resource-number-500/7/x"), "404");
        assert_eq!(answer(&table, "GET /list/resource-numbeR-1/7/x") == "404", !options.case_insensitive);
    }
}

#[test]
fn starts_of_paths_that_are_alike_are_told_apart() {
    // Before the parameter 11 to 44 bytes, of which the last are the same.
    for width in 1..35 {
        let names: Vec<String> = (0..10).map(|n| format!("/{n:0width$}/same-end")).collect();
        let routes: Vec<String> = names
            .iter()
            .flat_map(|name| ["{id}", "{id}/more", "{id}/{sub:int}"].map(|rest| format!("GET {name}/{rest}")))
            .collect();
        let list: Vec<&str> = routes.iter().map(String::as_str).collect();
        let table = table(&list, &STRICT);
        for name in &names {
            assert_eq!(answer(&table, &format!("GET {name}/7")), format!("GET {name}/{{id}} 7"));
            assert_eq!(answer(&table, &format!("GET {name}/7/more")), format!("GET {name}/{{id}}/more 7"));
            assert_eq!(answer(&table, &format!("GET {name}/7/8")), format!("GET {name}/{{id}}/{{sub:int}} 7 8"));
            for (place, _) in name.char_indices().filter(|(_, c)| *c != '/') {
                let other = format!("{}x{}", &name[..place], &name[place + 1..]);
                assert_eq!(answer(&table, &format!("GET {other}/7")), "404", "{other}");
            }
            for rest in ["", "/", "/7/", "/7/x", "x/7"] {
                assert_eq!(answer(&table, &format!("GET {name}{rest}")), "404", "{name}{rest}");
            }
        }
    }
}

#[test]
fn every_byte_of_a_path_counts_whatever_its_length() {
    let base = format!("/{}", "b".repeat(69));
    let lengths: [&[usize]; 9] =
        [&[1], &[3, 2], &[8, 3, 4], &[3, 8, 8], &[16, 17], &[30, 30, 30], &[62, 1], &[64, 64], &[5, 70, 5]];
    for (lengths, base, siblings, fold) in lengths.iter().flat_map(|lengths| {
        let options = [("", 0, false), ("/b", 12, false), (&*base, 0, true), (&*base, 12, false), ("", 12, true)];
        options.map(|(base, siblings, fold)| (lengths, base, siblings, fold))
    }) {
        let pattern: String = lengths.iter().map(|len| format!("/{}", "a".repeat(*len))).collect();
        let route = format!("GET {pattern}");
        // With many siblings a literal is found by its hash.
        let others: Vec<String> =
            (0..siblings).map(|number| format!("GET /{}{number}", "a".repeat(lengths[0]))).collect();
        let routes: Vec<&str> = [&*route].into_iter().chain(others.iter().map(String::as_str)).collect();
        let table = table(&routes, &TableOptions { base, trailing_slash_same: false, case_insensitive: fold });
        let path = format!("{base}{pattern}");
        assert_eq!(answer(&table, &format!("GET {path}")), route);
        let upper = if fold { &*route } else { "404" };
        assert_eq!(answer(&table, &format!("GET {}", path.to_ascii_uppercase())), upper);
        for end in 1..path.len() {
            let changed = format!("{}z{}", &path[..end], &path[end + 1..]);
            for other in [&*changed, &path[..end]] {
                assert_eq!(answer(&table, &format!("GET {other}")), "404", "{path}");
            }
        }
        for more in ["a", "/", "/a"] {
            assert_eq!(answer(&table, &format!("GET {path}{more}")), "404", "{path}");
        }
    }
}
