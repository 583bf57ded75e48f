//! The one loop for everything that iterates in parallel over time.
//!
//! A [`Process`] is an expensive part that may be evaluated for many steps at once on guessed states, and a cheap part, its
//! [`Recurrence`], that is rolled out in order. The loop, a Picard iteration on a sliding window (Shih et al. 2023, arXiv 2305.16317):
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

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::statistics::Statistics;

mod acceptance;
mod adam;
mod adaptive_threshold;
mod cholesky;
mod estimated_error;
mod level;
mod path;
mod policy;
mod roll_out;
mod secants;
mod semilinear;
mod tail_guess;

pub use acceptance::{Acceptance, RelativeChange};
pub use adam::Adam;
pub use adaptive_threshold::AdaptiveThreshold;
pub use estimated_error::{Affine, EstimatedError};
pub use level::Level;
pub use path::Path;
pub(crate) use path::{mean_squared_difference, row, row_mut};
pub use policy::{FixedWindow, Round, Spread, Window, WindowPolicy};
pub use roll_out::{Direct, Increments, RollOut};
pub use semilinear::Semilinear;
pub use tail_guess::{CopiedState, FrozenDrift, TailGuess};

/// The cheap part of a process: a sequence x_0, x_1, …, x_N in which x_{j+1} follows from x_j and the drift at (j, x_j).
pub trait Recurrence {
    /// Number of steps, `N`.
    fn steps(&self) -> usize;

    /// x_{j+1} into `next` from x_j and the drifts of step `j` and of the step before.
    fn advance(&self, step: usize, state: &[f32], drift: Drift<'_>, next: &mut [f32]);

    /// Keeps a drift that was evaluated at another state, or another step, within what is likely at step `j` and x_j.
    fn settle(&self, _step: usize, _state: &[f32], _drift: &mut [f32]) {}

    /// Values of x_j that are in use, at the front of a row with room for `room`: all, unless states grow and shrink on
    /// the way (as scenes that are densified do, Zhou et al. 2023, arXiv 2311.17082). Nothing else is copied, compared or
    /// handed to [`advance`](Self::advance).
    fn width(&self, _index: usize, room: usize) -> usize {
        room
    }

    /// Leading values of x_j by whose change acceptance is decided: all that are in use, unless some only accompany the
    /// others, as an optimiser's moments do its parameters. Those are then only exact under a roll-out that computes them
    /// anew, as [`Direct`] does.
    fn compared(&self, index: usize, room: usize) -> usize {
        self.width(index, room)
    }
}

/// A sequence with its expensive part.
pub trait Process: Recurrence {
    /// What a drift fails with.
    type Error;

    /// Drifts of `steps`, ascending, whose states are the rows of `states`, `[p, state width]`, into the rows of `drifts`,
    /// `[p, drift width]`.
    ///
    /// # Errors
    ///
    /// Whatever keeps a drift from being known; it ends the iteration.
    fn drift(
        &mut self,
        steps: &[usize],
        states: ArrayView2<'_, f32>,
        drifts: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Self::Error>;
}

/// The drifts that a step may use.
#[derive(Clone, Copy, Debug)]
pub struct Drift<'a> {
    /// Of this step.
    pub current: &'a [f32],
    /// Of the step before; of this one at the first step.
    pub previous: &'a [f32],
    /// Of the step before that; of the first where there is none.
    pub earlier: &'a [f32],
}

/// The loop with its four choices made.
///
/// [`WindowLoop::run`] is the loop itself. A caller that evaluates drifts elsewhere, for example in batches with other
/// paths, calls its parts: [`begin`](Self::begin), then [`ask`](Self::ask) and [`tell`](Self::tell) in turn.
#[derive(Clone, Debug)]
pub struct WindowLoop<R, G, A, W> {
    /// How drifts become new states.
    roll_out: R,
    /// What is assumed of states that the window has not reached.
    tail_guess: G,
    /// Which new states are kept.
    acceptance: A,
    /// Which steps are evaluated together.
    policy: W,
    /// Steps being evaluated, ascending.
    asked: Vec<usize>,
    /// States up to this one are final.
    left: usize,
    /// States up to this one have been guessed.
    known: usize,
    /// Whether the path began with drifts to guess by.
    warm: bool,
    /// Steps that may be evaluated together.
    most: usize,
    /// Steps that the last round made final.
    advance: usize,
}

impl<R, G, A, W> WindowLoop<R, G, A, W> {
    /// A loop that has not begun.
    pub fn new(roll_out: R, tail_guess: G, acceptance: A, policy: W) -> Self {
        let most = usize::MAX;
        Self {
            roll_out,
            tail_guess,
            acceptance,
            policy,
            asked: Vec::new(),
            left: 0,
            known: 0,
            warm: false,
            most,
            advance: 0,
        }
    }

