//! Score distillation (Poole et al. 2022, arXiv 2209.14988, eq. 3) as a process: how likely a denoiser finds a plan.
//!
//! Step k evaluates the plan a under noise ε_k drawn beforehand, at a level that falls from step to step, and takes
//!
//! ```text
//! x   = √ᾱ a + √(1−ᾱ) ε_k
//! g_k = a − x̂0(x) + ∇penalty(a)
//! ```
//!
//! for the gradient. a − x̂0 is w (ε̂ − ε_k) with w = √(1−ᾱ)/√ᾱ, so no gradient goes through the network. The drift is
//! x̂0, not the gradient: the roll-out then has a and the penalty at the new state, and only x̂0 lags behind (40 plans of
//! the shipped policy, 50 steps, window 8: 75 evaluations, and 101 with the gradient for a drift).

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

use super::Penalty;
use crate::config::{PredictionType, SchedulerConfig};
use crate::denoiser::Denoiser;
use crate::error::{ConfigError, SampleError};
use crate::limit::Limit;
use crate::prediction::Reading;
use crate::schedule::{NoiseLevel, cumulative_alphas, flow_level, noise_levels};
use crate::strategy::Rows;
use crate::window::{Adam, Drift, Path, Process, Recurrence, TailGuess};

/// The levels go from this share of the training timesteps ...
const FIRST_LEVEL: f64 = 0.3;

/// ... to this one. Little noise keeps the mode that the policy chose; more makes plans of every mode alike.
const LAST_LEVEL: f64 = 0.02;

/// How far a value can go in all steps together, in normalised units: the learning rate falls to 0, and sums up to this.
/// Smaller rates end at likelier plans, as long as the way is far enough.
const REACH: f64 = 0.25;

/// The denoiser's part, made ready for a number of steps.
pub(super) struct Prior {
    reading: Reading,
    limit: Limit,
    levels: Vec<NoiseLevel>,
    timesteps: Vec<f32>,
    rates: Vec<f32>,
}

/// Inputs and outputs of the denoiser, `[K, D]`.
pub(super) struct Buffers {
    pub noisy: Array2<f32>,
    pub predictions: Array2<f32>,
    /// `[K]`.
    pub timesteps: Vec<f32>,
}

impl Prior {
    pub(super) fn new(config: &SchedulerConfig, steps: usize) -> Result<Self, ConfigError> {
        config.validate()?;
        let last = (config.num_train_timesteps - 1) as f64;
        let share = |step: usize| step as f64 / steps as f64;
        let level = |step| (last * (FIRST_LEVEL + (LAST_LEVEL - FIRST_LEVEL) * share(step))).round() as usize;
        let chosen: Vec<usize> = (0..steps).map(level).collect();
        let levels = levels(config, &chosen)?;
        let rate = |step| (2.0 * REACH / (steps as f64 + 1.0) * (1.0 - share(step))) as f32;
        Ok(Self {
            reading: Reading::of(config),
            limit: Limit::of(config, true),
            timesteps: levels.iter().map(|level| level.timestep).collect(),
            levels,
            rates: (0..steps).map(rate).collect(),
        })
    }
}

/// Of timesteps before the last. Of a flow σ = t/T.
fn levels(config: &SchedulerConfig, timesteps: &[usize]) -> Result<Vec<NoiseLevel>, ConfigError> {
    if config.prediction_type == PredictionType::Flow {
        let trained = config.num_train_timesteps as f64;
        return Ok(timesteps.iter().map(|timestep| flow_level(config, *timestep as f64 / trained)).collect());
    }
    noise_levels(config, &cumulative_alphas(config), timesteps)
}

/// A plan on its way. A state is the plan and Adam's moments, `[3 D]`; a drift is x̂0, `[D]`.
pub(super) struct Distillation<'a> {
    pub prior: &'a Prior,
    /// ε, `[K, D]`.
    pub noise: ArrayView2<'a, f32>,
    pub penalty: &'a dyn Penalty,
    pub denoiser: &'a mut dyn Denoiser,
    pub buffers: &'a mut Buffers,
}

impl Recurrence for Distillation<'_> {
    fn steps(&self) -> usize {
        self.prior.levels.len()
    }

    fn compared(&self, _index: usize, room: usize) -> usize {
        room / 3
    }

    fn advance(&self, step: usize, state: &[f32], drift: Drift<'_>, next: &mut [f32]) {
        let dim = drift.current.len();
        let (plan, gradient) = (&state[..dim], &mut next[..dim]);
        for ((gradient, plan), denoised) in gradient.iter_mut().zip(plan).zip(drift.current) {
            *gradient = plan - denoised;
        }
        self.penalty.add_gradient(plan, gradient);
        Adam::default().advance(step, self.prior.rates[step], state, next);
    }
}

impl Process for Distillation<'_> {
    type Error = SampleError;

    fn drift(
        &mut self,
        steps: &[usize],
        states: ArrayView2<'_, f32>,
        mut drifts: ArrayViewMut2<'_, f32>,
    ) -> Result<(), SampleError> {
        let Self { prior, noise, buffers, .. } = self;
        let (count, dim) = drifts.dim();
        let mut noisy = buffers.noisy.slice_mut(s![..count, ..]);
        for ((row, i), noisy) in noisy.indexed_iter_mut() {
            let level = prior.levels[steps[row]];
            *noisy = level.alpha * states[[row, i]] + level.sigma * noise[[steps[row], i]];
        }
        let mut predictions = buffers.predictions.slice_mut(s![..count, ..dim]);
        buffers.timesteps.clear();
        buffers.timesteps.extend(steps.iter().map(|step| prior.timesteps[*step]));
        let rows = Rows { states: noisy.view(), timesteps: &buffers.timesteps };
        rows.predict(self.denoiser, predictions.view_mut())?;
        for (row, mut drift) in drifts.rows_mut().into_iter().enumerate() {
            let level = prior.levels[steps[row]];
            let raw = |i: usize| prior.reading.denoised(level, noisy[[row, i]], predictions[[row, i]]);
            prior.limit.write(drift.as_slice_mut().unwrap_or_default(), raw);
        }
        Ok(())
    }
}

/// The optimiser goes on with the last x̂0; before the first, with the plan itself, as if the policy agreed with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrozenPrior;

impl<P: Recurrence> TailGuess<P> for FrozenPrior {
    fn guess(&mut self, recurrence: &P, path: &mut Path, tail: Range<usize>) {
        for step in tail {
            if step == 0 {
                path.state_to_drift(0);
            } else {
                path.freeze_drift(recurrence, step);
            }
            path.advance(recurrence, step);
        }
    }
}
