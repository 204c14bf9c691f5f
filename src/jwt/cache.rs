//! What is kept between tokens: the key set of an issuer with the rules of its refresh, and tokens that were verified before.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::claims::{TokenRules, VerifiedClaims};
use super::jwk::{KeySet, KeySetError};
use super::verify::RsaLimit;
use crate::time::UnixSeconds;

/// Age at which a key set is asked for again, in seconds.
pub const REFRESH_AFTER: i64 = 300;
/// Age at which a key set that could not be refreshed stops counting, in seconds.
pub const MAX_AGE: i64 = 86_400;
/// Shortest time between two refreshes, in seconds.
pub const COOLDOWN: i64 = 30;

/// Why a key set is to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// There is none yet.
    Missing,
    /// The one there is has reached its refresh age.
    Stale,
    /// The one there is lacks the `kid` of a token.
    UnknownKid,
}

/// What to do about keys now.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Use this set; the generation changes with its content.
    Use(Arc<KeySet>, u64),
    /// Fetch it first.
    Ask(Refresh),
    /// There is none that counts, and it is too early to ask again.
    Unavailable,
}

/// The key set of one issuer over time. It asks for a fresh one by age and on an unknown `kid`, at most once in [`COOLDOWN`]
/// seconds, so that nobody can make the host hammer the issuer; while there is none at all, every caller may ask until a fetch
/// fails. A failed refresh keeps the old set until [`MAX_AGE`].
#[derive(Debug, Default)]
pub struct KeySetState {
    current: Option<Held>,
    generation: u64,
    attempted: Option<UnixSeconds>,
    limit: RsaLimit,
}

#[derive(Debug)]
struct Held {
    set: Arc<KeySet>,
    text: Box<str>,
    fetched_at: UnixSeconds,
}

impl KeySetState {
    /// No set yet; RSA keys of the sets to come may be as long as this.
    #[must_use]
    pub fn up_to(limit: RsaLimit) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Whether a fetch was tried within the cooldown; a clock that went backwards does not lengthen it.
    fn is_cooling(&self, now: UnixSeconds) -> bool {
        self.attempted.is_some_and(|at| now.since(at).max(at.since(now)) < COOLDOWN)
    }

    /// What to do for a token with this `kid`. Asking counts as an attempt; while there is no set that counts, everybody may ask.
    pub fn plan(&mut self, now: UnixSeconds, kid: Option<&str>) -> Plan {
        let plan = self.peek(now, kid);
        let counts = |held: &Held| now.since(held.fetched_at) <= MAX_AGE;
        if matches!(plan, Plan::Ask(_)) && self.current.as_ref().is_some_and(counts) {
            self.attempted = Some(now);
        }
        plan
    }

    /// The same for somebody who will not ask: it is no attempt.
    #[must_use]
    pub fn peek(&self, now: UnixSeconds, kid: Option<&str>) -> Plan {
        let cooling = self.is_cooling(now);
        let Some(held) = &self.current else {
            return if cooling { Plan::Unavailable } else { Plan::Ask(Refresh::Missing) };
        };
        let age = now.since(held.fetched_at);
        if cooling {
            return if age > MAX_AGE { Plan::Unavailable } else { Plan::Use(Arc::clone(&held.set), self.generation) };
        }
        if age > MAX_AGE {
            // As good as none: every caller may ask until a fetch fails.
            return Plan::Ask(Refresh::Stale);
        }
        let reason = if age >= REFRESH_AFTER {
            Refresh::Stale
        } else if kid.is_some_and(|kid| !held.set.has_kid(kid)) {
            Refresh::UnknownKid
        } else {
            return Plan::Use(Arc::clone(&held.set), self.generation);
        };
        Plan::Ask(reason)
    }

    /// The generation in force, when no fresh set is due.
    #[must_use]
    pub fn settled_generation(&self, now: UnixSeconds) -> Option<u64> {
        let age = now.since(self.current.as_ref()?.fetched_at);
        let most = if self.is_cooling(now) { MAX_AGE } else { REFRESH_AFTER.saturating_sub(1) };
        (age <= most).then_some(self.generation)
    }

