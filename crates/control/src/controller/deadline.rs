//! The time that a plan may take.

use super::{Continuity, ControllerError};

/// The time that a plan may take, as far as the loop has a say in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Deadline {
    /// What the policy takes by itself.
    #[default]
    Own,
    /// What the loop can spare ([`Policy::be_done_within`](crate::Policy::be_done_within)): until the running plan runs out, so
    /// that the new one is there by then, and half of what a plan lasts at most, since a plan begins at its observation. The
    /// first plan, before which none runs, may take what it takes; no plan is given less than half a period.
    Loop {
        /// The share of the last 40 plans that were cut short, more than 0 and at most 1, whose excess over the time that they
        /// were given is kept in reserve: a sampler ends with a round, and not with a deadline.
        quantile: f64,
    },
}

impl Deadline {
    /// The loop's time, with a reserve that 95 % of the plans do not exceed.
    #[must_use]
    pub const fn of_loop() -> Self {
        Self::Loop { quantile: Continuity::QUANTILE }
    }

    /// Checks the quantile.
    ///
    /// # Errors
    /// [`ControllerError::Quantile`] if it is not more than 0 and at most 1.
    pub fn validate(self) -> Result<(), ControllerError> {
        match self {
            Self::Loop { quantile } if !(quantile > 0.0 && quantile <= 1.0) => {
                Err(ControllerError::Quantile { found: quantile })
            }
            _ => Ok(()),
        }
    }
}
