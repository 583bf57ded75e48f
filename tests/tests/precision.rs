//! How far a precision computes from f32, on the shipped network.
//!
//! `cargo test -p parapolicy-tests --test precision -- --nocapture` prints it for bf16 of the engine.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/shipped.rs"]
mod support;

use std::path::Path;

use ndarray::{Array1, Array2};
use parapolicy_engine::kernel::Kernel;
use parapolicy_eval::Deviation;
use parapolicy_policy::{Inference, NATIVE, Network, Precision};
use parapolicy_sampler::{Noise, Sampler, Solver, Strategy, Table};
use support::{load, observation, policy_by, shipped};

fn table(policy: &Network) -> Table {
    Table::new(&policy.manifest().scheduler, Solver::Ddim { eta: 0.0 }, 20).unwrap()
}

/// What the policy would meet, one for each plan that is drawn.
fn seen() -> Vec<Array2<f64>> {
    (0..4).map(observation).collect()
}

#[test]
fn f32_is_where_it_is() {
    let (mut policy, mut reference) = (policy_by(NATIVE), policy_by(NATIVE));
    let table = table(&policy);
    let deviation = Deviation::measure(&mut policy, &mut reference, &table, &seen()).unwrap();
    let actions = [("target".to_owned(), 0.0)].into();
    assert_eq!(deviation, Deviation { precision: "f32".into(), prediction: 0.0, plan: 0.0, actions });
}

/// Bounds are those of bf16 beside ONNX Runtime in `engine_parity`.
#[test]
fn bf16_is_as_far_off_as_its_predictions_and_plans_are() {
    if !Kernel::fastest(parapolicy_engine::Precision::Bf16).is_available() {
        return;
    }
    let mut reference = policy_by(NATIVE);
    let mut policy = load(&shipped(), &Inference { precision: Precision::Bf16, ..Inference::default() });
    let table = table(&policy);
    let mut measure = |met: &[Array2<f64>]| Deviation::measure(&mut policy, &mut reference, &table, met).unwrap();
    let found = measure(&seen());
    println!("{found}");
    for deviation in [&found, &measure(&[])] {
        let Deviation { prediction, plan, .. } = *deviation;
        assert!(prediction > 1e-5 && prediction <= 5e-3, "{deviation}");
        assert!(plan > 1e-5 && plan <= 0.01, "{deviation}");
    }
    assert_eq!(measure(&seen()), found, "the same figures again");

    let (mut normalised, mut raw) = (0.0_f64, 0.0_f64);
    for (seed, observation) in seen().iter().enumerate() {
        let [one, other] = [&mut policy, &mut reference].map(|policy| draw(policy, &table, observation, seed as u64));
        normalised = (&one - &other).iter().fold(normalised, |most, apart| most.max(f64::from(apart.abs())));
        let origin = policy.origin(observation.view()).unwrap();
        let apart = policy.actions(one.view(), &origin) - reference.actions(other.view(), &origin);
        raw = apart.iter().fold(raw, |most, apart| most.max(apart.abs()));
    }
    // Drawn one by one, in f32 they are summed otherwise.
    approx::assert_relative_eq!(found.plan, normalised, max_relative = 0.02);
    approx::assert_relative_eq!(found.actions["target"], raw, max_relative = 0.02);
}

fn draw(policy: &mut Network, table: &Table, observation: &Array2<f64>, seed: u64) -> Array1<f32> {
    let dim = policy.manifest().sample_dim();
    let mut sampler = Sampler::new(table.clone(), Strategy::sequential(), dim).unwrap();
    let mut bound = policy.bind(observation.view()).unwrap();
    sampler.sample(&mut bound, &Noise::draw(seed, table.steps(), dim)).unwrap().sample().to_owned()
}

#[test]
fn another_policy_is_no_reference() {
    let arm = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/arm");
    let (mut policy, mut other) = (policy_by(NATIVE), load(&arm, &Inference::default()));
    let table = table(&policy);
    let refusal = Deviation::measure(&mut policy, &mut other, &table, &[]).unwrap_err().to_string();
    assert!(refusal.contains("`pusht-keypoints`") && refusal.contains("load both from one directory"), "{refusal}");

    let mut reference = policy_by(NATIVE);
    let refusal = Deviation::measure(&mut policy, &mut reference, &table, &[Array2::zeros((2, 5))]).unwrap_err();
    assert_eq!(refusal.to_string(), "plan 0");
}
