//! The engine against ONNX Runtime on the shipped network.
//!
//! `cargo test -p parapolicy-tests --test engine_parity -- --nocapture` prints the deviations. With `--ignored` and a
//! policy's folder as `POLICY`, those of that policy, which must see what the shipped one sees.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/shipped.rs"]
mod support;

use std::path::PathBuf;

use ndarray::Array2;
use parapolicy_engine::kernel::Kernel;
use parapolicy_ort::CPU;
use parapolicy_policy::{Inference, NATIVE, Network, Precision};
use parapolicy_sampler::{BatchedDenoiser as _, Noise, Sampler, Solver, Strategy, Table};
use support::{batch, deviation, load, observation, policy, policy_by, predict, shipped};

#[test]
fn predictions_are_onnx_runtimes() {
    let (mut cpu, mut native) = (policy(), policy_by(NATIVE));
    // Growing and shrinking, as windows do.
    for rows in [1, 7, 16, 33, 2] {
        let deviation = deviation(&predict(&mut native, rows), &predict(&mut cpu, rows));
        println!("{rows} rows: {deviation:.1e}");
        assert!(deviation <= 1e-5, "{rows} rows: {deviation:e}");
    }
}

/// To the bit, but where one of them is alone: a single row is summed as it is written, several by minimal filtering.
#[test]
fn what_is_said_of_a_row_depends_on_its_plan_and_not_on_the_rows_beside_it() {
    let mut native = policy_by(NATIVE);
    let seen: Vec<_> = (0..3).map(observation).collect();
    for (rows, part) in [(5, 2), (16, 7)] {
        let (samples, timesteps) = batch(rows, native.manifest().sample_dim());
        let plans: Vec<usize> = (0..rows).map(|row| row * 2 % 3).collect();
        let mut bound = native.bind_batched(seen.iter().map(|one| one.view())).unwrap();
        let mut together = Array2::zeros(samples.dim());
        bound.predict_batched(&plans, samples.view(), &timesteps, together.view_mut()).unwrap();
        for first in 0..=rows - part {
            let range = first..first + part;
            let rows = ndarray::s![range.clone(), ..];
            let mut alone = Array2::zeros((part, samples.ncols()));
            let prediction = alone.view_mut();
            bound.predict_batched(&plans[range.clone()], samples.slice(rows), &timesteps[range], prediction).unwrap();
            assert_eq!(alone, together.slice(rows));
        }
    }
}

#[test]
fn plans_are_onnx_runtimes_up_to_rounding() {
    let deviation = greatest_of_a_plan(&mut policy(), &mut policy_by(NATIVE));
    println!("plan of 20 steps: {deviation:.1e}");
    assert!(deviation <= 1e-4, "{deviation:e}");
}

/// Factors of 8 bits of mantissa: each prediction is right to two digits, and a plan to a few pixels.
#[test]
fn bf16_predicts_and_plans_nearly_what_f32_does() {
    let inference = Inference { precision: Precision::Bf16, ..Inference::default() };
    let found = Network::load(&shipped(), &inference.open(&()).unwrap());
    if !Kernel::fastest(parapolicy_engine::Precision::Bf16).is_available() {
        let refusal = found.unwrap_err().to_string();
        assert!(refusal.contains("this processor has no"), "{refusal}");
        return;
    }
    let (mut cpu, mut native) = (policy(), found.unwrap());
    for rows in [1, 7, 16] {
        let deviation = deviation(&predict(&mut native, rows), &predict(&mut cpu, rows));
        println!("bf16, {rows} rows: {deviation:.1e}");
        assert!(deviation > 1e-5 && deviation <= 5e-3, "{rows} rows: {deviation:e}");
    }
    let deviation = greatest_of_a_plan(&mut cpu, &mut native);
    println!("bf16, plan of 20 steps: {deviation:.1e}");
    assert!(deviation <= 0.01, "{deviation:e}");
}

#[test]
#[ignore = "of a policy that is named"]
fn predictions_of_another_policy_are_onnx_runtimes() {
    let folder = PathBuf::from(std::env::var_os("POLICY").unwrap());
    let mut cpu = load(&folder, &Inference { provider: CPU, ..Inference::default() });
    let precisions = [(Precision::F32, 1e-5), (Precision::Bf16, 2e-2)];
    let bf16 = Kernel::fastest(parapolicy_engine::Precision::Bf16).is_available();
    for (precision, most) in precisions.into_iter().filter(|(it, _)| bf16 || *it == Precision::F32) {
        let mut native = load(&folder, &Inference { precision, ..Inference::default() });
        for rows in [1, 2, 8, 16] {
            let deviation = deviation(&predict(&mut native, rows), &predict(&mut cpu, rows));
            println!("{precision}, {rows} rows: {deviation:.1e}");
            assert!(deviation <= most, "{precision}, {rows} rows: {deviation:e}");
        }
    }
}

/// The greatest difference between the two policies' values of a plan, on a scale on which the table is 2 wide.
fn greatest_of_a_plan(cpu: &mut Network, native: &mut Network) -> f32 {
    let dim = cpu.manifest().sample_dim();
    let table = Table::new(&cpu.manifest().scheduler, Solver::Ddim { eta: 0.0 }, 20).unwrap();
    let mut sampler = Sampler::new(table, Strategy::sequential(), dim).unwrap();
    let mut draw = |policy: &mut Network| {
        let mut bound = policy.bind(observation(4).view()).unwrap();
        sampler.sample(&mut bound, &Noise::draw(4, 20, dim)).unwrap().sample().to_owned()
    };
    (draw(native) - draw(cpu)).fold(0.0_f32, |most, value| value.abs().max(most))
}
