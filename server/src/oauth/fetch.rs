//! Requests to providers: no redirect is followed, no proxy is taken from the environment, and length and time end.
//!
//! Where they go is the operator's word: the endpoints of a preset, or those that a configured issuer publishes over TLS. Nothing that a
//! browser sends becomes a URL here. Whoever lets the server reach its own network should still let it reach no more than it must.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use scopegate::oauth::HttpResponse;
use tokio::time::Instant;

use crate::serve::ServeError;

/// How long a document that anybody may read is kept at most.
const KEEP: Duration = Duration::from_secs(300);
/// How many such documents are kept.
const KEPT: usize = 64;
/// How long a connection waits for the next request.
const IDLE: Duration = Duration::from_secs(30);

/// One request, as [`Need::Http`](scopegate::oauth::Need::Http) has it.
pub(crate) struct Outgoing<'o> {
    pub(crate) method: &'static str,
    pub(crate) url: &'o str,
    pub(crate) headers: &'o [(String, String)],
    pub(crate) body: &'o [u8],
    pub(crate) max_bytes: usize,
    pub(crate) timeout: Duration,
}

/// The client, and the documents it keeps: published configurations and key sets.
pub(crate) struct Fetch {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    kept: Mutex<BTreeMap<String, (Instant, HttpResponse)>>,
}

impl Fetch {
    /// A client that trusts the certificate authorities of the system (`SSL_CERT_FILE` names others).
    ///
    /// # Errors
    /// [`ServeError`] when there are none.
    pub(crate) fn new() -> Result<Self, ServeError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
            return Err(ServeError::new(format!("the system has no certificate authorities to trust{why}")));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| ServeError::new(format!("TLS to providers: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // The core lets `http` through for loopback alone.
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(4)
            .build(connector);
        Ok(Self { client, kept: Mutex::default() })
    }

    /// The answer, or `None` when there is none in time. One that is longer than it may be ends behind that length: who asked can tell.
    pub(crate) async fn send(&self, outgoing: &Outgoing<'_>) -> Option<HttpResponse> {
        let header = |name: &str| outgoing.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let public = outgoing.method == "GET" && header("authorization").is_none();
        let anew = header("cache-control").is_some_and(|value| value == "no-cache");
        if public
            && !anew
            && let Some(kept) = self.kept(outgoing.url)
        {
            return Some(kept);
        }
        let host = outgoing.url.split('/').nth(2).unwrap_or_default();
        let response = match tokio::time::timeout(outgoing.timeout, self.ask(outgoing)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                tracing::warn!(host, error = %error, "a provider does not answer");
                return None;
            }
            Err(_) => {
                tracing::warn!(host, "a provider does not answer in time");
                return None;
            }
        };
        if public && response.status == 200 && response.body.len() <= outgoing.max_bytes {
            self.keep(outgoing.url, &response);
        }
        Some(response)
    }

    async fn ask(&self, outgoing: &Outgoing<'_>) -> Result<HttpResponse, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(outgoing.body)));
        *request.method_mut() = outgoing.method.parse()?;
        *request.uri_mut() = outgoing.url.parse::<Uri>()?;
        for (name, value) in outgoing.headers {
            let mut value = HeaderValue::try_from(value.as_str())?;
            value.set_sensitive(name == header::AUTHORIZATION.as_str());
            request.headers_mut().append(HeaderName::try_from(name.as_str())?, value);
        }
        let response = self.client.request(request).await?;
        let mut read = HttpResponse::new(response.status().as_u16());
        for (name, value) in response.headers() {
            if let Ok(value) = value.to_str() {
                read = read.with(name.as_str(), value);
            }
        }
        let mut body = response.into_body();
        while read.body.len() <= outgoing.max_bytes
            && let Some(frame) = body.frame().await
        {
            if let Ok(data) = frame?.into_data() {
                read.body.extend_from_slice(&data);
            }
        }
        Ok(read)
    }

    fn kept(&self, url: &str) -> Option<HttpResponse> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(url).filter(|(until, _)| Instant::now() < *until).map(|(_, response)| response.clone())
    }

    fn keep(&self, url: &str, response: &HttpResponse) {
        let Some(until) = life(response).and_then(|life| Instant::now().checked_add(life)) else { return };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            let now = Instant::now();
            kept.retain(|_, (until, _)| now < *until);
        }
        if kept.len() < KEPT || kept.contains_key(url) {
            kept.insert(url.to_owned(), (until, response.clone()));
        }
    }
}

/// How long a document may be kept: what it says of itself, and never longer than [`KEEP`].
fn life(response: &HttpResponse) -> Option<Duration> {
    let told = response.header("cache-control").unwrap_or_default().to_ascii_lowercase();
    let mut directives = told.split(',').map(str::trim);
    if directives.clone().any(|directive| matches!(directive, "no-store" | "no-cache")) {
        return None;
    }
    let age = directives.find_map(|directive| directive.strip_prefix("max-age=")?.parse().ok());
    Some(age.map_or(KEEP, |seconds| KEEP.min(Duration::from_secs(seconds))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_kept_as_long_as_it_says_and_not_long() {
        for (control, seconds) in [
            (None, Some(300)),
            (Some("public, max-age=20"), Some(20)),
            (Some("max-age=86400, must-revalidate"), Some(300)),
            (Some("max-age=x"), Some(300)),
            (Some("No-Store"), None),
            (Some("max-age=20, no-cache"), None),
        ] {
            let mut response = HttpResponse::new(200);
            if let Some(control) = control {
                response = response.with("cache-control", control);
            }
            assert_eq!(life(&response), seconds.map(Duration::from_secs), "{control:?}");
        }
    }
}
