//! A table and a strategy made ready to draw samples.

use ndarray::{Array2, ArrayView1, s};

use crate::affine_table::Table;
use crate::budget::{Budget, RoundCost, Spending};
use crate::denoiser::Denoiser;
use crate::drawing::Drawing;
use crate::error::{ConfigError, SampleError};
use crate::noise::Noise;
use crate::sample::Sample;
use crate::strategy::Strategy;

/// Is called with a sample, `[D]`, after every round.
type Observer<'a> = &'a mut dyn FnMut(ArrayView1<'_, f32>);

/// Draws samples of `dim` values. It owns every buffer: drawing a sample allocates nothing.
pub struct Sampler {
    table: Table,
    strategy: Strategy,
    drawing: Drawing,
    /// The network's predictions, `[N, D]`.
    predictions: Array2<f32>,
    round_cost: RoundCost,
}

impl Sampler {
    /// Makes a sampler for samples of `dim` values (`horizon * action_dim`).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `dim` or the window is 0, if the tolerance is negative or not finite, or if the strategy is not
    /// defined for the table's solver.
    pub fn new(table: Table, strategy: Strategy, dim: usize) -> Result<Self, ConfigError> {
        let drawing = Drawing::new(&table, strategy, dim)?;
        let predictions = Array2::zeros((table.steps(), dim));
        Ok(Self { table, strategy, drawing, predictions, round_cost: RoundCost::default() })
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

    /// Begins the next sample with what the last one ended with: its x̂0 at every step, moved forward by `values` and
    /// filled up by repeating the last `period` values. For consecutive plans of a control loop `values` is the executed
    /// actions times `period`, and `period` the length of an action; noise moved alike ([`Noise::shift`]) goes with it.
    ///
    /// A guess changes what a sample costs, not what it is, up to the tolerance. `picard` makes use of it; the other
    /// strategies ignore it. Before the first sample it does nothing.
    pub fn warm_start(&mut self, values: usize, period: usize) {
        self.drawing.warm_start(values, period);
    }

    /// Forgets the last sample: a warm start before the next one does nothing.
    pub fn cold_start(&mut self) {
        self.drawing.cold_start();
    }

    /// Holds values of the next sample: in every step x̂0 becomes x̂0 + w (known − x̂0), so where the weight is 1 the sample
    /// has the known value, to the bit, in every state, and the values around are drawn to go with it. For consecutive plans of a control
    /// loop these are the actions that will have been executed by the time the plan is ready (real-time chunking, Black et
    /// al. 2025, arXiv 2506.07339, there by a gradient). Both are `[D]`; a weight is from 0, not held, to 1.
    ///
    /// It works in every strategy, and costs nothing. The sample is not one from the network's distribution given the known
    /// values, only nearer to it (Janner et al. 2022, arXiv 2205.09991, show a network known values in the same way).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a length is not the sample's, a value not finite, or a weight outside of [0, 1]; what was held
    /// before still is.
    pub fn inpaint(&mut self, values: ArrayView1<'_, f32>, weights: ArrayView1<'_, f32>) -> Result<(), ConfigError> {
        self.drawing.inpaint(values, weights)
    }

    /// Draws the sample that `noise` leads to.
    ///
    /// # Errors
    ///
    /// [`SampleError`] if the noise has another shape than the sampler, or if the denoiser fails or predicts values
    /// that are not finite.
    pub fn sample(&mut self, denoiser: &mut dyn Denoiser, noise: &Noise) -> Result<Sample<'_>, SampleError> {
        self.sample_within(Budget::default(), denoiser, noise)
    }

    /// Draws the sample that `noise` leads to, or the best guess of it that can be had within `budget`:
    /// [`Sample::ended`] tells which.
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
        self.draw(budget, denoiser, noise, &mut None)
    }

    /// Draws as [`Sampler::sample_within`] does, and calls `observer` after every round with what the sample would be if
    /// that round were the last one, `[D]`. The sample is the same; the last call is made with it.
    ///
    /// # Errors
    ///
    /// As [`Sampler::sample_within`].
    pub fn sample_observed(
        &mut self,
        budget: Budget,
        denoiser: &mut dyn Denoiser,
        noise: &Noise,
        observer: Observer<'_>,
    ) -> Result<Sample<'_>, SampleError> {
        self.draw(budget, denoiser, noise, &mut Some(observer))
    }

    fn draw(
        &mut self,
        budget: Budget,
        denoiser: &mut dyn Denoiser,
        noise: &Noise,
        observer: &mut Option<Observer<'_>>,
    ) -> Result<Sample<'_>, SampleError> {
        budget.validate()?;
        self.drawing.begin(&self.table, noise, denoiser.known())?;
        let mut spending = Spending::of(budget);
        // One round is made in any case.
        let _ = self.drawing.limit_rows(spending.room(&self.round_cost));
        loop {
            let rows = self.drawing.ask(&self.table, noise)?;
            let count = rows.timesteps.len();
            let mut predictions = self.predictions.slice_mut(s![..count, ..]);
            if let Err(error) = rows.predict(denoiser, predictions.view_mut()) {
                if !spending.keeps(&error) {
                    return Err(error);
                }
                self.drawing.fail(&self.table);
                break;
            }
            let drawn = self.drawing.tell(&self.table, noise, predictions.view());
            if !drawn && (observer.is_some() || !budget.is_unlimited()) {
                self.drawing.complete(&self.table, noise);
            }
            if let Some(observer) = observer {
                observer(self.drawing.sample().sample());
            }
            if drawn {
                break;
            }
            if !budget.is_unlimited() {
                spending.round_done(&mut self.round_cost, count);
                if let Err(reason) = self.drawing.limit_rows(spending.room(&self.round_cost)) {
                    self.drawing.stop(reason);
                    break;
                }
            }
        }
        Ok(self.drawing.sample())
    }
}
