//! Time as a value: whole Unix seconds, saturating arithmetic, no clock.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The largest instant this crate accepts: 9999-12-31T23:59:59Z, in seconds since 1970-01-01T00:00:00Z.
pub const MAX_UNIX_SECONDS: i64 = 253_402_300_799;

/// An instant in whole seconds since 1970-01-01T00:00:00Z, from 0 to [`MAX_UNIX_SECONDS`].
///
/// The core never reads a clock: every function that needs "now" takes one of these.
///
/// ```
/// use scopegate::time::UnixSeconds;
/// let now = UnixSeconds::new(1_780_000_000).unwrap();
/// assert_eq!(now.saturating_add(60).get(), 1_780_000_060);
/// assert!(UnixSeconds::new(-1).is_none());
/// assert!(UnixSeconds::new(i64::MAX).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(i64);

impl UnixSeconds {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// 9999-12-31T23:59:59Z.
    pub const MAX: Self = Self(MAX_UNIX_SECONDS);

    /// An instant from seconds; `None` when negative or after the year 9999.
    #[must_use]
    pub const fn new(seconds: i64) -> Option<Self> {
        if seconds < 0 || seconds > MAX_UNIX_SECONDS { None } else { Some(Self(seconds)) }
    }

    /// An instant from seconds, clamped into the accepted range.
    #[must_use]
    pub const fn clamped(seconds: i64) -> Self {
        if seconds < 0 {
            Self(0)
        } else if seconds > MAX_UNIX_SECONDS {
            Self(MAX_UNIX_SECONDS)
        } else {
            Self(seconds)
        }
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// This instant plus `seconds`, clamped to the accepted range.
    #[must_use]
    pub const fn saturating_add(self, seconds: i64) -> Self {
        Self::clamped(self.0.saturating_add(seconds))
    }

    /// This instant minus `seconds`, clamped to the accepted range.
    #[must_use]
    pub const fn saturating_sub(self, seconds: i64) -> Self {
        Self::clamped(self.0.saturating_sub(seconds))
    }

    /// Seconds from `earlier` to this instant; zero when `earlier` is later (a clock that went backwards).
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        let seconds = self.0.saturating_sub(earlier.0);
        if seconds < 0 { 0 } else { seconds }
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for UnixSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for UnixSeconds {
    /// Whole seconds only: a float, a string, a negative or an absurd number is an error, so that an expiry that cannot be
    /// read never means "no expiry".
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl de::Visitor<'_> for Whole {
            type Value = UnixSeconds;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "whole Unix seconds from 0 to {MAX_UNIX_SECONDS}")
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<UnixSeconds, E> {
                UnixSeconds::new(v).ok_or_else(|| E::invalid_value(de::Unexpected::Signed(v), &self))
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<UnixSeconds, E> {
                i64::try_from(v)
                    .ok()
                    .and_then(UnixSeconds::new)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(v), &self))
            }
        }
        deserializer.deserialize_any(Whole)
    }
}
