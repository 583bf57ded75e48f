//! Mutants of manifests. `MUTANTS` says how many.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::Path;
use std::time::Duration;

use parapolicy_hostile::{Bounds, Outcome, run};
use parapolicy_policy::{MANIFEST_FILE, Manifest};
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
    if let Ok(table) = Table::new(&manifest.scheduler, Solver::Ddim { eta: 0.0 }, 2) {
        let _either = Sampler::new(table, Strategy::sequential(), dim);
    }
    Outcome::Read
}

#[test]
fn mutants_of_manifests_are_read_or_refused() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let seeds =
        ["pusht", "pusht-image", "arm"].map(|policy| std::fs::read(models.join(policy).join(MANIFEST_FILE)).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let summary = run("policy.json", &seeds, 5000, BOUNDS, |bytes| attempt(folder.path(), bytes));
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}
