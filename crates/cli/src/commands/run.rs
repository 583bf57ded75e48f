use anyhow::{Context as _, anyhow};
use parapolicy_control::refine::Refinement;
use parapolicy_control::{
    DiffusionPolicy, ManyDiffusionPolicy, Model, PushT, Report, SCHEMA_VERSION, SamplerReport, SamplerRun, run_episode,
    run_episodes,
};
use parapolicy_pusht::Scenario;
use parapolicy_runner::{Policy, Runtime};
use parapolicy_sampler::{Budget, ManySampler, Sampler, Strategy};

use super::Settled;
use super::observations::meet;
use super::print_json;
use super::refinement::refinement;
use crate::args::{RunArguments, SamplingArguments};
use crate::failure::{Failure, InputError as _};
use crate::machine;
use crate::output::animation::Recording;
use crate::output::plot::{self, Series};
use crate::output::staging::Staging;
use crate::output::{episodes, table};
use crate::progress::RunProgress;

/// One sampler of the comparison.
struct Contender {
    sampler: Sampler,
    /// Without the first steps, for plans that begin with the one before.
    rest: Option<Sampler>,
    budget: Budget,
    refinement: Option<Refinement>,
    run: SamplerRun,
}

/// Compares samplers on the same seeds and writes the report.
pub fn run(arguments: &RunArguments) -> Result<(), Failure> {
    let scenario = Scenario::load(&arguments.scenario).input()?;
    let mut staging = Staging::new(&arguments.out)?;
    let runtime = arguments.model.runtime.find()?;
    let mut policy = arguments.model.load(&runtime)?;
    let mut environment = PushT::new(scenario, policy.manifest()).input()?;
    let mut contenders = contenders(arguments, &mut policy, &mut environment)?;

    let name = environment.task().scenario().name.clone();
    let recording = if arguments.environments == 1 {
        compete(arguments, &mut policy, &mut environment, &mut contenders)?
    } else {
        compete_together(arguments, &mut policy, &environment, &mut contenders)?
    };
    let report = report(arguments, &policy, &runtime, name, &contenders)?;

    staging.write("report.json", |file| Ok(serde_json::to_writer_pretty(file, &report)?))?;
    staging.write("episodes.csv", |file| episodes::write(&report.samplers, file))?;
    let series: Vec<Series<'_>> = report
        .samplers
        .iter()
        .zip(&contenders)
        .map(|(report, contender)| Series { report, latency: &contender.run.sampling })
        .collect();
    staging.write("report.svg", |file| Ok(file.write_all(plot::draw(&series)?.as_bytes())?))?;
    staging.write("episode.gif", |file| recording.write(file))?;
    staging.publish()?;

    if arguments.json {
        return print_json(&report);
    }
    println!("{}", table::render(&report));
    println!("written to {}: report.json, episodes.csv, report.svg, episode.gif", arguments.out.display());
    Ok(())
}

fn contenders(
    arguments: &RunArguments,
    policy: &mut Policy,
    environment: &mut PushT,
) -> Result<Vec<Contender>, Failure> {
    let samplers = &arguments.samplers;
    if let Some(twice) = samplers.iter().enumerate().find(|(index, sampler)| samplers[..*index].contains(sampler)) {
        return Err(anyhow!("--sampler: {} is named twice", twice.1)).input();
    }
    let SamplingArguments { solver, steps, window } = &arguments.sampling;
    let contender = |policy: &Policy, settled: &Settled, refinement: Option<Refinement>| {
        let sampler = settled.sampler(policy, *solver, *steps).input()?;
        let (window, tolerance) = (sampler.strategy().window(), sampler.strategy().tolerance());
        let refined = if refinement.is_some() { ", refined" } else { "" };
        let mut run = SamplerRun::new(format!("{}{refined}", settled.name), window, tolerance);
        run.reason.clone_from(&settled.reason);
        let budget = arguments.budget.beside_reference(settled.strategy)?;
        // The reference is the policy's own distribution.
        let reuse = arguments.reuse.filter(|_| settled.strategy != Strategy::Sequential);
        let rest = reuse.map(|share| rest(&sampler, share)).transpose()?;
        Ok::<_, Failure>(Contender { sampler, rest, budget, refinement, run })
    };
    let mut contenders = Vec::new();
    for &name in samplers {
        let met = |policy: &mut Policy| meet(policy, environment, arguments.seed, 1);
        let settled = window.settle(name, policy, *solver, *steps, met)?;
        contenders.push(contender(policy, &settled, None)?);
        if let Some(steps) = arguments.refine {
            contenders.push(contender(policy, &settled, Some(refinement(steps, policy, environment)?))?);
        }
    }
    Ok(contenders)
}

