//! Why nothing can be served.

use std::net::SocketAddr;
use std::path::PathBuf;

use parapolicy_sampler::ConfigError;

use crate::map::MapError;

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Everybody who reaches the address could use the policies.
    #[error(
        "{0} can be reached from other machines: give a token that clients must have, or say that it is open to all; or listen \
         on 127.0.0.1"
    )]
    Exposed(SocketAddr),
    /// A token that is easily guessed.
    #[error("token: it has {found} characters, but must have {least} at least, all of them visible ASCII")]
    Token {
        /// Characters that it has.
        found: usize,
        /// Characters that it must have.
        least: usize,
    },
    /// A name that cannot be a path.
    #[error(
        "`{0}` cannot be the path of a policy: use letters, digits, `-`, `_` and `.`, and not `healthz` or `metrics`"
    )]
    Name(String),
    /// Two policies of one name.
    #[error("`{0}` is the path of two policies; name them apart")]
    Duplicate(String),
    /// No policy at all.
    #[error("there is no policy to serve")]
    NoPolicy,
    /// A limit that leaves room for nothing.
    #[error("{field} is {value}, but must be {expected}")]
    Limit {
        /// The limit.
        field: &'static str,
        /// What was given.
        value: String,
        /// What is possible.
        expected: &'static str,
    },
    /// The keys do not fit the policy.
    #[error("{policy}: {error}")]
    Map {
        /// The policy.
        policy: String,
        /// What is wrong.
        error: MapError,
    },
    /// Solver, steps or strategy do not fit the policy.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A certificate or key that cannot be used.
    #[error("{}: {problem}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// A thread cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
}
