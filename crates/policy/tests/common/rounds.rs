//! What a round of a plan allocates.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use ndarray::{Array2, s};
use parapolicy_policy::{Inference, Network};
use parapolicy_sampler::Denoiser as _;

/// Allocations of a round, the largest of many, at sizes that were met before.
pub fn allocations(inference: &Inference) -> u64 {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht");
    let mut policy = Network::load(&model, &inference.open(&()).unwrap()).unwrap();
    let manifest = policy.manifest();
    let observation = Array2::from_elem((manifest.n_obs_steps, manifest.observation_dim()), 256.0);
    let samples = Array2::zeros((16, manifest.sample_dim()));
    let timesteps = [50.0; 16];
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
