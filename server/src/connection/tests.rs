#![allow(clippy::unwrap_used, reason = "tests")]

use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::*;

struct Served {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    done: tokio::task::JoinHandle<bool>,
    metrics: Arc<Metrics>,
}

async fn start(router: Router, tls: Option<Arc<Tls>>, headers: Duration, drain: Duration) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let metrics = Arc::new(Metrics::new());
    let counts = Arc::clone(&metrics);
    let done = tokio::spawn(async move {
        let limits = Limits { connections: 8, headers, drain };
        serve(listener, router, tls, &limits, counts, stopped).await
    });
    Served { address, stop, done, metrics }
}

const LONG: Duration = Duration::from_secs(20);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async fn ask(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(GET).await.unwrap();
    stream
}

async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// A handler that says when it runs, and answers when it may.
fn waiting() -> (Router, mpsc::Receiver<oneshot::Sender<()>>) {
    let (say, runs) = mpsc::channel(1);
    let handler = move || async move {
        let (leave, may) = oneshot::channel();
        say.send(leave).await.unwrap();
        may.await.map_or("never", |()| "done")
    };
    (Router::new().route("/", get(handler)), runs)
}

#[tokio::test]
async fn a_request_under_way_is_answered_and_no_new_one_is_taken() {
    let (router, mut runs) = waiting();
    let served = start(router, None, LONG, LONG).await;
    let stream = ask(served.address).await;
    let leave = runs.recv().await.unwrap();
    served.stop.send(true).unwrap();
    while TcpStream::connect(served.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    leave.send(()).unwrap();
    let answer = rest(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    assert!(served.done.await.unwrap());
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_after_the_limit() {
    let (router, mut runs) = waiting();
    let served = start(router, None, LONG, Duration::from_millis(1)).await;
    let _stream = ask(served.address).await;
    let _leave = runs.recv().await.unwrap();
    served.stop.send(true).unwrap();
    assert!(!served.done.await.unwrap());
}

#[tokio::test]
async fn a_client_that_sends_no_request_is_let_go() {
    let served = start(Router::new(), None, Duration::from_millis(5), LONG).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    let mut answer = Vec::new();
    // The connection ends, by whatever is sent or not.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    served.stop.send(true).unwrap();
    assert!(served.done.await.unwrap());
}

#[tokio::test]
async fn a_body_that_comes_drop_by_drop_ends_in_time() {
    let reads = |body: Body| async move {
        match axum::body::to_bytes(body, 1_000).await {
            Ok(body) => format!("read {}", body.len()),
            Err(error) => format!("slow {}", TooSlow::caused(&error)),
        }
    };
    let served =
        start(Router::new().route("/", axum::routing::post(reads)), None, Duration::from_millis(200), LONG).await;
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 900\r\n\r\n";
    let stream = TcpStream::connect(served.address).await.unwrap();
    let (mut answers, mut asks) = stream.into_split();
    asks.write_all(head).await.unwrap();
    let drops = tokio::spawn(async move {
        for _ in 0..900 {
            if asks.write_all(b"x").await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = String::new();
    let _ = answers.read_to_string(&mut answer).await;
    assert!(answer.ends_with("slow true"), "{answer}");
    drops.abort();
    let mut whole = TcpStream::connect(served.address).await.unwrap();
    whole.write_all(&[&head[..], &[b'x'; 900]].concat()).await.unwrap();
    assert!(rest(whole).await.ends_with("read 900"));
    served.stop.send(true).unwrap();
    assert!(served.done.await.unwrap());
}

#[tokio::test]
async fn tls_is_told_to_the_handler_and_a_failed_handshake_is_counted() {
    use rustls::pki_types::{CertificateDer, ServerName};
    let folder = std::env::temp_dir().join(format!("scopegate-connection-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = crate::config::TlsFiles { certificate: folder.join("c.pem"), key: folder.join("k.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let tls = Arc::new(Tls::load(files).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
    let handler = |Extension(peer): Extension<Peer>| async move { format!("tls {}", peer.tls) };
    let served = start(Router::new().route("/", get(handler)), Some(tls), LONG, LONG).await;

    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(made.cert.der().to_vec())).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let stream = TcpStream::connect(served.address).await.unwrap();
    let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let answer = rest(stream).await;
    assert!(answer.ends_with("tls true"), "{answer}");

    let mut plain = ask(served.address).await;
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "plain HTTP is not answered on a TLS port");
    served.stop.send(true).unwrap();
    assert!(served.done.await.unwrap());
    let text = served.metrics.render();
    assert!(text.contains("scopegate_tls_handshake_failures_total 1") && text.contains("scopegate_connections 0"));
}
