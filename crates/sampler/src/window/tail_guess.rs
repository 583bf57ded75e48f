//! What is assumed of states that the window has not reached.

use std::ops::Range;

use super::{Path, Recurrence};

/// A rule for first guesses.
pub trait TailGuess<P: Recurrence> {
    /// Writes the states `tail.start + 1 ..= tail.end` of `path`; state `tail.start` and the drift before it, if any,
    /// are known.
    fn guess(&mut self, recurrence: &P, path: &mut Path, tail: Range<usize>);
}

/// Every new state is a copy of the last known (Shih et al. 2023, arXiv 2305.16317, algorithm 1).
#[derive(Clone, Copy, Debug)]
pub struct CopiedState;

impl<P: Recurrence> TailGuess<P> for CopiedState {
    fn guess(&mut self, recurrence: &P, path: &mut Path, tail: Range<usize>) {
        for step in tail {
            path.copy_state(recurrence, step);
        }
    }
}

/// The process goes on with the last known drift, and with the noise already drawn; with no drift at all before the
/// first.
#[derive(Clone, Copy, Debug)]
pub struct FrozenDrift;

impl<P: Recurrence> TailGuess<P> for FrozenDrift {
    fn guess(&mut self, recurrence: &P, path: &mut Path, tail: Range<usize>) {
        for step in tail {
            path.freeze_drift(recurrence, step);
            path.advance(recurrence, step);
        }
    }
}
