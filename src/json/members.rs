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
    Other(&'p mut dyn FnMut(&mut Reader<'j>) -> Read<()>),
    /// Only held against its shape.
    #[cfg(target_arch = "wasm32")]
    Looked(fn(&mut Reader<'j>) -> Read<()>),
    /// Read elsewhere; not told of.
    Passed,
}

/// A member of an object.
pub(crate) struct Member<'p, 'j> {
    name: &'static str,
    place: Place<'p, 'j>,
    required: bool,
    nullable: bool,
    seen: bool,
    /// What it must be, where a message may not repeat what was found.
    expected: &'static str,
}

/// A member that must be there.
pub(crate) fn must<'p, 'j>(name: &'static str, place: Place<'p, 'j>) -> Member<'p, 'j> {
    Member { name, place, required: true, nullable: false, seen: false, expected: "" }
}

/// A member that may be there.
pub(crate) fn may<'p, 'j>(name: &'static str, place: Place<'p, 'j>) -> Member<'p, 'j> {
    Member { required: false, ..must(name, place) }
}

#[cfg(any(test, target_arch = "wasm32"))]
impl Member<'_, '_> {
    /// Every fault of this member says this and nothing else.
    pub(crate) fn says(self, expected: &'static str) -> Self {
        Self { expected, ..self }
    }

    /// Null says what absence says.
    pub(crate) fn or_null(self) -> Self {
        Self { nullable: true, ..self }
    }
}

impl<'j> Reader<'j> {
    /// Reads an object of these members and no others, each of them once.
    pub(crate) fn members(&mut self, expected: &str, members: &mut [Member<'_, 'j>]) -> Read<()> {
        self.object(expected, &mut |reader, name| match members.iter_mut().find(|member| member.name == name) {
            Some(member) => reader.member(member),
            None => {
                let listed = members.iter().filter(|member| !matches!(member.place, Place::Passed));
                let names: Vec<&str> = listed.map(|member| member.name).collect();
                Err(reader.unknown_member(name, &names))
            }
        })?;
        self.complete(members)
    }

    /// The same, and members that are unknown are passed over.
    #[cfg(any(test, target_arch = "wasm32"))]
    pub(crate) fn known_members(&mut self, members: &mut [Member<'_, 'j>]) -> Read<()> {
        self.object("an object", &mut |reader, name| match members.iter_mut().find(|member| member.name == name) {
            Some(member) => reader.member(member),
            None => reader.skip(),
        })?;
        self.complete(members)
    }

    fn complete(&mut self, members: &[Member<'_, '_>]) -> Read<()> {
        let missing = members.iter().find(|member| member.required && !member.seen);
        match missing {
            None => Ok(()),
            Some(Member { name, expected: "", .. }) => Err(self.fault(format!("missing field `{name}`"))),
            Some(Member { name, expected, .. }) => {
                Err(self.fault(format!("{name}: expected {expected}; it is missing")))
            }
        }
    }

    fn member(&mut self, member: &mut Member<'_, 'j>) -> Read<()> {
        let name = member.name;
        let read = if member.seen {
            Err(self.fault_at(self.name_end(), format!("duplicate field `{name}`")))
        } else if member.nullable && self.token() == Some(b'n') {
            self.word("null")
        } else {
            self.fill(&mut member.place)
        };
        let again = core::mem::replace(&mut member.seen, true);
        match (read, member.expected) {
            (Ok(()), _) => Ok(()),
            (Err(wrong), "") => Err(wrong),
            (Err(_), _) if again => Err(self.instead(format!("{name}: expected the member once"))),
            (Err(_), expected) => Err(self.instead(format!("{name}: expected {expected}"))),
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
