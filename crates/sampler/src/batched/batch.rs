//! The rows that several plans want evaluated in one call of the network.

use ndarray::{Array2, ArrayView2, s};

use super::BatchedDenoiser;
use crate::error::SampleError;
use crate::strategy::{Rows, first_not_finite};

/// The rows of one call, gathered from all plans.
pub(super) struct Batch {
    /// The plan that each row belongs to.
    plans: Vec<usize>,
    timesteps: Vec<f32>,
    /// Rows that the plans asked for; those after them are padding.
    asked: usize,
    /// `[most rows, D]`.
    states: Array2<f32>,
    /// `[most rows, D]`.
    predictions: Array2<f32>,
}

impl Batch {
    /// Takes all memory for up to `rows` rows.
    pub fn new(rows: usize, dim: usize) -> Self {
        Self {
            plans: Vec::with_capacity(rows),
            timesteps: Vec::with_capacity(rows),
            asked: 0,
            states: Array2::zeros((rows, dim)),
            predictions: Array2::zeros((rows, dim)),
        }
    }

    pub fn dim(&self) -> usize {
        self.states.ncols()
    }

    pub fn len(&self) -> usize {
        self.plans.len()
    }

    pub fn clear(&mut self) {
        self.plans.clear();
        self.timesteps.clear();
        self.asked = 0;
    }

    /// Adds what `plan` asks for.
    pub fn push(&mut self, plan: usize, rows: Rows<'_>) {
        let first = self.len();
        self.timesteps.extend_from_slice(rows.timesteps);
        self.plans.resize(self.timesteps.len(), plan);
        self.asked = self.plans.len();
        self.states.slice_mut(s![first..self.plans.len(), ..]).assign(&rows.states);
    }

    /// Repeats the last row, if there is one, until there are `fewest`.
    pub fn pad(&mut self, fewest: usize) {
        let Some(last) = self.asked.checked_sub(1) else { return };
        for row in self.len()..fewest {
            self.plans.push(self.plans[last]);
            self.timesteps.push(self.timesteps[last]);
            let (from, mut to) = self.states.multi_slice_mut((s![last, ..], s![row, ..]));
            to.assign(&from);
        }
    }

    /// One call of the network.
    pub fn call(&mut self, denoiser: &mut dyn BatchedDenoiser) -> Result<(), SampleError> {
        let rows = self.len();
        let mut predictions = self.predictions.slice_mut(s![..rows, ..]);
        predictions.fill(f32::NAN);
        denoiser
            .predict_batched(&self.plans, self.states.slice(s![..rows, ..]), &self.timesteps, predictions.view_mut())
            .map_err(|source| SampleError::BatchedDenoiser { rows, source })
    }

    /// One call of the network, whose predictions are finite.
    pub fn predict(&mut self, denoiser: &mut dyn BatchedDenoiser) -> Result<(), SampleError> {
        self.call(denoiser)?;
        match first_not_finite(self.predictions.slice(s![..self.len(), ..])) {
            Some(row) => {
                Err(SampleError::PredictionNotFinite { timestep: self.timesteps[row] }.of_plan(self.plans[row]))
            }
            None => Ok(()),
        }
    }

    /// The timestep of a row.
    pub fn timestep(&self, row: usize) -> f32 {
        self.timesteps[row]
    }

    pub fn predictions(&self) -> Predictions<'_> {
        Predictions { batch: self, read: 0 }
    }
}

/// The predictions for a batch, handed out plan by plan.
pub(super) struct Predictions<'a> {
    batch: &'a Batch,
    read: usize,
}

impl<'a> Predictions<'a> {
    /// How many rows were read.
    pub fn position(&self) -> usize {
        self.read
    }

    /// The rows of `plan`, `[p, D]`, which come next.
    pub fn next_of(&mut self, plan: usize) -> ArrayView2<'a, f32> {
        let first = self.read;
        self.read += self.batch.plans[first..self.batch.asked].iter().take_while(|&&other| other == plan).count();
        self.batch.predictions.slice(s![first..self.read, ..])
    }
}
