//! Measures the cost of a policy's batches on this machine, and chooses the fastest sampler from it.

mod correction;
mod error;
mod fastest;
mod file;
mod key;
mod measure;
mod profile;
mod roofline;
mod store;

use ndarray::Array2;
use parapolicy_sampler::{BatchCost, Choice, ConfigError, Profile, Solver, choose};
use serde::{Deserialize, Serialize};

pub(crate) use self::measure::row_ms;
pub use self::{
    correction::Correction,
    error::CalibrationError,
    fastest::{AUTO, FastestError},
    key::CalibrationKey,
    roofline::{BatchLimit, KnownRoofline, Roofline},
};
use parapolicy_policy::Network;

use crate::trial_observations::trial_observations;
use crate::tuning::{STEADY, ratio};

/// How action sequences are sampled, whatever the strategy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// The solver.
    #[serde(with = "file::by_name")]
    pub solver: Solver,
    /// Denoising steps.
    pub steps: usize,
    /// Tolerance of the parallel strategies.
    pub tolerance: f64,
}

impl Sampling {
    /// Checks that the policy can be sampled like this, before anything is measured.
    ///
    /// # Errors
    /// [`ConfigError`] with the field that makes no sense.
    pub fn validate(&self, policy: &Network) -> Result<(), ConfigError> {
        profile::candidates(policy, self, self.tolerance).map(drop)
    }
}

/// Distribution of the time of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchTime {
    /// Rows, p.
    pub rows: usize,
    /// Half of the batches took less, in milliseconds: c(p).
    pub median_ms: f64,
    /// A tenth took less.
    pub p10_ms: f64,
    /// A tenth took more.
    pub p90_ms: f64,
}

/// Where the observations come from that the candidates were profiled on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observations {
    /// Drawn uniformly from the ranges of the training data, as a fallback. Few of them are typical.
    Drawn,
    /// Taken from episodes that the policy played.
    Met,
}

/// What a policy costs on this machine: the time c(p) of a batch of p rows, how far that is from the machine's limits,
/// and the batches that each candidate of `auto` needs.
///
/// # Example
/// The fastest way to draw plans, from what is known or measured now:
/// ```no_run
/// use parapolicy_eval::{Calibration, Sampling};
/// use parapolicy_policy::{Inference, Network};
/// use parapolicy_sampler::{Sampler, Solver, Table};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let provider = Inference::default().open(&())?;
/// let mut policy = Network::load("models/pusht".as_ref(), &provider)?;
/// let sampling = Sampling { solver: Solver::Ddpm, steps: 100, tolerance: 0.1 };
///
/// let known = Calibration::load(&policy)?;
/// let mut calibration = if let Some(known) = known { known } else { Calibration::measure(&mut policy)? };
/// if calibration.profiled(&sampling).is_none() {
///     calibration.profile(&mut policy, &sampling, &[])?; // observations, if you have some
///     calibration.store()?;
/// }
/// let choice = calibration.choose(&sampling)?;
/// println!("{choice}");
///
/// let table = Table::new(&policy.manifest().scheduler, sampling.solver, sampling.steps)?;
/// let sampler = Sampler::new(table, choice.best.strategy, policy.manifest().sample_dim())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    key: CalibrationKey,
    batches: Vec<BatchTime>,
    /// The median time of a batch of one row when all else was measured.
    row_again_ms: f64,
    cost: BatchCost,
    roofline: Roofline,
    profiles: Vec<Profiled>,
}

/// The candidates for one way of sampling.
#[derive(Clone, Debug, PartialEq)]
struct Profiled {
    sampling: Sampling,
    observations: Observations,
    correction: Correction,
    candidates: Vec<Profile>,
}

impl Calibration {
    /// Measures c(p) for p from 1 to 128 and the limits of the machine in a few seconds. Results are meaningful only on
    /// an idle machine.
    ///
    /// # Errors
    /// A network that fails.
    pub fn measure(policy: &mut Network) -> Result<Self, CalibrationError> {
        Self::measure_unless(policy, &|| false)
    }

