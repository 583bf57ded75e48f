//! Semilinear Picard iteration on rows spread over all the steps that are left.
//!
//! A round evaluates the first step that is not final and, evenly spaced, others up to the end; between two of them x̂0
//! is carried on by its response to the noise already drawn. So every round ends with a whole sample, good
//! enough to act on long before it is exact, and the rows draw together as the left edge moves:
//!
//! ```text
//! x_new[j+1] = advance(x_new[j]; x̂0_j + G u_j)           where j was evaluated  (Semilinear)
//!              advance(x_new[j]; the x̂0 before + G u)    between two that were
//!              advance(x_new[j]; the x̂0 before)          after the last
//! ```
//!
//! The first round, which knows no x̂0 at all, looks at the first third alone: states near the data guessed without it
//! are of no use. A warm start knows the x̂0 of the plan before, and looks at all steps at once. A state is kept while its
//! change, root mean square, moves the sample by little ([`movement::allowed`]).
//!
//! Against ParaDiGMS' criterion, which compares the change with the noise of the step, this keeps more of the first
//! steps, whose states hardly move the sample, and is as strict at the last.

use ndarray::{Array2, ArrayView2, s};

use super::{WindowConfig, movement};
use crate::diffusion::Diffusion;
use crate::method::{Method, Rows};
use crate::statistics::Statistics;
use crate::table::Table;
use crate::window::{FrozenDrift, Path, Recurrence as _, Semilinear, TailGuess as _};

/// How far, in normalised units, the sample may move at a tolerance of 1. At 0.1 nine samples in ten end within 0.005 of
/// the sequential one.
const REACH: f64 = 0.027;
/// The variance that is reckoned with where states are kept. Where two plans are still open the sample answers to a
/// change far more than in the mean, and the earlier the change, the more such forks are ahead. A larger variance is
/// stricter with the first steps.
const CAUTIOUS_VARIANCE: f64 = 0.15;
/// Share of the steps that the first round looks at.
const FIRST: f64 = 1.0 / 3.0;

pub(super) struct Picard {
    /// Rows of a round at most.
    window: usize,
    roll_out: Semilinear,
    /// Mean squared change under which a state is kept, of x_1 to x_N, `[N]`.
    allowed: Vec<f64>,
    /// Whether it began with the drifts of another sample.
    warm: bool,
    /// States up to this one are final.
    left: usize,
    /// The steps being evaluated, ascending, and their timesteps.
    asked: Vec<usize>,
    timesteps: Vec<i64>,
    /// Their states, `[window, D]`.
    states: Array2<f32>,
}

pub(super) fn method(table: &Table, config: WindowConfig, dim: usize) -> Picard {
    let allowed = movement::allowed(&movement::levels(table, CAUTIOUS_VARIANCE), REACH).into_iter();
    let window = config.window.min(table.steps());
    Picard {
        window,
        allowed: allowed.map(|change| config.tolerance * config.tolerance * change).collect(),
        roll_out: Semilinear::new(movement::levels(table, movement::VARIANCE), dim),
        warm: false,
        left: 0,
        asked: Vec::with_capacity(window),
        timesteps: Vec::with_capacity(window),
        states: Array2::zeros((window, dim)),
    }
}

impl Picard {
    /// Guesses the whole path.
    fn guess(&self, diffusion: &Diffusion<'_>, path: &mut Path) {
        if self.warm {
            (0..diffusion.steps()).for_each(|step| path.advance(diffusion, step));
        } else {
            FrozenDrift.guess(diffusion, path, 0..diffusion.steps());
        }
    }

    /// Spreads the rows of a round over the steps that are left.
    fn spread(&mut self, steps: usize) {
        let first = self.asked.is_empty() && !self.warm;
        let left = steps - self.left;
        let reach = if first { ((FIRST * steps as f64) as usize).max(self.window) } else { left };
        let rows = self.window.min(left);
        // `rows` places from 0 to `reach − 1`, rounded.
        let place = |row: usize| (2 * row * (reach - 1) + rows - 1).checked_div(2 * (rows - 1)).unwrap_or(0);
        self.asked.clear();
        self.asked.extend((0..rows).map(|row| self.left + place(row)));
    }

    /// Rolls out from the left edge to the sample.
    fn roll(&mut self, diffusion: &Diffusion<'_>, path: &mut Path) {
        self.roll_out.learn(path, self.asked.iter().copied());
        let mut asked = self.asked.iter().peekable();
        for step in self.left..diffusion.steps() {
            if asked.next_if_eq(&&step).is_some() {
                self.roll_out.correct(path, step);
            } else if asked.peek().is_some() {
                self.roll_out.carry(path, step);
            } else {
                path.freeze_drift(step);
            }
            path.advance(diffusion, step);
        }
    }

    /// Number of steps whose new states are final, from the mean squared `changes` of all states after the left edge: the
    /// first, and those after it that start from a state that has settled. The last row is as far as anything is known.
    fn accepted(&self, changes: &[f64]) -> usize {
        let last = self.asked.last().map_or(self.left, |last| *last);
        let settled = |step: &usize| {
            let (change, allowed) = (changes[step - 1 - self.left], self.allowed[step - 1]);
            // Where nothing at all may change, a step must have been evaluated.
            change < allowed || change == 0.0 && self.asked.binary_search(step).is_ok()
        };
        1 + (self.left + 1..=last).take_while(settled).count()
    }
}

impl Method for Picard {
    fn begin(&mut self, _diffusion: &Diffusion<'_>, warm: bool) {
        self.warm = warm;
        self.roll_out.forget();
        self.asked.clear();
        self.left = 0;
    }

    fn ask<'a>(&'a mut self, diffusion: &Diffusion<'a>, path: &'a mut Path) -> Rows<'a> {
        if self.asked.is_empty() {
            self.guess(diffusion, path);
        }
        self.spread(diffusion.steps());
        path.keep_evaluated(diffusion, self.left..diffusion.steps());
        self.timesteps.clear();
        for (step, mut state) in self.asked.iter().zip(self.states.rows_mut()) {
            self.timesteps.push(diffusion.table.timesteps()[*step]);
            state.iter_mut().zip(path.state(*step)).for_each(|(state, value)| *state = *value);
        }
        Rows { states: self.states.slice(s![..self.asked.len(), ..]), timesteps: &self.timesteps }
    }

    fn digest(
        &mut self,
        diffusion: &Diffusion<'_>,
        path: &mut Path,
        predictions: ArrayView2<'_, f32>,
        statistics: &mut Statistics,
    ) -> bool {
        for (row, step) in self.asked.iter().enumerate() {
            diffusion.answer(path, *step..step + 1, predictions.slice(s![row..=row, ..]));
        }
        self.roll(diffusion, path);
        let changes = path.changes(diffusion, self.left..diffusion.steps());
        let accepted = self.accepted(changes);
        statistics.trust(&changes[..accepted - 1]);
        self.left += accepted;
        self.left == diffusion.steps()
    }

    /// The path is whole after every round.
    fn complete(&mut self, _diffusion: &Diffusion<'_>, _path: &mut Path) {}
}
