//! Scopes: the name grammar, sets as bit masks, and the catalogue of a policy with `implies` closed when it is built.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use crate::json::Quoted;
use crate::word::ends_of;

/// The most scopes one catalogue may declare.
pub const MAX_SCOPES: usize = 1_024;
/// The longest scope name, in bytes.
pub const MAX_SCOPE_BYTES: usize = 128;

const WORD_BITS: usize = 64;

/// Whether `name` follows the grammar `[a-z0-9_.-]+(:[a-z0-9_.-]+)*`: lower case, no wildcard, at most [`MAX_SCOPE_BYTES`].
///
/// ```
/// use scopegate::scope::is_scope_name;
/// assert!(is_scope_name("jobs:read") && is_scope_name("openid"));
/// assert!(!is_scope_name("jobs:*") && !is_scope_name("Jobs:read") && !is_scope_name("jobs:") && !is_scope_name(""));
/// ```
#[must_use]
pub fn is_scope_name(name: &str) -> bool {
    name.len() <= MAX_SCOPE_BYTES
        && name.split(':').all(|part| {
            !part.is_empty() && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'))
        })
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Bits {
    Inline(u64),
    Wide(Box<[u64]>),
}

/// A set of scopes of one [`ScopeCatalogue`], as a bit mask: one word up to 64 scopes, a slice of words beyond.
///
/// A set only means something beside the catalogue that made it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopeSet(Bits);

impl ScopeSet {
    /// No scope of any catalogue.
    pub(crate) const NONE: &'static Self = &Self(Bits::Inline(0));

    /// The set without members, for a catalogue of `declared` scopes.
    #[must_use]
    pub fn empty(declared: usize) -> Self {
        if declared <= WORD_BITS {
            Self(Bits::Inline(0))
        } else {
            Self(Bits::Wide(alloc::vec![0; declared.div_ceil(WORD_BITS)].into_boxed_slice()))
        }
    }

    /// The set as one word, when its catalogue fits one.
    #[inline]
    pub(crate) const fn word(&self) -> Option<u64> {
        match self.0 {
            Bits::Inline(word) => Some(word),
            Bits::Wide(_) => None,
        }
    }

    fn words(&self) -> &[u64] {
        match &self.0 {
            Bits::Inline(word) => core::slice::from_ref(word),
            Bits::Wide(words) => words,
        }
    }

    fn words_mut(&mut self) -> &mut [u64] {
        match &mut self.0 {
            Bits::Inline(word) => core::slice::from_mut(word),
            Bits::Wide(words) => words,
        }
    }

    /// Adds the scope with this index; an index outside the set is ignored.
    pub fn insert(&mut self, index: usize) {
        if let Some(word) = self.words_mut().get_mut(index / WORD_BITS) {
            *word |= 1_u64 << (index % WORD_BITS);
        }
    }

    /// Whether the scope with this index is a member.
    #[must_use]
    pub fn contains(&self, index: usize) -> bool {
        self.words().get(index / WORD_BITS).is_some_and(|word| word & (1_u64 << (index % WORD_BITS)) != 0)
    }

    /// Whether every member of `required` is a member of this set.
    #[must_use]
    pub fn contains_all(&self, required: &Self) -> bool {
        let mut have = self.words().iter();
        required.words().iter().all(|need| need & !have.next().copied().unwrap_or(0) == 0)
    }

    /// The members of this set that `granted` lacks.
    #[must_use]
    pub fn minus(&self, granted: &Self) -> Self {
        let mut rest = self.clone();
        for (word, have) in rest.words_mut().iter_mut().zip(granted.words()) {
            *word &= !have;
        }
        rest
    }

    /// Adds every member of `other`.
    pub fn union_with(&mut self, other: &Self) {
        for (word, more) in self.words_mut().iter_mut().zip(other.words()) {
            *word |= more;
        }
    }

    /// How many scopes are members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words().iter().map(|word| word.count_ones() as usize).fold(0, usize::saturating_add)
    }

    /// Whether the set has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words().iter().all(|word| *word == 0)
    }

    /// The indices of the members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let mut words = self.words().iter();
        let (mut base, mut word) = (0_usize.wrapping_sub(WORD_BITS), 0_u64);
        core::iter::from_fn(move || {
            while word == 0 {
                word = *words.next()?;
                base = base.wrapping_add(WORD_BITS);
            }
            let bit = word.trailing_zeros() as usize;
            word &= word.wrapping_sub(1);
            Some(base.wrapping_add(bit))
        })
    }
}

