//! What a client is told when it gets no plan.

use crate::map::KeyError;

/// Why a request or a connection is refused: its code is a word that programs can rely on. It is all that goes over the wire;
/// what else is known of the fault is logged here.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The message cannot be read, or is not an observation of this policy.
    #[error("bad_request: {0}")]
    BadRequest(String),
    /// The message is larger than the server takes.
    #[error("too_large: a message may have {most} bytes")]
    TooLarge {
        /// Bytes that a message may have.
        most: usize,
    },
    /// Requests come faster than the server takes them.
    #[error("too_fast: {most} requests a second are taken from a connection")]
    TooFast {
        /// Requests a second.
        most: u32,
    },
    /// The client does not answer, or does not read.
    #[error("timed_out: the client has not answered for {0} seconds")]
    TimedOut(u64),
    /// The server ends.
    #[error("going_away: the server ends")]
    GoingAway,
    /// The policy failed.
    #[error("failed: the policy has failed on this observation; the server's log says more")]
    Failed,
}

impl Refusal {
    /// The first word of its text.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::TooLarge { .. } => "too_large",
            Self::TooFast { .. } => "too_fast",
            Self::TimedOut(_) => "timed_out",
            Self::GoingAway => "going_away",
            Self::Failed => "failed",
        }
    }

    /// The code that a WebSocket is closed with (RFC 6455, section 7.4.1).
    #[must_use]
    pub fn close_code(&self) -> u16 {
        match self {
            Self::BadRequest(_) => 1007,
            Self::TooLarge { .. } => 1009,
            Self::TooFast { .. } | Self::TimedOut(_) => 1008,
            Self::GoingAway => 1001,
            Self::Failed => 1011,
        }
    }
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        Self::BadRequest(error.to_string())
    }
}
