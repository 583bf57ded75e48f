//! Tests of reading reports, valid and damaged.

use std::fs;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

use crate::{Deviation, Episode, Machine, Model, Roofline, SamplerRun};

/// Computed once, since the bootstrap intervals are slow.
static WRITTEN: LazyLock<Value> = LazyLock::new(|| {
    let mut run = SamplerRun::new("picard".into(), Some(20), Some(0.1));
    (1..=5).for_each(|seed| run.add(&Episode { seed, reward: 0.1 * seed as f64, ..Episode::default() }));
    let text = String::new;
    let machine = Machine { cpu: text(), cores: 2, threads: 2, os: text(), runtime: text(), precision: None };
    let report = Report {
        schema_version: SCHEMA_VERSION,
        command: vec!["parapolicy".into()],
        made: None,
        machine,
        roofline: Roofline::Unknown(text()),
        deviation: Some(deviation()),
        model: Model { name: text(), sha256: text() },
        environment: "pusht".into(),
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
        samplers: SamplerRun::reports(&[&run]).unwrap(),
    };
    serde_json::to_value(report).unwrap()
});

fn deviation() -> Deviation {
    let actions = [("arm".into(), 0.001), ("gripper".into(), 0.25)].into();
    Deviation { precision: "bf16".into(), prediction: 2.8e-3, plan: 2.2e-3, actions }
}

fn written() -> Value {
    WRITTEN.clone()
}

fn load(text: &str) -> Result<Report, ReportError> {
    let file = tempfile::Builder::new().prefix("report").suffix(".json").tempfile().unwrap();
    fs::write(file.path(), text).unwrap();
    Report::load(file.path())
}

#[test]
fn what_was_written_is_read() {
    let value = written();
    assert_eq!(serde_json::to_value(load(&value.to_string()).unwrap()).unwrap(), value);
}

/// The deviation is null for f32, and missing in earlier reports of this version.
#[test]
fn what_precision_came_to_is_read_where_it_is_said() {
    let mut value = written();
    assert_eq!(load(&value.to_string()).unwrap().deviation, Some(deviation()));
    value["deviation"] = Value::Null;
    assert_eq!(load(&value.to_string()).unwrap().deviation, None);
    value.as_object_mut().unwrap().remove("deviation");
    assert_eq!(load(&value.to_string()).unwrap().deviation, None);
}

#[test]
fn the_field_that_makes_no_sense_is_named() {
    let twice = written()["samplers"][0].clone();
    let cases = [
        ("/schema_version", json!(2), "`schema_version` is 2, this program reads version 3"),
        ("/roofline", json!("good"), "`roofline` cannot be read: unknown variant `good`"),
        ("/deviation/plan", json!(null), "`deviation.plan` cannot be read: invalid type: null"),
        ("/steps", json!("ten"), "`steps` cannot be read: invalid type: string"),
        ("/samplers", json!([]), "`samplers` is empty"),
        ("/samplers", json!([twice, twice]), "`samplers[1].name` is `picard`, as of another sampler"),
        ("/samplers/0/reward_mean", json!(1e300), "`samplers[0].reward_mean` is 1e300"),
        (
            "/samplers/0/reward_interval/low",
            json!(-0.1),
            "`samplers[0].reward_interval.low` is -0.1, but must be in [0, 1]",
        ),
        ("/samplers/0/episodes", json!([]), "`samplers[0].episodes` is empty"),
        ("/samplers/0/episodes/1/seed", json!(1), "`samplers[0].episodes[1].seed` is 1, as of another episode"),
        ("/samplers/0/episodes/1/reward", json!(1.5), "`samplers[0].episodes[1].reward` is 1.5, but must be in [0, 1]"),
        ("/samplers/0/episodes/0/reward", json!(null), "`samplers[0].episodes[0].reward` cannot be read"),
        (
            "/samplers/0/throughput/call_histogram",
            json!("HIST"),
            "`samplers[0].throughput.call_histogram` cannot be read",
        ),
    ];
    for (pointer, value, expected) in cases {
        let mut report = written();
        *report.pointer_mut(pointer).unwrap() = value;
        let line = load(&report.to_string()).unwrap_err().to_string();
        assert!(line.contains(".json: ") && line.contains(expected), "{line}");
    }
    let mut report = written();
    report["samplers"][0].as_object_mut().unwrap().remove("reward_mean");
    let line = load(&report.to_string()).unwrap_err().to_string();
    assert!(line.contains("`samplers[0]") && line.contains("missing field `reward_mean`"), "{line}");
    for text in ["", "[]", "{}", "\0"] {
        assert!(matches!(load(text), Err(ReportError::NoReport { .. })), "{text}");
    }
    assert!(matches!(Report::load(Path::new("no/report.json")), Err(ReportError::Read { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_damaged_file_is_read_or_refused(place in 0.0..1.0f64, byte: u8) {
        let mut text = written().to_string().into_bytes();
        let place = (place * text.len() as f64) as usize;
        text[place] = byte;
        let _read_or_refused = load(&String::from_utf8_lossy(&text));
    }
}

/// `MUTANTS` says how many.
#[test]
fn mutants_of_reports_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let bounds = parapolicy_hostile::Bounds { bytes: 64 << 20, time: std::time::Duration::from_secs(5) };
    let seeds = [serde_json::to_vec(&written()).unwrap(), serde_json::to_vec_pretty(&written()).unwrap()];
    let summary = parapolicy_hostile::run("report", &seeds, 3000, bounds, |bytes| {
        fs::write(&path, bytes).unwrap();
        Report::load(&path).into()
    });
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}
