//! Sampling from a diffusion model as a recurrence: the affine row. The network, its heavy part, is called elsewhere.

use ndarray::{ArrayView1, ArrayView2};

use crate::affine_table::{Step, Table};
use crate::inpainting::Inpainting;
use crate::noise::Noise;
use crate::window::{Drift, Path, Recurrence};

/// One sample being drawn.
///
/// A state is x_j, `[D]`. A drift is x̂0_j, `[D]`, followed for DDIM with clipping or thresholding by the excess, `[D]`: the network's ε
/// less the ε re-derived from the limited x̂0.
#[derive(Clone, Copy, Debug)]
pub struct Diffusion<'a> {
    table: &'a Table,
    noise: &'a Noise,
    known: &'a Inpainting,
}

impl<'a> Diffusion<'a> {
    pub(crate) fn new(table: &'a Table, noise: &'a Noise, known: &'a Inpainting) -> Self {
        Self { table, noise, known }
    }

    /// The table by which steps are taken.
    pub fn table(&self) -> &'a Table {
        self.table
    }

    /// The sample's noise.
    pub fn noise(&self) -> &'a Noise {
        self.noise
    }

    /// Values in a drift of a sample of `dim` values.
    pub fn drift_width(table: &Table, dim: usize) -> usize {
        if table.carries_excess() { 2 * dim } else { dim }
    }

    /// Writes x_0: a path handed to a strategy has it, one of the strategy's own needs it.
    pub fn write_initial(&self, state: &mut [f32]) {
        state.iter_mut().zip(self.noise.initial()).for_each(|(state, noise)| *state = *noise);
        self.write_known(state);
    }

    /// Writes the drifts of `steps` that follow from the network's `predictions`, `[p, D]`, at the states of `path`.
    pub fn write_drifts(
        &self,
        path: &mut Path,
        steps: impl IntoIterator<Item = usize>,
        predictions: ArrayView2<'_, f32>,
    ) {
        for (step, prediction) in steps.into_iter().zip(predictions.rows()) {
            let (state, drift) = path.state_and_drift(step);
            self.write_drift(&self.table.rows()[step], state.into(), prediction, drift);
        }
    }

    /// Writes the drift of `step` that follows from the network's `prediction` at `state`.
    pub fn write_drift(
        &self,
        step: &Step,
        state: ArrayView1<'_, f32>,
        prediction: ArrayView1<'_, f32>,
        drift: &mut [f32],
    ) {
        let (denoised, excess) = drift.split_at_mut(state.len());
        let (reading, level) = (self.table.reading(), step.level());
        let raw = |i: usize| reading.denoised(level, state[i], prediction[i]);
        self.table.limit().write(denoised, raw);
        for (i, excess) in excess.iter_mut().enumerate() {
            *excess = excess_of(step, raw(i), denoised[i]);
        }
        self.known.hold(denoised, excess);
    }

    /// Writes into a state the values of the sample that are known, as far as they are held all the way.
    /// [`advance`](Recurrence::advance) does so itself.
    pub fn write_known(&self, state: &mut [f32]) {
        self.known.settle(state);
    }
}

impl Recurrence for Diffusion<'_> {
    fn steps(&self) -> usize {
        self.table.steps()
    }

    /// With an excess that leaves ε within what is likely. That of a state far off the way is large, and would be added at
    /// every step.
    fn settle(&self, step: usize, state: &[f32], drift: &mut [f32]) {
        let step = &self.table.rows()[step];
        let (denoised, excess) = drift.split_at_mut(state.len());
        if excess.is_empty() {
            return;
        }
        let most = LIKELY_NOISE * self.noise.initial().iter().fold(0.0_f32, |most, noise| most.max(noise.abs()));
        for ((excess, denoised), state) in excess.iter_mut().zip(denoised).zip(state) {
            let implied = (state - step.alpha * *denoised) / step.sigma;
            *excess = (implied + *excess).clamp(-most, most) - implied;
        }
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
        if row.earlier != 0.0 {
            next.iter_mut().zip(drift.earlier).for_each(|(next, earlier)| *next += row.earlier * earlier);
        }
        for (next, excess) in next.iter_mut().zip(excess) {
            *next += row.excess * excess;
        }
        self.write_known(next);
    }
}

/// How much larger an ε may be than the largest noise that the sample begins with.
const LIKELY_NOISE: f32 = 1.5;

/// ε − ε(x̂0) = √ᾱ (x̂0 limited − x̂0) / √(1−ᾱ).
fn excess_of(step: &Step, raw: f32, limited: f32) -> f32 {
    step.alpha * (limited - raw) / step.sigma
}
