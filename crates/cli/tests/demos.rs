//! `parapolicy demos`: what is listed, refused and merged.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use parapolicy_pusht::{Demonstration, DemonstrationStep, World};

/// A demonstration that goes straight down and earns `reward`.
fn demonstration(seed: u32, steps: usize, reward: f64) -> Demonstration {
    let mut world = World::new();
    let step = |step: usize| {
        let (state, velocity) = (world.state(), world.agent().velocity);
        let action = [256.0, 400.0 + 5.0 * step as f64];
        world.step(action).unwrap();
        DemonstrationStep::new(state, velocity, action, reward)
    };
    Demonstration { seed: Some(seed), steps: (0..steps).map(step).collect() }
}

/// A folder with two demonstrations.
fn demos() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    demonstration(7, 12, 0.5).save_in(folder.path()).unwrap();
    demonstration(8, 9, 0.95).save_in(folder.path()).unwrap();
    folder
}

fn run(arguments: &[&str], paths: &[&Path]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("parapolicy").unwrap();
    let output = command.arg("demos").args(arguments).args(paths).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn demonstrations_are_listed() {
    let folder = demos();
    let (code, listed, _) = run(&["list", "--json"], &[folder.path()]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(code, 0);
    let figures =
        |row: usize| ["seed", "control_steps", "best_reward"].map(|figure| listed[row][figure].as_f64().unwrap());
    assert_eq!([figures(0), figures(1)], [[7.0, 12.0, 0.5], [8.0, 9.0, 0.95]]);
    let (_, table, _) = run(&["list"], &[folder.path()]);
    assert!(table.contains("demo-7.npz") && table.contains("0.950"), "{table}");
}

#[test]
fn files_that_cannot_be_trained_on_are_named() {
    let folder = demos();
    let (code, told, _) = run(&["check"], &[folder.path()]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(told.matches("of all within 0.00 px").count(), 2, "{told}");
    let broken = folder.path().join("broken.npz");
    fs::write(&broken, "no archive").unwrap();
    let (code, told, error) = run(&["check"], &[folder.path()]);
    assert_eq!((code, error.as_str()), (2, "error: 1 files cannot be trained on\n"));
    assert!(told.contains("broken.npz is not a readable .npz archive") && told.contains("demo-8.npz: 1 dem"), "{told}");
}

#[test]
fn merging_keeps_what_is_good_and_overwrites_nothing() {
    let folder = demos();
    let out = folder.path().join("merged.npz");
    let merge = ["merge", "--min-reward", "0.9", "--out", out.to_str().unwrap()];
    let (code, told, _) = run(&merge, &[folder.path()]);
    assert_eq!(code, 0);
    assert!(told.starts_with("1 of 2 demonstrations written to"), "{told}");
    assert_eq!(Demonstration::load(&out).unwrap(), [demonstration(8, 9, 0.95)]);
    let (code, _, error) = run(&merge, &[folder.path()]);
    assert_eq!(code, 2);
    assert!(error.contains("is there already"), "{error}");
    let none = ["merge", "--min-reward", "0.99", "--out", "none.npz"];
    let (code, _, error) = run(&none, &[folder.path()]);
    assert_eq!((code, error.as_str()), (2, "error: none of 3 demonstrations is left\n"));
}

/// Rewards and velocities that only some files have are not dropped from those that have them.
#[test]
fn files_of_two_kinds_are_not_put_together() {
    for array in ["reward", "agent_velocity"] {
        let folder = demos();
        let mut poor = demonstration(9, 5, 0.0);
        for step in &mut poor.steps {
            match array {
                "reward" => step.reward = None,
                _ => step.agent_velocity = None,
            }
        }
        poor.save_in(folder.path()).unwrap();
        let out = folder.path().join("out");
        let merged = run(&["merge", "--out", out.to_str().unwrap()], &[folder.path()]);
        let exported = run(&["export", "--format", "lerobot"], &[&out, folder.path()]);
        for (code, _, error) in [merged, exported] {
            assert_eq!(code, 2);
            assert!(error.contains(&format!("demo-9.npz: has no `{array}`, which ")), "{error}");
            assert!(error.contains("demo-7.npz has and would lose"), "{error}");
        }
        assert!(!out.exists());
        let alone = folder.path().join("alone.npz");
        let (code, _, error) = run(&["merge", "--out", alone.to_str().unwrap()], &[&folder.path().join("demo-9.npz")]);
        assert_eq!(code, 0, "{error}");
        assert_eq!(Demonstration::load(&alone).unwrap(), [poor]);
    }
}

#[test]
fn exporting_overwrites_nothing_and_leaves_nothing_behind() {
    let folder = demos();
    let out = folder.path().join("dataset");
    let export = ["export", "--format", "lerobot", "--images"];
    let (code, told, _) = run(&export, &[&out, folder.path()]);
    assert_eq!(code, 0);
    assert!(told.starts_with("2 demonstrations, 21 control steps, written to"), "{told}");
    let (code, _, error) = run(&export, &[&out, folder.path()]);
    assert_eq!(code, 2);
    assert!(error.contains("dataset is there already"), "{error}");
    let under_a_file = folder.path().join("demo-7.npz/dataset");
    let (code, _, error) = run(&export, &[&under_a_file, folder.path()]);
    assert_eq!(code, 1);
    assert!(error.contains("demo-7.npz/dataset: could not be written"), "{error}");
    let (code, _, error) = run(&["export"], &[&out, folder.path()]);
    assert_eq!(code, 2);
    assert!(error.contains("--format <FORMAT>"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "two demonstrations and the dataset");
}