    /// Takes a fetched set: its keys count from now on, and those that left it no longer do. Returns whether anything changed. A text
    /// that is no key set counts as a failed fetch.
    ///
    /// # Errors
    /// [`KeySetError`] when the text is no key set.
    pub fn fetched(&mut self, text: &str, fetched_at: UnixSeconds, now: UnixSeconds) -> Result<bool, KeySetError> {
        let fetched_at = fetched_at.min(now);
        self.attempted = Some(now);
        if let Some(held) = &mut self.current
            && *held.text == *text
        {
            held.fetched_at = held.fetched_at.max(fetched_at);
            return Ok(false);
        }
        if self.current.as_ref().is_some_and(|held| held.fetched_at > fetched_at) {
            // A late answer: what is held left the issuer after it.
            return Ok(false);
        }
        let set = Arc::new(KeySet::parse_up_to(self.limit, text)?);
        self.current = Some(Held { set, text: text.into(), fetched_at });
        self.generation = self.generation.wrapping_add(1);
        Ok(true)
    }

    /// Notes that a fetch failed.
    pub fn failed(&mut self, now: UnixSeconds) {
        self.attempted = Some(now);
    }
}

const NONE: u32 = u32::MAX;

/// A verified token: the claims have its text.
struct Entry {
    claims: Arc<VerifiedClaims>,
    generation: u64,
    hash: u32,
    credential: u32,
    newer: u32,
    older: u32,
}

impl Entry {
    fn weight(&self) -> usize {
        self.claims.weight().saturating_add(SLOT)
    }
}

/// What an entry takes beside its claims, its place in the table of hashes included.
const SLOT: usize = size_of::<Entry>() + 2 * size_of::<u32>();

/// A hash as the table takes it: it reads the lowest bits and the highest.
const fn spread(hash: u32) -> u64 {
    (hash as u64) << 32 | hash as u64
}

/// Tokens that were verified before, bounded by number and bytes; the least recently used one goes first.
///
/// An entry is found by the whole token, its credential and the generation of the keys, compared byte for byte. Only verified tokens
/// are inserted, so a stranger cannot fill the table with colliding ones; a fast hash without a secret is enough. A hit is no
/// verdict: its times are checked against the clock at every use, and route and scopes are decided anew.
pub struct TokenCache {
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    newest: u32,
    oldest: u32,
    weight: usize,
    max_entries: usize,
    max_bytes: usize,
    hits: u64,
    misses: u64,
    /// Where the next token is looked for first.
    expected: u32,
}

impl TokenCache {
    /// A cache for at most `max_entries` tokens that weigh `max_bytes` together, with all that is kept of each.
    #[must_use]
    pub fn new(max_entries: usize, max_bytes: usize) -> Self {
        Self {
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            entries: Vec::new(),
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
            weight: 0,
            max_entries: max_entries.min(NONE as usize),
            max_bytes,
            hits: 0,
            misses: 0,
            expected: NONE,
        }
    }

    /// Hits and misses so far.
    #[must_use]
    pub const fn counts(&self) -> (u64, u64) {
        (self.hits, self.misses)
    }

