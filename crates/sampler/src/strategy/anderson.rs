//! Triangular Anderson acceleration of the fixed-point iteration over a window: ParaTAA (Tang et al. 2024,
//! arXiv 2402.09970, algorithm 1).
//!
//! A round maps the states x of the window to F(x), the semilinear roll-out with the network's predictions at x; the
//! solution is x = F(x). Anderson's method goes on from a combination of the last rounds in which the residual R = F(x) − x is
//! least. The paper's is block triangular, as the iteration is: the coefficients of state `j` look at the residuals of
//! the states up to `j` alone, so that what is not settled yet does not disturb what is:
//!
//! ```text
//! x_new[j] = F(x)[j] − (ΔX[j] + ΔR[j]) c_j
//! c_j      = argmin_c ‖R[≤ j] − ΔR[≤ j] c‖² + λ‖c‖²
//! ```
//!
//! ΔX and ΔR are the changes of x and R over the last rounds. Where R[< j] is zero, state `j` is final and F(x)[j] is
//! taken as it is (the paper's safeguard), so the sample at tolerance 0 is the sequential one to the bit. States are
//! kept as in `paradigms`, but at a share of the tolerance; new ones are guessed as in `picard`.

use ndarray::{Array2, ArrayView1};

use super::{Method, Settings, Strategy, StrategyKind, WindowConfig, Windowed};
use crate::affine_table::Table;
use crate::error::ConfigError;
use crate::window::{Direct, FixedWindow, FrozenDrift, Path, Recurrence, RelativeChange, RollOut, Window, WindowLoop};

type Anderson = WindowLoop<Triangular, FrozenDrift, RelativeChange, FixedWindow>;

/// Share of the tolerance that a change may come to. The combination makes the change small that acceptance measures: at
/// the whole tolerance the modes of a mixture of Gaussians were reached with frequencies off by half a per cent.
const CAUTION: f64 = 0.3;
/// Changes over earlier rounds that are combined.
const HISTORY: usize = 2;
/// λ, relative to the trace of ΔRᵀΔR.
const REGULARISATION: f64 = 1e-3;

/// `anderson`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind;

impl StrategyKind for Kind {
    fn name(&self) -> &'static str {
        "anderson"
    }

    fn summary(&self) -> &'static str {
        "triangular Anderson acceleration over a window (Tang et al. 2024, arXiv 2402.09970)"
    }

    fn defaults(&self) -> Settings {
        WindowConfig::default().settings()
    }

    fn method(&self, table: &Table, dim: usize, settings: Settings) -> Result<Box<dyn Method>, ConfigError> {
        Ok(Box::new(Windowed::new(window_loop(table, settings.config(), dim), table.steps())))
    }
}

impl Strategy {
    /// Triangular Anderson acceleration of the iteration over a window (Tang et al. 2024, arXiv 2402.09970).
    pub const fn anderson(config: WindowConfig) -> Self {
        Self { kind: &Kind, settings: config.settings() }
    }
}

fn window_loop(table: &Table, config: WindowConfig, dim: usize) -> Anderson {
    WindowLoop::new(
        Triangular::new(table.steps(), dim),
        FrozenDrift,
        RelativeChange::new(CAUTION * config.tolerance, table.variances()),
        FixedWindow(config.window),
    )
}

/// The roll-out followed by the triangular combination.
struct Triangular {
    /// x and R of the round before, `[N + 1, D]`.
    last: Round,
    /// ΔX and ΔR, newest in turn; zero where a state has not been in the window for as long.
    changes: [Round; HISTORY],
    newest: usize,
    /// States before this one have been in a window.
    seen: usize,
}

/// A state and its residual for every x_j, `[N + 1, D]` each.
#[derive(Clone)]
struct Round {
    states: Array2<f32>,
    residuals: Array2<f32>,
}

/// ΔRᵀΔR and ΔRᵀR over the states so far.
#[derive(Default)]
struct Normal {
    matrix: [[f64; HISTORY]; HISTORY],
    right: [f64; HISTORY],
}

