//! Plays episodes with the candidates that are worth it.

use parapolicy_control::tuned::{Earned, Estimate, Measured, Setting};
use parapolicy_control::{DiffusionPolicy, Environment};
use parapolicy_eval::tuning::{Point, outdone};
use parapolicy_eval::{SamplerReport, SamplerRun, run_episode};
use parapolicy_policy::Network;

use super::candidates::Candidate;
use crate::failure::Failure;
use crate::progress::RunProgress;
use crate::stop::Stop;

/// Drops what another one outdoes by far, but for the reference, which comes first. Of settings that differ in threads alone,
/// which draw the same plans, the fastest plays for all.
///
/// Gives the number of the setting that plays for each; none for those that are dropped.
pub fn players(measured: &mut [Measured]) -> Vec<Option<usize>> {
    let point = |measured: &Measured| Point { latency_ms: measured.latency_ms.p50, distance: measured.distance.mean };
    let outdone = outdone(&measured.iter().map(point).collect::<Vec<_>>());
    let mut players: Vec<Option<usize>> =
        (0..measured.len()).map(|index| Some(fastest_twin(measured, index))).collect();
    for (index, by) in outdone.iter().enumerate() {
        let twin = by.is_none_or(|by| are_twins(&measured[by].setting, &measured[index].setting));
        // Twins of the reference are as good as it is.
        if twin || are_twins(&measured[0].setting, &measured[index].setting) {
            continue;
        }
        // Its faster twin, if it has one, may still play for both.
        let player = players[index].unwrap_or(index);
        if outdone[player].is_some_and(|by| !are_twins(&measured[by].setting, &measured[player].setting)) {
            players[index] = None;
            measured[index].dropped = by.map(|by| {
                let times = measured[index].latency_ms.p50 / measured[by].latency_ms.p50;
                format!("outdone by far by {}: {times:.1} times as fast, and no farther", measured[by].setting)
            });
        }
    }
    players
}

/// The fastest of the settings that draw the same plans; for the reference, itself.
fn fastest_twin(measured: &[Measured], index: usize) -> usize {
    if are_twins(&measured[0].setting, &measured[index].setting) {
        return 0;
    }
    let twins = (0..measured.len()).filter(|&other| are_twins(&measured[other].setting, &measured[index].setting));
    let p50 = |index: &usize| measured[*index].latency_ms.p50;
    twins.min_by(|one, other| p50(one).total_cmp(&p50(other))).unwrap_or(index)
}

/// Whether two settings differ in threads alone, or not at all.
fn are_twins(one: &Setting, other: &Setting) -> bool {
    Setting { threads: 0, ..one.clone() } == Setting { threads: 0, ..other.clone() }
}

/// Every seed with each of the players in turn; what they earned is written into `measured`. Ends where the program was asked to.
pub fn play(
    candidates: &mut [Candidate],
    networks: &mut [Network],
    environment: &mut dyn Environment,
    seeds: std::ops::Range<u64>,
    players: &[Option<usize>],
    measured: &mut [Measured],
) -> Result<(), Failure> {
    let mut playing: Vec<usize> = players.iter().copied().flatten().collect();
    playing.sort_unstable();
    playing.dedup();
    let run = |&index: &usize| SamplerRun::new(measured[index].setting.to_string(), None, None);
    let mut runs: Vec<SamplerRun> = playing.iter().map(run).collect();
    let progress = RunProgress::new((seeds.end - seeds.start) * runs.len() as u64);
    'played: for seed in seeds {
        let mut episodes = Vec::new();
        for &index in &playing {
            let Candidate { sampler, network, .. } = &mut candidates[index];
            let mut driver = DiffusionPolicy::new(&mut networks[*network], sampler);
            match run_episode(&mut driver, environment, seed, &Stop::current()) {
                Err(error) if error.is_cancelled() => break 'played,
                played => episodes.push(played?),
            }
        }
        // A seed counts when all have played it.
        for (run, episode) in runs.iter_mut().zip(&episodes) {
            run.add(episode);
            progress.episode_done(run);
        }
    }
    progress.finish();
    let Some(reports) = SamplerRun::reports(&runs.iter().collect::<Vec<_>>()) else { return Ok(()) };
    for (measured, player) in measured.iter_mut().zip(players) {
        let report = player.and_then(|player| reports.get(playing.binary_search(&player).ok()?));
        measured.reward = report.map(earned);
    }
    // The reference's twins earn what it earns.
    let [reference, others @ ..] = measured else { return Ok(()) };
    for other in others.iter_mut().filter(|other| are_twins(&other.setting, &reference.setting)) {
        let count = reports[0].episodes.len();
        let difference = Some(Estimate { mean: 0.0, interval: None, count });
        other.reward = other.reward.map(|reward| Earned { difference, ..reward });
    }
    Ok(())
}

fn earned(report: &SamplerReport) -> Earned {
    let difference = report.reward_difference.map(|difference| Estimate {
        mean: difference.mean,
        interval: difference.interval,
        count: difference.seeds,
    });
    Earned { mean: report.reward_mean, success: report.success_rate, difference }
}

#[cfg(test)]
mod tests {
    use parapolicy_control::tuned::LatencySpan;

    use super::*;

    fn measured(solver: &str, threads: usize, p50: f64, mean: f64) -> Measured {
        let setting = Setting {
            solver: solver.into(),
            steps: 10,
            sampler: "sequential".into(),
            window: None,
            tolerance: None,
            precision: "f32".into(),
            threads,
        };
        let latency_ms = LatencySpan { p50, p95: p50 };
        let distance = Estimate { mean, interval: None, count: 9 };
        Measured { setting, latency_ms, drift: 1.0, distance, reward: None, dropped: None }
    }

    #[test]
    fn what_is_outdone_by_far_does_not_play_and_twins_play_for_each_other() {
        let mut all = [
            measured("ddpm", 2, 30.0, 0.0),
            measured("ddpm", 1, 40.0, 0.0),
            measured("ddim", 2, 3.0, 0.1),
            measured("ddim", 1, 2.0, 0.1),
            measured("far", 2, 9.0, 0.2),
            measured("near", 2, 9.0, -0.1),
        ];
        let players = players(&mut all);
        assert_eq!(players, [Some(0), Some(0), Some(3), Some(3), None, Some(5)]);
        let dropped: Vec<_> = all.iter().map(|measured| measured.dropped.as_deref()).collect();
        let why = "outdone by far by sequential on ddim in 10 steps, 1 thread: 4.5 times as fast, and no farther";
        assert_eq!(dropped, [None, None, None, None, Some(why), None]);
    }
}
