//! Codes and refresh tokens are redeemed once, in every order in which requests can meet at the store, and whatever the store or the signer
//! fails to do: the model check of the design, on the implementation.
#![cfg(feature = "oauth")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod oauth_support;

use std::collections::BTreeSet;

use oauth_support::*;
use scopegate::oauth::*;

/// One of the flows that meet.
#[derive(Clone)]
enum Act {
    Send(HttpRequest, i64),
    RevokeAll,
}

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    /// It never arrived.
    Down,
    /// It was done, and the answer got lost.
    Lost,
}

/// What came of one order.
struct Order<'o> {
    responses: &'o [HttpResponse],
    store: &'o Store,
    fates: &'o [(usize, Fate)],
}

impl Order<'_> {
    fn wins(&self) -> usize {
        self.responses.iter().filter(|response| response.status == 200).count()
    }

    fn children(&self) -> BTreeSet<String> {
        let bodies = self.responses.iter().filter(|response| response.status == 200).map(json);
        bodies.filter_map(|body| body["refresh_token"].as_str().map(str::to_owned)).collect()
    }

    /// `issued`, `active` or `revoked`.
    fn state(&self) -> &'static str {
        state(self.store)
    }
}

fn state(store: &Store) -> &'static str {
    let grants = store.grants.borrow();
    let row = String::from_utf8_lossy(&grants.values().next().unwrap().row[1..]).into_owned();
    let grant: serde_json::Value = serde_json::from_str(&row).unwrap();
    match grant["state"].as_str() {
        Some("issued") => "issued",
        Some("active") => "active",
        _ => "revoked",
    }
}

/// Runs the flows in every order of their loads and swaps, and with up to `failures` questions that fail, signatures among them; other
/// needs do not meet and are answered at once. Returns how many orders there are.
fn every_order(
    server: &Server,
    store: &Store,
    acts: &[Act],
    failures: usize,
    check: &mut dyn FnMut(&Order<'_>),
) -> usize {
    let start = store.grants.borrow().clone();
    let (mut orders, mut pending) = (0, vec![Vec::<(usize, Fate)>::new()]);
    while let Some(schedule) = pending.pop() {
        *store.grants.borrow_mut() = start.clone();
        store.events.borrow_mut().clear();
        let begin = |act: &Act| match act {
            Act::Send(request, second) => server.handle(request.clone(), at(*second), [5; 64]),
            Act::RevokeAll => server.revoke_all("u1".into(), None, at(1)),
        };
        let mut flows: Vec<_> = acts.iter().map(begin).collect();
        let mut done: Vec<Option<HttpResponse>> = vec![None; flows.len()];
        let answer = |need: &Need| match need {
            Need::Sign { .. } => Answer::Signature(vec![1; 256]),
            need => store.answer(need),
        };
        let advance = |flow: &mut Flow<'_>, done: &mut Option<HttpResponse>| loop {
            match flow.step() {
                Step::Need(need @ (Need::Grant { .. } | Need::SwapGrant { .. })) => return Some(need),
                Step::Need(need @ Need::Sign { .. }) if failures > 0 => return Some(need),
                Step::Need(need) => flow.answer(answer(&need)),
                Step::Done(reply) => {
                    *done = Some(respond(reply));
                    return None;
                }
            }
        };
        let mut waiting: Vec<Option<Need>> =
            flows.iter_mut().zip(&mut done).map(|(flow, done)| advance(flow, done)).collect();
        let mut taken: Vec<(usize, Fate)> = vec![];
        let mut planned = schedule.into_iter();
        loop {
            // The plan first, and then what comes first; everything else is another order.
            let step = planned.next().or_else(|| {
                let failed = taken.iter().filter(|(_, fate)| *fate != Fate::Answered).count();
                let mut choices = vec![];
                for (at, need) in waiting.iter().enumerate() {
                    let Some(need) = need else { continue };
                    let swaps = matches!(need, Need::SwapGrant { .. });
                    for fate in [Fate::Answered, Fate::Down, Fate::Lost] {
                        if fate == Fate::Answered || failed < failures && (fate == Fate::Down || swaps) {
                            choices.push((at, fate));
                        }
                    }
                }
                let mut choices = choices.into_iter();
                let first = choices.next();
                pending.extend(choices.map(|choice| [taken.clone(), vec![choice]].concat()));
                first
            });
            let Some((chosen, fate)) = step else { break };
            let need = waiting[chosen].take().unwrap();
            let given = if fate == Fate::Down { Answer::Unavailable } else { answer(&need) };
            flows[chosen].answer(if fate == Fate::Lost { Answer::Unavailable } else { given });
            waiting[chosen] = advance(&mut flows[chosen], &mut done[chosen]);
            taken.push((chosen, fate));
        }
        orders += 1;
        let responses: Vec<_> = done.into_iter().map(Option::unwrap).collect();
        check(&Order { responses: &responses, store, fates: &taken });
    }
    *store.grants.borrow_mut() = start;
    orders
}

fn sends(request: &HttpRequest, times: usize) -> Vec<Act> {
    vec![Act::Send(request.clone(), 1); times]
}

