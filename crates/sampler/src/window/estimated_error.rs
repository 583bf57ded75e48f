//! Acceptance by an estimate of the error of the sample.

use ndarray::Array2;

use super::path::{row, row_mut};
use super::{Acceptance, Level, Path, RelativeChange, Window};

/// A state is kept while the sample, by an estimate, stays within a tolerance of the sequential one.
///
/// What a roll-out gets wrong is x̂0. Its error at step j is expected to be
///
/// ```text
/// ρ_j = κ g_j slope_j ‖x_new − x_old‖                 x̂0 was evaluated at x_old, and corrected
///     + κ' (j − a)/(b − a) ‖x̂0_b − x̂0_{b−1}‖          between the rows a and b it was carried on, and at b it jumps
/// ```
///
/// with `slope` of [`Level::slope`] and g, the gain, how much more x̂0 responds than a Gaussian model of the data says. κ and κ'
/// are measured: a round evaluates the network at states of the last roll-out, and so finds what ρ was there. An error of x̂0 at
/// step j moves the sample by
///
/// ```text
/// M_j ρ_j,      M_j = |B_j T_{j+1} + C_{j+1} T_{j+2} + C₂_{j+2} T_{j+3}|
///               T_j = A_j T_{j+1} + g_j slope_j M_j,      T_N = 1
/// ```
///
/// for the affine rows of the table, and these movements are added up over all steps and rounds. Norms are the largest
/// magnitude, so the estimate is of the value that moves most.
///
/// **The gain.** x̂0 responds to a change of state by a matrix that is a covariance (of the data given the state, times √ᾱ/(1−ᾱ)),
/// so it is symmetric, and not negative. Of it one product is known wherever two evaluations are: `Δ = G u`, with u the innovation
/// ([`Level::innovation`]), in which all but the data's own covariance is divided out. The ratio ‖Δ‖ / ‖u‖ says how it responds to u.
/// But errors are not like u: where a sample is torn between two ends they lie along the way from one to the other, as G makes them
/// so, and it is the response along Δ that they grow by. ‖Δ‖² / ⟨u, Δ⟩ is nearer to that: between the smallest and the largest
/// eigenvalue of G, and never less than the ratio of Euclidean norms. Where a step is evaluated again it is what is taken, from round
/// to round; from row to row along the path, where errors of all directions go by, the geometric mean of both.
///
/// This sum is right in the middle, and samples of few clusters that are narrow end farther off than others. So what is estimated
/// is `SAFETY` times the sum, and an error counts more where g is large. A state is kept while that is at most the share of the
/// tolerance that is given to the steps so far, and while its change alone moves the sample by a small share of the tolerance.
///
/// The idea is that of step-size control by error per unit step (Hairer, Nørsett and Wanner, Solving Ordinary Differential
/// Equations I, II.4); an a-posteriori estimate of a Picard iteration's contraction takes the place of an embedded method.
/// It is an estimate, not a bound: where a sample is torn between two ends, an error much smaller than the tolerance may
/// decide between them.
#[derive(Clone, Debug)]
pub struct EstimatedError {
    /// How far the sample may end from the sequential one.
    within: f64,
    /// A and B of every step, `[N]`.
    rows: Vec<Affine>,
    /// The limit to the change of one round.
    change: RelativeChange,
    /// Drifts as the last roll-out used them, `[N, drift width]`.
    used: Array2<f32>,
    /// Steps before this one have been rolled out.
    rolled: usize,
    /// ρ of the last roll-out, `[N]`.
    expected: Vec<Expected>,
    /// g, `[N]`.
    gains: Vec<f64>,
    /// M, `[N]`.
    weights: Vec<f64>,
    /// Share of the tolerance that may be used up to a step, itself included, `[N]`.
    shares: Vec<f64>,
    /// κ and κ'.
    factors: Expected,
    /// The sum so far.
    sum: f64,
    /// u, `[D]`.
    innovation: Vec<f64>,
    /// What was evaluated last at every step.
    seen: Seen,
}

/// A step as the estimate sees it.
#[derive(Clone, Copy, Debug)]
pub struct Affine {
    /// A, the share of the state.
    pub state: f64,
    /// B, the share of x̂0.
    pub denoised: f64,
    /// C of the step after, and C₂ of the one behind it: the share that this x̂0 has in them.
    pub later: [f64; 2],
    /// The share of what follows x̂0 in a drift, 0 where nothing does.
    pub excess: f64,
    /// The noise level, under the model that innovations are measured by.
    pub level: Level,
    /// The least response of x̂0 to a change of state that is assumed.
    pub least_slope: f64,
}

