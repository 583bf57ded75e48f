//! The truth of `picard`'s estimate, on a model's own observations.

use std::fmt;

use ndarray::Array2;
use parapolicy_policy::Network;
use parapolicy_sampler::{ConfigError, Noise, Sampler, Strategy, Table, WindowConfig};
use serde::{Deserialize, Serialize};

use super::{CalibrationError, Sampling};
use crate::deviation::largest_difference;
use crate::trial_observations::trial_observations;

/// Plans that the estimate is compared on.
const PLANS: usize = 8;

/// How far plans of [`picard`](Strategy::picard) end from `sequential`'s, against its own estimate
/// ([`Statistics::estimated_error`](parapolicy_sampler::Statistics::estimated_error)):
///
/// ```text
/// worst  = max over plans of  deviation / estimate
/// factor = MARGIN · worst,   from 1 to 4
/// ```
///
/// What it estimates times the factor is what plans of this model are expected to end within. An estimate that is too high is left
/// as it is: a plan in a hundred is torn between two ends, and eight plans do not show how far it ends off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// Plans that were compared.
    pub plans: usize,
    /// The largest deviation of them over its estimate.
    pub worst: f64,
}

impl Correction {
    /// Of eight plans the next one to end further than the furthest is one of nine; hardly any ends twice as far.
    const MARGIN: f64 = 2.0;
    /// An estimate further off than that is none.
    const MOST: f64 = 4.0;

    /// What an estimate is to be multiplied by.
    pub fn factor(&self) -> f64 {
        (Self::MARGIN * self.worst).clamp(1.0, Self::MOST)
    }

    /// The tolerance to give to `picard`, so that plans end within `tolerance`.
    pub fn tolerance(&self, tolerance: f64) -> f64 {
        tolerance / self.factor()
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.plans == 0 || !(self.worst.is_finite() && self.worst >= 0.0)
    }

    /// Draws plans by `picard` and by `sequential` under the same noise.
    pub(super) fn measure(
        policy: &mut Network,
        sampling: &Sampling,
        observations: &[Array2<f64>],
    ) -> Result<Self, CalibrationError> {
        let strategy = Strategy::picard(WindowConfig { tolerance: sampling.tolerance, ..WindowConfig::default() });
        let [mut reference, mut picard] = samplers(policy, sampling, strategy)?;
        let observations: [_; PLANS] = trial_observations(policy.manifest(), observations);
        let mut worst = 0.0_f64;
        for (plan, observation) in observations.iter().enumerate() {
            let noise = Noise::draw(plan as u64, sampling.steps, policy.manifest().sample_dim());
            let mut denoiser = policy.bind(observation.view())?;
            let expected = reference.sample(&mut denoiser, &noise)?.sample().to_owned();
            let drawn = picard.sample(&mut denoiser, &noise)?;
            let off = largest_difference(drawn.sample(), expected.view());
            // What is far under the tolerance says nothing of the estimate: rounding alone differs.
            let estimated = drawn.statistics().estimated_error.unwrap_or(0.0).max(NOTHING * sampling.tolerance);
            worst = worst.max(if estimated > 0.0 { off / estimated } else { 0.0 });
        }
        Ok(Self { plans: PLANS, worst })
    }
}

/// Share of the tolerance under which an estimate is taken for this share.
const NOTHING: f64 = 0.1;

fn samplers(policy: &Network, sampling: &Sampling, picard: Strategy) -> Result<[Sampler; 2], ConfigError> {
    let table = Table::new(&policy.manifest().scheduler, sampling.solver, sampling.steps)?;
    let dim = policy.manifest().sample_dim();
    let reference = Sampler::new(table.clone(), Strategy::sequential(), dim)?;
    Ok([reference, Sampler::new(table, picard.for_steps(sampling.steps), dim)?])
}

/// For reports: `of 8 plans the furthest ended at 0.80 of picard's estimate, which counts 1.60 times for this model`.
impl fmt::Display for Correction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plans, worst } = self;
        write!(f, "of {plans} plans the furthest ended at {worst:.2} of picard's estimate, ")?;
        write!(f, "which counts {:.2} times for this model", self.factor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_counts_for_what_was_found_of_it() {
        let corrected = |worst: f64| Correction { plans: 8, worst }.tolerance(0.1);
        assert_eq!(corrected(1.0), 0.05, "an estimate that is too low is made up for");
        assert_eq!([corrected(0.0), corrected(0.25)], [0.1, 0.1], "one that is high is not");
        assert_eq!(corrected(1e3), 0.025);
    }
}