    /// The same, given up when `stopped` says so; it is asked between batches.
    ///
    /// # Errors
    /// A network that fails; [`CalibrationError::Stopped`].
    pub fn measure_unless(policy: &mut Network, stopped: &dyn Fn() -> bool) -> Result<Self, CalibrationError> {
        let key = CalibrationKey::of(policy);
        let (dim, training_steps) = (policy.manifest().sample_dim(), policy.manifest().scheduler.num_train_timesteps);
        let [observation] = trial_observations(policy.manifest(), &[]);
        let mut denoiser = policy.bind(observation.view())?;
        let timestep = (training_steps / 2) as f32;
        let batches = measure::batch_times(&mut denoiser, dim, timestep, stopped).map_err(CalibrationError::Network)?;
        let batches = batches.ok_or(CalibrationError::Stopped)?;
        let cost = cost(&batches)?;
        let roofline = Roofline::measure(policy, &batches);
        if stopped() {
            return Err(CalibrationError::Stopped);
        }
        let mut denoiser = policy.bind(observation.view())?;
        let row_again_ms = row_ms(&mut denoiser, dim, timestep).map_err(CalibrationError::Network)?;
        Ok(Self { key, batches, row_again_ms, cost, roofline, profiles: Vec::new() })
    }

    /// What it is valid for.
    pub fn key(&self) -> &CalibrationKey {
        &self.key
    }

    /// The times measured, rows increasing from 1.
    pub fn batches(&self) -> &[BatchTime] {
        &self.batches
    }

    /// Batch size by which providers and numbers of threads are compared: the average of a round of `picard` on
    /// DDPM-100.
    pub const ROWS: usize = 12;

    /// The time of a batch of [`ROWS`](Self::ROWS), in milliseconds.
    pub fn compared(&self) -> f64 {
        self.cost.of(Self::ROWS)
    }

    /// c(p).
    pub fn cost(&self) -> &BatchCost {
        &self.cost
    }

    /// How far some batches are from the machine's limits.
    pub fn roofline(&self) -> &Roofline {
        &self.roofline
    }

    /// Whether other load disturbed the measurement: for most batch sizes, the slowest tenth took at least half as long
    /// again as the fastest tenth; or one row, measured again at the end, took 30 % more or less than before. Choices from such
    /// times may be wrong.
    pub fn disturbed(&self) -> bool {
        let wide = self.batches.iter().filter(|batch| batch.p90_ms > 1.5 * batch.p10_ms).count();
        2 * wide > self.batches.len() || ratio(self.cost.of(1), self.row_again_ms) > STEADY
    }

    /// On which observations the candidates were tried, if they were.
    pub fn profiled(&self, sampling: &Sampling) -> Option<Observations> {
        self.known(sampling).map(|known| known.observations)
    }

    fn known(&self, sampling: &Sampling) -> Option<&Profiled> {
        self.profiles.iter().find(|known| known.sampling == *sampling)
    }

    /// How true `picard`'s estimate is of plans drawn like this, if the candidates were tried.
    pub fn correction(&self, sampling: &Sampling) -> Option<Correction> {
        self.known(sampling).map(|known| known.correction)
    }

    /// Compares plans of `picard` with its own estimate ([`Correction`]), then measures the batches that each candidate ([`Strategy::candidates`](parapolicy_sampler::Strategy::candidates))
    /// needs: draws plans with all of them in turn, at first one, then up to five more with those that may still be the
    /// fastest. An earlier profile of this sampling is replaced.
    ///
    /// `observations` are `[n_obs_steps, observation_dim]` each, in raw units, as the policy meets them; rounds depend
    /// on them. Without any, they are drawn from the ranges in the manifest.
    ///
    /// # Errors
    /// A sampling or an observation that does not fit the policy, and a network that fails.
    pub fn profile(
        &mut self,
        policy: &mut Network,
        sampling: &Sampling,
        observations: &[Array2<f64>],
    ) -> Result<(), CalibrationError> {
        let correction = Correction::measure(policy, sampling, observations)?;
        let profiled = Profiled {
            sampling: *sampling,
            correction,
            observations: if observations.is_empty() { Observations::Drawn } else { Observations::Met },
            candidates: profile::draw(policy, sampling, correction, observations, &self.cost)?,
        };
        self.profiles.retain(|known| known.sampling != *sampling);
        self.profiles.push(profiled);
        Ok(())
    }

    /// The fastest candidate, sequential sampling included, none of whose plans ended further from `sequential`'s than the
    /// tolerance; its text says why.
    ///
    /// # Errors
    /// A sampling that was not profiled.
    pub fn choose(&self, sampling: &Sampling) -> Result<Choice, CalibrationError> {
        let tried = self.known(sampling).map_or(&[][..], |known| &known.candidates);
        Ok(choose(&self.cost, tried, sampling.tolerance)?)
    }
}

fn cost(batches: &[BatchTime]) -> Result<BatchCost, ConfigError> {
    BatchCost::new(batches.iter().map(|batch| (batch.rows, batch.median_ms)).collect())
}
