mod in_time;

use serde::{Deserialize, Serialize};

pub use self::in_time::InTime;
use crate::realtime::{Timing, TimingReport};
use crate::refine::RefinementCost;
use crate::{Episode, Interval, Latency, Percentiles, bootstrap_mean};

/// Version of the report's form; a field that changes its meaning raises it.
pub const SCHEMA_VERSION: u32 = 1;

/// What a run measured: the form of `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The command line that made it.
    pub command: Vec<String>,
    /// Where it was measured.
    pub machine: Machine,
    /// What was sampled from.
    pub model: Model,
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the solver.
    pub solver: String,
    /// Denoising steps of a plan.
    pub steps: usize,
    /// Environments played at once. Beyond 1, plans are drawn together: no plan then has a latency of its own, and
    /// [`Throughput`] says what they cost.
    pub environments: usize,
    /// How the loop ran, where the world did not wait for the policy.
    pub in_time: Option<InTime>,
    /// One entry a sampler, on the same seeds.
    pub samplers: Vec<SamplerReport>,
}

/// A machine, as far as it explains latencies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Processor's name.
    pub cpu: String,
    /// Logical cores.
    pub cores: usize,
    /// Threads that the network was given.
    pub threads: usize,
    /// Operating system and version.
    pub os: String,
    /// Inference runtime and version.
    pub runtime: String,
}

/// A model and the fingerprint of its graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Name in the manifest.
    pub name: String,
    /// SHA-256 of the graph, in hexadecimal.
    pub sha256: String,
}

/// What one sampler cost and earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SamplerReport {
    /// Name of the strategy; `auto:picard` where `auto` took `picard`.
    pub name: String,
    /// Why `auto` took it, and what it expected; none for a sampler that was named.
    pub reason: Option<String>,
    /// Steps in the air at once; none for a sequential sampler.
    pub window: Option<usize>,
    /// Tolerance of the acceptance test; none for a sequential sampler.
    pub tolerance: Option<f64>,
    /// Mean over the episodes of each one's largest reward.
    pub reward_mean: f64,
    /// 95 % bootstrap interval of that mean.
    pub reward_interval: Interval,
    /// Difference to `sequential` on the same seeds; none without `sequential` in the run, or for itself.
    pub reward_difference: Option<Difference>,
    /// Share of the episodes that succeeded.
    pub success_rate: f64,
    /// Observation bound to plan ready; none where plans were drawn together.
    pub sampling_latency_ms: Option<Percentiles>,
    /// Every sampling latency, as a histogram in `HdrHistogram`'s interchange form.
    pub sampling_histogram: Option<Latency>,
    /// The same, over the actions executed from the plan.
    pub per_action_latency_ms: Option<Percentiles>,
    /// Median sampling latency of `sequential` over this one's; none without `sequential` in the run, or where plans
    /// were drawn together.
    pub speedup: Option<f64>,
    /// Plans against time.
    pub throughput: Throughput,
    /// Mean rounds of a plan.
    pub rounds_mean: f64,
    /// Mean rows evaluated for a plan.
    pub evaluations_mean: f64,
    /// Plans that the budget cut short.
    pub cut_short: CutShort,
    /// Share of the control steps that went beyond what the environment allows.
    pub violation_rate: f64,
    /// Share of the episodes with such a step.
    pub violating_episodes: f64,
    /// How the loop went, where the world did not wait for the policy.
    pub timing: Option<TimingReport>,
    /// What refining the plans took; none where they are not refined.
    pub refinement: Option<RefinementReport>,
    /// Every episode.
    pub episodes: Vec<EpisodeReport>,
}

/// Plans that were cut short, and how far they moved in their last round (root mean square, normalised units).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CutShort {
    /// Share of all plans.
    pub share: f64,
    /// Median residual; 0 if no plan was cut short.
    pub residual_p50: f64,
    /// 90th percentile.
    pub residual_p90: f64,
}

impl CutShort {
    /// Of `plans` plans, with the `residuals` of those that were cut short.
    #[must_use]
    pub fn new(residuals: &[f64], plans: usize) -> Self {
        let mut sorted = residuals.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1) as f64;
        let at = |quantile: f64| sorted.get((quantile * last).round() as usize).copied().unwrap_or_default();
        Self { share: sorted.len() as f64 / plans.max(1) as f64, residual_p50: at(0.5), residual_p90: at(0.9) }
    }
}

