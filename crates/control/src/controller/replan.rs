//! When a controller requests a new plan.

use super::ControllerError;
use super::config::at_least_one;

/// When a new plan is requested. Only one is sampled at a time, always for the newest observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replan {
    /// When this many observations, at least 1, have arrived since the one that the last request was for.
    Every(usize),
    /// When fewer than this many, at least 1, intended actions of the newest plan are left.
    Below(usize),
    /// As soon as the last one is done.
    Always,
}

impl Replan {
    /// Checks the count: below 0 actions no plan but the first would ever be due.
    ///
    /// # Errors
    /// [`ControllerError::Zero`] with `replan_every` or `replan_below`.
    pub fn validate(self) -> Result<(), ControllerError> {
        match self {
            Self::Every(observations) => at_least_one("replan_every", observations),
            Self::Below(actions) => at_least_one("replan_below", actions),
            Self::Always => Ok(()),
        }
    }

    /// Whether a plan is due, `since` observations after the last request (if there was one) and with `left` actions
    /// left.
    pub(super) fn is_due(self, since: Option<usize>, left: usize) -> bool {
        match (self, since) {
            (_, None) | (Self::Always, _) => true,
            (Self::Every(observations), Some(since)) => since >= observations,
            (Self::Below(actions), _) => left < actions,
        }
    }
}
