//! A sampler's entry in a report.

use serde::{Deserialize, Serialize};

use super::{CutShort, Difference, RefinementReport, Tally, Throughput};
use crate::realtime::TimingReport;
use parapolicy_control::Percentiles;

use crate::Interval;

/// Reward and cost of one sampler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SamplerReport {
    /// Name of the strategy; `auto:picard` where `auto` took `picard`.
    pub name: String,
    /// Why `auto` took it, and what it expected; none for a sampler that was named.
    pub reason: Option<String>,
    /// Denoising steps evaluated at once; none for a sequential sampler.
    pub window: Option<usize>,
    /// Tolerance of the acceptance test; none for a sequential sampler.
    pub tolerance: Option<f64>,
    /// Mean over the episodes of each one's largest reward.
    pub reward_mean: f64,
    /// 95 % bootstrap interval of that mean; none where the episodes are too few, or their rewards all the same.
    pub reward_interval: Option<Interval>,
    /// Difference to the first sampler of the run on the same seeds; none for that one itself.
    pub reward_difference: Option<Difference>,
    /// Share of the episodes that succeeded.
    pub success_rate: f64,
    /// Wilson's 95 % interval of that share.
    #[serde(default)]
    pub success_interval: Option<Interval>,
    /// From the observation bound to the plan ready; none where plans were sampled in shared batches.
    pub sampling_latency_ms: Option<Percentiles>,
    /// The same, over the actions executed from the plan.
    pub per_action_latency_ms: Option<Percentiles>,
    /// Median sampling latency of `sequential` over this one's; none without `sequential` in the run, or where plans
    /// were sampled in shared batches.
    pub speedup: Option<f64>,
    /// Plans per second.
    pub throughput: Throughput,
    /// Mean rounds of a plan.
    pub rounds_mean: f64,
    /// Mean rows evaluated for a plan.
    pub evaluations_mean: f64,
    /// Plans that the budget cut short.
    pub cut_short: CutShort,
    /// Share of the control steps that went beyond what the environment allows.
    pub violation_rate: f64,
    /// Share of the episodes with such a step.
    pub violating_episodes: f64,
    /// How the loop went, where the world did not wait for the policy.
    pub timing: Option<TimingReport>,
    /// What refining the plans took; none where they are not refined.
    pub refinement: Option<RefinementReport>,
    /// Every episode.
    pub episodes: Vec<EpisodeReport>,
    /// By which it is merged with other parts of its run; none in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
}

/// Result of one episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpisodeReport {
    /// What it was reset with.
    pub seed: u64,
    /// Largest reward of any step.
    pub reward: f64,
    /// The task was accomplished.
    pub success: bool,
    /// Steps taken.
    pub control_steps: usize,
    /// Plans drawn.
    pub plans: usize,
    /// Steps that went beyond what the environment allows.
    pub violations: usize,
    /// How far the worst of them went, in the environment's units.
    pub largest_violation: f64,
}
