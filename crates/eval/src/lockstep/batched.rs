//! Plays several environments at once, with plans sampled in shared batches.

use parapolicy_control::{BatchedPolicy, Environment, Observer};

use super::rollout::Rollout;
use crate::{Episode, EpisodeError};

/// Runs one episode a seed in `environments`, and reports each to `observer`. The episodes come back in the order of
/// the seeds, each as [`run_episode`](super::run_episode) runs it alone.
///
/// A world stands still while the policy plans, so it may as well wait until the others need a plan, too: every
/// environment is played until its plan is used up, then one call plans for all. One whose episode is over takes the
/// next seed and waits with the rest, so that a call plans for every environment until the seeds run out.
///
/// Where an observer [cancels](parapolicy_control::EpisodeObserver::cancels) an episode, those come back that were over.
///
/// # Errors
/// [`EpisodeError`], with the seed of the episode, or the seeds of those in the failed batch.
pub fn run_episodes(
    policy: &mut dyn BatchedPolicy,
    environments: &mut [Box<dyn Environment>],
    seeds: impl IntoIterator<Item = u64>,
    observer: &dyn Observer,
) -> Result<Vec<Episode>, EpisodeError> {
    let mut finished = Vec::new();
    match play(policy, environments, seeds, observer, &mut finished) {
        Err(error) if !error.is_cancelled() => return Err(error),
        _ => finished.sort_by_key(|(order, _)| *order),
    }
    Ok(finished.into_iter().map(|(_, episode)| episode).collect())
}

/// The same; every episode that is over goes to `finished`, with its number.
fn play(
    policy: &mut dyn BatchedPolicy,
    environments: &mut [Box<dyn Environment>],
    seeds: impl IntoIterator<Item = u64>,
    observer: &dyn Observer,
    finished: &mut Vec<(usize, Episode)>,
) -> Result<(), EpisodeError> {
    let mut seeds = seeds.into_iter().enumerate().peekable();
    if environments.is_empty() && seeds.peek().is_some() {
        return Err(EpisodeError::NoEnvironment);
    }
    let mut slots = Vec::with_capacity(environments.len());
    for (index, environment) in environments.iter_mut().enumerate() {
        if let Some((order, seed)) = seeds.next() {
            slots.push(Slot::begin(index, &mut **environment, order, seed, policy, observer)?);
        }
    }
    while !slots.is_empty() {
        plan(policy, &mut slots)?;
        let mut playing = Vec::with_capacity(slots.len());
        for mut slot in slots {
            if !slot.play(policy)? {
                playing.push(slot);
                continue;
            }
            finished.push((slot.order, slot.rollout.episode));
            if let Some((order, seed)) = seeds.next() {
                playing.push(Slot::begin(slot.index, slot.environment, order, seed, policy, observer)?);
            }
        }
        slots = playing;
    }
    Ok(())
}

/// An environment and the episode that is played in it.
struct Slot<'e> {
    /// Its number among the environments.
    index: usize,
    environment: &'e mut dyn Environment,
    /// The episode's number among the episodes.
    order: usize,
    rollout: Rollout,
}

impl<'e> Slot<'e> {
    /// Begins an episode and passes the first observation to the policy; the next step is to plan.
    fn begin(
        index: usize,
        environment: &'e mut dyn Environment,
        order: usize,
        seed: u64,
        policy: &mut dyn BatchedPolicy,
        observer: &dyn Observer,
    ) -> Result<Self, EpisodeError> {
        policy.reset(index, seed);
        let rollout = Rollout::begin(environment, seed, observer).map_err(|error| error.of_episode(seed))?;
        let mut slot = Self { index, environment, order, rollout };
        slot.observe(policy).map_err(|error| error.of_episode(seed))?;
        Ok(slot)
    }

    /// Executes the plan in force to its end; returns whether the episode ended before.
    fn play(&mut self, policy: &mut dyn BatchedPolicy) -> Result<bool, EpisodeError> {
        let seed = self.rollout.episode.seed;
        let mut play = || {
            while !self.rollout.needs_plan() {
                if self.rollout.step(self.environment)? {
                    return Ok(true);
                }
                self.observe(policy)?;
            }
            Ok(false)
        };
        play().map_err(|error: EpisodeError| error.of_episode(seed))
    }

    fn observe(&mut self, policy: &mut dyn BatchedPolicy) -> Result<(), EpisodeError> {
        let step = self.rollout.episode.control_steps;
        let observation = self.rollout.observe(self.environment)?;
        policy.observe(self.index, observation).map_err(|source| EpisodeError::Policy { step, source })
    }
}

/// Gives every slot a plan.
fn plan(policy: &mut dyn BatchedPolicy, slots: &mut [Slot<'_>]) -> Result<(), EpisodeError> {
    let waiting: Vec<usize> = slots.iter().map(|slot| slot.index).collect();
    let plans = policy.plan(&waiting).map_err(|source| {
        let seeds = slots.iter().map(|slot| slot.rollout.episode.seed).collect();
        EpisodeError::Together { seeds, source }
    })?;
    if plans.len() != slots.len() {
        return Err(EpisodeError::Plans { found: plans.len(), expected: slots.len() });
    }
    for (slot, plan) in slots.iter_mut().zip(plans) {
        let seed = slot.rollout.episode.seed;
        slot.rollout.follow(plan, slot.environment.action_dim()).map_err(|error| error.of_episode(seed))?;
    }
    Ok(())
}
