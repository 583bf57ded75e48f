//! Profiles the candidates of `auto`: samples plans with each, counts the rows of every batch, and compares the plans with those
//! of `sequential` under the same noise.

use std::time::Instant;

use ndarray::{Array1, Array2};
use parapolicy_sampler::{BatchCost, ConfigError, Denoiser, Noise, Profile, SampleError, Sampler, Strategy, Table};

use super::{CalibrationError, Correction, Sampling, measure::milliseconds};
use parapolicy_policy::Network;

use crate::deviation::largest_difference;
use crate::{Meter, trial_observations::trial_observations};

/// Plans drawn with a candidate at most.
const PLANS: usize = 6;

/// Margin over the fastest within which a candidate is tried again after its first plan; half of it after two plans,
/// and so on.
const UNSURE: f64 = 0.5;

/// Profiles of all candidates that the solver allows.
pub(super) fn draw(
    policy: &mut Network,
    sampling: &Sampling,
    correction: Correction,
    observations: &[Array2<f64>],
    cost: &BatchCost,
) -> Result<Vec<Profile>, CalibrationError> {
    let mut candidates = candidates(policy, sampling, correction.tolerance(sampling.tolerance))?;
    let observations: [_; PLANS] = trial_observations(policy.manifest(), observations);
    let mut limit = f64::INFINITY;
    for (plan, observation) in observations.iter().enumerate() {
        let mut denoiser = policy.bind(observation.view())?;
        let mut fastest = f64::INFINITY;
        let mut reference = None;
        for candidate in &mut candidates {
            let dropped = candidate.plans.len() < plan;
            if candidate.is_reference() || !dropped && candidate.in_network(cost)? <= limit {
                let drawn = candidate.draw(&mut denoiser, plan as u64)?;
                let reference = reference.get_or_insert_with(|| drawn.clone());
                candidate.compare(&drawn, reference);
            }
            fastest = fastest.min(candidate.in_network(cost)?);
        }
        limit = (1.0 + UNSURE / (plan + 1) as f64) * fastest;
    }
    Ok(candidates.iter().map(|candidate| candidate.profile(candidate.own_ms())).collect())
}

/// `estimated` is the tolerance for those that estimate their error themselves, corrected.
pub(super) fn candidates(policy: &Network, sampling: &Sampling, estimated: f64) -> Result<Vec<Candidate>, ConfigError> {
    let table = Table::new(&policy.manifest().scheduler, sampling.solver, sampling.steps)?;
    let mut candidates = Vec::new();
    for strategy in Strategy::candidates(sampling.steps, sampling.tolerance, estimated) {
        match Sampler::new(table.clone(), strategy, policy.manifest().sample_dim()) {
            Ok(sampler) => {
                candidates.push(Candidate { sampler, own_ms: Vec::new(), deviation: 0.0, plans: Vec::new() });
            }
            Err(error) if error.refuses_solver() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(candidates)
}

/// A sampler, and the cost of its plans so far.
pub(super) struct Candidate {
    sampler: Sampler,
    own_ms: Vec<f64>,
    deviation: f64,
    plans: Vec<Vec<usize>>,
}

impl Candidate {
    fn draw(&mut self, denoiser: &mut dyn Denoiser, seed: u64) -> Result<Array1<f32>, SampleError> {
        let noise = Noise::draw(seed, self.sampler.table().steps(), self.sampler.dim());
        let mut meter = Meter::new(denoiser);
        let started = Instant::now();
        let drawn = self.sampler.sample(&mut meter, &noise)?;
        self.own_ms.push(milliseconds(started.elapsed().saturating_sub(meter.time)));
        self.plans.push(meter.rows);
        Ok(drawn.sample().to_owned())
    }

    /// Notes how far a plan ended from that of the reference under the same noise.
    fn compare(&mut self, drawn: &Array1<f32>, reference: &Array1<f32>) {
        self.deviation = self.deviation.max(largest_difference(drawn.view(), reference.view()));
    }

    /// Whether this is `sequential`, which the others are compared with.
    fn is_reference(&self) -> bool {
        self.sampler.strategy() == Strategy::sequential()
    }

    /// Mean time of a plan in the network, ms; none before the first plan. The sampler's own work is left out: it is
    /// small, and a single plan does not measure it well.
    fn in_network(&self, cost: &BatchCost) -> Result<f64, ConfigError> {
        if self.plans.is_empty() {
            return Ok(0.0);
        }
        Ok(self.profile(0.0).expected(cost)?.latency_ms)
    }

    /// The sampler's own work per plan, ms: the minimum over plans, since the work hardly varies and longer times are
    /// interruptions; 0 before the first plan.
    fn own_ms(&self) -> f64 {
        self.own_ms.iter().copied().reduce(f64::min).unwrap_or(0.0)
    }

    fn profile(&self, own_ms: f64) -> Profile {
        Profile { strategy: self.sampler.strategy(), own_ms, deviation: self.deviation, plans: self.plans.clone() }
    }
}
