//! Serves diffusion policies over a WebSocket, as openpi's clients speak it.
//!
//! A [`Server`] listens and serves each [`ServedPolicy`] at a path. A connection is an episode with a history of its own; the
//! plans of all clients of a policy are drawn in shared batches, by a
//! [`RollingSampler`](parapolicy_sampler::RollingSampler): a newcomer waits for a round, and not for a plan. [`KeyMap`] leads
//! from the keys of a client's observation to the entries of the policy. [`Client`] is the client, blocking.
//!
//! Whatever a client sends is refused ([`Refusal`]) or answered, within [`Limits`]: nothing is allocated by what a message claims,
//! and nothing that is one client's changes another's plan.

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
