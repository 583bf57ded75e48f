//! What is recorded is read again, replays, and is never lost to another recording.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::Path;

use parapolicy_pusht::{Demonstration, DemonstrationStep, SaveError, Scenario, Task, Trace, replay};
use proptest::prelude::*;

fn task() -> Task {
    let sims = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sims");
    Task::new(Scenario::load(&sims.join("nominal.toml")).unwrap())
}

/// Someone who pushes towards the block in large strides.
fn drive(seed: u32, steps: usize) -> Demonstration {
    let mut task = task();
    task.reset(seed.into());
    let mut demonstration = Demonstration { seed: Some(seed), steps: Vec::new() };
    for _ in 0..steps {
        let (state, velocity) = (task.world().state(), task.world().agent().velocity);
        let action = state.agent.lerp(&state.block.position, 0.5).into();
        let reward = task.step(action).unwrap().outcome.reward;
        demonstration.steps.push(DemonstrationStep::new(state, velocity, action, reward));
    }
    demonstration
}

#[test]
fn a_recording_replays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demos.npz");
    Demonstration::save(&[drive(3, 40), drive(9, 25)], &path).unwrap();
    let report = replay(&Trace::load(&path).unwrap(), false).unwrap();
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!((&report["episodes"], &report["control_steps"]), (&2.into(), &63.into()));
    // Not to the bit: angles are written in [0, 2π), and contacts make much of the last one.
    for error in ["final_position_error_px", "final_angle_error_rad", "final_reward_error"] {
        assert!(report[error]["max"].as_f64().unwrap() < 0.001, "{error}: {report}");
    }
    assert_eq!(report["agent_max_error_px"], 0.0);
}

#[test]
fn a_recording_gets_a_name_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("demos");
    let names: Vec<_> = [drive(3, 2), drive(3, 3), drive(4, 2)].iter().map(|d| d.save_in(&folder).unwrap()).collect();
    assert_eq!(names, ["demo-3.npz", "demo-3-2.npz", "demo-4.npz"].map(|name| folder.join(name)));
    assert_eq!(Demonstration::load(&names[0]).unwrap(), [drive(3, 2)]);
    let refused = Demonstration::save(&[drive(5, 1)], &names[0]).unwrap_err();
    assert!(matches!(refused, SaveError::Exists(_)), "{refused}");
    assert_eq!(Demonstration::load(&names[0]).unwrap(), [drive(3, 2)]);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 3, "nothing is left behind");
}

#[test]
fn what_only_some_demonstrations_have_is_not_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demos.npz");
    let mut poor = drive(9, 3);
    poor.seed = None;
    for step in &mut poor.steps {
        (step.reward, step.agent_velocity) = (None, None);
    }
    let refused = Demonstration::save(&[drive(3, 2), poor.clone()], &path).unwrap_err();
    assert!(matches!(refused, SaveError::Mixed { array: "agent_velocity", .. }), "{refused}");
    assert!(!path.exists());
    Demonstration::save(&[poor.clone(), poor.clone()], &path).unwrap();
    assert_eq!(Demonstration::load(&path).unwrap(), [poor.clone(), poor]);
}

#[test]
fn a_trace_without_keypoints_is_no_demonstration() {
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sims/traces");
    let trace = fs::read_dir(trace).unwrap().map(|entry| entry.unwrap().path());
    let trace = trace.filter(|path| path.extension().is_some_and(|extension| extension == "npz")).min().unwrap();
    let error = Demonstration::load(&trace).unwrap_err().to_string();
    assert!(error.ends_with("there is no array `keypoint`"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A file that a kill or a disk cut short is an error, not a panic.
    #[test]
    fn a_damaged_recording_is_refused(cut in 0.0..1.0_f64, at in 0.0..1.0_f64, byte: u8) {
        let file = tempfile::tempdir().unwrap();
        let path = file.path().join("demo.npz");
        Demonstration::save(&[drive(3, 5)], &path).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let length = bytes.len() as f64;
        bytes[(at * length) as usize] = byte;
        bytes.truncate((cut * length) as usize);
        fs::write(&path, bytes).unwrap();
        prop_assert!(Demonstration::load(&path).is_err());
    }
}
