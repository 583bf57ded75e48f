//! The check of plans between a policy and the loop.

use std::time::Duration;

use ndarray::{ArrayView1, ArrayView2, s};

use super::{ControllerConfig, WorkerEvent};
use crate::Plan;
use crate::check::{Failing, PlanCheck, Violation};

/// Lets plans through, whole, cut, or not at all.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    check: PlanCheck,
    period: Duration,
}

impl Gate {
    pub fn new(config: &ControllerConfig) -> Self {
        Self { check: config.check.clone(), period: config.playback.period }
    }

    /// The plan, or what is left of it, with the event that tells so. `history` is what was observed, `[n_obs_steps,
    /// observation_dim]`, and `last` the last command.
    pub fn pass(
        &self,
        plan: Plan,
        history: ArrayView2<'_, f64>,
        last: &[f64],
    ) -> Result<(Plan, Option<WorkerEvent>), WorkerEvent> {
        // What has another shape, or is not finite, is withheld where it is delivered.
        let is_plan = plan.actions.ncols() == last.len() && plan.actions.iter().all(|value| value.is_finite());
        if self.check.is_empty() || !is_plan {
            return Ok((plan, None));
        }
        let newest = history.row(history.nrows() - 1);
        let present =
            self.check.state.map_or(ArrayView1::from(last), |first| newest.slice_move(s![first..first + last.len()]));
        match self.check.find(plan.actions.view(), self.period, present) {
            None => Ok((plan, None)),
            Some(violation) => self.fail(plan, violation),
        }
    }

    fn fail(&self, mut plan: Plan, violation: Violation) -> Result<(Plan, Option<WorkerEvent>), WorkerEvent> {
        let left = violation.step.min(plan.actions.nrows());
        if self.check.failing == Failing::Refuse || left == 0 {
            return Err(WorkerEvent::Refused(violation));
        }
        plan.actions = plan.actions.slice_move(s![..left, ..]);
        plan.intended = plan.intended.min(left);
        Ok((plan, Some(WorkerEvent::Cut(violation))))
    }
}
