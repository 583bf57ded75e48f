//! What the network is to evaluate next.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, s};

use crate::affine_table::Table;
use crate::denoiser::Denoiser;
use crate::error::SampleError;
use crate::window::Path;

/// The rows that a strategy wants evaluated in one batch.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// One noisy action sequence a row, `[p, D]`, contiguous.
    pub states: ArrayView2<'a, f32>,
    /// One training timestep a row, `[p]`.
    pub timesteps: &'a [f32],
}

impl<'a> Rows<'a> {
    /// The steps `window` of `table` at the states of `path`, without a copy.
    pub fn of_path(table: &'a Table, path: &'a Path, window: Range<usize>) -> Self {
        Self { timesteps: &table.timesteps()[window.clone()], states: path.states().slice_move(s![window, ..]) }
    }

    /// Checks that there are 1 to `most` rows of `dim` values, each with a timestep.
    pub(crate) fn check(self, most: usize, dim: usize) -> Result<Self, SampleError> {
        let (rows, values) = self.states.dim();
        let whole = values == dim && rows == self.timesteps.len() && self.states.is_standard_layout();
        if whole && (1..=most).contains(&rows) {
            return Ok(self);
        }
        Err(SampleError::Rows { rows, values, timesteps: self.timesteps.len(), most, dim })
    }

    /// Has `denoiser` predict them into `predictions`, `[p, D]`; one that leaves values unwritten, or writes some that are
    /// not finite, is an error.
    pub(crate) fn predict(
        &self,
        denoiser: &mut dyn Denoiser,
        mut predictions: ArrayViewMut2<'_, f32>,
    ) -> Result<(), SampleError> {
        predictions.fill(f32::NAN);
        let (first, last) = (self.timesteps[0], self.timesteps[self.timesteps.len() - 1]);
        denoiser
            .predict(self.states, self.timesteps, predictions.view_mut())
            .map_err(|source| SampleError::Denoiser { first, last, source })?;
        match first_not_finite(predictions.view()) {
            Some(row) => Err(SampleError::PredictionNotFinite { timestep: self.timesteps[row] }),
            None => Ok(()),
        }
    }
}

/// The first row that holds NaN or infinity.
pub(crate) fn first_not_finite(predictions: ArrayView2<'_, f32>) -> Option<usize> {
    predictions.rows().into_iter().position(|row| !row.iter().all(|value| value.is_finite()))
}
