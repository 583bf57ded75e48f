//! The rows of a group while they are played.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use parapolicy_control::controller::{ControllerConfig, Replan, SamplingTime, SimulatedController};
use parapolicy_control::realtime::VirtualClock;
use parapolicy_control::{DiffusionPolicy, PushT, SamplerReport, SamplerRun, run_episode_in_time};
use parapolicy_policy::Policy;
use parapolicy_sampler::Sampler;

use super::{Row, Varied};
use crate::args::LatencyStudyArguments;
use crate::commands::Settled;
use crate::failure::{Failure, InputError as _};

/// A row that is being played.
pub struct Lane {
    /// Which of the samplers.
    pub sampler: usize,
    latency: Option<Duration>,
    replan: usize,
    pub run: SamplerRun,
}

/// The rows of a group, not played yet.
pub fn lanes(
    arguments: &LatencyStudyArguments,
    varied: Varied,
    n_action_steps: usize,
    settled: &[Settled],
    samplers: &[Sampler],
) -> Vec<Lane> {
    let LatencyStudyArguments { latencies, latency, intervals, replan, .. } = arguments;
    let replan = replan.map_or(n_action_steps, usize::from);
    let lane = |sampler: usize, latency, replan| {
        let strategy = samplers[sampler].strategy();
        let mut run = SamplerRun::new(settled[sampler].name.clone(), strategy.window(), strategy.tolerance());
        run.reason.clone_from(&settled[sampler].reason);
        Lane { sampler, latency, replan, run }
    };
    let last = samplers.len() - 1;
    match varied {
        Varied::Latency => latencies.iter().map(|latency| lane(last, Some(*latency), replan)).collect(),
        Varied::Replan => intervals.iter().map(|steps| lane(last, Some(*latency), usize::from(*steps))).collect(),
        Varied::Sampler => (0..samplers.len()).map(|sampler| lane(sampler, None, replan)).collect(),
    }
}

/// Plays one episode of a row.
pub fn play(
    lane: &mut Lane,
    config: &ControllerConfig,
    policy: &mut Policy,
    sampler: &mut Sampler,
    environment: &mut PushT,
    seed: u64,
) -> Result<(), Failure> {
    let mut driver = DiffusionPolicy::new(policy, sampler);
    let sampling = lane.latency.map_or(SamplingTime::Measured, SamplingTime::Stated);
    let config = ControllerConfig { replan: Replan::Every(lane.replan), ..config.clone() };
    let period = config.playback.period;
    let mut pilot = SimulatedController::new(config, &mut driver, sampling).input()?;
    let clock = &mut VirtualClock::default();
    let mut failure = None;
    let (episode, timing) = run_episode_in_time(clock, &mut pilot, environment, period, seed, |_, moment| {
        failure = failure.take().or_else(|| moment.events.first().map(ToString::to_string));
    })?;
    if let Some(failure) = failure {
        return Err(anyhow!("{}, seed {seed}: {failure}", lane.run.name).into());
    }
    lane.run.add_in_time(&episode, &timing);
    Ok(())
}

/// What the rows came to, compared with the first of them.
pub fn rows(lanes: &[Lane]) -> Result<Vec<Row>, Failure> {
    let runs: Vec<&SamplerRun> = lanes.iter().map(|lane| &lane.run).collect();
    let results = SamplerRun::reports(&runs).context("no episode was played")?;
    let row = |(lane, result): (&Lane, SamplerReport)| Row {
        latency_ms: lane.latency.map(|latency| 1e3 * latency.as_secs_f64()),
        replan: lane.replan,
        result,
    };
    Ok(lanes.iter().zip(results).map(row).collect())
}
