//! A quick fuzz run of the headers that say who the client is: whatever the bytes are, an answer, and never a proxy taken for the client
//! of a request that it only passed on.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "../../fuzz/tests/mutate/mod.rs"]
mod mutate;

use std::net::SocketAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use scopegate_server::proxy::{Client, TrustedProxies};

const SEEDS: [&str; 8] = [
    "forwarded: for=192.0.2.1;proto=https",
    "forwarded: for=\"[2001:db8::1]:80\";proto=http;by=_b, for=10.0.0.2",
    "forwarded: For=unknown;host=\"a\\\"b\"",
    "x-forwarded-for: 192.0.2.1, 10.0.0.2\nx-forwarded-proto: https",
    "x-forwarded-for: [2001:db8::1]:443\nx-forwarded-for: ::ffff:10.0.0.3",
    "x-forwarded-proto: https, http",
    "x-forwarded-for: 192.0.2.1\nforwarded: for=192.0.2.1",
    "x-forwarded-for: , ,\nforwarded: ;=",
];

fn headers(data: &[u8]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(at + 1..).unwrap_or_default().trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..at]), HeaderValue::from_bytes(value)) {
            map.append(name, value);
        }
    }
    map
}

#[test]
fn no_forwarding_header_panics_and_a_stranger_is_never_believed() {
    let seeds: Vec<Vec<u8>> = SEEDS.map(|seed| seed.as_bytes().to_vec()).into();
    mutate::run("forwarded", &seeds, 100_000, |data| {
        let map = headers(data);
        let trusted = TrustedProxies::parse(&["10.0.0.0/8".to_owned()]).unwrap();
        let stranger: SocketAddr = "203.0.113.9:1".parse().unwrap();
        let itself = Client { ip: Some(stranger.ip()), https: true };
        assert_eq!(trusted.client(stranger, true, &map), itself);
        let told = trusted.client("10.0.0.1:1".parse().unwrap(), false, &map);
        assert!(!told.https || map.contains_key("forwarded") || map.contains_key("x-forwarded-proto"));
    });
    let networks: Vec<Vec<u8>> =
        ["10.0.0.0/8", "::1", "::ffff:10.0.0.0/104"].map(|text| text.as_bytes().to_vec()).into();
    mutate::run("networks", &networks, 100_000, |data| {
        let item = String::from_utf8_lossy(data).into_owned();
        if let Err(at) = TrustedProxies::parse(&[item]) {
            assert_eq!(at, 1);
        }
    });
}
