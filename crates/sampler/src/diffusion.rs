//! Sampling from a diffusion model as a process: the network is the heavy part, the affine row the cheap one.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

use crate::denoiser::Denoiser;
use crate::error::SampleError;
use crate::noise::Noise;
use crate::table::{Step, Table};
use crate::window::{Drift, Process};

/// One sample being drawn.
///
/// A state is x_j, `[D]`. A drift is x̂0_j, `[D]`, followed for DDIM with clipping by the excess, `[D]`: the network's ε
/// less the ε re-derived from the clipped x̂0.
pub struct Diffusion<'a> {
    table: &'a Table,
    noise: &'a Noise,
    denoiser: &'a mut dyn Denoiser,
    /// What the network said, `[N, D]`.
    predictions: &'a mut Array2<f32>,
}

impl<'a> Diffusion<'a> {
    pub(crate) fn new(
        table: &'a Table,
        noise: &'a Noise,
        denoiser: &'a mut dyn Denoiser,
        predictions: &'a mut Array2<f32>,
    ) -> Self {
        Self { table, noise, denoiser, predictions }
    }

    /// Values in a drift of a sample of `dim` values.
    pub(crate) fn drift_width(table: &Table, dim: usize) -> usize {
        if table.carries_excess() { 2 * dim } else { dim }
    }

    /// The noise that the sample is drawn with.
    pub(crate) fn noise(&self) -> &'a Noise {
        self.noise
    }

    fn predict(&mut self, window: Range<usize>, states: &ArrayView2<'_, f32>) -> Result<(), SampleError> {
        let timesteps = &self.table.timesteps()[window.clone()];
        // A denoiser that leaves rows unwritten is found out.
        let mut predictions = self.predictions.slice_mut(s![..window.len(), ..]);
        predictions.fill(f32::NAN);
        self.denoiser.predict(states.view(), timesteps, predictions.view_mut()).map_err(|source| {
            SampleError::Denoiser { first: timesteps[0], last: timesteps[window.len() - 1], source }
        })?;
        match predictions.rows().into_iter().position(|row| !row.iter().all(|value| value.is_finite())) {
            Some(row) => Err(SampleError::PredictionNotFinite { step: window.start + row, timestep: timesteps[row] }),
            None => Ok(()),
        }
    }
}

impl Process for Diffusion<'_> {
    type Error = SampleError;

    fn steps(&self) -> usize {
        self.table.steps()
    }

    fn drift(
        &mut self,
        window: Range<usize>,
        states: ArrayView2<'_, f32>,
        mut drifts: ArrayViewMut2<'_, f32>,
    ) -> Result<(), SampleError> {
        self.predict(window.clone(), &states)?;
        let dim = states.ncols();
        for (row, step) in self.table.rows()[window].iter().enumerate() {
            let (mut denoised, mut excess) = drifts.row_mut(row).split_at(ndarray::Axis(0), dim);
            for i in 0..dim {
                let raw = self.table.prediction_type().denoised(step, states[[row, i]], self.predictions[[row, i]]);
                let clipped = self.table.clip().map_or(raw, |range| raw.clamp(-range, range));
                denoised[i] = clipped;
                if !excess.is_empty() {
                    excess[i] = excess_of(step, raw, clipped);
                }
            }
        }
        Ok(())
    }

    fn advance(&self, step: usize, state: &[f32], drift: Drift<'_>, next: &mut [f32]) {
        let row = &self.table.rows()[step];
        let (denoised, excess) = drift.current.split_at(state.len());
        let noise = self.noise.steps();
        for i in 0..state.len() {
            next[i] = row.state * state[i]
                + row.denoised * denoised[i]
                + row.previous * drift.previous[i]
                + row.noise * noise[[step, i]];
        }
        for (next, excess) in next.iter_mut().zip(excess) {
            *next += row.excess * excess;
        }
    }
}

/// ε − ε(x̂0) = √ᾱ (x̂0 clipped − x̂0) / √(1−ᾱ).
fn excess_of(step: &Step, raw: f32, clipped: f32) -> f32 {
    step.alpha * (clipped - raw) / step.sigma
}
