//! The world waits for the policy.

use std::collections::BTreeMap;

use anyhow::anyhow;
use ndarray::ArrayView1;
use parapolicy_control::log::Log;
use parapolicy_control::{DiffusionPolicy, BatchedDiffusionPolicy, PushT, Step, run_episode, run_episodes};
use parapolicy_policy::Policy;
use parapolicy_sampler::BatchedSampler;

use super::{Contender, Played, log_file};
use crate::args::RunArguments;
use crate::commands::in_time::PERIOD;
use crate::failure::{Failure, InputError as _};
use crate::output::animation::Recording;
use crate::progress::RunProgress;

/// Runs every seed with every sampler in turn, so that what else the machine does falls on all of them alike.
pub fn compete(
    arguments: &RunArguments,
    policy: &mut Policy,
    environment: &mut PushT,
    contenders: &mut [Contender],
) -> Result<Played, Failure> {
    let progress = RunProgress::new(arguments.episodes * contenders.len() as u64);
    let shown = contenders.len() - 1;
    let mut recording = Recording::new(environment.task().scenario().keep_out.clone());
    let file = log_file(arguments, policy.manifest())?;
    let mut logs: Vec<Log> = contenders.iter().map(|contender| file.log(&contender.run.name)).collect();
    for seed in arguments.seed..arguments.seed + arguments.episodes {
        let turns = contenders.iter_mut().zip(&mut logs).enumerate();
        for (index, (Contender { sampler, rest, budget, refinement, run }, log)) in turns {
            let record = index == shown && seed == arguments.seed;
            let mut driver = DiffusionPolicy::new(&mut *policy, sampler).within(*budget);
            if arguments.warm_start {
                driver = driver.warm();
            }
            if arguments.log_rounds {
                driver = driver.watched();
            }
            if let Some(rest) = rest {
                driver = driver.reusing(rest);
            }
            if let Some(refinement) = refinement {
                driver = driver.refined(refinement, environment.tracker().map_err(|error| anyhow!(error)).input()?);
            }
            log.begin(seed);
            let episode = run_episode(&mut driver, environment, seed, |environment, step| {
                log.step(PERIOD, &step);
                if record {
                    if step.action_index == 0 {
                        recording.add_rounds(&step.plan.iterates);
                    }
                    recording.add(environment.task(), ahead(&step));
                }
            })?;
            run.add(&episode);
            progress.episode_done(run);
        }
    }
    progress.finish();
    Ok(Played { recording, in_time: None, logs: file })
}

/// Runs every seed with one sampler after the other, the plans of several environments drawn together.
pub fn compete_together(
    arguments: &RunArguments,
    policy: &mut Policy,
    environment: &PushT,
    contenders: &mut [Contender],
) -> Result<Played, Failure> {
    let progress = RunProgress::new(arguments.episodes * contenders.len() as u64);
    let scenario = environment.task().scenario();
    let count = usize::try_from(arguments.environments)?;
    let environments = (0..count).map(|_| PushT::new(scenario.clone(), policy.manifest()));
    let mut environments = environments.collect::<Result<Vec<_>, _>>().input()?;
    let shown = contenders.len() - 1;
    let mut recording = Recording::new(scenario.keep_out.clone());
    let file = log_file(arguments, policy.manifest())?;
    for (index, Contender { sampler, budget, run, .. }) in contenders.iter_mut().enumerate() {
        let (table, dim) = (sampler.table().clone(), sampler.dim());
        let mut sampler = BatchedSampler::new(table, sampler.strategy(), dim, count).input()?;
        let mut driver = BatchedDiffusionPolicy::new(policy, &mut sampler).within(*budget);
        let seeds = arguments.seed..arguments.seed + arguments.episodes;
        let run_log = file.log(&run.name);
        let mut logs = BTreeMap::new();
        let episodes = run_episodes(&mut driver, &mut environments, seeds, |seed, environment, step| {
            if index == shown && seed == arguments.seed {
                recording.add(environment.task(), ahead(&step));
            }
            let log = logs.entry(seed).or_insert_with(|| run_log.clone().of_episode(seed));
            log.step(PERIOD, &step);
            if step.outcome.over {
                progress.episode_over(&run.name);
            }
        })?;
        episodes.iter().for_each(|episode| run.add(episode));
    }
    progress.finish();
    Ok(Played { recording, in_time: None, logs: file })
}

/// The actions that the plan in force intends, from this one on.
fn ahead<'a>(step: &Step<'a>) -> impl Iterator<Item = ArrayView1<'a, f64>> {
    let plan = step.plan;
    plan.actions.outer_iter().take(plan.intended).skip(step.action_index)
}
