//! A line to a service that a test can cut and stall.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Everything passes.
    Open,
    /// Connections end, and new ones do at once.
    Cut,
    /// Connections stay, and nothing passes.
    Stalled,
}

/// A proxy in front of a service.
pub struct Proxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
}

impl Proxy {
    /// Starts one in front of the service of this URL; the second value is the URL through it.
    pub async fn start(url: &str) -> (Self, String) {
        let (before, rest) = url.rsplit_once('@').unwrap();
        let (service, after) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (line, watched) = watch::channel(Line::Open);
        tokio::spawn(serve(listener, service.to_owned(), watched));
        let through = format!("{before}@{address}/{after}");
        (Self { address, line }, through)
    }

    /// Changes the line, and returns when connections that are open have noticed.
    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: TcpListener, service: String, mut line: watch::Receiver<Line>) {
    loop {
        tokio::select! {
            // The test is over when its end of the watch is gone.
            changed = line.changed() => if changed.is_err() { return },
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                if *line.borrow() != Line::Cut {
                    tokio::spawn(pass(client, service.clone(), line.clone()));
                }
            }
        }
    }
}

async fn pass(client: TcpStream, service: String, line: watch::Receiver<Line>) {
    let Ok(server) = TcpStream::connect(service).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        () = copy(&mut from_client, &mut to_server, line.clone()) => {}
        () = copy(&mut from_server, &mut to_client, line) => {}
    }
}

async fn copy(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut line: watch::Receiver<Line>,
) {
    let mut bytes = [0; 4096];
    loop {
        let now = *line.borrow_and_update();
        tokio::select! {
            biased;
            changed = line.changed() => if changed.is_err() { return },
            () = std::future::ready(()), if now == Line::Cut => return,
            read = from.read(&mut bytes), if now == Line::Open => {
                let Ok(length @ 1..) = read else { return };
                if to.write_all(bytes.get(..length).unwrap_or_default()).await.is_err() {
                    return;
                }
            }
        }
    }
}
