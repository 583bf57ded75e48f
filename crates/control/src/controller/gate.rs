//! The check of plans between a policy and the loop.

use std::time::{Duration, Instant};

use ndarray::{ArrayView1, ArrayView2, s};

use super::{ControllerConfig, WorkerEvent, quiet};
use crate::check::{Asked, Failing, PlanCheck, Rule, Violation};
use crate::{Plan, Policy};

/// Lets plans through, whole, refined, cut, or not at all.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    check: PlanCheck,
    period: Duration,
}

impl Gate {
    pub fn new(config: &ControllerConfig) -> Self {
        Self { check: config.check.clone(), period: config.playback.period }
    }

    /// The plan, refined by the `policy` that drew it or cut if need be; `tell` is told so. `history` is what was observed,
    /// `[n_obs_steps, observation_dim]`, and `last` the last command.
    pub fn pass(
        &self,
        policy: &mut dyn Policy,
        plan: Plan,
        history: ArrayView2<'_, f64>,
        last: &[f64],
        tell: &mut dyn FnMut(WorkerEvent),
    ) -> Result<Plan, WorkerEvent> {
        // What has another shape, or is not finite, is withheld where it is delivered.
        if self.check.is_empty() || !is_plan(&plan, last.len()) {
            return Ok(plan);
        }
        let newest = history.row(history.nrows() - 1);
        let present =
            self.check.state.map_or(ArrayView1::from(last), |first| newest.slice_move(s![first..first + last.len()]));
        let Some(violation) = self.check.find(plan.actions.view(), self.period, present) else { return Ok(plan) };
        // What the user's code finds has no gradient.
        if let Some(within) = self.check.refine.filter(|_| violation.rule != Rule::Predicate) {
            let asked =
                Asked { check: &self.check, period: self.period, present, until: Instant::now().checked_add(within) };
            match refined(policy, &plan, &asked) {
                Ok(plan) => {
                    tell(WorkerEvent::Refined(violation));
                    return Ok(plan);
                }
                Err(why) => tell(WorkerEvent::NotRefined(why)),
            }
        }
        self.fail(plan, violation, tell)
    }

    fn fail(
        &self,
        mut plan: Plan,
        violation: Violation,
        tell: &mut dyn FnMut(WorkerEvent),
    ) -> Result<Plan, WorkerEvent> {
        let left = violation.step.min(plan.actions.nrows());
        if self.check.failing == Failing::Refuse || left == 0 {
            return Err(WorkerEvent::Refused(violation));
        }
        plan.actions = plan.actions.slice_move(s![..left, ..]);
        plan.intended = plan.intended.min(left);
        tell(WorkerEvent::Cut(violation));
        Ok(plan)
    }
}

fn is_plan(plan: &Plan, action_dim: usize) -> bool {
    plan.actions.ncols() == action_dim && plan.actions.iter().all(|value| value.is_finite())
}

/// A plan that keeps the check in place of one that does not; or why there is none.
fn refined(policy: &mut dyn Policy, plan: &Plan, asked: &Asked<'_>) -> Result<Plan, String> {
    let refined = policy.refine(plan, asked).map_err(quiet::words)?.ok_or("the policy refines no plans")?;
    if refined.actions.dim() != plan.actions.dim() || !is_plan(&refined, plan.actions.ncols()) {
        return Err("what came of it is no such plan".to_owned());
    }
    asked
        .find(refined.actions.view())
        .map_or(Ok(refined), |violation| Err(format!("what came of it fails, too: {violation}")))
}
