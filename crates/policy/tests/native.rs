//! The engine of this project as a backend: what it runs alike on several threads, and what it refuses.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "common/policies.rs"]
mod policies;
#[path = "common/rounds.rs"]
mod rounds;
#[path = "common/sessions.rs"]
mod sessions;

use std::path::Path;

use parapolicy_policy::{Inference, NATIVE, Network, Provider};
use policies::{inpainted_policy, policy_from, text};

fn provider() -> Provider {
    Inference { threads: 1, ..Inference::default() }.open(&()).unwrap()
}

#[test]
fn graphs_that_it_does_not_run_are_refused() {
    let refusal = |graph: &str| {
        let dir = policy_from(graph);
        text(dir.path(), &Network::load(dir.path(), &provider()).unwrap_err())
    };
    let errors = ["affine", "fixed_batch", "double_sample"].map(|graph| refusal(&format!("{graph}.onnx")));
    insta::assert_snapshot!("native_graphs", errors.join("\n"));
}

#[test]
fn plans_that_hold_observations_are_refused() {
    let refused = Network::load(inpainted_policy().path(), &provider()).unwrap_err().to_string();
    assert!(refused.ends_with("use the provider cpu"), "{refused}");
}

#[test]
fn the_shipped_encoder_needs_no_other_backend() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht-image");
    Network::load(&images, &provider()).unwrap();
}

/// As LeRobot's `multi_task_dit` has it: told its task, its tokens modulated by timestep and observation.
#[test]
fn a_diffusion_transformer_needs_no_other_backend() {
    let graph = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/data/turned.onnx");
    let dir = policies::policy(&std::fs::read(graph).unwrap());
    let path = dir.path().join("policy.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let normalization = serde_json::json!({ "mode": "identity" });
    let entry = |name| serde_json::json!([{ "name": name, "shape": [3], "normalization": normalization }]);
    manifest["n_obs_steps"] = 2.into();
    manifest["horizon"] = 8.into();
    manifest["n_action_steps"] = 4.into();
    manifest["observations"] = entry("state");
    manifest["actions"] = entry("action");
    manifest["tasks"] =
        serde_json::json!([{ "name": "cube", "instruction": "pick up the cube", "embedding": [0.5, -0.5] }]);
    policies::write_manifest(dir.path(), &manifest);
    let network = Network::load(dir.path(), &provider()).unwrap();
    assert_eq!(network.manifest().sample_dim(), 24);
}

#[test]
fn an_encoder_that_it_refuses_needs_another_backend() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht-image");
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(images.join("denoiser.onnx"), dir.path().join("denoiser.onnx")).unwrap();
    let mut encoder = std::fs::read(images.join("encoder.onnx")).unwrap();
    let at = encoder.windows(8).position(|name| name == b"ReduceL2").unwrap();
    encoder[at..at + 8].copy_from_slice(b"ReduceL1");
    std::fs::write(dir.path().join("encoder.onnx"), &encoder).unwrap();
    let manifest = std::fs::read(images.join("policy.json")).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    manifest["encoder"]["sha256"] = policies::sum(&encoder).into();
    policies::write_manifest(dir.path(), &manifest);

    let refused = text(dir.path(), &Network::load(dir.path(), &provider()).unwrap_err());
    let expected = "the provider native does not run the policy's encoder: name one that does for it, such as cpu\n  because \
                    DIR/encoder.onnx: ReduceL1 node";
    assert!(refused.starts_with(expected) && refused.contains("is not an operator of an encoder"), "{refused}");
}

#[test]
fn it_pins_its_threads() {
    Inference { threads: 1, pinned: true, ..Inference::default() }.open(&()).unwrap();
}

#[test]
fn a_round_allocates_nothing() {
    assert_eq!(rounds::allocations(&Inference { threads: 1, ..Inference::default() }), 0);
}

#[test]
fn rows_that_sessions_share_are_predicted_as_by_one() {
    sessions::assert_predictions_are_those_of_one(&Inference { threads: 1, ..Inference::default() });
}

#[test]
fn devices_that_are_not_there_are_named() {
    let inference = Inference { devices: vec![0, 1], ..Inference::default() };
    let expected = format!("devices: the provider {NATIVE} has no device 1: the processor is its only one, number 0");
    assert_eq!(inference.open(&()).unwrap_err().to_string(), expected);
}
