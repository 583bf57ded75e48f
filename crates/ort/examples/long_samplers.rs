//! The samplers on a denoiser that is no policy, for the rows of the paper's table (Shih et al. 2023, arXiv 2305.16317): rounds,
//! rows of the network, and how far samples end from `sequential`'s.
//!
//! ```text
//! cargo run --release -p parapolicy-ort --example long_samplers -- FOLDER [COUNT] [STRATEGY,…]
//! ```
//!
//! 64 samples without COUNT; a window and a tolerance may follow a strategy, `paradigms:48:0.1`. Deviations are the largest of a sample,
//! in its own unit: an image from -1 to 1 has a range of 2, a grey level is 0.0078.

use std::{env, error::Error, path::Path};

use ndarray::Array2;
use parapolicy_ort::{CPU, backends};
use parapolicy_policy::{DenoiserNetwork, Inference};
use parapolicy_sampler::{BatchedSampler, Noise, Solver, Strategy, Table, WindowConfig};

/// The paper's: DDPM, DDIM and DPM-Solver, in so many steps.
const ROWS: [(Solver, usize); 4] = [
    (Solver::Ddpm, 1000),
    (Solver::Ddim { eta: 0.0 }, 500),
    (Solver::Ddim { eta: 0.0 }, 200),
    (Solver::DpmSolverPlusPlus, 200),
];

/// What a strategy came to.
struct Drawn {
    samples: Vec<Vec<f32>>,
    /// Their estimated errors, where the strategy makes any.
    estimates: Vec<f32>,
    rounds: f64,
    rows: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let argument = |at: usize, other: &'static str| arguments.get(at).map_or(other, String::as_str);
    let folder = Path::new(arguments.first().ok_or("FOLDER, with denoiser.json, is needed")?);
    let count: usize = argument(1, "64").parse()?;
    let names: Vec<&str> = argument(2, "picard,paradigms:48,anderson:48").split(',').collect();

    let provider = Inference { provider: CPU, threads: 1, ..backends().inference() }.open(&())?;
    let mut network = DenoiserNetwork::load(folder, &provider)?;
    println!("| solver | steps | strategy | rounds | rows | deviation p50 | p90 | max | estimated p50 | p90 | max |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (solver, steps) in ROWS {
        let reference = draw(&mut network, solver, steps, Strategy::sequential(), count)?;
        for name in &names {
            let drawn = match draw(&mut network, solver, steps, strategy(name, steps)?, count) {
                Ok(drawn) => drawn,
                Err(error) => {
                    println!("| {solver} | {steps} | {name} | {} |", chain(&*error));
                    continue;
                }
            };
            let quantiles = |values: Vec<f32>| {
                quantiles(values).map_or_else(String::new, |q| format!("{} | {} | {}", q[0], q[1], q[2]))
            };
            let (off, estimated) = (quantiles(deviations(&drawn, &reference)), quantiles(drawn.estimates));
            let Drawn { rounds, rows, .. } = drawn;
            println!("| {solver} | {steps} | {name} | {rounds:.1} | {rows:.0} | {off} | {estimated} |");
        }
    }
    Ok(())
}

/// A strategy by its name, with a window and a tolerance after colons, for so many steps.
fn strategy(named: &str, steps: usize) -> Result<Strategy, Box<dyn Error>> {
    let mut parts = named.split(':');
    let strategy = parts.next().unwrap_or_default().parse::<Strategy>()?.for_steps(steps);
    let (window, tolerance) = (parts.next(), parts.next());
    Ok(strategy.with_window(WindowConfig {
        window: window.map_or(Ok(strategy.window().unwrap_or(1)), str::parse)?,
        tolerance: tolerance.map_or(Ok(strategy.tolerance().unwrap_or(0.0)), str::parse)?,
    }))
}

/// Samples of all labels in turn, from the noise of the first seeds.
fn draw(
    network: &mut DenoiserNetwork,
    solver: Solver,
    steps: usize,
    strategy: Strategy,
    count: usize,
) -> Result<Drawn, Box<dyn Error>> {
    let signature = network.signature();
    let (dim, classes) = (signature.sample_dim(), signature.classes().unwrap_or(1));
    let conditions = Array2::from_shape_fn((count, signature.condition_dim()), |(sample, _)| (sample % classes) as f64);
    let table = Table::new(&signature.scheduler, solver, steps)?;
    let mut sampler = BatchedSampler::new(table, strategy, dim, count)?;
    let noises: Vec<_> = (0..count as u64).map(|seed| Noise::draw(seed, steps, dim)).collect();
    let drawn = sampler.sample(&mut network.bind_batched(conditions.view())?, &noises)?;
    let mean = |of: fn(&parapolicy_sampler::Statistics) -> usize| {
        drawn.iter().map(|sample| of(sample.statistics()) as f64).sum::<f64>() / count as f64
    };
    let (rounds, rows) = (mean(|statistics| statistics.rounds), mean(|statistics| statistics.evaluations));
    let estimates = drawn.iter().filter_map(|sample| sample.statistics().estimated_error).map(|error| error as f32);
    let samples = drawn.iter().map(|sample| sample.sample().to_vec()).collect();
    Ok(Drawn { samples, estimates: estimates.collect(), rounds, rows })
}

/// The samples' largest differences.
fn deviations(drawn: &Drawn, reference: &Drawn) -> Vec<f32> {
    let largest =
        |(a, b): (&Vec<f32>, &Vec<f32>)| a.iter().zip(b).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    drawn.samples.iter().zip(&reference.samples).map(largest).collect()
}

/// Median, 90th percentile and largest.
fn quantiles(mut values: Vec<f32>) -> Option<[String; 3]> {
    values.sort_by(f32::total_cmp);
    let at = |share: f64| values.get((share * (values.len() - 1) as f64).round() as usize);
    (!values.is_empty())
        .then(|| [0.5, 0.9, 1.0].map(|share| at(share).map_or_else(String::new, |value| format!("{value:.4}"))))
}

/// An error and what caused it.
fn chain(error: &dyn Error) -> String {
    let cause = error.source().map_or_else(String::new, |cause| format!(": {}", chain(cause)));
    format!("{error}{cause}")
}
