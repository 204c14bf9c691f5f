//! The key records that JavaScript holds handles of.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::key::record::KeyRecord;

/// The bits of a handle that name the place; the upper ones count how often it was taken, so that an old handle names nothing.
const PLACE_BITS: u32 = 16;
/// One less than there are, so that no handle is `u32::MAX`.
const MOST: usize = (1 << PLACE_BITS) - 1;
const PLACE: u32 = (1 << PLACE_BITS) - 1;

/// Records by handle.
#[derive(Default)]
pub(super) struct Records {
    places: Vec<(u32, Option<Arc<KeyRecord>>)>,
    free: Vec<u32>,
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
        *place = Some(record);
        Some(*handle)
    }

    fn place(&mut self, handle: u32) -> Option<&mut Option<Arc<KeyRecord>>> {
        let (known, place) = self.places.get_mut((handle & PLACE) as usize)?;
        (*known == handle).then_some(place)
    }

    /// The record of a handle.
    pub(super) fn get(&mut self, handle: u32) -> Option<Arc<KeyRecord>> {
        self.place(handle)?.clone()
    }

    /// Forgets the record of a handle.
    pub(super) fn remove(&mut self, handle: u32) {
        if self.place(handle).and_then(Option::take).is_some() {
            self.free.push(handle & PLACE);
        }
    }

    /// How many records there are.
    pub(super) fn count(&self) -> usize {
        self.places.iter().filter(|(_, place)| place.is_some()).count()
    }
}
