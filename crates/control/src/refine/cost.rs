//! Limits on plans, as costs with gradients.

use ndarray::ArrayViewMut2;
use thiserror::Error;

use super::Way;

/// A limit on the path that a plan leads along.
pub trait Cost: Send {
    /// Half the sum of the squared excesses, each as a length in raw units, margin included; its gradient with respect
    /// to the positions, `[1 + substeps, dim]`, is added to `gradient`. Without excess it is 0 and adds nothing.
    fn add_gradient(&self, way: &Way, gradient: ArrayViewMut2<'_, f64>) -> f64;

    /// How far the limit is exceeded at worst, in its own units, without margin; 0 if it is kept.
    fn violation(&self, way: &Way) -> f64;
}

/// An invalid number in a setting.
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

    pub(super) fn check(holds: bool, field: &'static str, value: f64, expected: &'static str) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self { field, value, expected }) }
    }
}
