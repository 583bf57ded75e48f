//! Tests of calibration files that are valid, damaged, or belong to another key.

use std::fmt::Write as _;

use parapolicy_engine::limits::{Limits, Read};
use parapolicy_sampler::{Profile, Strategy, WindowConfig};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, proptest};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::calibration::{
    BatchLimit, BatchTime, Correction, KnownRoofline, Observations, Profiled, Roofline, Sampling, cost,
};

fn key() -> CalibrationKey {
    CalibrationKey {
        parapolicy: "0.1.0".into(),
        model_sha256: "ab".repeat(32),
        provider: "cpu".into(),
        precision: "f32".into(),
        runtime: "1.31.1".into(),
        cpu: "a processor".into(),
        cores: 2,
        threads: 2,
        pinned: false,
        idle: "spin".into(),
        devices: vec![0],
    }
}

fn calibration() -> Calibration {
    let batch = |rows, median_ms| BatchTime { rows, median_ms, p10_ms: 0.9 * median_ms, p90_ms: 1.1 * median_ms };
    let batches = vec![batch(1, 0.75), batch(2, 1.0), batch(128, 40.0)];
    let picard = Strategy::picard(WindowConfig { window: 4, tolerance: 0.5 });
    let correction = Correction { plans: 8, worst: 0.25 };
    let candidates = vec![
        Profile { strategy: Strategy::sequential(), own_ms: 0.01, deviation: 0.0, plans: vec![vec![1; 8]] },
        Profile { strategy: picard, own_ms: 0.02, deviation: 0.0125, plans: vec![vec![4, 4, 3], vec![4, 4]] },
        Profile { strategy: Strategy::speculative(4), own_ms: 0.02, deviation: 0.0, plans: vec![vec![4, 2, 3]] },
        Profile { strategy: Strategy::parareal(0.25), own_ms: 0.02, deviation: 0.03, plans: vec![vec![1, 1, 3, 3]] },
    ];
    let sampling = Sampling { solver: "ddim:0.5".parse().unwrap(), steps: 8, tolerance: 0.25 };
    let profiles = vec![Profiled { sampling, observations: Observations::Met, correction, candidates }];
    let reads = vec![Read { bytes: 1 << 20, gigabytes_per_second: 128.0 }];
    let limits = Limits { gflop_per_second: 256.0, reads };
    let batch = |rows| BatchLimit { rows, flop: 1000, bytes: 100, least_ms: 0.5, median_ms: 0.75, fraction: 0.625 };
    let roofline = Roofline::Known(KnownRoofline { limits, batches: vec![batch(1), batch(8)] });
    Calibration { key: key(), cost: cost(&batches).unwrap(), batches, row_again_ms: 0.8, roofline, profiles }
}

/// A place for a file.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("calibration/file.json")
    }

    fn holding(text: &str) -> Self {
        let place = Self::new();
        fs::create_dir(place.path().parent().unwrap()).unwrap();
        fs::write(place.path(), text).unwrap();
        place
    }

    fn load(&self, key: &CalibrationKey) -> Result<Option<Calibration>, CalibrationError> {
        Calibration::load_from(&self.path(), key)
    }

    /// The error's text, without the directory, which differs from run to run.
    fn error(&self, key: &CalibrationKey) -> String {
        self.load(key).unwrap_err().to_string().replace(&self.0.path().display().to_string(), "DIR")
    }
}

