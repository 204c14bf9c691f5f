//! A list that has one member most of the time.

use alloc::vec::Vec;
use core::ops::Deref;

/// A list; one member takes no memory of its own.
#[derive(Debug)]
pub(crate) enum Few<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T> Few<T> {
    pub(crate) fn push(&mut self, item: T) {
        *self = match core::mem::take(self) {
            Self::Many(list) if list.is_empty() => Self::One(item),
            Self::One(first) => Self::Many(alloc::vec![first, item]),
            Self::Many(mut list) => {
                list.push(item);
                Self::Many(list)
            }
        };
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::One(one) => core::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Few;

    #[test]
    fn a_list_has_what_it_was_made_of() {
        for count in 0..5 {
            let mut few = Few::default();
            for member in 0..count {
                few.push(member);
            }
            assert!(few.iter().copied().eq(0..count));
            assert_eq!(matches!(few, Few::One(_)), count == 1);
        }
        assert!(Few::<u8>::default().is_empty());
    }
}
