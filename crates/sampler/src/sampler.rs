//! A table and a strategy made ready to draw samples.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

use crate::denoiser::Denoiser;
use crate::diffusion::Diffusion;
use crate::error::{ConfigError, SampleError};
use crate::noise::Noise;
use crate::statistics::Statistics;
use crate::strategy::{Method, Strategy};
use crate::table::Table;
use crate::window::Path;

/// Draws samples of `dim` values. It owns every buffer: drawing a sample allocates nothing.
pub struct Sampler {
    table: Table,
    strategy: Strategy,
    method: Box<dyn Method>,
    path: Path,
    predictions: Array2<f32>,
    statistics: Statistics,
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
        self.check(noise)?;
        self.statistics.clear();
        self.path.state_mut(0).iter_mut().zip(noise.initial()).for_each(|(state, noise)| *state = *noise);
        let mut process = Diffusion::new(&self.table, noise, denoiser, &mut self.predictions);
        self.method.run(&mut process, &mut self.path, &mut self.statistics)?;
        Ok(Sample { trajectory: self.path.states(), statistics: &self.statistics })
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

    /// What it took.
    pub fn statistics(&self) -> &'a Statistics {
        self.statistics
    }
}
