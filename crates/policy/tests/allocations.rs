//! A round of a plan allocates nothing in the engine, and next to nothing beside ONNX Runtime.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use ndarray::{Array2, s};
use parapolicy_policy::{Inference, Policy, ProviderName};
use parapolicy_sampler::Denoiser as _;

/// Allocations of a round, the largest of many, at sizes that were met before.
fn allocations(provider: ProviderName) -> u64 {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht");
    let inference = Inference { provider, threads: 1, ..Inference::default() };
    let mut policy = Policy::load(&model, &inference.open(&()).unwrap()).unwrap();
    let manifest = policy.manifest();
    let observation = Array2::from_elem((manifest.n_obs_steps, manifest.observation_dim()), 256.0);
    let samples = Array2::zeros((16, manifest.sample_dim()));
    let timesteps = [50; 16];
    let mut prediction = samples.clone();
    let mut bound = policy.bind(observation.view()).unwrap();
    let mut round = |rows: usize| {
        let rows = s![..rows, ..];
        let timesteps = &timesteps[..samples.slice(rows).nrows()];
        bound.predict(samples.slice(rows), timesteps, prediction.slice_mut(rows)).unwrap();
    };
    let sizes = [16, 1, 7, 16, 3];
    sizes.into_iter().for_each(&mut round);
    sizes.into_iter().map(|rows| allocation_counter::measure(|| round(rows)).count_total).max().unwrap()
}

#[test]
fn the_engine_allocates_nothing() {
    assert_eq!(allocations(ProviderName::Native), 0);
}

/// What remains is `ort`'s handle of the output, which it makes anew when a call returns.
#[test]
fn onnx_runtime_costs_a_handle() {
    let allocations = allocations(ProviderName::Cpu);
    println!("{allocations} allocations a round");
    assert!(allocations <= 2, "{allocations}");
}
