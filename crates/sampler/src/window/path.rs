//! The buffers that an iteration over time works on.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

use super::{Drift, Recurrence};

/// States and drifts of all steps, current guesses included. All memory is taken when it is made.
#[derive(Clone, Debug)]
pub struct Path {
    /// x_0 to x_N, `[N + 1, state width]`.
    states: Array2<f32>,
    /// The states as they were when the drifts were evaluated, `[N + 1, state width]`.
    evaluated: Array2<f32>,
    /// Drift of every step, `[N, drift width]`.
    drifts: Array2<f32>,
    /// States and drifts of steps that do not follow each other, `[N, state width]` and `[N, drift width]`.
    gathered: Array2<f32>,
    gathered_drifts: Array2<f32>,
    /// Mean squared change of each new state of the window.
    changes: Vec<f64>,
}

impl Path {
    /// A path of `steps` steps.
    pub fn new(steps: usize, state_width: usize, drift_width: usize) -> Self {
        Self {
            states: Array2::zeros((steps + 1, state_width)),
            evaluated: Array2::zeros((steps + 1, state_width)),
            drifts: Array2::zeros((steps, drift_width)),
            gathered: Array2::zeros((steps, state_width)),
            gathered_drifts: Array2::zeros((steps, drift_width)),
            changes: Vec::with_capacity(steps),
        }
    }

    /// x_0 to x_N, `[N + 1, state width]`.
    pub fn states(&self) -> ArrayView2<'_, f32> {
        self.states.view()
    }

    /// x_j.
    pub fn state(&self, index: usize) -> &[f32] {
        row(&self.states, index)
    }

    /// x_j, to be written.
    pub fn state_mut(&mut self, index: usize) -> &mut [f32] {
        row_mut(&mut self.states, index)
    }

    /// x_j as it was when the drifts of the round were evaluated.
    pub fn evaluated(&self, index: usize) -> &[f32] {
        row(&self.evaluated, index)
    }

    /// The same, to be written.
    pub(crate) fn evaluated_mut(&mut self, index: usize) -> &mut [f32] {
        row_mut(&mut self.evaluated, index)
    }

    /// Drift of step `j`.
    pub fn drift(&self, step: usize) -> &[f32] {
        row(&self.drifts, step)
    }

    /// Drift of step `j`, to be written.
    pub fn drift_mut(&mut self, step: usize) -> &mut [f32] {
        row_mut(&mut self.drifts, step)
    }

    /// x_j, and the drift of step `j`, to be written.
    pub(crate) fn state_and_drift(&mut self, step: usize) -> (&[f32], &mut [f32]) {
        (row(&self.states, step), row_mut(&mut self.drifts, step))
    }

    /// The states of `steps`, ascending, `[p, state width]`: where they lie if they follow each other, else gathered.
    pub(crate) fn rows(&mut self, steps: &[usize]) -> ArrayView2<'_, f32> {
        let (first, count) = (steps[0], steps.len());
        if steps[count - 1] - first == count - 1 {
            return self.states.slice(s![first..first + count, ..]);
        }
        for (place, step) in steps.iter().enumerate() {
            row_mut(&mut self.gathered, place).copy_from_slice(row(&self.states, *step));
        }
        self.gathered.slice(s![..count, ..])
    }

    /// Has the drifts of `steps`, ascending, written by `evaluate`, which is handed their states, `[p, state width]`, and
    /// the drifts, `[p, drift width]`.
    pub(crate) fn evaluate<E>(
        &mut self,
        steps: &[usize],
        evaluate: impl FnOnce(ArrayView2<'_, f32>, ArrayViewMut2<'_, f32>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut drifts = std::mem::take(&mut self.gathered_drifts);
        let result = evaluate(self.rows(steps), drifts.slice_mut(s![..steps.len(), ..]));
        for (place, step) in steps.iter().enumerate() {
            row_mut(&mut self.drifts, *step).copy_from_slice(row(&drifts, place));
        }
        self.gathered_drifts = drifts;
        result
    }

    /// Remembers the states of the steps `window`, and the one after, as they are.
    pub(crate) fn keep_evaluated<P: Recurrence>(&mut self, recurrence: &P, window: Range<usize>) {
        for j in window.start..=window.end {
            let width = recurrence.width(j, self.states.ncols());
            row_mut(&mut self.evaluated, j)[..width].copy_from_slice(&row(&self.states, j)[..width]);
        }
    }

    /// x_{j+1} from x_j as it is.
    pub fn advance<P: Recurrence>(&mut self, recurrence: &P, step: usize) {
        let drift = drift_at(&self.drifts, step);
        let [width, next_width] = widths(recurrence, step, self.states.ncols());
        let (state, next) = pair_mut(&mut self.states, step);
        recurrence.advance(step, &state[..width], drift, &mut next[..next_width]);
    }

    /// x_{j+1} from x_j as it was when its drift was evaluated.
    pub fn advance_evaluated<P: Recurrence>(&mut self, recurrence: &P, step: usize) {
        let drift = drift_at(&self.drifts, step);
        let [width, next_width] = widths(recurrence, step, self.states.ncols());
        let (state, next) = (row(&self.evaluated, step), row_mut(&mut self.states, step + 1));
        recurrence.advance(step, &state[..width], drift, &mut next[..next_width]);
    }

    /// What x_{j+1} would be from another x_j, into `next`.
    pub(crate) fn advance_from<P: Recurrence>(&self, recurrence: &P, step: usize, state: &[f32], next: &mut [f32]) {
        recurrence.advance(step, state, drift_at(&self.drifts, step), next);
    }

    /// Copies x_j to x_{j+1}, which is filled up with zeros where it is wider.
    pub fn copy_state<P: Recurrence>(&mut self, recurrence: &P, step: usize) {
        let [width, next_width] = widths(recurrence, step, self.states.ncols());
        let (state, next) = pair_mut(&mut self.states, step);
        let shared = width.min(next_width);
        next[..shared].copy_from_slice(&state[..shared]);
        next[shared..next_width].fill(0.0);
    }

    /// Adds to x_{j+1} how x_j has changed since it was evaluated, as far as both are in use.
    pub fn add_change<P: Recurrence>(&mut self, recurrence: &P, step: usize) {
        let [width, next_width] = widths(recurrence, step, self.states.ncols());
        let evaluated = row(&self.evaluated, step);
        let (state, next) = pair_mut(&mut self.states, step);
        let shared = width.min(next_width);
        for ((next, state), evaluated) in next.iter_mut().zip(&state[..shared]).zip(evaluated) {
            *next += state - evaluated;
        }
    }

    /// Adds `shift` to the first values of the drift of step `j`, and keeps them within ±`reach`.
    pub fn shift_drift(&mut self, step: usize, shift: &[f64], reach: f32) {
        for (drift, shift) in row_mut(&mut self.drifts, step).iter_mut().zip(shift) {
            *drift = ((f64::from(*drift) + shift) as f32).clamp(-reach, reach);
        }
    }

    /// Takes the first values of x_j for the drift of step `j`.
    pub(crate) fn state_to_drift(&mut self, step: usize) {
        row_mut(&mut self.drifts, step)
            .iter_mut()
            .zip(row(&self.states, step))
            .for_each(|(drift, state)| *drift = *state);
    }

    /// Moves the drifts of every step forward by `values`, each part of `width` values on its own, and fills up by
    /// repeating the last `period` values.
    pub(crate) fn shift_drifts(&mut self, width: usize, values: usize, period: usize) {
        for part in self.drifts.as_slice_mut().unwrap_or_default().chunks_exact_mut(width) {
            let kept = width.saturating_sub(values);
            part.copy_within(width - kept.., 0);
            for i in kept.max(period)..width {
                part[i] = part[i - period];
            }
        }
    }

    /// Where step `j` was not evaluated, takes the drift of the step before.
    pub(crate) fn hold_drift_unless<P: Recurrence>(&mut self, recurrence: &P, evaluated: bool, step: usize) {
        if !evaluated {
            self.freeze_drift(recurrence, step);
        }
    }

    /// Takes the drift of the step before for that of step `j`, [settled](Recurrence::settle) at x_j; zero at the first
    /// step.
    pub fn freeze_drift<P: Recurrence>(&mut self, recurrence: &P, step: usize) {
        match step.checked_sub(1) {
            Some(before) => {
                let (last, drift) = pair_mut(&mut self.drifts, before);
                drift.copy_from_slice(last);
                recurrence.settle(step, row(&self.states, step), drift);
            }
            None => self.drift_mut(step).fill(0.0),
        }
    }

    /// Lets the drift of step `j` fit x_j, which it was not evaluated at.
    pub(crate) fn settle_drift<P: Recurrence>(&mut self, recurrence: &P, step: usize) {
        recurrence.settle(step, row(&self.states, step), row_mut(&mut self.drifts, step));
    }

    /// Mean squared change of the states after the first of the window since its drifts were evaluated, `[window]`.
    pub fn changes(&self) -> &[f64] {
        &self.changes
    }

    /// Measures the changes of the states `window.start + 1 ..= window.end`.
    pub(crate) fn measure_changes<P: Recurrence>(&mut self, recurrence: &P, window: Range<usize>) {
        self.changes.clear();
        for j in window.start + 1..=window.end {
            let compared = recurrence.compared(j, self.states.ncols());
            let (new, old) = (row(&self.states, j), row(&self.evaluated, j));
            self.changes.push(mean_squared_difference(&new[..compared], &old[..compared]));
        }
    }
}

