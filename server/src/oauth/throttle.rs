//! How often a sign-in may be tried: a budget for each account name and for each address, which failures use up and time gives back.
//!
//! Names that nobody has are counted like others, and a budget that is used up is refused before the password is looked at, so an answer says
//! nothing about an account. Nothing is ever locked: a budget that is empty has its next try after a minute at most. Budgets are places in
//! a table of fixed size, chosen by a keyed hash: memory is bounded, and no flood of names can push one out.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// The places of a table. Two names may share one; which, nobody outside can find out.
const PLACES: usize = 65_536;

/// A budget: how many failures at once, and after how many milliseconds one is forgotten.
#[derive(Clone, Copy)]
struct Budget {
    failures: i64,
    refill: i64,
}

const ACCOUNT: Budget = Budget { failures: 10, refill: 60_000 };
const ADDRESS: Budget = Budget { failures: 30, refill: 10_000 };

/// One table: for each place the instant at which its budget is whole again, in milliseconds.
struct Table {
    budget: Budget,
    whole_at: Mutex<Box<[i64]>>,
}

impl Table {
    fn new(budget: Budget) -> Self {
        Self { budget, whole_at: Mutex::new(vec![0; PLACES].into_boxed_slice()) }
    }

    /// Takes one try, or says after how many milliseconds there is one.
    fn take(&self, place: usize, now: i64) -> Result<(), i64> {
        let mut places = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(whole_at) = places.get_mut(place) else { return Ok(()) };
        let next = (*whole_at).max(now).saturating_add(self.budget.refill);
        let room = self.budget.failures.saturating_mul(self.budget.refill);
        let over = next.saturating_sub(now).saturating_sub(room);
        if over > 0 {
            return Err(over);
        }
        *whole_at = next;
        Ok(())
    }

    fn give_back(&self, place: usize) {
        let mut places = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(whole_at) = places.get_mut(place) {
            *whole_at = whole_at.saturating_sub(self.budget.refill);
        }
    }
}

/// The budgets of accounts and addresses.
pub(crate) struct Throttle {
    hasher: RandomState,
    accounts: Table,
    addresses: Table,
}

/// A try that was let through.
pub(crate) struct Try {
    account: usize,
    address: usize,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), accounts: Table::new(ACCOUNT), addresses: Table::new(ADDRESS) }
    }

    /// Lets a try through, or says after how many seconds the next one may come.
    ///
    /// `now` is in milliseconds. An IPv6 address counts as its network of 64 bits; an unknown address is one address.
    pub(crate) fn begin(&self, account: &str, address: Option<IpAddr>, now: i64) -> Result<Try, u64> {
        let place = |hash: u64| usize::try_from(hash % 65_536).unwrap_or(0);
        let network = address.map(|address| match address.to_canonical() {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits() >> 64 | 1 << 127,
        });
        let begun = Try {
            account: place(self.hasher.hash_one(("account", account))),
            address: place(self.hasher.hash_one(("address", network))),
        };
        let seconds = |milliseconds: i64| u64::try_from(milliseconds).unwrap_or(0).div_ceil(1_000).max(1);
        self.addresses.take(begun.address, now).map_err(seconds)?;
        if let Err(wait) = self.accounts.take(begun.account, now) {
            // The try did not happen; the address keeps it all the same, so that names cannot be gone through at no cost.
            return Err(seconds(wait));
        }
        Ok(begun)
    }

    /// Gives back what a try took that succeeded.
    pub(crate) fn succeeded(&self, begun: &Try) {
        self.accounts.give_back(begun.account);
        self.addresses.give_back(begun.address);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const NOW: i64 = 1_780_000_000_000;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn an_account_has_ten_failures_and_then_one_a_minute_from_wherever() {
        let throttle = Throttle::new();
        for at in 0..10 {
            assert!(throttle.begin("ada", address(at), NOW).is_ok());
        }
        assert_eq!(throttle.begin("ada", address(99), NOW).err(), Some(60));
        assert_eq!(throttle.begin("ada", address(99), NOW + 59_001).err(), Some(1));
        assert!(throttle.begin("ada", address(99), NOW + 60_000).is_ok());
        assert!(throttle.begin("ada", address(99), NOW + 60_001).is_err());
        assert!(throttle.begin("bob", address(99), NOW).is_ok(), "others are not held up");
    }

    #[test]
    fn an_address_has_thirty_failures_over_all_names_and_a_v6_network_is_one() {
        for other in [false, true] {
            let throttle = Throttle::new();
            let from = |at: u16| {
                let last = if other { at } else { 0 };
                Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]))
            };
            let names: Vec<String> = (0..40).map(|at| format!("name-{at}")).collect();
            let let_through =
                names.iter().zip(0_u16..).filter(|(name, at)| throttle.begin(name, from(*at), NOW).is_ok()).count();
            assert_eq!(let_through, 30);
            assert!(throttle.begin("x", Some(IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 0])), NOW).is_ok());
        }
    }

    #[test]
    fn a_success_costs_nothing() {
        let throttle = Throttle::new();
        for _ in 0..100 {
            let begun = throttle.begin("ada", address(1), NOW).unwrap();
            throttle.succeeded(&begun);
        }
    }
}
