//! Bootstrap confidence intervals.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Enough that the second digit of a bound is stable.
const RESAMPLES: usize = 10_000;

/// A 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// 2.5th percentile.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
}

/// The 95 % interval of the mean of `values` by the percentile bootstrap (Efron 1979).
///
/// Rewards pile up at 1, so their mean is not normally distributed for the few episodes of a run; resampling needs no
/// such assumption. The resamples are seeded: the same values give the same interval. `None` without values.
///
/// ```
/// use parapolicy_eval::bootstrap_mean;
///
/// let interval = bootstrap_mean(&[0.9, 1.0, 0.8, 1.0, 0.95]).unwrap();
/// assert!(interval.low < 0.93 && 0.93 < interval.high);
/// assert_eq!(bootstrap_mean(&[]), None);
/// ```
#[must_use]
pub fn bootstrap_mean(values: &[f64]) -> Option<Interval> {
    if values.is_empty() {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut resample = || {
        let sum: f64 = (0..values.len()).map(|_| values[random.random_range(0..values.len())]).sum();
        sum / values.len() as f64
    };
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[(share * (RESAMPLES - 1) as f64).round() as usize];
    Some(Interval { low: at(0.025), high: at(0.975) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// For many normal values the bootstrap agrees with the closed form, mean ± 1.96 σ/√n.
    #[test]
    fn agrees_with_the_closed_form() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 20)).collect();
        let mean = 9.5;
        let deviation = ((20.0f64 * 20.0 - 1.0) / 12.0).sqrt();
        let half = 1.96 * deviation / 20.0;
        let found = bootstrap_mean(&values).unwrap();
        approx::assert_relative_eq!(found.low, mean - half, max_relative = 0.01);
        approx::assert_relative_eq!(found.high, mean + half, max_relative = 0.01);
    }

    proptest! {
        #[test]
        fn holds_between_the_extremes(values in prop::collection::vec(0.0..1.0f64, 1..12)) {
            let found = bootstrap_mean(&values).unwrap();
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(least - 1e-12 <= found.low && found.low <= found.high && found.high <= most + 1e-12);
        }
    }
}
