//! The verified-token cache by itself: what is a hit, what goes first, what is counted.
#![cfg(feature = "ed25519")]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop where it finds a fault")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod jwt_support;

use jwt_support::{ISSUER, NOW, SECRET, at, claims, hs_header, hs256};
use scopegate::jwt::cache::TokenCache;
use scopegate::jwt::claims::{TokenRules, VerifiedClaims};
use scopegate::jwt::token::UnverifiedToken;
use scopegate::jwt::verify::{VerifyKey, verify};
use scopegate::jwt::{Algorithm, AlgorithmSet};
use serde_json::Value;

fn rules() -> TokenRules {
    let mut rules = TokenRules::new(ISSUER, ["api"], AlgorithmSet::default().with(Algorithm::Hs256));
    (rules.leeway, rules.required_claims) = (0, Box::default());
    rules
}

fn verified(claims: &Value) -> (String, VerifiedClaims) {
    let text = hs256(&hs_header(), claims);
    let token = UnverifiedToken::parse(text.as_bytes(), &rules()).unwrap();
    let proof = verify(token.algorithm(), &VerifyKey::hmac(SECRET), token.signing_input(), token.signature()).unwrap();
    let claims = token.into_verified(proof, &rules(), at(NOW)).unwrap();
    (text, claims)
}

#[test]
fn only_the_whole_token_under_the_same_credential_and_keys_is_a_hit() {
    let (token, kept) = verified(&claims("u1"));
    let (other, _) = verified(&claims("u2"));
    let signature = |token: &str| token.rsplit_once('.').unwrap().1.to_owned();
    let same_signature = format!("{}.{}", other.rsplit_once('.').unwrap().0, signature(&token));
    let mut cache = TokenCache::new(8, 1 << 20);
    cache.insert(token.as_bytes(), 1, 7, &kept);
    let longer = format!("{token}A");
    let table: [(&str, &str, usize, u64, i64, bool); 10] = [
        ("itself", &token, 1, 7, NOW, true),
        ("the last second", &token, 1, 7, NOW + 599, true),
        ("expired", &token, 1, 7, NOW + 600, false),
        ("before it was issued", &token, 1, 7, NOW - 61, false),
        ("another credential", &token, 0, 7, NOW, false),
        ("an older generation", &token, 1, 6, NOW, false),
        ("a newer generation", &token, 1, 8, NOW, false),
        ("another token with its signature", &same_signature, 1, 7, NOW, false),
        ("a longer token", &longer, 1, 7, NOW, false),
        ("its front alone", &token[..token.len() - 1], 1, 7, NOW, false),
    ];
    let mut counts = (0, 0);
    for (name, text, credential, generation, now, hit) in table {
        let found = cache.get(text.as_bytes(), credential, generation, &rules(), at(now));
        assert_eq!(found.is_some(), hit, "{name}");
        if hit {
            counts.0 += 1
        } else {
            counts.1 += 1
        }
        assert_eq!(cache.counts(), counts, "{name}");
    }
}

#[test]
fn a_token_without_iat_expires_too() {
    let mut without = claims("u1");
    without.as_object_mut().unwrap().remove("iat");
    let (token, kept) = verified(&without);
    let mut cache = TokenCache::new(8, 1 << 20);
    cache.insert(token.as_bytes(), 0, 0, &kept);
    for (second, hit) in [(0, true), (599, true), (600, false), (1_000_000, false)] {
        let found = cache.get(token.as_bytes(), 0, 0, &rules(), at(NOW + second));
        assert_eq!(found.is_some(), hit, "{second}");
    }
}

/// Which of the tokens are there, without a change of their order.
fn there(cache: &mut TokenCache, tokens: &[String]) -> Vec<usize> {
    let is_there =
        |cache: &mut TokenCache, at_: usize| cache.get(tokens[at_].as_bytes(), 0, 0, &rules(), at(NOW)).is_some();
    (0..tokens.len()).filter(|at| is_there(cache, *at)).collect()
}

