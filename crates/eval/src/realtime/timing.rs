//! Timing of a realtime loop: jitter, missed deadlines, age of observations, late plans.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::smoothness::{Smoothness, SmoothnessReport};
use parapolicy_control::playback::{Command, Source};
use parapolicy_control::{Latency, Percentiles};

/// Timing of a realtime loop: what was late, and which commands were sent without a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Whether the clock is the wall clock.
    wall: bool,
    jitter: Latency,
    age: Latency,
    steps: usize,
    misses: usize,
    late: usize,
    safe: usize,
    withheld: usize,
    failures: usize,
    #[serde(default)]
    smoothness: Smoothness,
}

/// Summary of [`Timing`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimingReport {
    /// Control steps taken.
    pub control_steps: usize,
    /// From the deadline of a control step to its beginning; none on a virtual clock.
    pub wake_up_jitter_ms: Option<Percentiles>,
    /// Deadlines by which the control step before was not done; none on a virtual clock.
    pub deadline_misses: Option<usize>,
    /// Age of the newest plan's observation when an action is applied.
    pub observation_age_ms: Percentiles,
    /// Share of the control steps for which the plans had run out.
    pub late_rate: f64,
    /// Share of the control steps for which there was no plan, or only one that was too old.
    pub safe_rate: f64,
    /// Control steps in which another action was sent than the planned one.
    pub withheld: usize,
    /// Plans that failed, or could not be executed.
    pub failed_plans: usize,
    /// How smoothly commands followed each other; none where there were too few.
    #[serde(default)]
    pub smoothness: Option<SmoothnessReport>,
}

impl Timing {
    /// For a loop that has not run yet; `wall` if it runs on the wall clock.
    #[must_use]
    pub fn new(wall: bool) -> Self {
        let (jitter, age) = (Latency::new(), Latency::new());
        let smoothness = Smoothness::default();
        Self { wall, jitter, age, steps: 0, misses: 0, late: 0, safe: 0, withheld: 0, failures: 0, smoothness }
    }

    /// Adds the measurements of another loop.
    pub fn merge(&mut self, other: &Self) {
        self.jitter.merge(&other.jitter);
        self.age.merge(&other.age);
        self.steps += other.steps;
        self.misses += other.misses;
        self.late += other.late;
        self.safe += other.safe;
        self.withheld += other.withheld;
        self.failures += other.failures;
        self.smoothness.merge(&other.smoothness);
    }

    /// The summary.
    #[must_use]
    pub fn report(&self) -> TimingReport {
        let share = |count: usize| count as f64 / self.steps.max(1) as f64;
        TimingReport {
            control_steps: self.steps,
            wake_up_jitter_ms: self.wall.then(|| self.jitter.percentiles()),
            deadline_misses: self.wall.then_some(self.misses),
            observation_age_ms: self.age.percentiles(),
            late_rate: share(self.late),
            safe_rate: share(self.safe),
            withheld: self.withheld,
            failed_plans: self.failures,
            smoothness: self.smoothness.report(),
        }
    }

    pub(super) fn woken(&mut self, late: Duration) {
        self.jitter.record(late);
        self.steps += 1;
    }

    pub(super) fn sent(&mut self, command: &Command<'_>, now: Duration, period: Duration) {
        self.smoothness.sent(command.action, command.observed, period);
        if let Some(observed) = command.observed {
            self.age.record(now.saturating_sub(observed));
        }
        self.late += usize::from(command.source == Source::Late);
        self.safe += usize::from(command.source == Source::Safe);
        // A plan that is not there yet is counted above.
        self.withheld += usize::from(command.source != Source::Safe && command.withheld.is_some());
    }

    pub(super) fn missed(&mut self, deadlines: usize) {
        self.misses += deadlines;
    }

    pub(super) fn failed(&mut self, plans: usize) {
        self.failures += plans;
    }
}
