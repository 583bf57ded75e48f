use std::time::Instant;

use ndarray::{ArrayView1, s};
use parapolicy_runner::{ObservationHistory, Policy as Network};
use parapolicy_sampler::{Budget, Noise, Sampler};

use thiserror::Error;

use crate::refine::{Refined, Refinement, RefinementCost, Tracker};
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
    budget: Budget,
    history: ObservationHistory,
    /// What makes the plans keep limits, and who knows the robot's motion for it.
    refinement: Option<(&'a mut Refinement, Tracker)>,
    seed: u64,
    plans: u64,
}

impl<'a> DiffusionPolicy<'a> {
    /// Samples `network` with `sampler`.
    pub fn new(network: &'a mut Network, sampler: &'a mut Sampler) -> Self {
        let manifest = network.manifest();
        let history = ObservationHistory::new(manifest.n_obs_steps, manifest.observation_dim());
        Self { network, sampler, budget: Budget::default(), history, refinement: None, seed: 0, plans: 0 }
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
        self.history.reset();
        if let Some((_, tracker)) = &mut self.refinement {
            tracker.reset();
        }
        (self.seed, self.plans) = (seed, 0);
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        let expected = self.network.manifest().observation_dim();
        if observation.len() != expected {
            return Err(ObservationLength { expected, found: observation.len() }.into());
        }
        self.history.push(observation);
        if let Some((_, tracker)) = &mut self.refinement {
            tracker.observe(observation);
        }
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let started = Instant::now();
        let seed = noise_seed(self.seed, self.plans);
        self.plans += 1;
        let noise = Noise::draw(seed, self.sampler.table().steps(), self.sampler.dim());
        let mut denoiser = self.network.bind(self.history.view())?;
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
            rounds: statistics.rounds + rounds,
            evaluations: statistics.evaluations + evaluations,
            residual: sample.residual(),
            refinement,
        })
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