/// Why a catalogue of scopes cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogueError {
    /// The name does not follow the grammar of [`is_scope_name`].
    Grammar(String),
    /// The same name is declared twice.
    Duplicate(String),
    /// `scope` implies `implied`, which is not declared.
    UndeclaredImplied {
        /// The scope whose `implies` is wrong.
        scope: String,
        /// The name it implies.
        implied: String,
    },
    /// The scopes imply each other in a circle, in this order.
    Cycle(Vec<String>),
    /// More than [`MAX_SCOPES`] scopes are declared.
    TooMany(usize),
}

impl CatalogueError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Grammar(_) => "scope_name",
            Self::Duplicate(_) => "duplicate_scope",
            Self::UndeclaredImplied { .. } => "undeclared_scope",
            Self::Cycle(_) => "scope_cycle",
            Self::TooMany(_) => "too_many_scopes",
        }
    }
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grammar(name) => write!(
                f,
                "scope {name} is not a valid name: expected lower-case letters, digits, '_', '.', '-' in parts joined by ':' \
                 (at most {MAX_SCOPE_BYTES} bytes), without wildcards",
                name = Quoted(name)
            ),
            Self::Duplicate(name) => write!(f, "scope {name} is declared twice", name = Quoted(name)),
            Self::UndeclaredImplied { scope, implied } => {
                write!(
                    f,
                    "scope {scope} implies {implied}, which is not declared",
                    scope = Quoted(scope),
                    implied = Quoted(implied)
                )
            }
            Self::Cycle(names) => write!(f, "scopes imply each other in a circle: {}", names.join(" -> ")),
            Self::TooMany(count) => write!(f, "{count} scopes are declared; at most {MAX_SCOPES} are supported"),
        }
    }
}

impl core::error::Error for CatalogueError {}

/// One scope as declared: its name, its title and the names it implies directly.
#[derive(Clone, Copy, Debug)]
pub struct ScopeDeclaration<'a> {
    /// The name, by the grammar of [`is_scope_name`].
    pub name: &'a str,
    /// What a person reads on a consent or settings page.
    pub title: &'a str,
    /// Names of scopes a holder of this one also has.
    pub implies: &'a [String],
}

#[derive(Clone, Debug)]
struct Entry {
    /// Where the name and the title end in the texts; they start where the entry before ends.
    ends: [usize; 2],
    /// This scope and everything it implies, transitively.
    closure: ScopeSet,
}

/// The declared scopes of a policy, in the order of declaration.
#[derive(Clone, Debug, Default)]
pub struct ScopeCatalogue {
    entries: Box<[Entry]>,
    /// Name and title of each.
    texts: Box<str>,
    /// The entries in an order to search in.
    index: Box<[Indexed]>,
}

/// What finds an entry: the ends and the length of its name, and where it is.
#[derive(Clone, Debug)]
struct Indexed {
    ends: [u64; 2],
    len: usize,
    at: usize,
}

impl Indexed {
    fn of(name: &str, at: usize) -> Self {
        Self { ends: ends_of(name.as_bytes()), len: name.len(), at }
    }

    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (self.ends, self.len).cmp(&(other.ends, other.len))
    }
}

/// Where a name is in the index.
#[inline]
fn found<'n>(index: &[Indexed], name: &str, name_of: &dyn Fn(usize) -> Option<&'n str>) -> Option<usize> {
    let wanted = Indexed::of(name, 0);
    let first = index.partition_point(|known| known.cmp(&wanted).is_lt());
    let mut alike = index.get(first..)?.iter().take_while(|known| known.cmp(&wanted).is_eq());
    // The ends of a short name are the whole of it.
    alike.find(|known| name.len() <= 16 || name_of(known.at) == Some(name)).map(|known| known.at)
}

