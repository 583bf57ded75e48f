//! Ways to draw plans, measured beside each other: what `parapolicy tune` writes into
//! [`Tuned`](parapolicy_control::tuned::Tuned).
//!
//! ```text
//! take_turns ──▶ Drawn ──latency, drift──▶ how long plans take, and whether the machine was busy
//!                      ──distance────────▶ how far their distribution is from the reference's
//! outdone, frontier ───▶ which ways another one beats in both, by far or at all
//! ```

mod energy;
mod frontier;
mod turns;

use parapolicy_policy::Network;

pub use self::energy::{distance, energy_distance};
pub use self::frontier::{FAR, Point, frontier, outdone};
pub use self::turns::{Drawn, Turn, take_turns};
use crate::calibration::row_ms as row_of;
use crate::trial_observations::trial_observations;
use crate::{CalibrationError, Estimate, bootstrap_mean};

/// The median time of a batch of one row, in milliseconds: before and after a measurement it tells whether something else
/// came or went meanwhile.
///
/// # Errors
/// A network that fails.
pub fn row_ms(policy: &mut Network) -> Result<f64, CalibrationError> {
    let (dim, trained) = (policy.manifest().sample_dim(), policy.manifest().scheduler.num_train_timesteps);
    let [observation] = trial_observations(policy.manifest(), &[]);
    let mut denoiser = policy.bind(observation.view())?;
    row_of(&mut denoiser, dim, (trained / 2) as f32).map_err(CalibrationError::Network)
}

/// The mean of values, with its bootstrap interval.
#[must_use]
pub fn estimate(values: &[f64]) -> Estimate {
    let count = values.len();
    Estimate { mean: values.iter().sum::<f64>() / count.max(1) as f64, interval: bootstrap_mean(values), count }
}

/// A time that changes by more than this while it is measured is not believed.
pub const STEADY: f64 = 1.3;

/// How much larger the larger one is.
#[must_use]
pub fn ratio(one: f64, other: f64) -> f64 {
    one.max(other) / one.min(other)
}