impl Affine {
    /// The largest magnitude of the difference of two drifts, in units of x̂0; not a number if any is none.
    fn largest_difference(&self, width: usize, a: &[f32], b: &[f32]) -> f64 {
        let ([a, more_a], [b, more_b]) = (parts(a, width), parts(b, width));
        if more_a.is_empty() {
            return largest_difference(a, b);
        }
        let share = self.excess / self.denoised;
        let difference = |a: &f32, b: &f32| f64::from(a - b);
        let excess = more_a.iter().zip(more_b).map(|(a, b)| share * difference(a, b));
        largest(a.iter().zip(b).zip(excess).map(|((a, b), excess)| difference(a, b) + excess))
    }
}

fn parts(drift: &[f32], width: usize) -> [&[f32]; 2] {
    let (denoised, excess) = drift.split_at(width);
    [denoised, excess]
}

/// The last evaluation of every step.
#[derive(Clone, Debug)]
struct Seen {
    is: Vec<bool>,
    /// x, `[N, D]`.
    states: Array2<f32>,
    /// x̂0, `[N, D]`.
    denoised: Array2<f32>,
}

impl Seen {
    fn nothing(steps: usize, width: usize) -> Self {
        let [states, denoised] = [(); 2].map(|()| Array2::zeros((steps, width)));
        Self { is: vec![false; steps], states, denoised }
    }

    fn keep(&mut self, step: usize, state: &[f32], denoised: &[f32]) {
        self.is[step] = true;
        row_mut(&mut self.states, step).copy_from_slice(state);
        row_mut(&mut self.denoised, step).copy_from_slice(denoised);
    }
}

/// The two parts of ρ, or what they are multiplied with.
#[derive(Clone, Copy, Debug, Default)]
struct Expected {
    change: f64,
    gap: f64,
}

impl EstimatedError {
    /// κ and κ' before any is measured.
    const FACTORS: Expected = Expected { change: 0.5, gap: 1.5 };
    /// What they are kept within: a round that happens to find less proves little.
    const FACTOR: [f64; 2] = [0.1, 30.0];
    /// Share of the tolerance below which what a round finds is rounding.
    const NOTHING: f64 = 2e-4;
    /// What the sum is multiplied by: on Gaussian data of all kinds 99 of 100 samples end within that, on most all do.
    const SAFETY: f64 = 2.7;
    /// The least innovation that a gain is measured by, as a share of what the whole change of state would be: where no noise
    /// is drawn the path is nearly straight, innovations are nearly nothing, and so x̂0's own unsteadiness would be a response.
    const LEAST_SHARE: f64 = 0.1;
    /// How many times an error may grow on its way to the sample: more is beyond any range of values.
    const FARTHEST: f64 = 1e6;
    /// The largest gain that is believed: two evaluations that differ in rounding alone may show any.
    const MOST_GAIN: f64 = 100.0;
    /// The largest gain that the last row and the steps behind it are foreseen by: a larger one is of the way there.
    const FORESEEN: f64 = 4.0;
    /// The gain from which on an error counts more, as the gain, and how much more at most: a sample is torn there.
    const TORN: f64 = 3.0;
    const CAUTION: f64 = 4.0;
    /// The least innovation that a response is measured by from round to round.
    const LEAST: f64 = 1e-5;

    /// For a process with the steps `rows` and x̂0 of `width` values; `within` is the tolerance, and `change` limits the change
    /// of one round.
    pub fn new(within: f64, rows: Vec<Affine>, change: RelativeChange, width: usize) -> Self {
        let steps = rows.len();
        let drift_width = if rows.iter().any(|row| row.excess != 0.0) { 2 * width } else { width };
        let mut made = Self {
            within,
            rows,
            change,
            shares: Vec::new(),
            used: Array2::zeros((steps, drift_width)),
            rolled: 0,
            expected: vec![Expected::default(); steps],
            gains: vec![1.0; steps],
            weights: vec![0.0; steps],
            factors: Self::FACTORS,
            sum: 0.0,
            innovation: vec![0.0; width],
            seen: Seen::nothing(steps, width),
        };
        made.weigh();
        made.shares = shares(&made.weights);
        made
    }

