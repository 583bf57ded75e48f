//! Graphs of other origin, adopted and run.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../../policy/tests/common/policies.rs"]
mod policies;

use ndarray::Array2;
use parapolicy_ort::CPU;
use parapolicy_policy::{Inference, Network, RoleNames, adopt};
use parapolicy_sampler::Denoiser as _;
use policies::{fixture, json, write_manifest};
use serde_json::Value;

/// What is listed is all that is missing: filled in, the policy predicts what the original does.
#[test]
fn filled_in_it_is_the_original() {
    let original = json("policy.json");
    let dir = tempfile::tempdir().unwrap();
    let provider = Inference { provider: CPU, threads: 1, ..Inference::default() }.open(&()).unwrap();
    let expected: Value = json("expected.json");
    let rows = |name: &str| -> Vec<Vec<f64>> { serde_json::from_value(expected[name].clone()).unwrap() };
    let observation = Array2::from_shape_vec((2, 3), rows("observation").concat()).unwrap();
    let samples = Array2::from_shape_vec((3, 8), rows("samples").concat()).unwrap().mapv(|value| value as f32);
    for graph in ["affine", "float_timestep", "flat_observation"] {
        let out = dir.path().join(graph);
        let adoption = adopt(&fixture(&format!("{graph}.onnx")), "foreign", &RoleNames::default()).unwrap();
        adoption.write(&out).unwrap();
        let mut manifest: Value = serde_json::from_str(adoption.manifest()).unwrap();
        for blank in &adoption.blanks {
            let field = blank.field.split(['.', '[']).next().unwrap();
            manifest[field] = original[field].clone();
        }
        write_manifest(&out, &manifest);
        let mut policy = Network::load(&out, &provider).unwrap();
        let mut prediction = Array2::zeros((3, 8));
        policy
            .bind(observation.view())
            .unwrap()
            .predict(samples.view(), &[99.0, 50.0, 0.0], prediction.view_mut())
            .unwrap();
        let numpys = Array2::from_shape_vec((3, 8), rows("prediction").concat()).unwrap();
        assert!((&prediction.mapv(f64::from) - &numpys).iter().all(|difference| difference.abs() < 1e-6), "{graph}");
        let origin = policy.origin(observation.view()).unwrap();
        assert_eq!(policy.actions(samples.row(0), &origin).dim(), (4, 2));
    }
}
