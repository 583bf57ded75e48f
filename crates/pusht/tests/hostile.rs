//! Mutants of scenarios. `MUTANTS` says how many.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::Path;
use std::time::Duration;

use parapolicy_hostile::{Bounds, run};
use parapolicy_pusht::Scenario;

const BOUNDS: Bounds = Bounds { bytes: 64 << 20, time: Duration::from_secs(5) };

#[test]
fn mutants_of_scenarios_are_read_or_refused() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let names = ["keep_out", "nominal", "perturbed", "shoved"];
    let seeds = names.map(|name| std::fs::read(scenarios.join(format!("{name}.toml"))).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    let summary = run("scenario", &seeds, 5000, BOUNDS, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        Scenario::load(&path).into()
    });
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}
