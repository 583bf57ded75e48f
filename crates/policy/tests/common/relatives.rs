//! The shipped policy, but with actions that are relative to where the agent is.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![allow(dead_code, reason = "every test binary uses some of it")]

use std::fs;
use std::path::Path;

use parapolicy_policy::{Inference, Network};
use tempfile::TempDir;

/// Of each number of an action, the number of the agent's place that it is relative to.
pub const MASKS: [[Option<usize>; 2]; 4] = [[None, None], [Some(0), Some(1)], [Some(0), None], [Some(1), Some(0)]];

/// A folder with the policy.
pub fn folder(mask: [Option<usize>; 2]) -> TempDir {
    let (folder, shipped) = (TempDir::new().unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht"));
    let mut manifest = fs::read_to_string(shipped.join("policy.json")).unwrap();
    if mask != [None, None] {
        let number = |index: Option<usize>| index.map_or("null".into(), |index: usize| index.to_string());
        let components = mask.map(number).join(", ");
        let relative = format!("{{ \"relative_to\": {{ \"observation\": \"agent\", \"components\": [{components}] }},");
        let (before, after) = manifest.split_once("\"actions\"").unwrap();
        manifest = format!("{before}\"actions\"{}", after.replacen('{', &relative, 1));
    }
    fs::write(folder.path().join("policy.json"), manifest).unwrap();
    fs::copy(shipped.join("denoiser.onnx"), folder.path().join("denoiser.onnx")).unwrap();
    folder
}

/// The same, loaded.
pub fn network(mask: [Option<usize>; 2]) -> (TempDir, Network) {
    let folder = folder(mask);
    let provider = Inference { threads: 1, ..Inference::default() }.open(&()).unwrap();
    let network = Network::load(folder.path(), &provider).unwrap();
    (folder, network)
}
