//! Uses and renewals: what is dropped, what goes first, what is stored once.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]

use scopegate::key::record::{HashAlgorithm, KeyDigest, KeyHash};
use scopegate_stores::{MemoryStore, kit};

use super::*;

fn at(second: i64) -> UnixSeconds {
    UnixSeconds::clamped(1_780_000_000_i64.saturating_add(second))
}

fn id(number: u64) -> KeyId {
    kit::sample("o", number).unwrap().id
}

#[test]
fn a_use_waits_once_goes_forward_and_is_stored_once_a_minute() {
    let mut pending = Pending::default();
    for second in [5, 9, 7] {
        assert!(pending.note(id(1), at(second)));
    }
    let batch = pending.take();
    assert_eq!(batch, [(id(1), at(9))], "one a key, the latest");
    // One that was under way while the batch was written.
    assert!(pending.note(id(1), at(12)));
    pending.stored(&batch);
    assert!(pending.note(id(1), at(68)), "within the minute: told already");
    assert!(pending.take().is_empty());
    assert!(pending.note(id(1), at(69)));
    assert_eq!(pending.take(), [(id(1), at(69))]);
    assert!(pending.note(id(1), at(3)), "a clock that went backwards stores nothing");
    assert!(pending.take().is_empty());
}

#[test]
fn there_is_room_for_so_many_and_old_ones_are_forgotten() {
    let mut pending = Pending::default();
    for number in 0..600 {
        assert!(pending.note(id(number), at(0)));
    }
    let first = pending.take();
    assert_eq!((first.len(), pending.take().len()), (BATCH, 600 - BATCH));
    pending.stored(&first);
    assert_eq!(pending.stored.len(), BATCH);
    pending.stored(&[(id(1), at(61))]);
    assert_eq!(pending.stored.len(), 1, "of more than a minute ago");
}

#[tokio::test]
async fn what_waits_is_stored_at_the_end_and_what_comes_later_is_lost() {
    let (store, metrics) = (Arc::new(MemoryStore::new()), Arc::new(Metrics::new()));
    let record = kit::sample("o", 1).unwrap();
    store.insert(&record).await.unwrap();
    let uses = Uses::start(Arc::clone(&store), Arc::clone(&metrics));
    for second in [30, 10] {
        uses.touch(&Touch { id: record.id, at: at(second) });
    }
    assert!(uses.finish(Duration::from_secs(10)).await);
    assert_eq!(store.find(&record.id).await.unwrap().unwrap().last_used_at, Some(at(30)));
    uses.touch(&Touch { id: record.id, at: at(90) });
    assert!(uses.finish(Duration::from_secs(10)).await, "once more does nothing");
    let text = metrics.render();
    assert!(text.contains("scopegate_touches_total{outcome=\"stored\"} 1"), "{text}");
    assert!(text.contains("scopegate_touches_total{outcome=\"lost\"} 1"), "{text}");
}

#[tokio::test]
async fn without_room_uses_are_dropped_and_counted_and_nobody_waits() {
    let (store, metrics) = (Arc::new(MemoryStore::new()), Arc::new(Metrics::new()));
    let uses = Uses::start(store, Arc::clone(&metrics));
    // The task has no turn before this test awaits.
    for number in 0..QUEUE + 7 {
        let (key, second) = (u64::try_from(number % 50).unwrap(), i64::try_from(number).unwrap());
        uses.touch(&Touch { id: id(key), at: at(second) });
    }
    assert!(metrics.render().contains("scopegate_touches_total{outcome=\"lost\"} 7"));
    assert!(uses.finish(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn a_hash_is_renewed_over_the_version_it_was_made_from_alone() {
    let (store, metrics) = (Arc::new(MemoryStore::new()), Arc::new(Metrics::new()));
    let records = [kit::sample("o", 1).unwrap(), kit::sample("o", 2).unwrap()];
    for record in &records {
        store.insert(record).await.unwrap();
    }
    let hash = KeyHash {
        alg: HashAlgorithm::HmacSha256,
        kid: Some("p2".into()),
        hash: KeyDigest::from_bytes([7; 32]),
        not_after: None,
    };
    let uses = Uses::start(Arc::clone(&store), Arc::clone(&metrics));
    for (record, expected_version) in records.iter().zip([1, 5]) {
        uses.upgrade(&Upgrade { id: record.id, expected_version, hash: hash.clone() });
    }
    assert!(uses.finish(Duration::from_secs(10)).await);
    let renewed = store.find(&records[0].id).await.unwrap().unwrap();
    assert_eq!((renewed.version, renewed.hashes), (2, vec![hash]));
    assert_eq!(store.find(&records[1].id).await.unwrap().unwrap(), records[1], "made from another version");
    let text = metrics.render();
    assert!(text.contains("scopegate_hash_renewals_total{outcome=\"stored\"} 1"), "{text}");
    assert!(text.contains("scopegate_hash_renewals_total{outcome=\"lost\"} 1"), "{text}");
}
