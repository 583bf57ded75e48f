//! Shows a log as it is written, by Foxglove's WebSocket protocol: its SDK's server, in threads of its own.
//!
//! The thread that writes the log hands messages over and waits for nobody: the server keeps a queue of a fixed length a
//! client, and drops the oldest of one that does not keep up. Messages on topics that nobody subscribes to are not kept.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use foxglove::{Context, FoxgloveError, PartialMetadata, RawChannel, WebSocketServerHandle};

use super::topic::Schema;

/// Messages that are kept for a client that does not keep up.
const QUEUE: usize = 1024;

/// A server, and its channels.
pub(super) struct Live {
    /// Channels are of a context, which knows who watches.
    _context: Arc<Context>,
    channels: Vec<Arc<RawChannel>>,
    server: Option<WebSocketServerHandle>,
    address: SocketAddr,
}

impl Live {
    /// Listens on an address; on a free port, if the port is 0.
    pub fn start(address: SocketAddr, channels: &[(String, Schema)]) -> Result<Self, FoxgloveError> {
        let context = Context::new();
        let channel = |(topic, schema): &(String, Schema)| {
            let Schema { name, encoding, data, message_encoding } = *schema;
            let builder = context.channel_builder(topic.as_str()).message_encoding(message_encoding);
            builder.schema(foxglove::Schema::new(name, encoding, data)).build_raw()
        };
        let channels = channels.iter().map(channel).collect::<Result<Vec<_>, FoxgloveError>>()?;
        let server = context.websocket_server().name("parapolicy").message_backlog_size(QUEUE);
        let server = server.bind(host(address.ip()), address.port()).start_blocking()?;
        let address = SocketAddr::new(address.ip(), server.port());
        Ok(Self { _context: context, channels, server: Some(server), address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn write(&self, channel: usize, log_time: u64, message: &[u8]) {
        self.channels[channel].log_with_meta(message, PartialMetadata::with_log_time(log_time));
    }
}

/// As the server puts a port behind it.
fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().wait_blocking();
        }
    }
}