    /// Measures κ and κ': what x̂0 is found to be at the rows of `window`, against what the last roll-out used.
    fn measure_factors(&mut self, window: Window<'_>, path: &Path) {
        let [mut change, mut gap] = [[0.0; 2]; 2];
        let width = self.innovation.len();
        for &step in window.asked().iter().take_while(|step| **step < self.rolled) {
            let expected = self.expected[step];
            let sums = if expected.gap > 0.0 { &mut gap } else { &mut change };
            let found = self.rows[step].largest_difference(width, path.drift(step), row(&self.used, step));
            for (sum, error) in sums.iter_mut().zip([found, expected.change + expected.gap]) {
                *sum += (error * self.weights[step]).powi(2);
            }
        }
        let nothing = (Self::NOTHING * self.within).powi(2);
        let measure = |[found, expected]: [f64; 2], factor: &mut f64| {
            if found > nothing && expected > 0.0 {
                *factor = (found / expected).sqrt().clamp(Self::FACTOR[0], Self::FACTOR[1]);
            }
        };
        measure(change, &mut self.factors.change);
        measure(gap, &mut self.factors.gap);
    }

    /// Measures g, where it is larger, at the steps that were evaluated before.
    fn measure_gains_again(&mut self, window: Window<'_>, path: &Path) {
        for &step in window.asked() {
            let (state, denoised) = (path.evaluated(step), &path.drift(step)[..self.innovation.len()]);
            if self.seen.is[step] {
                let (level, before) = (&self.rows[step].level, row(&self.seen.denoised, step));
                level.innovation(state, level, row(&self.seen.states, step), before, &mut self.innovation);
                if largest(self.innovation.iter().copied()) > Self::LEAST {
                    self.gains[step] = self.gains[step].max(gain_along(&self.innovation, denoised, before));
                }
            }
            self.seen.keep(step, state, denoised);
        }
    }

    /// Measures g from row to row of `window`; what lies behind the last is foreseen. A single row measures none.
    fn measure_gains(&mut self, window: Window<'_>, path: &Path) {
        let mut from = window.left();
        for pair in window.asked().windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let (level, before) = (&self.rows[b].level, &self.rows[a].level);
            let denoised = &path.drift(a)[..self.innovation.len()];
            level.innovation(path.evaluated(b), before, path.evaluated(a), denoised, &mut self.innovation);
            let predicted = largest(self.innovation.iter().copied());
            let way = level.slope() * largest_difference(path.evaluated(b), path.evaluated(a));
            let predicted = predicted.max(Self::LEAST_SHARE * way);
            let after = &path.drift(b)[..denoised.len()];
            let ratio = if predicted > 0.0 { (largest_difference(after, denoised) / predicted).max(1.0) } else { 1.0 };
            let along = gain_along(&self.innovation, after, denoised);
            self.gains[from..=b].fill(ratio.max((ratio * along).sqrt()));
            from = b + 1;
        }
        if let [.., _, last] = *window.asked() {
            self.foresee_gains(last, self.gains[last].min(Self::FORESEEN));
        }
    }

    /// Takes data of the variance that `gain`, at `last`, speaks of for that step and those behind it.
    fn foresee_gains(&mut self, last: usize, gain: f64) {
        let level = self.rows[last].level;
        for (gain_behind, row) in self.gains[last..].iter_mut().zip(&self.rows[last..]) {
            *gain_behind = (row.level.slope_like(&level, gain) / row.level.slope()).max(1.0);
        }
    }

    /// M of every step.
    fn weigh(&mut self) {
        let mut reach = [1.0, 0.0, 0.0];
        for ((weight, row), gain) in self.weights.iter_mut().zip(&self.rows).zip(&self.gains).rev() {
            let slope = (gain * row.level.slope()).max(row.least_slope);
            *weight = (row.denoised * reach[0] + row.later[0] * reach[1] + row.later[1] * reach[2]).abs();
            reach = [(row.state * reach[0] + slope * *weight).abs().min(Self::FARTHEST), reach[0], reach[1]];
        }
    }

    /// ρ of the roll-out over `window`.
    fn expect(&mut self, window: Window<'_>, path: &Path) {
        let width = self.innovation.len();
        let rows = window.asked();
        for (place, &row) in rows.iter().enumerate() {
            let next = rows.get(place + 1).copied().unwrap_or(row + 1);
            let jump = if next == row + 1 {
                0.0
            } else {
                self.rows[next].largest_difference(width, path.drift(next), path.drift(next - 1))
            };
            for step in row..next {
                let moved = largest_difference(path.state(step), path.evaluated(step));
                self.expected[step] = Expected {
                    change: self.gains[step] * self.rows[step].level.slope() * moved,
                    gap: (step - row) as f64 / (next - row) as f64 * jump,
                };
            }
        }
        // The first state is exact.
        self.expected[window.left()] = Expected::default();
    }

    /// How far the roll-out's error at step `step` moves the sample.
    fn movement(&self, step: usize) -> f64 {
        let Expected { change, gap } = self.expected[step];
        let weight = self.weights[step] * (self.gains[step] / Self::TORN).clamp(1.0, Self::CAUTION);
        weight * (self.factors.change * change + self.factors.gap * gap)
    }
}

