//! The state of one episode: its observations and the seed of the next noise.

use ndarray::{ArrayView1, ArrayView2};
use parapolicy_policy::{Manifest, ObservationHistory};
use thiserror::Error;

#[derive(Debug, Error)]
#[error("the observation has {found} numbers, but the policy sees {expected}")]
pub(super) struct ObservationLength {
    expected: usize,
    found: usize,
}

/// State of a policy in one episode: the observations so far, and the seed of the next noise.
pub(super) struct Memory {
    history: ObservationHistory,
    observation_dim: usize,
    seed: u64,
    plans: u64,
}

impl Memory {
    /// Before any episode.
    pub fn new(manifest: &Manifest) -> Self {
        let observation_dim = manifest.observation_dim();
        let history = ObservationHistory::new(manifest.n_obs_steps, observation_dim);
        Self { history, observation_dim, seed: 0, plans: 0 }
    }

    pub fn reset(&mut self, seed: u64) {
        self.history.reset();
        (self.seed, self.plans) = (seed, 0);
    }

    pub fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), ObservationLength> {
        let (expected, found) = (self.observation_dim, observation.len());
        if found != expected {
            return Err(ObservationLength { expected, found });
        }
        self.history.push(observation);
        Ok(())
    }

    /// `[n_obs_steps, observation_dim]`, oldest first.
    pub fn observations(&self) -> ArrayView2<'_, f64> {
        self.history.view()
    }

    /// The seed of the next plan's noise; each call advances it.
    pub fn next_seed(&mut self) -> u64 {
        self.plans += 1;
        noise_seed(self.seed, self.plans - 1)
    }
}

/// The seed of a plan's noise, from the episode's seed and the plan's number in it.
///
/// It is the same for every sampler: with the same observations, two samplers are given the same noise. Public so that
/// other programs can be given it too.
#[must_use]
pub fn noise_seed(episode: u64, plan: u64) -> u64 {
    // No episode has 2³² plans.
    (episode << 32) | plan
}
