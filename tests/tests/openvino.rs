//! OpenVINO against ONNX Runtime's own kernels on the shipped network, both in the library that has them: a process loads one.
//!
//! `cargo test -p parapolicy-tests --test openvino -- --nocapture` prints the deviations. There is OpenVINO for Linux on x86-64.

#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/shipped.rs"]
mod support;

use parapolicy_ort::{CPU, OPENVINO};
use parapolicy_policy::{Inference, InferenceError, Network, Precision};
use support::{deviation, predict, shipped};

fn policy(inference: Inference) -> Result<Network, InferenceError> {
    Ok(Network::load(&shipped(), &inference.open(&())?).unwrap())
}

#[test]
fn predictions_are_onnx_runtimes() {
    let openvino = Inference { provider: OPENVINO, threads: 2, ..Inference::default() };
    let mut providers = vec![(policy(openvino.clone()).unwrap(), 1e-4)];
    match policy(Inference { precision: Precision::Bf16, ..openvino.clone() }) {
        Ok(policy) => providers.push((policy, 0.02)),
        Err(error) => assert_eq!(error.to_string(), "precision: this processor does not compute in bf16; use f32"),
    }
    let mut cpu = policy(Inference { provider: CPU, ..openvino }).unwrap();
    assert_eq!(cpu.provider().to_string(), "ONNX Runtime 1.24.1", "the library that is loaded already");
    // Growing and shrinking, as windows do.
    for rows in [1, 7, 16, 33, 2] {
        let expected = predict(&mut cpu, rows);
        for (policy, bound) in &mut providers {
            let deviation = deviation(&predict(policy, rows), &expected);
            println!("{rows} rows, {}: {deviation:.1e}", policy.provider());
            assert!(deviation <= *bound, "{rows} rows, {}: {deviation:e}", policy.provider());
        }
    }
    let [f32, bf16] = &mut providers[..] else { return };
    let (f32, bf16) = (predict(&mut f32.0, 16), predict(&mut bf16.0, 16));
    assert!(deviation(&bf16, &f32) > 1e-4, "in f32 nothing is rounded to bf16, and in bf16 all is");
}
