//! The borrowed view of a request, and the gate on its target: raw bytes checked first, never decoded twice, never normalised.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

mod fault;
mod ordinary;
mod target;

pub use fault::TargetFault;
pub(crate) use ordinary::{Slashes, WINDOW};
pub(crate) use target::ascii_text;
pub(crate) use target::gate_segment;
pub use target::{MAX_SEGMENTS, MAX_TARGET_BYTES, Target, gate_target};

/// Where header lines come from: whatever holds them shows each line once, in order.
pub trait HeaderSource: Sync {
    /// Calls `visit` with the name and the raw value of every header line.
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8]));
}

impl HeaderSource for () {
    fn visit<'h>(&'h self, _visit: &mut dyn FnMut(&'h str, &'h [u8])) {}
}

impl<N: AsRef<str> + Sync, V: AsRef<[u8]> + Sync> HeaderSource for [(N, V)] {
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for (name, value) in self {
            visit(name.as_ref(), value.as_ref());
        }
    }
}

impl<N: AsRef<str> + Sync, V: AsRef<[u8]> + Sync, const LINES: usize> HeaderSource for [(N, V); LINES] {
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.as_slice().visit(visit);
    }
}

impl<N: AsRef<str> + Sync, V: AsRef<[u8]> + Sync> HeaderSource for &[(N, V)] {
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        (**self).visit(visit);
    }
}

impl<N: AsRef<str> + Sync, V: AsRef<[u8]> + Sync> HeaderSource for Vec<(N, V)> {
    fn visit<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.as_slice().visit(visit);
    }
}

/// A request as the engine sees it. Nothing is owned, nothing was changed on the way.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method of the request line.
    pub method: &'a str,
    /// The request target of the request line in origin form (RFC 9112 section 3.2.1), raw: path and query as they came.
    pub target: &'a [u8],
    /// The header lines.
    pub headers: &'a dyn HeaderSource,
    /// Whether the request came over HTTPS; the host knows, headers are not believed.
    pub https: bool,
    /// The address of the client, when the host knows it.
    pub client_ip: Option<IpAddr>,
}

impl fmt::Debug for Request<'_> {
    /// Without header values and query, which may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split(|byte| *byte == b'?').next().unwrap_or_default();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &String::from_utf8_lossy(path))
            .field("https", &self.https)
            .field("client_ip", &self.client_ip)
            .finish_non_exhaustive()
    }
}
