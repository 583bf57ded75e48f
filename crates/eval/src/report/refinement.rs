//! What refinement cost and how well limits were kept, for a report.

use serde::{Deserialize, Serialize};

use super::mean;
use parapolicy_control::refine::RefinementCost;
use parapolicy_control::{Latency, Percentiles};

/// Cost and result of refining a sampler's plans.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefinementReport {
    /// Plans that did not keep every limit as they were sampled, and were refined.
    pub refined_plans: usize,
    /// Plans that were not executed because holding the last target exceeded the limits less.
    pub held_plans: usize,
    /// Plans that exceed a limit as they were executed.
    pub violating_plans: usize,
    /// How far the worst of them exceeds it, in the limit's units.
    pub largest_violation: f64,
    /// Sampled plan to refined plan, of the plans that were refined.
    pub latency_ms: Percentiles,
    /// Mean rounds of a refinement.
    pub rounds_mean: f64,
    /// Mean rows evaluated in a refinement.
    pub evaluations_mean: f64,
}

impl RefinementReport {
    /// `None` if no plan was to be refined.
    pub(super) fn of(plans: &[RefinementCost]) -> Option<Self> {
        if plans.is_empty() {
            return None;
        }
        let refined: Vec<_> = plans.iter().filter(|plan| plan.rounds > 0).collect();
        let mut latency = Latency::new();
        refined.iter().for_each(|plan| latency.record(plan.latency));
        Some(Self {
            refined_plans: refined.len(),
            held_plans: plans.iter().filter(|plan| plan.held).count(),
            violating_plans: plans.iter().filter(|plan| plan.violation > 0.0).count(),
            largest_violation: plans.iter().map(|plan| plan.violation).fold(0.0, f64::max),
            latency_ms: latency.percentiles(),
            rounds_mean: mean(refined.iter().map(|plan| plan.rounds as f64)),
            evaluations_mean: mean(refined.iter().map(|plan| plan.evaluations as f64)),
        })
    }
}
