//! The client, blocking: for robots' programs in Rust, and for tests.
//!
//! ```no_run
//! use ndarray::array;
//! use parapolicy_serve::{Client, Observation};
//!
//! # fn main() -> Result<(), parapolicy_serve::ClientError> {
//! let mut client = Client::connect("ws://127.0.0.1:8000/pusht?seed=17", &Default::default())?;
//! let mut observation = Observation::new();
//! observation.insert("agent", array![[256.0, 256.0], [257.0, 256.0]].view());
//! let plan = client.infer(&observation)?;
//! println!("{:?}", plan.actions.row(0));
//! # Ok(())
//! # }
//! ```

mod plan;
mod stream;

use std::time::Duration;

use ndarray::{ArrayView, ArrayView2, Dimension};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::http::HeaderValue;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

pub use self::plan::ServedPlan;
use self::stream::Stream;
use crate::wire::{WireError, Writer};

/// Why a client gets no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address is not one of a server.
    #[error("{url}: {problem}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The server cannot be reached, or has closed the connection.
    #[error("the server cannot be reached: {0}")]
    Connection(#[from] Box<tungstenite::Error>),
    /// The server has refused: a code, and words after a colon. The connection is over.
    #[error("the server has refused: {0}")]
    Refused(String),
    /// The server's answer cannot be read.
    #[error("the server's answer cannot be read: {0}")]
    Answer(#[from] WireError),
}

impl From<tungstenite::Error> for ClientError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(response) => {
                let words = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                Self::Refused(format!("{} {}", response.status(), words.trim()))
            }
            error => Self::Connection(Box::new(error)),
        }
    }
}

/// How a client connects.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The server's token.
    pub token: Option<String>,
    /// Certificates that vouch for a server at `wss://`, in PEM; nobody else is believed.
    pub certificates: Vec<u8>,
    /// How long the server may take for any answer.
    pub timeout: Duration,
}

impl Default for ClientOptions {
    /// No token, no certificates, ten seconds.
    fn default() -> Self {
        Self { token: None, certificates: Vec::new(), timeout: Duration::from_secs(10) }
    }
}

/// What is observed, and what is asked for.
#[derive(Debug, Default)]
pub struct Observation {
    entries: Vec<Vec<u8>>,
    options: Vec<Vec<u8>>,
}

impl Observation {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn packed(key: &str, value: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::default();
        value(writer.text(key));
        writer.into_bytes()
    }

    /// The values of a key, in the shape that the server asks for; or `n_obs_steps` of them, oldest first, in one more
    /// dimension.
    pub fn insert<D: Dimension>(&mut self, key: &str, values: ArrayView<'_, f64, D>) -> &mut Self {
        let entry = Self::packed(key, |writer| _ = writer.array(values.shape(), values.iter().copied()));
        self.entries.push(entry);
        self
    }

    /// Milliseconds until the plan must be there; the best there is by then is the plan.
    pub fn deadline_ms(&mut self, milliseconds: f64) -> &mut Self {
        self.options.push(Self::packed("deadline_ms", |writer| _ = writer.number(milliseconds)));
        self
    }

    /// Actions `[n, action_dim]` that are carried out before the plan is there: it begins with them.
    pub fn committed(&mut self, actions: ArrayView2<'_, f64>) -> &mut Self {
        self.options.push(Self::packed("committed", |writer| _ = writer.matrix(actions)));
        self
    }

    /// Begins another episode, of this seed, before the observation counts.
    pub fn begin(&mut self, seed: u32) -> &mut Self {
        self.options.push(Self::packed("seed", |writer| _ = writer.integer(seed.into())));
        self
    }

    pub(crate) fn pack(&self, observe: bool) -> Vec<u8> {
        let mut writer = Writer::default();
        let options = self.options.len() as u32 + u32::from(observe);
        writer.map(self.entries.len() as u32 + u32::from(options > 0));
        self.entries.iter().for_each(|entry| _ = writer.raw(entry));
        if options > 0 {
            writer.text("parapolicy").map(options);
            self.options.iter().for_each(|option| _ = writer.raw(option));
        }
        if observe {
            writer.text("observe").flag(true);
        }
        writer.into_bytes()
    }
}

/// A connection to a server: an episode, until another is begun.
#[derive(Debug)]
pub struct Client {
    socket: WebSocket<Stream>,
    metadata: Vec<u8>,
}

impl Client {
    /// Connects to `ws://HOST:PORT/NAME`, or `wss://`; with `?seed=N`, the first episode has this seed.
    ///
    /// # Errors
    /// [`ClientError`]: no such address, nobody there, or a refusal.
    pub fn connect(url: &str, options: &ClientOptions) -> Result<Self, ClientError> {
        let wrong = |problem: String| ClientError::Address { url: url.to_owned(), problem };
        let mut request = url.into_client_request()?;
        if let Some(token) = &options.token {
            let value = HeaderValue::try_from(format!("Api-Key {token}"));
            let value = value.map_err(|_| wrong("the token cannot be sent".to_owned()))?;
            request.headers_mut().insert("Authorization", value);
        }
        let stream = Stream::connect(request.uri(), options).map_err(wrong)?;
        let config = WebSocketConfig::default().max_message_size(Some(64 << 20));
        let connected = tungstenite::client::client_with_config(request, stream, Some(config));
        let (socket, _) = connected.map_err(|error| match error {
            tungstenite::HandshakeError::Failure(error) => ClientError::from(error),
            tungstenite::HandshakeError::Interrupted(_) => wrong("the server does not answer".to_owned()),
        })?;
        let mut client = Self { socket, metadata: Vec::new() };
        client.metadata = client.receive()?;
        Ok(client)
    }

    /// What the server said first: a MessagePack map, with the policy's name, its shapes, the keys that it asks for.
    #[must_use]
    pub fn metadata(&self) -> &[u8] {
        &self.metadata
    }

    /// The plan for what is observed.
    ///
    /// # Errors
    /// [`ClientError`]: the connection is lost, or the server refuses.
    pub fn infer(&mut self, observation: &Observation) -> Result<ServedPlan, ClientError> {
        let answer = self.ask(observation.pack(false))?;
        Ok(ServedPlan::read(&answer)?)
    }

    /// Only hands in what is observed, for the policy's history; nothing is planned.
    ///
    /// # Errors
    /// As [`Client::infer`].
    pub fn observe(&mut self, observation: &Observation) -> Result<(), ClientError> {
        self.ask(observation.pack(true)).map(|_| ())
    }

    fn ask(&mut self, request: Vec<u8>) -> Result<Vec<u8>, ClientError> {
        self.socket.send(Message::binary(request))?;
        self.receive()
    }

    fn receive(&mut self) -> Result<Vec<u8>, ClientError> {
        loop {
            match self.socket.read()? {
                Message::Binary(answer) => return Ok(answer.to_vec()),
                Message::Text(words) => return Err(ClientError::Refused(words.to_string())),
                Message::Close(_) => return Err(tungstenite::Error::ConnectionClosed.into()),
                _ => {}
            }
        }
    }
}
