//! Where a walk down the table may begin: behind several segments at once, which are compared as one text.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::literal::{Literal, first_place, next_place, shift_of};
use super::table::{NONE, Node};
use crate::word::{WORD, digest_of};

/// Where a walk may begin instead of at the root: behind the literals that have only literals before them and are so many segments deep
/// that most such are. They are found by the hash of the path up to there, at the place that it begins with or after it, where the
/// first is free. At most half of the places are taken, and there are a power of two.
#[derive(Debug, Default)]
pub(super) struct Jumps {
    places: Box<[u32]>,
    shift: u32,
    depth: u32,
}

/// What the start of a path is compared by: it has at least as many bytes, and at most twice as many.
const HALF: usize = WORD * 2;

impl Jumps {
    /// Those of a table that has no base and regards case.
    pub(super) fn of(nodes: &[Node], literals: &[Literal], texts: &str) -> Self {
        let mut found: Vec<(u32, u32, usize)> = Vec::with_capacity(literals.len());
        let mut ahead: Vec<(u32, u32, usize)> = Vec::with_capacity(nodes.len());
        ahead.push((0, 0, 0));
        let mut counts = [0_u32; HALF];
        while let Some((node, depth, end)) = ahead.pop() {
            let (first, last) = nodes.get(node as usize).map_or((0, 0), |node| node.literals);
            for at in first..last {
                let Some(literal) = literals.get(at as usize) else { break };
                let segments =
                    literal.text(texts).iter().fold(1_u32, |sum, byte| sum.saturating_add((*byte == b'/').into()));
                let depth = depth.saturating_add(segments);
                let end = end.saturating_add(1).saturating_add(literal.reach.into());
                if end > HALF * 2 {
                    continue;
                }
                if end >= HALF
                    && let Some(count) = counts.get_mut(depth as usize)
                {
                    *count = count.saturating_add(1);
                    found.push((at, depth, end));
                }
                ahead.push((at.saturating_add(1), depth, end));
            }
        }
        let Some((depth, count)) = (0_u32..).zip(counts).max_by_key(|(_, count)| *count) else {
            return Self::default();
        };
        if count == 0 {
            return Self::default();
        }
        let mut places = alloc::vec![NONE; (count as usize).saturating_mul(2).next_power_of_two()].into_boxed_slice();
        let shift = shift_of(places.len());
        for (at, _, end) in found.into_iter().filter(|(_, deep, _)| *deep == depth) {
            let Some(start) = literals.get(at as usize).and_then(|literal| literal.start_of_path(end, texts)) else {
                continue;
            };
            let (Some(first), Some(last)) = (start.first_chunk(), start.last_chunk()) else { continue };
            let mut place = first_place(hash_of(first, last), shift);
            while places.get(place).is_some_and(|taken| *taken != NONE) {
                place = next_place(place, places.len());
            }
            if let Some(free) = places.get_mut(place) {
                *free = at;
            }
        }
        Self { places, shift, depth }
    }

    /// The node to begin at, and where in the path it is.
    #[inline(always)]
    pub(super) fn find(&self, path: &[u8], marks: u64, literals: &[Literal], texts: &str) -> Option<(u32, usize)> {
        if self.places.is_empty() {
            return None;
        }
        let mut ends = marks;
        for _ in 0..self.depth {
            ends &= ends.wrapping_sub(1);
        }
        let end = ends.trailing_zeros() as usize;
        if end > HALF * 2 {
            return None;
        }
        let start = path.get(..end)?;
        let (first, last) = (start.first_chunk::<HALF>()?, start.last_chunk::<HALF>()?);
        let mut place = first_place(hash_of(first, last), self.shift);
        loop {
            let at = *self.places.get(place)?;
            // As many slashes lead to the literal as are in the path up to there, so the start of another length is never the same.
            let kept = literals.get(at as usize)?.start_of_path(end, texts);
            if kept.is_some_and(|kept| kept.first_chunk() == Some(first) && kept.last_chunk() == Some(last)) {
                return Some((at.wrapping_add(1), end));
            }
            place = next_place(place, self.places.len());
        }
    }
}

/// A hash of all bytes of the start of a path, for its higher bits alone.
#[inline(always)]
fn hash_of(first: &[u8; HALF], last: &[u8; HALF]) -> u64 {
    const FACTORS: [u64; 4] =
        [0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f, 0x9e37_79b9_7f4a_7c15, 0xe703_7ed1_a0b4_28db];
    let ((a, b), (c, d)) = (digest_of(first), digest_of(last));
    let [one, two, three, four] = FACTORS;
    let (start, end) = (
        a.wrapping_mul(one).wrapping_add(b.wrapping_mul(two)),
        c.wrapping_mul(three).wrapping_add(d.wrapping_mul(four)),
    );
    start.wrapping_add(end)
}

impl Literal {
    /// The kept text of so many bytes up to the end of this literal and its run.
    #[inline(always)]
    fn start_of_path<'t>(&self, len: usize, texts: &'t str) -> Option<&'t [u8]> {
        let end = (self.start as usize).wrapping_add(self.reach.into());
        texts.as_bytes().get(end.checked_sub(len)?..end)
    }
}
