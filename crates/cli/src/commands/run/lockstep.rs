//! Lockstep runs: the environment waits for the policy.

use parapolicy_control::{BatchedDiffusionPolicy, DiffusionPolicy, Environment};
use parapolicy_eval::{run_episode, run_episodes};
use parapolicy_policy::Network;
use parapolicy_sampler::BatchedSampler;

use super::observers::Observers;
use super::{Contender, Played};
use crate::args::RunArguments;
use crate::commands::refinement::tracker;
use crate::environments::Place;
use crate::failure::{Failure, InputError as _};
use crate::progress::RunProgress;

/// Runs every seed with every sampler in turn, so that other load affects all of them alike.
pub fn compete(
    arguments: &RunArguments,
    network: &mut Network,
    environment: &mut dyn Environment,
    contenders: &mut [Contender],
) -> Result<Played, Failure> {
    let progress = RunProgress::new(arguments.episodes * contenders.len() as u64);
    let observers = Observers::new(arguments, network.manifest(), contenders)?;
    for seed in arguments.seed..arguments.seed + arguments.episodes {
        for (index, Contender { sampler, rest, budget, refinement, run }) in contenders.iter_mut().enumerate() {
            let mut driver = DiffusionPolicy::new(&mut *network, sampler).within(*budget);
            if arguments.warm_start {
                driver = driver.warm();
            }
            if arguments.log_rounds {
                driver = driver.observed();
            }
            if let Some(rest) = rest {
                driver = driver.reusing(rest);
            }
            if let Some(refinement) = refinement {
                driver = driver.refined(refinement, tracker(environment)?);
            }
            let episode = run_episode(&mut driver, environment, seed, observers.of(index))?;
            run.add(&episode);
            progress.episode_done(run);
        }
    }
    progress.finish();
    Ok(observers.played(None))
}

/// Runs every seed with one sampler after the other, the plans of several environments sampled in shared batches.
pub fn compete_together(
    arguments: &RunArguments,
    network: &mut Network,
    place: &Place,
    contenders: &mut [Contender],
) -> Result<Played, Failure> {
    let progress = RunProgress::new(arguments.episodes * contenders.len() as u64);
    let count = usize::try_from(arguments.environments)?;
    let environments = (0..count).map(|_| place.make(network.manifest()));
    let mut environments = environments.collect::<Result<Vec<_>, _>>()?;
    let mut observers = Observers::new(arguments, network.manifest(), contenders)?;
    for (index, Contender { sampler, budget, run, .. }) in contenders.iter_mut().enumerate() {
        let (table, dim) = (sampler.table().clone(), sampler.dim());
        let mut sampler = BatchedSampler::new(table, sampler.strategy(), dim, count).input()?;
        let mut driver = BatchedDiffusionPolicy::new(network, &mut sampler).within(*budget);
        let seeds = arguments.seed..arguments.seed + arguments.episodes;
        observers.show_progress(index, &run.name, &progress);
        let episodes = run_episodes(&mut driver, &mut environments, seeds, observers.of(index))?;
        episodes.iter().for_each(|episode| run.add(episode));
    }
    progress.finish();
    Ok(observers.played(None))
}
