//! A table and a strategy made ready to draw samples.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};

use crate::budget::{Budget, Spending};
use crate::denoiser::Denoiser;
use crate::diffusion::Diffusion;
use crate::error::{ConfigError, SampleError};
use crate::method::Method;
use crate::noise::Noise;
use crate::statistics::Statistics;
use crate::strategy::Strategy;
use crate::table::Table;
use crate::window::{Path, mean_squared_difference};

/// Draws samples of `dim` values. It owns every buffer: drawing a sample allocates nothing.
pub struct Sampler {
    table: Table,
    strategy: Strategy,
    method: Box<dyn Method>,
    path: Path,
    /// What the network said, `[N, D]`.
    predictions: Array2<f32>,
    statistics: Statistics,
    /// The sample as it was guessed last, `[D]`.
    guess: Vec<f32>,
    /// How far the guess moved in the last round; none once the sample is drawn.
    residual: Option<f64>,
}

impl Sampler {
    /// Makes a sampler for samples of `dim` values (`horizon * action_dim`).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `dim` or the window is 0, or the tolerance is negative or not finite.
    pub fn new(table: Table, strategy: Strategy, dim: usize) -> Result<Self, ConfigError> {
        if dim == 0 {
            return Err(ConfigError::out_of_range("dim", &dim, "at least 1"));
        }
        let steps = table.steps();
        Ok(Self {
            method: strategy.method(&table, dim)?,
            path: Path::new(steps, dim, Diffusion::drift_width(&table, dim)),
            predictions: Array2::zeros((steps, dim)),
            statistics: Statistics::with_capacity(steps),
            guess: vec![0.0; dim],
            residual: None,
            table,
            strategy,
        })
    }

    /// The table it takes steps by.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The strategy it was made with.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Values in a sample, `D`.
    pub fn dim(&self) -> usize {
        self.predictions.ncols()
    }

    /// Draws the sample that `noise` leads to.
    ///
    /// # Errors
    ///
    /// [`SampleError`] if the noise has another shape than the sampler, or if the denoiser fails or answers with values
    /// that are not finite.
    pub fn sample(&mut self, denoiser: &mut dyn Denoiser, noise: &Noise) -> Result<Sample<'_>, SampleError> {
        self.sample_within(Budget::default(), denoiser, noise)
    }

    /// Draws the sample that `noise` leads to, or the best guess of it that can be had within `budget`:
    /// [`Sample::residual`] tells which.
    ///
    /// # Errors
    ///
    /// As [`Sampler::sample`]; and if a limit of the budget is 0.
    pub fn sample_within(
        &mut self,
        budget: Budget,
        denoiser: &mut dyn Denoiser,
        noise: &Noise,
    ) -> Result<Sample<'_>, SampleError> {
        budget.validate()?;
        self.begin(noise)?;
        let mut spending = Spending::of(budget);
        while !self.round(denoiser, noise)? {
            if !budget.is_unlimited() {
                self.complete(noise);
                if spending.round_done() {
                    return Ok(self.drawn());
                }
            }
        }
        self.residual = None;
        Ok(self.drawn())
    }

    /// Goes back to pure noise.
    fn begin(&mut self, noise: &Noise) -> Result<(), SampleError> {
        self.check(noise)?;
        self.statistics.clear();
        self.path.state_mut(0).iter_mut().zip(noise.initial()).for_each(|(state, noise)| *state = *noise);
        self.guess.fill(0.0);
        self.residual = None;
        self.method.begin(&Diffusion { table: &self.table, noise });
        Ok(())
    }

    /// Asks the network once; returns whether the sample is drawn.
    fn round(&mut self, denoiser: &mut dyn Denoiser, noise: &Noise) -> Result<bool, SampleError> {
        let diffusion = Diffusion { table: &self.table, noise };
        let rows = self.method.ask(&diffusion, &mut self.path);
        let mut predictions = self.predictions.slice_mut(s![..rows.timesteps.len(), ..]);
        rows.ask(denoiser, predictions.view_mut())?;
        self.statistics.count(predictions.nrows());
        Ok(self.method.digest(&diffusion, &mut self.path, predictions.view(), &mut self.statistics))
    }

    /// Makes the path whole by guessing, and takes the change of the guess for its residual.
    fn complete(&mut self, noise: &Noise) {
        self.method.complete(&Diffusion { table: &self.table, noise }, &mut self.path);
        let guess = self.path.state(self.table.steps());
        self.residual = Some(mean_squared_difference(guess, &self.guess).sqrt());
        self.guess.copy_from_slice(guess);
    }

    fn drawn(&self) -> Sample<'_> {
        Sample { trajectory: self.path.states(), statistics: &self.statistics, residual: self.residual }
    }

    fn check(&self, noise: &Noise) -> Result<(), SampleError> {
        let shapes = [
            ("initial_noise", "values", self.dim(), noise.initial().len()),
            ("step_noise", "steps", self.table.steps(), noise.steps().nrows()),
        ];
        match shapes.into_iter().find(|(.., expected, found)| expected != found) {
            Some((field, what, expected, found)) => Err(SampleError::NoiseShape { field, what, expected, found }),
            None => Ok(()),
        }
    }
}

/// A sample, borrowed from the sampler that drew it.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    trajectory: ArrayView2<'a, f32>,
    statistics: &'a Statistics,
    residual: Option<f64>,
}

impl<'a> Sample<'a> {
    /// x_0 to x_N, `[N + 1, D]`.
    pub fn trajectory(&self) -> ArrayView2<'a, f32> {
        self.trajectory
    }

    /// x_N, `[D]`.
    pub fn sample(&self) -> ArrayView1<'a, f32> {
        self.trajectory.index_axis_move(Axis(0), self.trajectory.nrows() - 1)
    }

    /// How far the guess of the sample moved in the last round (root mean square over its values, normalised units), if
    /// the budget was spent before the sample was drawn; none if it was drawn to its end.
    pub fn residual(&self) -> Option<f64> {
        self.residual
    }

    /// What it took.
    pub fn statistics(&self) -> &'a Statistics {
        self.statistics
    }
}