    /// How many tokens are kept, and what they weigh in bytes.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.table.len(), self.weight)
    }

    #[expect(clippy::cast_possible_truncation, reason = "every bit of it is as good as another")]
    fn hash(&self, token: &[u8]) -> u32 {
        self.hasher.hash_one(token) as u32
    }

    fn entry(&self, at: u32) -> Option<&Entry> {
        self.entries.get(at as usize).and_then(Option::as_ref)
    }

    fn entry_mut(&mut self, at: u32) -> Option<&mut Entry> {
        self.entries.get_mut(at as usize).and_then(Option::as_mut)
    }

    fn position(&self, hash: u32, token: &[u8]) -> Option<u32> {
        let entries = &self.entries;
        let same = |at: &u32| {
            entries.get(*at as usize).and_then(Option::as_ref).is_some_and(|entry| is_same(entry.claims.token(), token))
        };
        self.table.find(spread(hash), same).copied()
    }

    /// The claims of a token that was verified before under the same credential and keys, and that still holds at `now`.
    pub fn get(
        &mut self,
        token: &[u8],
        credential: usize,
        generation: u64,
        rules: &TokenRules,
        now: UnixSeconds,
    ) -> Option<Arc<VerifiedClaims>> {
        let at = self.expected_as(token).or_else(|| self.position(self.hash(token), token));
        let found = at.and_then(|at| {
            let entry = self.entry(at)?;
            let holds = entry.credential as usize == credential
                && entry.generation == generation
                && entry.claims.recheck_times(rules, now).is_ok();
            holds.then(|| (at, Arc::clone(&entry.claims)))
        });
        match found {
            Some((at, claims)) => {
                self.hits = self.hits.saturating_add(1);
                if self.newest != at {
                    self.unlink(at);
                    self.link(at);
                }
                Some(claims)
            }
            None => {
                self.misses = self.misses.saturating_add(1);
                None
            }
        }
    }

    /// The entry that is expected, when this token is a part of its claims: the same memory holds the same text.
    fn expected_as(&self, token: &[u8]) -> Option<u32> {
        self.entry(self.expected).filter(|entry| core::ptr::eq(entry.claims.token(), token)).map(|_| self.expected)
    }

    /// Looks for the next token at this place first.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn expect(&mut self, place: u32) {
        self.expected = place;
    }

    /// The place of the token that was used last, when these are its claims.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn newest_of(&self, claims: &Arc<VerifiedClaims>) -> Option<u32> {
        self.entry(self.newest).filter(|entry| Arc::ptr_eq(&entry.claims, claims)).map(|_| self.newest)
    }

    /// Keeps a token that was just verified; these are its claims. They are kept within the token and decoded when somebody asks.
    pub fn insert(&mut self, token: &[u8], credential: usize, generation: u64, claims: &VerifiedClaims) {
        let weight = claims.weight_within(token.len()).saturating_add(SLOT);
        if weight > self.max_bytes || self.max_entries == 0 {
            return;
        }
        let (Some(claims), Ok(credential)) = (claims.within(token), u32::try_from(credential)) else { return };
        let hash = self.hash(token);
        if let Some(at) = self.position(hash, token) {
            self.remove(at);
        }
        while self.table.len() >= self.max_entries || self.weight.saturating_add(weight) > self.max_bytes {
            if self.oldest == NONE {
                return;
            }
            self.remove(self.oldest);
        }
        let claims = Arc::new(claims);
        let entry = Entry { claims, generation, hash, credential, newer: NONE, older: NONE };
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.entries.push(None);
                u32::try_from(self.entries.len().saturating_sub(1)).unwrap_or(NONE)
            }
        };
        let Some(place) = self.entries.get_mut(at as usize) else { return };
        *place = Some(entry);
        self.weight = self.weight.saturating_add(weight);
        let entries = &self.entries;
        self.table.insert_unique(spread(hash), at, |at| {
            entries.get(*at as usize).and_then(Option::as_ref).map_or(0, |entry| spread(entry.hash))
        });
        self.link(at);
    }

    /// Forgets every token of a credential: its keys have changed.
    pub fn evict(&mut self, credential: usize) {
        for at in 0..u32::try_from(self.entries.len()).unwrap_or(NONE) {
            if self.entry(at).is_some_and(|entry| entry.credential as usize == credential) {
                self.remove(at);
            }
        }
    }

    fn remove(&mut self, at: u32) {
        self.unlink(at);
        let Some(entry) = self.entries.get_mut(at as usize).and_then(Option::take) else { return };
        if let Ok(found) = self.table.find_entry(spread(entry.hash), |known| *known == at) {
            found.remove();
        }
        self.weight = self.weight.saturating_sub(entry.weight());
        self.free.push(at);
    }

    fn unlink(&mut self, at: u32) {
        let Some((newer, older)) = self.entry(at).map(|entry| (entry.newer, entry.older)) else { return };
        match self.entry_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entry_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }

    fn link(&mut self, at: u32) {
        let newest = self.newest;
        if let Some(entry) = self.entry_mut(at) {
            (entry.newer, entry.older) = (NONE, newest);
        }
        match self.entry_mut(newest) {
            Some(entry) => entry.newer = at,
            None => self.oldest = at,
        }
        self.newest = at;
    }
}

/// Whether two long texts are the same. Word by word where there is no better: on wasm32 a comparison of slices goes byte by byte.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    if !cfg!(target_arch = "wasm32") {
        return one == other;
    }
    let ((words, rest), (others, tail)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let differing =
        words.iter().zip(others).fold(0, |all, (a, b)| all | u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b));
    one.len() == other.len() && differing == 0 && rest == tail
}
