//! Mutants of manifests. `MUTANTS` says how many.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::Path;
use std::time::Duration;

use parapolicy_hostile::{Bounds, Outcome, run};
use parapolicy_policy::{DENOISER_MANIFEST_FILE, DenoiserManifest, MANIFEST_FILE, Manifest};
use parapolicy_sampler::{Sampler, Solver, Strategy, Table};

/// A sampler of the largest plan that a manifest may ask for is beyond this, and not made.
const BOUNDS: Bounds = Bounds { bytes: 512 << 20, time: Duration::from_secs(5) };

/// Reads a manifest and, if it is one, asks it for all sizes, and makes a sampler for plans that are not too large.
fn attempt(folder: &Path, bytes: &[u8]) -> Outcome {
    std::fs::write(folder.join(MANIFEST_FILE), bytes).unwrap();
    let Ok(manifest) = Manifest::load(folder) else { return Outcome::Refused };
    let dim = manifest.sample_dim();
    assert!(dim <= 1 << 20 && manifest.n_obs_steps * manifest.observation_dim() <= 1 << 25);
    assert!(manifest.executed_steps().end <= manifest.horizon);
    let mut relative = manifest.relative_components();
    assert!(relative.all(|number| number.is_none_or(|number| number < manifest.observation_dim())));
    if let Ok(table) = Table::new(&manifest.scheduler, Solver::Ddim { eta: 0.0 }, 2) {
        let _either = Sampler::new(table, Strategy::sequential(), dim);
    }
    Outcome::Read
}

/// The same of a denoiser that is no policy.
fn attempt_denoiser(folder: &Path, bytes: &[u8]) -> Outcome {
    std::fs::write(folder.join(DENOISER_MANIFEST_FILE), bytes).unwrap();
    let Ok(manifest) = DenoiserManifest::load(folder) else { return Outcome::Refused };
    let signature = manifest.signature();
    assert!((1..=1 << 20).contains(&signature.sample_dim()) && signature.condition_dim() <= 1 << 25);
    assert!(signature.classes().is_none_or(|classes| (1..=1 << 24).contains(&classes)));
    if let Ok(table) = Table::new(&signature.scheduler, Solver::Ddim { eta: 0.0 }, 2) {
        let _either = Sampler::new(table, Strategy::sequential(), signature.sample_dim());
    }
    Outcome::Read
}

#[test]
fn mutants_of_denoisers_manifests_are_read_or_refused() {
    let seed = r#"{
        "schema_version": 1, "name": "digits", "sample": {"shape": [1, 8, 8], "range": [-1.0, 1.0]},
        "condition": {"input": "label", "classes": 10},
        "scheduler": {
            "num_train_timesteps": 1000, "beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02,
            "prediction_type": "epsilon"
        },
        "denoiser": {
            "file": "denoiser.onnx", "sha256": "0000000000000000000000000000000000000000000000000000000000000000",
            "sample": "sample", "timestep": "timestep", "prediction": "prediction"
        }
    }"#;
    let seeds = [seed.into(), seed.replace(r#""classes": 10"#, r#""shape": [77, 16]"#).into_bytes()];
    let folder = tempfile::tempdir().unwrap();
    let summary = run("denoiser.json", &seeds, 5000, BOUNDS, |bytes| attempt_denoiser(folder.path(), bytes));
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}

#[test]
fn mutants_of_manifests_are_read_or_refused() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let read = |policy: &str| std::fs::read(models.join(policy).join(MANIFEST_FILE)).unwrap();
    let mut relative: serde_json::Value = serde_json::from_slice(&read("pusht")).unwrap();
    relative["actions"][0]["relative_to"] = serde_json::json!({ "observation": "agent", "components": [1, null] });
    let seeds = [read("pusht"), read("pusht-image"), read("arm"), relative.to_string().into_bytes()];
    let folder = tempfile::tempdir().unwrap();
    let summary = run("policy.json", &seeds, 5000, BOUNDS, |bytes| attempt(folder.path(), bytes));
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}