/// In double precision, where the square of no difference between two single precision numbers vanishes.
pub(crate) fn mean_squared_difference(a: &[f32], b: &[f32]) -> f64 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    sum / a.len() as f64
}

/// Values of x_j and of x_{j+1} in use.
fn widths<P: Recurrence>(recurrence: &P, step: usize, room: usize) -> [usize; 2] {
    [step, step + 1].map(|index| recurrence.width(index, room))
}

fn drift_at(drifts: &Array2<f32>, step: usize) -> Drift<'_> {
    let [previous, earlier] = [1, 2].map(|lag| row(drifts, step.saturating_sub(lag)));
    Drift { current: row(drifts, step), previous, earlier }
}

/// Row `index` of an array in standard layout.
pub(crate) fn row(array: &Array2<f32>, index: usize) -> &[f32] {
    array.row(index).to_slice().unwrap_or_default()
}

/// Row `index` of an array in standard layout, to be written.
pub(crate) fn row_mut(array: &mut Array2<f32>, index: usize) -> &mut [f32] {
    array.row_mut(index).into_slice().unwrap_or_default()
}

/// Rows `index` and `index + 1`, the latter to be written.
fn pair_mut(array: &mut Array2<f32>, index: usize) -> (&[f32], &mut [f32]) {
    let (first, second) = array.multi_slice_mut((s![index, ..], s![index + 1, ..]));
    (first.into_slice().unwrap_or_default(), second.into_slice().unwrap_or_default())
}
