//! Scope masks behave as the sets of names that they stand for, in catalogues of one word and of several.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use scopegate::scope::{ScopeCatalogue, ScopeDeclaration, ScopeSet};

type Names = BTreeSet<String>;

fn name(at: usize) -> String {
    format!("s{at}:x")
}

/// Scopes that imply none, or others with a smaller number: no circle.
fn implied() -> impl Strategy<Value = Vec<Vec<prop::sample::Index>>> {
    let count = prop_oneof![1..12_usize, 60..70_usize, 120..140_usize];
    let few = || prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    count.prop_flat_map(move |count| prop::collection::vec(few(), count))
}

/// What a name stands for, by walking from name to name.
fn closed(of: &[String], implies: &[Vec<String>]) -> Names {
    let mut names = Names::new();
    let mut open: Vec<String> = of.to_vec();
    while let Some(next) = open.pop() {
        let Some(at) = (0..implies.len()).find(|at| name(*at) == next) else { continue };
        if names.insert(next) {
            open.extend(implies[at].iter().cloned());
        }
    }
    names
}

proptest! {
    #[test]
    fn masks_are_sets(
        implied in implied(),
        granted in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        required in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let count = implied.len();
        let implies: Vec<Vec<String>> = implied
            .iter()
            .enumerate()
            .map(|(at, list)| if at == 0 { Vec::new() } else { list.iter().map(|index| name(index.index(at))).collect() })
            .collect();
        let names: Vec<String> = (0..count).map(name).collect();
        let declarations: Vec<ScopeDeclaration<'_>> =
            names.iter().zip(&implies).map(|(name, implies)| ScopeDeclaration { name, title: "t", implies }).collect();
        let catalogue = ScopeCatalogue::build(&declarations).unwrap();
        let listed = |set: &ScopeSet| -> Names { catalogue.names(set).map(String::from).collect() };
        let some = |list: &[prop::sample::Index]| -> Vec<String> { list.iter().map(|index| name(index.index(count))).collect() };

        let (granted, required) = (some(&granted), some(&required));
        let strangers = ["s:x", "s1:X", "s1:x2", "*"];
        let grant = catalogue.grant(granted.iter().map(String::as_str).chain(strangers));
        let have = closed(&granted, &implies);
        prop_assert_eq!(listed(&grant), have.clone());

        let require = catalogue.require(required.iter().map(String::as_str)).unwrap();
        let wanted: Names = required.iter().cloned().collect();
        prop_assert_eq!(listed(&require), wanted.clone());
        prop_assert_eq!((require.len(), require.is_empty()), (wanted.len(), wanted.is_empty()));
        prop_assert_eq!(require.iter().map(name).collect::<Names>(), wanted.clone());
        prop_assert_eq!(catalogue.require(strangers), Err(strangers[0]));

        prop_assert_eq!(grant.contains_all(&require), wanted.is_subset(&have));
        prop_assert_eq!(listed(&require.minus(&grant)), wanted.difference(&have).cloned().collect::<Names>());
        let mut union = require.clone();
        union.union_with(&grant);
        prop_assert_eq!(listed(&union), wanted.union(&have).cloned().collect::<Names>());
        for (at, name) in names.iter().enumerate() {
            prop_assert_eq!(grant.contains(at), have.contains(name));
        }

        // The smallest set grants the same, and none of it is left out.
        let smallest: Vec<String> = listed(&catalogue.minimal(&require)).into_iter().collect();
        prop_assert_eq!(closed(&smallest, &implies), closed(&required, &implies));
        for left_out in 0..smallest.len() {
            let mut fewer = smallest.clone();
            fewer.remove(left_out);
            prop_assert_ne!(closed(&fewer, &implies), closed(&smallest, &implies));
        }
    }
}
