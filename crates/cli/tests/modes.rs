//! `modes` on the shipped policy: files, figures that add up, and what is refused.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use ndarray::Array2;
use ndarray_npy::NpzWriter;
use parapolicy_pusht::{Demonstration, DemonstrationStep, State};
use serde_json::Value;

fn modes(folder: &Path, arguments: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut command = Command::cargo_bin("parapolicy").unwrap();
    command.current_dir(root).args(["modes", "--solver=ddim", "--steps=4", "--plans=16", "--json"]);
    command.arg("--out").arg(folder.join("modes")).args(arguments);
    command
}

fn json(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn state(agent: [f64; 2]) -> State {
    State::from_array([agent[0], agent[1], 256.0, 300.0, 2.4])
}

/// An observation of the shipped policy.
fn observation(folder: &Path) -> String {
    let numbers = state([256.0, 420.0]).keypoints();
    let path = folder.join("observation.npz");
    let mut npz = NpzWriter::new(fs::File::create(&path).unwrap());
    npz.add_array("observation", &Array2::from_shape_fn((2, 20), |(_, column)| numbers[column])).unwrap();
    npz.finish().unwrap();
    path.to_str().unwrap().to_owned()
}

fn sum(shares: &Value) -> f64 {
    shares.as_array().unwrap().iter().map(|share| share.as_f64().unwrap()).sum()
}

#[test]
fn plans_of_an_observation_are_divided_into_ways() {
    let folder = tempfile::tempdir().unwrap();
    let observations = observation(folder.path());
    let report = json(&mut modes(folder.path(), &["--observations", &observations]));
    let again = json(&mut modes(folder.path(), &["--observations", &observations]));
    assert_eq!(report["situations"], again["situations"], "the same seed, the same answer");
    let written = fs::read_to_string(folder.path().join("modes/modes.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap()["situations"], report["situations"]);
    let situation = &report["situations"][0];
    for field in ["modes_probability", "all_modes_probability", "components_probability"] {
        assert!((sum(&situation[field]) - 1.0).abs() < 1e-9, "{field}");
    }
    let modes = situation["modes"].as_array().unwrap();
    let plans: u64 = modes.iter().map(|mode| mode["plans"].as_u64().unwrap()).sum();
    let weights: f64 = modes.iter().map(|mode| mode["weight"]["mean"].as_f64().unwrap()).sum();
    assert!(plans == 16 && (weights - 1.0).abs() < 1e-9, "{plans} {weights}");
    let stands = modes[0]["actions"].as_array().unwrap();
    assert_eq!((stands.len(), stands[0].as_array().unwrap().len()), (16, 2), "a whole plan");
    let svg = fs::read_to_string(folder.path().join("modes/modes.svg")).unwrap();
    // Each plan, and the plan that stands for each way twice: its halo and itself.
    let lines = svg.matches("<polyline points").count() + svg.matches("<polyline stroke").count();
    assert_eq!(lines, 16 + 2 * modes.len());
    assert!(fs::read_to_string(folder.path().join("modes/modes.html")).unwrap().contains("The ways"));
}

#[test]
fn an_episode_has_a_ribbon() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("short.toml");
    let text =
        "name = \"short\"\nmax_control_steps = 24\nreset = { distribution = \"diffusion-policy\", order = \"legacy\" }";
    fs::write(&scenario, text).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut run = Command::cargo_bin("parapolicy").unwrap();
    run.current_dir(root).args(["run", "--solver=ddim", "--steps=4", "--sampler=picard", "--episodes=1", "--scenario"]);
    run.arg(&scenario).arg("--out").arg(folder.path().join("report")).assert().success();
    let log = folder.path().join("report/episodes.mcap").to_str().unwrap().to_owned();

    let report = json(&mut modes(folder.path(), &["--episode", &log]));
    let situations = report["situations"].as_array().unwrap();
    let steps: Vec<u64> = situations.iter().map(|situation| situation["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [0, 8, 16]);
    assert!(situations[0].get("intended").is_none(), "before the first plan nothing was intended");
    for situation in situations {
        let modes = situation["modes"].as_array().unwrap();
        assert_eq!(modes.iter().map(|mode| mode["plans"].as_u64().unwrap()).sum::<u64>(), 16);
    }
    assert!(fs::read_to_string(folder.path().join("modes/modes.svg")).unwrap().contains("control step 16, way"));

    let report = json(&mut modes(folder.path(), &["--episode", &log, "--at=15"]));
    assert_eq!(report["situations"][0]["step"], 8, "the last plan before it");
    let refused = modes(folder.path(), &["--episode", &log, "--id=4"]).assert().code(2);
    let error = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    assert!(error.contains("--id: has no episode 4, but those from 0 to 0"), "{error}");
}

#[test]
fn a_way_that_only_demonstrations_go_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let observations = observation(folder.path());
    // All go straight to a corner far away, which the policy does not.
    let demonstration = |shift: f64| {
        let at = |step: f64| [256.0 + shift - 40.0 * step, 420.0 + shift];
        let steps = (0..10).map(|step| {
            let action = at(f64::from(step) + 1.0);
            DemonstrationStep::new(state(at(f64::from(step))), Default::default(), action, 0.1)
        });
        Demonstration { seed: None, steps: steps.collect() }
    };
    let demonstrations: Vec<Demonstration> = (0..8).map(|number| demonstration(f64::from(number) - 4.0)).collect();
    let path = folder.path().join("demos.npz");
    Demonstration::save(&demonstrations, &path).unwrap();
    let data = path.to_str().unwrap();
    let report = json(&mut modes(folder.path(), &["--observations", &observations, "--data", data]));
    assert_eq!(report["demonstrations"]["near"], 8);
    let modes_found = report["situations"][0]["modes"].as_array().unwrap();
    let lost: Vec<&Value> = modes_found.iter().filter(|mode| mode["lost"] == true).collect();
    assert_eq!(lost.len(), 1, "{modes_found:?}");
    assert!(lost[0]["demonstrated"]["mean"].as_f64().unwrap() > 0.5);
    assert_eq!((&lost[0]["plans"], &lost[0]["medoid"]), (&0.into(), &Value::Null));
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let observations = observation(folder.path());
    let error = |arguments: &[&str]| {
        let refused = modes(folder.path(), arguments).assert().code(2);
        String::from_utf8(refused.get_output().stderr.clone()).unwrap()
    };
    assert!(error(&[]).contains("--observations"));
    assert!(error(&["--observations", &observations, "--actions=16"]).contains("1 to 15"));
    assert!(error(&["--observations", &observations, "--scale=0"]).contains("--scale"));
    assert!(error(&["--observations", &observations, "--data", "missing.npz"]).contains("missing.npz"));
    let path = folder.path().join("nan.npz");
    let mut npz = NpzWriter::new(fs::File::create(&path).unwrap());
    npz.add_array("observation", &Array2::from_elem((2, 20), f64::NAN)).unwrap();
    npz.finish().unwrap();
    assert!(error(&["--observations", path.to_str().unwrap()]).contains("is NaN, but must be a finite number"));
}
