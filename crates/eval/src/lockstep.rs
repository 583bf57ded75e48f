//! The lockstep loop: the world stands still while the policy plans.
//!
//! Receding horizon: plan, execute the plan's actions one a control step, plan again. Latency does not affect reward
//! here; it is measured separately.

mod batched;
mod rollout;

use parapolicy_control::{Environment, Observer, Policy};

pub use self::batched::run_episodes;
use self::rollout::Rollout;
use crate::{Episode, EpisodeError};

/// Runs one episode to its end, and reports it to `observer`.
///
/// # Errors
/// [`EpisodeError`], with the control step at which policy or environment failed.
pub fn run_episode(
    policy: &mut dyn Policy,
    environment: &mut dyn Environment,
    seed: u64,
    observer: &dyn Observer,
) -> Result<Episode, EpisodeError> {
    policy.reset(seed);
    let mut rollout = Rollout::begin(environment, seed, observer)?;
    loop {
        let step = rollout.episode.control_steps;
        let of_policy = |source| EpisodeError::Policy { step, source };
        policy.observe(rollout.observe(environment)?).map_err(of_policy)?;
        if rollout.needs_plan() {
            rollout.follow(policy.plan().map_err(of_policy)?, environment.action_dim())?;
        }
        if rollout.step(environment)? {
            return Ok(rollout.episode);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1};
    use parapolicy_control::{BoxError, EpisodeObserver, Outcome, Plan, StepEvent};

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
        fn period(&self) -> Duration {
            Duration::from_millis(100)
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

    /// Keeps each step's number and how many actions are ahead.
    #[derive(Clone, Default)]
    struct Steps(Arc<Mutex<Vec<(usize, usize)>>>);

    impl Observer for Steps {
        fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
            Arc::new(self.clone())
        }
    }

    impl EpisodeObserver for Steps {
        fn step(&self, event: &StepEvent<'_>) {
            self.0.lock().unwrap().push((event.index, event.ahead.len()));
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
        let actions = Steps::default();
        let episode = run_episode(&mut policy, &mut environment, 25, &actions).unwrap();
        assert_eq!((episode.control_steps, episode.reward, episode.success), (6, 1.0, true));
        assert_eq!(episode.plans.iter().map(|plan| plan.executed).collect::<Vec<_>>(), [3, 3]);
        assert_eq!(policy.seen, [0.25, 0.375, 0.5, 0.625, 0.75, 0.875]);
        assert_eq!(policy.seen_at_plan, [1, 4], "a plan is asked for on the newest observation");
        assert_eq!(*actions.0.lock().unwrap(), [(0, 3), (1, 2), (2, 1), (3, 3), (4, 2), (5, 1)], "step, actions ahead");
    }

    #[test]
    fn the_reward_is_the_largest_on_the_way() {
        let mut environment = Line { position: 0.0, steps: 0 };
        let episode = run_episode(&mut Walker::new(1, -0.01), &mut environment, 50, &()).unwrap();
        assert_eq!((episode.control_steps, episode.success), (20, false));
        approx::assert_relative_eq!(episode.reward, 0.49, epsilon = 1e-12);
        assert_eq!(episode.plans.len(), 20);
    }

    #[test]
    fn a_plan_that_cannot_be_executed_is_an_error() {
        let mut environment = Line { position: 0.0, steps: 0 };
        let error = run_episode(&mut Walker::new(0, 0.1), &mut environment, 0, &()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a plan of shape [0, 1] cannot be executed: the environment takes actions of length 1"
        );
    }
}
