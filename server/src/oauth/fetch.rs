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
        Self::trusting(roots)
    }

    fn trusting(roots: RootCertStore) -> Result<Self, ServeError> {
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
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A server with a certificate for `localhost` that answers every connection with this text; its port and the certificate.
    async fn answering(text: &'static str) -> (u16, rustls::pki_types::CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let certificate = made.cert.der().clone();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut chunk = [0; 4_096];
                let _ = stream.read(&mut chunk).await;
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        (port, certificate)
    }

    fn outgoing(url: &str) -> Outgoing<'_> {
        Outgoing { method: "GET", url, headers: &[], body: &[], max_bytes: 8, timeout: Duration::from_secs(20) }
    }

    #[tokio::test]
    async fn tls_is_with_whom_it_trusts_and_redirects_are_answers() {
        let text = "HTTP/1.1 302 Found\r\nLocation: https://localhost/\r\nContent-Length: 12\r\nConnection: close\r\n\r\ntwelve bytes";
        let (port, certificate) = answering(text).await;
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let fetch = Fetch::trusting(roots).unwrap();
        let url = format!("https://localhost:{port}/");
        let answer = fetch.send(&outgoing(&url)).await.unwrap();
        assert_eq!((answer.status, answer.header("location")), (302, Some("https://localhost/")));
        assert!(answer.body.len() > 8, "who asked can tell that it was too long");
        let other = format!("https://127.0.0.1:{port}/");
        assert!(fetch.send(&outgoing(&other)).await.is_none(), "the certificate is of another name");
        let stranger = Fetch::trusting(RootCertStore::empty()).unwrap();
        assert!(stranger.send(&outgoing(&url)).await.is_none());
        for url in ["ftp://localhost/", "no url", "https://localhost:1/"] {
            assert!(fetch.send(&outgoing(url)).await.is_none(), "{url}");
        }
    }

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