/// How many plans were drawn in the time that all calls for plans took: from observations bound to every plan of the call
/// ready. The environments' own time is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Plans drawn over that time.
    pub plans_per_second: f64,
    /// Mean number of plans in a call.
    pub plans_per_call: f64,
    /// How long a plan took that was drawn with others: the time of its call.
    pub call_latency_ms: Percentiles,
    /// Plans per second over those of `sequential`; none without `sequential` in the run.
    pub speedup: Option<f64>,
}

/// A paired difference: what the same seeds earned here less what they earned there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Mean over the seeds.
    pub mean: f64,
    /// 95 % bootstrap interval of that mean.
    pub interval: Interval,
}

/// What refining a sampler's plans took and came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefinementReport {
    /// Plans that did not keep every limit as they were sampled, and were refined.
    pub refined_plans: usize,
    /// Plans that were not executed, because to hold the last target exceeded the limits less.
    pub held_plans: usize,
    /// Plans that exceed a limit as they were executed.
    pub violating_plans: usize,
    /// How far the worst of them exceeds it, in the limit's units.
    pub largest_violation: f64,
    /// Sampled plan to refined plan, of the plans that were refined.
    pub latency_ms: Percentiles,
    /// Mean rounds of a refinement.
    pub rounds_mean: f64,
    /// Mean rows evaluated in a refinement.
    pub evaluations_mean: f64,
}

/// What one episode earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpisodeReport {
    /// What it was reset with.
    pub seed: u64,
    /// Largest reward of any step.
    pub reward: f64,
    /// The task was accomplished.
    pub success: bool,
    /// Steps taken.
    pub control_steps: usize,
    /// Plans drawn.
    pub plans: usize,
    /// Steps that went beyond what the environment allows.
    pub violations: usize,
    /// How far the worst of them went, in the environment's units.
    pub largest_violation: f64,
}

