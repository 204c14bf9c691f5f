//! Budgets that use takes from and time gives back. They are places in a table of fixed size, chosen by a keyed hash: memory is bounded, and no
//! flood of names can push one out.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

/// The places of a table. Two names may share one; which, nobody outside can find out.
const PLACES: u64 = 65_536;

/// A budget: how many uses at once, and after how many milliseconds one is forgotten.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) uses: i64,
    pub(crate) refill: i64,
}

/// For each place the instant at which its budget is whole again, in milliseconds.
pub(crate) struct Table {
    hasher: RandomState,
    whole_at: Mutex<Box<[i64]>>,
}

/// Whose budget it is.
#[derive(Clone, Copy)]
pub(crate) struct Place(usize);

impl Table {
    pub(crate) fn new() -> Self {
        let places = usize::try_from(PLACES).unwrap_or(0);
        Self { hasher: RandomState::new(), whole_at: Mutex::new(vec![0; places].into_boxed_slice()) }
    }

    pub(crate) fn place(&self, name: impl Hash) -> Place {
        Place(usize::try_from(self.hasher.hash_one(name) % PLACES).unwrap_or(0))
    }

    /// Takes one use, or says after how many seconds there is one. `now` is in milliseconds.
    pub(crate) fn take(&self, place: Place, budget: Budget, now: i64) -> Result<(), u64> {
        let mut places = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(whole_at) = places.get_mut(place.0) else { return Ok(()) };
        let next = (*whole_at).max(now).saturating_add(budget.refill);
        let over = next.saturating_sub(now).saturating_sub(budget.uses.saturating_mul(budget.refill));
        if over > 0 {
            return Err(u64::try_from(over).unwrap_or(0).div_ceil(1_000).max(1));
        }
        *whole_at = next;
        Ok(())
    }

    pub(crate) fn give_back(&self, place: Place, budget: Budget) {
        let mut places = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(whole_at) = places.get_mut(place.0) {
            *whole_at = whole_at.saturating_sub(budget.refill);
        }
    }
}