impl Acceptance for EstimatedError {
    fn begin(&mut self) {
        self.rolled = 0;
        self.seen.is.fill(false);
        self.gains.fill(1.0);
        self.factors = Self::FACTORS;
        self.sum = 0.0;
    }

    fn observe(&mut self, window: Window<'_>, path: &Path) {
        self.measure_factors(window, path);
        self.measure_gains(window, path);
        self.measure_gains_again(window, path);
        self.weigh();
    }

    fn accepted(&mut self, window: Window<'_>, path: &Path) -> usize {
        self.expect(window, path);
        let most = self.change.accepted(window, path);
        let left = window.left();
        let (mut sum, mut accepted) = (self.sum, 0);
        for step in left..left + most {
            let next = sum + self.movement(step);
            let allowed = self.within * self.shares[step];
            let is_within = Self::SAFETY * next <= allowed;
            // The first new state follows from an exact one.
            if accepted > 0 && !is_within {
                break;
            }
            (sum, accepted) = (next, accepted + 1);
        }
        self.sum = sum;
        (left..window.right()).for_each(|step| row_mut(&mut self.used, step).copy_from_slice(path.drift(step)));
        self.rolled = window.right();
        accepted
    }

    fn estimated_error(&self) -> Option<f64> {
        Some(Self::SAFETY * self.sum)
    }
}

/// Steps from which on half of the tolerance is shared out evenly.
const MANY_STEPS: f64 = 100.0;

/// How the tolerance is shared out: by what an error of x̂0 moves under the model, which is most at the last steps, and of a hundred
/// steps or more half evenly, since none of them moves much; and more to the first than to the last, since what is not used there is
/// left.
fn shares(weights: &[f64]) -> Vec<f64> {
    let steps = weights.len() as f64;
    let even = (steps / MANY_STEPS).min(1.0) / 2.0;
    let total = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let mut sum = 0.0;
    let mut next = |weight: &f64| {
        sum += even / steps + (1.0 - even) * weight / total;
        sum.sqrt()
    };
    weights.iter().map(&mut next).collect()
}

/// ‖Δ‖² / ⟨u, Δ⟩ of Δ = `after` − `before`, at most [`EstimatedError::MOST_GAIN`]; ‖Δ‖ / ‖u‖ where they are at an obtuse angle, as
/// they are for no covariance.
fn gain_along(u: &[f64], after: &[f32], before: &[f32]) -> f64 {
    let [mut uu, mut along, mut square] = [0.0; 3];
    for ((u, after), before) in u.iter().zip(after).zip(before) {
        let change = f64::from(after - before);
        uu += u * u;
        along += u * change;
        square += change * change;
    }
    let gain = if along > 0.0 { square / along } else { (square / uu.max(f64::MIN_POSITIVE)).sqrt() };
    // A number even where nothing changed.
    gain.min(EstimatedError::MOST_GAIN)
}

/// The largest magnitude of a − b, of as many values as `b` has; not a number if any is none.
fn largest_difference(a: &[f32], b: &[f32]) -> f64 {
    largest(a.iter().zip(b).map(|(a, b)| f64::from(a - b)))
}

/// The largest magnitude; not a number if any is none.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    let larger = |most: f64, value: f64| if value <= most { most } else { value };
    values.map(f64::abs).fold(0.0, larger)
}
