//! Confidence intervals: of a mean by the bootstrap, of a share by Wilson's score.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

pub use parapolicy_control::tuned::Interval;

/// 97.5th percentile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Fewer values are too little to tell how far their mean may be off: of four, resampling knows no more than their extremes.
pub(crate) const ENOUGH: usize = 5;

/// Enough that the second digit of a bound is stable.
const RESAMPLES: usize = 10_000;

/// The 95 % interval of the mean of `values` by the expanded percentile bootstrap (Hesterberg 2015, "What Teachers Should
/// Know About the Bootstrap", section 3.3): the percentiles
///
/// ```text
/// Φ(∓ √(n / (n − 1)) t)      t = the 97.5th percentile of Student's t with n − 1 degrees of freedom
/// ```
///
/// of the means of resamples, in place of 2.5 and 97.5 %, which would be too narrow for few values.
///
/// Rewards pile up at 1, so their mean is not normally distributed for the few episodes of a run; resampling needs no
/// such assumption. The resamples are seeded: the same values give the same interval. `None` of fewer than five values, and
/// where all are the same: they do not tell how far others would be from them.
///
/// ```
/// use parapolicy_eval::bootstrap_mean;
///
/// let interval = bootstrap_mean(&[0.9, 1.0, 0.8, 1.0, 0.95]).unwrap();
/// assert!(interval.low < 0.93 && 0.93 < interval.high);
/// assert_eq!(bootstrap_mean(&[0.9]), None);
/// ```
#[must_use]
pub fn bootstrap_mean(values: &[f64]) -> Option<Interval> {
    let first = *values.first()?;
    if values.len() < ENOUGH || values.iter().all(|value| *value == first) {
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
    let tail = tail(values.len());
    Some(Interval { low: at(tail), high: at(1.0 - tail) })
}

/// The 95 % interval of a share, `successes` of `trials`, by Wilson's score (Wilson 1927):
///
/// ```text
/// (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)
/// ```
///
/// It is no point where all succeed or none does. `None` without trials.
///
/// ```
/// use parapolicy_eval::wilson;
///
/// let interval = wilson(10, 10).unwrap();
/// assert!((interval.low - 0.7225).abs() < 1e-4 && interval.high > 0.9999);
/// assert_eq!(wilson(0, 0), None);
/// ```
#[must_use]
pub fn wilson(successes: usize, trials: usize) -> Option<Interval> {
    if trials == 0 {
        return None;
    }
    let n = trials as f64;
    let share = successes.min(trials) as f64 / n;
    let (centre, scale) = (share + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(Interval { low: ((centre - half) / scale).max(0.0), high: ((centre + half) / scale).min(1.0) })
}

/// Φ(−√(n / (n − 1)) t).
fn tail(count: usize) -> f64 {
    let n = count as f64;
    normal_tail((n / (n - 1.0)).sqrt() * student(n - 1.0))
}

/// The 97.5th percentile of Student's t with `freedom` degrees of freedom, at least 4 of them: Abramowitz and Stegun 26.7.5,
/// to 0.3 %.
fn student(freedom: f64) -> f64 {
    let power = |exponent| Z.powi(exponent);
    let terms = [
        (power(3) + Z) / 4.0,
        (5.0 * power(5) + 16.0 * power(3) + 3.0 * Z) / 96.0,
        (3.0 * power(7) + 19.0 * power(5) + 17.0 * power(3) - 15.0 * Z) / 384.0,
    ];
    terms.iter().zip(1..).fold(Z, |sum, (term, exponent)| sum + term / freedom.powi(exponent))
}

/// Φ(−x) for x above 0: Abramowitz and Stegun 26.2.17, to 1e-7.
fn normal_tail(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let factors = [0.319_381_53, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = factors.iter().rev().fold(0.0, |sum, factor| t * (sum + factor));
    sum * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()
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

    /// Quantiles of Student's t and tails of the normal distribution as tables have them, and Wilson's intervals as R's
    /// `prop.test(x, n, correct = FALSE)` and statsmodels' `proportion_confint(x, n, method="wilson")` do.
    #[test]
    fn agrees_with_tables() {
        for (freedom, expected) in [(4.0, 2.776_445), (9.0, 2.262_157), (19.0, 2.093_024), (99.0, 1.984_217)] {
            approx::assert_relative_eq!(student(freedom), expected, max_relative = 3e-3);
        }
        for (x, expected) in [(Z, 0.025), (3.0, 0.001_349_898), (1.0, 0.158_655_25)] {
            approx::assert_abs_diff_eq!(normal_tail(x), expected, epsilon = 1e-7);
        }
        for ((successes, trials), [low, high]) in [
            ((0, 1), [0.0, 0.793_450_7]),
            ((5, 10), [0.236_593_1, 0.763_406_9]),
            ((10, 10), [0.722_467_2, 1.0]),
            ((81, 263), [0.255_288_1, 0.366_209_6]),
        ] {
            let found = wilson(successes, trials).unwrap();
            approx::assert_abs_diff_eq!(found.low, low, epsilon = 1e-4);
            approx::assert_abs_diff_eq!(found.high, high, epsilon = 1e-4);
        }
    }

    #[test]
    fn too_few_values_and_equal_ones_tell_nothing() {
        assert_eq!(bootstrap_mean(&[]), None);
        assert_eq!(bootstrap_mean(&[0.5]), None);
        assert_eq!(bootstrap_mean(&[0.1, 0.2, 0.3, 0.4]), None);
        assert_eq!(bootstrap_mean(&[1.0; 20]), None);
        assert!(bootstrap_mean(&[0.1, 0.2, 0.3, 0.4, 0.5]).is_some());
    }

    proptest! {
        #[test]
        fn holds_between_the_extremes(values in prop::collection::vec(0.0..1.0f64, 5..12)) {
            let found = bootstrap_mean(&values).unwrap();
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(least - 1e-12 <= found.low && found.low <= found.high && found.high <= most + 1e-12);
        }
    }
}