#[test]
fn what_is_stored_is_loaded() {
    let (place, calibration) = (Place::new(), calibration());
    assert_eq!(place.load(&key()).unwrap(), None, "nothing is there yet");
    calibration.store_at(&place.path()).unwrap();
    assert_eq!(place.load(&key()).unwrap().as_ref(), Some(&calibration));

    let mut later = calibration;
    later.profiles.clear();
    later.store_at(&place.path()).unwrap();
    assert_eq!(place.load(&key()).unwrap(), Some(later), "the last one stored");
    assert_eq!(fs::read_dir(place.path().parent().unwrap()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn wide_spreads_are_told_from_narrow_ones() {
    let mut calibration = calibration();
    assert!(!calibration.disturbed());
    calibration.batches[0].p90_ms *= 2.0;
    assert!(!calibration.disturbed(), "one of three");
    calibration.batches[1].p90_ms *= 2.0;
    assert!(calibration.disturbed());
}

/// The first measurement of a row said 0.75 ms.
#[test]
fn a_row_that_takes_another_time_at_the_end_is_noticed() {
    for (row_again_ms, disturbed) in [(0.75, false), (0.9, false), (1.0, true), (0.6, false), (0.5, true)] {
        assert_eq!(Calibration { row_again_ms, ..calibration() }.disturbed(), disturbed, "{row_again_ms}");
    }
}

/// Every key but the first, by the field in which it differs.
fn other_keys() -> [(&'static str, CalibrationKey); 11] {
    [
        ("parapolicy", CalibrationKey { parapolicy: "0.2.0".into(), ..key() }),
        ("model_sha256", CalibrationKey { model_sha256: "cd".repeat(32), ..key() }),
        ("provider", CalibrationKey { provider: "cuda".into(), ..key() }),
        ("precision", CalibrationKey { precision: "bf16".into(), ..key() }),
        ("runtime", CalibrationKey { runtime: "1.17".into(), ..key() }),
        ("cpu", CalibrationKey { cpu: "another".into(), ..key() }),
        ("cores", CalibrationKey { cores: 4, ..key() }),
        ("threads", CalibrationKey { threads: 1, ..key() }),
        ("pinned", CalibrationKey { pinned: true, ..key() }),
        ("idle", CalibrationKey { idle: "sleep".into(), ..key() }),
        ("devices", CalibrationKey { devices: vec![0, 0], ..key() }),
    ]
}

#[test]
fn every_key_has_a_file_of_its_own() {
    let names: std::collections::HashSet<String> =
        other_keys().iter().map(|(_, key)| key.file_name()).chain([key().file_name()]).collect();
    assert_eq!(names.len(), 12);
    assert_eq!(key().file_name(), key().file_name());
}

#[test]
fn a_foreign_file_is_refused_by_the_field_that_differs() {
    let place = Place::new();
    calibration().store_at(&place.path()).unwrap();
    for (field, key) in other_keys() {
        let error = place.error(&key);
        assert!(error.starts_with(&format!("DIR/calibration/file.json: `key.{field}` is ")), "{error}");
        assert!(error.ends_with("calibrate again"), "{error}");
    }
}

#[test]
fn damaged_files_are_refused() {
    let whole = serde_json::to_value(calibration()).unwrap();
    let mut texts = String::new();
    for (pointer, value) in [
        ("/schema_version", json!(1)),
        ("/profiles/0/correction/plans", json!(0)),
        ("/key/cores", json!(-1)),
        ("/batches", json!([])),
        ("/batches/1/rows", json!(1)),
        ("/batches/2/median_ms", json!(-40.0)),
        ("/batches/0/median_ms", Value::Null),
        ("/batches/0/rows", json!(3)),
        ("/row_again_ms", json!(0)),
        ("/roofline/known/limits/gflop_per_second", json!(0)),
        ("/roofline/known/batches/1/least_ms", json!(-0.5)),
        ("/roofline", json!({"guessed": "ten"})),
        ("/profiles/0/sampling/solver", json!("leapfrog")),
        ("/profiles/0/observations", json!("guessed")),
        ("/profiles/0/candidates/1/strategy", json!(7)),
        ("/profiles/0/candidates/1/window", json!(0)),
        ("/profiles/0/candidates/1/own_ms", json!(-1)),
        ("/profiles/0/candidates/2/plans", json!([])),
        ("/profiles/0/candidates/2/plans/0", json!([])),
        ("/profiles/0/candidates/2/plans/0/1", json!(0)),
        ("/profiles/0/candidates/2/plans/0/1", json!(1e300)),
    ] {
        let mut damaged = whole.clone();
        *damaged.pointer_mut(pointer).unwrap() = value;
        writeln!(texts, "{}", Place::holding(&damaged.to_string()).error(&key())).unwrap();
    }
    let text = whole.to_string();
    for damaged in ["", "{", "[]", &text[..text.len() / 2], &format!("{text}x"), &text.replacen('{', "{\"more\":1,", 1)]
    {
        writeln!(texts, "{}", Place::holding(damaged).error(&key())).unwrap();
    }
    insta::assert_snapshot!("damaged", texts);
}

#[test]
fn a_file_that_cannot_be_read_or_written_is_named() {
    let place = Place::new();
    fs::create_dir_all(place.path()).unwrap();
    assert!(place.error(&key()).starts_with("DIR/calibration/file.json: cannot be read: "));
    assert!(calibration().store_at(&place.path()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Bytes that were overwritten or cut off: a calibration or an error that names the file.
    #[test]
    fn no_damage_is_beyond_an_error(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = serde_json::to_vec(&calibration()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(at.max(end.index(bytes.len())) + 1);
        let place = Place::new();
        fs::create_dir(place.path().parent().unwrap()).unwrap();
        fs::write(place.path(), bytes).unwrap();
        if let Err(error) = place.load(&key()) {
            prop_assert!(error.to_string().contains("file.json"));
        }
    }
}

/// `MUTANTS` says how many.
#[test]
fn mutants_of_calibrations_are_read_or_refused() {
    let place = Place::holding("");
    let bounds = parapolicy_hostile::Bounds { bytes: 64 << 20, time: std::time::Duration::from_secs(5) };
    let seeds = [serde_json::to_vec(&calibration()).unwrap(), serde_json::to_vec_pretty(&calibration()).unwrap()];
    let summary = parapolicy_hostile::run("calibration", &seeds, 3000, bounds, |bytes| {
        fs::write(place.path(), bytes).unwrap();
        place.load(&key()).into()
    });
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}
