//! Tests of the summary of a run.

use std::time::Duration;

use super::*;
use parapolicy_control::PlanCost;

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

/// The variation between seeds cancels in the paired difference.
#[test]
fn differences_are_paired_by_seed() {
    let mut sequential = SamplerRun::new("sequential".into(), None, None);
    let mut picard = SamplerRun::new("picard".into(), Some(20), Some(0.1));
    for seed in 0..20 {
        let reward = 0.04 * seed as f64;
        sequential.add(&episode(seed, reward + 0.01, &[160]));
        picard.add(&episode(19 - seed, 0.04 * (19 - seed) as f64, &[80]));
    }
    let [_, picard] = &SamplerRun::reports(&[&sequential, &picard]).unwrap()[..] else { panic!("two runs") };
    let difference = picard.reward_difference.unwrap();
    let interval = difference.interval.unwrap();
    for value in [difference.mean, interval.low, interval.high] {
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

    let [first, report] = &SamplerRun::reports(&[&sequential, &picard]).unwrap()[..] else { panic!("two runs") };
    assert_eq!((report.reward_mean, report.success_rate), (0.75, 0.5));
    assert_eq!((report.rounds_mean, report.evaluations_mean), (10.0, 140.0));
    approx::assert_relative_eq!(report.speedup.unwrap(), 2.0, max_relative = 2e-3);
    approx::assert_relative_eq!(report.per_action_latency_ms.unwrap().p50, 10.0, max_relative = 2e-3);
    approx::assert_relative_eq!(report.throughput.plans_per_second, 12.5, max_relative = 1e-9);
    approx::assert_relative_eq!(report.throughput.speedup.unwrap(), 2.0, max_relative = 1e-9);
    assert_eq!(report.throughput.plans_per_call, 1.0);
    assert_eq!(report.episodes[1].plans, 1);
    assert_eq!(report.reward_interval, None, "two episodes are too few");
    assert_eq!(report.success_interval, wilson(1, 2));
    assert_eq!((first.reward_difference, first.speedup), (None, Some(1.0)));
}

/// Two calls for three plans and one for two, 30 ms each: 8 plans in 90 ms.
#[test]
fn the_time_of_a_call_is_no_plans_latency() {
    let mut run = SamplerRun::new("sequential".into(), None, None);
    for together in [3, 3, 2] {
        let mut episode = episode(1, 1.0, &vec![30; together]);
        episode.plans.iter_mut().for_each(|plan| plan.together = together);
        run.add(&episode);
    }
    let report = run.report(None, Some(&run)).unwrap();
    assert_eq!((report.sampling_latency_ms, report.per_action_latency_ms, report.speedup), (None, None, None));
    let throughput = &report.throughput;
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
    let cut_short = run.report(None, None).unwrap().cut_short;
    assert_eq!(cut_short, CutShort { share: 0.75, residual_p50: 0.2, residual_p90: 0.3 });
}

#[test]
fn nothing_recorded_is_nothing_to_report() {
    assert_eq!(SamplerRun::reports(&[&SamplerRun::new("picard".into(), None, None)]), None);
}

#[test]
fn a_report_survives_json() {
    let mut run = SamplerRun::new("sequential".into(), None, None);
    run.add(&episode(3, 0.25, &[7]));
    let report = run.report(Some(&run), Some(&run)).unwrap();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<SamplerReport>(&text).unwrap(), report);
}
