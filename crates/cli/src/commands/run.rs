mod lockstep;
mod on_clock;

use std::fs;

use anyhow::{Context as _, anyhow};
use parapolicy_control::log::{LogFile, LogSummary};
use parapolicy_control::refine::Refinement;
use parapolicy_control::{InTime, Model, PushT, Report, SCHEMA_VERSION, SamplerRun};
use parapolicy_pusht::Scenario;
use parapolicy_policy::{Deviation, Manifest, Policy};
use parapolicy_sampler::{Budget, Sampler, Strategy};

use super::Settled;
use super::observations::meet;
use super::precision::from_f32;
use super::print_json;
use super::refinement::refinement;
use crate::args::{ClockName, LatencyName, RunArguments, SamplingArguments};
use crate::failure::{Failure, InputError as _};
use crate::machine;
use crate::output::animation::Recording;
use crate::output::plot::{self, Series};
use crate::output::staging::Staging;
use crate::output::{episodes, page, table};

/// The log's name; a number follows it where there is one.
const LOG: &str = "episodes.mcap";

/// One sampler of the comparison.
struct Contender {
    sampler: Sampler,
    /// Without the first steps, for plans that begin with the one before.
    rest: Option<Sampler>,
    budget: Budget,
    refinement: Option<Refinement>,
    run: SamplerRun,
}

/// What is left when all episodes are over, beside the contenders' runs.
struct Played {
    /// The first episode of the last sampler, to be shown.
    recording: Recording,
    /// How the loop ran, if the world did not wait.
    in_time: Option<InTime>,
    logs: LogFile,
}

/// Compares samplers on the same seeds and writes the report.
pub fn run(arguments: &RunArguments) -> Result<(), Failure> {
    arguments.check()?;
    let scenario = Scenario::load(&arguments.scenario).input()?;
    let mut staging = Staging::new(&arguments.out)?;
    let mut policy = arguments.model.load()?;
    let mut environment = PushT::new(scenario, policy.manifest()).input()?;
    let mut contenders = contenders(arguments, &mut policy, &mut environment)?;
    let SamplingArguments { solver, steps, .. } = arguments.sampling;
    let met = |policy: &mut Policy| meet(policy, &mut environment, arguments.seed, 1);
    let deviation = from_f32(&arguments.model, &mut policy, solver, steps, met)?;

    let name = environment.task().scenario().name.clone();
    let Played { recording, in_time, logs } = match arguments.in_time.clock {
        ClockName::Lockstep if arguments.environments == 1 => {
            lockstep::compete(arguments, &mut policy, &mut environment, &mut contenders)?
        }
        ClockName::Lockstep => lockstep::compete_together(arguments, &mut policy, &environment, &mut contenders)?,
        ClockName::Real => on_clock::compete(arguments, policy.provider(), &mut environment, &mut contenders)?,
        ClockName::Virtual => on_clock::compete_virtually(arguments, &mut policy, &mut environment, &mut contenders)?,
    };
    let log = finish(logs);
    let report = report(arguments, &policy, deviation, name, in_time, &contenders)?;

    staging.write("report.html", |file| page::report::write(&report, &recording, file))?;
    staging.write("report.json", |file| Ok(serde_json::to_writer_pretty(file, &report)?))?;
    staging.write("episodes.csv", |file| episodes::write(&report.samplers, file))?;
    let series: Vec<Series<'_>> = report.samplers.iter().map(Series::of).collect();
    staging.write("report.svg", |file| plot::draw(&series, file))?;
    staging.write("episode.gif", |file| recording.write(file))?;
    if let Some(rounds) = &recording.rounds {
        let picture = page::rounds::render(rounds, &recording.keep_out, true)?;
        staging.write("rounds.svg", |file| Ok(file.write_all(picture.as_bytes())?))?;
    }
    let files = staging.publish()?;

    if arguments.json {
        return print_json(&report);
    }
    println!("{}", table::render(&report));
    println!("written to {}: {}, {log}", arguments.out.display(), files.join(", "));
    Ok(())
}

/// The log of all episodes, in the report's folder: unlike the report it is written as they go, and never over another. For
/// when nothing can be refused any more.
fn log_file(arguments: &RunArguments, manifest: &Manifest) -> Result<LogFile, Failure> {
    let folder = &arguments.out;
    fs::create_dir_all(folder).with_context(|| format!("{}: could not be created", folder.display()))?;
    let numbers = manifest.observation_dim().max(manifest.sample_dim());
    Ok(LogFile::create(&folder.join(LOG), numbers)?)
}

/// Closes the log; one that is not whole is told, and the report is written all the same.
fn finish(logs: LogFile) -> String {
    let name = logs.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    match logs.finish() {
        Ok(LogSummary { dropped: 0, .. }) => {}
        Ok(LogSummary { dropped, .. }) => eprintln!("{name}: {dropped} messages are missing, the disk did not keep up"),
        Err(error) => eprintln!("{:#}", anyhow!(error)),
    }
    name
}

impl RunArguments {
    /// Refuses what a loop in time cannot do: it plans from the last observations alone, one plan at a time.
    fn check(&self) -> Result<(), Failure> {
        self.in_time.check()?;
        if self.in_time.clock == ClockName::Lockstep {
            return Ok(());
        }
        let deadline = self.in_time.clock == ClockName::Virtual && self.budget.deadline.is_some();
        let deadline =
            deadline && self.in_time.latency.as_ref().is_some_and(|latency| *latency != LatencyName::Measured);
        let given = [
            ("--environments", self.environments > 1),
            ("--refine", self.refine.is_some()),
            ("--warm-start", self.warm_start),
            ("--reuse", self.reuse.is_some()),
            ("--deadline with a stated --latency", deadline),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(anyhow!("{name}: not with --clock {}", self.in_time.clock)).input(),
            None => Ok(()),
        }
    }
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
        let reuse = arguments.reuse.filter(|_| settled.strategy != Strategy::sequential());
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

fn report(
    arguments: &RunArguments,
    policy: &Policy,
    deviation: Option<Deviation>,
    scenario: String,
    in_time: Option<InTime>,
    contenders: &[Contender],
) -> Result<Report, Failure> {
    let runs: Vec<&SamplerRun> = contenders.iter().map(|contender| &contender.run).collect();
    let manifest = policy.manifest();
    Ok(Report {
        schema_version: SCHEMA_VERSION,
        command: std::env::args().collect(),
        machine: machine::describe(policy.provider()),
        roofline: machine::roofline(policy),
        deviation,
        model: Model { name: manifest.name.clone(), sha256: manifest.denoiser.sha256.clone() },
        scenario,
        solver: arguments.sampling.solver.to_string(),
        steps: arguments.sampling.steps,
        environments: usize::try_from(arguments.environments)?,
        in_time,
        samplers: SamplerRun::reports(&runs).context("no episode was run")?,
    })
}
