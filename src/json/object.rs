//! Objects and nothing else, for serde. A derived struct also takes a list of values, and values without names may be the wrong ones.

use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// Reads a value that must be an object: for `#[serde(deserialize_with = "object")]`.
///
/// # Errors
/// Those of `T`, and the type when it is another one.
///
/// ```
/// use scopegate::policy::document::object;
///
/// #[derive(serde::Deserialize)]
/// struct Point { x: u8 }
/// let read = |text: &str| object::<Point, _>(&mut serde_json::Deserializer::from_str(text)).map(|point| point.x);
/// assert_eq!(read(r#"{"x":1}"#).unwrap(), 1);
/// assert!(read("[1]").unwrap_err().to_string().starts_with("invalid type: sequence, expected struct Point"));
/// ```
pub fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(NoList(deserializer))
}

/// Reads a list of values that must be objects: for `#[serde(deserialize_with = "objects")]`.
///
/// # Errors
/// As [`object`].
pub fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Vec::<Object<T>>::deserialize(deserializer).map(|list| list.into_iter().map(|Object(value)| value).collect())
}

/// A value whose text is an object.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}

/// Hands a map on and refuses all else, in the words of whoever reads.
struct NoList<T>(T);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for NoList<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(NoList(visitor))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for NoList<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(map)
    }
}
