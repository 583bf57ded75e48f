//! What can go wrong with a server.

use std::time::Duration;

use parapolicy_policy::PredictError;

/// Why a server does not run the network, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The address is no model's.
    #[error("endpoint: `{url}` {problem}; write http://HOST:PORT/v2/models/NAME, or .../NAME/versions/VERSION")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// It is not reached, or the connection was lost.
    #[error("{url}: no answer ({source}); see whether the server runs there")]
    Connection {
        /// The address.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// It refuses.
    #[error("{url}: answers status {status}: {said}")]
    Status {
        /// The address.
        url: String,
        /// HTTP's number.
        status: u16,
        /// The beginning of what it says.
        said: String,
    },
    /// Its answer is not what was asked for.
    #[error("{url}: {problem}; see that the server runs the graph of this folder")]
    Answer {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It runs another version of the model than when it was opened.
    #[error("{url}: answers by version {found} of the model, after version {opened}: load the policy again")]
    Version {
        /// The address.
        url: String,
        /// The version now.
        found: String,
        /// The version before.
        opened: String,
    },
    /// Two servers answer differently.
    #[error("{second}: answers otherwise than {first}, where both must run the same network")]
    Disagree {
        /// The first address.
        first: String,
        /// The other.
        second: String,
    },
    /// A batch had no answer in time.
    #[error("no answer within {timeout:?} after {attempts} attempts; start the server, or allow more time (--timeout)")]
    TimedOut {
        /// The time that there was.
        timeout: Duration,
        /// How often it was tried.
        attempts: usize,
        /// Why not the last time.
        source: Box<RemoteError>,
    },
}

impl RemoteError {
    /// Whether the same question may be answered when it is asked again: networks keep nothing from one batch to the next.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            // Too many requests, bad gateway, unavailable, gateway's time-out.
            Self::Status { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            _ => false,
        }
    }
}

impl From<RemoteError> for PredictError {
    fn from(error: RemoteError) -> Self {
        Self::Backend { backend: "the remote provider", source: error.into() }
    }
}
