//! An episode, and why it could not be finished.

use parapolicy_control::controller::ControllerError;
use parapolicy_control::{BoxError, Outcome, PlanCost};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why an episode could not be finished.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EpisodeError {
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
    /// The command source refuses the environment's observation or resting action.
    #[error("the controller failed at control step {step}")]
    Controller {
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
    /// The policy failed to plan for a batch of several episodes.
    #[error("the policy failed to plan for the episodes of the seeds {seeds:?} together")]
    Together {
        /// The episodes' seeds, in the order of the plans.
        seeds: Vec<u64>,
        /// The policy's own words.
        source: BoxError,
    },
    /// The policy did not return one plan per episode.
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
        source: Box<EpisodeError>,
    },
    /// An observer [cancelled](parapolicy_control::EpisodeObserver::cancels) the episode.
    #[error("the episode was stopped before control step {step}")]
    Cancelled {
        /// Control step, from 0.
        step: usize,
    },
    /// There are episodes to run, but no environment to run them in.
    #[error("there is no environment to run episodes in")]
    NoEnvironment,
}

impl EpisodeError {
    /// Whether it is that the episode was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Cancelled { .. } => true,
            Self::Episode { source, .. } => source.is_cancelled(),
            _ => false,
        }
    }

    pub(crate) fn of_episode(self, seed: u64) -> Self {
        Self::Episode { seed, source: Box::new(self) }
    }
}

/// An episode from reset to end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Seed of the reset.
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