/// A family and its refresh tokens, one for each generation; each is made at second 1.
fn family(leeway: i64, generations: usize) -> (Server, Store, Vec<String>) {
    let (server, store) = (server(leeway), Store::new());
    let code = code(&server, &store, "app", "keys", 1);
    let mut request = redeem("app", &code);
    let mut tokens: Vec<String> = vec![];
    for _ in 0..generations {
        let body = json(&send(&server, &store, request, 1));
        tokens.push(text(&body, "refresh_token").to_owned());
        request = refresh("app", tokens.last().unwrap());
    }
    (server, store, tokens)
}

#[test]
fn t4_one_code_is_redeemed_once_in_every_order() {
    let (server, store) = (server(10), Store::new());
    let code = code(&server, &store, "app", "keys", 1);
    let orders = every_order(&server, &store, &sends(&redeem("app", &code), 3), 0, &mut |order| {
        assert_eq!((order.wins(), order.state()), (1, "revoked"));
        assert!(order.responses.iter().all(|response| [200, 400].contains(&response.status)));
    });
    assert_eq!(orders, 498);
}

/// T4 with eight at once: more orders than can be tried, so a few thousand of them.
#[test]
fn t4_eight_redemptions_at_once() {
    let (server, store) = (server(10), Store::new());
    let code = code(&server, &store, "app", "keys", 1);
    let start = store.grants.borrow().clone();
    let mut random = 0x5C0F_E6A7_u64;
    for _ in 0..300 {
        *store.grants.borrow_mut() = start.clone();
        let mut flows: Vec<_> = (0..8).map(|_| Some(server.handle(redeem("app", &code), at(1), [5; 64]))).collect();
        let mut statuses = vec![];
        while statuses.len() < 8 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let chosen = (random % 8) as usize;
            let Some(flow) = &mut flows[chosen] else { continue };
            match flow.step() {
                Step::Need(Need::Sign { .. }) => flow.answer(Answer::Signature(vec![1; 256])),
                Step::Need(need) => flow.answer(store.answer(&need)),
                Step::Done(reply) => {
                    statuses.push(respond(reply).status);
                    flows[chosen] = None;
                }
            }
        }
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(state(&store), "revoked");
    }
}

#[test]
fn r6_parallel_refreshes_in_every_order() {
    for (leeway, expected) in [(10, 150), (0, 498)] {
        let (server, store, tokens) = family(leeway, 1);
        let orders = every_order(&server, &store, &sends(&refresh("app", &tokens[0]), 3), 0, &mut |order| {
            let (won, state) = if leeway > 0 { (3, "active") } else { (1, "revoked") };
            assert_eq!((order.wins(), order.children().len(), order.state()), (won, 1, state));
        });
        assert_eq!(orders, expected, "leeway {leeway}");
    }
}

#[test]
fn r5_a_thief_with_an_ancestor_is_found_in_every_order() {
    // Leeway, generations before, the thief's generation: a parent is an ancestor only where there is no leeway.
    for (leeway, generations, stolen) in [(10, 3, 0), (10, 4, 1), (0, 2, 0), (0, 3, 1), (0, 3, 0)] {
        let (server, store, tokens) = family(leeway, generations);
        let victim = refresh("app", tokens.last().unwrap());
        let thief = refresh("app", &tokens[stolen]);
        for acts in [
            vec![Act::Send(thief.clone(), 2), Act::Send(victim.clone(), 2)],
            vec![Act::Send(thief.clone(), 2), Act::Send(victim.clone(), 2), Act::Send(victim.clone(), 2)],
            vec![Act::Send(thief.clone(), 2), Act::Send(thief.clone(), 2), Act::Send(victim.clone(), 2)],
        ] {
            let thieves =
                acts.iter().filter(|act| matches!(act, Act::Send(request, _) if request.body == thief.body)).count();
            let orders = every_order(&server, &store, &acts, 0, &mut |order| {
                assert!(
                    order.responses[..thieves].iter().all(|response| response.status == 400),
                    "a thief gets tokens"
                );
                assert_eq!(order.state(), "revoked", "leeway {leeway}: the theft is not seen");
                assert!(order.store.events.borrow().contains(&EventKind::RefreshReuse));
            });
            assert!(orders > 1);
        }
    }
}

/// A thief who has the current token gets the same child as the victim, and is found out at the next use that is not in the same window.
#[test]
fn r5_a_thief_with_the_current_token_is_found_when_they_part() {
    for (leeway, first) in [(10, 2), (0, 1)] {
        let (server, store, tokens) = family(leeway, 1);
        let both = sends(&refresh("app", &tokens[0]), 2);
        every_order(&server, &store, &both, 0, &mut |order| assert_eq!(order.wins(), first));
        if leeway == 0 {
            continue;
        }
        let child = json(&send(&server, &store, refresh("app", &tokens[0]), 2));
        let again = json(&send(&server, &store, refresh("app", &tokens[0]), 3));
        assert_eq!(child["refresh_token"], again["refresh_token"]);
        let child = text(&child, "refresh_token");
        assert_eq!(send(&server, &store, refresh("app", child), 100).status, 200);
        assert_eq!(send(&server, &store, refresh("app", child), 111).status, 400, "whoever comes second");
        assert_eq!(state(&store), "revoked");
    }
}

