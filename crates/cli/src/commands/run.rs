//! `parapolicy run`: compares samplers in closed loop.

mod lockstep;
mod observers;
mod realtime;

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use parapolicy_control::Environment;
use parapolicy_control::controller::Deadline;
use parapolicy_control::refine::Refinement;
use parapolicy_eval::{
    Deviation, Interrupted, Model, RealtimeReport, Recordings, Report, Run, SCHEMA_VERSION, SamplerRun,
};
use parapolicy_log::{LogFile, LogSummary};
use parapolicy_policy::{Manifest, Network};
use parapolicy_report::{Outputs, machine, made};
use parapolicy_sampler::{Budget, Sampler, Strategy};
use serde_json::{Value, json};

use super::Settled;
use super::observations::meet;
use super::precision::from_f32;
use super::refinement::refinement;
use super::{command_line, print_json, seeds, written_to};
use crate::args::{ClockName, LatencyName, RunArguments, SamplingArguments};
use crate::environments::Place;
use crate::failure::{Failure, InputError as _, one_line};
use crate::journal::Journal;
use crate::output::table;
use crate::say::{say, tell};
use crate::stop::Stop;

/// One sampler of the comparison.
struct Contender {
    sampler: Sampler,
    /// Without the first steps, for plans that begin with the one before.
    rest: Option<Sampler>,
    budget: Budget,
    /// The loop's, where the world does not wait.
    deadline: Deadline,
    refinement: Option<Refinement>,
    run: SamplerRun,
}

/// Results of a run besides the contenders' reports.
struct Played {
    /// Episodes to be shown.
    recordings: Recordings,
    /// Settings of the realtime loop, if there was one.
    in_time: Option<RealtimeReport>,
    /// None where it is not to be written.
    log: Option<LogFile>,
    journal: Journal,
}

/// Compares samplers on the same seeds and writes the report.
pub fn run(arguments: &RunArguments) -> Result<(), Failure> {
    arguments.check()?;
    let stop = Stop::listen()?;
    let place = arguments.place.find(&arguments.model.manifest()?)?;
    let outputs = Outputs::prepare(&arguments.out, &arguments.only)?;
    let mut network = arguments.model.load()?;
    let mut environment = place.make(network.manifest())?;
    seeds(arguments.seed, arguments.episodes, &mut *environment)?;
    let mut contenders = contenders(arguments, &mut network, &place, &mut *environment)?;
    let SamplingArguments { solver, steps, .. } = arguments.sampling;
    let met = |network: &mut Network| meet(network, &mut *environment, arguments.seed, 1);
    let deviation = from_f32(&arguments.model, &mut network, solver, steps, met)?;

    let Played { recordings, in_time, log, journal } = match arguments.realtime.clock {
        ClockName::Lockstep if arguments.environments == 1 => {
            lockstep::compete(arguments, &mut network, &mut *environment, &mut contenders)?
        }
        ClockName::Lockstep => lockstep::compete_together(arguments, &mut network, &place, &mut contenders)?,
        ClockName::Real => {
            let provider = network.provider().clone();
            realtime::compete(arguments, &provider, &mut *environment, &mut contenders)?
        }
        ClockName::Virtual => realtime::compete_virtually(arguments, &mut network, &mut *environment, &mut contenders)?,
    };
    let log = log.map(finish);
    contenders.retain(|contender| !contender.run.is_empty());
    if contenders.is_empty() {
        stop.check("before the first episode was over; nothing was measured")?;
    }
    let period = environment.period();
    let report = report(arguments, &network, deviation, &place, period, in_time, &contenders)?;
    let run = Run { report: &report, recordings: &recordings, scenario: &*place.scenario };
    let written = outputs.write(&run);
    if written.is_ok() && report.interrupted.is_none() {
        journal.remove();
    }
    // What was measured is told whether or not there is room for the files.
    if arguments.json {
        print_json(&report)?;
    } else {
        say(table::render(&report))?;
    }
    let mut files = written?;
    files.extend(log);
    if !arguments.json {
        say(written_to(&arguments.out, &files))?;
    }
    if report.interrupted.is_some() { stop.check("the episodes so far are reported; --resume goes on") } else { Ok(()) }
}

/// Closes the log; a failure is printed, and the report is written all the same.
fn finish(log: LogFile) -> String {
    let name = log.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    match log.finish() {
        Ok(LogSummary { dropped: 0, .. }) => {}
        Ok(LogSummary { dropped, .. }) => tell!("{name}: {dropped} messages are missing, the disk did not keep up"),
        Err(error) => tell!("{}", one_line(&anyhow!(error))),
    }
    name
}

impl RunArguments {
    /// The seeds of all shards' episodes; that they are seeds was checked.
    fn whole(&self) -> Range<u64> {
        self.seed..self.seed.saturating_add(self.episodes)
    }

    /// The seeds of the episodes that are played here; none of a shard that has none, which was refused.
    fn seeds(&self) -> Range<u64> {
        self.part.of(self.whole()).unwrap_or_default()
    }

    /// Episodes of a sampler that are played here.
    fn count(&self) -> u64 {
        let seeds = self.seeds();
        seeds.end - seeds.start
    }

