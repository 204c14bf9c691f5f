//! The key records that JavaScript holds handles of.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::key::format::KeyId;
use crate::key::record::KeyRecord;

/// The bits of a handle that name the place; the upper ones count how often it was taken, so that an old handle names nothing.
const PLACE_BITS: u32 = 16;
/// One less than there are, so that no handle is `u32::MAX`.
const MOST: usize = (1 << PLACE_BITS) - 1;
const PLACE: u32 = (1 << PLACE_BITS) - 1;
/// Places are found by the ids of their records, one for each of so many groups of ids.
const ID_BITS: u32 = 12;

/// Records by handle.
#[derive(Default)]
pub(super) struct Records {
    places: Vec<(u32, Option<Arc<KeyRecord>>)>,
    free: Vec<u32>,
    /// A place whose group another has taken is found by its handle alone.
    by_id: Vec<u16>,
}

impl Records {
    /// A handle of the record; `None` when there are too many.
    pub(super) fn enter(&mut self, record: Arc<KeyRecord>) -> Option<u32> {
        let at = match self.free.pop() {
            Some(at) => at,
            None if self.places.len() < MOST => {
                self.places.push((0, None));
                u32::try_from(self.places.len().checked_sub(1)?).ok()?
            }
            None => return None,
        };
        let (handle, place) = self.places.get_mut(at as usize)?;
        // The count begins at 1 and skips 0, so that no handle is 0: both numbers mean something else in an answer.
        *handle = (handle.checked_add(1 << PLACE_BITS).unwrap_or(1 << PLACE_BITS) & !PLACE) | at;
        if self.by_id.is_empty() {
            self.by_id = alloc::vec![0; 1 << ID_BITS];
        }
        if let (Some(found), Ok(at)) = (self.by_id.get_mut(group_of(&record.id)), u16::try_from(at)) {
            *found = at;
        }
        *place = Some(record);
        Some(*handle)
    }

    /// The record of a handle.
    pub(super) fn get(&self, handle: u32) -> Option<Arc<KeyRecord>> {
        let (known, place) = self.places.get((handle & PLACE) as usize)?;
        if *known == handle { place.clone() } else { None }
    }

    /// The handle of the record with this id, as far as it is known by that; 0 when not.
    pub(super) fn of(&self, id: &KeyId) -> u32 {
        let found = self.by_id.get(group_of(id)).and_then(|at| self.places.get(usize::from(*at)));
        match found {
            Some((handle, Some(record))) if record.id == *id => *handle,
            _ => 0,
        }
    }

    /// Forgets the record of a handle.
    pub(super) fn remove(&mut self, handle: u32) {
        let place = self.places.get_mut((handle & PLACE) as usize).filter(|(known, _)| *known == handle);
        if place.and_then(|(_, place)| place.take()).is_some() {
            self.free.push(handle & PLACE);
        }
    }

    /// How many records there are.
    pub(super) fn count(&self) -> usize {
        self.places.iter().filter(|(_, place)| place.is_some()).count()
    }
}

fn group_of(id: &KeyId) -> usize {
    let [a, b, c] = id.words();
    ((a ^ b.rotate_left(9) ^ c.rotate_left(18)).wrapping_mul(0x9e37_79b1) >> (u32::BITS - ID_BITS)) as usize
}
