//! Errors of loading a policy and of binding observations.

use parapolicy_sampler::BoxError;

use crate::{BackendName, GraphError, InferenceError, ManifestError, PredictError, TaskError};

/// Why a policy cannot be loaded, or an observation not be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The policy cannot be told that.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The graph is wrong.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The engine refuses the encoder, the provider runs none, and none was named that does.
    #[error("the provider {provider} does not run the policy's encoder: name one that does for it, such as cpu")]
    NoEncoder {
        /// The provider of the denoiser.
        provider: BackendName,
        /// Why the engine refuses it.
        source: GraphError,
    },
    /// The provider of the encoder cannot be opened.
    #[error("the provider {provider} is needed for the encoder")]
    Encoder {
        /// The provider of the encoder.
        provider: BackendName,
        /// Why.
        source: InferenceError,
    },
    /// The observation has the wrong shape.
    #[error("observation: shape is {found:?}, but the policy sees {expected:?} (n_obs_steps, observation_dim)")]
    ObservationShape {
        /// Its shape.
        found: Vec<usize>,
        /// `[n_obs_steps, observation_dim]`.
        expected: [usize; 2],
    },
    /// The observation has a number that is not finite, raw or normalised.
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
    /// The network does not take the observation.
    #[error("the observation cannot be bound")]
    Bind(#[source] BoxError),
    /// The observation cannot be encoded.
    #[error("the observation cannot be encoded")]
    Encode(#[from] PredictError),
    /// The conditions of a denoiser have another length.
    #[error("the condition has {found} numbers, but the graph sees {expected}")]
    ConditionLength {
        /// Numbers of one condition.
        found: usize,
        /// Numbers that the manifest asks for, a label being one.
        expected: usize,
    },
    /// A condition has a number that is not finite.
    #[error(
        "the condition of sample {sample}: number {index} is {value:?}, but must be a finite number of sensible size"
    )]
    ConditionValue {
        /// Which, from 0.
        sample: usize,
        /// Number in it.
        index: usize,
        /// The number.
        value: f64,
    },
    /// A label is no class of the denoiser.
    #[error("the label of sample {sample} is {value}, but must be a class of the denoiser, 0 to {}", classes - 1)]
    Label {
        /// Which, from 0.
        sample: usize,
        /// The label.
        value: f64,
        /// Classes of the denoiser.
        classes: usize,
    },
    /// Observations for no plan at all.
    #[error("observations: there are none, but there must be one for each plan")]
    NoPlans,
    /// What is to be bound for a plan was seen by a network of other shapes.
    #[error("plan {plan}: what is to be bound was seen by another network")]
    OtherNetwork {
        /// Which, from 0.
        plan: usize,
    },
    /// The observation of one of several plans cannot be bound.
    #[error("plan {plan}")]
    OfPlan {
        /// Which, from 0.
        plan: usize,
        /// What is wrong with it.
        source: Box<PolicyError>,
    },
}
