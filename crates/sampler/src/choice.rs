//! Which strategy is fastest, from what a batch costs on this machine and the batches that each strategy asks for.
//!
//! ```text
//! expected latency = mean over plans of  Σ over rounds c(rows of the round)  +  the strategy's own work
//! ```
//!
//! Nothing is assumed of c or of the rounds: both are measured elsewhere and handed in.

mod batch_cost;

use std::fmt;

pub use self::batch_cost::BatchCost;
use crate::error::ConfigError;
use crate::strategy::{Strategy, WindowConfig};

/// Windows that are compared. With two or three rows `picard` does not see what lies ahead of it, and its estimate is not to be relied
/// on: of 1,200 plans of the shipped policies in 100 steps 1 % ended outside the tolerance with two, 0.2 % with three, none with four.
const WINDOWS: [usize; 12] = [4, 6, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128];

/// How far inside the tolerance the furthest plan must have ended of a strategy that does not estimate its error: of a few plans the
/// next one to end further than the furthest is no rarity, and some end several times as far.
const UNKNOWN: f64 = 4.0;

/// c(p) is not known better than this share of it.
const MARGIN: f64 = 0.02;

/// The batches that a strategy asked for in plans that were drawn to measure it.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The strategy, its window and tolerance.
    pub strategy: Strategy,
    /// The sampler's own work for a plan, in milliseconds: all but the network.
    pub own_ms: f64,
    /// The furthest that a value of these plans ended from `sequential`'s under the same noise, in normalised units.
    pub deviation: f64,
    /// Rows of every round, plan by plan.
    pub plans: Vec<Vec<usize>>,
}

/// What a plan is expected to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expectation {
    /// The strategy, its window and tolerance.
    pub strategy: Strategy,
    /// Mean rounds.
    pub rounds: f64,
    /// Mean rows, over all rounds together.
    pub evaluations: f64,
    /// Mean latency in milliseconds.
    pub latency_ms: f64,
}

/// The fastest strategy, and what it was compared with. Its text is the reason, in one line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// What to use.
    pub best: Expectation,
    /// `sequential`; where that is the best, the fastest of the others. None if there was nothing to compare with.
    pub other: Option<Expectation>,
}

impl Strategy {
    /// What `auto` chooses from, for plans of `steps` steps: `sequential`, `parareal`, and `picard` and `anderson` with windows
    /// from 4 to 128 or `steps`.
    ///
    /// Each gives the plan of `sequential` under the same noise, up to `tolerance`. `picard` keeps to it by an estimate of its
    /// own; `estimated` is the tolerance that is given to it, smaller than `tolerance` where the estimate is known to be too low.
    /// Left out are `speculative`, and `blocks` for solvers without noise, whose plans are others, and `paradigms`, which is the
    /// iteration of `picard` with a plainer roll-out. A strategy that refuses the solver says so when a
    /// [`Sampler`](crate::Sampler) is made.
    pub fn candidates(steps: usize, tolerance: f64, estimated: f64) -> Vec<Self> {
        let widest = steps.min(WINDOWS[WINDOWS.len() - 1]);
        let narrower = WINDOWS.into_iter().filter(|window| *window < widest);
        let parallel = narrower.chain([widest]).flat_map(|window| {
            let picard = Self::picard(WindowConfig { window, tolerance: estimated });
            [picard, Self::anderson(WindowConfig { window, tolerance })]
        });
        [Self::sequential(), Self::parareal(tolerance)].into_iter().chain(parallel).collect()
    }
}

impl Profile {
    /// What a plan takes where batches cost `cost`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if no plan was drawn, a plan has no rounds or a round no rows, or the own work or the
    /// deviation is negative or not finite.
    pub fn expected(&self, cost: &BatchCost) -> Result<Expectation, ConfigError> {
        if self.plans.is_empty() || self.plans.iter().any(Vec::is_empty) {
            return Err(ConfigError::out_of_range("rounds of a plan", &0, "at least 1"));
        }
        if self.plans.iter().flatten().any(|rows| *rows == 0) {
            return Err(ConfigError::out_of_range("rows of a round", &0, "at least 1"));
        }
        if !(self.own_ms >= 0.0 && self.own_ms.is_finite()) {
            return Err(ConfigError::out_of_range("own_ms", &self.own_ms, "finite and not negative"));
        }
        if !(self.deviation >= 0.0 && self.deviation.is_finite()) {
            return Err(ConfigError::out_of_range("deviation", &self.deviation, "finite and not negative"));
        }
        let plans = self.plans.len() as f64;
        let rows = || self.plans.iter().flatten().copied();
        Ok(Expectation {
            strategy: self.strategy,
            rounds: rows().count() as f64 / plans,
            evaluations: rows().map(|rows| rows as f64).sum::<f64>() / plans,
            latency_ms: rows().map(|rows| cost.of(rows)).sum::<f64>() / plans + self.own_ms,
        })
    }

