//! What a plan is not to do.

use ndarray::ArrayViewMut2;
use thiserror::Error;

use super::Way;

/// A limit on the way a plan leads.
pub trait Cost: Send {
    /// Half the sum of the squared excesses, each told as a length in raw units, with any margin counted in; its gradient
    /// by the positions, `[1 + substeps, dim]`, is added to `gradient`. 0 is without excess, and adds nothing.
    fn add_gradient(&self, way: &Way, gradient: ArrayViewMut2<'_, f64>) -> f64;

    /// How far the limit is exceeded at worst, in its own units, without margin; 0 if it is kept.
    fn violation(&self, way: &Way) -> f64;
}

/// A number that makes no sense.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{field} is {value}, but must be {expected}")]
pub struct SettingError {
    /// What it is for.
    pub field: &'static str,
    /// What was given.
    pub value: f64,
    /// What is allowed.
    pub expected: &'static str,
}

impl SettingError {
    pub(super) fn check_positive(field: &'static str, value: f64) -> Result<(), Self> {
        Self::check(value > 0.0 && value.is_finite(), field, value, "positive and finite")
    }

    pub(super) fn check_not_negative(field: &'static str, value: f64) -> Result<(), Self> {
        Self::check(value >= 0.0 && value.is_finite(), field, value, "finite and not negative")
    }

    pub(super) fn check_margin(margin: f64, limit: f64) -> Result<(), Self> {
        Self::check((0.0..limit).contains(&margin), "margin", margin, "between 0 and the limit")
    }

    pub(super) fn check_finite(field: &'static str, value: f64) -> Result<(), Self> {
        Self::check(value.is_finite(), field, value, "finite")
    }

    fn check(holds: bool, field: &'static str, value: f64, expected: &'static str) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self { field, value, expected }) }
    }
}
