//! The plans in force, in a fixed number of places.

use std::time::Duration;

use ndarray::ArrayView2;

use super::between::Place;
use super::timeline::{Moment, Now};

/// Number of plans kept: older ones have no action left for the current time with any horizon in use.
const REMEMBERED: usize = 8;

/// The last few plans, in memory that is allocated once.
#[derive(Clone, Debug)]
pub(super) struct Plans {
    plans: Vec<TimedPlan>,
    /// Number of plans in force; the newest comes last.
    count: usize,
}

/// A plan on the time line.
#[derive(Clone, Debug)]
pub(super) struct TimedPlan {
    /// The plan's observation.
    pub observed: Moment,
    /// Actions that are meant to be executed.
    pub intended: usize,
    len: usize,
    actions: Vec<f64>,
    action_dim: usize,
}

impl Plans {
    pub fn new(horizon: usize, action_dim: usize) -> Self {
        let empty = TimedPlan {
            observed: Moment { time: Duration::ZERO, executed: 0, line: 0 },
            intended: 0,
            len: 0,
            actions: vec![0.0; horizon * action_dim],
            action_dim,
        };
        Self { plans: vec![empty; REMEMBERED], count: 0 }
    }

    pub fn clear(&mut self) {
        self.count = 0;
    }

    pub fn push(&mut self, observed: Moment, actions: ArrayView2<'_, f64>, intended: usize) {
        if self.count == REMEMBERED {
            self.plans.rotate_left(1);
        } else {
            self.count += 1;
        }
        let plan = &mut self.plans[self.count - 1];
        plan.observed = observed;
        plan.len = actions.nrows().min(plan.actions.len() / plan.action_dim);
        plan.intended = intended.min(plan.len);
        plan.actions.iter_mut().zip(actions).for_each(|(to, from)| *to = *from);
    }

    pub fn newest(&self) -> Option<&TimedPlan> {
        self.oldest_first().next_back()
    }

    pub fn oldest_first(&self) -> impl DoubleEndedIterator<Item = &TimedPlan> {
        self.plans[..self.count].iter()
    }
}

impl TimedPlan {
    pub fn len(&self) -> usize {
        self.len
    }

    /// Age of the plan's observation.
    pub fn age(&self, now: Now) -> Duration {
        now.time.saturating_sub(self.observed.time)
    }

    /// Index of the action for `now`; may lie beyond the last one.
    pub fn index(&self, now: Now, period: Duration) -> usize {
        let executed = now.executed.saturating_sub(self.observed.executed) + (period / 2).as_nanos();
        usize::try_from(executed / period.as_nanos()).unwrap_or(usize::MAX)
    }

    /// Executed time until its index is `end`.
    pub fn left(&self, end: usize, now: Now, period: Duration) -> Duration {
        let executed = now.executed.saturating_sub(self.observed.executed);
        let until = (period.as_nanos() * end as u128).saturating_sub((period / 2).as_nanos());
        Duration::from_nanos(u64::try_from(until.saturating_sub(executed)).unwrap_or(u64::MAX))
    }

    /// The place of `now` between two of its actions; may lie beyond the last one.
    pub fn place(&self, now: Now, period: Duration) -> Place {
        let executed = now.executed.saturating_sub(self.observed.executed);
        let index = usize::try_from(executed / period.as_nanos()).unwrap_or(usize::MAX - 1);
        Place { index, share: (executed % period.as_nanos()) as f64 / period.as_nanos() as f64 }
    }

    /// The intended actions from `now` on.
    pub fn ahead(&self, now: Now, period: Duration) -> &[f64] {
        let first = self.index(now, period).min(self.intended);
        &self.actions[first * self.action_dim..self.intended * self.action_dim]
    }

    /// `[len, action_dim]`.
    pub fn actions(&self) -> Option<ArrayView2<'_, f64>> {
        let dim = self.action_dim;
        ArrayView2::from_shape((self.len, dim), &self.actions[..self.len * dim]).ok()
    }

    pub fn action(&self, index: usize) -> &[f64] {
        &self.actions[index * self.action_dim..(index + 1) * self.action_dim]
    }
}
