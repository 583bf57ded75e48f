//! Geweke's joint test (2004), of everything that a chain draws: points, labels, weights, tables and learnt concentrations.
//!
//! Forward, all is drawn from the prior. In the chain, an iteration is followed by new points given labels and parameters. Where every step is
//! right, both have the same distribution; statistics of both are compared by their standard errors, those of the chain by batch means.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use crate::component::{Component as _, Gaussian, GaussianParameters};
use crate::concentration::Concentration;
use crate::hierarchical::{Groups, Hierarchical};
use crate::mixture::{Mixture, Start, Strategy};
use crate::partition::Partition;
use crate::points::Points;
use crate::random::{Purpose, below, beta, categorical, generator, log_dirichlet, log_gamma_variate, uniform};

const DIM: usize = 2;
const PRIOR: [f64; 2] = [3.0, 2.0];
const LEARNT: Concentration = Concentration::Learnt { shape: PRIOR[0], rate: PRIOR[1] };
/// Forward draws, and iterations: those of every change, and those before a release.
const FEW: usize = 8_000;
const MANY: usize = 100_000;
const BATCHES: usize = 40;

fn component() -> Gaussian {
    Gaussian::around(0.2, vec![0.5, -0.5], 1.0).unwrap()
}

/// Points of these clusters.
fn points(labels: &[u32], parameters: &[GaussianParameters], random: &mut ChaCha8Rng) -> Points {
    let mut rows = Array2::zeros((labels.len(), DIM));
    for (mut row, label) in rows.outer_iter_mut().zip(labels) {
        let of = &parameters[*label as usize];
        let mut x: Vec<f64> = (0..DIM).map(|_| StandardNormal.sample(random)).collect();
        // x = mu + U⁻¹ e
        for i in (0..DIM).rev() {
            let known: f64 = (i + 1..DIM).map(|j| of.factor()[i * DIM + j] * x[j]).sum();
            x[i] = (x[i] - known) / of.factor()[i * DIM + i];
        }
        row.iter_mut().zip(&x).zip(of.mean()).for_each(|((row, x), mean)| *row = mean + x);
    }
    Points::new(rows.view()).unwrap()
}

fn from_prior(clusters: usize, random: &mut ChaCha8Rng) -> Vec<GaussianParameters> {
    let component = component();
    let nothing = vec![0.0; component.statistics_len()];
    (0..clusters).map(|_| component.draw(&nothing, random)).collect()
}

fn concentration(random: &mut ChaCha8Rng) -> f64 {
    log_gamma_variate(random, PRIOR[0]).exp() / PRIOR[1]
}

/// What is compared of points and labels. Where a distribution is at stake and not its mean alone, shares beyond places of it.
const NAMES: [&str; 12] = [
    "clusters",
    "one cluster",
    "at most two",
    "at most four",
    "largest",
    "half in the largest",
    "single points",
    "log squares",
    "much",
    "little",
    "first two together",
    "first and last together",
];

fn statistics(points: &Points, partition: &Partition) -> Vec<f64> {
    let squares: f64 =
        (0..points.len()).flat_map(|i| (0..DIM).map(move |d| (i, d))).map(|(i, d)| points.value(i, d).powi(2)).sum();
    let (sizes, labels, clusters) = (partition.sizes(), partition.labels(), partition.clusters());
    let most = sizes.iter().max().copied().unwrap_or(0);
    let single = sizes.iter().filter(|size| **size == 1).count();
    let log = (1.0 + squares).ln();
    let share = |is: bool| f64::from(u8::from(is));
    vec![
        clusters as f64,
        share(clusters == 1),
        share(clusters <= 2),
        share(clusters <= 4),
        most as f64,
        share(2 * most > labels.len()),
        single as f64,
        log,
        share(log > 5.0),
        share(log < 4.0),
        share(labels[0] == labels[1]),
        share(labels[0] == labels[labels.len() - 1]),
    ]
}

