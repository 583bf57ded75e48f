//! Distributions of durations, as histograms.

mod interchange;

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Resolution of the histogram: three significant digits from a nanosecond to an hour.
const SIGNIFICANT_DIGITS: u8 = 3;
const HIGHEST: Duration = Duration::from_secs(3600);

/// A distribution of durations. In files it is text, in `HdrHistogram`'s interchange format.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency(Histogram<u64>);

/// Percentiles of a [`Latency`], in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

impl Latency {
    /// An empty distribution.
    #[must_use]
    pub fn new() -> Self {
        let highest = nanoseconds(HIGHEST);
        // Both arguments are constants inside the histogram's documented range.
        #[expect(clippy::expect_used, reason = "constant arguments, checked by every test that records a duration")]
        Self(Histogram::new_with_bounds(1, highest, SIGNIFICANT_DIGITS).expect("constant bounds"))
    }

    /// Adds a duration; one beyond an hour counts as an hour.
    pub fn record(&mut self, duration: Duration) {
        self.0.saturating_record(nanoseconds(duration));
    }

    /// Whether no duration has been recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The percentiles; all zero while nothing has been recorded.
    #[must_use]
    pub fn percentiles(&self) -> Percentiles {
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1e6;
        Percentiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: self.0.max() as f64 / 1e6 }
    }

    /// Adds all durations of another distribution.
    pub fn merge(&mut self, other: &Self) {
        // Values were clamped to the range when they were recorded or read.
        for step in other.0.iter_recorded() {
            self.0.saturating_record_n(step.value_iterated_to(), step.count_at_value());
        }
    }

    /// The duration that a `share` of all, in `[0, 1]`, does not exceed; zero while nothing has been recorded.
    #[must_use]
    pub fn at(&self, share: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(share))
    }

    /// Cumulative distribution as `(milliseconds, share of durations up to there)`, rising, for a plot.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.0.iter_recorded().map(|step| (step.value_iterated_to() as f64 / 1e6, step.quantile()))
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}

/// A zero duration is below the histogram's resolution and counts as one nanosecond.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_known_distribution() {
        let mut latency = Latency::new();
        for millisecond in 1..=1000 {
            latency.record(Duration::from_millis(millisecond));
        }
        let found = latency.percentiles();
        for (value, expected) in [(found.p50, 500.0), (found.p90, 900.0), (found.p99, 990.0), (found.max, 1000.0)] {
            approx::assert_relative_eq!(value, expected, max_relative = 2e-3);
        }
    }

    #[test]
    fn extremes_are_kept_in_range() {
        let mut latency = Latency::new();
        latency.record(Duration::ZERO);
        latency.record(Duration::from_secs(100_000));
        approx::assert_relative_eq!(latency.percentiles().max, 3.6e6, max_relative = 2e-3);
    }

    #[test]
    fn the_cumulative_distribution_rises_to_one() {
        let mut latency = Latency::new();
        for millisecond in [3, 5, 5, 9] {
            latency.record(Duration::from_millis(millisecond));
        }
        let shares: Vec<f64> = latency.cumulative().map(|(_, share)| share).collect();
        assert_eq!(shares, [0.25, 0.75, 1.0]);
    }
}
