//! What can be wrong with a policy or with what it is asked.

use parapolicy_engine::RunError;

use crate::{GraphError, ManifestError, PredictError, RuntimeError};

/// Why a policy cannot be loaded, or an observation not be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The graph is wrong.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// ONNX Runtime, which encodes observations, cannot be had.
    #[error("ONNX Runtime is needed for the encoder")]
    Runtime(#[from] RuntimeError),
    /// The observation has the wrong shape.
    #[error("observation: shape is {found:?}, but the policy sees {expected:?} (n_obs_steps, observation_dim)")]
    ObservationShape {
        /// Its shape.
        found: Vec<usize>,
        /// `[n_obs_steps, observation_dim]`.
        expected: [usize; 2],
    },
    /// The observation has a number that is no observation.
    #[error(
        "observation: `{entry}`[{index}] of step {step} is {value:?}, but must be a finite number of sensible size"
    )]
    ObservationValue {
        /// Name of the entry in the manifest.
        entry: String,
        /// Component of the entry.
        index: usize,
        /// Row of the observation.
        step: usize,
        /// The number.
        value: f64,
    },
    /// The engine does not take the observation.
    #[error("the engine cannot bind the observation")]
    Native(#[from] RunError),
    /// The observation cannot be encoded.
    #[error("the observation cannot be encoded")]
    Encode(#[from] PredictError),
    /// Observations for no plan at all.
    #[error("observations: there are none, but there must be one for each plan")]
    NoPlans,
    /// The observation of one of several plans cannot be bound.
    #[error("plan {plan}")]
    OfPlan {
        /// Which, from 0.
        plan: usize,
        /// What is wrong with it.
        source: Box<PolicyError>,
    },
}
