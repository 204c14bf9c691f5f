//! How often a sign-in may be tried: a budget for each account name and for each address, which failures use up and time gives back.
//!
//! Names that nobody has are counted like others, and a budget that is used up is refused before the password is looked at, so an answer says
//! nothing about an account. Nothing is ever locked: a budget that is empty has its next try after a minute at most.

use std::net::IpAddr;

use crate::budget::{Budget, Place, Table};

const ACCOUNT: Budget = Budget { uses: 10, refill: 60_000 };
const ADDRESS: Budget = Budget { uses: 30, refill: 10_000 };

/// The budgets of accounts and addresses.
pub(crate) struct Throttle {
    accounts: Table,
    addresses: Table,
}

/// A try that was let through.
pub(crate) struct Try {
    account: Place,
    address: Place,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self { accounts: Table::new(), addresses: Table::new() }
    }

    /// Lets a try through, or says after how many seconds the next one may come.
    ///
    /// `now` is in milliseconds. An IPv6 address counts as its network of 64 bits; an unknown address is one address.
    pub(crate) fn begin(&self, account: &str, address: Option<IpAddr>, now: i64) -> Result<Try, u64> {
        let network = address.map(|address| match address.to_canonical() {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits() >> 64 | 1 << 127,
        });
        let begun = Try { account: self.accounts.place(account), address: self.addresses.place(network) };
        self.addresses.take(begun.address, ADDRESS, now)?;
        // A try that the account refuses did not happen; the address keeps it all the same, so that names cannot be gone through at no cost.
        self.accounts.take(begun.account, ACCOUNT, now)?;
        Ok(begun)
    }

    /// Gives back what a try took that succeeded.
    pub(crate) fn succeeded(&self, begun: &Try) {
        self.accounts.give_back(begun.account, ACCOUNT);
        self.addresses.give_back(begun.address, ADDRESS);
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