/// A concentration, and shares beyond places of its distribution.
const OF_CONCENTRATION: [&str; 4] = ["itself", "its square", "small", "large"];

fn of_concentration(value: f64) -> [f64; 4] {
    [value, value * value, f64::from(u8::from(value < 0.7)), f64::from(u8::from(value > 2.5))]
}

/// Mean and standard error, of batches.
fn mean(values: &[f64]) -> (f64, f64) {
    let batches: Vec<f64> =
        values.chunks(values.len() / BATCHES).map(|batch| batch.iter().sum::<f64>() / batch.len() as f64).collect();
    let mean = batches.iter().sum::<f64>() / batches.len() as f64;
    let variance = batches.iter().map(|batch| (batch - mean).powi(2)).sum::<f64>() / (batches.len() - 1) as f64;
    (mean, (variance / batches.len() as f64).sqrt())
}

#[track_caller]
fn compare(names: &[&str], forward: &[Vec<f64>], chain: &[Vec<f64>]) {
    for (column, name) in names.iter().enumerate() {
        let of = |rows: &[Vec<f64>]| mean(&rows.iter().map(|row| row[column]).collect::<Vec<_>>());
        let ((expected, error), (found, other)) = (of(forward), of(chain));
        let z = (found - expected) / error.hypot(other);
        println!("{name}: {expected:.4} {found:.4} z {z:.2}");
        assert!(z.abs() < 4.0, "{name}: forward {expected:.4}, chain {found:.4}, z {z:.2}");
    }
}

/// A Chinese restaurant.
fn seated(points: usize, alpha: f64, random: &mut ChaCha8Rng) -> Vec<u32> {
    let (mut labels, mut clusters) = (Vec::new(), 0);
    for seated in 0..points {
        let is_new = uniform(random) * (alpha + seated as f64) < alpha;
        labels.push(if is_new { clusters } else { labels[below(random, seated)] });
        clusters += u32::from(is_new);
    }
    labels
}

#[test]
fn a_mixture_draws_from_the_joint_distribution() {
    joint_of_mixture(FEW);
}

#[test]
#[ignore = "a minute"]
fn a_mixture_draws_from_the_joint_distribution_long() {
    joint_of_mixture(MANY);
}

fn joint_of_mixture(iterations: usize) {
    const POINTS: usize = 20;
    let names = [&NAMES[..], &OF_CONCENTRATION].concat();
    let mut random = generator(1, 0, Purpose::Serial);
    let forward = |random: &mut ChaCha8Rng| {
        let alpha = concentration(random);
        let partition = Partition::new(&seated(POINTS, alpha, random));
        let parameters = from_prior(partition.clusters(), random);
        (points(partition.labels(), &parameters, random), partition, alpha)
    };
    let row = |points: &Points, partition: &Partition, alpha: f64| {
        let mut row = statistics(points, partition);
        row.extend(of_concentration(alpha));
        row
    };
    let drawn: Vec<Vec<f64>> = (0..iterations)
        .map(|_| {
            let (points, partition, alpha) = forward(&mut random);
            row(&points, &partition, alpha)
        })
        .collect();
    let mixture = Mixture::new(component(), LEARNT).unwrap();
    for strategy in [Strategy::Launch, Strategy::Collapsed] {
        let (mut data, mut partition, mut alpha) = forward(&mut random);
        let rows: Vec<Vec<f64>> = (0..iterations as u64)
            .map(|iteration| {
                let chain = mixture.chain(&data, strategy, &Start::At(partition.clone()), 5).unwrap();
                let mut chain = chain.at(alpha, iteration);
                chain.step();
                let draw = chain.draw();
                (partition, alpha) = (chain.current(), chain.concentration());
                data = points(&draw.labels, &draw.parameters, &mut random);
                row(&data, &partition, alpha)
            })
            .collect();
        println!("{strategy:?}");
        compare(&names, &drawn, &rows);
    }
}

#[test]
fn groups_draw_from_the_joint_distribution() {
    joint_of_groups(FEW);
}

