//! Cursors of lists: opaque, and bound by a MAC to the owner and the filters they were made for.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use scopegate::key::format::{ID_LEN, KeyId};
use scopegate::time::UnixSeconds;
use scopegate_stores::Cursor;
use sha2::Sha256;

use crate::peppers::Secret;

/// What a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Filters {
    /// Active keys alone, or the others alone.
    pub(super) active: Option<bool>,
}

/// Time of creation (8 bytes), id (12), filters (1), tag (16).
const PLAIN: usize = 8 + ID_LEN + 1;
const TAG: usize = 16;

fn mac(secret: &Secret, owner: &str, plain: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&**secret).ok()?;
    mac.update(plain);
    mac.update(owner.as_bytes());
    Some(mac)
}

/// Writes a cursor, under the first secret.
pub(super) fn write(secrets: &[Secret], owner: &str, cursor: &Cursor, filters: &Filters) -> Option<String> {
    let mut bytes = Vec::with_capacity(PLAIN.saturating_add(TAG));
    bytes.extend(cursor.created_at.get().to_be_bytes());
    bytes.extend(cursor.id.as_str().as_bytes());
    bytes.push(match filters.active {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    });
    let tag = mac(secrets.first()?, owner, &bytes)?.finalize().into_bytes();
    bytes.extend(tag.get(..TAG)?);
    Some(Base64UrlUnpadded::encode_string(&bytes))
}

/// Reads a cursor; `None` unless it was written for this owner under one of the secrets.
pub(super) fn read(secrets: &[Secret], owner: &str, text: &str) -> Option<(Cursor, Filters)> {
    let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
    let (plain, tag) = bytes.split_at_checked(PLAIN)?;
    if tag.len() != TAG {
        return None;
    }
    let ours = |secret| mac(secret, owner, plain).is_some_and(|mac| mac.verify_truncated_left(tag).is_ok());
    if !secrets.iter().any(ours) {
        return None;
    }
    let (created_at, rest) = plain.split_first_chunk::<8>()?;
    let (id, active) = rest.split_at_checked(ID_LEN)?;
    let filters = Filters {
        active: match active.first()? {
            0 => None,
            1 => Some(false),
            _ => Some(true),
        },
    };
    let created_at = UnixSeconds::new(i64::from_be_bytes(*created_at))?;
    let id = KeyId::parse(core::str::from_utf8(id).ok()?)?;
    Some((Cursor { created_at, id }, filters))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "tests")]

    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_owner_and_as_written_alone() {
        let secrets = [Zeroizing::new([7; 32])];
        let cursor =
            Cursor { created_at: UnixSeconds::clamped(1_780_000_000), id: KeyId::parse("Q9s9Xw1BgXP4").unwrap() };
        for filters in [None, Some(false), Some(true)].map(|active| Filters { active }) {
            let text = write(&secrets, "company-1", &cursor, &filters).unwrap();
            assert_eq!(read(&secrets, "company-2", &text), None, "another owner");
            assert_eq!(read(&[Zeroizing::new([8; 32])], "company-1", &text), None, "another secret");
            for at in 0..text.len() {
                let mut bent = text.clone().into_bytes();
                bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
                assert_eq!(read(&secrets, "company-1", &String::from_utf8(bent).unwrap()), None, "changed at {at}");
            }
            assert_eq!(read(&secrets, "company-1", &text[..text.len() - 4]), None, "cut off");
            assert_eq!(read(&secrets, "company-1", &text), Some((cursor, filters)));
            let rotated = [Zeroizing::new([8; 32]), Zeroizing::new([7; 32])];
            assert_eq!(read(&rotated, "company-1", &text), Some((cursor, filters)), "a pepper later");
        }
        assert_eq!(read(&secrets, "company-1", ""), None);
    }
}
