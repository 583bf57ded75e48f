//! What a run sums up beside its episodes: by it reports of parts of a run are put together as if they were one.

use std::time::Duration;

use parapolicy_control::Latency;
use parapolicy_control::refine::RefinementCost;
use serde::{Deserialize, Serialize};

use crate::Episode;
use crate::realtime::Timing;

/// Sums over the plans of a sampler, and distributions from which percentiles are taken. Plans' latencies are
/// [`Throughput`](super::Throughput)'s histogram.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Latency over the actions executed from a plan.
    pub(super) per_action: Latency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) timing: Option<Timing>,
    pub(super) rounds: usize,
    pub(super) evaluations: usize,
    pub(super) plans: usize,
    /// Number of calls for plans: the sum of each plan's share of its call.
    pub(super) calls: f64,
    /// Time that all calls took; in a file seconds. In whole nanoseconds, so that the sum is the same in whatever order.
    #[serde(with = "seconds")]
    pub(super) time: Duration,
    /// Of plans that the budget ended early.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) residuals: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) refinements: Vec<RefinementCost>,
}

impl Tally {
    /// Counts an episode's plans.
    pub(super) fn add(&mut self, episode: &Episode) {
        for plan in &episode.plans {
            if let Ok(executed @ 1..) = u32::try_from(plan.executed) {
                self.per_action.record(plan.latency / executed);
            }
            self.calls += 1.0 / plan.together.max(1) as f64;
            let together = u32::try_from(plan.together).unwrap_or(u32::MAX).max(1);
            self.time = self.time.saturating_add(plan.latency / together);
            self.rounds += plan.rounds;
            self.evaluations += plan.evaluations;
            self.refinements.extend(plan.refinement);
            self.residuals.extend(plan.residual);
        }
        self.plans += episode.plans.len();
    }

    /// Counts how an episode went in time.
    pub(super) fn add_timing(&mut self, timing: &Timing) {
        match &mut self.timing {
            Some(so_far) => so_far.merge(timing),
            none => *none = Some(timing.clone()),
        }
    }

    /// Adds another part's.
    pub(super) fn merge(&mut self, other: &Self) {
        self.per_action.merge(&other.per_action);
        if let Some(timing) = &other.timing {
            self.add_timing(timing);
        }
        self.rounds = self.rounds.saturating_add(other.rounds);
        self.evaluations = self.evaluations.saturating_add(other.evaluations);
        self.plans = self.plans.saturating_add(other.plans);
        self.calls += other.calls;
        self.time = self.time.saturating_add(other.time);
        self.residuals.extend(&other.residuals);
        self.refinements.extend(&other.refinements);
    }

    /// Plans per second of the calls' time; 0 before the first.
    pub(super) fn rate(&self) -> f64 {
        if self.time.is_zero() { 0.0 } else { self.plans as f64 / self.time.as_secs_f64() }
    }

    /// Mean number of plans in a call; 0 before the first.
    pub(super) fn plans_per_call(&self) -> f64 {
        if self.plans > 0 { self.plans as f64 / self.calls } else { 0.0 }
    }
}

/// A time as a number of seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(time.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