impl ScopeCatalogue {
    /// Checks the declarations and closes `implies`.
    ///
    /// # Errors
    /// [`CatalogueError`] for a bad name, a duplicate, an undeclared implied scope, a circle, or too many scopes.
    pub fn build(declarations: &[ScopeDeclaration<'_>]) -> Result<Self, CatalogueError> {
        let count = declarations.len();
        if count > MAX_SCOPES {
            return Err(CatalogueError::TooMany(count));
        }
        let name_of = |at: usize| declarations.get(at).map(|declared| declared.name);
        let mut index: Vec<_> =
            declarations.iter().enumerate().map(|(at, declared)| Indexed::of(declared.name, at)).collect();
        index.sort_unstable_by(Indexed::cmp);
        let doubtful = index.iter().zip(index.iter().skip(1)).any(|(one, next)| one.cmp(next).is_eq());
        for (at, declared) in declarations.iter().enumerate() {
            if !is_scope_name(declared.name) {
                return Err(CatalogueError::Grammar(declared.name.to_string()));
            }
            if doubtful && declarations.iter().take(at).any(|earlier| earlier.name == declared.name) {
                return Err(CatalogueError::Duplicate(declared.name.to_string()));
            }
        }
        // Left empty where no scope implies another.
        let mut direct: Vec<Vec<usize>> = Vec::new();
        let implying = if declarations.iter().all(|declared| declared.implies.is_empty()) { 0 } else { count };
        for declared in declarations.iter().take(implying) {
            let mut implied = Vec::with_capacity(declared.implies.len());
            for name in declared.implies {
                implied.push(found(&index, name, &name_of).ok_or_else(|| CatalogueError::UndeclaredImplied {
                    scope: declared.name.to_string(),
                    implied: name.clone(),
                })?);
            }
            direct.push(implied);
        }
        let bytes = declarations.iter().map(|declared| declared.name.len().saturating_add(declared.title.len()));
        let mut texts = String::with_capacity(bytes.fold(0, usize::saturating_add));
        let mut entries = Vec::with_capacity(count);
        for (at, declared) in declarations.iter().enumerate() {
            texts.push_str(declared.name);
            let name_end = texts.len();
            texts.push_str(declared.title);
            entries.push(Entry { ends: [name_end, texts.len()], closure: close(at, &direct, declarations)? });
        }
        Ok(Self { entries: entries.into_boxed_slice(), texts: texts.into_boxed_str(), index: index.into_boxed_slice() })
    }

    /// How many scopes are declared.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no scope is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The index of a declared scope; names are compared exactly.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        found(&self.index, name, &|at| self.name(at))
    }

    /// The name of the scope with this index.
    #[must_use]
    pub fn name(&self, index: usize) -> Option<&str> {
        let [end, _] = self.entries.get(index)?.ends;
        let before = index.checked_sub(1).and_then(|before| self.entries.get(before));
        let start = before.map_or(0, |Entry { ends: [_, end], .. }| *end);
        self.texts.get(start..end)
    }

    /// The title of the scope with this index.
    #[must_use]
    pub fn title(&self, index: usize) -> Option<&str> {
        let [start, end] = self.entries.get(index)?.ends;
        self.texts.get(start..end)
    }

    /// The set without members.
    #[must_use]
    pub fn empty_set(&self) -> ScopeSet {
        ScopeSet::empty(self.len())
    }

    /// What a credential with these scope names may do: declared names and all they imply. Undeclared names grant nothing.
    #[must_use]
    pub fn grant<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> ScopeSet {
        let closures = names.into_iter().filter_map(|name| Some(&self.entries.get(self.index_of(name)?)?.closure));
        if self.entries.len() <= WORD_BITS {
            // In a register until it is whole.
            let word = closures.fold(0, |word, closure| word | closure.word().unwrap_or(0));
            return ScopeSet(Bits::Inline(word));
        }
        let mut set = self.empty_set();
        closures.for_each(|closure| set.union_with(closure));
        set
    }

    /// The set of exactly these names, without what they imply: what a route asks for.
    ///
    /// # Errors
    /// The first name that is not declared.
    pub fn require<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<ScopeSet, &'n str> {
        let mut set = self.empty_set();
        for name in names {
            set.insert(self.index_of(name).ok_or(name)?);
        }
        Ok(set)
    }

    /// The smallest set that grants the same: members that another member implies are left out.
    #[must_use]
    pub fn minimal(&self, set: &ScopeSet) -> ScopeSet {
        let mut rest = self.empty_set();
        for candidate in set.iter() {
            let implied = set.iter().any(|other| {
                other != candidate && self.entries.get(other).is_some_and(|entry| entry.closure.contains(candidate))
            });
            if !implied {
                rest.insert(candidate);
            }
        }
        rest
    }

    /// The names of the members, in the order of declaration.
    pub fn names<'s>(&'s self, set: &'s ScopeSet) -> impl Iterator<Item = &'s str> + 's {
        set.iter().filter_map(|index| self.name(index))
    }
}

