//! Which ways to draw plans are tried.

use anyhow::{Context as _, anyhow};
use parapolicy_control::tuned::{LeftOut, Setting};
use parapolicy_policy::{Idle, Inference, InferenceError, Network};
use parapolicy_sampler::{
    AlgorithmType, PredictionType, Sampler, SchedulerConfig, Solver, Strategy, Table, WindowConfig,
};

use crate::args::{ModelArguments, TuneArguments};
use crate::failure::{Failure, InputError as _};
use crate::progress::InstallProgress;
use crate::say::tell;

/// Few steps, which solvers without noise need no more of.
const FEW_STEPS: [usize; 3] = [5, 10, 20];

/// Steps of a flow's reference: more change its plans by less than their noise tells.
const FLOW_STEPS: usize = 100;

/// A way to draw plans.
pub struct Candidate {
    pub setting: Setting,
    pub sampler: Sampler,
    /// Which of the networks draws with it.
    pub network: usize,
}

/// The policy, loaded once for each precision and number of threads to try; the reference's first.
pub fn networks(arguments: &ModelArguments) -> Result<Vec<Network>, Failure> {
    let ModelArguments { model, runtime } = arguments;
    let asked = runtime.asked(model)?;
    let precisions = match runtime.precision {
        Some(precision) => vec![precision],
        None => asked.provider.backend().precisions().to_vec(),
    };
    // What idle threads do is as it is asked for; the most threads come first.
    let threads = asked.candidates().into_iter().filter(|way| way.idle == Idle::default()).rev();
    let threads: Vec<usize> = threads.map(|way| way.threads).collect();
    let mut networks = Vec::new();
    for &precision in &precisions {
        for &threads in &threads {
            let inference = Inference { precision, threads, ..asked.clone() };
            // A processor or a device without the precision is no candidate.
            if runtime.precision.is_none()
                && !networks.is_empty()
                && matches!(inference.open(&InstallProgress::new()), Err(InferenceError::Processor(_)))
            {
                continue;
            }
            networks.push(Network::load(model, &runtime.open(&inference)?).input()?);
        }
    }
    if networks.len() > 1 {
        tell!("tune: {} ways to run the network, by threads and precision", networks.len());
    }
    Ok(networks)
}

/// The reference, then all that is to be compared with it; and what cannot be tried.
pub fn candidates(arguments: &TuneArguments, networks: &[Network]) -> Result<(Vec<Candidate>, Vec<LeftOut>), Failure> {
    let scheduler = &networks.first().context("there is no network")?.manifest().scheduler;
    let (solver, steps) = reference(arguments, scheduler);
    let first = candidate(networks, 0, solver, steps, Strategy::sequential()).map_err(anyhow::Error::from);
    let mut measured = vec![first.context("--reference-steps").input()?];
    let mut left_out = Vec::new();
    for (solver, steps, strategy) in ways(arguments, scheduler) {
        for network in 0..networks.len() {
            let setting = setting(&networks[network], solver, steps, strategy);
            if measured.iter().any(|known| known.setting == setting) {
                continue;
            }
            match candidate(networks, network, solver, steps, strategy) {
                Ok(candidate) => measured.push(candidate),
                Err(Refused::Solver(why)) => left_out.push(LeftOut { setting, why }),
                Err(Refused::Input(error)) => return Err(Failure::Input(error)),
            }
        }
    }
    if measured.len() == 1 {
        return Err(anyhow!("--solver, --steps, --sampler: there is nothing but the reference to measure")).input();
    }
    Ok((measured, left_out))
}

/// Why a candidate is none.
enum Refused {
    /// The network, or the strategy, does not go with the solver.
    Solver(String),
    /// An option makes no sense.
    Input(anyhow::Error),
}

impl From<Refused> for anyhow::Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Solver(why) => anyhow!(why),
            Refused::Input(error) => error,
        }
    }
}

fn candidate(
    networks: &[Network],
    network: usize,
    solver: Solver,
    steps: usize,
    strategy: Strategy,
) -> Result<Candidate, Refused> {
    let policy = &networks[network];
    let refused = |error: parapolicy_sampler::ConfigError| match error.refuses_solver() {
        true => Refused::Solver(error.to_string()),
        false => Refused::Input(error.into()),
    };
    let table = Table::new(&policy.manifest().scheduler, solver, steps).map_err(refused)?;
    policy.check_timesteps(table.timesteps()).map_err(|error| Refused::Solver(error.to_string()))?;
    let sampler = Sampler::new(table, strategy, policy.manifest().sample_dim()).map_err(refused)?;
    Ok(Candidate { setting: setting(policy, solver, steps, strategy), sampler, network })
}

fn setting(policy: &Network, solver: Solver, steps: usize, strategy: Strategy) -> Setting {
    Setting {
        solver: solver.to_string(),
        steps,
        sampler: strategy.to_string(),
        window: strategy.window(),
        tolerance: strategy.tolerance(),
        precision: policy.provider().precision().to_string(),
        threads: policy.provider().threads(),
    }
}