    /// What all episodes have in common.
    fn settings(&self, manifest: &Manifest) -> Value {
        json!({
            "model": manifest.denoiser.sha256,
            "runtime": format!("{:?}", self.model.runtime),
            "sampling": format!("{:?}", self.sampling),
            "samplers": format!("{:?}", self.samplers),
            "refine": self.refine,
            "budget": format!("{:?}", self.budget),
            "warm_start": self.warm_start,
            "reuse": self.reuse,
            "log_rounds": self.log_rounds,
            "place": format!("{:?}", self.place),
            "seed": self.seed,
            "shard": self.part.shard,
            "environments": self.environments,
            "loop": format!("{:?}", self.realtime),
        })
    }

    /// Refuses options that a realtime loop does not support: it plans from the last observations alone, one plan at a
    /// time.
    fn check(&self) -> Result<(), Failure> {
        self.realtime.check()?;
        self.part.of(self.whole())?;
        if self.realtime.clock == ClockName::Lockstep {
            // It knows no loop's deadline.
            return self.budget.budget().map(drop);
        }
        let deadline = self.realtime.clock == ClockName::Virtual && self.budget.deadline.is_some();
        let deadline =
            deadline && self.realtime.latency.as_ref().is_some_and(|latency| *latency != LatencyName::Measured);
        let given = [
            ("--environments", self.environments > 1),
            ("--refine", self.refine.is_some()),
            ("--warm-start", self.warm_start),
            ("--reuse", self.reuse.is_some()),
            ("--deadline with a stated --latency", deadline),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(anyhow!("{name}: not with --clock {}", self.realtime.clock)).input(),
            None => Ok(()),
        }
    }
}

fn contenders(
    arguments: &RunArguments,
    policy: &mut Network,
    place: &Place,
    environment: &mut dyn Environment,
) -> Result<Vec<Contender>, Failure> {
    let samplers = &arguments.samplers;
    if let Some(twice) = samplers.iter().enumerate().find(|(index, sampler)| samplers[..*index].contains(sampler)) {
        return Err(anyhow!("--sampler: {} is named twice", twice.1)).input();
    }
    let SamplingArguments { solver, steps, window } = &arguments.sampling;
    let contender = |policy: &Network, settled: &Settled, refinement: Option<Refinement>| {
        let sampler = settled.sampler(policy.signature(), *solver, *steps).input()?;
        let (window, tolerance) = (sampler.strategy().window(), sampler.strategy().tolerance());
        let refined = if refinement.is_some() { ", refined" } else { "" };
        let mut run = SamplerRun::new(format!("{}{refined}", settled.name), window, tolerance);
        run.reason.clone_from(&settled.reason);
        let (budget, deadline) = arguments.budget.in_loop(settled.strategy)?;
        // The reference is the policy's own distribution.
        let reuse = arguments.reuse.filter(|_| settled.strategy != Strategy::sequential());
        let rest = reuse.map(|share| rest(&sampler, share)).transpose()?;
        Ok::<_, Failure>(Contender { sampler, rest, budget, deadline, refinement, run })
    };
    let mut contenders = Vec::new();
    for &name in samplers {
        let met = |policy: &mut Network| meet(policy, environment, arguments.seed, 1);
        let settled = window.settle(name, policy, *solver, *steps, met)?;
        contenders.push(contender(policy, &settled, None)?);
        if let Some(steps) = arguments.refine {
            contenders.push(contender(policy, &settled, Some(refinement(steps, policy, place, environment)?))?);
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
    policy: &Network,
    deviation: Option<Deviation>,
    place: &Place,
    period: Duration,
    in_time: Option<RealtimeReport>,
    contenders: &[Contender],
) -> Result<Report, Failure> {
    let runs: Vec<&SamplerRun> = contenders.iter().map(|contender| &contender.run).collect();
    let manifest = policy.manifest();
    let samplers = SamplerRun::reports(&runs).context("no episode was run")?;
    let episodes = samplers.iter().map(|sampler| sampler.episodes.len() as u64).sum();
    let of_each = if arguments.refine.is_some() { 2 } else { 1 };
    let asked = arguments.count().saturating_mul(of_each * arguments.samplers.len() as u64);
    Ok(Report {
        schema_version: SCHEMA_VERSION,
        command: command_line(),
        made: Some(made()),
        machine: machine::describe(policy.provider()),
        roofline: machine::roofline(policy),
        deviation,
        model: Model { name: manifest.name.clone(), sha256: manifest.denoiser.sha256.clone() },
        environment: place.environment.to_string(),
        period_ms: Some(1e3 * period.as_secs_f64()),
        scenario: place.scenario.name().to_owned(),
        solver: arguments.sampling.solver.to_string(),
        steps: arguments.sampling.steps,
        environments: usize::try_from(arguments.environments)?,
        in_time,
        interrupted: (episodes < asked).then_some(Interrupted { episodes_asked: asked, episodes }),
        shard: arguments.part.report(arguments.whole()),
        parts: Vec::new(),
        missing: Vec::new(),
        samplers,
    })
}
