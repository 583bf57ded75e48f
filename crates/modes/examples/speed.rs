//! How long iterations take, and how soon clusters are found: `cargo run --release -p parapolicy-modes --example speed`.
//!
//! Points are drawn as in the replication script of Dinari et al. (2022): weights from a Dirichlet distribution, means from a wide Gaussian,
//! covariances from an inverse Wishart distribution. Times are of the wall clock, and of the processor where the system tells them.

use std::time::Instant;

use ndarray::Array2;
use parapolicy_modes::{Concentration, Gaussian, Mixture, Partition, Points, Start, Strategy};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng as _};
use rand_distr::{Distribution as _, Gamma, StandardNormal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (points, dim, clusters, iterations) in [(1_000_000, 2, 6, 100), (1_000_000, 2, 20, 100), (100_000, 32, 32, 20)]
    {
        let data = Data::draw(points, dim, clusters, 1)?;
        let mixture = Mixture::new(Gaussian::around(0.05, vec![0.0; dim], 1.0)?, Concentration::Fixed(10.0))?;
        let start = Start::At(Partition::new(&data.truth));
        let mut chain = mixture.chain(&data.points, Strategy::Launch, &start, 7)?;
        chain.step();
        let (began, processor) = (Instant::now(), processor_seconds());
        (0..iterations).for_each(|_| chain.step());
        let (wall, processor) = (began.elapsed().as_secs_f64(), processor_seconds() - processor);
        let found = chain.current().clusters();
        println!(
            "N = {points}, D = {dim}, K = {clusters}: {iterations} iterations in {wall:.2} s, {processor:.2} processor seconds, {:.1} ns a point; {found} clusters",
            processor * 1e9 / (points * iterations) as f64
        );
    }
    Ok(())
}

/// Points, and the cluster that each was drawn from.
struct Data {
    points: Points,
    truth: Vec<u32>,
}

impl Data {
    fn draw(points: usize, dim: usize, clusters: usize, seed: u64) -> Result<Self, Box<dyn std::error::Error>> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let normal = |random: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(random) };
        let gamma = Gamma::new(10.0, 1.0)?;
        let mut weights: Vec<f64> = (0..clusters).map(|_| gamma.sample(&mut random)).collect();
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        let mut parameters = Vec::new();
        for _ in 0..clusters {
            let mean: Vec<f64> = (0..dim).map(|_| 10.0 * normal(&mut random)).collect();
            let factor = Array2::from_shape_fn((dim, dim), |(i, j)| {
                let noise = normal(&mut random);
                if i == j { 1.0 } else { 0.3 * noise / (dim as f64).sqrt() }
            });
            parameters.push((mean, factor));
        }
        let mut truth = Vec::with_capacity(points);
        let mut rows = Array2::zeros((points, dim));
        for mut row in rows.outer_iter_mut() {
            let mut left: f64 = rand_distr::StandardUniform.sample(&mut random);
            let cluster = weights.iter().position(|weight| {
                left -= weight;
                left < 0.0
            });
            let cluster = cluster.unwrap_or(0);
            let (mean, factor) = &parameters[cluster];
            let noise: Vec<f64> = (0..dim).map(|_| normal(&mut random)).collect();
            for i in 0..dim {
                row[i] = mean[i] + (0..dim).map(|j| factor[[i, j]] * noise[j]).sum::<f64>();
            }
            truth.push(cluster as u32);
        }
        Ok(Self { points: Points::new(rows.view())?, truth })
    }
}

/// User and system time of this process, where `/proc` has it.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}
