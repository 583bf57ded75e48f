//! How many times as fast the engine is as ONNX Runtime's CPU provider, batch by batch, by each kernel that the processor has.
//!
//! `cargo bench -p parapolicy-ort --bench providers [-- DIRECTORY]`: the policy in that directory, else the `PushT`
//! policy of this repository, on `PARAPOLICY_THREADS` threads (all cores by default). The two take turns; a turn's ratio
//! is that of the times which follow each other in it, so that what else the machine does meets both alike.

#![allow(clippy::expect_used, reason = "a benchmark has nobody to return an error to")]

use std::{
    env,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use ndarray::Array2;
use parapolicy_engine::{Engine, Graph, Names, kernel::Kernel};
use parapolicy_ort::CPU;
use parapolicy_policy::{Inference, Network};
use parapolicy_sampler::Denoiser as _;

const KERNELS: [Kernel; 5] = [Kernel::Avx2, Kernel::Avx512, Kernel::Neon, Kernel::Avx512Bf16, Kernel::AmxBf16];
const BATCHES: [usize; 4] = [1, 8, 16, 32];
const TURNS: usize = 21;
/// Batches of a turn, of which the median counts.
const RUNS: usize = 7;
/// ONNX Runtime's threads wait for more work some tens of milliseconds, in the way of whoever is next.
const QUIET: Duration = Duration::from_millis(150);

fn main() {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
    let directory = env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let directory = directory.map_or_else(|| ours.into(), PathBuf::from);
    let threads = env::var("PARAPOLICY_THREADS").map_or(0, |threads| threads.parse().expect("a number of threads"));
    let inference = Inference { provider: CPU, threads, ..Inference::default() };
    let mut policy = Network::load(&directory, &inference.open(&()).expect("ONNX Runtime")).expect("a policy");
    for kernel in KERNELS.into_iter().filter(|kernel| kernel.is_available()) {
        println!("{kernel:?} beside ONNX Runtime (medians of {TURNS} turns, and quartiles)");
        let mut engine = open(&directory, &policy, kernel, inference.threads());
        for rows in BATCHES {
            compare(&mut policy, &mut engine, rows);
        }
    }
}

fn open(directory: &Path, policy: &Network, kernel: Kernel, threads: usize) -> Engine {
    let denoiser = &policy.manifest().denoiser;
    let names = Names {
        sample: &denoiser.sample,
        timestep: &denoiser.timestep,
        observation: denoiser.observation.as_deref().expect("a policy of which observations are a condition"),
        prediction: &denoiser.prediction,
    };
    let graph = Graph::read(std::fs::read(directory.join(&denoiser.file)).expect("a file")).expect("a graph");
    Engine::on(graph, &names, kernel, threads.min(Engine::THREADS)).expect("an engine")
}

fn compare(policy: &mut Network, engine: &mut Engine, rows: usize) {
    let manifest = policy.manifest();
    let observation = Array2::from_elem((manifest.n_obs_steps, manifest.observation_dim()), 256.0);
    let samples =
        Array2::from_shape_fn((rows, manifest.sample_dim()), |(row, i)| ((row * 31 + i * 7) % 64) as f32 / 32.0 - 1.0);
    let timesteps: Vec<_> = (0..100).step_by(3).take(rows).map(|timestep| timestep as f32).collect();
    let mut prediction = samples.clone();
    engine.bind(&vec![0.0; engine.observation_dim()]).expect("an observation");
    let mut bound = policy.bind(observation.view()).expect("an observation");
    let plans = vec![0; rows];
    let mut turns: Vec<[f64; 2]> = (0..TURNS)
        .map(|_| {
            let reference =
                turn(|| bound.predict(samples.view(), &timesteps, prediction.view_mut()).expect("a prediction"));
            let (samples, prediction) = (samples.as_slice().expect("rows"), prediction.as_slice_mut().expect("rows"));
            [reference, turn(|| engine.run(&plans, samples, &timesteps, prediction).expect("a prediction"))]
        })
        .collect();
    let mut ratios: Vec<_> = turns.iter().map(|[reference, engine]| reference / engine).collect();
    ratios.sort_by(f64::total_cmp);
    let quartile = |number: usize| ratios[(TURNS - 1) * number / 4];
    let [reference, engine] = [0, 1].map(|one| {
        turns.sort_by(|a, b| a[one].total_cmp(&b[one]));
        turns[TURNS / 2][one]
    });
    println!(
        "  batch {rows:>2}: {engine:8.0} us, ONNX Runtime {reference:8.0} us: {:.1} times as fast ({:.1} to {:.1})",
        quartile(2),
        quartile(1),
        quartile(3),
    );
}

/// Microseconds of one batch, the median of a few.
fn turn(mut batch: impl FnMut()) -> f64 {
    sleep(QUIET);
    let mut time = || {
        let start = Instant::now();
        batch();
        start.elapsed().as_secs_f64() * 1e6
    };
    time();
    let mut times: Vec<_> = (0..RUNS).map(|_| time()).collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}
