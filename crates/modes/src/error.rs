//! Errors, which name the field.

use thiserror::Error;

/// Data, a prior or a setting that cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ModesError {
    /// A number outside of what the field allows.
    #[error("{field} is {value}, but must be {expected}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A value of the data that is not finite, or that the component cannot have.
    #[error("value {column} of point {point} is {value}, but must be {expected}")]
    Point {
        /// The point's row.
        point: usize,
        /// The value's column.
        column: usize,
        /// What was found.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// Two things whose sizes do not fit.
    #[error("{field} has {found} {what}, but must have {expected}")]
    Shape {
        /// The field.
        field: &'static str,
        /// What is counted.
        what: &'static str,
        /// How many there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
}

impl ModesError {
    /// An [`OutOfRange`](Self::OutOfRange).
    pub(crate) fn out_of_range(field: &'static str, value: impl ToString, expected: &'static str) -> Self {
        Self::OutOfRange { field, value: value.to_string(), expected }
    }
}

/// `value`, if it is positive and finite.
pub(crate) fn positive(field: &'static str, value: f64) -> Result<f64, ModesError> {
    match value > 0.0 && value.is_finite() {
        true => Ok(value),
        false => Err(ModesError::out_of_range(field, value, "positive and finite")),
    }
}
