//! OpenVINO against ONNX Runtime's own kernels on the shipped network, both in the library that has them: a process loads one.
//!
//! `cargo test -p parapolicy-tests --test openvino -- --nocapture` prints the deviations. There is OpenVINO for Linux on x86-64.

#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[allow(dead_code, reason = "each test takes what it needs")]
mod support;

use std::path::Path;

use ndarray::Array2;
use parapolicy_runner::{Inference, InferenceError, Policy, Precision, ProviderName};
use parapolicy_sampler::{Denoiser as _, Noise};
use support::observation;

fn policy(inference: Inference) -> Result<Policy, InferenceError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/pusht");
    Ok(Policy::load(&folder, &inference.open(&())?).unwrap())
}

fn predict(policy: &mut Policy, rows: usize) -> Array2<f32> {
    let samples = Noise::draw(rows as u64, rows, policy.manifest().sample_dim()).steps().to_owned();
    let timesteps: Vec<i64> = (0..rows as i64).map(|row| (37 * row + 5) % 100).collect();
    let mut prediction = Array2::zeros(samples.dim());
    let mut bound = policy.bind(observation(rows as u64).view()).unwrap();
    bound.predict(samples.view(), &timesteps, prediction.view_mut()).unwrap();
    prediction
}

/// The norm of the difference over the norm of what is expected.
fn deviation(found: &Array2<f32>, expected: &Array2<f32>) -> f32 {
    let norm = |x: Array2<f32>| x.mapv(|x| x * x).sum().sqrt();
    norm(found - expected) / norm(expected.clone())
}

#[test]
fn predictions_are_onnx_runtimes() {
    let openvino = Inference { provider: ProviderName::OpenVino, threads: 2, ..Inference::default() };
    let mut providers = vec![(policy(openvino.clone()).unwrap(), 1e-4)];
    match policy(Inference { precision: Precision::Bf16, ..openvino.clone() }) {
        Ok(policy) => providers.push((policy, 0.02)),
        Err(error) => assert_eq!(error.to_string(), "precision: this processor does not compute in bf16; use f32"),
    }
    let mut cpu = policy(Inference { provider: ProviderName::Cpu, ..openvino }).unwrap();
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
