//! Refinement: a plan descends a penalty, with the diffusion model as prior.
//!
//! The optimiser's path is a process like any other (Zhou et al. 2023, arXiv 2311.17082), so the window loop takes several of
//! its steps at once: the heavy part is the network ([`distillation`]), and the cheap part is Adam's update.

use ndarray::{Array2, ArrayView1};

use crate::config::SchedulerConfig;
use crate::denoiser::Denoiser;
use crate::error::{ConfigError, SampleError};
use crate::noise::Noise;
use crate::statistics::Statistics;
use crate::strategy::WindowConfig;
use crate::window::{Adam, AdaptiveThreshold, Direct, FixedWindow, Path, WindowLoop};

mod distillation;
use distillation::{Buffers, Distillation, FrozenPrior, Prior};

/// A penalty that a refined plan makes small while it stays likely under the policy.
pub trait Penalty {
    /// Adds the penalty's gradient at `plan`, `[D]`, normalised and flattened as the denoiser's rows, to `gradient`,
    /// `[D]`. The policy's pull, a − x̂0, is there already.
    fn add_gradient(&self, plan: &[f32], gradient: &mut [f32]);
}

/// How plans are refined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RefinerConfig {
    /// Adam's steps, each one evaluation of the network, at least 1.
    pub steps: usize,
    /// Steps evaluated in one batch, and the largest root-mean-square change of a plan at which it is accepted, in
    /// normalised units. At window 1 the optimiser is serial; at tolerance 0 its plan is the serial one to the bit.
    pub window: WindowConfig,
}

impl Default for RefinerConfig {
    fn default() -> Self {
        Self { steps: 50, window: WindowConfig { window: 16, tolerance: 0.02 } }
    }
}

/// γ of [`AdaptiveThreshold`].
const DECAY: f64 = 0.9;

/// Most values over all steps of the optimiser, for which a refiner holds several buffers.
const MOST: usize = 1 << 24;

type RefineLoop = WindowLoop<Direct, FrozenPrior, AdaptiveThreshold, FixedWindow>;

/// Refines plans of `dim` values. It owns every buffer.
pub struct Refiner {
    prior: Prior,
    config: RefinerConfig,
    window_loop: RefineLoop,
    path: Path,
    buffers: Buffers,
    statistics: Statistics,
}

/// A refined plan, borrowed from the refiner.
#[derive(Clone, Copy, Debug)]
pub struct RefinedSample<'a> {
    plan: &'a [f32],
    statistics: &'a Statistics,
}

impl<'a> RefinedSample<'a> {
    /// The plan, `[D]`, normalised.
    pub fn plan(&self) -> ArrayView1<'a, f32> {
        self.plan.into()
    }

    /// What it took.
    pub fn statistics(&self) -> &'a Statistics {
        self.statistics
    }
}

impl Refiner {
    /// A refiner of plans of `dim` values for a network trained under `scheduler`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the scheduler's configuration is not valid; if `steps`, `dim` or the window is 0; if
    /// there are more steps than fit into memory; if the tolerance is negative or not finite.
    pub fn new(scheduler: &SchedulerConfig, config: RefinerConfig, dim: usize) -> Result<Self, ConfigError> {
        let RefinerConfig { steps, window } = config;
        for (field, value) in [("steps", steps), ("dim", dim)] {
            if value == 0 {
                return Err(ConfigError::out_of_range(field, &value, "at least 1"));
            }
        }
        window.settings().validate()?;
        let most = MOST / Adam::width(1).saturating_mul(dim).clamp(1, MOST);
        if steps > most {
            return Err(ConfigError::out_of_range(
                "steps",
                &steps,
                format!("at most {most} for plans of {dim} values"),
            ));
        }
        let acceptance = AdaptiveThreshold::new(DECAY, window.tolerance.powi(2));
        Ok(Self {
            prior: Prior::new(scheduler, steps)?,
            config,
            window_loop: WindowLoop::new(Direct, FrozenPrior, acceptance, FixedWindow(window.window)),
            path: Path::new(steps, Adam::width(dim), dim),
            buffers: Buffers {
                noisy: Array2::zeros((steps, dim)),
                predictions: Array2::zeros((steps, dim)),
                timesteps: Vec::with_capacity(steps),
            },
            statistics: Statistics::with_capacity(steps),
        })
    }

    /// Steps, window and tolerance.
    pub fn config(&self) -> RefinerConfig {
        self.config
    }

    /// Values in a plan, `D`.
    pub fn dim(&self) -> usize {
        self.buffers.noisy.ncols()
    }

    /// Refines `plan`, `[D]`, normalised. Of `noise`, one row is used a step.
    ///
    /// # Errors
    ///
    /// [`SampleError`] if plan or noise have another shape than the refiner, if the denoiser fails or predicts
    /// values that are not finite, or if the penalty's gradient leads to such a plan.
    pub fn refine(
        &mut self,
        denoiser: &mut dyn Denoiser,
        plan: ArrayView1<'_, f32>,
        penalty: &dyn Penalty,
        noise: &Noise,
    ) -> Result<RefinedSample<'_>, SampleError> {
        self.check(plan.len(), noise)?;
        let (steps, dim) = (self.config.steps, self.dim());
        self.statistics.clear();
        let (parameters, moments) = self.path.state_mut(0).split_at_mut(dim);
        parameters.iter_mut().zip(plan).for_each(|(state, plan)| *state = *plan);
        moments.fill(0.0);
        let noise = noise.steps();
        let mut process = Distillation { prior: &self.prior, noise, penalty, denoiser, buffers: &mut self.buffers };
        self.window_loop.run(&mut process, &mut self.path, &mut self.statistics)?;
        let plan = &self.path.state(steps)[..dim];
        if !plan.iter().all(|value| value.is_finite()) {
            return Err(SampleError::Diverged);
        }
        Ok(RefinedSample { plan, statistics: &self.statistics })
    }

    fn check(&self, plan: usize, noise: &Noise) -> Result<(), SampleError> {
        let shapes = [
            ("plan", "values", self.dim(), plan),
            ("step_noise", "values a step", self.dim(), noise.steps().ncols()),
            ("step_noise", "steps", self.config.steps, noise.steps().nrows()),
        ];
        match shapes.into_iter().find(|(.., expected, found)| expected != found) {
            Some((field, what, expected, found)) => Err(SampleError::NoiseShape { field, what, expected, found }),
            None => Ok(()),
        }
    }
}
