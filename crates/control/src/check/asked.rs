//! What a policy is asked for when its plan fails.

use std::time::{Duration, Instant};

use ndarray::{ArrayView1, ArrayView2};

use super::{PlanCheck, Violation};

/// A plan that keeps a check, asked of a policy whose plan does not ([`Policy::refine`](crate::Policy::refine)).
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What has to be kept.
    pub check: &'a PlanCheck,
    /// From action to action.
    pub period: Duration,
    /// The robot's present state, `[action_dim]`.
    pub present: ArrayView1<'a, f64>,
    /// When it is too late; never, if none.
    pub until: Option<Instant>,
}

impl Asked<'_> {
    /// The first violation of `plan`, `[n, action_dim]`.
    #[must_use]
    pub fn find(&self, plan: ArrayView2<'_, f64>) -> Option<Violation> {
        self.check.find(plan, self.period, self.present)
    }
}
