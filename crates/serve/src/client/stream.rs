//! What a client's bytes go through.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tungstenite::http::Uri;

use super::ClientOptions;

/// A connection, with TLS or without.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Connects to the host of an address; an error says what is wrong.
    pub fn connect(uri: &Uri, options: &ClientOptions) -> Result<Self, String> {
        let is_tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err("it must begin with ws:// or wss://".to_owned()),
        };
        let host = uri.host().ok_or("it has no host")?.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let mut result = Err("its host has no address".to_owned());
        for address in (host, port).to_socket_addrs().map_err(|error| error.to_string())? {
            result = TcpStream::connect_timeout(&address, options.timeout).map_err(|error| error.to_string());
            if result.is_ok() {
                break;
            }
        }
        let stream = result?;
        let limited = [
            stream.set_nodelay(true),
            stream.set_read_timeout(Some(options.timeout)),
            stream.set_write_timeout(Some(options.timeout)),
        ];
        limited.into_iter().collect::<io::Result<()>>().map_err(|error| error.to_string())?;
        if is_tls { tls(host, stream, options) } else { Ok(Self::Plain(stream)) }
    }
}

fn tls(host: &str, stream: TcpStream, options: &ClientOptions) -> Result<Stream, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&options.certificates) {
        roots.add(certificate.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    Ok(Stream::Tls(Box::new(StreamOwned::new(connection, stream))))
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
