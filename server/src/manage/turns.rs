//! One after the other, by owner: so that a ceiling that was checked still holds when the key is stored.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// From how many owners on those without a turn are forgotten.
const SWEEP: usize = 1_024;

type Turn = tokio::sync::Mutex<()>;

/// The turns of owners, in this process.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<Box<str>, Weak<Turn>>>);

impl Turns {
    /// Waits for an owner's turn; it ends when what is returned is dropped.
    pub(super) async fn take(&self, owner: &str) -> OwnedMutexGuard<()> {
        self.turn(owner).lock_owned().await
    }

    fn turn(&self, owner: &str) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(owner).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() >= SWEEP {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::new(Turn::default());
        turns.insert(owner.into(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn owners_wait_for_themselves_alone_and_are_forgotten() {
        let turns = Turns::default();
        let first = turns.take("a").await;
        assert!(turns.turn("a").try_lock().is_err());
        assert!(turns.turn("b").try_lock().is_ok());
        drop(first);
        assert!(turns.turn("a").try_lock().is_ok());
        for number in 0..SWEEP.saturating_mul(2) {
            drop(turns.take(&number.to_string()).await);
        }
        assert!(turns.0.lock().is_ok_and(|turns| turns.len() <= SWEEP));
    }
}
