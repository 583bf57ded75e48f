//! A strategy at work: a dialogue with the network.
//!
//! A strategy does not call the network. It names the rows that it wants evaluated and takes the answers in, so that
//! whoever drives it may stop between two rounds, or ask for the rows of many plans in one batch.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, s};

use crate::denoiser::Denoiser;
use crate::diffusion::Diffusion;
use crate::error::SampleError;
use crate::statistics::Statistics;
use crate::table::Table;
use crate::window::{Acceptance, Path, RollOut, TailGuess, WindowLoop, WindowPolicy};

/// What the network is to be asked next.
pub(crate) struct Rows<'a> {
    /// One noisy action sequence a row, `[p, D]`, contiguous.
    pub states: ArrayView2<'a, f32>,
    /// One training timestep a row, `[p]`.
    pub timesteps: &'a [i64],
}

impl<'a> Rows<'a> {
    /// The steps `window` on the states of `path`, where they lie.
    pub fn of_path(table: &'a Table, path: &'a Path, window: Range<usize>) -> Self {
        Self { timesteps: &table.timesteps()[window.clone()], states: path.states().slice_move(s![window, ..]) }
    }

    /// Asks `denoiser` and writes its answers, `[p, D]`; one that leaves values unwritten, or writes some that are not
    /// finite, is found out.
    pub fn ask(&self, denoiser: &mut dyn Denoiser, mut predictions: ArrayViewMut2<'_, f32>) -> Result<(), SampleError> {
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

/// A strategy made ready for one table: it owns every buffer it needs beside the path.
pub(crate) trait Method: Send {
    /// Begins a sample; `path` has its first state. If it is `warm`, the drifts of `path` are a guess of the sample's, to
    /// be used or not.
    fn begin(&mut self, diffusion: &Diffusion<'_>, warm: bool);

    /// Keeps to at most `rows` rows a round until the next beginning. Returns whether it can: the rounds of some are as
    /// large as they are.
    fn narrow(&mut self, _rows: usize) -> bool {
        false
    }

    /// The rows to be evaluated next: one, and at most as many as the table has steps.
    fn ask<'a>(&'a mut self, diffusion: &Diffusion<'a>, path: &'a mut Path) -> Rows<'a>;

    /// Takes in the `predictions`, `[p, D]`, for the rows that it asked for; returns whether the last state of `path` is
    /// the sample.
    fn digest(
        &mut self,
        diffusion: &Diffusion<'_>,
        path: &mut Path,
        predictions: ArrayView2<'_, f32>,
        statistics: &mut Statistics,
    ) -> bool;

    /// Makes the last state of `path` the best guess of the sample that can be had without the network. The dialogue
    /// may go on afterwards.
    fn complete(&mut self, diffusion: &Diffusion<'_>, path: &mut Path);
}

/// Most strategies are the window loop with four choices made.
pub(crate) struct Windowed<R, G, A, W> {
    iteration: WindowLoop<R, G, A, W>,
    timesteps: Vec<i64>,
}

impl<R, G, A, W> Windowed<R, G, A, W> {
    /// Makes `iteration` a method for tables of `steps` steps.
    pub fn new(mut iteration: WindowLoop<R, G, A, W>, steps: usize) -> Self {
        iteration.reserve(steps);
        Self { iteration, timesteps: Vec::with_capacity(steps) }
    }
}

impl<R, G, A, W> Method for Windowed<R, G, A, W>
where
    R: for<'a> RollOut<Diffusion<'a>> + Send,
    G: for<'a> TailGuess<Diffusion<'a>> + Send,
    A: Acceptance + Send,
    W: WindowPolicy + Send,
{
    fn begin(&mut self, _diffusion: &Diffusion<'_>, warm: bool) {
        self.iteration.begin::<Diffusion<'_>>(warm);
    }

    fn narrow(&mut self, rows: usize) -> bool {
        self.iteration.narrow(rows);
        true
    }

    fn ask<'a>(&'a mut self, diffusion: &Diffusion<'a>, path: &'a mut Path) -> Rows<'a> {
        let asked = self.iteration.window(diffusion, path).asked();
        self.timesteps.clear();
        self.timesteps.extend(asked.iter().map(|step| diffusion.table.timesteps()[*step]));
        Rows { states: path.rows(asked), timesteps: &self.timesteps }
    }

    fn digest(
        &mut self,
        diffusion: &Diffusion<'_>,
        path: &mut Path,
        predictions: ArrayView2<'_, f32>,
        statistics: &mut Statistics,
    ) -> bool {
        diffusion.answer(path, self.iteration.asked().iter().copied(), predictions);
        self.iteration.digest(diffusion, path, statistics)
    }

    fn complete(&mut self, diffusion: &Diffusion<'_>, path: &mut Path) {
        self.iteration.complete(diffusion, path);
    }
}
