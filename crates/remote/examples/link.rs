//! Plans that a server draws, beside those of ONNX Runtime on this machine, and how long they take.
//!
//! `cargo run --release -p parapolicy-remote --example link -- MODEL URL [OBSERVATIONS]`
//!
//! For DDPM in 100 steps and DDIM in 10: how far plans are apart (normalised), and the median latency by `sequential` and `picard`,
//! drawn in turn.

use std::{
    env,
    path::Path,
    time::{Duration, Instant},
};

use ndarray::{Array1, Array2};
use parapolicy_ort::CPU;
use parapolicy_policy::{Endpoints, Inference, Network};
use parapolicy_remote::REMOTE;
use parapolicy_sampler::{BoxError, Noise, Sampler, Solver, Strategies, Table};

const SAMPLERS: [&str; 2] = ["sequential", "picard"];

fn main() -> Result<(), BoxError> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [model, url, rest @ ..] = &arguments[..] else { return Err("usage: link MODEL URL [OBSERVATIONS]".into()) };
    let observations = rest.first().map_or(Ok(5), |number| number.parse())?;
    let endpoints = Endpoints { urls: vec![url.clone()], timeout: Duration::from_secs(20) };
    let there = Inference { provider: REMOTE, endpoints, ..Inference::default() };
    let mut there = Network::load(Path::new(model), &there.open(&())?)?;
    let here = Inference { provider: CPU, threads: 1, ..Inference::default() };
    let mut here = Network::load(Path::new(model), &here.open(&())?)?;
    for (solver, steps) in [(Solver::Ddpm, 100), (Solver::Ddim { eta: 0.0 }, 10)] {
        let (mut apart, mut latencies, mut rounds) = (0.0_f32, [Vec::new(), Vec::new()], [0, 0]);
        for seed in 0..observations {
            let observation = observation(&there, seed);
            for (index, strategy) in SAMPLERS.into_iter().enumerate() {
                let draw = |network: &mut Network| plan(network, strategy, solver, steps, &observation, seed);
                let (found, latency, took) = draw(&mut there)?;
                let (expected, ..) = draw(&mut here)?;
                apart = (&found - &expected).iter().fold(apart, |apart, difference| apart.max(difference.abs()));
                latencies[index].push(latency);
                rounds[index] += took;
            }
        }
        let [sequential, picard] = latencies.map(median);
        let rounds = rounds.map(|rounds| rounds as f64 / observations as f64);
        println!(
            "{solver}, {steps} steps: {apart:.1e} apart; sequential {sequential:.0} ms in {:.1} rounds, picard {picard:.0} ms in {:.1}: \
             {:.1} times as fast",
            rounds[0],
            rounds[1],
            sequential / picard
        );
    }
    Ok(())
}

/// One within the ranges of the training data.
fn observation(network: &Network, seed: u64) -> Array2<f64> {
    let manifest = network.manifest();
    let drawn = Noise::draw(seed, 1, manifest.observation_dim());
    let entries = manifest.observations.iter().flat_map(|entry| (0..entry.len()).map(move |index| (entry, index)));
    let row: Vec<_> = entries
        .zip(drawn.initial())
        .map(|((entry, index), value)| entry.normalization.denormalize(index, 0.5 * value.tanh()))
        .collect();
    Array2::from_shape_fn((manifest.n_obs_steps, row.len()), |(_, column)| row[column])
}

/// A plan, normalised; how many milliseconds it took, and how many rounds.
fn plan(
    network: &mut Network,
    strategy: &str,
    solver: Solver,
    steps: usize,
    observation: &Array2<f64>,
    seed: u64,
) -> Result<(Array1<f32>, f64, usize), BoxError> {
    let dim = network.manifest().sample_dim();
    let table = Table::new(&network.manifest().scheduler, solver, steps)?;
    let mut sampler = Sampler::new(table, Strategies::default().parse(strategy)?, dim)?;
    let noise = Noise::draw(seed, steps, dim);
    let started = Instant::now();
    let mut bound = network.bind(observation.view())?;
    let sample = sampler.sample(&mut bound, &noise)?;
    Ok((sample.sample().to_owned(), 1e3 * started.elapsed().as_secs_f64(), sample.statistics().rounds))
}

fn median(mut latencies: Vec<f64>) -> f64 {
    latencies.sort_by(f64::total_cmp);
    latencies[latencies.len() / 2]
}
