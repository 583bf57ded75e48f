//! The world does not wait: on the wall clock, and on simulated time.

use ndarray::ArrayView1;
use parapolicy_control::controller::{Controller, SimulatedController};
use parapolicy_control::log::Log;
use parapolicy_control::realtime::{Moment, RealtimeSupport, Timing, VirtualClock, WallClock};
use parapolicy_control::{DiffusionPolicy, Episode, PushT, SamplerRun, run_episode_in_time};
use parapolicy_policy::{Policy, Provider};

use super::{Contender, Played, log_file};
use crate::args::RunArguments;
use crate::commands::in_time::start_controller;
use crate::failure::{Failure, InputError as _};
use crate::output::animation::Recording;
use crate::progress::RunProgress;

/// Runs every seed with every sampler in turn, each with a worker of its own.
pub fn compete(
    arguments: &RunArguments,
    provider: &Provider,
    environment: &mut PushT,
    contenders: &mut [Contender],
) -> Result<Played, Failure> {
    let RunArguments { model, in_time, .. } = arguments;
    let manifest = model.manifest()?;
    let config = in_time.controller(&manifest);
    let period = config.playback.period;
    let start = |Contender { sampler, budget, .. }: &Contender| {
        start_controller(model, provider, config.clone(), sampler, *budget, arguments.log_rounds)
    };
    let mut controllers = contenders.iter().map(start).collect::<Result<Vec<Controller>, _>>()?;
    let logs = log_file(arguments, &manifest)?;
    for (controller, contender) in controllers.iter_mut().zip(&*contenders) {
        controller.log_to(logs.log(&contender.run.name));
    }
    // Later than all threads, so that they do not inherit it.
    let realtime = in_time.realtime_priority.map(RealtimeSupport::obtain);
    let mut show = Show::new(arguments, environment, contenders.len());
    for seed in arguments.seed..arguments.seed + arguments.episodes {
        for (index, (Contender { run, .. }, controller)) in contenders.iter_mut().zip(&mut controllers).enumerate() {
            let (clock, watch) = (&mut WallClock::default(), show.watch(index, &run.name, seed));
            let played = run_episode_in_time(clock, controller, environment, period, seed, watch)?;
            show.over(run, &played);
        }
    }
    Ok(Played { recording: show.finish(), in_time: Some(in_time.describe(&config, realtime)), logs })
}

/// The same on simulated time, with one network for all.
pub fn compete_virtually(
    arguments: &RunArguments,
    policy: &mut Policy,
    environment: &mut PushT,
    contenders: &mut [Contender],
) -> Result<Played, Failure> {
    let in_time = &arguments.in_time;
    let config = in_time.controller(policy.manifest());
    let period = config.playback.period;
    let times = contenders.iter().map(|contender| in_time.sampling_time(&contender.run.name));
    let times = times.collect::<Result<Vec<_>, _>>()?;
    let mut show = Show::new(arguments, environment, contenders.len());
    let file = log_file(arguments, policy.manifest())?;
    let logs: Vec<Log> = contenders.iter().map(|contender| file.log(&contender.run.name)).collect();
    for seed in arguments.seed..arguments.seed + arguments.episodes {
        let turns = contenders.iter_mut().zip(&times).zip(&logs).enumerate();
        for (index, ((Contender { sampler, budget, run, .. }, time), log)) in turns {
            let mut driver = DiffusionPolicy::new(&mut *policy, sampler).within(*budget);
            if arguments.log_rounds {
                driver = driver.watched();
            }
            let mut pilot = SimulatedController::new(config.clone(), &mut driver, time.clone()).input()?;
            pilot.log_to(log.clone());
            let (clock, watch) = (&mut VirtualClock::default(), show.watch(index, &run.name, seed));
            let played = run_episode_in_time(clock, &mut pilot, environment, period, seed, watch)?;
            show.over(run, &played);
        }
    }
    Ok(Played { recording: show.finish(), in_time: Some(in_time.describe(&config, None)), logs: file })
}

/// Plays episodes, and keeps the first of the last sampler.
struct Show {
    recording: Recording,
    /// Which sampler and which seed is recorded.
    shown: (usize, u64),
    progress: RunProgress,
}

impl Show {
    fn new(arguments: &RunArguments, environment: &PushT, samplers: usize) -> Self {
        let recording = Recording::new(environment.task().scenario().keep_out.clone());
        let progress = RunProgress::new(arguments.episodes * samplers as u64);
        Self { recording, shown: (samplers - 1, arguments.seed), progress }
    }

    /// What is to be seen of an episode that the sampler `name`, the `index`-th, plays.
    fn watch<'s>(&'s mut self, index: usize, name: &'s str, seed: u64) -> impl FnMut(&PushT, Moment<'_>) + 's {
        let record = self.shown == (index, seed);
        move |environment, moment| {
            if record {
                self.recording.add(environment.task(), moment.ahead.chunks_exact(2).map(ArrayView1::from));
            }
            for event in moment.events {
                eprintln!("{name}, seed {seed}, control step {}: {event}", moment.index);
            }
        }
    }

    fn over(&self, run: &mut SamplerRun, (episode, timing): &(Episode, Timing)) {
        run.add_in_time(episode, timing);
        self.progress.episode_done(run);
    }

    fn finish(self) -> Recording {
        self.progress.finish();
        self.recording
    }
}
