//! Semilinear Picard iteration.
//!
//! The affine row is rolled out on the new states with the x̂0 of the round before, corrected by what earlier changes
//! did to x̂0 ([`Semilinear`]); states that the window has not reached are guessed by going on with the last x̂0 and the
//! noise already drawn ([`FrozenDrift`]); a state is kept while its change, root mean square, moves the sample by little:
//!
//! ```text
//! slope_j · ‖x_new[j] − x_old[j]‖ / √D  ≤  τ · REACH        (slope: Level::slope)
//! ```
//!
//! Against ParaDiGMS' criterion, which compares the change with the noise of the step, this keeps more of the first
//! steps, whose states hardly move the sample, and is as strict at the last.

use super::WindowConfig;
use crate::table::Table;
use crate::window::{FixedWindow, FrozenDrift, Level, RelativeChange, Semilinear, WindowLoop};

type Picard = WindowLoop<Semilinear, FrozenDrift, RelativeChange, FixedWindow>;

/// How far, in normalised units, the sample may move at a tolerance of 1. At 0.1 nine samples in ten end within 0.005 of
/// the sequential one.
const REACH: f64 = 0.02;

pub(super) fn method(table: &Table, config: WindowConfig, dim: usize) -> Picard {
    let levels = table.rows().iter().map(|row| Level::new(f64::from(row.alpha), f64::from(row.sigma)));
    let levels: Vec<Level> = levels.collect();
    // Of x_1 to x_{N-1}, and of x_N, which nothing is evaluated on.
    let allowed: Vec<f64> = levels.iter().skip(1).map(|level| (REACH / level.slope()).powi(2)).chain([0.0]).collect();
    WindowLoop::new(
        Semilinear::new(levels, dim),
        FrozenDrift,
        RelativeChange::new(config.tolerance, allowed),
        FixedWindow(config.window),
    )
}