    /// Goes back to the first step. If the beginning is `warm`, the drifts of the path are a guess of those to come, to
    /// guess the states by; else there is none.
    pub fn begin<P>(&mut self, warm: bool)
    where
        R: RollOut<P>,
        P: Recurrence,
        A: Acceptance,
    {
        self.roll_out.begin();
        self.acceptance.begin();
        (self.left, self.known, self.warm, self.most, self.advance) = (0, 0, warm, usize::MAX, 0);
    }

    /// Evaluates at most `most` steps together, and at least one, from now on until the next beginning.
    pub fn limit_rows(&mut self, most: usize) {
        self.most = most;
    }

    /// The steps whose drifts are wanted next, on the states of `path` as they are now. Not to be called once the last
    /// state is final.
    pub fn ask<P>(&mut self, recurrence: &P, path: &mut Path) -> Window<'_>
    where
        P: Recurrence,
        G: TailGuess<P>,
        W: WindowPolicy,
    {
        self.asked.clear();
        self.asked.push(self.left);
        let no_drift_yet = self.known == 0 && !self.warm;
        self.policy.extend(
            &mut self.asked,
            Round { steps: recurrence.steps(), no_drift_yet, most: self.most.max(1), advance: self.advance },
        );
        let window = Window(&self.asked);
        let tail = self.known..window.right().max(self.known);
        if self.warm {
            tail.clone().for_each(|step| path.advance(recurrence, step));
        } else {
            self.tail_guess.guess(recurrence, path, tail.clone());
        }
        self.known = tail.end;
        path.keep_evaluated(recurrence, window.left()..window.right());
        window
    }

    /// Allocates for as many steps at once.
    pub(crate) fn reserve(&mut self, steps: usize) {
        self.asked.reserve(steps);
    }

    /// The steps that [`ask`](Self::ask) returned last.
    pub(crate) fn asked(&self) -> &[usize] {
        &self.asked
    }

    /// Takes in the drifts of the steps that [`ask`](Self::ask) returned: rolls out, accepts a prefix of the states, and slides.
    /// Returns whether the last state is final.
    pub fn tell<P>(&mut self, recurrence: &P, path: &mut Path, statistics: &mut Statistics) -> bool
    where
        P: Recurrence,
        R: RollOut<P>,
        A: Acceptance,
    {
        let window = Window(&self.asked);
        self.acceptance.observe(window, path);
        self.roll_out.roll(recurrence, path, window);
        path.measure_changes(recurrence, window.left()..window.right());
        self.advance = self.acceptance.accepted(window, path).clamp(1, path.changes().len());
        statistics.note_accepted(&path.changes()[..self.advance - 1]);
        statistics.estimated_error = self.acceptance.estimated_error();
        self.left += self.advance;
        self.left == recurrence.steps()
    }

    /// Goes on from the last guess with its drift frozen, so that `path` is whole; the loop may go on afterwards.
    pub fn complete<P: Recurrence>(&self, recurrence: &P, path: &mut Path) {
        FrozenDrift.guess(recurrence, path, self.known..recurrence.steps());
    }

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
        self.begin::<P>(false);
        let mut done = process.steps() == 0;
        while !done {
            let asked = self.ask(&*process, path).asked();
            path.evaluate(asked, |states, drifts| process.drift(asked, states, drifts))?;
            statistics.count(asked.len());
            done = self.tell(&*process, path, statistics);
        }
        Ok(())
    }
}
