//! `tune` in short, and what takes its recommendation. No time is asserted, but that sixty steps take longer than two.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use ndarray::Array2;
use ndarray_npy::NpzWriter;
use parapolicy_eval::Report;
use serde_json::{Value, json};
use tempfile::TempDir;

const SCENARIO: &str = r#"
name = "short"
max_control_steps = 30
reset = { distribution = "diffusion-policy", order = "legacy" }
"#;

/// A reference of sixty steps, and two candidates of two.
const SMALL: [&str; 9] = [
    "--reference-steps=60",
    "--solver=ddim",
    "--steps=2",
    "--observations=2",
    "--plans=3",
    "--threads=1",
    "--precision=f32",
    "--within=1h,1ns",
    // The tests run beside each other.
    "--force",
];

/// An empty cache, and a folder for what is written.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("short.toml"), SCENARIO).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn option(&self, name: &str, file: &str) -> String {
        format!("--{name}={}", self.path(file).display())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let mut command = Command::cargo_bin("parapolicy").unwrap();
        let command = command.env_remove("ORT_DYLIB_PATH").env("PARAPOLICY_CACHE", self.path("cache"));
        command.current_dir(root).args(arguments).output().unwrap()
    }

    /// Standard output and standard error of a command that succeeds.
    #[track_caller]
    fn done(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "{err}");
        (out, err)
    }

    /// What a command is refused with: one line, exit code 2.
    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        message
    }

    /// Measures in a short scenario; gives what was printed and written.
    #[track_caller]
    fn tune(&self, more: &[&str]) -> (String, Value) {
        let (out, scenario) = (self.option("out", "tune"), self.option("scenario", "short.toml"));
        let (printed, _) = self.done(&[&["tune", &out, &scenario, "--episodes=2"], &SMALL[..], more].concat());
        (printed, serde_json::from_slice(&fs::read(self.path("tune/tuned.json")).unwrap()).unwrap())
    }

    /// The one file that is kept.
    #[track_caller]
    fn kept(&self) -> PathBuf {
        let mut files = fs::read_dir(self.path("cache/tuned")).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        file
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn candidates_are_measured_beside_the_reference() {
    let place = Place::new();
    let (printed, tuned) = place.tune(&[]);
    assert_eq!(read(&place.kept()), tuned, "what is written is kept");
    let settings = tuned["settings"].as_array().unwrap();
    let named = |measured: &Value| {
        let setting = &measured["setting"];
        format!("{} {} {}", setting["solver"].as_str().unwrap(), setting["steps"], setting["sampler"].as_str().unwrap())
    };
    let names: Vec<String> = settings.iter().map(named).collect();
    assert_eq!(names, ["ddpm 60 sequential", "ddim 2 sequential", "ddim 2 picard"]);
    for measured in settings {
        let [p50, p95] = ["p50", "p95"].map(|share| measured["latency_ms"][share].as_f64().unwrap());
        assert!(0.0 < p50 && p50 <= p95);
        assert_eq!(measured["distance"]["count"], 2);
        assert!(measured["reward"].is_object() != measured["dropped"].is_string(), "it plays, or it is said why not");
    }
    assert_eq!(settings[0]["reward"]["difference"], Value::Null);
    let conditions = json!({
        "observed": "met in pusht", "observations": 2, "plans": 3, "seed": 300_000, "episodes": 2,
        "environment": "pusht", "scenario": "short",
    });
    assert_eq!(tuned["conditions"], conditions);
    assert_eq!((&tuned["schema_version"], &tuned["key"]["provider"]), (&json!(1), &json!("native")));

    for words in ["for plans within 1h take ", "no setting draws 95 % of its plans within 1ns", "kept for --tuned in "]
    {
        assert!(printed.contains(words), "`{words}` is not in: {printed}");
    }
    let page = fs::read_to_string(place.path("tune/tune.html")).unwrap();
    for words in ["for plans within 1h take ", "Distance against time", "Reward against time", "<svg"] {
        assert!(page.contains(words), "`{words}` is not in the page");
    }
    assert!(fs::read_to_string(place.path("tune/tune.svg")).unwrap().starts_with("<svg"));

    // Times differ from run to run, plans do not.
    let again = place.tune(&[]).1;
    let distances = |tuned: &Value| -> Vec<Value> {
        tuned["settings"].as_array().unwrap().iter().map(|measured| measured["distance"].clone()).collect()
    };
    assert_eq!(distances(&tuned), distances(&again));
}

#[test]
fn what_is_recommended_is_what_is_drawn_with() {
    let place = Place::new();
    let missing = place.refused(&["run", "--tuned=1h"]);
    let words = "tuned: nothing was measured of this policy with the provider native here (";
    assert!(missing.contains(words) && missing.contains("run `parapolicy tune`"), "{missing}");
    place.tune(&["--sampler=sequential"]);

    let (out, scenario) = (place.option("out", "report"), place.option("scenario", "short.toml"));
    let (report, told) = place.done(&["run", "--tuned=1h", "--episodes=1", "--json", &out, &scenario]);
    let report: Report = serde_json::from_str(&report).unwrap();
    let samplers: Vec<_> = report.samplers.iter().map(|sampler| sampler.name.as_str()).collect();
    assert_eq!((report.solver.as_str(), report.steps, samplers), ("ddim", 2, vec!["sequential"]));
    assert_eq!(report.machine.threads, 1);
    let sentence = "tuned: for plans within 1h take sequential on ddim in 2 steps, 1 thread: ";
    assert!(told.contains(sentence), "{told}");

    let (bench, _) = place.done(&["bench", "--tuned=1h", "--observations=1", "--json", &scenario]);
    let bench: Value = serde_json::from_str(&bench).unwrap();
    assert_eq!((&bench["rows"][0]["solver"], &bench["rows"][0]["steps"]), (&json!("ddim"), &json!(2)));

    let [input, output] = [place.path("in.npz"), place.path("out.npz")];
    let mut npz = NpzWriter::new(fs::File::create(&input).unwrap());
    npz.add_array("observation", &Array2::from_elem((2, 20), 256.0)).unwrap();
    npz.finish().unwrap();
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
    let (drawn, _) = place.done(&[&["sample", "--tuned=1h"], &paths[..]].concat());
    assert_eq!(serde_json::from_str::<Value>(&drawn).unwrap()["evaluations"], 2);
}

#[test]
fn what_was_measured_of_something_else_is_refused_by_name() {
    let place = Place::new();
    // Without an environment distances alone decide, and this margin takes all.
    let (out, margin) = (place.option("out", "tune"), "--distance-margin=1000");
    let (_, told) = place.done(&[&["tune", &out, "--drawn", margin, "--json"], &SMALL[..]].concat());
    assert!(told.contains("kept for --tuned in "), "{told}");
    let file = place.kept();
    let tuned = read(&file);
    assert_eq!(tuned["conditions"]["observed"], "drawn");
    assert!(tuned["settings"].as_array().unwrap().iter().all(|measured| measured["reward"].is_null()));

    let refused = |more: &[&str]| place.refused(&[&["run", "--episodes=1"], more].concat());
    let slow = refused(&["--tuned=1ns"]);
    assert!(slow.contains("no setting draws 95 % of its plans within 1ns; the fastest"), "{slow}");
    let threads = refused(&["--tuned=1h", "--threads=2"]);
    assert!(threads.contains("no setting with 2 threads may be taken; what was measured has 1 threads"), "{threads}");
    let other = refused(&["--tuned=1h", "--model=models/arm"]);
    assert!(other.contains("nothing was measured of this policy"), "{other}");
    let beside = refused(&["--tuned=1h", "--steps=3"]);
    assert!(beside.contains("cannot be used with"), "{beside}");
    let time = refused(&["--tuned=soon"]);
    assert!(time.contains("tuned: `soon` is no time"), "{time}");

    for (field, value) in [("cpu", json!("another")), ("model_sha256", json!("ab")), ("cores", json!(4000))] {
        let mut changed = tuned.clone();
        changed["key"][field] = value;
        fs::write(&file, changed.to_string()).unwrap();
        let message = refused(&["--tuned=1h"]);
        assert!(message.contains(&format!("`key.{field}` is ")) && message.contains("tune` again"), "{message}");
    }
    let mut busy = tuned;
    busy["load"]["busy"] = json!(true);
    fs::write(&file, busy.to_string()).unwrap();
    let (report, scenario) = (place.option("out", "report"), place.option("scenario", "short.toml"));
    let (_, told) = place.done(&["run", "--episodes=1", "--tuned=1h", &report, &scenario]);
    assert!(told.contains("measured on a busy machine"), "{told}");
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_measured() {
    let place = Place::new();
    let out = place.option("out", "tune");
    for (argument, words) in [
        ("--steps=0", "steps is 0"),
        ("--tolerance=nan", "tolerance is NaN"),
        ("--window=0", "window is 0"),
        ("--reference-steps=101", "--reference-steps"),
        ("--reward-margin=-1", "--reward-margin is -1"),
        ("--distance-margin=inf", "--distance-margin is inf"),
        ("--sampler=magic", "magic"),
        ("--plans=1", "--plans"),
    ] {
        let message = place.refused(&["tune", &out, "--threads=1", "--precision=f32", argument]);
        assert!(message.contains(words), "{argument}: {message}");
        assert!(!place.path("tune/tuned.json").exists());
    }
    // Midpoint is for flows: with nothing else there is nothing to compare.
    let message = place.refused(&["tune", &out, "--threads=1", "--precision=f32", "--solver=midpoint"]);
    assert!(message.contains("there is nothing but the reference"), "{message}");
}
