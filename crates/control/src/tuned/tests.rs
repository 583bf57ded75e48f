//! Recommendations in closed forms, and files that are whole, damaged, or of something else.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::time::Duration;

use parapolicy_policy::{Inference, Manifest};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn setting(solver: &str, threads: usize) -> Setting {
    Setting {
        solver: solver.into(),
        steps: 10,
        sampler: "sequential".into(),
        window: None,
        tolerance: None,
        precision: "f32".into(),
        threads,
    }
}

fn estimate(low: f64, mean: f64, high: f64) -> Estimate {
    Estimate { mean, interval: Some(Interval { low, high }), count: 100 }
}

/// A setting whose plans take `p95`, in the median two thirds of it.
fn measured(solver: &str, p95: f64, distance: f64) -> Measured {
    let latency_ms = LatencySpan { p50: p95 / 1.5, p95 };
    let distance = estimate(distance - 0.005, distance, distance + 0.005);
    Measured { setting: setting(solver, 2), latency_ms, drift: 1.0, distance, reward: None, dropped: None }
}

fn earning(measured: Measured, difference: Option<Estimate>) -> Measured {
    Measured { reward: Some(Earned { mean: 0.8, success: 0.5, difference }), ..measured }
}

fn tuned(settings: Vec<Measured>) -> Tuned {
    let key = TunedKey::new(&manifest(), &Inference::default(), "0.1.0");
    let conditions = Conditions {
        observed: "met in pusht".into(),
        observations: 32,
        plans: 8,
        seed: 7,
        episodes: 100,
        environment: Some("pusht".into()),
        scenario: Some("nominal".into()),
    };
    Tuned {
        schema_version: SCHEMA_VERSION,
        key,
        model: "pusht".into(),
        os: "an operating system".into(),
        measured_at: "2026-11-29T07:00:00Z".into(),
        command: vec!["parapolicy".into(), "tune".into()],
        conditions,
        margins: Margins { distance: 0.01, reward: 0.03 },
        load: Load { row_ms: [0.25, 0.25], busy: false },
        settings,
        left_out: vec![LeftOut { setting: setting("euler", 2), why: "no flow".into() }],
    }
}

fn manifest() -> Manifest {
    Manifest::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht").as_ref()).unwrap()
}

fn within(tuned: &Tuned, ms: u64) -> (String, bool) {
    let found = tuned.recommend(Duration::from_millis(ms), &Wanted::default()).unwrap();
    (found.best.setting.solver.clone(), found.fits)
}

/// By distance alone: the reference takes 30 ms; 12 ms are no farther, 6 ms may be, 1.5 ms are.
#[test]
fn without_rewards_the_fastest_whose_plans_are_not_farther_is_taken() {
    let tuned = tuned(vec![
        measured("reference", 30.0, 0.0),
        measured("near", 12.0, 0.002),
        measured("unclear", 6.0, 0.012),
        measured("far", 1.5, 0.02),
    ]);
    let verdicts: Vec<_> = tuned.settings.iter().map(|measured| tuned.verdict(measured).unwrap()).collect();
    assert_eq!(verdicts, [Verdict::Like, Verdict::Like, Verdict::Unclear, Verdict::Worse]);
    for (ms, expected) in [(50, "unclear"), (6, "unclear")] {
        assert_eq!(within(&tuned, ms), (expected.into(), true));
    }
    assert_eq!(within(&tuned, 5), ("unclear".into(), false), "95 % take up to 6 ms");
    let sentence = tuned.recommend(Duration::from_millis(20), &Wanted::default()).unwrap().to_string();
    assert_eq!(
        sentence,
        "for plans within 20ms take sequential on unclear in 10 steps, 2 threads: 4.0 ms (95 % within 6.0); energy distance of \
         its plans +0.012 (+0.007 to +0.017): not shown to be worse. Nearest to the reference's plans in that time: sequential \
         on near in 10 steps, 2 threads, 8.0 ms, distance +0.002 (-0.003 to +0.007)"
    );
    let sentence = tuned.recommend(Duration::from_millis(5), &Wanted::default()).unwrap().to_string();
    assert!(sentence.starts_with("no setting draws 95 % of its plans within 5ms; the fastest is "), "{sentence}");
    let error = tuned.take(Duration::from_millis(5), &Wanted::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "tuned: no setting draws 95 % of its plans within 5ms; the fastest that is not worse than the reference is sequential on \
         unclear in 10 steps, 2 threads: 6.0 ms"
    );
}

