//! How much a state may change and be kept, by how far that moves the sample.

use crate::table::Table;
use crate::window::Level;

/// How far, in normalised units, the sample may move at a tolerance of 1. At 0.1 nine samples in ten of `picard` end
/// within 0.005 of the sequential one.
const REACH: f64 = 0.02;

/// The noise level of every step, `[N]`.
pub(super) fn levels(table: &Table) -> Vec<Level> {
    table.rows().iter().map(|row| Level::new(f64::from(row.alpha), f64::from(row.sigma))).collect()
}

/// Mean squared change of x_1, …, x_N that moves the sample by [`REACH`] in the mean, `[N]`:
///
/// ```text
/// slope_j · ‖x_new[j] − x_old[j]‖ / √D  ≤  τ · REACH        (slope: Level::slope)
/// ```
pub(super) fn allowed(levels: &[Level]) -> Vec<f64> {
    // x_N is the sample itself.
    let slopes = levels.iter().skip(1).map(Level::slope).chain([1.0]);
    slopes.map(|slope| (REACH / slope).powi(2)).collect()
}
