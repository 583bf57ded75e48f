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
    }

    /// Adds what `plan` asks for.
    pub fn push(&mut self, plan: usize, rows: Rows<'_>) {
        let first = self.len();
        self.timesteps.extend_from_slice(rows.timesteps);
        self.plans.resize(self.timesteps.len(), plan);
        self.states.slice_mut(s![first..self.plans.len(), ..]).assign(&rows.states);
    }

    /// One call of the network.
    pub fn predict(&mut self, denoiser: &mut dyn BatchedDenoiser) -> Result<(), SampleError> {
        let rows = self.len();
        let mut predictions = self.predictions.slice_mut(s![..rows, ..]);
        predictions.fill(f32::NAN);
        denoiser
            .predict_batched(&self.plans, self.states.slice(s![..rows, ..]), &self.timesteps, predictions.view_mut())
            .map_err(|source| SampleError::BatchedDenoiser { rows, source })?;
        match first_not_finite(predictions.view()) {
            Some(row) => {
                Err(SampleError::PredictionNotFinite { timestep: self.timesteps[row] }.of_plan(self.plans[row]))
            }
            None => Ok(()),
        }
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
    /// The rows of `plan`, `[p, D]`, which come next.
    pub fn next_of(&mut self, plan: usize) -> ArrayView2<'a, f32> {
        let first = self.read;
        self.read += self.batch.plans[first..].iter().take_while(|&&other| other == plan).count();
        self.batch.predictions.slice(s![first..self.read, ..])
    }
}
