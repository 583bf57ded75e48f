//! Semilinear Picard iteration on rows spread over all the steps that are left.
//!
//! A round evaluates the first step that is not final and, evenly spaced, others up to the end ([`Spread`]); between two of
//! them x̂0 is held, or carried on by its response to the noise already drawn where they are close ([`Semilinear`]). So
//! every round ends with a whole sample, good enough to act on long before it is exact, and the rows draw together as the
//! left edge moves.
//!
//! A state is kept while the sample, by an estimate that the rounds themselves correct, stays within the tolerance of the
//! sequential one ([`EstimatedError`]), and while its own change moves the sample by a small share of that
//! ([`movement::allowed`]).
//!
//! Against ParaDiGMS' criterion, which compares the change with the noise of the step, this keeps more of the first
//! steps, whose states hardly move the sample, is as strict at the last, and looks at the steps that were not evaluated too.

use super::{Method, Settings, Strategy, StrategyKind, WindowConfig, Windowed, movement};
use crate::affine_table::Table;
use crate::error::ConfigError;
use crate::window::{Affine, EstimatedError, FrozenDrift, RelativeChange, Semilinear, Spread, WindowLoop};

type Picard = WindowLoop<Semilinear, FrozenDrift, EstimatedError, Spread>;

/// How far, in normalised units, the change of one round may move the sample at a tolerance of 1: at many steps, and at few, times
/// their number, since few changes add up to less.
const REACH: f64 = 0.03;
const REACH_OF_ALL: f64 = 3.0;
/// The variance that the change of one round is judged by. Where two plans are still possible the sample responds to a
/// change far more than in the mean, and the earlier the change, the more such decisions are ahead. A larger variance is
/// stricter with the first steps.
const CAUTIOUS_VARIANCE: f64 = 0.2;
/// The least variance that the estimate assumes of the data.
const LEAST_VARIANCE: f64 = 0.1;

/// `picard`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind;

impl StrategyKind for Kind {
    fn name(&self) -> &'static str {
        "picard"
    }

    fn summary(&self) -> &'static str {
        "semilinear Picard iteration over all steps that are left, with secant correction (this project)"
    }

    fn defaults(&self) -> Settings {
        WindowConfig::default().settings()
    }

    fn estimates_error(&self) -> bool {
        true
    }

    fn method(&self, table: &Table, dim: usize, settings: Settings) -> Result<Box<dyn Method>, ConfigError> {
        Ok(Box::new(Windowed::new(window_loop(table, settings.config(), dim), table.steps())))
    }
}

impl Strategy {
    /// Semilinear Picard iteration with a frozen-x̂0 tail and secant correction.
    pub const fn picard(config: WindowConfig) -> Self {
        Self { kind: &Kind, settings: config.settings() }
    }
}

fn window_loop(table: &Table, config: WindowConfig, dim: usize) -> Picard {
    let cautious = movement::levels(table, CAUTIOUS_VARIANCE);
    let reach = (REACH_OF_ALL / table.steps() as f64).max(REACH);
    let change = RelativeChange::new(config.tolerance, movement::allowed(&cautious, reach));
    WindowLoop::new(
        Semilinear::new(movement::levels(table, movement::VARIANCE), dim),
        FrozenDrift,
        EstimatedError::new(config.tolerance, affine(table), change, dim),
        Spread::new(config.window),
    )
}

/// The steps as the estimate sees them. With DPM-Solver++ and the midpoint method an x̂0 acts in two or three steps.
fn affine(table: &Table) -> Vec<Affine> {
    let [levels, least] = [movement::VARIANCE, LEAST_VARIANCE].map(|variance| movement::levels(table, variance));
    let later = |step: usize| {
        let [next, after] = [1, 2].map(|lag| table.rows().get(step + lag));
        [next.map_or(0.0, |row| row.previous), after.map_or(0.0, |row| row.earlier)].map(f64::from)
    };
    let rows = table.rows().iter().zip(levels).zip(least).enumerate();
    rows.map(|(step, ((row, level), least))| Affine {
        state: f64::from(row.state),
        denoised: f64::from(row.denoised),
        later: later(step),
        excess: f64::from(row.excess),
        level,
        least_slope: least.slope(),
    })
    .collect()
}
