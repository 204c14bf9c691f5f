//! Parsing and proving a key allocates nothing, whatever comes of it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has failed"
)]

mod keys_support;

use std::sync::Arc;

use keys_support::{Fixture, KEY, NOW, VECTORS, at, base_record};
use scopegate::key::record::{KeyRecord, LiveKey};

#[test]
fn a_check_allocates_nothing() {
    let mut sealed = base_record();
    sealed.sealed = true;
    // Neither sorted nor free of repeats: the seal puts them in order without a copy.
    sealed.scopes = ["jobs:write", "jobs:read", "jobs:write"].map(Into::into).to_vec();
    for record in [base_record(), sealed] {
        let Fixture { format, ring, record } = Fixture::new(&record);
        let record: Arc<KeyRecord> = Arc::new(record);
        let accept: [Box<str>; 1] = ["live".into()];
        for (key, found) in [(KEY, Some(&record)), (KEY, None), (VECTORS[2].0, Some(&record))] {
            let mut live = false;
            let counted = allocation_counter::measure(|| {
                let parsed = format.parse(key.as_bytes()).unwrap();
                live = LiveKey::prove(&parsed, found.cloned(), &ring, &accept, at(NOW), None).is_ok();
            });
            assert_eq!(live, key == KEY && found.is_some());
            assert_eq!(counted.count_total, 0);
        }
        assert_eq!(allocation_counter::measure(|| assert!(format.parse(&[b'a'; 4_096]).is_err())).count_total, 0);
        // The counter counts.
        assert_eq!(allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1)))).count_total, 1);
    }
}
