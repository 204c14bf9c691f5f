//! What is known of the connection that a request came by.

use std::net::IpAddr;

use http::request::Parts;

/// What is known of the connection that a request came by. The default knows nothing: plain HTTP from an unknown address, so a policy that
/// requires HTTPS and a key with a list of addresses refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// Whether the request came over HTTPS.
    pub https: bool,
    /// The address of the client.
    pub client_ip: Option<IpAddr>,
}

impl ConnectionFacts {
    /// The facts that the server put into the request's extensions; nothing is known where it did not. Headers are never believed.
    #[must_use]
    pub fn of(request: &Parts) -> Self {
        request.extensions.get::<Self>().copied().unwrap_or_default()
    }
}
