//! How long iterations take, and how soon clusters are found: `cargo run --release -p parapolicy-modes --example speed`.
//!
//! With `N_D_K FOLDER`, `1000000_2_6 points` say, it finds the clusters from one: 20 iterations of `climb`, 80 of a chain. `FOLDER` gets the points, the
//! clusters that they were drawn from, the Bayes labels and those that were found, as `.npy` ending in `_N_D_K`; the last line printed is
//! processor seconds and clusters. `beside/mixtures.py` judges them beside others.
//!
//! Points are drawn as in the replication script of Dinari et al. (2022): weights from a Dirichlet distribution, means from a wide Gaussian,
//! covariances from an inverse Wishart distribution. Times are of the wall clock, and of the processor where the system tells them.

use std::{error::Error, path::Path, time::Instant};

use ndarray::{Array1, Array2};
use ndarray_npy::write_npy;
use parapolicy_modes::{Concentration, Gaussian, GaussianParameters, Mixture, Partition, Points, Start, Strategy};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng as _};
use rand_distr::{Distribution as _, Gamma, StandardNormal};

const CLIMB: usize = 20;
const EXACT: usize = 80;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => speed(),
        [data, folder] => recover(data, Path::new(folder)),
        _ => Err("nothing, or N_D_K FOLDER".into()),
    }
}

fn speed() -> Result<(), Box<dyn Error>> {
    for (points, dim, clusters, iterations) in [(1_000_000, 2, 6, 100), (1_000_000, 2, 20, 100), (100_000, 32, 32, 20)]
    {
        let data = Data::draw(points, dim, clusters, 1)?;
        let mixture = mixture(dim)?;
        let points_of = Points::new(data.rows.view())?;
        let start = Start::At(Partition::new(&data.truth));
        let mut chain = mixture.chain(&points_of, Strategy::Launch, &start, 7)?;
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

fn mixture(dim: usize) -> Result<Mixture<Gaussian>, Box<dyn Error>> {
    Ok(Mixture::new(Gaussian::around(0.05, vec![0.0; dim], 1.0)?, Concentration::Fixed(10.0))?)
}

/// Finds the clusters, from one.
fn recover(name: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    let sizes = name.split('_').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let [points, dim, clusters] = sizes[..] else { return Err("N_D_K".into()) };
    let data = Data::draw(points, dim, clusters, 1)?;
    let mixture = mixture(dim)?;
    let processor = processor_seconds();
    let points = Points::new(data.rows.view())?;
    let start = Start::At(mixture.climb(&points, CLIMB, 1)?);
    let mut chain = mixture.chain(&points, Strategy::Launch, &start, 1)?;
    (0..EXACT).for_each(|_| chain.step());
    let (processor, draw) = (processor_seconds() - processor, chain.draw());
    let write =
        |what: &str, labels: Vec<i64>| write_npy(folder.join(format!("{what}_{name}.npy")), &Array1::from(labels));
    write_npy(folder.join(format!("points_{name}.npy")), &data.rows)?;
    write("truth", data.truth.iter().map(|label| i64::from(*label)).collect())?;
    write("bayes", most_probable(&data.rows, &data.weights, &data.parameters))?;
    write("labels", most_probable(&data.rows, &draw.weights[0], &draw.parameters))?;
    println!("{processor:.2} {}", draw.parameters.len());
    Ok(())
}

/// The most probable component of every point. `weights` are logarithms.
fn most_probable(rows: &Array2<f64>, weights: &[f64], parameters: &[GaussianParameters]) -> Vec<i64> {
    let of = |row: ndarray::ArrayView1<'_, f64>| {
        let row = row.to_vec();
        let scores = weights.iter().zip(parameters).map(|(weight, of)| weight + of.log_density(&row)).enumerate();
        scores.max_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(label, _)| label as i64)
    };
    rows.outer_iter().map(of).collect()
}

/// Points, the cluster that each was drawn from, and what clusters there are.
struct Data {
    rows: Array2<f64>,
    truth: Vec<u32>,
    weights: Vec<f64>,
    parameters: Vec<GaussianParameters>,
}

impl Data {
    fn draw(points: usize, dim: usize, clusters: usize, seed: u64) -> Result<Self, Box<dyn Error>> {
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
        let weights = weights.iter().map(|weight| weight.ln()).collect();
        let known = parameters.into_iter().map(|(mean, factor)| {
            let covariance: Array2<f64> = factor.dot(&factor.t());
            GaussianParameters::new(mean, covariance.view()).ok_or("a covariance that is not positive definite")
        });
        Ok(Self { rows, truth, weights, parameters: known.collect::<Result<_, _>>()? })
    }
}

/// User and system time of this process, where `/proc` has it.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}
