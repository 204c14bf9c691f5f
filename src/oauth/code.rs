//! Authorization codes: `ac1.<grant id>.<32 bytes, base64url>`. Only the hash of a code is stored.

use alloc::format;
use alloc::string::String;

use super::crypto;

/// The length of a grant id: 16 bytes in base64url.
pub(super) const GRANT_ID_LEN: usize = 22;

pub(super) fn is_grant_id(id: &str) -> bool {
    id.len() == GRANT_ID_LEN && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

pub(super) fn write(grant_id: &str, secret: &[u8; 32]) -> String {
    format!("ac1.{grant_id}.{}", crypto::b64(secret))
}

/// The grant id of a code in its one spelling.
pub(super) fn grant_id(code: &str) -> Option<&str> {
    let (id, secret) = code.strip_prefix("ac1.")?.split_once('.')?;
    (is_grant_id(id) && crypto::unb64(secret)?.len() == 32).then_some(id)
}

pub(super) fn hash(code: &str) -> String {
    crypto::b64(&crypto::sha256(code.as_bytes()))
}
