use std::time::Instant;

use ndarray::{ArrayView1, s};
use parapolicy_runner::{ObservationHistory, Policy as Network};
use parapolicy_sampler::{Noise, Sampler};

use thiserror::Error;

use crate::{BoxError, Plan, Policy};

#[derive(Debug, Error)]
#[error("the observation has {found} numbers, but the policy sees {expected}")]
struct ObservationLength {
    expected: usize,
    found: usize,
}

/// A diffusion policy in a control loop: a network, a sampler, and the observations so far.
///
/// It borrows network and sampler, so that several samplers can be compared on one loaded network.
pub struct DiffusionPolicy<'a> {
    network: &'a mut Network,
    sampler: &'a mut Sampler,
    history: ObservationHistory,
    seed: u64,
    plans: u64,
}

impl<'a> DiffusionPolicy<'a> {
    /// Samples `network` with `sampler`.
    pub fn new(network: &'a mut Network, sampler: &'a mut Sampler) -> Self {
        let manifest = network.manifest();
        let history = ObservationHistory::new(manifest.n_obs_steps, manifest.observation_dim());
        Self { network, sampler, history, seed: 0, plans: 0 }
    }
}

impl Policy for DiffusionPolicy<'_> {
    fn reset(&mut self, seed: u64) {
        self.history.reset();
        (self.seed, self.plans) = (seed, 0);
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        let expected = self.network.manifest().observation_dim();
        if observation.len() != expected {
            return Err(ObservationLength { expected, found: observation.len() }.into());
        }
        self.history.push(observation);
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let started = Instant::now();
        let noise = Noise::draw(noise_seed(self.seed, self.plans), self.sampler.table().steps(), self.sampler.dim());
        let sample = self.sampler.sample(&mut self.network.bind(self.history.view())?, &noise)?;
        let actions = self.network.actions(sample.sample());
        let latency = started.elapsed();

        self.plans += 1;
        let actions = actions.slice_move(s![self.network.manifest().executed_steps(), ..]);
        let statistics = sample.statistics();
        Ok(Plan { actions, latency, rounds: statistics.rounds, evaluations: statistics.evaluations })
    }
}

/// The seed of a plan's noise, from the episode's seed and the plan's number in it.
///
/// It is the same for every sampler: with the same observations, two samplers are given the same noise. Public so that
/// other programs can be given it too.
#[must_use]
pub fn noise_seed(episode: u64, plan: u64) -> u64 {
    // An episode of 2³² plans is out of reach.
    (episode << 32) | plan
}
