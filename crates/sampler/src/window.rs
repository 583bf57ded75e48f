//! The one loop for everything that iterates in parallel over time.
//!
//! A [`Process`] is a heavy part that may be evaluated for many steps at once on guessed states, and a cheap part that
//! is rolled out in order. The loop, a Picard iteration on a sliding window (Shih et al. 2023, arXiv 2305.16317):
//!
//! ```text
//! repeat: guess the states up to the window's end
//!         drifts of the window in one batch on the current guesses
//!         roll out from the exact left edge
//!         accept the prefix whose change is small enough (at least one step); slide
//! ```
//!
//! What varies is named and separate: the [`RollOut`], the [`TailGuess`], the [`Acceptance`] test, the
//! [`WindowPolicy`].

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::statistics::Statistics;

mod acceptance;
mod level;
mod path;
mod roll_out;
mod secants;
mod semilinear;
mod tail_guess;

pub use acceptance::{Acceptance, RelativeChange};
pub use level::Level;
pub use path::Path;
pub use roll_out::{Increments, RollOut};
pub use semilinear::Semilinear;
pub use tail_guess::{CopiedState, FrozenDrift, TailGuess};

/// A sequence x_0, x_1, …, x_N in which x_{j+1} follows from x_j and the drift at (j, x_j).
pub trait Process {
    /// What a drift fails with.
    type Error;

    /// Number of steps, `N`.
    fn steps(&self) -> usize;

    /// The heavy part: drifts of the steps `window`, whose states are the rows of `states`, `[p, state width]`, into
    /// the rows of `drifts`, `[p, drift width]`.
    ///
    /// # Errors
    ///
    /// Whatever keeps a drift from being known; it ends the iteration.
    fn drift(
        &mut self,
        window: Range<usize>,
        states: ArrayView2<'_, f32>,
        drifts: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Self::Error>;

    /// The cheap part: x_{j+1} into `next` from x_j and the drifts of step `j` and of the step before.
    fn advance(&self, step: usize, state: &[f32], drift: Drift<'_>, next: &mut [f32]);
}

/// The drifts that a step may use.
#[derive(Clone, Copy, Debug)]
pub struct Drift<'a> {
    /// Of this step.
    pub current: &'a [f32],
    /// Of the step before; of this one at the first step.
    pub previous: &'a [f32],
}

/// How wide the window is.
pub trait WindowPolicy {
    /// Rows to evaluate in the next round, at least 1, where as many are left.
    fn size(&mut self) -> usize;
}

/// A window of the same width in every round.
#[derive(Clone, Copy, Debug)]
pub struct FixedWindow(pub usize);

impl WindowPolicy for FixedWindow {
    fn size(&mut self) -> usize {
        self.0
    }
}

/// The loop with its four choices made.
#[derive(Clone, Debug)]
pub struct WindowLoop<R, G, A, W> {
    /// How drifts become new states.
    pub roll_out: R,
    /// What is assumed of states that the window has not reached.
    pub tail_guess: G,
    /// Which new states are kept.
    pub acceptance: A,
    /// How wide the window is.
    pub policy: W,
}

impl<R, G, A, W> WindowLoop<R, G, A, W> {
    /// Iterates from the state `path` begins with until its last state is accepted.
    ///
    /// # Errors
    ///
    /// The first error of [`Process::drift`].
    pub fn run<P>(&mut self, process: &mut P, path: &mut Path, statistics: &mut Statistics) -> Result<(), P::Error>
    where
        P: Process,
        R: RollOut<P>,
        G: TailGuess<P>,
        A: Acceptance,
        W: WindowPolicy,
    {
        let steps = process.steps();
        self.roll_out.begin();
        let (mut left, mut known) = (0, 0);
        while left < steps {
            let right = left.saturating_add(self.policy.size().max(1)).min(steps);
            if known < right {
                self.tail_guess.guess(process, path, known..right);
                known = right;
            }
            path.evaluate(process, left..right)?;
            self.roll_out.roll(process, path, left..right);
            let changes = path.changes(left..right);
            let accepted = self.acceptance.accepted(left..right, changes).clamp(1, right - left);
            statistics.record(right - left, &changes[..accepted - 1]);
            left += accepted;
        }
        Ok(())
    }
}
