//! How drifts, evaluated on guesses, become new states.

use super::{Path, Recurrence, Window};

/// A rule for the new states of a window.
pub trait RollOut<P: Recurrence> {
    /// Forgets the sample before.
    fn begin(&mut self) {}

    /// Writes the states after the first of `window` up to its right end, given the drifts of the steps that were
    /// evaluated and the states that they were evaluated at. The first state is exact.
    fn roll(&mut self, recurrence: &P, path: &mut Path, window: Window<'_>);
}

/// Increments summed from the window's left edge (Shih et al. 2023, arXiv 2305.16317, algorithm 1):
///
/// ```text
/// x_new[j+1] = x[left] + Σ_{i=left..=j} (advance(x_old[i]) − x_old[i])
///            = advance(x_old[j]) + (x_new[j] − x_old[j])
/// ```
///
/// The second form is the first with the sum telescoped: where nothing changed it is the sequential step to the bit.
#[derive(Clone, Copy, Debug)]
pub struct Increments;

impl<P: Recurrence> RollOut<P> for Increments {
    fn roll(&mut self, recurrence: &P, path: &mut Path, window: Window<'_>) {
        for (step, evaluated) in window.steps() {
            path.hold_drift_unless(recurrence, evaluated, step);
            path.advance_evaluated(recurrence, step);
            path.add_change(recurrence, step);
        }
    }
}

/// The cheap part anew, on the new states, with the drifts as they were evaluated:
///
/// ```text
/// x_new[j+1] = advance(x_new[j]; drift_j)
/// ```
///
/// So DreamPropeller rolls out optimisers (Zhou et al. 2023, arXiv 2311.17082), and `blocks` diffusion: an exponential
/// integrator, exact in what is linear (Chen et al. 2024, arXiv 2405.15986).
#[derive(Clone, Copy, Debug)]
pub struct Direct;

impl<P: Recurrence> RollOut<P> for Direct {
    fn roll(&mut self, recurrence: &P, path: &mut Path, window: Window<'_>) {
        for (step, evaluated) in window.steps() {
            path.hold_drift_unless(recurrence, evaluated, step);
            path.advance(recurrence, step);
        }
    }
}