#[test]
fn the_least_recently_used_goes_first() {
    let made: Vec<_> = (0..6).map(|number| verified(&claims(&format!("u{number}")))).collect();
    let tokens: Vec<String> = made.iter().map(|(token, _)| token.clone()).collect();
    /// `Put` and `Use` by number, and what is there in the end.
    enum Act {
        Put(usize),
        Use(usize),
    }
    use Act::{Put, Use};
    let table: [(&str, &[Act], &[usize]); 6] = [
        ("in order", &[Put(0), Put(1), Put(2), Put(3)], &[1, 2, 3]),
        ("the oldest was used", &[Put(0), Put(1), Put(2), Use(0), Put(3)], &[0, 2, 3]),
        ("the middle was used", &[Put(0), Put(1), Put(2), Use(1), Put(3), Put(4)], &[1, 3, 4]),
        ("the newest was used", &[Put(0), Put(1), Put(2), Use(2), Put(3)], &[1, 2, 3]),
        ("put again", &[Put(0), Put(1), Put(2), Put(0), Put(3)], &[0, 2, 3]),
        ("all over", &[Put(0), Put(1), Put(2), Put(3), Put(4), Put(5)], &[3, 4, 5]),
    ];
    for (name, acts, expected) in table {
        let mut cache = TokenCache::new(3, 1 << 20);
        for act in acts {
            match act {
                Put(number) => cache.insert(tokens[*number].as_bytes(), 0, 0, &made[*number].1),
                Use(number) => {
                    assert!(cache.get(tokens[*number].as_bytes(), 0, 0, &rules(), at(NOW)).is_some(), "{name}");
                }
            }
        }
        assert_eq!(cache.size().0, expected.len(), "{name}");
        assert_eq!(there(&mut cache, &tokens), expected, "{name}");
    }
}

#[test]
fn bytes_are_bounded_and_given_back() {
    let made: Vec<_> = (0..8).map(|number| verified(&claims(&format!("u{number}")))).collect();
    let mut one = TokenCache::new(1, usize::MAX);
    one.insert(made[0].0.as_bytes(), 0, 0, &made[0].1);
    let weight = one.size().1;
    assert!(weight > made[0].0.len());
    for most in [0, 1, weight - 1] {
        let mut cache = TokenCache::new(8, most);
        cache.insert(made[0].0.as_bytes(), 0, 0, &made[0].1);
        assert_eq!(cache.size(), (0, 0), "{most}");
    }
    let mut none = TokenCache::new(0, usize::MAX);
    none.insert(made[0].0.as_bytes(), 0, 0, &made[0].1);
    assert_eq!(none.size(), (0, 0));
    let mut cache = TokenCache::new(100, 3 * weight);
    for round in 0..50 {
        let (token, claims) = &made[round % made.len()];
        cache.insert(token.as_bytes(), round % 2, 0, claims);
        assert!(cache.size().0 <= 3 && cache.size().1 <= 3 * weight, "{:?}", cache.size());
    }
    assert_eq!(cache.size(), (3, 3 * weight));
    cache.evict(0);
    cache.evict(1);
    assert_eq!(cache.size(), (0, 0));
    // A token too heavy for the whole cache drives nothing out.
    let mut long = claims("u9");
    long["note"] = "x".repeat(3 * weight).into();
    let (heavy, kept) = verified(&long);
    cache.insert(made[0].0.as_bytes(), 0, 0, &made[0].1);
    cache.insert(heavy.as_bytes(), 0, 0, &kept);
    assert_eq!(cache.size(), (1, weight));
}

#[test]
fn eviction_is_by_credential() {
    let made: Vec<_> = (0..4).map(|number| verified(&claims(&format!("u{number}")))).collect();
    let mut cache = TokenCache::new(8, 1 << 20);
    for (number, (token, claims)) in made.iter().enumerate() {
        cache.insert(token.as_bytes(), number % 2, 0, claims);
    }
    cache.evict(1);
    for (number, (token, _)) in made.iter().enumerate() {
        let found = cache.get(token.as_bytes(), number % 2, 0, &rules(), at(NOW)).is_some();
        assert_eq!(found, number % 2 == 0, "{number}");
    }
}