impl Triangular {
    fn new(steps: usize, dim: usize) -> Self {
        let zeros = Array2::zeros((steps + 1, dim));
        let round = Round { states: zeros.clone(), residuals: zeros };
        Self { last: round.clone(), changes: [(); HISTORY].map(|()| round.clone()), newest: 0, seen: 0 }
    }

    /// Stores x and R of state `index`, and their changes since the round before.
    fn remember(&mut self, path: &Path, index: usize) {
        if index >= self.seen {
            for change in &mut self.changes {
                change.states.row_mut(index).fill(0.0);
                change.residuals.row_mut(index).fill(0.0);
            }
        }
        let change = &mut self.changes[self.newest];
        for (i, (new, old)) in path.state(index).iter().zip(path.evaluated(index)).enumerate() {
            let (at, residual) = ([index, i], new - old);
            if index < self.seen {
                change.states[at] = old - self.last.states[at];
                change.residuals[at] = residual - self.last.residuals[at];
            }
            self.last.states[at] = *old;
            self.last.residuals[at] = residual;
        }
    }

    fn combine(&self, path: &mut Path, index: usize, coefficients: [f64; HISTORY]) {
        for (change, coefficient) in self.changes.iter().zip(coefficients) {
            let rows = change.states.row(index).into_iter().zip(change.residuals.row(index));
            for (state, (x, residual)) in path.state_mut(index).iter_mut().zip(rows) {
                *state -= coefficient as f32 * (x + residual);
            }
        }
    }
}

impl Normal {
    fn add(&mut self, changes: &[Round; HISTORY], residual: ArrayView1<'_, f32>, index: usize) {
        for (g, change) in changes.iter().enumerate() {
            let row = change.residuals.row(index);
            for (h, other) in changes.iter().enumerate() {
                self.matrix[g][h] += f64::from(row.dot(&other.residuals.row(index)));
            }
            self.right[g] += f64::from(row.dot(&residual));
        }
    }

    /// Gaussian elimination on the regularised, positive definite matrix; zeros where there is no history.
    fn solve(&self) -> [f64; HISTORY] {
        let (mut matrix, mut right) = (self.matrix, self.right);
        let trace: f64 = (0..HISTORY).map(|h| matrix[h][h]).sum();
        (0..HISTORY).for_each(|h| matrix[h][h] += REGULARISATION * trace);
        for pivot in 0..HISTORY {
            for row in pivot + 1..HISTORY {
                let factor = matrix[row][pivot] / matrix[pivot][pivot];
                (pivot..HISTORY).for_each(|column| matrix[row][column] -= factor * matrix[pivot][column]);
                right[row] -= factor * right[pivot];
            }
        }
        for row in (0..HISTORY).rev() {
            let known: f64 = (row + 1..HISTORY).map(|column| matrix[row][column] * right[column]).sum();
            right[row] = (right[row] - known) / matrix[row][row];
        }
        if right.iter().all(|coefficient| coefficient.is_finite()) { right } else { [0.0; HISTORY] }
    }
}

impl<P: Recurrence> RollOut<P> for Triangular {
    fn begin(&mut self) {
        (self.newest, self.seen) = (0, 0);
    }

    fn roll(&mut self, recurrence: &P, path: &mut Path, window: Window<'_>) {
        Direct.roll(recurrence, path, window);
        let mut normal = Normal::default();
        let mut settled = true;
        for index in window.left() + 1..=window.right() {
            self.remember(path, index);
            let residual = self.last.residuals.row(index);
            normal.add(&self.changes, residual, index);
            let final_state = settled;
            settled &= residual.iter().all(|value| *value == 0.0);
            if !final_state {
                self.combine(path, index, normal.solve());
            }
        }
        self.seen = self.seen.max(window.right() + 1);
        self.newest = (self.newest + 1) % HISTORY;
    }
}