/// A sampler's episodes while a run goes on.
#[derive(Clone, Debug)]
pub struct SamplerRun {
    /// Name of the strategy.
    pub name: String,
    /// Why `auto` took it.
    pub reason: Option<String>,
    /// Steps in the air at once.
    pub window: Option<usize>,
    /// Tolerance of the acceptance test.
    pub tolerance: Option<f64>,
    /// Observation bound to plan ready, or all plans of the call.
    pub sampling: Latency,
    per_action: Latency,
    timing: Option<Timing>,
    episodes: Vec<EpisodeReport>,
    rounds: usize,
    evaluations: usize,
    residuals: Vec<f64>,
    plans: usize,
    refinements: Vec<RefinementCost>,
    /// Of all plans, each as its share of a call.
    calls: f64,
    /// Time that all calls took, seconds.
    time: f64,
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
            per_action: Latency::new(),
            timing: None,
            episodes: Vec::new(),
            rounds: 0,
            evaluations: 0,
            residuals: Vec::new(),
            plans: 0,
            refinements: Vec::new(),
            calls: 0.0,
            time: 0.0,
        }
    }

    /// Takes an episode into account.
    pub fn add(&mut self, episode: &Episode) {
        for plan in &episode.plans {
            self.sampling.record(plan.latency);
            if let Ok(executed @ 1..) = u32::try_from(plan.executed) {
                self.per_action.record(plan.latency / executed);
            }
            let share = 1.0 / plan.together.max(1) as f64;
            self.calls += share;
            self.time += share * plan.latency.as_secs_f64();
            self.rounds += plan.rounds;
            self.evaluations += plan.evaluations;
            self.refinements.extend(plan.refinement);
            self.residuals.extend(plan.residual);
        }
        self.plans += episode.plans.len();
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

    /// Takes an episode into account that was played in time.
    pub fn add_in_time(&mut self, episode: &Episode, timing: &Timing) {
        self.add(episode);
        match &mut self.timing {
            Some(so_far) => so_far.merge(timing),
            none => *none = Some(timing.clone()),
        }
    }

    /// Mean reward so far; 0 without episodes.
    #[must_use]
    pub fn reward_mean(&self) -> f64 {
        mean(self.episodes.iter().map(|episode| episode.reward))
    }

    /// Rewards against those of `other`, on the seeds that both have run.
    fn difference(&self, other: &Self) -> Option<Difference> {
        let of = |episode: &EpisodeReport| other.episodes.iter().find(|there| there.seed == episode.seed);
        let pairs = self.episodes.iter().filter_map(|episode| Some(episode.reward - of(episode)?.reward));
        let differences: Vec<f64> = pairs.collect();
        Some(Difference { interval: bootstrap_mean(&differences)?, mean: mean(differences.into_iter()) })
    }

    fn throughput(&self, baseline: Option<&Self>) -> Throughput {
        let rate = |run: &Self| if run.time > 0.0 { run.plans as f64 / run.time } else { 0.0 };
        let plans_per_call = if self.plans > 0 { self.plans as f64 / self.calls } else { 0.0 };
        Throughput {
            plans_per_second: rate(self),
            plans_per_call,
            call_latency_ms: self.sampling.percentiles(),
            speedup: baseline.map(|baseline| rate(self) / rate(baseline)),
        }
    }

    /// What the run came to; `baseline` is the run of `sequential`. `None` without episodes.
    #[must_use]
    pub fn report(&self, baseline: Option<&Self>) -> Option<SamplerReport> {
        let rewards: Vec<f64> = self.episodes.iter().map(|episode| episode.reward).collect();
        let throughput = self.throughput(baseline);
        let alone = throughput.plans_per_call <= 1.0;
        let speedup = |baseline: &Self| baseline.sampling.percentiles().p50 / self.sampling.percentiles().p50;
        let plans = self.plans.max(1) as f64;
        let sum = |count: fn(&EpisodeReport) -> usize| self.episodes.iter().map(count).sum::<usize>() as f64;
        Some(SamplerReport {
            name: self.name.clone(),
            reason: self.reason.clone(),
            window: self.window,
            tolerance: self.tolerance,
            reward_mean: self.reward_mean(),
            reward_interval: bootstrap_mean(&rewards)?,
            reward_difference: baseline
                .filter(|baseline| !std::ptr::eq(*baseline, self))
                .and_then(|baseline| self.difference(baseline)),
            success_rate: mean(self.episodes.iter().map(|episode| f64::from(u8::from(episode.success)))),
            sampling_latency_ms: alone.then(|| self.sampling.percentiles()),
            sampling_histogram: alone.then(|| self.sampling.clone()),
            per_action_latency_ms: alone.then(|| self.per_action.percentiles()),
            speedup: baseline.filter(|_| alone).map(speedup),
            throughput,
            rounds_mean: self.rounds as f64 / plans,
            evaluations_mean: self.evaluations as f64 / plans,
            cut_short: CutShort::new(&self.residuals, self.plans),
            violation_rate: sum(|episode| episode.violations) / sum(|episode| episode.control_steps).max(1.0),
            violating_episodes: mean(self.episodes.iter().map(|episode| f64::from(u8::from(episode.violations > 0)))),
            timing: self.timing.as_ref().map(Timing::report),
            refinement: RefinementReport::of(&self.refinements),
            episodes: self.episodes.clone(),
        })
    }
}

