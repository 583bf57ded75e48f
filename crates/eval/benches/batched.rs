//! Plans per second, drawn together: k plans of DDPM-100 for k beginnings of an episode, in shared batches.
//!
//! Runs the `PushT` policy of this repository on all cores. `plans` counts what each strategy draws in a second.

#![allow(clippy::expect_used, reason = "a benchmark has nobody to return an error to")]

use std::path::Path;

use divan::{Bencher, counter::ItemsCount};
use ndarray::Array2;
use parapolicy_policy::{Inference, Network};
use parapolicy_pusht::{ResetDistribution, ResetOrder};
use parapolicy_sampler::{BatchedSampler, Noise, Solver, Strategy, Table};

const STEPS: usize = 100;

fn main() {
    divan::main();
}

#[divan::bench(args = [1, 4, 16, 64], sample_count = 5, sample_size = 1)]
fn sequential(bencher: Bencher<'_, '_>, plans: usize) {
    draw(bencher, "sequential", plans);
}

#[divan::bench(args = [1, 4, 16, 64], sample_count = 5, sample_size = 1)]
fn picard(bencher: Bencher<'_, '_>, plans: usize) {
    draw(bencher, "picard", plans);
}

fn draw(bencher: Bencher<'_, '_>, strategy: &str, plans: usize) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht");
    let provider = Inference::default().open(&()).expect("a provider");
    let mut policy = Network::load(&dir, &provider).expect("a policy");
    let dim = policy.manifest().sample_dim();
    let table = Table::new(&policy.manifest().scheduler, Solver::Ddpm, STEPS).expect("a table");
    let strategy: Strategy = strategy.parse().expect("a strategy");
    let mut sampler = BatchedSampler::new(table, strategy, dim, plans).expect("a sampler");
    let noises: Vec<Noise> = (0..plans as u64).map(|seed| Noise::draw(seed, STEPS, dim)).collect();
    let observations: Vec<Array2<f64>> = (0..plans as u64).map(beginning).collect();
    bencher.counter(ItemsCount::new(plans)).bench_local(|| {
        let mut denoiser = policy.bind_batched(observations.iter().map(|one| one.view())).expect("observations");
        sampler.sample(&mut denoiser, &noises).expect("samples").statistics().rounds
    });
}

/// What the policy sees when the episode of a seed begins, `[2, 20]`.
fn beginning(seed: u64) -> Array2<f64> {
    let seen = ResetOrder::Legacy.apply(ResetDistribution::DiffusionPolicy.draw(seed)).keypoints();
    Array2::from_shape_fn((2, seen.len()), |(_, index)| seen[index])
}
