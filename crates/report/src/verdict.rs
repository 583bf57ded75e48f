//! What a run says, in words: which sampler is the fastest, what that costs in reward, and whether it is fast enough for the robot.

use parapolicy_eval::{Report, SamplerReport, Verdict};

/// Sentences, the most important first. Nothing is said of what was not measured.
#[must_use]
pub fn verdict(report: &Report) -> Vec<String> {
    let Some(fastest) = fastest(report) else { return Vec::new() };
    [Some(speed(report, fastest)), reward(report, fastest), pace(report, fastest)].into_iter().flatten().collect()
}

/// The sampler with the most plans a second; of equals the first.
fn fastest(report: &Report) -> Option<&SamplerReport> {
    let rate = |sampler: &SamplerReport| sampler.throughput.plans_per_second;
    report.samplers.iter().rev().max_by(|one, other| rate(one).total_cmp(&rate(other)))
}

/// How long its plans take, and how many times as fast that is as the next, `sequential` if it is there.
fn speed(report: &Report, fastest: &SamplerReport) -> String {
    let name = &fastest.name;
    let took = |sampler: &SamplerReport| match sampler.sampling_latency_ms {
        Some(latency) => format!("{:.1} ms a plan (median)", latency.p50),
        None => format!("{:.0} plans a second, in batches", sampler.throughput.plans_per_second),
    };
    let others = report.samplers.iter().filter(|sampler| !std::ptr::eq(*sampler, fastest));
    let rate = |sampler: &SamplerReport| sampler.throughput.plans_per_second;
    let next = others.max_by(|one, other| {
        let rank = |sampler: &SamplerReport| (sampler.name == "sequential", rate(sampler));
        let ((one_named, one), (other_named, other)) = (rank(one), rank(other));
        one_named.cmp(&other_named).then(one.total_cmp(&other))
    });
    match next {
        None => format!("{name} takes {}.", took(fastest)),
        Some(next) => {
            let times = match (fastest.sampling_latency_ms, next.sampling_latency_ms) {
                (Some(fast), Some(slow)) => slow.p50 / fast.p50,
                _ => rate(fastest) / rate(next),
            };
            format!("The fastest is {name}: {}, {times:.1} times as fast as {}.", took(fastest), next.name)
        }
    }
}

/// What it earns, beside the first sampler.
fn reward(report: &Report, fastest: &SamplerReport) -> Option<String> {
    let first = report.samplers.first()?;
    let Some(difference) = fastest.reward_difference else {
        let (rate, mean) = (100.0 * fastest.success_rate, fastest.reward_mean);
        return Some(format!("Its reward is {mean:.3} in the mean, and {rate:.0} % of the episodes succeed."));
    };
    let than = match difference.verdict() {
        Verdict::More => "more than",
        Verdict::Less => "less than",
        Verdict::Undecided => "not measurably another than",
        Verdict::Same => "the same on every seed as",
        Verdict::TooFew => "from too few episodes to be told apart from",
    };
    let interval = difference.interval.map_or_else(String::new, |interval| {
        format!(", 95 % interval of the paired difference {:+.3} to {:+.3}", interval.low, interval.high)
    });
    let (reward, first_reward) = (fastest.reward_mean, first.reward_mean);
    Some(format!("Its reward, {reward:.3}, is {than} that of {} ({first_reward:.3}{interval}).", first.name))
}

/// Whether its plans are there in time for a robot that moves at the environment's control period.
fn pace(report: &Report, fastest: &SamplerReport) -> Option<String> {
    let (period, latency) = (report.period_ms?, fastest.sampling_latency_ms?);
    let lasts = period * actions_per_plan(fastest)?;
    let late = latency.p99;
    let plans = format!("99 of 100 of its plans are there within {late:.1} ms");
    Some(if late <= period {
        format!("{plans}, within one control step ({period:.0} ms): the robot need not wait.")
    } else if late <= lasts {
        format!(
            "{plans}: longer than a control step ({period:.0} ms), but not than the actions of a plan last ({lasts:.0} ms). A robot \
             need not wait if the next plan is asked for while the one before is played (--clock real)."
        )
    } else {
        format!("{plans}, and its actions last {lasts:.0} ms: a robot would wait for its plans. Take fewer steps.")
    })
}

