//! Listens, and hands each connection to its policy.

mod routes;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, info, warn};

use self::routes::Shared;
pub use self::tls::TlsFiles;
use crate::error::ServeError;
use crate::limits::Limits;
use crate::served::{Served, ServedPolicy};
use crate::token::Token;

/// How long a client may take for the handshake of TLS and its request.
const GREETING: Duration = Duration::from_secs(10);
/// Connections that have not become a client yet, beside those that have.
const GREETED: usize = 64;
/// Bytes of a request's head.
const HEAD: usize = 16 * 1024;

/// How policies are served.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where to listen; port 0 takes any.
    pub address: SocketAddr,
    /// What clients must know.
    pub token: Option<Token>,
    /// Whether an address that other machines reach may be listened on without a token.
    pub open: bool,
    /// Certificate and key, for `wss://`.
    pub tls: Option<TlsFiles>,
    /// What clients may ask for.
    pub limits: Limits,
    /// Seed of the first episode of each policy; that of the next is one more.
    pub seed: u32,
}

impl Default for ServeOptions {
    /// This machine's port 8000, without TLS.
    fn default() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 8000));
        Self { address, token: None, open: false, tls: None, limits: Limits::default(), seed: 0 }
    }
}

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    ends: watch::Sender<bool>,
    grace: Duration,
}

impl Server {
    /// Makes the policies ready and listens. The first policy is also served at `/`.
    ///
    /// # Errors
    /// [`ServeError`]: an address that others reach, without a token; a limit, a name, a map, a certificate that is wrong; or the
    /// address cannot be listened on.
    pub async fn bind(options: &ServeOptions, policies: Vec<ServedPolicy>) -> Result<Self, ServeError> {
        let &ServeOptions { address, ref token, open, ref tls, limits, seed } = options;
        limits.validate()?;
        if !address.ip().is_loopback() && token.is_none() && !open {
            return Err(ServeError::Exposed(address));
        }
        let tls = tls.as_ref().map(TlsFiles::acceptor).transpose()?;
        let mut served: Vec<Arc<Served>> = Vec::with_capacity(policies.len());
        for policy in policies {
            if served.iter().any(|other| other.name == policy.name) {
                return Err(ServeError::Duplicate(policy.name));
            }
            served.push(Arc::new(Served::start(policy, &limits, seed)?));
        }
        if served.is_empty() {
            return Err(ServeError::NoPolicy);
        }
        let listener = TcpListener::bind(address).await.map_err(|error| ServeError::Listen { address, error })?;
        let (ends, ending) = watch::channel(false);
        let shared = Shared {
            served,
            token: token.clone(),
            limits,
            ends: ending,
            clients: Arc::new(Semaphore::new(limits.connections)),
        };
        Ok(Self { listener, tls, shared: Arc::new(shared), ends, grace: limits.grace })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `end`. Then nobody is let in any more, requests that are open are answered within the limits' grace, and
    /// clients are told.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let Self { listener, tls, shared, ends, grace } = self;
        let (router, greeted) = (routes::router(Arc::clone(&shared)), Arc::new(Semaphore::new(GREETED)));
        let accept = async {
            loop {
                let stream = match listener.accept().await {
                    Ok((stream, peer)) => {
                        debug!("{peer} connects");
                        stream
                    }
                    Err(error) => {
                        // Out of file descriptors, say: others may be closed soon.
                        warn!("a connection cannot be accepted: {error}");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                };
                let Ok(permit) = Arc::clone(&greeted).try_acquire_owned() else {
                    tokio::spawn(turn_away(stream));
                    continue;
                };
                let (router, tls) = (router.clone(), tls.clone());
                tokio::spawn(async move {
                    let _permit = permit;
                    greet(stream, tls, router).await;
                });
            }
        };
        tokio::select! {
            () = accept => {}
            () = end => {}
        }
        info!("ends");
        drop(listener);
        ends.send_replace(true);
        let all = shared.limits.connections as u32;
        let _late = timeout(grace, shared.clients.acquire_many(all)).await;
    }
}

/// Too many have not even said what they want.
async fn turn_away(mut stream: TcpStream) {
    let words =
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 22\r\nConnection: close\r\n\r\nbusy: try again later\n";
    let _left = timeout(Duration::from_secs(1), stream.write_all(words)).await;
}

async fn greet(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router) {
    let _slow = stream.set_nodelay(true);
    match tls {
        None => serve(stream, router).await,
        Some(tls) => match timeout(GREETING, tls.accept(stream)).await {
            Ok(Ok(stream)) => serve(stream, router).await,
            Ok(Err(error)) => debug!("no handshake: {error}"),
            Err(_) => debug!("no handshake in time"),
        },
    }
}

/// One request; a WebSocket goes on by itself.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(GREETING).max_buf_size(HEAD);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).with_upgrades();
    match timeout(2 * GREETING, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!("no request: {error}"),
        Err(_) => debug!("no request in time"),
    }
}
