//! `launch` against Neal's algorithm 3 where enumeration ends, from one cluster, from single points, and from k-means.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use ndarray::Array2;
use parapolicy_modes::{Concentration, Gaussian, Mixture, Partition, Points, Start, Strategy};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng as _};
use rand_distr::{Distribution as _, StandardNormal};

const BATCHES: usize = 20;

/// Three clouds that overlap, one of them bent, so that their number is not sure.
fn rows(points: usize) -> Array2<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let mut rows = Array2::zeros((points, 2));
    for (point, mut row) in rows.outer_iter_mut().enumerate() {
        let [a, b]: [f64; 2] = std::array::from_fn(|_| StandardNormal.sample(&mut random));
        let [x, y] = [[a, 0.5 * a * a + 0.3 * b], [4.0 + a, 3.0 + b], [4.0 + 0.5 * a, -2.0 + 0.5 * b]][point % 3];
        (row[0], row[1]) = (x, y);
    }
    rows
}

/// Lloyd's iterations from the first points.
fn k_means(rows: &Array2<f64>, clusters: usize) -> Partition {
    let mut centres: Vec<[f64; 2]> = (0..clusters).map(|row| [rows[[row, 0]], rows[[row, 1]]]).collect();
    let mut labels = vec![0; rows.nrows()];
    for _ in 0..20 {
        for (label, row) in labels.iter_mut().zip(rows.outer_iter()) {
            let distance = |centre: &[f64; 2]| (row[0] - centre[0]).powi(2) + (row[1] - centre[1]).powi(2);
            let nearest = (0..clusters).min_by(|a, b| distance(&centres[*a]).total_cmp(&distance(&centres[*b])));
            *label = nearest.unwrap() as u32;
        }
        for (cluster, centre) in (0..).zip(&mut centres) {
            let members: Vec<usize> = (0..rows.nrows()).filter(|row| labels[*row] == cluster).collect();
            *centre = [0, 1]
                .map(|axis| members.iter().map(|row| rows[[*row, axis]]).sum::<f64>() / members.len().max(1) as f64);
        }
    }
    Partition::new(&labels)
}

/// Statistics of a chain: clusters, whether there are at most four, the share of the largest, and whether some pairs are together; each with its standard
/// error by batch means.
fn statistics(points: &Points, strategy: Strategy, (start, seed): (&Start, u64), iterations: usize) -> Vec<(f64, f64)> {
    let component = Gaussian::around(0.05, vec![2.0, 1.0], 1.0).unwrap();
    let mixture = Mixture::new(component, Concentration::Fixed(1.0)).unwrap();
    let chain = mixture.chain(points, strategy, start, seed).unwrap().skip(iterations / 5).take(iterations);
    let drawn: Vec<Vec<f64>> = chain
        .map(|partition| {
            let labels = partition.labels();
            let pairs = [[0, 3], [0, 1], [1, 2], [3, 6]].map(|[a, b]| f64::from(u8::from(labels[a] == labels[b])));
            let few = f64::from(u8::from(partition.clusters() <= 4));
            let largest = partition.sizes().into_iter().max().unwrap() as f64 / labels.len() as f64;
            [&[partition.clusters() as f64, few, largest][..], &pairs].concat()
        })
        .collect();
    (0..drawn[0].len())
        .map(|column| {
            let batches: Vec<f64> = drawn
                .chunks(drawn.len() / BATCHES)
                .map(|batch| batch.iter().map(|row| row[column]).sum::<f64>() / batch.len() as f64)
                .collect();
            let mean = batches.iter().sum::<f64>() / batches.len() as f64;
            let variance = batches.iter().map(|batch| (batch - mean).powi(2)).sum::<f64>() / (batches.len() - 1) as f64;
            (mean, (variance / batches.len() as f64).sqrt())
        })
        .collect()
}

#[test]
fn launch_agrees_with_collapsed_sampling_from_three_starts() {
    for (size, iterations) in [(64, 6000), (128, 4000), (256, 3000)] {
        let rows = rows(size);
        let points = Points::new(rows.view()).unwrap();
        let launch = statistics(&points, Strategy::Launch, (&Start::One, 3), iterations);
        for (seed, start) in (4..).zip([Start::One, Start::Singletons, Start::At(k_means(&rows, 6))]) {
            let collapsed = statistics(&points, Strategy::Collapsed, (&start, seed), iterations);
            for (statistic, ((found, error), (expected, other))) in launch.iter().zip(&collapsed).enumerate() {
                let z = (found - expected) / error.hypot(*other).max(1e-3);
                println!("n {size}, statistic {statistic}: launch {found:.4}, collapsed {expected:.4}, z {z:.2}");
                assert!(z.abs() < 4.0, "n {size}, statistic {statistic}: {found:.4} {expected:.4}, z {z:.2}");
            }
        }
    }
}
