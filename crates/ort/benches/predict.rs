//! c(p): the time of one batch of p rows, which decides whether a parallel sampler pays.
//!
//! Runs the `PushT` policy of this repository, or the one that `PARAPOLICY_MODEL` names, on `PARAPOLICY_THREADS` threads
//! (all cores by default), by the provider `PARAPOLICY_PROVIDER` (`cpu` by default) in `PARAPOLICY_PRECISION`.

#![allow(clippy::expect_used, reason = "a benchmark has nobody to return an error to")]

use std::{env, path::PathBuf};

use divan::{AllocProfiler, Bencher, counter::ItemsCount};
use ndarray::Array2;
use parapolicy_ort::{CPU, backends};
use parapolicy_policy::{Inference, Network, Precision};
use parapolicy_sampler::Denoiser as _;

/// Counts what is allocated on our side of the provider.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn policy() -> Network {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
    let dir = env::var_os("PARAPOLICY_MODEL").map_or_else(|| ours.into(), PathBuf::from);
    let threads = env::var("PARAPOLICY_THREADS").map_or(0, |threads| threads.parse().expect("a number of threads"));
    let provider = env::var("PARAPOLICY_PROVIDER").map_or(CPU, |name| backends().parse(&name).expect("a provider"));
    let precision = env::var("PARAPOLICY_PRECISION").map_or(Precision::F32, |name| name.parse().expect("a precision"));
    let inference = Inference { provider, precision, threads, ..backends().inference() };
    Network::load(&dir, &inference.open(&()).expect("the provider")).expect("a policy")
}

#[divan::bench(args = [1, 2, 4, 8, 10, 16, 20, 32])]
fn predict(bencher: Bencher<'_, '_>, rows: usize) {
    let mut policy = policy();
    let manifest = policy.manifest();
    let observation = Array2::from_elem((manifest.n_obs_steps, manifest.observation_dim()), 256.0);
    let samples = Array2::zeros((rows, manifest.sample_dim()));
    let mut prediction = samples.clone();
    let timesteps = vec![50.0; rows];
    let mut bound = policy.bind(observation.view()).expect("an observation");
    bencher
        .counter(ItemsCount::new(rows))
        .bench_local(|| bound.predict(samples.view(), &timesteps, prediction.view_mut()).expect("a prediction"));
}
