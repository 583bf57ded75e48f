//! How much a state may change and be kept, by how far that moves the sample.

use crate::affine_table::Table;
use crate::window::Level;

/// The variance that one observation leaves open, in normalised units squared.
pub(super) const VARIANCE: f64 = 0.05;
/// How far, in normalised units, the sample may move at a tolerance of 1.
pub(super) const REACH: f64 = 0.02;

/// The noise level of every step, `[N]`, for data of `variance`.
pub(super) fn levels(table: &Table, variance: f64) -> Vec<Level> {
    table.rows().iter().map(|row| Level::new(f64::from(row.alpha), f64::from(row.sigma), variance)).collect()
}

/// Mean squared change of x_1, …, x_N that moves the sample by `reach` in the mean, `[N]`:
///
/// ```text
/// slope_j · ‖x_new[j] − x_old[j]‖ / √D  ≤  τ · reach        (slope: Level::slope)
/// ```
pub(super) fn allowed(levels: &[Level], reach: f64) -> Vec<f64> {
    // x_N is the sample itself.
    let slopes = levels.iter().skip(1).map(Level::slope).chain([1.0]);
    slopes.map(|slope| (reach / slope).powi(2)).collect()
}
