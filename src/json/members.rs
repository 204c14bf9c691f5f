//! Objects with known members, read by a table: one loop for all of them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::read::{Read, Reader};

/// Where the value of a member goes.
pub(crate) enum Place<'p, 'j> {
    Text(&'p mut String),
    SomeText(&'p mut Option<String>),
    Texts(&'p mut Vec<String>),
    SomeTexts(&'p mut Option<Vec<String>>),
    Whole(&'p mut u64),
    SomeWhole(&'p mut Option<u64>),
    Flag(&'p mut bool),
    SomeFlag(&'p mut Option<bool>),
    /// The index of one of some words.
    Choice(&'p mut usize, &'static [&'static str]),
    SomeChoice(&'p mut Option<usize>, &'static [&'static str]),
    Other(&'p mut dyn FnMut(&mut Reader<'j>) -> Read<()>),
    /// Only held against its shape.
    #[cfg(target_arch = "wasm32")]
    Looked(fn(&mut Reader<'j>) -> Read<()>),
    /// Read elsewhere; not told of.
    Passed,
}

/// The most members of an object.
const MOST: usize = 16;

/// Reads an object of these members and no others, each of them once: `"name" => place` for one that must be there, `"name?" => place`
/// for one that may be there, `"name??" => place` for one of which null says what absence says.
macro_rules! members {
    ($reader:expr, $expected:expr, { $($name:literal => $place:expr,)+ }) => {
        $reader.members(Some($expected), &[$($name),+], &[], &mut [$($place),+])
    };
}

/// The same, and members that are unknown are passed over. Every fault of a member says what was expected and nothing else.
#[cfg(any(test, target_arch = "wasm32"))]
macro_rules! known_members {
    ($reader:expr, { $($name:literal, $expected:literal => $place:expr,)+ }) => {
        $reader.members(None, &[$($name),+], &[$($expected),+], &mut [$($place),+])
    };
}

#[cfg(any(test, target_arch = "wasm32"))]
pub(crate) use known_members;
pub(crate) use members;

/// A name without the marks of a member that may be there, or null.
fn bare(name: &str) -> &str {
    name.trim_end_matches('?')
}

impl<'j> Reader<'j> {
    /// What the macros stand for.
    pub(crate) fn members(
        &mut self,
        strict: Option<&str>,
        names: &[&str],
        says: &[&str],
        places: &mut [Place<'_, 'j>],
    ) -> Read<()> {
        let mut seen = [false; MOST];
        self.object(strict.unwrap_or("an object"), &mut |reader, found| {
            let at = names.iter().position(|name| bare(name) == found).unwrap_or(MOST);
            match (places.get_mut(at), seen.get_mut(at)) {
                (Some(place), Some(seen)) => {
                    let again = core::mem::replace(seen, true);
                    let read = if again {
                        Err(reader.fault_at(reader.name_end(), format!("duplicate field `{found}`")))
                    } else if names.get(at).is_some_and(|name| name.ends_with("??")) && reader.is_null()? {
                        Ok(())
                    } else {
                        reader.fill(place)
                    };
                    read.map_err(|wrong| match says.get(at) {
                        None => wrong,
                        Some(_) if again => reader.instead(format!("{found}: expected the member once")),
                        Some(expected) => reader.instead(format!("{found}: expected {expected}")),
                    })
                }
                _ if strict.is_none() => reader.skip(),
                _ => {
                    let listed = names.iter().zip(&*places).filter(|(_, place)| !matches!(place, Place::Passed));
                    let names: Vec<&str> = listed.map(|(name, _)| bare(name)).collect();
                    Err(reader.unknown_member(found, &names))
                }
            }
        })?;
        match names.iter().zip(seen).position(|(name, seen)| !seen && !name.ends_with('?')) {
            None => Ok(()),
            Some(at) => {
                let name = names.get(at).copied().unwrap_or_default();
                Err(self.fault(match says.get(at) {
                    None => format!("missing field `{name}`"),
                    Some(expected) => format!("{name}: expected {expected}; it is missing"),
                }))
            }
        }
    }

    fn fill(&mut self, place: &mut Place<'_, 'j>) -> Read<()> {
        match place {
            Place::Text(text) => **text = self.string()?,
            Place::SomeText(text) => **text = Some(self.string()?),
            Place::Texts(texts) => **texts = self.strings()?,
            Place::SomeTexts(texts) => **texts = Some(self.strings()?),
            Place::Whole(number) => **number = self.whole()?,
            Place::SomeWhole(number) => **number = Some(self.whole()?),
            Place::Flag(flag) => **flag = self.boolean()?,
            Place::SomeFlag(flag) => **flag = Some(self.boolean()?),
            Place::Choice(index, known) => **index = self.choice(known)?,
            Place::SomeChoice(index, known) => **index = Some(self.choice(known)?),
            Place::Other(read) => return read(self),
            #[cfg(target_arch = "wasm32")]
            Place::Looked(look) => return look(self),
            Place::Passed => return self.skip(),
        }
        Ok(())
    }

    /// A member read in this way and put into its place.
    pub(crate) fn put<T>(&mut self, place: &mut T, read: fn(&mut Self) -> Read<T>) -> Read<()> {
        *place = read(self)?;
        Ok(())
    }
}