    /// Whether plans may be expected to end within `tolerance` of `sequential`'s.
    fn keeps(&self, tolerance: f64) -> bool {
        let safety = if self.strategy.estimates_error() { 1.0 } else { UNKNOWN };
        safety * self.deviation <= tolerance
    }
}

/// The fastest of the strategies that were profiled and of which no plan ended further from `sequential`'s than `tolerance`,
/// normalised, or than a quarter of it if the strategy [does not estimate its error](Strategy::estimates_error); of those within 2 %
/// of the fastest, the one that evaluates least.
///
/// ```
/// use parapolicy_sampler::{BatchCost, Profile, Strategy, WindowConfig, choose};
///
/// let sequential = Profile { strategy: Strategy::sequential(), own_ms: 0.0, deviation: 0.0, plans: vec![vec![1; 100]] };
/// let picard = Strategy::picard(WindowConfig { window: 20, tolerance: 0.1 });
/// let picard = Profile { strategy: picard, own_ms: 0.2, deviation: 0.01, plans: vec![vec![20, 20, 20, 20, 20, 20, 4]] };
///
/// let gpu = BatchCost::new(vec![(1, 1.0), (128, 1.2)])?;
/// let choice = choose(&gpu, &[sequential.clone(), picard.clone()], 0.1)?;
/// assert_eq!(choice.to_string(), "picard, window 20: 7.0 rounds of about 18 rows, 7.4 ms expected; sequential: 100.0 ms");
///
/// let microcontroller = BatchCost::new(vec![(1, 1.0), (128, 128.0)])?;
/// let choice = choose(&microcontroller, &[sequential, picard], 0.1)?;
/// assert_eq!(choice.best.strategy, Strategy::sequential());
/// # Ok::<(), parapolicy_sampler::ConfigError>(())
/// ```
///
/// # Errors
///
/// [`ConfigError`] if no profile is of a strategy that kept the tolerance, or one is damaged (see [`Profile::expected`]).
pub fn choose(cost: &BatchCost, profiles: &[Profile], tolerance: f64) -> Result<Choice, ConfigError> {
    let expected = profiles.iter().map(|profile| profile.expected(cost)).collect::<Result<Vec<_>, _>>()?;
    let kept = expected.into_iter().zip(profiles).filter(|(_, profile)| profile.keeps(tolerance));
    let expected: Vec<Expectation> = kept.map(|(expected, _)| expected).collect();
    let nothing = || ConfigError::out_of_range("profiles", &0, "at least 1 that kept the tolerance");
    let limit = fastest(&expected, |_| true).ok_or_else(nothing)?.latency_ms * (1.0 + MARGIN);
    let close = expected.iter().filter(|plan| plan.latency_ms <= limit);
    let best = close.min_by(|a, b| a.evaluations.total_cmp(&b.evaluations)).copied().ok_or_else(nothing)?;
    let parallel = best.strategy != Strategy::sequential();
    let other = fastest(&expected, |plan| (plan.strategy == Strategy::sequential()) == parallel);
    Ok(Choice { best, other })
}

fn fastest(expected: &[Expectation], among: impl Fn(&Expectation) -> bool) -> Option<Expectation> {
    let among = expected.iter().filter(|plan| among(plan));
    among.min_by(|a, b| a.latency_ms.total_cmp(&b.latency_ms)).copied()
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Expectation { strategy, rounds, evaluations, latency_ms } = self.best;
        write_strategy(f, strategy)?;
        let rows = evaluations / rounds;
        let plural = if rows.round() == 1.0 { "" } else { "s" };
        write!(f, ": {rounds:.1} rounds of about {rows:.0} row{plural}, {latency_ms:.1} ms expected")?;
        let Some(other) = self.other else { return Ok(()) };
        f.write_str("; ")?;
        write_strategy(f, other.strategy)?;
        write!(f, ": {:.1} ms", other.latency_ms)
    }
}

fn write_strategy(f: &mut fmt::Formatter<'_>, strategy: Strategy) -> fmt::Result {
    match strategy.window() {
        Some(window) => write!(f, "{strategy}, window {window}"),
        None => write!(f, "{strategy}"),
    }
}
