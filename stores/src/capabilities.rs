//! What a store promises, so that a program can refuse at start what its store lacks.

use std::fmt;

/// What a store promises. Build one from [`Capabilities::NONE`], so that a promise that is added later is one you do not make:
///
/// ```
/// use scopegate_stores::Capabilities;
/// const MINE: Capabilities = Capabilities { read_your_writes: true, ..Capabilities::NONE };
/// let lacks = MINE.require(Capabilities::FOR_KEYS).unwrap_err();
/// assert_eq!(lacks.code(), "store_lacks");
/// assert_eq!(lacks.to_string(), "the store lacks cas (a change is stored only over the version it was made from), \
///     list (listing and counting what it holds)");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// A change is stored only over the version it was made from; of several at once exactly one wins.
    pub cas: bool,
    /// After a write has returned, every read that starts later sees it, in every process.
    pub read_your_writes: bool,
    /// Storing something once and only once, of however many callers.
    pub put_once: bool,
    /// Listing and counting what it holds, completely and in order.
    pub list: bool,
    /// Several processes may use it at once.
    pub shared: bool,
    /// What was acknowledged survives a crash.
    pub durable: bool,
}

impl Capabilities {
    /// Nothing.
    pub const NONE: Self =
        Self { cas: false, read_your_writes: false, put_once: false, list: false, shared: false, durable: false };

    /// Everything.
    pub const ALL: Self =
        Self { cas: true, read_your_writes: true, put_once: true, list: true, shared: true, durable: true };

    /// What deciding needs: a revoked key is refused from the commit on.
    pub const FOR_DECISIONS: Self = Self { read_your_writes: true, ..Self::NONE };

    /// What issuing and managing keys needs.
    pub const FOR_KEYS: Self = Self { cas: true, read_your_writes: true, list: true, ..Self::NONE };

    /// What an authorization server needs: no code and no refresh token is redeemed twice.
    pub const FOR_GRANTS: Self = Self { cas: true, read_your_writes: true, put_once: true, ..Self::NONE };

    /// Holds these against what is needed.
    ///
    /// # Errors
    /// [`Lacks`], which names everything that is missing.
    pub const fn require(self, needed: Self) -> Result<(), Lacks> {
        let missing = Self {
            cas: needed.cas && !self.cas,
            read_your_writes: needed.read_your_writes && !self.read_your_writes,
            put_once: needed.put_once && !self.put_once,
            list: needed.list && !self.list,
            shared: needed.shared && !self.shared,
            durable: needed.durable && !self.durable,
        };
        match missing {
            Self {
                cas: false,
                read_your_writes: false,
                put_once: false,
                list: false,
                shared: false,
                durable: false,
            } => Ok(()),
            missing => Err(Lacks(missing)),
        }
    }

    fn named(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [
            ("cas", "a change is stored only over the version it was made from", self.cas),
            ("read_your_writes", "every read after a write sees it", self.read_your_writes),
            ("put_once", "storing something once and only once", self.put_once),
            ("list", "listing and counting what it holds", self.list),
            ("shared", "use by several processes", self.shared),
            ("durable", "what was acknowledged survives a crash", self.durable),
        ]
        .into_iter()
        .filter(|(.., holds)| *holds)
        .map(|(name, meaning, _)| (name, meaning))
    }
}

/// What a store lacks of what is needed: the program should not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacks(pub Capabilities);

impl Lacks {
    /// The stable name of this error: `store_lacks`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "store_lacks"
    }
}

impl fmt::Display for Lacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store lacks ")?;
        for (at, (name, meaning)) in self.0.named().enumerate() {
            write!(f, "{}{name} ({meaning})", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Lacks {}
