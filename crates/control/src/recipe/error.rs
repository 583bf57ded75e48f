//! Why a policy cannot be made ready.

use parapolicy_policy::{InferenceError, PolicyError, PredictError, UnknownPrecision, WithinError};
use parapolicy_sampler::{ConfigError, SampleError};
use thiserror::Error;

use crate::tuned::TunedError;

/// Why a policy cannot be made ready.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// The network cannot be run as requested.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// There is no precision of this name.
    #[error(transparent)]
    Precision(#[from] UnknownPrecision),
    /// There is no tuned setting to take.
    #[error(transparent)]
    Tuned(#[from] TunedError),
    /// The tolerance is not in a unit of the actions.
    #[error(transparent)]
    Within(#[from] WithinError),
    /// The tolerance is given in normalised units and in those of the actions.
    #[error("tolerance and within both say how far a plan may end: leave one of them out")]
    TwoTolerances,
    /// The policy cannot be loaded.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Solver, steps, strategy or budget are invalid, by themselves or for this policy.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The graph cannot be asked about the timesteps of these steps.
    #[error(transparent)]
    Timesteps(PredictError),
    /// A number of seconds that is not a valid duration.
    #[error("{name} is {value}, but must be a number of seconds, 0 or more")]
    Seconds {
        /// The option.
        name: &'static str,
        /// What was given.
        value: f64,
    },
    /// The network fails on its first plan.
    #[error(transparent)]
    Sample(#[from] SampleError),
}
