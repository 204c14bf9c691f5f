//! Codes and refresh tokens are redeemed once, in every order in which requests can meet at the store.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod oauth_support;

use oauth_support::*;
use scopegate::oauth::*;

/// Runs the flows in every order of their loads and swaps; other needs do not meet and are answered at once. Returns the
/// statuses and refresh tokens of each order, and whether the family lives.
fn every_order(
    server: &Server,
    store: &Store,
    requests: &[HttpRequest],
    check: &mut dyn FnMut(&[HttpResponse], &Store),
) -> usize {
    let start = store.grants.borrow().clone();
    let (mut orders, mut pending) = (0, vec![Vec::<usize>::new()]);
    while let Some(schedule) = pending.pop() {
        *store.grants.borrow_mut() = start.clone();
        store.events.borrow_mut().clear();
        let mut flows: Vec<_> = requests.iter().map(|request| server.handle(request.clone(), at(1), [5; 64])).collect();
        let mut waiting: Vec<Option<Need>> = vec![];
        let mut done: Vec<Option<HttpResponse>> = vec![None; flows.len()];
        let advance = |flow: &mut Flow<'_>, done: &mut Option<HttpResponse>| loop {
            match flow.step() {
                Step::Need(need @ (Need::Grant { .. } | Need::SwapGrant { .. })) => return Some(need),
                Step::Need(Need::Sign { .. }) => flow.answer(Answer::Signature(vec![1; 256])),
                Step::Need(need) => flow.answer(store.answer(&need)),
                Step::Done(reply) => {
                    *done = Some(respond(reply));
                    return None;
                }
            }
        };
        for (flow, done) in flows.iter_mut().zip(&mut done) {
            waiting.push(advance(flow, done));
        }
        for &chosen in &schedule {
            let need = waiting[chosen].take().unwrap();
            flows[chosen].answer(store.answer(&need));
            waiting[chosen] = advance(&mut flows[chosen], &mut done[chosen]);
        }
        let open: Vec<usize> = (0..flows.len()).filter(|&at| waiting[at].is_some()).collect();
        if open.is_empty() {
            orders += 1;
            check(&done.into_iter().map(Option::unwrap).collect::<Vec<_>>(), store);
        }
        pending.extend(open.into_iter().map(|next| [schedule.clone(), vec![next]].concat()));
    }
    *store.grants.borrow_mut() = start;
    orders
}

fn wins(responses: &[HttpResponse]) -> usize {
    responses.iter().filter(|response| response.status == 200).count()
}

fn revoked(store: &Store) -> bool {
    store.grants.borrow().values().all(|stored| String::from_utf8_lossy(&stored.row).contains("\"revoked\""))
}

#[test]
fn t4_one_code_is_redeemed_once_in_every_order() {
    let (server, store) = (server(10), Store::new());
    let code = code(&server, &store, "app", "keys", 1);
    let orders = every_order(&server, &store, &vec![redeem("app", &code); 3], &mut |responses, store| {
        assert_eq!((wins(responses), revoked(store)), (1, true));
        assert!(responses.iter().all(|response| [200, 400].contains(&response.status)));
    });
    assert_eq!(orders, 498);
}

#[test]
fn r6_parallel_refreshes_in_every_order() {
    for (leeway, expected) in [(10, 150), (0, 498)] {
        let (server, store) = (server(leeway), Store::new());
        let code = code(&server, &store, "app", "keys", 1);
        let parent =
            json(&send(&server, &store, redeem("app", &code), 1))["refresh_token"].as_str().unwrap().to_owned();
        let orders = every_order(&server, &store, &vec![refresh("app", &parent); 3], &mut |responses, store| {
            let children: std::collections::BTreeSet<String> = responses
                .iter()
                .filter(|response| response.status == 200)
                .map(|response| json(response)["refresh_token"].as_str().unwrap().to_owned())
                .collect();
            let (won, lost) = if leeway > 0 { (3, false) } else { (1, true) };
            assert_eq!((wins(responses), children.len(), revoked(store)), (won, 1, lost));
        });
        assert_eq!(orders, expected, "leeway {leeway}");
    }
}

#[test]
fn an_old_refresh_token_and_a_second_redemption_end_the_family_and_noise_does_not() {
    let (server, store) = (server(10), Store::new());
    let first = code(&server, &store, "app", "openid", 1);
    store.signer_fails.set(true);
    assert_eq!(send(&server, &store, redeem("app", &first), 1).status, 503, "a failing signer burns nothing");
    store.signer_fails.set(false);
    // T5, T9: wrong verifier, another client.
    let mut wrong = redeem("app", &first);
    wrong.body.pop();
    assert_eq!(json(&send(&server, &store, wrong, 1))["error"], "invalid_grant");
    let answer = send(&server, &store, redeem("app", &first), 1);
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let body = json(&answer);
    let (parent, access) = (body["refresh_token"].as_str().unwrap(), body["access_token"].as_str().unwrap());
    assert!(body["id_token"].is_string() && body["token_type"] == "Bearer" && body["scope"] == "openid");
    let mut userinfo = get("/userinfo", "");
    userinfo.headers.push(("authorization".into(), format!("Bearer {access}")));
    assert_eq!(json(&send(&server, &store, userinfo.clone(), 2))["sub"], "u1");
    // R4: the parent gives the same child in leeway. R3: another client changes nothing.
    let child = json(&send(&server, &store, refresh("app", parent), 2));
    let again = json(&send(&server, &store, refresh("app", parent), 12));
    assert_eq!(child["refresh_token"], again["refresh_token"]);
    assert_eq!(send(&server, &store, refresh("web", parent), 13).status, 401);
    // R5
    assert_eq!(json(&send(&server, &store, refresh("app", parent), 13))["error"], "invalid_grant");
    assert_eq!(*store.events.borrow(), [EventKind::RefreshReuse]);
    assert_eq!(send(&server, &store, refresh("app", child["refresh_token"].as_str().unwrap()), 14).status, 400);
    assert_eq!(send(&server, &store, userinfo, 14).status, 401);
}