/// Actions that are executed from a plan, in the mean.
pub(crate) fn actions_per_plan(sampler: &SamplerReport) -> Option<f64> {
    let sum = |count: fn(&parapolicy_eval::EpisodeReport) -> usize| sampler.episodes.iter().map(count).sum::<usize>();
    let (steps, plans) = (sum(|episode| episode.control_steps), sum(|episode| episode.plans));
    (plans > 0).then(|| steps as f64 / plans as f64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parapolicy_control::PlanCost;
    use parapolicy_eval::{Episode, Machine, Model, Roofline, SCHEMA_VERSION, SamplerRun};

    use super::*;

    fn run(name: &str, milliseconds: u64, reward: impl Fn(u64) -> f64) -> SamplerRun {
        let mut run = SamplerRun::new(name.into(), None, None);
        for seed in 0..10 {
            let latency = Duration::from_millis(milliseconds);
            let plan = PlanCost {
                latency,
                together: 1,
                rounds: 5,
                evaluations: 50,
                residual: None,
                refinement: None,
                executed: 8,
            };
            let plans = vec![plan; 3];
            run.add(&Episode { seed, reward: reward(seed), control_steps: 24, plans, ..Episode::default() });
        }
        run
    }

    fn of(runs: &[SamplerRun]) -> Vec<String> {
        let text = String::new;
        verdict(&Report {
            schema_version: SCHEMA_VERSION,
            command: Vec::new(),
            made: None,
            machine: Machine { cpu: text(), cores: 2, threads: 2, os: text(), runtime: text(), precision: None },
            roofline: Roofline::Unknown(text()),
            deviation: None,
            model: Model { name: text(), sha256: text() },
            environment: text(),
            period_ms: Some(100.0),
            scenario: text(),
            solver: text(),
            steps: 10,
            environments: 1,
            in_time: None,
            interrupted: None,
            shard: None,
            parts: Vec::new(),
            missing: Vec::new(),
            samplers: SamplerRun::reports(&runs.iter().collect::<Vec<_>>()).unwrap_or_default(),
        })
    }

    #[test]
    fn the_fastest_is_named_with_what_it_costs() {
        let reward = |seed: u64| 0.05 * seed as f64;
        let said = of(&[run("sequential", 200, reward), run("picard", 40, reward)]);
        assert!(
            said[0].starts_with("The fastest is picard: 40.") && said[0].ends_with("5.0 times as fast as sequential."),
            "{said:?}"
        );
        assert_eq!(said[1], "Its reward, 0.225, is the same on every seed as that of sequential (0.225).");
        assert!(said[2].ends_with("within one control step (100 ms): the robot need not wait."), "{said:?}");

        let said =
            of(&[run("sequential", 200, reward), run("picard", 40, |seed| reward(seed) - 0.2 - 0.01 * seed as f64)]);
        assert!(said[1].contains("is less than that of sequential"), "{said:?}");
        let said = of(&[run("sequential", 20, reward), run("picard", 40, reward)]);
        assert!(
            said[0].starts_with("The fastest is sequential") && said[0].ends_with("as fast as picard."),
            "{said:?}"
        );
    }

    #[test]
    fn one_sampler_is_judged_by_the_robot_alone() {
        let said = of(&[run("picard", 300, |_| 1.0)]);
        assert!(said[0].starts_with("picard takes 300.") || said[0].starts_with("picard takes 299."), "{said:?}");
        assert_eq!(said[1], "Its reward is 1.000 in the mean, and 0 % of the episodes succeed.");
        assert!(said[2].contains("not than the actions of a plan last (800 ms)"), "{said:?}");
        let said = of(&[run("picard", 900, |_| 1.0)]);
        assert!(said[2].ends_with("a robot would wait for its plans. Take fewer steps."), "{said:?}");
        assert!(of(&[]).is_empty());
    }
}
