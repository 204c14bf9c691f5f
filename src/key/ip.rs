//! Address lists of a key: CIDR blocks of IPv4 and IPv6 (RFC 4632, RFC 4291), compared as numbers, never as text.

use alloc::string::String;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A block of addresses, or a single one. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is its IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpBlock {
    network: IpAddr,
    bits: u8,
}

/// A text that is no block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpBlockError;

impl fmt::Display for IpBlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected an IP address or a CIDR block whose host bits are zero, like 192.0.2.0/24 or 2001:db8::/32",
        )
    }
}

impl core::error::Error for IpBlockError {}

fn v4_mask(bits: u8) -> u32 {
    u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(bits))).unwrap_or(0)
}

fn v6_mask(bits: u8) -> u128 {
    u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(bits))).unwrap_or(0)
}

impl IpBlock {
    /// Whether the address lies in the block.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => address.to_bits() & v4_mask(self.bits) == network.to_bits(),
            (IpAddr::V6(network), IpAddr::V6(address)) => address.to_bits() & v6_mask(self.bits) == network.to_bits(),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for IpBlock {
    type Err = IpBlockError;

    fn from_str(text: &str) -> Result<Self, IpBlockError> {
        let (address, bits) = match text.split_once('/') {
            None => (text, None),
            Some((address, bits)) => {
                let plain = !bits.is_empty()
                    && bits.bytes().all(|b| b.is_ascii_digit())
                    && (bits == "0" || !bits.starts_with('0'));
                let bits = if plain { bits.parse::<u8>().ok() } else { None };
                (address, Some(bits.ok_or(IpBlockError)?))
            }
        };
        let parsed: IpAddr = address.parse().map_err(|_| IpBlockError)?;
        let (network, bits) = match (parsed, parsed.to_canonical()) {
            // A mapped block counts its bits from the IPv6 start.
            (IpAddr::V6(_), IpAddr::V4(network)) => {
                (IpAddr::V4(network), bits.unwrap_or(128).checked_sub(96).ok_or(IpBlockError)?)
            }
            (IpAddr::V4(_), network) => (network, bits.unwrap_or(32)),
            (IpAddr::V6(_), network) => (network, bits.unwrap_or(128)),
        };
        let canonical = match network {
            IpAddr::V4(network) => bits <= 32 && network.to_bits() & !v4_mask(bits) == 0,
            IpAddr::V6(network) => bits <= 128 && network.to_bits() & !v6_mask(bits) == 0,
        };
        if canonical { Ok(Self { network, bits }) } else { Err(IpBlockError) }
    }
}

impl fmt::Display for IpBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = match self.network {
            IpAddr::V4(_) => Ipv4Addr::BITS,
            IpAddr::V6(_) => Ipv6Addr::BITS,
        };
        if u32::from(self.bits) == whole { self.network.fmt(f) } else { write!(f, "{}/{}", self.network, self.bits) }
    }
}

impl Serialize for IpBlock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IpBlock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn v27_blocks_are_numbers() {
        for bad in [
            "",
            "*",
            "192.0.2",
            "192.0.2.0/33",
            "192.0.2.1/24",
            "192.0.2.0/",
            "192.0.2.0/024",
            "192.0.2.0/+8",
            " 192.0.2.1",
            "::/129",
            "::ffff:192.0.2.0/90",
            "2001:db8::1/32",
            "0x7f.0.0.1",
            "192.0.2.0/24/24",
        ] {
            assert!(bad.parse::<IpBlock>().is_err(), "{bad:?}");
        }
        let table: [(&str, &str, bool); 12] = [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.70", false),
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
            ("192.0.2.0/24", "::ffff:192.0.2.9", true),
            ("::ffff:192.0.2.0/120", "192.0.2.9", true),
            ("::ffff:192.0.2.0/120", "192.0.3.9", false),
        ];
        for (block, address, inside) in table {
            let parsed: IpBlock = block.parse().unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), inside, "{block} {address}");
            assert_eq!(parsed.to_string().parse::<IpBlock>().unwrap(), parsed);
        }
    }
}
