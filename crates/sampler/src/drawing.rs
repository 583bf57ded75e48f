//! One sample being drawn: a strategy at work on a path, and what came of it.

use ndarray::{ArrayView1, ArrayView2, Axis};

use crate::denoiser::Known;
use crate::diffusion::Diffusion;
use crate::error::{ConfigError, SampleError};
use crate::inpainting::Inpainting;
use crate::method::{Method, Rows};
use crate::noise::Noise;
use crate::statistics::Statistics;
use crate::strategy::Strategy;
use crate::table::Table;
use crate::window::{Path, mean_squared_difference};

/// All that a sample needs while it is drawn, but the table, the noise and the network.
pub(crate) struct Drawing {
    method: Box<dyn Method>,
    path: Path,
    statistics: Statistics,
    /// What is known of the sample.
    known: Inpainting,
    /// Whether that was said since the last sample was begun.
    told: bool,
    /// The sample as it was guessed last, `[D]`.
    guess: Vec<f32>,
    /// How far the guess moved in the last round; none once the sample is drawn.
    residual: Option<f64>,
    /// Rows of the last round.
    rows: usize,
    /// Whether the path holds a whole sample.
    whole: bool,
    /// Whether the next sample begins with the drifts of this one.
    warm: bool,
}

impl Drawing {
    /// Takes all memory for samples of `dim` values.
    pub fn new(table: &Table, strategy: Strategy, dim: usize) -> Result<Self, ConfigError> {
        if dim == 0 {
            return Err(ConfigError::out_of_range("dim", &dim, "at least 1"));
        }
        Ok(Self {
            method: strategy.method(table, dim)?,
            path: Path::new(table.steps(), dim, Diffusion::drift_width(table, dim)),
            statistics: Statistics::with_capacity(table.steps()),
            known: Inpainting::none(dim),
            told: false,
            guess: vec![0.0; dim],
            residual: None,
            rows: 0,
            whole: false,
            warm: false,
        })
    }

    /// Goes back to pure noise. `known` is held beside what is to be inpainted.
    pub fn begin(&mut self, table: &Table, noise: &Noise, known: Option<Known<'_>>) -> Result<(), SampleError> {
        let shapes = [
            ("initial_noise", "values", self.guess.len(), noise.initial().len()),
            ("step_noise", "steps", table.steps(), noise.steps().nrows()),
        ];
        if let Some((field, what, expected, found)) = shapes.into_iter().find(|(.., expected, found)| expected != found)
        {
            return Err(SampleError::NoiseShape { field, what, expected, found });
        }
        self.statistics.clear();
        self.guess.fill(0.0);
        self.residual = None;
        self.whole = false;
        if !std::mem::take(&mut self.told) {
            self.known.clear();
        }
        if let Some(known) = known {
            self.known.add(known)?;
        }
        let diffusion = Diffusion { table, noise, known: &self.known };
        diffusion.begin(self.path.state_mut(0));
        self.method.begin(&diffusion, std::mem::take(&mut self.warm));
        Ok(())
    }

    /// Holds values of the next sample.
    pub fn inpaint(&mut self, values: ArrayView1<'_, f32>, weights: ArrayView1<'_, f32>) -> Result<(), ConfigError> {
        self.known.set(values, weights)?;
        self.told = true;
        Ok(())
    }

    /// Keeps the next round to `room` rows, at least one. Returns whether there is room for it.
    pub fn narrow(&mut self, room: Option<usize>) -> bool {
        let narrowed = self.method.narrow(room.unwrap_or(1));
        room.is_some_and(|rows| narrowed || rows >= self.rows)
    }

    /// The rows that the network is to be asked next.
    pub fn ask<'a>(&'a mut self, table: &'a Table, noise: &'a Noise) -> Rows<'a> {
        self.method.ask(&Diffusion { table, noise, known: &self.known }, &mut self.path)
    }

    /// Takes in the answers, `[p, D]`; returns whether the sample is drawn.
    pub fn digest(&mut self, table: &Table, noise: &Noise, predictions: ArrayView2<'_, f32>) -> bool {
        self.rows = predictions.nrows();
        self.statistics.count(self.rows);
        let diffusion = Diffusion { table, noise, known: &self.known };
        let drawn = self.method.digest(&diffusion, &mut self.path, predictions, &mut self.statistics);
        if drawn {
            self.whole = true;
            self.residual = None;
        }
        drawn
    }

    /// Makes the path whole by guessing, and takes the change of the guess for its residual.
    pub fn complete(&mut self, table: &Table, noise: &Noise) {
        self.method.complete(&Diffusion { table, noise, known: &self.known }, &mut self.path);
        let guess = self.path.state(table.steps());
        self.residual = Some(mean_squared_difference(guess, &self.guess).sqrt());
        self.guess.copy_from_slice(guess);
        self.whole = true;
    }

    /// Takes the drifts of the sample, moved forward by `values` and filled up by repeating the last `period` values, for
    /// a guess of the next sample's; nothing, if there is no sample.
    pub fn warm_start(&mut self, values: usize, period: usize) {
        if self.whole {
            self.path.shift_drifts(self.guess.len(), values, period);
            (self.whole, self.warm) = (false, true);
        }
    }

    /// Makes the next sample begin with no guess.
    pub fn cold_start(&mut self) {
        (self.whole, self.warm) = (false, false);
    }

    /// What was drawn.
    pub fn sample(&self) -> Sample<'_> {
        Sample { trajectory: self.path.states(), statistics: &self.statistics, residual: self.residual }
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
