//! Redirect URIs: what may be registered, what matches, and how parameters are appended.

use alloc::string::String;
use core::fmt;

use super::params::{Params, encode_into};

/// Why a redirect URI cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectFault {
    /// It is no absolute URI of printable ASCII.
    Malformed,
    /// It has a fragment (RFC 6749 section 3.1.2).
    Fragment,
    /// It names a user or password.
    UserInfo,
    /// `http` is for loopback alone (RFC 9700 section 2.6).
    InsecureHttp,
    /// Its query has a parameter that the answer must have once: `code`, `state`, `iss` or `error` (RFC 9207 section 2.4).
    Reserved,
    /// The scheme runs code, or is neither `https` nor a private scheme with a dot (RFC 8252 section 7.1).
    Scheme,
}

impl RedirectFault {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "redirect_malformed",
            Self::Fragment => "redirect_fragment",
            Self::UserInfo => "redirect_userinfo",
            Self::Reserved => "redirect_reserved_parameter",
            Self::InsecureHttp => "redirect_insecure_http",
            Self::Scheme => "redirect_scheme",
        }
    }
}

impl fmt::Display for RedirectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl core::error::Error for RedirectFault {}

/// Scheme, authority and the rest from `/`, `?` on.
fn split(uri: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = uri.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    Some((scheme, rest.get(..end)?, rest.get(end..)?))
}

/// Host and port of an authority.
fn host_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = if authority.starts_with('[') {
        let end = authority.find(']')?.checked_add(1)?;
        let rest = authority.get(end..)?;
        let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
        (authority.get(..end)?, port)
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let port_ok = port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    (!host.is_empty() && port_ok).then_some((host, port))
}

/// Where an application on the user's machine listens. A name is taken only where the registration has it.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Whether this is an `http` URL on loopback or `localhost`.
pub(super) fn is_loopback_http(uri: &str) -> bool {
    split(uri).is_some_and(|(scheme, authority, _)| {
        scheme == "http" && host_port(authority).is_some_and(|(host, _)| LOOPBACK.contains(&host))
    })
}

/// Whether a redirect URI may be registered.
///
/// # Errors
/// See [`RedirectFault`].
pub fn check_redirect_uri(uri: &str) -> Result<(), RedirectFault> {
    if !uri
        .bytes()
        .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'}'))
    {
        return Err(RedirectFault::Malformed);
    }
    if uri.contains('#') {
        return Err(RedirectFault::Fragment);
    }
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    let query = Params::parse(query.as_bytes()).map_err(|_| RedirectFault::Malformed)?;
    if ["code", "state", "iss", "error"].into_iter().any(|name| query.count(name) > 0) {
        return Err(RedirectFault::Reserved);
    }
    let (scheme, rest) = uri.split_once(':').ok_or(RedirectFault::Malformed)?;
    let mut bytes = scheme.bytes();
    let named = bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    if !named {
        return Err(RedirectFault::Scheme);
    }
    match scheme {
        "https" | "http" => {
            let (_, authority, _) = split(uri).ok_or(RedirectFault::Malformed)?;
            if authority.contains('@') {
                return Err(RedirectFault::UserInfo);
            }
            host_port(authority).ok_or(RedirectFault::Malformed)?;
            if scheme == "http" && !is_loopback_http(uri) {
                return Err(RedirectFault::InsecureHttp);
            }
            Ok(())
        }
        _ if scheme.contains('.') && rest.starts_with('/') => Ok(()),
        _ => Err(RedirectFault::Scheme),
    }
}

/// Whether a requested redirect URI is the registered one: byte for byte, except that the port of a loopback IP address, or of
/// `localhost` where that is what was registered, is free (RFC 9700 section 4.1.3, RFC 8252 section 7.3).
#[must_use]
pub fn redirect_matches(registered: &str, requested: &str) -> bool {
    if registered == requested {
        return true;
    }
    let (Some((scheme, authority, rest)), Some((scheme2, authority2, rest2))) = (split(registered), split(requested))
    else {
        return false;
    };
    let (Some((host, _)), Some((host2, port2))) = (host_port(authority), host_port(authority2)) else { return false };
    scheme == "http"
        && scheme2 == "http"
        && LOOPBACK.contains(&host)
        && host == host2
        && rest == rest2
        && port2.is_none_or(|port| !port.is_empty())
}

/// The host people recognise a redirect URI by; its scheme when it has none.
pub(super) fn display_host(uri: &str) -> &str {
    split(uri)
        .and_then(|(_, authority, _)| host_port(authority))
        .map_or_else(|| uri.split(':').next().unwrap_or(""), |(host, _)| host)
}

/// The URI with parameters appended behind what its query already has.
pub(super) fn with_params(uri: &str, params: &[(&str, &str)]) -> String {
    let mut out = String::from(uri);
    for (name, value) in params {
        if !out.ends_with(['?', '&']) {
            out.push(if out.contains('?') { '&' } else { '?' });
        }
        encode_into(&mut out, name);
        out.push('=');
        encode_into(&mut out, value);
    }
    out
}
