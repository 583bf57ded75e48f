mod many;
mod memory;

use std::time::Instant;

use ndarray::{ArrayView1, s};
use parapolicy_runner::Policy as Network;
use parapolicy_sampler::{Budget, Noise, Sampler};

pub use self::many::ManyDiffusionPolicy;
use self::memory::Memory;
pub use self::memory::noise_seed;
use crate::refine::{Refined, Refinement, RefinementCost, Tracker};
use crate::{BoxError, Plan, Policy};

/// A diffusion policy in a control loop: a network, a sampler, and the observations so far.
///
/// It borrows network and sampler, so that several samplers can be compared on one loaded network.
pub struct DiffusionPolicy<'a> {
    network: &'a mut Network,
    sampler: &'a mut Sampler,
    budget: Budget,
    memory: Memory,
    /// What makes the plans keep limits, and who knows the robot's motion for it.
    refinement: Option<(&'a mut Refinement, Tracker)>,
}

impl<'a> DiffusionPolicy<'a> {
    /// Samples `network` with `sampler`.
    pub fn new(network: &'a mut Network, sampler: &'a mut Sampler) -> Self {
        let memory = Memory::new(network.manifest());
        Self { network, sampler, budget: Budget::default(), memory, refinement: None }
    }

    /// Refines every plan for the robot that `tracker` follows.
    #[must_use]
    pub fn refined(self, refinement: &'a mut Refinement, tracker: Tracker) -> Self {
        Self { refinement: Some((refinement, tracker)), ..self }
    }

    /// Draws every plan within `budget`; [`Plan::residual`] tells which were cut short.
    #[must_use]
    pub fn within(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }
}

impl Policy for DiffusionPolicy<'_> {
    fn reset(&mut self, seed: u64) {
        self.memory.reset(seed);
        if let Some((_, tracker)) = &mut self.refinement {
            tracker.reset();
        }
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.memory.observe(observation)?;
        if let Some((_, tracker)) = &mut self.refinement {
            tracker.observe(observation);
        }
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let started = Instant::now();
        let seed = self.memory.next_seed();
        let noise = Noise::draw(seed, self.sampler.table().steps(), self.sampler.dim());
        let mut denoiser = self.network.bind(self.memory.observations())?;
        let sample = self.sampler.sample_within(self.budget, &mut denoiser, &noise)?;
        let refined = match &mut self.refinement {
            // The sampler has had the seed; its bits turned, it gives other noise.
            Some((refinement, tracker)) => refinement.refine_for(tracker, &mut denoiser, sample.sample(), !seed)?,
            None => None,
        };
        let statistics = sample.statistics();
        let (actions, refinement) = match refined {
            Some(Refined { actions, cost }) => (actions, Some(cost)),
            None => {
                let actions = self.network.actions(sample.sample());
                (actions.slice_move(s![self.network.manifest().executed_steps(), ..]), None)
            }
        };
        let RefinementCost { rounds, evaluations, .. } = refinement.unwrap_or_default();
        Ok(Plan {
            actions,
            latency: started.elapsed(),
            together: 1,
            rounds: statistics.rounds + rounds,
            evaluations: statistics.evaluations + evaluations,
            residual: sample.residual(),
            refinement,
        })
    }
}
