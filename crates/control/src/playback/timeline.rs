//! What the robot has executed, as time; and whether the clock can be trusted.
//!
//! Time that has passed is not time in which a plan was executed. With `t_k` the last control step, `P` the period, and
//! `f_k` 1 if the command of `t_k` was an action of a plan and 0 if it was not (no plan, a stop, a hold), the *executed
//! time* is
//!
//! ```text
//! E(t) = E(t_k) + f_k · (t − t_k) − P · skipped        E = 0 at the start
//! ```
//!
//! where `skipped` is the number of actions that would not be sent at all: if no command was asked for during several
//! periods, the robot has executed one action meanwhile, and goes on with the next one. A plan whose observation was
//! taken at `o` is at action
//!
//! ```text
//! i(t) = ⌊(E(t) − E(o)) / P + 1/2⌋
//! ```
//!
//! the nearest, so that waking a little early or late does not select another one. Several commands a period send the
//! same action several times.

use std::time::Duration;

/// An observation's place in time: when it was taken, and what had been executed by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub(super) time: Duration,
    /// In ns.
    pub(super) executed: u128,
    /// Number of the time line: plans of an earlier one are not taken.
    pub(super) line: u64,
}

impl Moment {
    /// When the observation was taken.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.time
    }
}

/// The clock went back: from the latest time that a loop has said to an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStep {
    /// The latest time before.
    pub from: Duration,
    /// The time that was said then.
    pub to: Duration,
}

/// A moment at which an action is looked up in the plans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub time: Duration,
    /// In ns.
    pub executed: u128,
}

#[derive(Clone, Debug)]
pub(super) struct Timeline {
    period: Duration,
    line: u64,
    /// The newest observation.
    observed: Option<Moment>,
    /// The last control step.
    commanded: Option<Duration>,
    executed: u128,
    /// If the last command was an action of a plan: the executed time at which an action would be skipped.
    skips: Option<u128>,
}

impl Timeline {
    pub fn new(period: Duration) -> Self {
        Self { period, line: 0, observed: None, commanded: None, executed: 0, skips: None }
    }

    /// Begins a new time line, on which nothing was executed yet.
    pub fn begin_again(&mut self) {
        *self = Self { line: self.line.wrapping_add(1), ..Self::new(self.period) };
    }

    pub fn line(&self) -> u64 {
        self.line
    }

    /// The newest observation, if there was one.
    pub fn observed(&self) -> Option<Moment> {
        self.observed
    }

    /// The clock has gone back if an observation is from before the one before it.
    pub fn goes_back_at_observation(&self, time: Duration) -> Option<ClockStep> {
        self.goes_back(self.observed.map(|moment| moment.time), time)
    }

    /// The clock has gone back if a control step is before the last one, or before the newest observation. Observations
    /// may be older than the last control step: sensors take time.
    pub fn goes_back_at_command(&self, time: Duration) -> Option<ClockStep> {
        self.goes_back(self.observed.map(|moment| moment.time).max(self.commanded), time)
    }

    fn goes_back(&self, latest: Option<Duration>, to: Duration) -> Option<ClockStep> {
        let from = latest?;
        (from.saturating_sub(to) > self.period / 2).then_some(ClockStep { from, to })
    }

    /// Takes note of an observation.
    pub fn observe(&mut self, time: Duration) {
        let time = self.observed.map_or(time, |before| before.time.max(time));
        self.observed = Some(Moment { time, executed: self.at(time).executed, line: self.line });
    }

    /// `time`, and what will have been executed by then if no command is sent before.
    pub fn at(&self, time: Duration) -> Now {
        let time = self.commanded.map_or(time, |last| last.max(time));
        let executed = match (self.commanded, self.skips) {
            (Some(last), Some(skips)) => {
                let reached = self.executed + (time - last).as_nanos();
                let period = self.period.as_nanos();
                // Whole periods, so that the actions stay in step with the loop.
                reached.checked_sub(skips).map_or(reached, |beyond| reached - (beyond / period + 1) * period)
            }
            _ => self.executed,
        };
        Now { time, executed }
    }

    /// Takes note of the command of `now`, and of the plan's observation and the index if it was an action of a plan.
    pub fn sent(&mut self, now: Now, action: Option<(Moment, usize)>) {
        (self.commanded, self.executed) = (Some(now.time), now.executed);
        self.skips = action.map(|(moment, index)| {
            let period = self.period.as_nanos();
            moment.executed + period * (index as u128 + 2) - (self.period / 2).as_nanos()
        });
    }
}
