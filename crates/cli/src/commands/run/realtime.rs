//! Realtime runs, on the wall clock and on simulated time.

use parapolicy_control::clock::{RealtimeSupport, VirtualClock, WallClock};
use parapolicy_control::controller::{Controller, ControllerConfig, SimulatedController};
use parapolicy_control::{DiffusionPolicy, Environment};
use parapolicy_eval::run_episode_in_realtime;
use parapolicy_policy::{Network, Provider};

use super::observers::Observers;
use super::{Contender, Played};
use crate::args::RunArguments;
use crate::commands::realtime::start_controller;
use crate::failure::{Failure, InputError as _};
use crate::progress::RunProgress;

/// Runs every seed with every sampler in turn, each with a worker of its own.
pub fn compete(
    arguments: &RunArguments,
    provider: &Provider,
    environment: &mut dyn Environment,
    contenders: &mut [Contender],
) -> Result<Played, Failure> {
    let RunArguments { model, realtime, sampling, .. } = arguments;
    let solver = sampling.solver;
    let manifest = model.manifest()?;
    let config = realtime.controller(&manifest, environment.period());
    let period = config.playback.period;
    let start = |Contender { sampler, budget, deadline, .. }: &Contender| {
        let config = ControllerConfig { deadline: *deadline, ..config.clone() };
        start_controller(model, provider, config, sampler, solver, *budget, arguments.log_rounds)
    };
    let mut controllers = contenders.iter().map(start).collect::<Result<Vec<Controller>, _>>()?;
    let mut observers = Observers::new(arguments, &manifest, contenders)?;
    // Later than all threads, so that they do not inherit it.
    let support = realtime.realtime_priority.map(RealtimeSupport::obtain);
    let progress = RunProgress::new(arguments.count() * contenders.len() as u64);
    'played: for seed in arguments.seeds() {
        for (index, (Contender { run, .. }, controller)) in contenders.iter_mut().zip(&mut controllers).enumerate() {
            if observers.add_known(index, run, seed) {
                progress.episode_done(run);
                continue;
            }
            let (clock, observer) = (&mut WallClock::default(), observers.of(index));
            let played = run_episode_in_realtime(clock, controller, environment, period, seed, observer);
            if !observers.take(run, played)? {
                break 'played;
            }
            progress.episode_done(run);
        }
    }
    progress.finish();
    Ok(observers.played(Some(realtime.describe(&config, support))))
}

/// The same on simulated time, with one network for all.
pub fn compete_virtually(
    arguments: &RunArguments,
    network: &mut Network,
    environment: &mut dyn Environment,
    contenders: &mut [Contender],
) -> Result<Played, Failure> {
    let realtime = &arguments.realtime;
    let config = realtime.controller(network.manifest(), environment.period());
    let period = config.playback.period;
    let times = contenders.iter().map(|contender| realtime.sampling_time(&contender.run.name));
    let times = times.collect::<Result<Vec<_>, _>>()?;
    let mut observers = Observers::new(arguments, network.manifest(), contenders)?;
    let progress = RunProgress::new(arguments.count() * contenders.len() as u64);
    'played: for seed in arguments.seeds() {
        let turns = contenders.iter_mut().zip(&times).enumerate();
        for (index, (Contender { sampler, budget, deadline, run, .. }, time)) in turns {
            if observers.add_known(index, run, seed) {
                progress.episode_done(run);
                continue;
            }
            let mut driver = DiffusionPolicy::new(&mut *network, sampler).within(*budget);
            if arguments.log_rounds {
                driver = driver.observed();
            }
            let config = ControllerConfig { deadline: *deadline, ..config.clone() };
            let mut commands = SimulatedController::new(config, &mut driver, time.clone()).input()?;
            let (clock, observer) = (&mut VirtualClock::default(), observers.of(index));
            let played = run_episode_in_realtime(clock, &mut commands, environment, period, seed, observer);
            if !observers.take(run, played)? {
                break 'played;
            }
            progress.episode_done(run);
        }
    }
    progress.finish();
    Ok(observers.played(Some(realtime.describe(&config, None))))
}