/// By reward, whatever the distance: up to 0.03 less is not worse.
#[test]
fn with_rewards_the_fastest_that_does_not_earn_less_is_taken() {
    let tuned = tuned(vec![
        earning(measured("reference", 30.0, 0.0), None),
        earning(measured("same", 9.0, 0.3), Some(estimate(-0.02, 0.0, 0.02))),
        earning(measured("unclear", 4.0, 0.3), Some(estimate(-0.09, -0.04, 0.01))),
        earning(measured("worse", 2.0, 0.0), Some(estimate(-0.2, -0.1, -0.04))),
        measured("outdone", 1.0, 0.0),
    ]);
    let verdicts: Vec<_> = tuned.settings.iter().map(|measured| tuned.verdict(measured)).collect();
    let expected = [Verdict::Like, Verdict::Like, Verdict::Unclear, Verdict::Worse].map(Some);
    assert_eq!(verdicts, [&expected[..], &[None]].concat());
    assert_eq!(within(&tuned, 20), ("unclear".into(), true));
    assert_eq!(within(&tuned, 3), ("unclear".into(), false));
    let strict = Tuned { settings: tuned.settings[..2].to_vec(), ..tuned };
    assert_eq!(within(&strict, 20), ("same".into(), true));
    let sentence = strict.recommend(Duration::from_millis(20), &Wanted::default()).unwrap().to_string();
    assert!(
        sentence.ends_with("reward beside the reference's +0.000 (-0.020 to +0.020): not worse beyond the margin"),
        "{sentence}"
    );
}

/// Few values say nothing; enough that are all the same say all.
#[test]
fn an_estimate_without_an_interval_is_taken_for_what_it_is() {
    let few = Estimate { mean: -0.5, interval: None, count: 4 };
    assert_eq!((few.not_below(-0.03), few.not_above(0.0)), (Verdict::Unclear, Verdict::Unclear));
    let same = Estimate { count: 5, ..few };
    assert_eq!((same.not_below(-0.03), same.not_above(0.0)), (Verdict::Worse, Verdict::Like));
}

#[test]
fn a_network_that_is_loaded_has_its_threads_and_precision() {
    let slow = Measured { setting: setting("one", 1), ..measured("one", 12.0, 0.0) };
    let tuned = tuned(vec![measured("reference", 30.0, 0.0), measured("two", 9.0, 0.0), slow]);
    let take = |threads, precision: Option<&str>| {
        let wanted = Wanted { threads, precision: precision.map(Into::into) };
        tuned
            .take(Duration::from_millis(20), &wanted)
            .map(|setting| setting.solver.clone())
            .map_err(|error| error.to_string())
    };
    assert_eq!(take(None, None).unwrap(), "two");
    assert_eq!(take(Some(1), Some("f32")).unwrap(), "one");
    let error = take(Some(4), Some("bf16")).unwrap_err();
    let expected = "tuned: no setting with 4 threads in bf16 may be taken; what was measured has 2, 1 threads in f32: ";
    assert!(error.starts_with(expected), "{error}");
}

/// A file in a folder of its own.
struct Place(tempfile::TempDir);

impl Place {
    fn holding(text: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path(), text).unwrap();
        place
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("tuned.json")
    }

    fn error(&self, key: &TunedKey) -> String {
        Tuned::load_from(&self.path(), key)
            .unwrap_err()
            .to_string()
            .replace(&self.0.path().display().to_string(), "DIR")
    }
}

fn example() -> Tuned {
    tuned(vec![
        earning(measured("reference", 30.0, 0.0), None),
        earning(measured("same", 9.0, 0.3), Some(estimate(-0.02, 0.0, 0.02))),
        Measured { dropped: Some("outdone by far".into()), ..measured("slow", 40.0, 0.1) },
    ])
}

#[test]
fn what_is_written_is_read() {
    let (tuned, place) = (example(), Place::holding(""));
    tuned.write(&place.path()).unwrap();
    assert_eq!(Tuned::load_from(&place.path(), &tuned.key).unwrap(), tuned);
}

