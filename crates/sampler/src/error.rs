//! Errors. Those about what a user hands in name the field.

use thiserror::Error;

use crate::denoiser::BoxError;

/// A scheduler, solver or strategy that cannot be used as configured.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number outside of what the field allows.
    #[error("{field} is {value}, but must be {expected}")]
    OutOfRange {
        /// The field, under the name `diffusers` gives it.
        field: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        expected: String,
    },
    /// A choice that this crate does not implement.
    #[error("{field}: `{value}` is not supported; use {supported}")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// What was given.
        value: String,
        /// What could be given instead.
        supported: String,
    },
    /// A field that must be written.
    #[error("{field} is missing; write {what}")]
    Missing {
        /// The field.
        field: &'static str,
        /// What to write.
        what: &'static str,
    },
    /// A field that there is not.
    #[error("{field} is no field of a scheduler{}", nearest.map_or_else(String::new, |name| format!("; did you mean {name}?")))]
    UnknownField {
        /// The field.
        field: String,
        /// A field whose name is much the same.
        nearest: Option<&'static str>,
    },
    /// A field whose value is of another type.
    #[error("{field} must be {expected}")]
    WrongType {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A field of flows in the configuration of another network.
    #[error("{field} is for networks whose prediction_type is flow_prediction; remove it")]
    FlowAlone {
        /// The field.
        field: &'static str,
    },
    /// A name that is given already.
    #[error("{field}: `{value}` is there already")]
    Duplicate {
        /// What is named.
        field: &'static str,
        /// The name.
        value: String,
    },
}

impl ConfigError {
    /// An [`OutOfRange`](Self::OutOfRange): `field` is `value`, but must be `expected`.
    pub fn out_of_range(field: &'static str, value: &dyn ToString, expected: impl Into<String>) -> Self {
        Self::OutOfRange { field, value: value.to_string(), expected: expected.into() }
    }

    /// An [`Unsupported`](Self::Unsupported): `value` is not supported as `field`, but `supported` is.
    pub fn unsupported(field: &'static str, value: &dyn ToString, supported: impl Into<String>) -> Self {
        Self::Unsupported { field, value: value.to_string(), supported: supported.into() }
    }

    /// Whether it says that a strategy is not defined for the solver: another strategy may be.
    pub fn refuses_solver(&self) -> bool {
        matches!(self, Self::Unsupported { field: "solver", .. })
    }
}

/// Noise that no sample can be drawn from.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum NoiseError {
    /// The step noise is not as wide as the initial noise.
    #[error("step_noise has {found} values a step, but initial_noise has {expected}")]
    Width {
        /// Length of the initial noise.
        expected: usize,
        /// Columns of the step noise.
        found: usize,
    },
    /// A value is NaN or infinite.
    #[error("{field} holds a value that is not finite at {index:?}")]
    NotFinite {
        /// `initial_noise` or `step_noise`.
        field: &'static str,
        /// Where.
        index: Vec<usize>,
    },
}

/// A sample that could not be drawn.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SampleError {
    /// The noise, or the plan to refine, was drawn for another sampler.
    #[error("{field} has {found} {what}, but the sampler needs {expected}")]
    NoiseShape {
        /// `initial_noise`, `step_noise` or `plan`.
        field: &'static str,
        /// What was counted.
        what: &'static str,
        /// What the sampler was built for.
        expected: usize,
        /// What the noise has.
        found: usize,
    },
    /// A limit of the budget leaves no room for a round, or what the denoiser knows of the sample is not valid.
    #[error(transparent)]
    Budget(#[from] ConfigError),
    /// The denoiser failed.
    #[error("the denoiser failed at timesteps {first} to {last}")]
    Denoiser {
        /// Timestep of the first row of the batch.
        first: f32,
        /// Timestep of the last row of the batch.
        last: f32,
        /// Its reason.
        source: BoxError,
    },
    /// A refined plan is not finite.
    #[error("the refined plan holds a value that is not finite: so does the penalty's gradient, or it is too steep")]
    Diverged,
    /// The denoiser predicted NaN or infinity.
    #[error("the denoiser's prediction at timestep {timestep} holds a value that is not finite")]
    PredictionNotFinite {
        /// The training timestep of that prediction.
        timestep: f32,
    },
    /// The strategy asked for rows that cannot be evaluated, which is a fault of the strategy.
    #[error(
        "the strategy asked for {rows} rows of {values} values and {timesteps} timesteps, but must ask for 1 to {most} \
         rows of {dim} contiguous values, each with a timestep"
    )]
    Rows {
        /// Rows that it asked for.
        rows: usize,
        /// Values in each.
        values: usize,
        /// Timesteps that it gave.
        timesteps: usize,
        /// Rows that the sampler has room for.
        most: usize,
        /// Values in a sample.
        dim: usize,
    },
    /// There are no plans to draw, or more than the sampler has room for.
    #[error("noise for {found} plans was given, but the sampler draws 1 to {most} at once")]
    Plans {
        /// How many.
        found: usize,
        /// What the sampler was made for.
        most: usize,
    },
    /// The denoiser failed in a batched call.
    #[error("the denoiser failed on {rows} rows of plans drawn together")]
    BatchedDenoiser {
        /// Rows of all plans in the call.
        rows: usize,
        /// Its reason.
        source: BoxError,
    },
    /// One of several plans drawn together could not be drawn.
    #[error("plan {plan}")]
    OfPlan {
        /// Which, from 0.
        plan: usize,
        /// What is wrong with it.
        source: Box<SampleError>,
    },
}

impl SampleError {
    /// Whether the denoiser did not answer.
    pub(crate) fn is_denoisers(&self) -> bool {
        matches!(self, Self::Denoiser { .. } | Self::BatchedDenoiser { .. })
    }

    pub(crate) fn of_plan(self, plan: usize) -> Self {
        Self::OfPlan { plan, source: Box::new(self) }
    }
}
