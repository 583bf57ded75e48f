//! The conditions of a study: rows of a group while they are played.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use parapolicy_control::clock::VirtualClock;
use parapolicy_control::controller::{ControllerConfig, Replan, SamplingTime, SimulatedController};
use parapolicy_control::{DiffusionPolicy, Environment, EpisodeObserver, Observer};
use parapolicy_eval::study::{Row, Varied};
use parapolicy_eval::{SamplerReport, SamplerRun, run_episode_in_realtime};
use parapolicy_policy::Network;
use parapolicy_sampler::Sampler;

use crate::args::LatencyStudyArguments;
use crate::commands::Settled;
use crate::failure::{Failure, InputError as _};
use crate::journal::Played;
use crate::stop::Stop;

/// Keeps the first failure of a plan.
#[derive(Clone, Default)]
struct FirstFailure(Arc<Mutex<Option<String>>>);

impl FirstFailure {
    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Observer for FirstFailure {
    fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(self.clone())
    }
}

impl EpisodeObserver for FirstFailure {
    fn event(&self, _time: Duration, _kind: &'static str, words: &dyn Display) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| words.to_string());
    }
}

/// A row that is being played.
pub struct Condition {
    /// Which of the samplers.
    pub sampler: usize,
    latency: Option<Duration>,
    replan: Replan,
    pub run: SamplerRun,
}

/// The rows of a group, not played yet.
pub fn conditions(
    arguments: &LatencyStudyArguments,
    varied: Varied,
    n_action_steps: usize,
    settled: &[Settled],
    samplers: &[Sampler],
) -> Vec<Condition> {
    let LatencyStudyArguments { latencies, latency, intervals, replan, .. } = arguments;
    let replan = replan.unwrap_or(Replan::Every(n_action_steps));
    let condition = |sampler: usize, latency, replan| {
        let strategy = samplers[sampler].strategy();
        let mut run = SamplerRun::new(settled[sampler].name.clone(), strategy.window(), strategy.tolerance());
        run.reason.clone_from(&settled[sampler].reason);
        Condition { sampler, latency, replan, run }
    };
    let last = samplers.len() - 1;
    match varied {
        Varied::Latency => latencies.iter().map(|latency| condition(last, Some(*latency), replan)).collect(),
        Varied::Replan => {
            intervals.iter().map(|steps| condition(last, Some(*latency), Replan::Every((*steps).into()))).collect()
        }
        Varied::Sampler => (0..samplers.len()).map(|sampler| condition(sampler, None, replan)).collect(),
    }
}

impl Condition {
    /// Takes an episode into account.
    pub fn add(&mut self, Played { episode, timing }: &Played) {
        match timing {
            Some(timing) => self.run.add_in_time(episode, timing),
            None => self.run.add(episode),
        }
    }
}

/// Plays one episode of a row; `None` if it was stopped.
pub fn play(
    condition: &Condition,
    config: &ControllerConfig,
    policy: &mut Network,
    sampler: &mut Sampler,
    environment: &mut dyn Environment,
    seed: u64,
) -> Result<Option<Played>, Failure> {
    let mut driver = DiffusionPolicy::new(policy, sampler);
    let sampling = condition.latency.map_or(SamplingTime::Measured, SamplingTime::Stated);
    let config = ControllerConfig { replan: condition.replan, ..config.clone() };
    let period = config.playback.period;
    let mut commands = SimulatedController::new(config, &mut driver, sampling).input()?;
    let (clock, failure) = (&mut VirtualClock::default(), FirstFailure::default());
    let observer: Vec<Arc<dyn Observer>> = vec![Arc::new(failure.clone()), Arc::new(Stop::current())];
    let (episode, timing) = match run_episode_in_realtime(clock, &mut commands, environment, period, seed, &observer) {
        Err(error) if error.is_cancelled() => return Ok(None),
        played => played?,
    };
    if let Some(failure) = failure.take() {
        return Err(anyhow!("{}, seed {seed}: {failure}", condition.run.name).into());
    }
    Ok(Some(Played { episode, timing: Some(timing) }))
}

/// Results of the rows, compared with the first of them.
pub fn rows(conditions: &[Condition]) -> Result<Vec<Row>, Failure> {
    let runs: Vec<&SamplerRun> = conditions.iter().map(|condition| &condition.run).collect();
    let results = SamplerRun::reports(&runs).context("no episode was played")?;
    let row = |(condition, result): (&Condition, SamplerReport)| Row {
        latency_ms: condition.latency.map(|latency| 1e3 * latency.as_secs_f64()),
        replan: condition.replan.to_string(),
        result,
    };
    Ok(conditions.iter().zip(results).map(row).collect())
}
