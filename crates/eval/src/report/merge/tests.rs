//! Tests of merging: shards in any order are the whole.

use std::time::Duration;

use parapolicy_control::PlanCost;
use proptest::prelude::*;

use super::*;
use crate::realtime::Timing;
use crate::{Episode, Model, SCHEMA_VERSION};

/// An episode whose figures follow from its seed; with a refinement and a residual in some plans.
fn episode(seed: u64, scale: u64) -> Episode {
    let plan = |number: u64| PlanCost {
        latency: Duration::from_micros(900 * scale + 7 * seed + number),
        together: 1,
        rounds: (3 + (seed + number) % 5) as usize,
        evaluations: (20 + seed % 7) as usize,
        residual: seed.is_multiple_of(3).then(|| 0.01 / (1.0 + seed as f64)),
        refinement: None,
        executed: 8,
    };
    Episode {
        seed,
        reward: ((seed * scale * 37) % 101) as f64 / 101.0,
        success: seed.is_multiple_of(4),
        control_steps: 20 + (seed % 13) as usize,
        violations: usize::from(seed.is_multiple_of(5)),
        plans: (0..2 + seed % 4).map(plan).collect(),
        ..Episode::default()
    }
}

/// The report of a run of two samplers on these seeds.
fn report(seeds: impl Iterator<Item = u64> + Clone, shard: Option<ShardReport>) -> Report {
    let run = |(name, scale): (&str, u64)| {
        let mut run = SamplerRun::new(name.into(), Some(20), Some(0.1));
        seeds.clone().for_each(|seed| run.add_in_time(&episode(seed, scale), &Timing::new(false)));
        run
    };
    let runs = [("sequential", 5), ("picard", 1)].map(run);
    let text = String::new;
    Report {
        schema_version: SCHEMA_VERSION,
        command: vec!["parapolicy".into()],
        made: None,
        machine: Machine { cpu: "one".into(), cores: 2, threads: 2, os: text(), runtime: text(), precision: None },
        roofline: Roofline::Unknown("not calibrated".into()),
        deviation: None,
        model: Model { name: text(), sha256: text() },
        environment: "pusht".into(),
        period_ms: Some(100.0),
        scenario: text(),
        solver: "ddim".into(),
        steps: 10,
        environments: 1,
        in_time: None,
        interrupted: None,
        shard,
        parts: Vec::new(),
        missing: Vec::new(),
        samplers: SamplerRun::reports(&[&runs[0], &runs[1]]).unwrap(),
    }
}

fn named(reports: Vec<Report>) -> Vec<(String, Report)> {
    reports.into_iter().enumerate().map(|(index, report)| (format!("{index}/report.json"), report)).collect()
}

/// The samplers as JSON.
fn samplers(report: &Report) -> serde_json::Value {
    serde_json::to_value(&report.samplers).unwrap()
}

#[test]
fn shards_are_the_whole_in_whatever_order() {
    let whole = report(100..140, None);
    let seeds = Seeds { first: 100, last: 139 };
    let shard = |index| {
        let shard = super::super::Shard::new(index, 3).unwrap();
        report(shard.of(100..140).unwrap(), Some(ShardReport { shard, whole: seeds }))
    };
    let merged = merge(&named(vec![shard(2), shard(3), shard(1)])).unwrap();
    assert_eq!(samplers(&merged), samplers(&whole));
    assert_eq!((&merged.missing, merged.parts.len(), merged.shard), (&vec![], 3, None));
    assert_eq!(merged.parts[1].seeds, Seeds { first: 113, last: 125 });
    assert_eq!(merged.roofline, whole.roofline, "one machine");
    // What was merged may be merged again.
    let some = merge(&named(vec![shard(1), shard(3)])).unwrap();
    assert_eq!(some.missing, [Seeds { first: 113, last: 125 }]);
    let again = merge(&named(vec![some, shard(2)])).unwrap();
    assert_eq!((again.parts.len(), again.missing.len()), (3, 0));
    // Sums hold plans in the order in which they were put together.
    let figures = |report: &Report| {
        let mut samplers = samplers(report);
        samplers.as_array_mut().unwrap().iter_mut().for_each(|sampler| sampler["tally"] = serde_json::Value::Null);
        samplers
    };
    assert_eq!(figures(&again), figures(&whole));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    /// Seeds dealt to any number of reports.
    #[test]
    fn any_partition_is_the_whole(dealt in prop::collection::vec(0..4u8, 6..30)) {
        let seeds = |of: u8| dealt.iter().zip(0..).filter(move |(part, _)| **part == of).map(|(_, seed)| seed);
        let parts: Vec<Report> =
            (0..4).filter(|&of| seeds(of).next().is_some()).map(|of| report(seeds(of).clone(), None)).collect();
        let (merged, whole) = (merge(&named(parts)).unwrap(), report(0..dealt.len() as u64, None));
        let figures = |report: &Report| {
            let of = |sampler: &SamplerReport| {
                let sampler = sampler.clone();
                (sampler.reward_interval, sampler.reward_difference, sampler.cut_short, sampler.episodes, sampler.timing)
            };
            report.samplers.iter().map(of).collect::<Vec<_>>()
        };
        prop_assert_eq!(figures(&merged), figures(&whole));
        prop_assert_eq!(merged.missing, vec![]);
    }
}

#[test]
fn gaps_are_named() {
    let merged = merge(&named(vec![report(10..12, None), report(15..16, None)])).unwrap();
    assert_eq!(merged.missing, [Seeds { first: 12, last: 14 }]);
    let mut uneven = report(0..8, None);
    uneven.samplers[1].episodes.pop();
    assert_eq!(merge(&named(vec![uneven])).unwrap().missing, [Seeds { first: 7, last: 7 }]);
}

#[test]
fn parts_of_several_machines_have_no_limits_in_common() {
    let mut other = report(5..9, None);
    other.machine.cpu = "another".into();
    let merged = merge(&named(vec![report(0..5, None), other])).unwrap();
    assert!(matches!(&merged.roofline, Roofline::Unknown(why) if why.contains("several machines")));
    assert_eq!(merged.parts.iter().map(|part| part.machine.cpu.as_str()).collect::<Vec<_>>(), ["one", "another"]);
}

#[test]
fn parts_of_other_runs_are_refused_by_name() {
    let refused = |change: fn(&mut Report)| {
        let mut other = report(5..9, None);
        change(&mut other);
        merge(&named(vec![report(0..5, None), other])).unwrap_err().to_string()
    };
    let solver = refused(|report| report.solver = "ddpm".into());
    assert_eq!(solver, "1/report.json: `solver` is ddpm, but ddim in 0/report.json: only parts of one run are merged");
    for (change, field) in [
        ((|report| report.model.sha256 = "f00".into()) as fn(&mut Report), "model"),
        (|report| report.steps = 20, "steps"),
        (|report| report.scenario = "shoved".into(), "scenario"),
        (|report| report.samplers.truncate(1), "samplers"),
        (|report| report.samplers[0].tolerance = None, "window and tolerance"),
    ] {
        assert!(refused(change).contains(&format!("`{field}`")), "{field}");
    }
    assert!(refused(|report| report.samplers[1].tally = None).contains("run it again"));
    assert_eq!(merge(&[]), Err(MergeError::Nothing));
    let twice = merge(&named(vec![report(0..5, None), report(4..9, None)])).unwrap_err();
    assert!(twice.to_string().starts_with("1/report.json: has the episode of seed 4 by sequential"), "{twice}");
}