#[test]
fn r7_a_revocation_wins_in_every_order() {
    for leeway in [0, 10] {
        let (server, store, tokens) = family(leeway, 1);
        let rotate = Act::Send(refresh("app", &tokens[0]), 2);
        let revoke = Act::Send(post("/oauth2/revoke", &format!("client_id=app&token={}", tokens[0])), 2);
        for acts in [
            vec![revoke.clone(), rotate.clone()],
            vec![revoke.clone(), rotate.clone(), rotate.clone()],
            vec![revoke.clone(), revoke.clone(), rotate.clone()],
            vec![Act::RevokeAll, rotate.clone()],
            vec![Act::RevokeAll, rotate.clone(), rotate.clone()],
            vec![Act::RevokeAll, revoke.clone(), rotate.clone()],
        ] {
            let orders = every_order(&server, &store, &acts, 0, &mut |order| {
                assert_eq!((order.responses[0].status, order.state()), (200, "revoked"), "leeway {leeway}");
            });
            assert!(orders > 1);
        }
    }
    let (server, store) = (server(10), Store::new());
    let code = code(&server, &store, "app", "keys", 1);
    let acts = [Act::RevokeAll, Act::Send(redeem("app", &code), 1)];
    let mut won = BTreeSet::new();
    every_order(&server, &store, &acts, 0, &mut |order| {
        assert_eq!(order.state(), "revoked");
        won.insert(order.responses[1].status);
    });
    assert_eq!(won, BTreeSet::from([200, 400]), "a code that is redeemed first gives tokens that are dead");
}

#[test]
fn no_failure_burns_a_code_or_doubles_it() {
    let (server, store) = (server(10), Store::new());
    let code = code(&server, &store, "app", "openid", 1);
    let mut seen = BTreeSet::new();
    for (times, failures) in [(1, 2), (2, 1)] {
        every_order(&server, &store, &sends(&redeem("app", &code), times), failures, &mut |order| {
            assert!(order.wins() <= 1, "{:?}", order.fates);
            assert!(order.responses.iter().all(|response| [200, 400, 503].contains(&response.status)));
            let lost = order.fates.iter().any(|(_, fate)| *fate == Fate::Lost);
            let before = order.state();
            let next = send(&server, order.store, redeem("app", &code), 2).status;
            match before {
                // Nobody was told of a swap: the code is as good as before.
                "issued" => assert_eq!((order.wins(), next), (0, 200), "burned: {:?}", order.fates),
                // It was redeemed, and whoever asks again is a replay.
                _ => assert_eq!((next, state(order.store)), (400, "revoked"), "{:?}", order.fates),
            }
            assert!(before == "issued" || order.wins() == 1 || lost, "{:?}: redeemed for nobody", order.fates);
            seen.insert((before, order.wins(), lost));
        });
    }
    assert!(seen.len() >= 5, "{seen:?}");
}

#[test]
fn no_failure_burns_a_refresh_token_or_forks_a_family() {
    for leeway in [10, 0] {
        let (server, store, tokens) = family(leeway, 1);
        for (times, failures) in [(1, 2), (2, 1)] {
            every_order(&server, &store, &sends(&refresh("app", &tokens[0]), times), failures, &mut |order| {
                let children = order.children();
                assert!(children.len() <= 1, "{:?}: the family forks", order.fates);
                assert!(leeway > 0 || order.wins() <= 1, "{:?}", order.fates);
                let lost = order.fates.iter().any(|(_, fate)| *fate == Fate::Lost);
                let before = order.state();
                let next = send(&server, order.store, refresh("app", &tokens[0]), 2);
                if leeway > 0 {
                    // Whatever failed, whoever asks again within the leeway goes on with the one child.
                    assert_eq!((before, next.status), ("active", 200), "{:?}", order.fates);
                    let child = text(&json(&next), "refresh_token").to_owned();
                    assert!(children.is_empty() || children.contains(&child), "{:?}", order.fates);
                } else if next.status == 200 {
                    assert_eq!((before, order.wins()), ("active", 0), "{:?}: two children", order.fates);
                } else {
                    assert!(order.wins() == 1 || lost, "{:?}: burned", order.fates);
                    assert_eq!(state(order.store), "revoked");
                }
            });
        }
    }
}

#[test]
fn no_failure_makes_a_revocation_look_done() {
    let (server, store, tokens) = family(10, 1);
    let rotate = Act::Send(refresh("app", &tokens[0]), 2);
    let revoke = Act::Send(post("/oauth2/revoke", &format!("client_id=app&token={}", tokens[0])), 2);
    for first in [revoke, Act::RevokeAll] {
        every_order(&server, &store, &[first, rotate.clone()], 1, &mut |order| {
            let status = order.responses[0].status;
            assert!([200, 503].contains(&status));
            assert!(status == 503 || order.state() == "revoked", "{:?}: 200, and the family lives", order.fates);
        });
    }
}