/// The manifest's own scheduler: the solver of its type, with all of its steps.
fn reference(arguments: &TuneArguments, scheduler: &SchedulerConfig) -> (Solver, usize) {
    let trained = scheduler.num_train_timesteps;
    let (solver, steps) = match (scheduler.prediction_type, scheduler.algorithm_type) {
        (PredictionType::Flow, _) => (Solver::Euler, FLOW_STEPS),
        (_, None) => (Solver::Ddpm, trained),
        (_, Some(AlgorithmType::DpmSolverPlusPlus)) => (Solver::DpmSolverPlusPlus, trained),
        (_, Some(AlgorithmType::SdeDpmSolverPlusPlus)) => (Solver::SdeDpmSolverPlusPlus, trained),
    };
    (solver, arguments.reference_steps.unwrap_or(steps))
}

/// Every solver with its numbers of steps, and every strategy with its windows.
fn ways(arguments: &TuneArguments, scheduler: &SchedulerConfig) -> Vec<(Solver, usize, Strategy)> {
    let strategies = strategies(arguments);
    let solvers = match arguments.solvers.as_slice() {
        [] if scheduler.prediction_type == PredictionType::Flow => vec![Solver::Euler, Solver::Midpoint],
        [] => vec![Solver::Ddpm, Solver::Ddim { eta: 0.0 }, Solver::DpmSolverPlusPlus],
        named => named.to_vec(),
    };
    let mut ways = Vec::new();
    for solver in solvers {
        for steps in steps(arguments, scheduler, solver) {
            ways.extend(strategies.iter().map(|strategy| (solver, steps, *strategy)));
        }
    }
    ways
}

/// As they are named; else those that the solver is used with.
fn steps(arguments: &TuneArguments, scheduler: &SchedulerConfig, solver: Solver) -> Vec<usize> {
    let trained = scheduler.num_train_timesteps;
    let flow = scheduler.prediction_type == PredictionType::Flow;
    match (arguments.steps.as_slice(), solver) {
        ([], Solver::Ddpm) => vec![reference(arguments, scheduler).1],
        ([], Solver::Midpoint) => FEW_STEPS.into_iter().filter(|steps| steps % 2 == 0).collect(),
        ([], _) => FEW_STEPS.into_iter().filter(|steps| flow || *steps <= trained).collect(),
        (named, _) => named.to_vec(),
    }
}

/// Every strategy with the window and tolerance of the command line, as far as it has them.
fn strategies(arguments: &TuneArguments) -> Vec<Strategy> {
    let tolerance = arguments.tolerance;
    let with = |strategy: Strategy, window: usize| strategy.with_window(WindowConfig { window, tolerance });
    let all = arguments.samplers.iter().flat_map(|&strategy| match (strategy.window(), arguments.windows.as_slice()) {
        (None, _) => vec![with(strategy, 1)],
        (Some(own), []) => vec![with(strategy, own)],
        (Some(_), windows) => windows.iter().map(|window| with(strategy, *window)).collect(),
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        tune: TuneArguments,
    }

    fn tried(arguments: &[&str], scheduler: &SchedulerConfig) -> Vec<String> {
        let line = Line::parse_from([&["tune"], arguments].concat());
        let way = |(solver, steps, strategy): (Solver, usize, Strategy)| match strategy.window() {
            Some(window) => format!("{solver} {steps} {strategy} {window}"),
            None => format!("{solver} {steps} {strategy}"),
        };
        ways(&line.tune, scheduler).into_iter().map(way).collect()
    }

    #[test]
    fn lists_are_multiplied_and_defaults_fit_the_scheduler() {
        let scheduler = SchedulerConfig { num_train_timesteps: 12, ..SchedulerConfig::default() };
        let few = ["ddim 5 sequential", "ddim 5 picard 20", "ddim 10 sequential", "ddim 10 picard 20"];
        let all = tried(&[], &scheduler);
        assert_eq!(all[..2], ["ddpm 12 sequential", "ddpm 12 picard 20"]);
        assert_eq!((&all[2..6], all.len()), (&few.map(String::from)[..], 10), "20 steps are more than it has");
        let named = ["--solver=ddim:0.5", "--steps=4,7", "--sampler=parareal,picard", "--window=2,3"];
        let expected = ["ddim:0.5 4 parareal", "ddim:0.5 4 picard 2", "ddim:0.5 4 picard 3", "ddim:0.5 7 parareal"];
        let all = tried(&named, &scheduler);
        assert_eq!((&all[..4], all.len()), (&expected.map(String::from)[..], 6));
    }

    #[test]
    fn the_reference_is_the_manifest_s_own() {
        let line = Line::parse_from(["tune"]);
        let of = |scheduler: &SchedulerConfig| reference(&line.tune, scheduler);
        let scheduler = SchedulerConfig { num_train_timesteps: 50, ..SchedulerConfig::default() };
        assert_eq!(of(&scheduler), (Solver::Ddpm, 50));
        let sde = SchedulerConfig { algorithm_type: Some(AlgorithmType::SdeDpmSolverPlusPlus), ..scheduler.clone() };
        assert_eq!(of(&sde), (Solver::SdeDpmSolverPlusPlus, 50));
        let flow = SchedulerConfig { prediction_type: PredictionType::Flow, ..scheduler };
        assert_eq!(of(&flow), (Solver::Euler, 100));
    }
}
