//! Serves diffusion policies over a WebSocket, as openpi's clients speak it.

mod client;
mod episode;
mod error;
mod limits;
mod map;
mod metrics;
mod planner;
mod refusal;
mod served;
mod server;
mod token;
mod wire;

pub use self::client::{Client, ClientError, ClientOptions, Observation, ServedPlan};
pub use self::error::ServeError;
pub use self::limits::Limits;
pub use self::map::{KeyError, KeyMap, MapConfig, MapError, Preset, UnknownPreset};
pub use self::refusal::Refusal;
pub use self::served::ServedPolicy;
pub use self::server::{ServeOptions, Server, TlsFiles};
pub use self::token::Token;
pub use self::wire::WireError;
