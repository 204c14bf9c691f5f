//! Refresh tokens: `rt1.<key id>.<grant id>.<generation>.<HMAC>`. Nothing per token is stored; any genuine ancestor is known
//! by computing it again, and the child of a parent can be given twice without being kept.

use alloc::format;
use alloc::string::String;

use super::code::is_grant_id;
use super::config::Server;
use super::crypto;
use super::grant::Grant;

/// A refresh token as it was read: nothing about it is proven.
pub(super) struct Parsed<'t> {
    pub key_id: &'t str,
    pub grant_id: &'t str,
    pub generation: u64,
    mac: [u8; 32],
}

fn compute(key: &[u8], grant_id: &str, grant: &Grant, generation: u64) -> [u8; 32] {
    crypto::mac(
        key,
        &[b"rt1", grant_id.as_bytes(), grant.salt.as_bytes(), grant.client_id.as_bytes(), &generation.to_be_bytes()],
    )
}

/// The token of a grant's generation.
pub(super) fn write(server: &Server, grant_id: &str, grant: &Grant) -> Option<String> {
    let (id, key) = server.secret()?;
    let mac = compute(key, grant_id, grant, grant.generation);
    Some(format!("rt1.{id}.{grant_id}.{}.{}", grant.generation, crypto::b64(&mac)))
}

/// Reads a token in its one spelling.
pub(super) fn parse(token: &str) -> Option<Parsed<'_>> {
    let mut parts = token.strip_prefix("rt1.")?.split('.');
    let (key_id, grant_id) = (parts.next()?, parts.next()?);
    let (number, mac) = (parts.next()?, parts.next()?);
    let canonical = number == "0" || !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || !canonical || !is_grant_id(grant_id) {
        return None;
    }
    let mac = crypto::unb64(mac)?.try_into().ok()?;
    Some(Parsed { key_id, grant_id, generation: number.parse().ok()?, mac })
}

/// Whether the server made this token for this grant.
pub(super) fn is_genuine(server: &Server, parsed: &Parsed<'_>, grant: &Grant) -> bool {
    server
        .secret_of(parsed.key_id)
        .is_some_and(|key| crypto::same(&compute(key, parsed.grant_id, grant, parsed.generation), &parsed.mac))
}
