//! A request to one of its paths: who may send it, what it is for, and the flow that answers it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use scopegate::oauth::{Flow, HttpRequest, HttpResponse, Reply, Server, drive_async};
use scopegate::time::UnixSeconds;

use super::http::{self, Unread};
use super::session::Session;
use super::social::SocialLogin;
use super::{Oauth, Ready, pages};
use crate::app::App;
use crate::connection::Peer;

impl Oauth {
    /// Whether a request to this target is answered here.
    pub(crate) fn owns(&self, request: &Request<Body>) -> bool {
        // The absolute form is the gate's to refuse.
        request.uri().scheme().is_none() && self.paths.contains(request.uri().path())
    }

    /// Answers a request to a path of its own.
    pub(crate) async fn answer(&self, app: &App, request: Request<Body>) -> Response<Body> {
        let peer = request.extensions().get::<Peer>().copied();
        let client = peer.map(|peer| (peer, app.proxies.client(peer.address, peer.tls, request.headers())));
        let allowed = client.is_some_and(|(peer, client)| {
            client.https || !self.is_secure() && peer.address.ip().to_canonical().is_loopback()
        });
        if !allowed {
            return pages::note(StatusCode::FORBIDDEN, "HTTPS is required", "Come back over HTTPS.");
        }
        let path = request.uri().path().strip_prefix(&self.base).unwrap_or_default().to_owned();
        let page = matches!(path.as_str(), "/oauth2/authorize" | "/login" | "/consent" | "/logout")
            || SocialLogin::owns(&path);
        let request = match http::read(request).await {
            Ok(request) => request,
            Err(unread) => return refuse_body(unread, page),
        };
        let call = Call {
            oauth: self,
            ready: self.ready(),
            now: app.now(),
            address: client.and_then(|(_, client)| client.ip),
        };
        if let Some(social) = self.social.as_ref().filter(|_| SocialLogin::owns(&path)) {
            return call.social(social, request).await;
        }
        match path.as_str() {
            "/oauth2/authorize" => call.authorize(request).await,
            "/login" => call.login(request).await,
            "/consent" => call.consent(request).await,
            "/logout" => call.logout(request).await,
            _ => match call.drive(None, |server, entropy| server.handle(request, call.now, entropy)).await {
                Reply::Respond(response) => http::write(response),
                Reply::Interact(_) => unavailable(),
            },
        }
    }

    fn is_secure(&self) -> bool {
        self.config.issuer.starts_with("https://")
    }
}

/// One request: what it is answered with, from its beginning to its end.
pub(super) struct Call<'c> {
    pub(super) oauth: &'c Oauth,
    ready: Arc<Ready>,
    pub(super) now: UnixSeconds,
    pub(super) address: Option<IpAddr>,
}

impl Call<'_> {
    /// Runs a flow to its end. Only for who is signed in by `session` may it grant something.
    pub(super) async fn drive<'s>(
        &'s self,
        session: Option<&Session>,
        flow: impl FnOnce(&'s Server, [u8; 64]) -> Flow<'s>,
    ) -> Reply {
        let mut entropy = [0_u8; 64];
        if let Err(error) = getrandom::fill(&mut entropy) {
            tracing::error!(error = %error, "no random bytes");
            return Reply::Respond(HttpResponse::new(503).with("retry-after", "1").with("cache-control", "no-store"));
        }
        let host = self.oauth.host(&self.ready, session);
        drive_async(flow(&self.ready.server, entropy), &host).await
    }
}

fn refuse_body(unread: Unread, page: bool) -> Response<Body> {
    let (status, told) = match unread {
        Unread::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 64 KiB"),
        Unread::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
        Unread::Broken => (StatusCode::BAD_REQUEST, "the body broke off"),
    };
    let mut response = if page {
        pages::note(status, "The form cannot be read", told)
    } else {
        let body = serde_json::json!({ "error": "invalid_request", "error_description": told });
        http::write(HttpResponse::json(status.as_u16(), &body))
    };
    if unread == Unread::TooSlow {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The page that says to try again.
pub(super) fn unavailable() -> Response<Body> {
    let told = "Something that is needed does not answer. Try again in a moment.";
    let mut page = pages::note(StatusCode::SERVICE_UNAVAILABLE, "Not available", told);
    page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    page
}

/// A request that carries the cookie a reply has just set: the browser will, from now on.
pub(super) fn with_cookie(request: &mut HttpRequest, headers: &[(String, String)]) {
    let set = headers.iter().filter(|(name, _)| name == "set-cookie");
    for pair in set.filter_map(|(_, value)| value.split(';').next()) {
        let name = pair.split('=').next().unwrap_or_default();
        let is_other = |held: &&str| held.trim().split('=').next() != Some(name);
        for (_, value) in request.headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
            *value = value.split(';').filter(is_other).collect::<Vec<_>>().join(";");
        }
        request.headers.push(("cookie".into(), pair.to_owned()));
    }
}
