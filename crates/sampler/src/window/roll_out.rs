//! How drifts, evaluated on guesses, become new states.

use std::ops::Range;

use ndarray::Array2;

use super::path::{row, row_mut};
use super::{Path, Process};

/// A rule for the new states of a window.
pub trait RollOut<P: Process> {
    /// Forgets the sample before.
    fn begin(&mut self) {}

    /// Writes the states `left + 1 ..= right` of `path`, given the drifts of `window` and the states that they were
    /// evaluated at. State `left` is exact.
    fn roll(&mut self, process: &P, path: &mut Path, window: Range<usize>);
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

impl<P: Process> RollOut<P> for Increments {
    fn roll(&mut self, process: &P, path: &mut Path, window: Range<usize>) {
        for step in window {
            path.advance_evaluated(process, step);
            path.add_change(step);
        }
    }
}

/// The affine row on the new state, with the drift corrected for the change of state by one scalar a step:
///
/// ```text
/// x_new[j+1] = advance(x_new[j]; x̂0_j + γ_j (x_new[j] − x_old[j]))
/// γ_j        = ⟨Δx̂0, Δx⟩ / ⟨Δx, Δx⟩, clamped, over the last two evaluations of step j; 0 before the second
/// ```
///
/// The affine row carries the linear part of the process exactly (an exponential integrator); γ is a secant estimate of
/// the slope of what is left, a Newton-like correction without a Jacobian. Where nothing changed, the correction is an
/// exact zero and the step is the sequential one to the bit.
///
/// The first `state width` values of a drift are x̂0; what follows them is used as it was evaluated.
#[derive(Clone, Debug)]
pub struct Semilinear {
    /// States at the last evaluation of each step, `[N, state width]`.
    states: Array2<f32>,
    /// Drifts of that evaluation, not corrected, `[N, state width]`.
    drifts: Array2<f32>,
    /// Steps before this one have been evaluated.
    seen: usize,
}

impl Semilinear {
    /// Largest slope taken seriously. The slope of E[x_0 | x] is √ᾱ Cov[x_0 | x] / (1−ᾱ), from 0 in pure noise to
    /// about 1 in the data; a secant beyond is rounding, or a value that has just been clipped.
    const STEEPEST: f32 = 1.0;

    /// For a process of `steps` steps with states of `state_width`.
    pub fn new(steps: usize, state_width: usize) -> Self {
        Self { states: Array2::zeros((steps, state_width)), drifts: Array2::zeros((steps, state_width)), seen: 0 }
    }

    /// γ of `step`, from the last evaluation and this one.
    fn slope(&self, path: &Path, step: usize) -> f32 {
        if step >= self.seen {
            return 0.0;
        }
        let states = path.evaluated(step).iter().zip(row(&self.states, step)).map(|(new, old)| new - old);
        let drifts = path.drift(step).iter().zip(row(&self.drifts, step)).map(|(new, old)| new - old);
        let (along, square) =
            states.zip(drifts).fold((0.0, 0.0), |(along, square), (x, d)| (along + d * x, square + x * x));
        let slope: f32 = along / square;
        if slope.is_finite() { slope.clamp(0.0, Self::STEEPEST) } else { 0.0 }
    }

    fn remember(&mut self, path: &Path, step: usize) {
        copy(path.evaluated(step), row_mut(&mut self.states, step));
        copy(path.drift(step), row_mut(&mut self.drifts, step));
        self.seen = self.seen.max(step + 1);
    }
}

/// Copies as much as there is room for.
fn copy(from: &[f32], to: &mut [f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

impl<P: Process> RollOut<P> for Semilinear {
    fn begin(&mut self) {
        self.seen = 0;
    }

    fn roll(&mut self, process: &P, path: &mut Path, window: Range<usize>) {
        for step in window {
            let slope = self.slope(path, step);
            self.remember(path, step);
            // A guess may have overflowed; without a slope it leaves no trace.
            if slope != 0.0 {
                path.shift_drift(step, slope);
            }
            path.advance(process, step);
        }
    }
}