#[test]
fn what_is_of_something_else_is_refused_by_its_field() {
    let tuned = example();
    let place = Place::holding(&serde_json::to_string(&tuned).unwrap());
    let key = || tuned.key.clone();
    let others = [
        ("parapolicy", TunedKey { parapolicy: "9.9".into(), ..key() }),
        ("model_sha256", TunedKey { model_sha256: "cd".repeat(32), ..key() }),
        ("provider", TunedKey { provider: "cuda".into(), ..key() }),
        ("runtime", TunedKey { runtime: "1.17".into(), ..key() }),
        ("cpu", TunedKey { cpu: "another".into(), ..key() }),
        ("cores", TunedKey { cores: 4_000, ..key() }),
        ("pinned", TunedKey { pinned: true, ..key() }),
        ("idle", TunedKey { idle: "sleep".into(), ..key() }),
        ("devices", TunedKey { devices: vec![0, 0], ..key() }),
    ];
    for (field, key) in others {
        let error = place.error(&key);
        assert!(error.starts_with(&format!("DIR/tuned.json: `key.{field}` is ")), "{error}");
        assert!(error.ends_with("run `parapolicy tune` again"), "{error}");
    }
    fs::remove_file(place.path()).unwrap();
    let error = place.error(&tuned.key);
    let expected =
        "tuned: nothing was measured of this policy with the provider native here (DIR/tuned.json is not there): ";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn damaged_files_are_refused_by_what_is_wrong() {
    let tuned = example();
    let whole = serde_json::to_value(&tuned).unwrap();
    for (pointer, value, words) in [
        ("/schema_version", json!(7), "`schema_version` is 7, but must be 1"),
        ("/key/cores", json!(-1), "`key.cores`"),
        ("/settings/1/latency_ms/p50", json!(0), "`settings[1]` is damaged"),
        ("/settings/1/latency_ms/p95", Value::Null, "`settings[1].latency_ms.p95`"),
        ("/settings/0/drift", json!(-1.0), "`settings[0]` is damaged"),
        ("/settings/2/setting/steps", json!("ten"), "`settings[2].setting.steps`"),
        ("/settings/2/distance", json!({}), "`settings[2].distance"),
        ("/margins", json!([]), "`margins"),
        ("/load/busy", json!("no"), "`load.busy`"),
    ] {
        let mut damaged = whole.clone();
        *damaged.pointer_mut(pointer).unwrap() = value;
        let error = Place::holding(&damaged.to_string()).error(&tuned.key);
        assert!(error.starts_with("DIR/tuned.json: ") && error.contains(words), "`{words}` is not in: {error}");
        assert!(error.ends_with("run `parapolicy tune` again"), "{error}");
    }
    let text = whole.to_string();
    for damaged in ["", "{", "[]", &text[..text.len() / 2], &format!("{text}x"), &text.replacen('{', "{\"more\":1,", 1)]
    {
        assert!(Place::holding(damaged).error(&tuned.key).starts_with("DIR/tuned.json: "));
    }
}

/// `MUTANTS` says how many.
#[test]
fn mutants_of_tuned_settings_are_read_or_refused() {
    let (tuned, place) = (example(), Place::holding(""));
    let bounds = parapolicy_hostile::Bounds { bytes: 64 << 20, time: Duration::from_secs(5) };
    let seeds = [serde_json::to_vec(&tuned).unwrap(), serde_json::to_vec_pretty(&tuned).unwrap()];
    let summary = parapolicy_hostile::run("tuned", &seeds, 3000, bounds, |bytes| {
        fs::write(place.path(), bytes).unwrap();
        Tuned::load_from(&place.path(), &tuned.key).into()
    });
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}

proptest! {
    /// What is recommended is not worse, and nothing that is not worse and in time is faster.
    #[test]
    fn what_is_recommended_is_the_fastest_that_may_be_taken(
        all in prop::collection::vec((1.0..40.0_f64, 0.0..0.03_f64), 1..9),
        ms in 1..40_u64,
    ) {
        let settings = all.iter().enumerate().map(|(index, &(p95, distance))| measured(&index.to_string(), p95, distance));
        let tuned = tuned(settings.collect());
        let found = tuned.recommend(Duration::from_millis(ms), &Wanted::default()).unwrap();
        prop_assert!(tuned.verdict(found.best) != Some(Verdict::Worse));
        let limit = if found.fits { ms as f64 } else { f64::INFINITY };
        prop_assert_eq!(found.fits, found.best.latency_ms.p95 <= ms as f64);
        for other in tuned.settings.iter().filter(|other| tuned.verdict(other) != Some(Verdict::Worse)) {
            prop_assert!(other.latency_ms.p95 > limit || other.latency_ms.p50 >= found.best.latency_ms.p50);
            prop_assert!(found.fits || other.latency_ms.p95 > ms as f64);
        }
    }
}
