//! Collects a sampler's episodes while a run goes on, and summarises them for the report.

use parapolicy_control::Latency;

use super::{CutShort, Difference, EpisodeReport, RefinementReport, SamplerReport, Tally, Throughput, mean};
use crate::realtime::Timing;
use crate::{Episode, bootstrap_mean, wilson};

/// A sampler's episodes while a run goes on.
#[derive(Clone, Debug)]
pub struct SamplerRun {
    /// Name of the strategy.
    pub name: String,
    /// Why `auto` took it.
    pub reason: Option<String>,
    /// Denoising steps evaluated at once.
    pub window: Option<usize>,
    /// Tolerance of the acceptance test.
    pub tolerance: Option<f64>,
    /// From the observation bound to the plan ready, or to all plans of the call ready.
    pub sampling: Latency,
    episodes: Vec<EpisodeReport>,
    tally: Tally,
}

impl SamplerRun {
    /// A run without episodes.
    #[must_use]
    pub fn new(name: String, window: Option<usize>, tolerance: Option<f64>) -> Self {
        Self {
            name,
            reason: None,
            window,
            tolerance,
            sampling: Latency::new(),
            episodes: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Takes an episode into account.
    pub fn add(&mut self, episode: &Episode) {
        episode.plans.iter().for_each(|plan| self.sampling.record(plan.latency));
        self.tally.add(episode);
        self.episodes.push(EpisodeReport {
            seed: episode.seed,
            reward: episode.reward,
            success: episode.success,
            control_steps: episode.control_steps,
            plans: episode.plans.len(),
            violations: episode.violations,
            largest_violation: episode.largest_violation,
        });
    }

    /// Takes into account an episode that was played in realtime.
    pub fn add_in_time(&mut self, episode: &Episode, timing: &Timing) {
        self.add(episode);
        self.tally.add_timing(timing);
    }

    /// Mean reward so far; 0 without episodes.
    #[must_use]
    pub fn reward_mean(&self) -> f64 {
        mean(self.episodes.iter().map(|episode| episode.reward))
    }

    fn throughput(&self, sequential: Option<&Self>) -> Throughput {
        Throughput {
            plans_per_second: self.tally.rate(),
            plans_per_call: self.tally.plans_per_call(),
            call_latency_ms: self.sampling.percentiles(),
            call_histogram: self.sampling.clone(),
            speedup: sequential.map(|sequential| self.tally.rate() / sequential.tally.rate()),
        }
    }

    /// The run of a report, to be merged with others; `None` where the report does not say enough for that.
    #[must_use]
    pub fn of(report: &SamplerReport) -> Option<Self> {
        Some(Self {
            name: report.name.clone(),
            reason: report.reason.clone(),
            window: report.window,
            tolerance: report.tolerance,
            sampling: report.throughput.call_histogram.clone(),
            episodes: report.episodes.clone(),
            tally: report.tally.clone()?,
        })
    }

    /// Adds another part's episodes, in the order of their seeds.
    pub fn merge(&mut self, other: &Self) {
        self.sampling.merge(&other.sampling);
        self.tally.merge(&other.tally);
        self.episodes.extend_from_slice(&other.episodes);
        self.episodes.sort_by_key(|episode| episode.seed);
    }

    /// Whether no episode was taken into account yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.episodes.is_empty()
    }

    /// Reports of runs on the same seeds: rewards are compared with the first run, latencies with `sequential`. `None`
    /// if one is without episodes.
    #[must_use]
    pub fn reports(runs: &[&Self]) -> Option<Vec<SamplerReport>> {
        let sequential = runs.iter().copied().find(|run| run.name == "sequential");
        let first = runs.first().copied();
        let report = |(index, run): (usize, &&Self)| run.report(first.filter(|_| index > 0), sequential);
        runs.iter().enumerate().map(report).collect()
    }

    fn report(&self, first: Option<&Self>, sequential: Option<&Self>) -> Option<SamplerReport> {
        if self.episodes.is_empty() {
            return None;
        }
        let successes = self.episodes.iter().filter(|episode| episode.success).count();
        let rewards: Vec<f64> = self.episodes.iter().map(|episode| episode.reward).collect();
        let throughput = self.throughput(sequential);
        let alone = throughput.plans_per_call <= 1.0;
        let speedup = |sequential: &Self| sequential.sampling.percentiles().p50 / self.sampling.percentiles().p50;
        let tally = &self.tally;
        let plans = tally.plans.max(1) as f64;
        let sum = |count: fn(&EpisodeReport) -> usize| self.episodes.iter().map(count).sum::<usize>() as f64;
        Some(SamplerReport {
            name: self.name.clone(),
            reason: self.reason.clone(),
            window: self.window,
            tolerance: self.tolerance,
            reward_mean: self.reward_mean(),
            reward_interval: bootstrap_mean(&rewards),
            reward_difference: first.and_then(|first| Difference::between(&first.episodes, &self.episodes)),
            success_rate: successes as f64 / self.episodes.len() as f64,
            success_interval: wilson(successes, self.episodes.len()),
            sampling_latency_ms: alone.then(|| self.sampling.percentiles()),
            per_action_latency_ms: alone.then(|| tally.per_action.percentiles()),
            speedup: sequential.filter(|_| alone).map(speedup),
            throughput,
            rounds_mean: tally.rounds as f64 / plans,
            evaluations_mean: tally.evaluations as f64 / plans,
            cut_short: CutShort::new(&tally.residuals, tally.plans),
            violation_rate: sum(|episode| episode.violations) / sum(|episode| episode.control_steps).max(1.0),
            violating_episodes: mean(self.episodes.iter().map(|episode| f64::from(u8::from(episode.violations > 0)))),
            timing: tally.timing.as_ref().map(Timing::report),
            refinement: RefinementReport::of(&tally.refinements),
            episodes: self.episodes.clone(),
            tally: Some(tally.clone()),
        })
    }
}

#[cfg(test)]
mod tests;
