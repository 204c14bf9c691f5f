//! Lists: pages, filters, cursors.

use scopegate_server::peppers::Peppers;
use scopegate_stores::{KeyStore, kit};

use crate::support::{KEYS, OWNER, start};

#[test]
fn queries_that_mean_nothing_here_are_refused() {
    let server = start();
    for _ in 0..3 {
        server.create("x", &["jobs:read"]);
    }
    let first = server.manage("GET", &format!("{KEYS}?limit=2&active=true"), "").json();
    let next = first["next"].as_str().unwrap();
    for (parameter, query) in [
        ("limit", "?limit=0".to_owned()),
        ("limit", "?limit=ten".to_owned()),
        ("limit", "?limit=1&limit=2".to_owned()),
        ("active", "?active=yes".to_owned()),
        ("cursor", "?cursor=".to_owned()),
        ("cursor", format!("?cursor=B{}", &next[1..])),
        ("cursor", format!("?cursor={}", &next[1..])),
        ("active", format!("?cursor={next}&active=false")),
    ] {
        let answer = server.manage("GET", &format!("{KEYS}{query}"), "");
        answer.is_mistake(400, "validation", "parameter", parameter);
        assert!(!answer.body.contains(&next[1..]));
    }
    for query in ["?owner=company-2", "?Limit=1", "?limit=%FF"] {
        server.manage("GET", &format!("{KEYS}{query}"), "").is_problem(400, "validation");
    }
    let page = |query: String| server.manage("GET", &format!("{KEYS}{query}"), "").json();
    assert_eq!(page(format!("?cursor={next}&active=true")), page(format!("?cursor={next}")), "the filter goes along");
}

#[test]
fn a_cursor_of_another_owner_or_server_is_none() {
    let (server, other) = (start(), start());
    let cursors = [&server, &other].map(|server| {
        server.create("x", &["jobs:read"]);
        server.manage("GET", &format!("{KEYS}?limit=1"), "").text("next")
    });
    assert_eq!(server.manage("GET", &format!("{KEYS}?cursor={}", cursors[0]), "").status, 200);
    server.manage("GET", &format!("{KEYS}?cursor={}", cursors[1]), "").is_problem(400, "validation");
    assert!(!format!("{:?}", Peppers::fresh().unwrap()).contains("root"));
}

#[test]
fn the_pages_of_an_owner_are_its_keys_in_order() {
    let server = start();
    let mut ids: Vec<String> = Vec::new();
    for number in 0..11 {
        let (path, _) = server.create(&format!("key {number}"), &["jobs:read"]);
        ids.push(path.rsplit('/').next().unwrap().to_owned());
        if number % 3 == 0 {
            server.pass(1);
        }
    }
    server.run(server.app.store.insert(&kit::sample("company-2", 5).unwrap())).unwrap();
    assert_eq!(server.manage("DELETE", &format!("{KEYS}/{}", ids[3]), "").status, 204);
    let walk =
        |query: &str, limit: usize| {
            let (mut seen, mut more) = (Vec::new(), String::new());
            loop {
                let page = server.manage("GET", &format!("{KEYS}?limit={limit}{query}{more}"), "").json();
                let items = page["items"].as_array().unwrap();
                assert!(items.len() <= limit.min(100));
                seen.extend(items.iter().map(|item| {
                    (item["createdAt"].as_str().unwrap().to_owned(), item["id"].as_str().unwrap().to_owned())
                }));
                let Some(next) = page["next"].as_str() else { break seen };
                more = format!("&cursor={next}");
            }
        };
    for limit in [1, 5, 12, 100, 1_000_000] {
        let seen = walk("", limit);
        let mut sorted = seen.clone();
        sorted.sort();
        assert_eq!((seen.len(), &seen), (12, &sorted), "limit {limit}");
        assert!(ids.iter().all(|id| seen.iter().any(|(_, seen)| seen == id)));
    }
    for limit in [1, 4, 100] {
        assert_eq!(walk("&active=true", limit).len(), 11, "limit {limit}");
        assert_eq!(walk("&active=false", limit).into_iter().map(|(_, id)| id).collect::<Vec<_>>(), [ids[3].clone()]);
    }
}

#[test]
fn a_filter_that_few_keys_pass_does_not_hold_up_the_server() {
    let server = start();
    for number in 0..2_500 {
        server.run(server.app.store.insert(&kit::sample(OWNER, number).unwrap())).unwrap();
    }
    let first = server.manage("GET", &format!("{KEYS}?active=false&limit=5"), "").json();
    let mut pages = 1;
    let mut next = first["next"].as_str().map(str::to_owned);
    while let Some(cursor) = next {
        let page = server.manage("GET", &format!("{KEYS}?limit=5&cursor={cursor}"), "").json();
        next = page["next"].as_str().map(str::to_owned);
        pages += 1;
    }
    assert!(pages > 1, "one request looks through so many pages, and the list goes on");
}
