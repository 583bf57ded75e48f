//! Semilinear Picard iteration on rows spread over all the steps that are left.
//!
//! A round evaluates the first step that is not final and, evenly spaced, others up to the end ([`Spread`]); between two of
//! them x̂0 is held, or carried on by its response to the noise already drawn where they are close ([`Semilinear`]). So
//! every round ends with a whole sample, good enough to act on long before it is exact, and the rows draw together as the
//! left edge moves.
//!
//! A state is kept while its change, root mean square, moves the sample by little ([`movement::allowed`]).
//!
//! Against ParaDiGMS' criterion, which compares the change with the noise of the step, this keeps more of the first
//! steps, whose states hardly move the sample, and is as strict at the last.

use super::{Method, Settings, Strategy, StrategyKind, WindowConfig, Windowed, movement};
use crate::affine_table::Table;
use crate::error::ConfigError;
use crate::window::{FrozenDrift, RelativeChange, Semilinear, Spread, WindowLoop};

type Picard = WindowLoop<Semilinear, FrozenDrift, RelativeChange, Spread>;

/// How far, in normalised units, the sample may move at a tolerance of 1. At 0.1 nine samples in ten end within 0.005 of
/// the sequential one.
const REACH: f64 = 0.022;
/// The variance that acceptance assumes. Where two plans are still possible the sample responds to a change far more than in
/// the mean, and the earlier the change, the more such decisions are ahead. A larger variance is stricter with the first
/// steps.
const CAUTIOUS_VARIANCE: f64 = 0.15;

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
    let allowed = movement::allowed(&movement::levels(table, CAUTIOUS_VARIANCE), REACH);
    WindowLoop::new(
        Semilinear::new(movement::levels(table, movement::VARIANCE), dim),
        FrozenDrift,
        RelativeChange::new(config.tolerance, allowed),
        Spread(config.window),
    )
}