impl RefinementReport {
    /// `None` if no plan was to be refined.
    fn of(plans: &[RefinementCost]) -> Option<Self> {
        if plans.is_empty() {
            return None;
        }
        let refined: Vec<_> = plans.iter().filter(|plan| plan.rounds > 0).collect();
        let mut latency = Latency::new();
        refined.iter().for_each(|plan| latency.record(plan.latency));
        Some(Self {
            refined_plans: refined.len(),
            held_plans: plans.iter().filter(|plan| plan.held).count(),
            violating_plans: plans.iter().filter(|plan| plan.violation > 0.0).count(),
            largest_violation: plans.iter().map(|plan| plan.violation).fold(0.0, f64::max),
            latency_ms: latency.percentiles(),
            rounds_mean: mean(refined.iter().map(|plan| plan.rounds as f64)),
            evaluations_mean: mean(refined.iter().map(|plan| plan.evaluations as f64)),
        })
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lockstep::PlanCost;

    fn episode(seed: u64, reward: f64, milliseconds: &[u64]) -> Episode {
        let plan = |&latency| PlanCost {
            latency: Duration::from_millis(latency),
            together: 1,
            rounds: 10,
            evaluations: 140,
            residual: None,
            refinement: None,
            executed: 8,
        };
        Episode {
            seed,
            reward,
            success: reward >= 1.0,
            control_steps: 8 * milliseconds.len(),
            plans: milliseconds.iter().map(plan).collect(),
            ..Episode::default()
        }
    }

    /// What all seeds have in common falls out of the difference.
    #[test]
    fn differences_are_paired_by_seed() {
        let mut sequential = SamplerRun::new("sequential".into(), None, None);
        let mut picard = SamplerRun::new("picard".into(), Some(20), Some(0.1));
        for seed in 0..20 {
            let reward = 0.04 * seed as f64;
            sequential.add(&episode(seed, reward + 0.01, &[160]));
            picard.add(&episode(19 - seed, 0.04 * (19 - seed) as f64, &[80]));
        }
        let difference = picard.report(Some(&sequential)).unwrap().reward_difference.unwrap();
        for value in [difference.mean, difference.interval.low, difference.interval.high] {
            approx::assert_relative_eq!(value, -0.01, epsilon = 1e-12);
        }
    }

    #[test]
    fn a_report_states_what_was_recorded() {
        let mut sequential = SamplerRun::new("sequential".into(), None, None);
        sequential.add(&episode(1, 1.0, &[160, 160]));
        let mut picard = SamplerRun::new("picard".into(), Some(20), Some(0.1));
        picard.add(&episode(1, 1.0, &[80, 80]));
        picard.add(&episode(2, 0.5, &[80]));

        let report = picard.report(Some(&sequential)).unwrap();
        assert_eq!((report.reward_mean, report.success_rate), (0.75, 0.5));
        assert_eq!((report.rounds_mean, report.evaluations_mean), (10.0, 140.0));
        approx::assert_relative_eq!(report.speedup.unwrap(), 2.0, max_relative = 2e-3);
        approx::assert_relative_eq!(report.per_action_latency_ms.unwrap().p50, 10.0, max_relative = 2e-3);
        approx::assert_relative_eq!(report.throughput.plans_per_second, 12.5, max_relative = 1e-9);
        approx::assert_relative_eq!(report.throughput.speedup.unwrap(), 2.0, max_relative = 1e-9);
        assert_eq!(report.throughput.plans_per_call, 1.0);
        assert_eq!(report.episodes[1].plans, 1);
        assert!(report.reward_interval.low >= 0.5 && report.reward_interval.high <= 1.0);
        assert_eq!(sequential.report(Some(&sequential)).unwrap().reward_difference, None);
    }

    /// Two calls for three plans and one for two, 30 ms each: 8 plans in 90 ms.
    #[test]
    fn the_time_of_a_call_is_no_plans_latency() {
        let mut run = SamplerRun::new("picard".into(), None, None);
        for together in [3, 3, 2] {
            let mut episode = episode(1, 1.0, &vec![30; together]);
            episode.plans.iter_mut().for_each(|plan| plan.together = together);
            run.add(&episode);
        }
        let report = run.report(Some(&run)).unwrap();
        assert_eq!((report.sampling_latency_ms, report.per_action_latency_ms, report.speedup), (None, None, None));
        let throughput = report.throughput;
        approx::assert_relative_eq!(throughput.plans_per_second, 8.0 / 0.09, max_relative = 1e-9);
        approx::assert_relative_eq!(throughput.plans_per_call, 8.0 / 3.0, max_relative = 1e-9);
        approx::assert_relative_eq!(throughput.call_latency_ms.p50, 30.0, max_relative = 2e-3);
        assert_eq!(throughput.speedup, Some(1.0));
    }

    #[test]
    fn plans_cut_short_are_counted_with_their_residuals() {
        let mut run = SamplerRun::new("picard".into(), Some(20), Some(0.1));
        let mut episode = episode(1, 1.0, &[80, 80, 80, 80]);
        for (plan, residual) in episode.plans.iter_mut().zip([0.1, 0.3, 0.2]) {
            plan.residual = Some(residual);
        }
        run.add(&episode);
        let cut_short = run.report(None).unwrap().cut_short;
        assert_eq!(cut_short, CutShort { share: 0.75, residual_p50: 0.2, residual_p90: 0.3 });
    }

    #[test]
    fn nothing_recorded_is_nothing_to_report() {
        assert_eq!(SamplerRun::new("picard".into(), None, None).report(None), None);
    }

    #[test]
    fn a_report_survives_json() {
        let mut run = SamplerRun::new("sequential".into(), None, None);
        run.add(&episode(3, 0.25, &[7]));
        let report = run.report(Some(&run)).unwrap();
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<SamplerReport>(&text).unwrap(), report);
    }
}