/// The sampler without the first `share` of its steps.
fn rest(sampler: &Sampler, share: f64) -> Result<Sampler, Failure> {
    if !(0.0..1.0).contains(&share) {
        return Err(anyhow!("--reuse is {share}, but must be at least 0 and less than 1")).input();
    }
    let skipped = (share * sampler.table().steps() as f64) as usize;
    let table = sampler.table().skip(skipped).input()?;
    Sampler::new(table, sampler.strategy(), sampler.dim()).input()
}

/// Runs every seed with every sampler in turn, so that what else the machine does falls on all of them alike.
/// Returns the first episode of the last sampler, to be shown.
fn compete(
    arguments: &RunArguments,
    policy: &mut Policy,
    environment: &mut PushT,
    contenders: &mut [Contender],
) -> Result<Recording, Failure> {
    let progress = RunProgress::new(arguments.episodes * contenders.len() as u64);
    let shown = contenders.len() - 1;
    let mut recording = Recording::new(environment.task().scenario().keep_out.clone());
    for seed in arguments.seed..arguments.seed + arguments.episodes {
        for (index, Contender { sampler, rest, budget, refinement, run }) in contenders.iter_mut().enumerate() {
            let record = index == shown && seed == arguments.seed;
            let mut driver = DiffusionPolicy::new(&mut *policy, sampler).within(*budget);
            if arguments.warm_start {
                driver = driver.warm();
            }
            if let Some(rest) = rest {
                driver = driver.reusing(rest);
            }
            if let Some(refinement) = refinement {
                driver = driver.refined(refinement, environment.tracker().map_err(|error| anyhow!(error)).input()?);
            }
            let episode = run_episode(&mut driver, environment, seed, |environment, step| {
                if record {
                    recording.add(environment.task(), step);
                }
            })?;
            run.add(&episode);
            progress.episode_done(run);
        }
    }
    progress.finish();
    Ok(recording)
}

/// Runs every seed with one sampler after the other, the plans of several environments drawn together. Returns the first
/// episode of the last sampler, to be shown.
fn compete_together(
    arguments: &RunArguments,
    policy: &mut Policy,
    environment: &PushT,
    contenders: &mut [Contender],
) -> Result<Recording, Failure> {
    let progress = RunProgress::new(arguments.episodes * contenders.len() as u64);
    let scenario = environment.task().scenario();
    let count = usize::try_from(arguments.environments)?;
    let environments = (0..count).map(|_| PushT::new(scenario.clone(), policy.manifest()));
    let mut environments = environments.collect::<Result<Vec<_>, _>>().input()?;
    let shown = contenders.len() - 1;
    let mut recording = Recording::new(scenario.keep_out.clone());
    for (index, Contender { sampler, budget, run, .. }) in contenders.iter_mut().enumerate() {
        let (table, dim) = (sampler.table().clone(), sampler.dim());
        let mut sampler = ManySampler::new(table, sampler.strategy(), dim, count).input()?;
        let mut driver = ManyDiffusionPolicy::new(policy, &mut sampler).within(*budget);
        let seeds = arguments.seed..arguments.seed + arguments.episodes;
        let episodes = run_episodes(&mut driver, &mut environments, seeds, |seed, environment, step| {
            if index == shown && seed == arguments.seed {
                recording.add(environment.task(), step);
            }
            if step.outcome.over {
                progress.episode_over(&run.name);
            }
        })?;
        episodes.iter().for_each(|episode| run.add(episode));
    }
    progress.finish();
    Ok(recording)
}

fn report(
    arguments: &RunArguments,
    policy: &Policy,
    runtime: &Runtime,
    scenario: String,
    contenders: &[Contender],
) -> Result<Report, Failure> {
    let baseline = contenders.iter().map(|contender| &contender.run).find(|run| run.name == "sequential");
    let samplers: Option<Vec<SamplerReport>> =
        contenders.iter().map(|contender| contender.run.report(baseline)).collect();
    let manifest = policy.manifest();
    Ok(Report {
        schema_version: SCHEMA_VERSION,
        command: std::env::args().collect(),
        machine: machine::describe(arguments.model.runtime.threads(), runtime_name(runtime)),
        model: Model { name: manifest.name.clone(), sha256: manifest.denoiser.sha256.clone() },
        scenario,
        solver: arguments.sampling.solver.to_string(),
        steps: arguments.sampling.steps,
        environments: usize::try_from(arguments.environments)?,
        samplers: samplers.context("no episode was run")?,
    })
}

fn runtime_name(runtime: &Runtime) -> String {
    format!("ONNX Runtime {}", runtime.version().unwrap_or("of an unknown version"))
}
