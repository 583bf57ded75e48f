//! How many plans a budget ended early, and how many plans are sampled per second.

use serde::{Deserialize, Serialize};

use parapolicy_control::{Latency, Percentiles};

/// Plans that the budget ended early, and how far they moved in their last round (root mean square, normalised units).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CutShort {
    /// Share of all plans.
    pub share: f64,
    /// Median residual; 0 if no plan was ended early.
    pub residual_p50: f64,
    /// 90th percentile.
    pub residual_p90: f64,
}

impl CutShort {
    /// From the `residuals` of the plans that were ended early, out of `plans` plans.
    #[must_use]
    pub fn new(residuals: &[f64], plans: usize) -> Self {
        let mut sorted = residuals.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1) as f64;
        let at = |quantile: f64| sorted.get((quantile * last).round() as usize).copied().unwrap_or_default();
        Self { share: sorted.len() as f64 / plans.max(1) as f64, residual_p50: at(0.5), residual_p90: at(0.9) }
    }
}

/// Plans per time spent in calls for plans, each from the observations bound to all plans of the call ready. The
/// environments' own time is not counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Plans drawn over that time.
    pub plans_per_second: f64,
    /// Mean number of plans in a call.
    pub plans_per_call: f64,
    /// Latency of plans sampled in shared batches: the time of the call.
    pub call_latency_ms: Percentiles,
    /// The same as a full histogram, in `HdrHistogram`'s interchange format. Where plans were sampled one by one, these
    /// are their sampling latencies.
    pub call_histogram: Latency,
    /// Plans per second over those of `sequential`; none without `sequential` in the run.
    pub speedup: Option<f64>,
}
