//! Many environments, whose plans are drawn together.

use super::rollout::Rollout;
use super::{ControlError, Episode, Step};
use crate::{Environment, ManyPolicy};

/// Runs one episode a seed in `environments`, showing every step, with the episode's seed, to `on_step` after it was taken.
/// The episodes come back in the order of the seeds, each as [`run_episode`](super::run_episode) runs it alone.
///
/// A world stands still while the policy plans, so it may as well wait until the others need a plan, too: every
/// environment is played until its plan is used up, then one call plans for all. One whose episode is over takes the next
/// seed and waits with the rest, so that a call plans for every environment until the seeds run out.
///
/// # Errors
/// [`ControlError`], with the seed of the episode, or the seeds of those that were planned for together.
pub fn run_episodes<E: Environment>(
    policy: &mut dyn ManyPolicy,
    environments: &mut [E],
    seeds: impl IntoIterator<Item = u64>,
    mut on_step: impl FnMut(u64, &E, Step<'_>),
) -> Result<Vec<Episode>, ControlError> {
    let mut seeds = seeds.into_iter().enumerate().peekable();
    if environments.is_empty() && seeds.peek().is_some() {
        return Err(ControlError::NoEnvironment);
    }
    let mut lanes = Vec::with_capacity(environments.len());
    for (index, environment) in environments.iter_mut().enumerate() {
        if let Some((order, seed)) = seeds.next() {
            lanes.push(Lane::begin(index, environment, order, seed, policy)?);
        }
    }
    let mut finished = Vec::new();
    while !lanes.is_empty() {
        plan(policy, &mut lanes)?;
        let mut playing = Vec::with_capacity(lanes.len());
        for mut lane in lanes {
            if !lane.play(policy, &mut on_step)? {
                playing.push(lane);
                continue;
            }
            finished.push((lane.order, lane.rollout.episode));
            if let Some((order, seed)) = seeds.next() {
                playing.push(Lane::begin(lane.index, lane.environment, order, seed, policy)?);
            }
        }
        lanes = playing;
    }
    finished.sort_by_key(|(order, _)| *order);
    Ok(finished.into_iter().map(|(_, episode)| episode).collect())
}

/// An environment and the episode that is played in it.
struct Lane<'e, E> {
    /// Its number among the environments.
    index: usize,
    environment: &'e mut E,
    /// The episode's number among the episodes.
    order: usize,
    rollout: Rollout,
}

impl<'e, E: Environment> Lane<'e, E> {
    /// Begins an episode and shows the policy how it begins: a plan is what it needs next.
    fn begin(
        index: usize,
        environment: &'e mut E,
        order: usize,
        seed: u64,
        policy: &mut dyn ManyPolicy,
    ) -> Result<Self, ControlError> {
        policy.reset(index, seed);
        let rollout = Rollout::begin(environment, seed).map_err(|error| error.of_episode(seed))?;
        let mut lane = Self { index, environment, order, rollout };
        lane.observe(policy).map_err(|error| error.of_episode(seed))?;
        Ok(lane)
    }

    /// Executes the plan in force to its end; returns whether the episode ended before.
    fn play(
        &mut self,
        policy: &mut dyn ManyPolicy,
        on_step: &mut impl FnMut(u64, &E, Step<'_>),
    ) -> Result<bool, ControlError> {
        let seed = self.rollout.episode.seed;
        let mut play = || {
            while !self.rollout.needs_plan() {
                if self.rollout.step(self.environment, &mut |environment, step| on_step(seed, environment, step))? {
                    return Ok(true);
                }
                self.observe(policy)?;
            }
            Ok(false)
        };
        play().map_err(|error: ControlError| error.of_episode(seed))
    }

    fn observe(&mut self, policy: &mut dyn ManyPolicy) -> Result<(), ControlError> {
        let step = self.rollout.episode.control_steps;
        let observation = self.rollout.observe(self.environment)?;
        policy.observe(self.index, observation).map_err(|source| ControlError::Policy { step, source })
    }
}

/// Gives every lane a plan.
fn plan<E: Environment>(policy: &mut dyn ManyPolicy, lanes: &mut [Lane<'_, E>]) -> Result<(), ControlError> {
    let waiting: Vec<usize> = lanes.iter().map(|lane| lane.index).collect();
    let plans = policy.plan(&waiting).map_err(|source| {
        let seeds = lanes.iter().map(|lane| lane.rollout.episode.seed).collect();
        ControlError::Together { seeds, source }
    })?;
    if plans.len() != lanes.len() {
        return Err(ControlError::Plans { found: plans.len(), expected: lanes.len() });
    }
    for (lane, plan) in lanes.iter_mut().zip(plans) {
        let seed = lane.rollout.episode.seed;
        lane.rollout.follow(plan, lane.environment.action_dim()).map_err(|error| error.of_episode(seed))?;
    }
    Ok(())
}

impl ControlError {
    fn of_episode(self, seed: u64) -> Self {
        Self::Episode { seed, source: Box::new(self) }
    }
}