/// The scope at `start` and all it implies. Depth-first with an explicit stack, so a long chain cannot exhaust the call stack.
fn close(start: usize, direct: &[Vec<usize>], declared: &[ScopeDeclaration<'_>]) -> Result<ScopeSet, CatalogueError> {
    let mut set = ScopeSet::empty(declared.len());
    set.insert(start);
    if direct.get(start).is_none_or(Vec::is_empty) {
        return Ok(set);
    }
    let mut path: Vec<(usize, usize)> = alloc::vec![(start, 0)];
    while let Some((at, next)) = path.last_mut() {
        let implied = direct.get(*at).and_then(|list| list.get(*next)).copied();
        *next = next.saturating_add(1);
        match implied {
            None => {
                path.pop();
            }
            Some(implied) if implied == start => {
                path.push((start, 0));
                let mut names = Vec::new();
                for (index, _) in path {
                    names.extend(declared.get(index).map(|scope| scope.name.to_string()));
                }
                return Err(CatalogueError::Cycle(names));
            }
            Some(implied) if set.contains(implied) => {}
            Some(implied) => {
                set.insert(implied);
                path.push((implied, 0));
            }
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(list: &[(&str, &[&str])]) -> Result<ScopeCatalogue, CatalogueError> {
        let implies: Vec<Vec<String>> =
            list.iter().map(|(_, names)| names.iter().map(ToString::to_string).collect()).collect();
        let declared: Vec<ScopeDeclaration<'_>> = list
            .iter()
            .zip(&implies)
            .map(|((name, _), implies)| ScopeDeclaration { name, title: "", implies })
            .collect();
        ScopeCatalogue::build(&declared)
    }

    #[test]
    fn refuses_bad_declarations() {
        for bad in ["", "*", "jobs:*", "Jobs:read", "jobs::read", ":read", "jobs read", "jobs:r\u{e9}ad", "jobs,read"] {
            assert_eq!(catalogue(&[(bad, &[])]).unwrap_err(), CatalogueError::Grammar(bad.to_string()), "{bad:?}");
        }
        assert_eq!(catalogue(&[("a", &[]), ("a", &[])]).unwrap_err(), CatalogueError::Duplicate("a".to_string()));
        assert!(matches!(catalogue(&[("a", &["b"])]).unwrap_err(), CatalogueError::UndeclaredImplied { .. }));
        let circle = catalogue(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"])]).unwrap_err();
        assert_eq!(circle.to_string(), "scopes imply each other in a circle: a -> b -> c -> a");
        assert!(matches!(catalogue(&[("a", &["a"])]).unwrap_err(), CatalogueError::Cycle(_)));
    }

    #[test]
    fn v25_names_are_exact_and_never_wildcards() {
        let scopes = catalogue(&[("jobs:read", &[]), ("jobs:read2", &[])]).unwrap();
        for almost in ["*", "jobs:*", "JOBS:READ", "jobs:rea", "jobs:read ", " jobs:read", "jobs:read3", ""] {
            assert!(scopes.grant([almost]).is_empty(), "{almost:?}");
        }
        let long =
            catalogue(&[("webhooks:endpoints:manage", &[]), ("webhooks:endpoint_:manage", &[]), ("a", &[])]).unwrap();
        for (at, name) in ["webhooks:endpoints:manage", "webhooks:endpoint_:manage", "a"].into_iter().enumerate() {
            assert_eq!(long.index_of(name), Some(at));
        }
        assert_eq!(long.index_of("webhooks:endpoints_manage"), None);
        let need = scopes.require(["jobs:read"]).unwrap();
        assert!(!scopes.grant(["jobs:read2"]).contains_all(&need));
    }

    #[test]
    fn implies_is_transitive_and_minimal_undoes_it() {
        let scopes = catalogue(&[("admin", &["write"]), ("write", &["read"]), ("read", &[]), ("other", &[])]).unwrap();
        let granted = scopes.grant(["admin"]);
        assert_eq!(scopes.names(&granted).collect::<Vec<_>>(), ["admin", "write", "read"]);
        assert_eq!(scopes.names(&scopes.minimal(&granted)).collect::<Vec<_>>(), ["admin"]);
        assert!(!scopes.grant(["read"]).contains_all(&scopes.require(["write"]).unwrap()));
        assert_eq!(scopes.require(["nope"]).unwrap_err(), "nope");
    }

    #[test]
    fn sets_wider_than_a_word_behave_alike() {
        let names: Vec<String> = (0..200).map(|n| alloc::format!("s{n}")).collect();
        let list: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
        let scopes = catalogue(&list).unwrap();
        let set = scopes.grant(["s0", "s63", "s64", "s199"]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 199]);
        assert_eq!(set.len(), 4);
        assert!(set.contains_all(&scopes.require(["s199"]).unwrap()));
        assert!(!set.contains_all(&scopes.require(["s198"]).unwrap()));
        assert_eq!(scopes.require(["s1", "s64"]).unwrap().minus(&set).iter().collect::<Vec<_>>(), [1]);
    }
}
