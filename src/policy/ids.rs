//! Which ids of routes are used twice.

use alloc::vec::Vec;
use core::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

use super::document::RouteDocument;

/// The last route of each id, found by its hash; no more than half of the places are taken.
pub(super) struct Ids<'d> {
    routes: &'d [RouteDocument],
    hasher: DefaultHashBuilder,
    places: Vec<usize>,
}

impl<'d> Ids<'d> {
    pub(super) fn of(routes: &'d [RouteDocument]) -> Self {
        let room = routes.len().saturating_mul(2).checked_next_power_of_two().unwrap_or_default();
        Self { routes, hasher: DefaultHashBuilder::default(), places: alloc::vec![usize::MAX; room] }
    }

    /// Enters a route; the nearest one before it that has the same id.
    pub(super) fn enter(&mut self, at: usize, id: &str) -> Option<usize> {
        let last = self.places.len().saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, reason = "every bit of it is as good as another")]
        let mut place = self.hasher.hash_one(id.as_bytes()) as usize & last;
        loop {
            let taken = self.places.get_mut(place)?;
            match self.routes.get(*taken) {
                Some(other) if *other.id != *id => place = place.wrapping_add(1) & last,
                known => {
                    let earlier = known.map(|_| *taken);
                    *taken = at;
                    return earlier;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::Ids;
    use crate::policy::document::RouteDocument;

    #[test]
    fn an_id_is_told_of_the_nearest_route_before_it() {
        for (count, different) in [(0, 1), (1, 1), (2, 1), (7, 3), (200, 200), (200, 64)] {
            let route = |at: usize| RouteDocument {
                id: (at % different).to_string(),
                matches: "GET /".into(),
                allow: None,
                public: None,
                encoded_slash: None,
            };
            let routes: Vec<RouteDocument> = (0..count).map(route).collect();
            let mut ids = Ids::of(&routes);
            for (at, route) in routes.iter().enumerate() {
                assert_eq!(ids.enter(at, &route.id), at.checked_sub(different), "{at} of {count}");
            }
        }
    }
}
