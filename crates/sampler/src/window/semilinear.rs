//! The roll-out of `picard`.

use ndarray::Array2;

use super::path::{row, row_mut};
use super::secants::{Pair, Secants};
use super::{Level, Path, Recurrence, RollOut, Window};

/// The affine row on the new state, with the drift corrected for the change of state by a response learnt on the way:
///
/// ```text
/// x_new[j+1] = advance(x_new[j]; x̂0_j + G u_j)
/// u_j        = innovation from x_old[j] to x_new[j], at the level of step j
/// ```
///
/// The affine row carries the linear part of the process exactly (an exponential integrator). G is a Newton-like
/// correction without a Jacobian, fitted to the responses Δx̂0 to innovations u at the steps around:
///
/// * of one step evaluated twice, in this round and before;
/// * of two steps evaluated one after the other in one round.
///
/// [`Level::innovation`] makes both comparable: on Gaussian data of the model's variance G is the identity at every
/// level, so pairs of other steps teach this one. Real data vary along few directions (actions are smooth in time): G
/// finds those, and is nearly 0 across them.
///
/// Where nothing changed there is no correction, and the step is the sequential one to the bit. No corrected value is
/// larger than the largest that was evaluated, and no response much larger than the innovation: on data that vary as much as
/// the model assumes, or less, none is, and a G learnt from a few pairs would otherwise diverge over the steps. Between rows
/// x̂0 is carried on by its response to the way from step to step, noise included; but in the first round, and where rows
/// are far apart, G is trusted less: there x̂0 is held between rows, and no response is more than half of the innovation.
///
/// All states are of one width. The first `state width` values of a drift are x̂0; what follows them is used as it was
/// evaluated.
#[derive(Clone, Debug)]
pub struct Semilinear {
    /// Of every step, `[N]`.
    levels: Vec<Level>,
    secants: Secants,
    /// States at the last evaluation of each step, `[N, state width]`.
    states: Array2<f32>,
    /// Drifts of that evaluation, not corrected, `[N, state width]`.
    drifts: Array2<f32>,
    /// Whether a step has been evaluated, `[N]`.
    seen: Vec<bool>,
    /// Whether the rows of this round are far apart, so that little is known of the steps between them.
    sparse: bool,
    /// Largest magnitude of an evaluated x̂0.
    reach: f32,
    /// Rows for which G holds still, before it is fitted anew.
    held: usize,
    /// u_j, `[state width]`.
    innovation: Vec<f64>,
    /// G u_j, `[state width]`.
    response: Vec<f64>,
}

impl Semilinear {
    /// Evaluated rows that share a G.
    const BLOCK: usize = 4;
    /// Steps from row to row, in the mean, up to which the response is trusted.
    const CLOSE: usize = 3;
    /// Largest norm of a response, relative to that of the innovation, where it is trusted.
    const TRUSTED: f64 = 1.25;
    /// The same where it is not.
    const CAUTIOUS: f64 = 0.5;

    /// For a process with a step at each of `levels` and states of `state_width`.
    pub fn new(levels: Vec<Level>, state_width: usize) -> Self {
        let steps = levels.len();
        Self {
            levels,
            secants: Secants::new(steps, state_width),
            states: Array2::zeros((steps, state_width)),
            drifts: Array2::zeros((steps, state_width)),
            seen: vec![false; steps],
            reach: 0.0,
            sparse: false,
            held: 0,
            innovation: vec![0.0; state_width],
            response: vec![0.0; state_width],
        }
    }

    /// Takes the pairs that the evaluation of `steps`, ascending, gave.
    fn learn(&mut self, path: &Path, steps: &[usize]) {
        let mut before = None;
        for &step in steps {
            let (level, state, drift) = (&self.levels[step], path.evaluated(step), path.drift(step));
            let mut learn = |pair, from: &Level, state_from: &[f32], drift_from: &[f32]| {
                self.secants.put(step, pair, |innovation, response| {
                    level.innovation(state, from, state_from, drift_from, innovation);
                    difference(drift, drift_from, response);
                });
            };
            if self.seen[step] {
                learn(Pair::Again, level, row(&self.states, step), row(&self.drifts, step));
            }
            if let Some(before) = before.replace(step) {
                learn(Pair::Along, &self.levels[before], path.evaluated(before), path.drift(before));
            }
            copy(state, row_mut(&mut self.states, step));
            let kept = row_mut(&mut self.drifts, step);
            copy(drift, kept);
            self.reach = kept.iter().fold(self.reach, |most, value| most.max(value.abs()));
            self.seen[step] = true;
        }
        self.held = 0;
    }

    /// Adds to the drift of `step`, which was evaluated, its response to how the state has changed.
    fn correct<P: Recurrence>(&mut self, recurrence: &P, path: &mut Path, step: usize) {
        self.held = self.held.saturating_sub(1);
        let (state, evaluated) = (path.state(step), path.evaluated(step));
        if state != evaluated {
            let level = &self.levels[step];
            level.innovation(state, level, evaluated, path.drift(step), &mut self.innovation);
            self.respond(path, step);
            path.settle_drift(recurrence, step);
        }
    }

    /// Takes for the drift of `step`, which was not evaluated, that of the step before with its response to the way from
    /// there, noise included.
    fn carry<P: Recurrence>(&mut self, recurrence: &P, path: &mut Path, step: usize) {
        let (level, before) = (&self.levels[step], &self.levels[step - 1]);
        let (from, denoised) = (path.state(step - 1), path.drift(step - 1));
        level.innovation(path.state(step), before, from, denoised, &mut self.innovation);
        path.freeze_drift(recurrence, step);
        self.respond(path, step);
    }

    /// Adds G u to the drift of `step`.
    fn respond(&mut self, path: &mut Path, step: usize) {
        if self.held == 0 {
            self.secants.fit(step);
            self.held = Self::BLOCK;
        }
        self.response.fill(0.0);
        self.secants.apply(&self.innovation, &mut self.response);
        let most = if self.sparse { Self::CAUTIOUS } else { Self::TRUSTED };
        let share = most * norm(&self.innovation) / norm(&self.response);
        if share < 1.0 {
            self.response.iter_mut().for_each(|response| *response *= share);
        }
        // A guess may have overflowed; a response that is not finite is left out.
        if self.response.iter().all(|value| value.is_finite()) {
            path.shift_drift(step, &self.response, self.reach);
        }
    }
}

impl<P: Recurrence> RollOut<P> for Semilinear {
    fn begin(&mut self) {
        self.seen.fill(false);
        self.reach = 0.0;
        self.secants.clear();
    }

    fn roll(&mut self, recurrence: &P, path: &mut Path, window: Window<'_>) {
        let first = self.reach == 0.0;
        self.learn(path, window.asked());
        self.sparse = first || window.right() - window.left() > Self::CLOSE * window.asked().len();
        for (step, evaluated) in window.steps() {
            if evaluated {
                self.correct(recurrence, path, step);
            } else if self.sparse {
                path.freeze_drift(recurrence, step);
            } else {
                self.carry(recurrence, path, step);
            }
            path.advance(recurrence, step);
        }
    }
}

/// ‖v‖.
fn norm(v: &[f64]) -> f64 {
    v.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// a − b, and 0 where they have no values.
fn difference(a: &[f32], b: &[f32], out: &mut [f64]) {
    out.fill(0.0);
    out.iter_mut().zip(a).zip(b).for_each(|((out, a), b)| *out = f64::from(*a) - f64::from(*b));
}

/// Copies as much as there is room for.
fn copy(from: &[f32], to: &mut [f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}
