//! Lockstep runs: the environment waits for the policy.

use std::collections::BTreeMap;

use parapolicy_control::{BatchedDiffusionPolicy, DiffusionPolicy, Environment};
use parapolicy_eval::{run_episode, run_episodes};
use parapolicy_policy::Network;
use parapolicy_sampler::BatchedSampler;

use super::observers::Observers;
use super::{Contender, Played as Run};
use crate::args::RunArguments;
use crate::commands::refinement::tracker;
use crate::environments::Place;
use crate::failure::{Failure, InputError as _};
use crate::journal::Played;
use crate::progress::RunProgress;

/// Runs every seed with every sampler in turn, so that other load affects all of them alike.
pub fn compete(
    arguments: &RunArguments,
    network: &mut Network,
    environment: &mut dyn Environment,
    contenders: &mut [Contender],
) -> Result<Run, Failure> {
    let progress = RunProgress::new(arguments.count() * contenders.len() as u64);
    let mut observers = Observers::new(arguments, network.manifest(), contenders)?;
    'played: for seed in arguments.seeds() {
        for (index, Contender { sampler, rest, budget, refinement, run, .. }) in contenders.iter_mut().enumerate() {
            if let Some(known) = observers.known(index, &run.name, seed) {
                run.add(&known.episode);
                progress.episode_done(run);
                continue;
            }
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
            let episode = match run_episode(&mut driver, environment, seed, observers.of(index)) {
                Err(error) if error.is_cancelled() => break 'played,
                played => played?,
            };
            run.add(&episode);
            observers.journal.keep(&run.name, &Played { episode, timing: None });
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
) -> Result<Run, Failure> {
    let progress = RunProgress::new(arguments.count() * contenders.len() as u64);
    let count = usize::try_from(arguments.environments)?;
    let environments = (0..count).map(|_| place.make(network.manifest()));
    let mut environments = environments.collect::<Result<Vec<_>, _>>()?;
    let mut observers = Observers::new(arguments, network.manifest(), contenders)?;
    for (index, Contender { sampler, budget, run, .. }) in contenders.iter_mut().enumerate() {
        let (table, dim) = (sampler.table().clone(), sampler.dim());
        let mut sampler = BatchedSampler::new(table, sampler.strategy(), dim, count).input()?;
        let mut driver = BatchedDiffusionPolicy::new(network, &mut sampler).within(*budget);
        let known: BTreeMap<u64, Played> =
            arguments.seeds().filter_map(|seed| Some((seed, observers.known(index, &run.name, seed)?))).collect();
        known.values().for_each(|played| run.add(&played.episode));
        let seeds = arguments.seeds().filter(|seed| !known.contains_key(seed));
        observers.show_progress(index, &run.name, &progress);
        for episode in run_episodes(&mut driver, &mut environments, seeds, observers.of(index))? {
            run.add(&episode);
            observers.journal.keep(&run.name, &Played { episode, timing: None });
        }
    }
    progress.finish();
    Ok(observers.played(None))
}
