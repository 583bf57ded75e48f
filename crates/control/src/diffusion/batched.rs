//! A diffusion policy for several environments, with plans sampled in shared batches.

use std::collections::BTreeMap;
use std::time::Instant;

use ndarray::{Array2, ArrayView1, s};
use parapolicy_policy::Network;
use parapolicy_sampler::{BatchedSampler, Budget, Noise, Sample};

use super::memory::Memory;
use crate::{BatchedPolicy, BoxError, Plan};

/// A diffusion policy for several environments: one network, a sampler that packs their plans in shared batches, and
/// the observations of each environment so far.
///
/// Every plan is the one that [`DiffusionPolicy`](crate::DiffusionPolicy) would draw, up to rounding, which depends on
/// the batch size. The sampler must have room for as many plans as there are environments.
pub struct BatchedDiffusionPolicy<'a> {
    network: &'a mut Network,
    sampler: &'a mut BatchedSampler,
    budget: Budget,
    memories: BTreeMap<usize, Memory>,
}

impl<'a> BatchedDiffusionPolicy<'a> {
    /// A policy that samples plans from `network` with `sampler`.
    pub fn new(network: &'a mut Network, sampler: &'a mut BatchedSampler) -> Self {
        Self { network, sampler, budget: Budget::default(), memories: BTreeMap::new() }
    }

    /// Samples batched plans within `budget`; [`Plan::residual`] is set where the budget ended one early.
    #[must_use]
    pub fn within(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    fn memory(&mut self, environment: usize) -> &mut Memory {
        self.memories.entry(environment).or_insert_with(|| Memory::new(self.network.manifest()))
    }
}

impl BatchedPolicy for BatchedDiffusionPolicy<'_> {
    fn reset(&mut self, environment: usize, seed: u64) {
        self.memory(environment).reset(seed);
    }

    fn observe(&mut self, environment: usize, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        Ok(self.memory(environment).observe(observation)?)
    }

    fn plan(&mut self, environments: &[usize]) -> Result<Vec<Plan>, BoxError> {
        let started = Instant::now();
        let (steps, dim) = (self.sampler.table().steps(), self.sampler.dim());
        // An environment without observations has a memory too; binding its observations then fails.
        let seeds = environments.iter().map(|&environment| self.memory(environment).next_seed());
        let noises: Vec<Noise> = seeds.map(|seed| Noise::draw(seed, steps, dim)).collect();
        let observations = environments.iter().map(|&environment| self.memories[&environment].observations());
        let mut denoiser = self.network.bind_batched(observations)?;
        let samples = self.sampler.sample_within(self.budget, &mut denoiser, &noises)?;
        // Each plan is relative to its own observation.
        let mut actions = Vec::with_capacity(environments.len());
        for (environment, sample) in environments.iter().zip(samples.iter()) {
            let origin = self.network.origin(self.memories[environment].observations())?;
            actions.push(self.network.actions(sample.sample(), &origin));
        }
        let latency = started.elapsed();

        let executed = self.network.manifest().executed_steps();
        let plan = |(actions, sample): (Array2<f64>, Sample<'_>)| Plan {
            actions: actions.slice_move(s![executed.start.., ..]),
            intended: executed.len(),
            latency,
            together: environments.len(),
            rounds: sample.statistics().rounds,
            evaluations: sample.statistics().evaluations,
            residual: sample.residual(),
            refinement: None,
            iterates: Vec::new(),
        };
        Ok(actions.into_iter().zip(samples.iter()).map(plan).collect())
    }
}
