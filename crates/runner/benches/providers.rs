//! How many times as fast the engine is as ONNX Runtime's CPU provider, batch by batch.
//!
//! `cargo bench -p parapolicy-runner --bench providers [-- DIRECTORY]`: the policy in that directory, else the `PushT`
//! policy of this repository, on `PARAPOLICY_THREADS` threads (all cores by default). The three take turns; a turn's ratio
//! is that of the times which follow each other in it, so that what else the machine does meets both alike.

#![allow(clippy::expect_used, reason = "a benchmark has nobody to return an error to")]

use std::{
    env,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use ndarray::Array2;
use parapolicy_runner::{Inference, Policy, Precision, ProviderName};
use parapolicy_sampler::Denoiser as _;

const BATCHES: [usize; 4] = [1, 8, 16, 32];
const TURNS: usize = 21;
/// Batches of a turn, of which the median counts.
const RUNS: usize = 7;
/// ONNX Runtime's threads wait for more work this long, in the way of whoever is next.
const QUIET: Duration = Duration::from_millis(20);

fn main() {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
    let directory = env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let directory = directory.map_or_else(|| ours.into(), PathBuf::from);
    let mut reference = open(&directory, ProviderName::Cpu, Precision::F32).expect("ONNX Runtime");
    let engines = [Precision::F32, Precision::Bf16].map(|precision| (precision, ProviderName::Native));
    for (precision, provider) in engines {
        let Some(mut engine) = open(&directory, provider, precision) else {
            println!("native, {precision}: not on this processor");
            continue;
        };
        println!("native, {precision}, beside ONNX Runtime (medians of {TURNS} turns, and quartiles)");
        for rows in BATCHES {
            compare(&mut reference, &mut engine, rows);
        }
    }
}

fn open(directory: &Path, provider: ProviderName, precision: Precision) -> Option<Policy> {
    let threads = env::var("PARAPOLICY_THREADS").map_or(0, |threads| threads.parse().expect("a number of threads"));
    let inference = Inference { provider, precision, threads, ..Inference::default() };
    Policy::load(directory, &inference.open(&()).ok()?).ok()
}

fn compare(reference: &mut Policy, engine: &mut Policy, rows: usize) {
    let mut turns: Vec<[f64; 2]> = (0..TURNS).map(|_| [turn(reference, rows), turn(engine, rows)]).collect();
    let [reference, engine] = [0, 1].map(|one| {
        turns.sort_by(|a, b| a[one].total_cmp(&b[one]));
        turns[TURNS / 2][one]
    });
    let mut ratios: Vec<_> = turns.iter().map(|[reference, engine]| reference / engine).collect();
    ratios.sort_by(f64::total_cmp);
    let quartile = |number: usize| ratios[(TURNS - 1) * number / 4];
    println!(
        "  batch {rows:>2}: {engine:8.0} us, ONNX Runtime {reference:8.0} us: {:.1} times as fast ({:.1} to {:.1})",
        quartile(2),
        quartile(1),
        quartile(3),
    );
}

/// Microseconds of one batch, the median of a few.
fn turn(policy: &mut Policy, rows: usize) -> f64 {
    sleep(QUIET);
    let manifest = policy.manifest();
    let observation = Array2::from_elem((manifest.n_obs_steps, manifest.observation_dim()), 256.0);
    let samples =
        Array2::from_shape_fn((rows, manifest.sample_dim()), |(row, i)| ((row * 31 + i * 7) % 64) as f32 / 32.0 - 1.0);
    let mut prediction = samples.clone();
    let timesteps: Vec<_> = (0..100).step_by(3).take(rows).collect();
    let mut bound = policy.bind(observation.view()).expect("an observation");
    let mut time = || {
        let start = Instant::now();
        bound.predict(samples.view(), &timesteps, prediction.view_mut()).expect("a prediction");
        start.elapsed().as_secs_f64() * 1e6
    };
    time();
    let mut times: Vec<_> = (0..RUNS).map(|_| time()).collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}
