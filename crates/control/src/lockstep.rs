//! The lockstep loop: the world stands still while the policy plans.
//!
//! Receding horizon: plan, execute the plan's actions one a control step, plan again. Latency costs no reward here; it
//! is measured beside it.

mod many;
mod rollout;

use std::time::Duration;

use ndarray::ArrayView1;
use thiserror::Error;

pub use self::many::run_episodes;
use self::rollout::Rollout;
use crate::controller::ControllerError;
use crate::refine::RefinementCost;
use crate::{BoxError, Environment, Outcome, Plan, Policy};

/// Why an episode could not be finished.
#[derive(Debug, Error)]
pub enum ControlError {
    /// The policy failed.
    #[error("the policy failed at control step {step}")]
    Policy {
        /// Control step, from 0.
        step: usize,
        /// Its own words.
        source: BoxError,
    },
    /// The environment failed.
    #[error("the environment failed at control step {step}")]
    Environment {
        /// Control step, from 0.
        step: usize,
        /// Its own words.
        source: BoxError,
    },
    /// Who sends the commands does not take what the environment gives.
    #[error("the controller failed at control step {step}")]
    Pilot {
        /// Control step, from 0.
        step: usize,
        /// Its own words.
        source: ControllerError,
    },
    /// A plan had no action to execute, or actions of a length that the environment does not take.
    #[error("a plan of shape {found:?} cannot be executed: the environment takes actions of length {action_dim}")]
    Plan {
        /// Shape of the actions that the plan intends.
        found: [usize; 2],
        /// Length of the environment's actions.
        action_dim: usize,
    },
    /// The policy failed to plan for several episodes together.
    #[error("the policy failed to plan for the episodes of the seeds {seeds:?} together")]
    Together {
        /// The episodes' seeds, in the order of the plans.
        seeds: Vec<u64>,
        /// The policy's own words.
        source: BoxError,
    },
    /// The policy did not give one plan to each of several episodes.
    #[error("the policy gave {found} plans to {expected} episodes")]
    Plans {
        /// Plans given.
        found: usize,
        /// Plans asked for.
        expected: usize,
    },
    /// One of several episodes could not be finished.
    #[error("the episode of seed {seed}")]
    Episode {
        /// Its seed.
        seed: u64,
        /// Why.
        source: Box<ControlError>,
    },
    /// There are episodes to run, but no environment to run them in.
    #[error("there is no environment to run episodes in")]
    NoEnvironment,
}

/// A control step as it is shown while an episode runs.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Control step, from 0.
    pub index: usize,
    /// What was observed before the step.
    pub observation: ArrayView1<'a, f64>,
    /// The plan in force.
    pub plan: &'a Plan,
    /// Which of its actions was executed.
    pub action_index: usize,
    /// What came of it.
    pub outcome: Outcome,
}

/// What a plan cost, and how much of it was executed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlanCost {
    /// From the observation bound to the plan ready; of plans drawn together, to all of them ready.
    pub latency: Duration,
    /// Plans that were drawn together in that time: 1 for a plan drawn alone.
    pub together: usize,
    /// Network calls that had to wait for each other.
    pub rounds: usize,
    /// Rows that the network evaluated.
    pub evaluations: usize,
    /// How far the plan moved in the last round (root mean square, normalised units), if it was cut short.
    pub residual: Option<f64>,
    /// What its refinement took, counted in the figures above; none where plans are not refined.
    pub refinement: Option<RefinementCost>,
    /// Actions executed from it.
    pub executed: usize,
}

impl PlanCost {
    /// Of a plan of which nothing was executed yet.
    pub(crate) fn of(plan: &Plan) -> Self {
        let &Plan { latency, together, rounds, evaluations, residual, refinement, .. } = plan;
        Self { latency, together, rounds, evaluations, residual, refinement, executed: 0 }
    }
}

/// An episode from reset to end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Episode {
    /// What it was reset with.
    pub seed: u64,
    /// The largest reward of any step, as the literature counts.
    pub reward: f64,
    /// The task was accomplished.
    pub success: bool,
    /// Steps taken.
    pub control_steps: usize,
    /// Steps that went beyond what the environment allows.
    pub violations: usize,
    /// How far the worst of them went, in the environment's units.
    pub largest_violation: f64,
    /// Every plan, in order.
    pub plans: Vec<PlanCost>,
}

impl Episode {
    /// Counts a control step, taken from the newest plan if `planned`.
    pub(crate) fn count(&mut self, outcome: Outcome, planned: bool) {
        self.control_steps += 1;
        self.reward = self.reward.max(outcome.reward);
        self.success |= outcome.success;
        self.violations += usize::from(outcome.violation > 0.0);
        self.largest_violation = self.largest_violation.max(outcome.violation);
        if let Some(cost) = self.plans.last_mut() {
            cost.executed += usize::from(planned);
        }
    }
}

