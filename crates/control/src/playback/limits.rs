//! Limits on commands: position and change per period.

use super::PlaybackError;
use super::config::{field, finite, length};

/// Limits that no command exceeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// Smallest value of each number of an action; empty: none.
    pub min: Vec<f64>,
    /// Largest value of each; empty: none.
    pub max: Vec<f64>,
    /// Largest change of each from one command to the next; empty: none.
    pub max_change: Vec<f64>,
}

/// The first number of an action that was beyond a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Excess {
    /// Its index.
    pub index: usize,
    /// What was asked for.
    pub asked: f64,
    /// What was sent instead.
    pub sent: f64,
}

impl Limits {
    pub(super) fn validate(&self, action_dim: usize) -> Result<(), PlaybackError> {
        for (name, values) in [("min", &self.min), ("max", &self.max), ("max_change", &self.max_change)] {
            if !values.is_empty() {
                length(name, values, action_dim)?;
                finite(name, values)?;
            }
        }
        if let Some((_, max)) = self.min.iter().zip(&self.max).find(|(min, max)| min > max) {
            return Err(field("max", max, "at least min"));
        }
        match self.max_change.iter().find(|change| **change <= 0.0) {
            Some(change) => Err(field("max_change", change, "more than 0")),
            None => Ok(()),
        }
    }

    /// The first number of `action` that is below `min` or above `max`.
    pub(super) fn outside(&self, action: &[f64]) -> Option<usize> {
        action.iter().enumerate().position(|(index, value)| self.range(index, *value) != *value)
    }

    /// Clamps `action` to the limits, given the last command `last` (itself within the limits); returns the first
    /// excess.
    pub(super) fn keep(&self, action: &mut [f64], last: &[f64]) -> Option<Excess> {
        let mut first = None;
        for (index, (value, last)) in action.iter_mut().zip(last).enumerate() {
            let asked = *value;
            let near = match self.max_change.get(index) {
                Some(change) => asked.clamp(last - change, last + change),
                None => asked,
            };
            *value = self.range(index, near);
            if *value != asked && first.is_none() {
                first = Some(Excess { index, asked, sent: *value });
            }
        }
        first
    }

    /// The closest value to number `index` of an action within `min` and `max`.
    pub(super) fn range(&self, index: usize, value: f64) -> f64 {
        let low = self.min.get(index).map_or(value, |min| value.max(*min));
        self.max.get(index).map_or(low, |max| low.min(*max))
    }
}