#[test]
#[ignore = "a minute"]
fn groups_draw_from_the_joint_distribution_long() {
    joint_of_groups(MANY);
}

fn joint_of_groups(iterations: usize) {
    const EACH: usize = 7;
    let names = [&NAMES[..], &["rest", "tables"], &OF_CONCENTRATION, &OF_CONCENTRATION].concat();
    let groups = Groups::new((0..3 * EACH as u32).map(|point| point / EACH as u32).collect()).unwrap();
    let mut random = generator(2, 0, Purpose::Serial);
    // The Chinese restaurant franchise; then β given the tables.
    let forward = |random: &mut ChaCha8Rng| {
        let (gamma, alpha) = (concentration(random), concentration(random));
        let (mut dishes, mut labels): (Vec<f64>, Vec<u32>) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let seats = seated(EACH, alpha, random);
            let tables = seats.iter().max().unwrap() + 1;
            let served: Vec<u32> = (0..tables)
                .map(|_| {
                    let logs: Vec<f64> = dishes.iter().copied().chain([gamma]).map(f64::ln).collect();
                    let dish = categorical(random, &logs);
                    dishes.resize(dishes.len().max(dish + 1), 0.0);
                    dishes[dish] += 1.0;
                    dish as u32
                })
                .collect();
            labels.extend(seats.iter().map(|table| served[*table as usize]));
        }
        let mut weights: Vec<f64> = dishes.iter().copied().chain([gamma]).collect();
        log_dirichlet(random, &mut weights);
        let weights: Vec<f64> = weights[..dishes.len()].iter().map(|weight| weight.exp()).collect();
        let parameters = from_prior(dishes.len(), random);
        let tables: f64 = dishes.iter().sum();
        (points(&labels, &parameters, random), Partition::new(&labels), weights, [gamma, alpha], tables)
    };
    let row = |points: &Points, partition: &Partition, weights: &[f64], concentrations: [f64; 2], tables: f64| {
        let mut row = statistics(points, partition);
        row.extend([1.0 - weights.iter().sum::<f64>(), tables]);
        row.extend(concentrations.map(of_concentration).concat());
        row
    };
    let drawn: Vec<Vec<f64>> = (0..iterations)
        .map(|_| {
            let (points, partition, weights, concentrations, tables) = forward(&mut random);
            row(&points, &partition, &weights, concentrations, tables)
        })
        .collect();
    let model = Hierarchical::new(component(), LEARNT, LEARNT).unwrap();
    let (mut data, mut labels, mut weights, mut concentrations, _) = forward(&mut random);
    let rows: Vec<Vec<f64>> = (0..iterations as u64)
        .map(|iteration| {
            let chain = model.chain(&data, &groups, &Start::At(labels.clone()), 9).unwrap();
            let mut chain = chain.at(weights.clone(), concentrations, iteration);
            chain.step();
            let (draw, tables) = (chain.draw(), chain.tables() as f64);
            concentrations = chain.concentrations();
            // β in the order in which a start numbers the clusters.
            labels = chain.current();
            let mut of_start = vec![0.0; labels.clusters()];
            labels
                .labels()
                .iter()
                .zip(&draw.labels)
                .for_each(|(new, old)| of_start[*new as usize] = chain.weights()[*old as usize]);
            weights = of_start;
            data = points(&draw.labels, &draw.parameters, &mut random);
            row(&data, &labels, &weights, concentrations, tables)
        })
        .collect();
    compare(&names, &drawn, &rows);
}

/// What the tests of this file rest on.
#[test]
fn the_prior_of_the_concentration_is_gamma() {
    let mut random = generator(3, 0, Purpose::Serial);
    let values: Vec<f64> = (0..FEW).map(|_| concentration(&mut random)).collect();
    let (found, error) = mean(&values);
    assert!((found - PRIOR[0] / PRIOR[1]).abs() < 4.0 * error);
    assert!(beta(&mut random, 1.0, 1.0) < 1.0);
}
