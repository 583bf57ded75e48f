//! One sample being drawn: a strategy at work on a path.

use ndarray::{ArrayView1, ArrayView2};

use crate::affine_table::Table;
use crate::denoiser::Known;
use crate::error::{ConfigError, SampleError};
use crate::inpainting::Inpainting;
use crate::noise::Noise;
use crate::sample::{Ended, Sample};
use crate::statistics::Statistics;
use crate::strategy::{Diffusion, Method, Rows, Strategy};
use crate::window::{Path, mean_squared_difference};

/// All that a sample needs while it is drawn, but the table, the noise and the network.
pub(crate) struct Drawing {
    method: Box<dyn Method>,
    path: Path,
    statistics: Statistics,
    /// What is known of the sample.
    known: Inpainting,
    /// Whether [`inpaint`](Self::inpaint) was called since the last sample was begun.
    inpainted: bool,
    /// The sample as it was guessed last, `[D]`.
    guess: Vec<f32>,
    /// How far the guess moved in the last round; none once the sample is drawn.
    residual: Option<f64>,
    /// Why it ended.
    ended: Ended,
    /// Rows of the last round.
    rows: usize,
    /// Whether the path holds a whole sample.
    whole: bool,
    /// Whether the next sample begins with the drifts of this one.
    warm: bool,
}

/// The most values that a plan may have over all its steps: several arrays of that many are kept, 256 MiB each. A
/// thousand steps of 64 actions of 1000 joints, say.
const MOST_VALUES: usize = 1 << 26;

/// Refuses plans of more values than can be kept.
pub(crate) fn check_values(plans: usize, steps: usize, dim: usize) -> Result<(), ConfigError> {
    let values = plans.saturating_mul(steps).saturating_mul(dim);
    if values <= MOST_VALUES {
        return Ok(());
    }
    let most = MOST_VALUES / steps.saturating_mul(dim).max(1);
    if most == 0 {
        let expected = format!("at most {} for plans of {dim} values", MOST_VALUES / dim.max(1));
        return Err(ConfigError::out_of_range("steps", &steps, expected));
    }
    let expected = format!("at most {most} for {steps} steps of plans of {dim} values");
    Err(ConfigError::out_of_range("plans", &plans, expected))
}

impl Drawing {
    /// Takes all memory for samples of `dim` values.
    pub fn new(table: &Table, strategy: Strategy, dim: usize) -> Result<Self, ConfigError> {
        if dim == 0 {
            return Err(ConfigError::out_of_range("dim", &dim, "at least 1"));
        }
        check_values(1, table.steps(), dim)?;
        Ok(Self {
            method: strategy.method(table, dim)?,
            path: Path::new(table.steps(), dim, Diffusion::drift_width(table, dim)),
            statistics: Statistics::with_capacity(table.steps()),
            known: Inpainting::none(dim),
            inpainted: false,
            guess: vec![0.0; dim],
            residual: None,
            ended: Ended::Drawn,
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
        self.ended = Ended::Drawn;
        self.whole = false;
        if !std::mem::take(&mut self.inpainted) {
            self.known.clear();
        }
        if let Some(known) = known {
            self.known.add(known)?;
        }
        let diffusion = Diffusion::new(table, noise, &self.known);
        diffusion.write_initial(self.path.state_mut(0));
        self.method.begin(&diffusion, std::mem::take(&mut self.warm));
        Ok(())
    }

    /// Holds values of the next sample.
    pub fn inpaint(&mut self, values: ArrayView1<'_, f32>, weights: ArrayView1<'_, f32>) -> Result<(), ConfigError> {
        self.known.set(values, weights)?;
        self.inpainted = true;
        Ok(())
    }

    /// Limits the next round to the rows for which there is `room`, at least one. An error is why there can be no next
    /// round: there is no room, or the strategy cannot be limited.
    pub fn limit_rows(&mut self, room: Result<usize, Ended>) -> Result<(), Ended> {
        let limited = self.method.limit_rows(room.unwrap_or(1));
        if limited || room? >= self.rows { room.map(|_| ()) } else { Err(Ended::OutOfTime) }
    }

    /// Ends the sample before it is drawn.
    pub fn stop(&mut self, reason: Ended) {
        self.ended = reason;
    }

    /// Ends the sample with the guess of the last round, whatever the strategy has written for the next one since.
    pub fn fail(&mut self, table: &Table) {
        self.path.state_mut(table.steps()).copy_from_slice(&self.guess);
        self.ended = Ended::Failed;
    }

    /// The rows that the network is to evaluate next.
    pub fn ask<'a>(&'a mut self, table: &'a Table, noise: &'a Noise) -> Result<Rows<'a>, SampleError> {
        let dim = self.guess.len();
        self.method.ask(&Diffusion::new(table, noise, &self.known), &mut self.path).check(table.steps(), dim)
    }

    /// Takes in the predictions, `[p, D]`; returns whether the sample is drawn.
    pub fn tell(&mut self, table: &Table, noise: &Noise, predictions: ArrayView2<'_, f32>) -> bool {
        self.rows = predictions.nrows();
        self.statistics.count(self.rows);
        let diffusion = Diffusion::new(table, noise, &self.known);
        let drawn = self.method.tell(&diffusion, &mut self.path, predictions, &mut self.statistics);
        if drawn {
            self.whole = true;
            self.residual = None;
        }
        drawn
    }

    /// Makes the path whole by guessing, and takes the change of the guess for its residual.
    pub fn complete(&mut self, table: &Table, noise: &Noise) {
        self.method.complete(&Diffusion::new(table, noise, &self.known), &mut self.path);
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
        Sample {
            trajectory: self.path.states(),
            statistics: &self.statistics,
            residual: self.residual,
            ended: self.ended,
        }
    }
}
