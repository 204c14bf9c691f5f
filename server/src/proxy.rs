//! Who the client is when a proxy stands before the server (RFC 7239 and `X-Forwarded-*`). Only a peer of the configured networks is
//! believed; from anybody else these headers are as if they were not there.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The most hops that are looked at.
const MAX_HOPS: usize = 32;

/// The networks whose proxies are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// Where a request really came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address; `None` when a proxy hides it or what it says cannot be read: an address list then denies.
    pub ip: Option<IpAddr>,
    /// Whether the client's own connection was TLS.
    pub https: bool,
}

impl Client {
    const UNKNOWN: Self = Self { ip: None, https: false };
}

/// One hop of a forwarding header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hop {
    ip: Option<IpAddr>,
    https: bool,
}

impl TrustedProxies {
    /// Networks like `10.0.0.0/8`, or single addresses.
    ///
    /// # Errors
    /// The position, from 1, of the first item that is neither.
    pub fn parse(items: &[String]) -> Result<Self, usize> {
        let read = |item: &String| item.parse::<IpNet>().or_else(|_| item.parse::<IpAddr>().map(IpNet::from)).ok();
        let networks: Vec<Option<IpNet>> = items.iter().map(read).collect();
        match networks.iter().position(Option::is_none) {
            Some(at) => Err(at.saturating_add(1)),
            None => Ok(Self(networks.into_iter().flatten().collect())),
        }
    }

    /// Whether nobody is believed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is one of the proxies.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|network| network.contains(&ip))
    }

    /// The client of a request: the peer itself, or the right-most hop that is none of the proxies. `tls` says whether the peer's
    /// connection is TLS.
    #[must_use]
    pub fn client(&self, peer: SocketAddr, tls: bool, headers: &HeaderMap) -> Client {
        let itself = Client { ip: Some(peer.ip().to_canonical()), https: tls };
        if !self.contains(peer.ip()) {
            return itself;
        }
        let standard = headers.contains_key(header::FORWARDED).then(|| self.standard(headers));
        let common = (headers.contains_key(FORWARDED_FOR) || headers.contains_key(FORWARDED_PROTO))
            .then(|| self.common(headers));
        match (standard, common) {
            (None, None) => itself,
            (Some(told), None) | (None, Some(told)) => told.unwrap_or(Client::UNKNOWN),
            // A proxy writes one of them and may pass on the other as the client sent it: believed when both say the same.
            (Some(one), Some(other)) if one == other => one.unwrap_or(Client::UNKNOWN),
            (Some(_), Some(_)) => Client::UNKNOWN,
        }
    }

    /// The right-most hop that is no proxy, or the first of all when every hop is one.
    fn outermost(&self, hops: &[Hop]) -> Option<Hop> {
        let stranger = hops.iter().rev().find(|hop| !hop.ip.is_some_and(|ip| self.contains(ip)));
        stranger.or(hops.first()).copied()
    }

    /// What `Forwarded` says; `None` when it is malformed.
    fn standard(&self, headers: &HeaderMap) -> Option<Client> {
        let mut hops = Vec::new();
        for value in headers.get_all(header::FORWARDED) {
            for element in split_outside_quotes(value.to_str().ok()?, ',')? {
                hops.push(forwarded_hop(element)?);
            }
        }
        if hops.len() > MAX_HOPS {
            return None;
        }
        let Hop { ip, https } = self.outermost(&hops)?;
        Some(Client { ip, https })
    }

    /// What `X-Forwarded-For` and `X-Forwarded-Proto` say; `None` when one is malformed. The list of protocols need not be as long as
    /// that of addresses: every one of them must be `https`.
    fn common(&self, headers: &HeaderMap) -> Option<Client> {
        let mut https = headers.contains_key(FORWARDED_PROTO);
        for value in headers.get_all(FORWARDED_PROTO) {
            for protocol in value.to_str().ok()?.split(',') {
                https &= protocol_is_https(protocol.trim())?;
            }
        }
        let mut hops = Vec::new();
        for value in headers.get_all(FORWARDED_FOR) {
            for text in value.to_str().ok()?.split(',') {
                hops.push(Hop { ip: Some(address(text.trim())?), https });
            }
        }
        if hops.len() > MAX_HOPS {
            return None;
        }
        Some(Client { ip: self.outermost(&hops).and_then(|hop| hop.ip), https })
    }
}

