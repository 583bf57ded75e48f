//! An output written outside of the crate stands on a list beside those of the crate.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[allow(dead_code, reason = "the example has a main function")]
#[path = "../examples/outside_output.rs"]
mod outside_output;

use std::time::Duration;

use outside_output::{Markdown, write};
use parapolicy_control::PlanCost;
use parapolicy_eval::{
    Episode, JsonOutput, Machine, Model, Report, ReportOutput, Roofline, SCHEMA_VERSION, SamplerRun,
};

fn run(name: &str, milliseconds: u64, rewards: [f64; 2]) -> SamplerRun {
    let mut run = SamplerRun::new(name.into(), None, None);
    for (seed, reward) in (0..).zip(rewards) {
        let latency = Duration::from_millis(milliseconds);
        let plan = PlanCost { latency, together: 1, rounds: 12, evaluations: 80, executed: 8, ..PlanCost::default() };
        let success = reward >= 1.0;
        run.add(&Episode { seed, reward, success, control_steps: 8, plans: vec![plan], ..Episode::default() });
    }
    run
}

fn report(runs: &[&SamplerRun]) -> Report {
    Report {
        schema_version: SCHEMA_VERSION,
        command: vec!["parapolicy".into(), "run".into()],
        made: None,
        machine: Machine {
            cpu: "any".into(),
            cores: 2,
            threads: 2,
            os: "any".into(),
            runtime: "native 1".into(),
            precision: None,
        },
        roofline: Roofline::Unknown("not measured".into()),
        deviation: None,
        model: Model { name: "pusht-keypoints".into(), sha256: "0".repeat(64) },
        environment: "pusht".into(),
        period_ms: None,
        scenario: "nominal".into(),
        solver: "ddpm".into(),
        steps: 100,
        environments: 1,
        in_time: None,
        interrupted: None,
        shard: None,
        parts: Vec::new(),
        missing: Vec::new(),
        samplers: SamplerRun::reports(runs).unwrap(),
    }
}

/// All outputs of a report by their files' names, as a program writes them.
fn written(report: &Report) -> Vec<(&'static str, String)> {
    let outputs: [&dyn ReportOutput; 2] = [&JsonOutput, &Markdown];
    let write = |output: &dyn ReportOutput| {
        let mut file = Vec::new();
        write(output, report, &mut file).unwrap();
        (output.file_name(), String::from_utf8(file).unwrap())
    };
    outputs.map(write).to_vec()
}

#[test]
fn the_table_has_a_row_a_sampler() {
    let report = report(&[&run("sequential", 160, [1.0, 0.5]), &run("picard", 80, [1.0, 1.0])]);
    let written = written(&report);
    assert_eq!(written.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["report.json", "samplers.md"]);
    insta::assert_snapshot!("table", written[1].1);

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, &written[0].1).unwrap();
    assert_eq!(Report::load(file.path()).unwrap(), report, "the other output is whole, too");
}

#[test]
fn nothing_is_written_where_there_is_nothing_to_compare() {
    assert_eq!(written(&report(&[]))[1].1, "");
}