/// Runs one episode to its end, showing every step to `on_step` after it was taken.
///
/// # Errors
/// [`ControlError`], with the control step at which policy or environment failed.
pub fn run_episode<E: Environment>(
    policy: &mut dyn Policy,
    environment: &mut E,
    seed: u64,
    mut on_step: impl FnMut(&E, Step<'_>),
) -> Result<Episode, ControlError> {
    policy.reset(seed);
    let mut rollout = Rollout::begin(environment, seed)?;
    loop {
        let step = rollout.episode.control_steps;
        let of_policy = |source| ControlError::Policy { step, source };
        policy.observe(rollout.observe(environment)?).map_err(of_policy)?;
        if rollout.needs_plan() {
            rollout.follow(policy.plan().map_err(of_policy)?, environment.action_dim())?;
        }
        if rollout.step(environment, &mut on_step)? {
            return Ok(rollout.episode);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1};

    use super::*;

    /// A line to walk along: the observation is the position, the action a displacement, the reward the position.
    struct Line {
        position: f64,
        steps: usize,
    }

    impl Environment for Line {
        fn observation_dim(&self) -> usize {
            1
        }
        fn action_dim(&self) -> usize {
            1
        }
        fn resting_action(&self) -> Array1<f64> {
            Array1::zeros(1)
        }
        fn reset(&mut self, seed: u64) -> Result<(), BoxError> {
            (self.position, self.steps) = (seed as f64 / 100.0, 0);
            Ok(())
        }
        fn observe(&mut self, mut observation: ArrayViewMut1<'_, f64>) -> Result<(), BoxError> {
            observation[0] = self.position;
            Ok(())
        }
        fn step(&mut self, action: ArrayView1<'_, f64>) -> Result<Outcome, BoxError> {
            self.position += action[0];
            self.steps += 1;
            let success = self.position >= 1.0;
            Ok(Outcome {
                reward: self.position.clamp(0.0, 1.0),
                success,
                over: success || self.steps == 20,
                violation: 0.0,
            })
        }
    }

    /// Plans `steps` equal displacements, with a return to be left alone behind them, and remembers what it saw.
    struct Walker {
        steps: usize,
        displacement: f64,
        seen: Vec<f64>,
        seen_at_plan: Vec<usize>,
    }

    impl Walker {
        fn new(steps: usize, displacement: f64) -> Self {
            Self { steps, displacement, seen: Vec::new(), seen_at_plan: Vec::new() }
        }
    }

    impl Policy for Walker {
        fn reset(&mut self, _seed: u64) {
            self.seen.clear();
        }
        fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
            self.seen.push(observation[0]);
            Ok(())
        }
        fn plan(&mut self) -> Result<Plan, BoxError> {
            self.seen_at_plan.push(self.seen.len());
            let displacement = |(step, _)| if step < self.steps { self.displacement } else { -self.displacement };
            let actions = Array2::from_shape_fn((self.steps + 4, 1), displacement);
            Ok(Plan { actions, intended: self.steps, ..Plan::default() })
        }
    }

    #[test]
    fn plans_are_executed_to_their_end_and_every_step_is_observed() {
        let mut policy = Walker::new(3, 0.125);
        let mut environment = Line { position: 0.0, steps: 0 };
        let mut actions = Vec::new();
        let episode =
            run_episode(&mut policy, &mut environment, 25, |_, step| actions.push((step.index, step.action_index)))
                .unwrap();
        assert_eq!((episode.control_steps, episode.reward, episode.success), (6, 1.0, true));
        assert_eq!(episode.plans.iter().map(|plan| plan.executed).collect::<Vec<_>>(), [3, 3]);
        assert_eq!(policy.seen, [0.25, 0.375, 0.5, 0.625, 0.75, 0.875]);
        assert_eq!(policy.seen_at_plan, [1, 4], "a plan is asked for on the newest observation");
        assert_eq!(actions, [(0, 0), (1, 1), (2, 2), (3, 0), (4, 1), (5, 2)]);
    }

    #[test]
    fn the_reward_is_the_largest_on_the_way() {
        let mut environment = Line { position: 0.0, steps: 0 };
        let episode = run_episode(&mut Walker::new(1, -0.01), &mut environment, 50, |_, _| {}).unwrap();
        assert_eq!((episode.control_steps, episode.success), (20, false));
        approx::assert_relative_eq!(episode.reward, 0.49, epsilon = 1e-12);
        assert_eq!(episode.plans.len(), 20);
    }

    #[test]
    fn a_plan_that_cannot_be_executed_is_an_error() {
        let mut environment = Line { position: 0.0, steps: 0 };
        let error = run_episode(&mut Walker::new(0, 0.1), &mut environment, 0, |_, _| {}).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a plan of shape [0, 1] cannot be executed: the environment takes actions of length 1"
        );
    }
}
