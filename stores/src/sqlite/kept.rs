//! The records that were read, each with its text and with what the database was at then.

use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::{DefaultHashBuilder, HashMap};
use scopegate::key::format::KeyId;
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

use super::reading::State;
use crate::StoreError;
use crate::row::record;

/// Who asks for different keys at the same time seldom waits for another.
const PARTS: usize = 16;
/// The most records of a part: 16,384 of all, some twenty megabytes.
const MOST: usize = 1_024;

/// The records that were read last. Only ids that a record has are kept, which strangers do not choose: a fast hash is enough.
#[derive(Debug, Default)]
pub(super) struct Kept {
    parts: [Mutex<Part>; PARTS],
    hasher: DefaultHashBuilder,
}

#[derive(Debug, Default)]
struct Part {
    /// What the database was at when somebody last looked here.
    state: Option<State>,
    /// Counts the changes of `state`.
    turn: u64,
    entries: HashMap<KeyId, Entry>,
    /// Their ids in a ring, and whose turn it is to go: one that was asked for since is passed over once.
    ring: Vec<KeyId>,
    hand: usize,
}

/// A record as it was read. It holds for the state of its turn.
#[derive(Debug)]
struct Entry {
    turn: u64,
    is_used: bool,
    text: Box<str>,
    record: Arc<KeyRecord>,
}

impl Part {
    /// From here on records are for this state. Two who look at once may turn it back and forth: what was read at another turn is read again.
    fn turn_to(&mut self, state: State) -> u64 {
        if self.state != Some(state) {
            self.state = Some(state);
            self.turn = self.turn.wrapping_add(1);
        }
        self.turn
    }

    /// Keeps a record: in a free place, or in that of one that nobody asked for of late.
    fn put(&mut self, id: KeyId, entry: Entry) {
        if self.entries.insert(id, entry).is_some() {
            return;
        }
        if self.ring.len() < MOST {
            self.ring.push(id);
            return;
        }
        loop {
            self.hand = self.hand.wrapping_add(1) % MOST;
            let Some(place) = self.ring.get_mut(self.hand) else { return };
            match self.entries.get_mut(place) {
                Some(old) if old.is_used => old.is_used = false,
                _ => {
                    self.entries.remove(place);
                    *place = id;
                    return;
                }
            }
        }
    }
}

impl Kept {
    fn part(&self, id: &KeyId) -> Option<MutexGuard<'_, Part>> {
        let [number, ..] = self.hasher.hash_one(id).to_le_bytes();
        let part = self.parts.get(usize::from(number) % PARTS)?;
        Some(part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The record that was read while the database was at this state.
    pub(super) fn get(&self, id: &KeyId, state: State) -> Option<Arc<KeyRecord>> {
        let mut part = self.part(id)?;
        let turn = part.turn_to(state);
        let entry = part.entries.get_mut(id).filter(|entry| entry.turn == turn)?;
        // Not written again where it is so: what is only read stays in every processor's cache.
        if !entry.is_used {
            entry.is_used = true;
        }
        Some(Arc::clone(&entry.record))
    }

    /// The record of a text that was read after the database was seen at this state. Where the text is that of before, so is the record.
    pub(super) fn read(
        &self,
        id: &KeyId,
        state: State,
        text: &str,
        last_used_at: Option<i64>,
    ) -> Result<Arc<KeyRecord>, StoreError> {
        let Some(mut part) = self.part(id) else { return record(text, last_used_at).map(Arc::new) };
        let turn = part.turn_to(state);
        if let Some(entry) = part.entries.get_mut(id).filter(|entry| *entry.text == *text) {
            let last_used_at = last_used_at.and_then(UnixSeconds::new);
            if entry.record.last_used_at != last_used_at {
                Arc::make_mut(&mut entry.record).last_used_at = last_used_at;
            }
            entry.turn = turn;
            return Ok(Arc::clone(&entry.record));
        }
        let record = Arc::new(record(text, last_used_at)?);
        part.put(*id, Entry { turn, is_used: false, text: text.into(), record: Arc::clone(&record) });
        Ok(record)
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for part in &self.parts {
            *part.lock().unwrap_or_else(PoisonError::into_inner) = Part::default();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::kit;
    use crate::row::text;

    fn sample(number: u64) -> (KeyId, String) {
        let record = kit::sample("kept", number).unwrap();
        (record.id, text(&record).unwrap())
    }

    #[test]
    fn a_record_holds_for_the_state_that_it_was_read_at() {
        let (kept, (id, text)) = (Kept::default(), sample(1));
        let [one, two] = [1, 2].map(State::Version);
        assert!(kept.get(&id, one).is_none());
        let first = kept.read(&id, one, &text, None).unwrap();
        assert!(Arc::ptr_eq(&kept.get(&id, one).unwrap(), &first));
        assert!(kept.get(&id, two).is_none());
        assert!(kept.get(&id, one).is_none(), "nobody knows what was in between");
        assert!(Arc::ptr_eq(&kept.read(&id, two, &text, None).unwrap(), &first), "the same text");
        assert!(Arc::ptr_eq(&kept.get(&id, two).unwrap(), &first));
        let used = kept.read(&id, two, &text, Some(1_764_000_500)).unwrap();
        assert_eq!((used.last_used_at.unwrap().get(), first.last_used_at), (1_764_000_500, None));
        assert_eq!(kept.get(&id, two).unwrap(), used);
        let other = text.replace(r#""version":1"#, r#""version":2"#);
        assert_eq!(kept.read(&id, two, &other, None).unwrap().version, 2);
        assert_eq!(kept.get(&id, two).unwrap().version, 2);
        assert!(kept.read(&id, two, "{}", None).is_err());
        kept.clear();
        assert!(kept.get(&id, two).is_none());
    }

    #[test]
    fn those_that_are_asked_for_stay_and_there_are_only_so_many() {
        let (kept, state) = (Kept::default(), State::Version(1));
        let (asked, text) = sample(0);
        kept.read(&asked, state, &text, None).unwrap();
        for number in 1..20_000 {
            let (id, text) = sample(number);
            kept.read(&id, state, &text, None).unwrap();
            assert_eq!(kept.get(&asked, state).unwrap().id, asked);
        }
        for part in &kept.parts {
            let part = part.lock().unwrap();
            assert_eq!((part.entries.len(), part.ring.len()), (MOST, MOST));
            assert!(part.ring.iter().all(|id| part.entries.contains_key(id)));
        }
    }
}