fn protocol_is_https(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("https") { Some(true) } else { text.eq_ignore_ascii_case("http").then_some(false) }
}

/// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(bracketed).or_else(with_port).map(|ip: IpAddr| ip.to_canonical())
}

/// The parts of a text between separators that are not inside of a quoted string; `None` when a quote is left open.
fn split_outside_quotes(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text
        .split(|c: char| {
            if escaped {
                escaped = false;
                return false;
            }
            match c {
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ => {}
            }
            c == separator && !quoted
        })
        .collect();
    (!quoted && !escaped).then_some(parts)
}

/// One element of `Forwarded`: pairs of a name and a value, each name once (RFC 7239 section 4).
fn forwarded_hop(element: &str) -> Option<Hop> {
    let (mut node, mut https) = (None, None);
    for pair in split_outside_quotes(element, ';')? {
        let (name, value) = pair.trim().split_once('=')?;
        let value = match value.strip_prefix('"') {
            // A backslash has no use in what is read here.
            Some(rest) => rest.strip_suffix('"').filter(|inner| !inner.contains(['\\', '"']))?,
            None if value.is_empty() || value.contains('"') => return None,
            None => value,
        };
        let twice = if name.eq_ignore_ascii_case("for") {
            node.replace(node_address(value)?).is_some()
        } else if name.eq_ignore_ascii_case("proto") {
            https.replace(protocol_is_https(value)?).is_some()
        } else {
            !(name.eq_ignore_ascii_case("by") || name.eq_ignore_ascii_case("host") || is_token(name))
        };
        if twice {
            return None;
        }
    }
    Some(Hop { ip: node?, https: https.unwrap_or(false) })
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The address of a node; a node that hides its own (`unknown`, `_name`) is one without an address. `None` for what is no node.
fn node_address(value: &str) -> Option<Option<IpAddr>> {
    let hidden = value.eq_ignore_ascii_case("unknown")
        || value.strip_prefix('_').is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte))
        });
    if hidden { Some(None) } else { address(value).map(Some) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const PROXY: &str = "10.0.0.1:5000";
    const STRANGER: &str = "203.0.113.9:5000";

    fn client(peer: &str, tls: bool, lines: &[(&str, &str)]) -> Client {
        let networks = ["10.0.0.0/8", "fd00::/8", "192.0.2.200"].map(str::to_owned);
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        TrustedProxies::parse(&networks).unwrap().client(peer.parse().unwrap(), tls, &headers)
    }

    fn known(ip: &str, https: bool) -> Client {
        Client { ip: Some(ip.parse().unwrap()), https }
    }

    #[test]
    fn nobody_else_is_believed() {
        let lies = [
            ("forwarded", "for=198.51.100.1;proto=https"),
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(client(STRANGER, false, &lies), known("203.0.113.9", false));
        assert_eq!(client(STRANGER, true, &lies), known("203.0.113.9", true));
        assert_eq!(client("[::ffff:203.0.113.9]:1", false, &lies), known("203.0.113.9", false));
    }

    #[test]
    fn what_is_malformed_is_unknown_and_not_secure() {
        let table: &[&[(&str, &str)]] = &[
            &[("x-forwarded-for", ""), ("x-forwarded-proto", "https")],
            &[("x-forwarded-for", "198.51.100.1,"), ("x-forwarded-proto", "https")],
            &[("x-forwarded-for", "198.51.100.256"), ("x-forwarded-proto", "https")],
            &[("x-forwarded-for", "unknown"), ("x-forwarded-proto", "https")],
            &[("x-forwarded-for", "198.51.100.1 198.51.100.2"), ("x-forwarded-proto", "https")],
            &[("x-forwarded-for", "[2001:db8::1"), ("x-forwarded-proto", "https")],
            &[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-proto", "wss")],
            &[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-proto", "")],
            &[("forwarded", "")],
            &[("forwarded", "proto=https")],
            &[("forwarded", "for=198.51.100.1;for=198.51.100.2;proto=https")],
            &[("forwarded", "for=198.51.100.1;proto=https;proto=https")],
            &[("forwarded", "for=\"198.51.100.1;proto=https")],
            &[("forwarded", "for=\", for=198.51.100.1;proto=https")],
            &[("forwarded", "for=198.51.100.1\";proto=https")],
            &[("forwarded", "for=198.51.100.1;proto")],
            &[("forwarded", "for=_;proto=https")],
            &[("forwarded", "for=198.51.100.1;a b=c;proto=https")],
            // One of them says something else.
            &[("forwarded", "for=198.51.100.1;proto=https"), ("x-forwarded-for", "198.51.100.2")],
            &[("forwarded", "for=198.51.100.1;proto=https"), ("x-forwarded-proto", "https")],
        ];
        for lines in table {
            assert_eq!(client(PROXY, true, lines), Client::UNKNOWN, "{lines:?}");
        }
        let many = vec!["10.0.0.2"; MAX_HOPS + 1].join(", ");
        assert_eq!(client(PROXY, false, &[("x-forwarded-for", &many)]), Client::UNKNOWN);
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_no_proxy() {
        let table: &[(&[(&str, &str)], Client)] = &[
            (&[], known("10.0.0.1", false)),
            (&[("x-forwarded-for", "198.51.100.1")], known("198.51.100.1", false)),
            (&[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-proto", "https")], known("198.51.100.1", true)),
            (
                &[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-proto", "HTTPS, http")],
                known("198.51.100.1", false),
            ),
            // What the client itself sent stands to the left.
            (&[("x-forwarded-for", "192.0.2.1, 198.51.100.1, 10.2.0.1")], known("198.51.100.1", false)),
            (&[("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "198.51.100.1")], known("198.51.100.1", false)),
            (&[("x-forwarded-for", "198.51.100.1:443, 192.0.2.200:80")], known("198.51.100.1", false)),
            (&[("x-forwarded-for", "2001:db8::1, [fd00::2]:80")], known("2001:db8::1", false)),
            (&[("x-forwarded-for", "::ffff:198.51.100.1, ::ffff:10.0.0.9")], known("198.51.100.1", false)),
            (&[("x-forwarded-for", "10.0.0.7, 10.0.0.8")], known("10.0.0.7", false)),
            (&[("x-forwarded-proto", "https")], Client { ip: None, https: true }),
            (&[("forwarded", "for=198.51.100.1;proto=https;by=10.0.0.1")], known("198.51.100.1", true)),
            (&[("forwarded", "For=\"[2001:db8::1]:4711\";Proto=https;host=\"a;b\"")], known("2001:db8::1", true)),
            (
                &[("forwarded", "for=192.0.2.1;proto=https, for=198.51.100.1;proto=http, for=10.0.0.2;proto=https")],
                known("198.51.100.1", false),
            ),
            (&[("forwarded", "for=192.0.2.1, for=_hidden;proto=https")], Client { ip: None, https: true }),
            (
                &[
                    ("forwarded", "for=198.51.100.1;proto=https"),
                    ("x-forwarded-for", "198.51.100.1"),
                    ("x-forwarded-proto", "https"),
                ],
                known("198.51.100.1", true),
            ),
        ];
        for (lines, expected) in table {
            assert_eq!(client(PROXY, false, lines), *expected, "{lines:?}");
        }
        assert_eq!(TrustedProxies::parse(&["10.0.0.1".into(), "10.0.0.0/33".into()]), Err(2));
    }
}
