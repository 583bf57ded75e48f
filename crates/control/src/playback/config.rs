//! Configuration of playback, and its validation.

use std::time::Duration;

use thiserror::Error;

use super::{Between, Blend, Late, Limits, Source};

/// How plans become commands.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaybackConfig {
    /// Time from one action of a plan to the next.
    pub period: Duration,
    /// How a new plan takes over from the old one.
    pub blend: Blend,
    /// What is sent when the plans are used up.
    pub late: Late,
    /// Limits that no command exceeds.
    pub limits: Limits,
    /// Age of the observation behind a plan beyond which the plan is not trusted any more, and no command comes from it.
    pub max_age: Duration,
    /// The command before the first plan, `[action_dim]`: the robot's position, or zero velocity.
    pub initial: Vec<f64>,
    /// What is sent when no plan can be trusted; if none, the last command again. A robot whose actions are velocities
    /// needs it.
    pub safe: Option<Vec<f64>>,
    /// How commands are made between the actions of a plan.
    pub between: Between,
}

/// What is wrong with a configuration, or a plan.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum PlaybackError {
    /// A field is out of range.
    #[error("{field} is {found}, but must be {expected}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A list has another length than commands have.
    #[error("{field} has {found} values, but an action has {action_dim}")]
    Length {
        /// Its name.
        field: &'static str,
        /// Its length.
        found: usize,
        /// Length of `initial`.
        action_dim: usize,
    },
    /// A plan that cannot be executed.
    #[error("a plan of shape {found:?} cannot be executed: it needs at least one action, each of {action_dim} values")]
    Plan {
        /// Shape of its actions.
        found: [usize; 2],
        /// Length of an action.
        action_dim: usize,
    },
}

impl PlaybackConfig {
    /// Checks every field against the others.
    ///
    /// # Errors
    /// [`PlaybackError`] names the first field that is wrong.
    pub fn validate(&self) -> Result<(), PlaybackError> {
        if self.initial.is_empty() {
            return Err(field("initial", &"empty", "at least one value"));
        }
        for (name, duration) in [("period", self.period), ("max_age", self.max_age)] {
            if duration.is_zero() {
                return Err(field(name, &"0", "more than 0"));
            }
        }
        self.limits.validate(self.initial.len())?;
        self.between.validate(self.period, &self.limits, self.initial.len())?;
        self.blend.validate()?;
        self.late.validate()?;
        let actions = [("initial", Some(&self.initial)), ("safe", self.safe.as_ref())];
        let given = actions.into_iter().filter_map(|(name, action)| Some((name, action?)));
        given.into_iter().try_for_each(|(name, action)| self.may_be_sent(name, action, self.initial.len()))
    }

    /// Refuses an action that has another length, is not finite, or is beyond the limits.
    pub(super) fn may_be_sent(
        &self,
        name: &'static str,
        action: &[f64],
        action_dim: usize,
    ) -> Result<(), PlaybackError> {
        length(name, action, action_dim)?;
        finite(name, action)?;
        match self.limits.outside(action) {
            Some(index) => Err(field(name, &action[index], "within the limits")),
            None => Ok(()),
        }
    }

    /// Time from one command to the next.
    pub(super) fn cycle(&self) -> Duration {
        self.between.motion.as_ref().map_or(self.period, |motion| motion.cycle)
    }

    /// Writes the safe action.
    pub(super) fn safe(&self, last: &[f64], action: &mut [f64]) -> Source {
        action.copy_from_slice(self.safe.as_deref().unwrap_or(last));
        Source::Safe
    }
}

pub(crate) fn field(field: &'static str, found: &dyn ToString, expected: &'static str) -> PlaybackError {
    PlaybackError::Field { field, found: found.to_string(), expected }
}

pub(crate) fn length(field: &'static str, values: &[f64], action_dim: usize) -> Result<(), PlaybackError> {
    let found = values.len();
    if found == action_dim { Ok(()) } else { Err(PlaybackError::Length { field, found, action_dim }) }
}

pub(crate) fn finite(name: &'static str, values: &[f64]) -> Result<(), PlaybackError> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(field(name, value, "finite")),
        None => Ok(()),
    }
}
