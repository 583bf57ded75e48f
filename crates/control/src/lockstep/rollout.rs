//! An episode being played.

use ndarray::{Array1, ArrayView1};

use super::{ControlError, Episode, PlanCost, Step};
use crate::{Environment, Plan};

/// An episode so far, and the plan in force.
pub(super) struct Rollout {
    pub episode: Episode,
    observation: Array1<f64>,
    plan: Plan,
    /// Which of the plan's actions comes next.
    next: usize,
}

impl Rollout {
    /// Begins an episode; it has no plan yet.
    pub fn begin<E: Environment>(environment: &mut E, seed: u64) -> Result<Self, ControlError> {
        environment.reset(seed).map_err(|source| ControlError::Environment { step: 0, source })?;
        Ok(Self {
            episode: Episode { seed, ..Episode::default() },
            observation: Array1::zeros(environment.observation_dim()),
            plan: Plan::default(),
            next: 0,
        })
    }

    /// What there is to see before the next step.
    pub fn observe<E: Environment>(&mut self, environment: &mut E) -> Result<ArrayView1<'_, f64>, ControlError> {
        let step = self.episode.control_steps;
        let of_environment = |source| ControlError::Environment { step, source };
        environment.observe(self.observation.view_mut()).map_err(of_environment)?;
        Ok(self.observation.view())
    }

    /// Whether every action of the plan in force has been executed.
    pub fn needs_plan(&self) -> bool {
        self.next >= self.plan.intended_actions().nrows()
    }

    /// Puts a plan in force.
    pub fn follow(&mut self, plan: Plan, action_dim: usize) -> Result<(), ControlError> {
        let (steps, dim) = plan.intended_actions().dim();
        if steps == 0 || dim != action_dim {
            return Err(ControlError::Plan { found: [steps, dim], action_dim });
        }
        self.episode.plans.push(PlanCost::of(&plan));
        (self.plan, self.next) = (plan, 0);
        Ok(())
    }

    /// Executes the plan's next action, of which there must be one; returns whether the episode is over.
    pub fn step<E: Environment>(
        &mut self,
        environment: &mut E,
        on_step: &mut impl FnMut(&E, Step<'_>),
    ) -> Result<bool, ControlError> {
        let Self { episode, observation, plan, next } = self;
        let index = episode.control_steps;
        let outcome = environment
            .step(plan.actions.row(*next))
            .map_err(|source| ControlError::Environment { step: index, source })?;
        episode.count(outcome, true);
        on_step(environment, Step { index, observation: observation.view(), plan, action_index: *next, outcome });
        *next += 1;
        Ok(outcome.over)
    }
}
