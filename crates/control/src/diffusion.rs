use std::time::Instant;

use ndarray::{ArrayView1, s};
use parapolicy_runner::{ObservationHistory, Policy as Network, PolicyError};
use parapolicy_sampler::{NoiseError, Noise, SampleError, Sampler};
use thiserror::Error;

use crate::{BoxError, Plan, Policy};

/// Why a diffusion policy drew no plan.
#[derive(Debug, Error)]
pub enum PlanError {
    /// The network refused the observation.
    #[error(transparent)]
    Network(#[from] PolicyError),
    /// The sampler failed.
    #[error(transparent)]
    Sample(#[from] SampleError),
}

/// A diffusion policy in a control loop: a network, a sampler, and the observations so far.
///
/// It borrows network and sampler, so that several samplers are compared on one loaded network.
pub struct DiffusionPolicy<'a> {
    network: &'a mut Network,
    sampler: &'a mut Sampler,
    history: ObservationHistory,
    noise: Noise,
    seed: u64,
    plans: u64,
}
