//! What a policy observes, entry by entry, each at a time and a rate of its own.
//!
//! A camera has 30 images a second, joints are read 500 times in it. A loop hands each in when it is there, and a control step at
//! `t` takes of every entry the newest at or before it, unless that is too old:
//!
//! ```text
//! x(t) = x_k,   k = max { k : t_k ≤ t },   if t − t_k ≤ stale
//! ```
//!
//! So an entry is never from after the step, whichever came first: a step at the time of an image takes the joints as they were
//! then (latency matching, Chi et al. 2024, arXiv 2402.10329).

mod recent;

use std::time::Duration;

use parapolicy_policy::{Entry, Manifest};
use thiserror::Error;

use crate::controller::ControllerError;

pub use recent::Recent;

/// How many control steps old an entry may be, if nothing is said: a camera may be five times slower than the loop.
const STEPS: u32 = 5;

/// The entries of an observation, for a controller that is handed them one by one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entries {
    /// All of them, in the observation's order. Where there are none, observations are handed in whole, and nothing is known of
    /// what the policy was trained on.
    pub list: Vec<Entry>,
    /// How old an entry may be at a control step, at least a period. An older one makes no observation of the step.
    pub stale: Duration,
}

impl Entries {
    /// Those of the policy that `manifest` describes, which may be [`Entries::default_stale`] old.
    #[must_use]
    pub fn of(manifest: &Manifest, period: Duration) -> Self {
        Self { list: manifest.observations.clone(), stale: Self::default_stale(period) }
    }

    /// Five periods.
    #[must_use]
    pub fn default_stale(period: Duration) -> Duration {
        period.saturating_mul(STEPS)
    }

    /// Checks them against an observation of `observation_dim` numbers and against the period.
    ///
    /// # Errors
    /// [`ControllerError::Entries`] or [`ControllerError::Stale`].
    pub fn validate(&self, observation_dim: usize, period: Duration) -> Result<(), ControllerError> {
        if self.list.is_empty() {
            return Ok(());
        }
        let found = self.list.iter().map(Entry::len).fold(0, usize::saturating_add);
        if found != observation_dim {
            return Err(ControllerError::Entries { found, expected: observation_dim });
        }
        if self.stale < period {
            return Err(ControllerError::Stale { found: self.stale, period });
        }
        Ok(())
    }
}

/// Why there is nothing of a source at a control step.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absence {
    /// Nothing has come yet.
    #[error("nothing of it has come yet")]
    NotYet,
    /// The newest is too old.
    #[error("it is {:.3} s old, more than {:.3} s", .age.as_secs_f64(), .stale.as_secs_f64())]
    Stale {
        /// How old it is.
        age: Duration,
        /// How old it may be.
        stale: Duration,
    },
    /// All that is remembered is from after the step.
    #[error("all that is remembered of it is newer than the control step, by {:.3} s at least", .by.as_secs_f64())]
    Ahead {
        /// How much newer the oldest of it is.
        by: Duration,
    },
}
